//! Rows as JSON, for `tabledata.insertAll`.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use event_schemas::{Value, members, parse};
use jiff::{Timestamp, ToSpan as _, civil};

use crate::{ColumnType, Mode, encode::Output, fit::Fitted, layout::Slot};

/// Whole numbers beyond it are written as text: readers of JSON take numbers for floats.
const EXACT: i64 = 1 << 53;

/// Longest id by which rows are known to be one.
const LONGEST_ID: usize = 128;

/// What an event is known by where it comes twice: its id and its time, as events of one id are others
/// at another time.
pub(crate) fn insert_id(event: &str) -> Option<String> {
    let event = parse(event).ok()?;
    let Value::Object(fields) = &event else { return None };
    let of_name =
        |wanted| members(fields).find(|(name, _)| *name == wanted).map(|(_, value)| value);
    let Some(Value::String(id)) = of_name("id") else { return None };
    let insert_id = match of_name("timestamp") {
        Some(Value::Number(at)) => format!("{id}-{at}"),
        _ => id.to_string(),
    };
    (insert_id.len() <= LONGEST_ID).then_some(insert_id)
}

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

    /// The row as `tabledata.insertAll` takes it, with its event's id where there is one.
    pub(crate) fn into_insert_row(self, insert_id: Option<&str>) -> String {
        let row = self.into_text();
        match insert_id {
            Some(id) => format!(r#"{{"insertId":{},"json":{row}}}"#, serde_json::Value::from(id)),
            None => format!(r#"{{"json":{row}}}"#),
        }
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
