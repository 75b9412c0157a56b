//! The evaluator's values and types in the form in which answers are compared.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{ToSpan as _, civil};

use super::messages::{TypeProto, Value, ValueProto};
use crate::conformance::{Cell, Type, canonical_decimal};

/// Reads a type; `None` where BigQuery has no such type.
pub(super) fn read_type(ty: &TypeProto) -> Option<Type> {
    Some(match ty.type_kind? {
        2 => Type::Int64,
        5 => Type::Bool,
        7 => Type::Float64,
        8 => Type::String,
        9 => Type::Bytes,
        10 => Type::Date,
        16 => Type::Array(Box::new(read_type(ty.array_type.as_ref()?.element_type.as_ref()?)?)),
        17 => {
            let fields = ty.struct_type.as_ref()?.field.iter().enumerate();
            let field = fields.map(|(place, field)| {
                let name = field.field_name.clone().unwrap_or_default();
                let name = if name.is_empty() { format!("_field_{}", place + 1) } else { name };
                Some((name, read_type(field.field_type.as_ref()?)?))
            });
            Type::Struct(field.collect::<Option<_>>()?)
        }
        19 => Type::Timestamp,
        20 => Type::Time,
        21 => Type::Datetime,
        23 => Type::Numeric,
        24 => Type::BigNumeric,
        26 => Type::Json,
        27 => Type::Interval,
        _ => return None,
    })
}

/// Reads a value of a type; `None` where it is none.
pub(super) fn read_value(ty: &Type, value: &ValueProto) -> Option<Cell> {
    let Some(value) = &value.value else {
        return Some(if matches!(ty, Type::Array(_)) {
            Cell::List(Vec::new())
        } else {
            Cell::Null
        });
    };
    Some(match (ty, value) {
        (Type::Int64, Value::Int64(number)) => Cell::Number(number.to_string()),
        (Type::Bool, Value::Bool(value)) => Cell::Bool(*value),
        (Type::Float64, Value::Double(number)) => Cell::Float(*number),
        (Type::String, Value::String(text)) => Cell::Text(text.clone()),
        (Type::Bytes, Value::Bytes(bytes)) => Cell::Text(STANDARD.encode(bytes)),
        (Type::Date, Value::Date(days)) => {
            let date = civil::date(1970, 1, 1).checked_add(i64::from(*days).days()).ok()?;
            Cell::Text(date.to_string())
        }
        (Type::Array(element), Value::Array(list)) => Cell::List(
            list.values.iter().map(|one| read_value(element, one)).collect::<Option<_>>()?,
        ),
        (Type::Struct(fields), Value::Struct(values)) => {
            let pairs = fields.iter().zip(&values.values);
            Cell::Struct(pairs.map(|((_, ty), one)| read_value(ty, one)).collect::<Option<_>>()?)
        }
        (Type::Timestamp, Value::Timestamp(time)) => {
            Cell::Timestamp(time.seconds * 1_000_000 + i64::from(time.nanos / 1000))
        }
        (Type::Datetime, Value::Datetime(packed)) => {
            Cell::Text(datetime(packed.bit_field_datetime_seconds?, packed.nanos())?.to_string())
        }
        (Type::Time, Value::Time(packed)) => Cell::Text(time(*packed)?.to_string()),
        (Type::Numeric, Value::Numeric(bytes)) => Cell::Number(decimal(bytes, 9)?),
        (Type::BigNumeric, Value::BigNumeric(bytes)) => Cell::Number(decimal(bytes, 38)?),
        (Type::Json, Value::Json(text)) => Cell::Json(serde_json::from_str(text).ok()?),
        (Type::Interval, Value::Interval(bytes)) => Cell::Text(interval(bytes)?),
        _ => return None,
    })
}

/// The number in `bits` bits of `packed` from `from` on.
fn bits(packed: i64, from: u32, bits: u32) -> Option<i64> {
    Some(packed.checked_shr(from)? & ((1 << bits) - 1))
}

