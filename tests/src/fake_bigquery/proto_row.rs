//! Rows of the Storage Write API, read by their descriptor and held against the table's columns.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bigquery::{
    Column, ColumnType, Mode,
    messages::{DescriptorProto, FieldDescriptorProto},
};
use jiff::{Timestamp, ToSpan as _, civil};
use serde_json::{Map, Value, json};

use super::{decimals::is_decimal, tables::Row};

const LABELS: [(i32, Mode); 3] = [(1, Mode::Nullable), (2, Mode::Required), (3, Mode::Repeated)];

/// Types of fields that a column takes, as descriptors number them.
fn takes(kind: ColumnType) -> &'static [i32] {
    match kind {
        ColumnType::Boolean => &[8],
        ColumnType::Integer => &[3, 5],
        ColumnType::Float => &[1, 2],
        ColumnType::Timestamp => &[3],
        ColumnType::Date => &[5],
        ColumnType::Bytes => &[9, 12],
        ColumnType::Record => &[11],
        ColumnType::Range => &[],
        _ => &[9],
    }
}

/// What a descriptor has that the columns have not: `Ok` where there is nothing of the kind.
///
/// # Errors
/// A field that the table has not (`true`), or one of another type.
pub fn check_descriptor(
    described: &DescriptorProto,
    columns: &[Column],
) -> Result<(), (bool, String)> {
    for field in &described.field {
        let name = field.name.as_deref().unwrap_or_default();
        // As protocol buffers have it: fields and types share a namespace.
        if described.nested_type.iter().any(|nested| nested.name.as_deref() == Some(name)) {
            return Err((false, format!("\"{name}\" is already defined in the message")));
        }
        let Some(column) = column(columns, name) else {
            let text = format!(
                "Input schema has more fields than BigQuery schema, extra fields: '{name}'"
            );
            return Err((true, text));
        };
        if field.number.is_none_or(|number| number < 1 || (19_000..20_000).contains(&number)) {
            return Err((false, format!("field {name} has no proper number")));
        }
        let of_field = field.r#type.unwrap_or_default();
        if !takes(column.kind).contains(&of_field) {
            let kind = column.kind;
            return Err((false, format!("Proto field {name} of type {of_field} is no {kind:?}")));
        }
        let label = LABELS.iter().find(|(label, _)| Some(*label) == field.label);
        let is_list = label.map(|(_, mode)| *mode == Mode::Repeated);
        if is_list != Some(column.mode == Mode::Repeated) {
            return Err((false, format!("Proto field {name} has another label than the column")));
        }
        if column.kind == ColumnType::Record {
            let nested = nested(described, field)
                .ok_or_else(|| (false, format!("the type of {name} is not in the descriptor")))?;
            check_descriptor(nested, &column.fields)?;
        }
    }
    Ok(())
}

fn column<'c>(columns: &'c [Column], name: &str) -> Option<&'c Column> {
    columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
}

fn nested<'d>(
    described: &'d DescriptorProto,
    field: &FieldDescriptorProto,
) -> Option<&'d DescriptorProto> {
    described.nested_type.iter().find(|nested| nested.name == field.type_name)
}

/// Reads a row.
///
/// # Errors
/// What the service says of a row that it does not take.
pub fn read(bytes: &[u8], described: &DescriptorProto, columns: &[Column]) -> Result<Row, String> {
    let mut row = Map::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        let number = i32::try_from(key >> 3).map_err(|_| "a field's number is too large")?;
        let field = described.field.iter().find(|field| field.number == Some(number));
        let field = field.ok_or_else(|| format!("the row has an unknown field {number}"))?;
        let name = field.name.as_deref().unwrap_or_default();
        let column = column(columns, name).ok_or_else(|| format!("no such field: {name}."))?;
        let value = match (key & 7, field.r#type.unwrap_or_default()) {
            (0, 3 | 5 | 8) => number_of(varint(&mut rest)?, column)?,
            (1, 1) => {
                let (bytes, others) = rest.split_first_chunk::<8>().ok_or("the row is cut")?;
                rest = others;
                let float = f64::from_le_bytes(*bytes);
                serde_json::Number::from_f64(float)
                    .map_or_else(|| json!(float.to_string()), Value::Number)
            }
            (2, of_field @ (9 | 11 | 12)) => {
                let length = usize::try_from(varint(&mut rest)?).map_err(|_| "the row is cut")?;
                let (bytes, others) = rest.split_at_checked(length).ok_or("the row is cut")?;
                rest = others;
                if of_field == 11 {
                    let nested = nested(described, field).ok_or("a type is missing")?;
                    Value::Object(read(bytes, nested, &column.fields)?)
                } else {
                    of_bytes(bytes, column)?
                }
            }
            (wire, of_field) => {
                return Err(format!("{name}: wire type {wire} is no type {of_field}"));
            }
        };
        if column.mode == Mode::Repeated {
            let list = row.entry(column.name.clone()).or_insert_with(|| json!([]));
            list.as_array_mut().ok_or("a list is none")?.push(value);
        } else {
            row.insert(column.name.clone(), value);
        }
    }
    let required =
        |column: &&Column| column.mode == Mode::Required && !row.contains_key(&column.name);
    match columns.iter().find(required) {
        Some(column) => Err(format!("Missing required field: {}.", column.name)),
        None => Ok(row),
    }
}

fn varint(rest: &mut &[u8]) -> Result<u64, String> {
    let mut value = 0_u64;
    for place in 0..10 {
        let (byte, others) = rest.split_first().ok_or("the row is cut")?;
        *rest = others;
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("a number is too long".to_owned())
}

fn number_of(value: u64, column: &Column) -> Result<Value, String> {
    let signed = value.cast_signed();
    let name = &column.name;
    Ok(match column.kind {
        ColumnType::Boolean => json!(value != 0),
        ColumnType::Date => {
            let days = i32::try_from(signed).map_err(|_| format!("{name}: no date"))?;
            let date = civil::date(1970, 1, 1).checked_add(days.days());
            json!(date.map_err(|_| format!("{name}: no date"))?.to_string())
        }
        ColumnType::Timestamp => {
            let is_time = (-62_135_596_800_000_000..=253_402_300_799_999_999).contains(&signed);
            if !is_time || Timestamp::from_microsecond(signed).is_err() {
                return Err(format!("{name}: timestamp out of range"));
            }
            json!(signed)
        }
        _ => json!(signed),
    })
}

fn of_bytes(bytes: &[u8], column: &Column) -> Result<Value, String> {
    if column.kind == ColumnType::Bytes {
        return Ok(json!(BASE64_STANDARD.encode(bytes)));
    }
    let name = &column.name;
    let text = std::str::from_utf8(bytes).map_err(|_| format!("{name}: no UTF-8"))?;
    let fits = match column.kind {
        ColumnType::Json => serde_json::from_str::<Value>(text).is_ok(),
        ColumnType::Numeric | ColumnType::Bignumeric => is_decimal(text, column.kind),
        ColumnType::Datetime => text.parse::<civil::DateTime>().is_ok(),
        ColumnType::Time => text.parse::<civil::Time>().is_ok(),
        _ => true,
    };
    if fits { Ok(json!(text)) } else { Err(format!("{name}: bad value \"{text}\"")) }
}
