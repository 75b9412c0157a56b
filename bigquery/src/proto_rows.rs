//! Rows as messages of protocol buffers.

use crate::{encode::Output, fit::Fitted, layout::Slot};

/// Ways in which fields are written.
mod wire {
    pub(super) const VARINT: u32 = 0;
    pub(super) const FIXED64: u32 = 1;
    pub(super) const BYTES: u32 = 2;
}

/// Writes messages one after the other.
#[derive(Debug, Default)]
pub(crate) struct ProtoRows {
    pub(crate) bytes: Vec<u8>,
    /// Where the records begin that are not ended.
    open: Vec<usize>,
}

impl ProtoRows {
    /// Takes back what was written since the buffer was so long.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length);
        self.open.clear();
    }
}

impl Output for ProtoRows {
    fn begin(&mut self, _: &Slot) {}

    fn scalar(&mut self, slot: &Slot, value: &Fitted<'_>) {
        let out = &mut self.bytes;
        match value {
            Fitted::Bool(value) => {
                tag(slot.number, wire::VARINT, out);
                out.push(u8::from(*value));
            }
            Fitted::Int(value) => {
                tag(slot.number, wire::VARINT, out);
                varint(value.cast_unsigned(), out);
            }
            Fitted::Days(value) => {
                tag(slot.number, wire::VARINT, out);
                varint(i64::from(*value).cast_unsigned(), out);
            }
            Fitted::Float(value) => {
                tag(slot.number, wire::FIXED64, out);
                out.extend_from_slice(&value.to_le_bytes());
            }
            Fitted::Text(text) => bytes(slot.number, text.as_bytes(), out),
            Fitted::Bytes(value) => bytes(slot.number, value, out),
        }
    }

    fn open(&mut self, slot: &Slot) {
        tag(slot.number, wire::BYTES, &mut self.bytes);
        self.open.push(self.bytes.len());
    }

    fn close(&mut self) {
        if let Some(start) = self.open.pop() {
            put_length_before(start, &mut self.bytes);
        }
    }

    fn end(&mut self, _: &Slot) {}
}

fn bytes(number: u32, value: &[u8], out: &mut Vec<u8>) {
    tag(number, wire::BYTES, out);
    varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

fn tag(number: u32, wire: u32, out: &mut Vec<u8>) {
    varint(u64::from(number << 3 | wire), out);
}

fn varint(value: u64, out: &mut Vec<u8>) {
    prost::encoding::encode_varint(value, out);
}

/// Puts the length of what was written since `start` before it.
fn put_length_before(start: usize, out: &mut Vec<u8>) {
    let end = out.len();
    varint((end - start) as u64, out);
    let of_length = out.len() - end;
    if let Some(message) = out.get_mut(start..) {
        message.rotate_right(of_length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Column, ColumnType, Mode, encode,
        layout::{Fresh, Layout},
    };

    fn layout() -> Layout {
        let inner = vec![
            Column::new("a", ColumnType::Integer, Mode::Repeated),
            Column::new("s", ColumnType::String, Mode::Nullable),
        ];
        let record = Column::new("m", ColumnType::Record, Mode::Repeated);
        let columns = [
            Column::new("timestamp", ColumnType::Timestamp, Mode::Required),
            Column { fields: inner, ..record },
            Column::new("f", ColumnType::Float, Mode::Nullable),
            Column::new("d", ColumnType::Date, Mode::Nullable),
        ];
        Layout::new(&columns, &Fresh::new())
    }

    #[test]
    fn rows_are_what_protocol_buffers_are() {
        for (event, bytes) in [
            (r#"{"timestamp":300}"#, "08ac02"),
            (r#"{"timestamp":1,"m":{"a":[1,-1]}}"#, "0801120d080108ffffffffffffffffff01"),
            (r#"{"timestamp":1,"m":[{"a":1},{}]}"#, "0801120208011200"),
            (r#"{"timestamp":1,"f":1}"#, "080119000000000000f03f"),
            (r#"{"timestamp":1,"d":"1969-12-31"}"#, "080120ffffffffffffffffff01"),
        ] {
            let mut rows = ProtoRows::default();
            encode::row(event, &layout(), &mut rows).unwrap();
            let shown: String = rows.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(shown, bytes, "{event}");
        }
    }

    #[test]
    fn long_records_have_long_lengths() {
        let text = "x".repeat(200);
        let mut rows = ProtoRows::default();
        let event = format!(r#"{{"timestamp":1,"m":{{"s":"{text}"}}}}"#);
        encode::row(&event, &layout(), &mut rows).unwrap();
        // The record is 203 bytes: tag, two bytes of length, text.
        let mut expected = vec![0x08, 1, 0x12, 0xcb, 0x01, 0x12, 0xc8, 0x01];
        expected.extend_from_slice(text.as_bytes());
        assert_eq!(rows.bytes, expected);
    }
}
