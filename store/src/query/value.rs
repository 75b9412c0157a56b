//! From PostgreSQL's binary form of a value to its JSON.

mod nested;
mod numeric;
mod time;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    ColumnKind,
    wrapped_json::{write_compact, write_wrapped},
};

pub(super) use nested::write_column;

/// How a column's values come over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    One(WireType),
    Array(WireType),
}

impl Wire {
    /// By the driver's name of the type; `None` for one that no translated query gives.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name.strip_suffix("[]") {
            Some(element) => WireType::named(element).map(Self::Array),
            None => WireType::named(name).map(Self::One),
        }
    }
}

impl Wire {
    /// What a column is that nobody has described.
    pub(super) fn kind(self) -> ColumnKind {
        match self {
            Self::One(wire) => wire.kind(),
            Self::Array(wire) => ColumnKind::Array(Box::new(wire.kind())),
        }
    }
}

/// How one value comes over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WireType {
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
    Bool,
    Text,
    Uuid,
    Bytea,
    Json,
    Jsonb,
    Timestamp,
    Date,
    Time,
    Interval,
}

impl WireType {
    /// By the driver's name of the type; `None` for one that no translated query gives.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "INT2" => Self::Int2,
            "INT4" => Self::Int4,
            "INT8" => Self::Int8,
            "FLOAT4" => Self::Float4,
            "FLOAT8" => Self::Float8,
            "NUMERIC" => Self::Numeric,
            "BOOL" => Self::Bool,
            "TEXT" | "VARCHAR" | "CHAR" | "NAME" | "UNKNOWN" => Self::Text,
            "UUID" => Self::Uuid,
            "BYTEA" => Self::Bytea,
            "JSON" => Self::Json,
            "JSONB" => Self::Jsonb,
            // Both count microseconds, and the session's time zone is UTC.
            "TIMESTAMP" | "TIMESTAMPTZ" => Self::Timestamp,
            "DATE" => Self::Date,
            "TIME" => Self::Time,
            "INTERVAL" => Self::Interval,
            _ => return None,
        })
    }
}

impl WireType {
    fn kind(self) -> ColumnKind {
        match self {
            Self::Int2 | Self::Int4 | Self::Int8 => ColumnKind::Int64,
            Self::Float4 | Self::Float8 => ColumnKind::Float64,
            Self::Numeric => ColumnKind::Numeric,
            Self::Bool => ColumnKind::Bool,
            Self::Text | Self::Uuid => ColumnKind::String,
            Self::Bytea => ColumnKind::Bytes,
            Self::Json | Self::Jsonb => ColumnKind::Json,
            Self::Timestamp => ColumnKind::Timestamp,
            Self::Date => ColumnKind::Date,
            Self::Time => ColumnKind::Time,
            Self::Interval => ColumnKind::Interval,
        }
    }
}

/// Appends a single value that is not NULL.
fn write_value(
    kind: &ColumnKind,
    wire: WireType,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), String> {
    use ColumnKind as Kind;
    use WireType as Wire;
    match (kind, wire) {
        (Kind::Numeric, Wire::Numeric) => match numeric::to_text(bytes)?.as_str() {
            digits if digits.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => {
                append(out, numeric::without_zeros(digits))
            }
            _ => write_number(wire, bytes, out).unwrap_or(Ok(())),
        },
        (Kind::Int64 | Kind::Float64 | Kind::Numeric, _) => write_number(wire, bytes, out)
            .unwrap_or_else(|| Err(format!("{wire:?} is not a number"))),
        (Kind::Bool, Wire::Bool) => match fixed::<1>(bytes)? {
            [0] => append(out, "false"),
            _ => append(out, "true"),
        },
        (Kind::String, Wire::Text) => write_string(text(bytes)?, out),
        (Kind::String, Wire::Uuid) => {
            write_string(&uuid::Uuid::from_bytes(fixed(bytes)?).to_string(), out)
        }
        (Kind::Bytes, Wire::Bytea) => write_string(&STANDARD.encode(bytes), out),
        (Kind::Timestamp, Wire::Timestamp) => match time::unix_micros(i64(bytes)?) {
            Some(micros) => append(out, &micros.to_string()),
            None => append(out, "null"),
        },
        (Kind::Datetime, Wire::Timestamp) => write_optional(time::datetime(i64(bytes)?), out),
        (Kind::Date, Wire::Date) => write_optional(time::date(i32(bytes)?), out),
        (Kind::Time, Wire::Time) => write_string(&time::time_of_day(i64(bytes)?), out),
        (Kind::Interval, Wire::Interval) => {
            let (micros, rest) = bytes.split_at_checked(8).ok_or("an interval of 16 bytes")?;
            let (days, months) = rest.split_at_checked(4).ok_or("an interval of 16 bytes")?;
            write_string(&time::interval(i32(months)?, i32(days)?, i64(micros)?), out)
        }
        (Kind::JsonText, Wire::Jsonb) => match bytes.split_first() {
            Some((1, json)) => write_compact(text(json)?, out),
            _ => Err("an unknown version of jsonb".to_owned()),
        },
        (Kind::Json, Wire::Json) => {
            write_wrapped(text(bytes)?.as_bytes(), out);
            Ok(())
        }
        (Kind::Json, Wire::Jsonb) => match bytes.split_first() {
            Some((1, json)) => {
                write_wrapped(text(json)?.as_bytes(), out);
                Ok(())
            }
            _ => Err("an unknown version of jsonb".to_owned()),
        },
        (kind, wire) => Err(format!("{kind:?} was described, {wire:?} came")),
    }
}

