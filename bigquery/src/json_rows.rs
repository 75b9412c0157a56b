//! Rows as JSON, for `tabledata.insertAll`.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::{Timestamp, ToSpan as _, civil};

use crate::{ColumnType, Mode, encode::Output, fit::Fitted, layout::Slot};

/// Whole numbers beyond it are written as text: readers of JSON take numbers for floats.
const EXACT: i64 = 1 << 53;

/// Writes one row.
#[derive(Debug)]
pub(crate) struct JsonRow {
    text: String,
}

impl Default for JsonRow {
    fn default() -> Self {
        Self { text: "{".to_owned() }
    }
}

impl JsonRow {
    /// The row as an object.
    pub(crate) fn into_text(mut self) -> String {
        self.text.push('}');
        self.text
    }

    fn comma(&mut self) {
        if !self.text.ends_with(['{', '[', ':']) {
            self.text.push(',');
        }
    }

    fn quoted(&mut self, text: &str) {
        self.text.push_str(&serde_json::Value::from(text).to_string());
    }
}

impl Output for JsonRow {
    fn begin(&mut self, slot: &Slot) {
        self.comma();
        // A column's name is a word.
        self.text.push('"');
        self.text.push_str(&slot.name);
        self.text.push_str("\":");
        if slot.mode == Mode::Repeated {
            self.text.push('[');
        }
    }

    fn scalar(&mut self, slot: &Slot, value: &Fitted<'_>) {
        self.comma();
        match value {
            Fitted::Bool(value) => self.text.push_str(if *value { "true" } else { "false" }),
            Fitted::Int(micros) if slot.kind == ColumnType::Timestamp => {
                let at = Timestamp::from_microsecond(*micros).unwrap_or_default();
                self.quoted(&at.to_string());
            }
            Fitted::Int(value) if (-EXACT..=EXACT).contains(value) => {
                self.text.push_str(&value.to_string());
            }
            Fitted::Int(value) => self.quoted(&value.to_string()),
            Fitted::Float(value) if value.is_finite() => self.text.push_str(&format!("{value:?}")),
            Fitted::Float(value) if value.is_nan() => self.quoted("NaN"),
            Fitted::Float(value) => {
                self.quoted(if *value > 0.0 { "Infinity" } else { "-Infinity" });
            }
            Fitted::Text(text) => self.quoted(text),
            Fitted::Bytes(bytes) => self.quoted(&BASE64_STANDARD.encode(bytes)),
            Fitted::Days(days) => {
                let date = civil::date(1970, 1, 1).checked_add(days.days()).unwrap_or_default();
                self.quoted(&date.to_string());
            }
        }
    }

    fn open(&mut self, _: &Slot) {
        self.comma();
        self.text.push('{');
    }

    fn close(&mut self) {
        self.text.push('}');
    }

    fn end(&mut self, slot: &Slot) {
        if slot.mode == Mode::Repeated {
            self.text.push(']');
        }
    }
}
