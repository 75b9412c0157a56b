//! `tabledata.insertAll`.

use bigquery::{Column, ColumnType, Mode};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    super::{
        decimals::is_decimal,
        tables::{Refusal, Row, Tables},
    },
    not_found,
};

const MOST_ROWS: usize = 50_000;
const MOST_BYTES: usize = 10 << 20;

/// Adds the rows of a request if all of them are good, or may be skipped.
pub(super) fn insert_all(
    tables: &Tables,
    dataset: &str,
    table: &str,
    body: &Value,
) -> Result<Value, Refusal> {
    let known = tables.known(dataset, table).ok_or_else(|| not_found(dataset, table))?;
    let flag = |name: &str| body.get(name).and_then(Value::as_bool).unwrap_or(false);
    let rows = body.get("rows").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if rows.is_empty() || rows.len() > MOST_ROWS {
        return Err(Refusal::new(400, "invalid", format!("{} rows", rows.len())));
    }
    if body.to_string().len() > MOST_BYTES {
        let message = "Request payload size exceeds the limit: 10485760 bytes.";
        return Err(Refusal::new(413, "requestTooLarge", message));
    }
    let (mut good, mut errors) = (Vec::new(), Vec::new());
    for (index, row) in rows.iter().enumerate() {
        let fields = row.get("json").and_then(Value::as_object).cloned().unwrap_or_default();
        match record(&known.schema.fields, &fields, flag("ignoreUnknownValues")) {
            Ok(fields) => {
                let id = row.get("insertId").and_then(Value::as_str);
                if id.is_some_and(|id| id.len() > 128) {
                    return Err(Refusal::new(400, "invalid", "an insertId of more than 128 bytes"));
                }
                good.push((index, id.map(str::to_owned), fields));
            }
            Err((location, message)) => errors.push(json!({
                "index": index,
                "errors": [{
                    "reason": "invalid",
                    "location": location,
                    "debugInfo": "",
                    "message": message,
                }],
            })),
        }
    }
    if !errors.is_empty() && !flag("skipInvalidRows") {
        errors.extend(good.iter().map(|(index, ..)| {
            let stopped =
                json!({ "reason": "stopped", "location": "", "debugInfo": "", "message": "" });
            json!({ "index": index, "errors": [stopped] })
        }));
        good.clear();
    }
    tables.insert_once(dataset, table, good.into_iter().map(|(_, id, row)| (id, row)).collect());
    let mut answer = json!({ "kind": "bigquery#tableDataInsertAllResponse" });
    if !errors.is_empty() {
        answer["insertErrors"] = json!(errors);
    }
    Ok(answer)
}

type Wrong = (String, String);

fn record(columns: &[Column], fields: &Map<String, Value>, lenient: bool) -> Result<Row, Wrong> {
    let mut row = Row::new();
    for (name, value) in fields {
        let column = columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        match column {
            Some(column) => {
                let value = value_of(column, value, lenient)?;
                if !value.is_null() {
                    row.insert(column.name.clone(), value);
                }
            }
            None if lenient => {}
            None => return Err((name.clone(), format!("no such field: {name}."))),
        }
    }
    let missing = columns
        .iter()
        .find(|column| column.mode == Mode::Required && !row.contains_key(&column.name));
    match missing {
        Some(column) => {
            Err((column.name.clone(), format!("Missing required field: {}.", column.name)))
        }
        None => Ok(row),
    }
}

fn value_of(column: &Column, value: &Value, lenient: bool) -> Result<Value, Wrong> {
    match (column.mode, value) {
        (Mode::Repeated, Value::Null) => Ok(Value::Null),
        (Mode::Repeated, Value::Array(list)) => {
            let elements = list.iter().map(|value| match value {
                Value::Null => {
                    let text = "Field value cannot be empty.".to_owned();
                    Err((column.name.clone(), text))
                }
                value => one(column, value, lenient),
            });
            elements.collect()
        }
        (Mode::Repeated, _) => {
            Err((column.name.clone(), "Repeated field must be imported as an array.".to_owned()))
        }
        (_, Value::Array(_)) => {
            Err((column.name.clone(), "Array specified for non-repeated field.".to_owned()))
        }
        (_, value) => one(column, value, lenient),
    }
}

fn one(column: &Column, value: &Value, lenient: bool) -> Result<Value, Wrong> {
    let bad = |kind: &str| {
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let text = format!("Cannot convert value to {kind} (bad value): {shown}");
        Err((column.name.clone(), text))
    };
    if value.is_null() {
        return Ok(Value::Null);
    }
    let text = value.as_str();
    match (column.kind, value) {
        (ColumnType::Record, Value::Object(fields)) => record(&column.fields, fields, lenient)
            .map(Value::Object)
            .map_err(|(at, text)| (format!("{}.{at}", column.name), text)),
        (ColumnType::Record, _) => bad("record"),
        (_, Value::Object(_) | Value::Array(_)) if column.kind != ColumnType::Json => {
            Err((column.name.clone(), "This field is not a record.".to_owned()))
        }
        (ColumnType::Integer, _) => {
            let number = value.as_i64().or_else(|| text?.parse().ok());
            number.map_or_else(|| bad("integer"), |number| Ok(json!(number)))
        }
        (ColumnType::Float, _) => {
            let number = value.as_f64().or_else(|| text?.parse().ok());
            number.map_or_else(|| bad("double"), |number| Ok(json!(number)))
        }
        (ColumnType::Boolean, _) => {
            let truth = value.as_bool().or_else(|| text?.parse().ok());
            truth.map_or_else(|| bad("boolean"), |truth| Ok(json!(truth)))
        }
        (ColumnType::Timestamp, _) => {
            micros(value).map_or_else(|| bad("timestamp"), |micros| Ok(json!(micros)))
        }
        (ColumnType::Numeric | ColumnType::Bignumeric, _) => {
            let digits = text.map_or_else(|| value.to_string(), str::to_owned);
            if is_decimal(&digits, column.kind) { Ok(json!(digits)) } else { bad("numeric") }
        }
        (_, Value::String(_)) => Ok(value.clone()),
        (ColumnType::String, _) => Ok(json!(value.to_string())),
        (_, other) => Ok(other.clone()),
    }
}

/// A number counts seconds since 1970, a text is ISO 8601.
fn micros(value: &Value) -> Option<i64> {
    match value {
        #[expect(clippy::cast_possible_truncation, reason = "a time")]
        Value::Number(seconds) => Some((seconds.as_f64()? * 1_000_000.0).round() as i64),
        Value::String(text) => {
            text.replace(" UTC", "Z").parse::<Timestamp>().ok().map(Timestamp::as_microsecond)
        }
        _ => None,
    }
}