/// `None` when the type is no number.
fn write_number(wire: WireType, bytes: &[u8], out: &mut Vec<u8>) -> Option<Result<(), String>> {
    let text = match wire {
        WireType::Int2 => fixed(bytes).map(|bytes| i16::from_be_bytes(bytes).to_string()),
        WireType::Int4 => i32(bytes).map(|number| number.to_string()),
        WireType::Int8 => i64(bytes).map(|number| number.to_string()),
        WireType::Float4 => fixed(bytes).map(|bytes| f32::from_be_bytes(bytes).to_string()),
        WireType::Float8 => fixed(bytes).map(|bytes| f64::from_be_bytes(bytes).to_string()),
        WireType::Numeric => numeric::to_text(bytes),
        _ => return None,
    };
    Some(text.and_then(|text| match text.as_str() {
        "NaN" => append(out, "\"NaN\""),
        "inf" => append(out, "\"Infinity\""),
        "-inf" => append(out, "\"-Infinity\""),
        number => append(out, number),
    }))
}

fn write_optional(text: Option<String>, out: &mut Vec<u8>) -> Result<(), String> {
    match text {
        Some(text) => write_string(&text, out),
        None => append(out, "null"),
    }
}

fn write_string(text: &str, out: &mut Vec<u8>) -> Result<(), String> {
    serde_json::to_writer(out, text).map_err(|error| error.to_string())
}

#[expect(clippy::unnecessary_wraps, reason = "the arms of a match that may fail end in it")]
fn append(out: &mut Vec<u8>, text: &str) -> Result<(), String> {
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|error| error.to_string())
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], String> {
    bytes.try_into().map_err(|_| format!("{} bytes came instead of {N}", bytes.len()))
}

fn i32(bytes: &[u8]) -> Result<i32, String> {
    fixed(bytes).map(i32::from_be_bytes)
}

fn i64(bytes: &[u8]) -> Result<i64, String> {
    fixed(bytes).map(i64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(kind: ColumnKind, wire: WireType, bytes: &[u8]) -> Result<String, String> {
        let mut out = Vec::new();
        write_value(&kind, wire, bytes, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn numbers_that_json_lacks_are_strings() {
        for (value, expected) in [
            (f64::NAN, "\"NaN\""),
            (f64::INFINITY, "\"Infinity\""),
            (f64::NEG_INFINITY, "\"-Infinity\""),
            (0.1, "0.1"),
            (-3.0, "-3"),
            (1e300, &format!("1{}", "0".repeat(300))),
        ] {
            let shown = json(ColumnKind::Float64, WireType::Float8, &value.to_be_bytes());
            assert_eq!(shown.as_deref(), Ok(expected));
        }
    }

    #[test]
    fn what_was_not_described_is_an_error_not_a_panic() {
        let kinds = [
            ColumnKind::Int64,
            ColumnKind::Bool,
            ColumnKind::String,
            ColumnKind::Bytes,
            ColumnKind::Timestamp,
            ColumnKind::Datetime,
            ColumnKind::Date,
            ColumnKind::Time,
            ColumnKind::Interval,
            ColumnKind::Json,
        ];
        let wires = [
            "INT2",
            "INT8",
            "FLOAT4",
            "NUMERIC",
            "BOOL",
            "TEXT",
            "UUID",
            "BYTEA",
            "JSON",
            "JSONB",
            "TIMESTAMP",
            "DATE",
            "TIME",
            "INTERVAL",
        ];
        for kind in kinds {
            for name in wires {
                let wire = WireType::named(name).unwrap();
                for length in [0, 1, 2, 3, 4, 8, 9, 16, 17] {
                    for byte in [0, 1, 0x7f, 0x80, 0xff] {
                        let _ = json(kind.clone(), wire, &vec![byte; length]);
                    }
                }
            }
        }
        assert!(
            json(ColumnKind::Int64, WireType::Bool, &[1]).unwrap_err().contains("not a number")
        );
        assert!(json(ColumnKind::Bool, WireType::Text, b"t").unwrap_err().contains("described"));
        assert!(json(ColumnKind::Int64, WireType::Int8, &[1]).unwrap_err().contains("1 bytes"));
        assert_eq!(WireType::named("TSVECTOR"), None);
    }
}
