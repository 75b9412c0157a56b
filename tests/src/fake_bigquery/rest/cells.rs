//! Rows as answers of queries write them.

use bigquery::{Column, ColumnType, Mode};
use serde_json::{Value, json};

use super::super::tables::Row;

/// `{"f": [{"v": …}]}` of a row's columns.
pub(super) fn row(columns: &[Column], row: &Row, whole_micros: bool) -> Value {
    let cells = columns.iter().map(|column| {
        let value = row.get(&column.name).unwrap_or(&Value::Null);
        json!({ "v": cell(column, value, whole_micros) })
    });
    json!({ "f": cells.collect::<Vec<_>>() })
}

fn cell(column: &Column, value: &Value, whole_micros: bool) -> Value {
    if column.mode != Mode::Repeated {
        return one(column, value, whole_micros);
    }
    let elements = value.as_array().map(Vec::as_slice).unwrap_or_default();
    elements.iter().map(|value| json!({ "v": one(column, value, whole_micros) })).collect()
}

fn one(column: &Column, value: &Value, whole_micros: bool) -> Value {
    match (column.kind, value) {
        (_, Value::Null) => Value::Null,
        (ColumnType::Record, Value::Object(fields)) => row(&column.fields, fields, whole_micros),
        (ColumnType::Timestamp, Value::Number(micros)) if !whole_micros => {
            let micros = micros.as_f64().unwrap_or_default();
            json!(format!("{:?}", micros / 1_000_000.0))
        }
        (ColumnType::Float, Value::Number(number)) => {
            json!(format!("{:?}", number.as_f64().unwrap_or_default()))
        }
        (_, Value::String(text)) => json!(text),
        (_, other) => json!(other.to_string()),
    }
}