fn datetime(packed: i64, nanos: i32) -> Option<civil::DateTime> {
    let part = |from, count| i8::try_from(bits(packed, from, count)?).ok();
    civil::DateTime::new(
        i16::try_from(bits(packed, 26, 14)?).ok()?,
        part(22, 4)?,
        part(17, 5)?,
        part(12, 5)?,
        part(6, 6)?,
        part(0, 6)?,
        nanos,
    )
    .ok()
}

fn time(packed: i64) -> Option<civil::Time> {
    let part = |from, count| i8::try_from(bits(packed, from, count)?).ok();
    let nanos = i32::try_from(bits(packed, 0, 30)?).ok()?;
    civil::Time::new(part(42, 5)?, part(36, 6)?, part(30, 6)?, nanos).ok()
}

/// A number in two's complement, the lowest byte first, with a decimal point that many digits from
/// its end.
fn decimal(bytes: &[u8], scale: usize) -> Option<String> {
    let negative = bytes.last().is_some_and(|byte| *byte >= 0x80);
    let mut magnitude: Vec<u8> = bytes.to_vec();
    if negative {
        let mut carry = true;
        for byte in &mut magnitude {
            let (sum, overflows) = (!*byte).overflowing_add(u8::from(carry));
            *byte = sum;
            carry = overflows;
        }
    }
    let mut digits = Vec::new();
    while magnitude.iter().any(|byte| *byte != 0) {
        let mut rest = 0_u32;
        for byte in magnitude.iter_mut().rev() {
            let value = rest * 256 + u32::from(*byte);
            *byte = u8::try_from(value / 10).ok()?;
            rest = value % 10;
        }
        digits.push(char::from_digit(rest, 10)?);
    }
    while digits.len() <= scale {
        digits.push('0');
    }
    let sign = if negative { "-" } else { "" };
    let text = |digits: &[char]| digits.iter().rev().collect::<String>();
    canonical_decimal(&format!("{sign}{}.{}", text(&digits[scale..]), text(&digits[..scale])))
}

/// Microseconds, days, and months beside nanoseconds, as `Y-M D H:M:S`.
fn interval(bytes: &[u8]) -> Option<String> {
    let (micros, rest) = bytes.split_first_chunk::<8>()?;
    let (days, rest) = rest.split_first_chunk::<4>()?;
    let (months, _) = rest.split_first_chunk::<4>()?;
    let (micros, days) = (i64::from_le_bytes(*micros), i32::from_le_bytes(*days));
    let months = u32::from_le_bytes(*months);
    let sign = |negative: bool| if negative { "-" } else { "" };
    let (months_sign, months) = (sign(months >> 31 == 1), (months & 0x7FFF_E000) >> 13);
    let (micros_sign, micros) = (sign(micros < 0), micros.unsigned_abs());
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let fraction = format!(".{fraction:06}");
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    Some(format!(
        "{months_sign}{}-{} {days} {micros_sign}{}:{}:{}{fraction}",
        months / 12,
        months % 12,
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_values_are_unpacked() {
        assert_eq!(decimal(&[0x00, 0x2f, 0x68, 0x59], 9).as_deref(), Some("1.5"));
        assert_eq!(decimal(&[0xff], 9).as_deref(), Some("-0.000000001"));
        assert_eq!(decimal(&[], 38).as_deref(), Some("0"));
        let packed = (2024 << 26) | (2 << 22) | (29 << 17) | (13 << 12) | (4 << 6) | 5;
        assert_eq!(datetime(packed, 6000).unwrap().to_string(), "2024-02-29T13:04:05.000006");
        let packed = (13 << 42) | (4 << 36) | (5 << 30) | 600_000_000;
        assert_eq!(time(packed).unwrap().to_string(), "13:04:05.6");
        let mut bytes = (-1_500_000_i64).to_le_bytes().to_vec();
        bytes.extend(3_i32.to_le_bytes());
        bytes.extend((14_u32 << 13).to_le_bytes());
        assert_eq!(interval(&bytes).as_deref(), Some("1-2 3 -0:0:1.5"));
    }
}
