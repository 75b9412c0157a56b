//! Our answer beside BigQuery's.

use serde_json::Value;

use super::{
    answer::{Cell, Form, is_type, output_type, read},
    types::Type,
    warehouse::Answer,
};

/// How far two FLOAT64s may be apart, relative to the larger: sums may be added up in any order.
const TOLERANCE: f64 = 1e-12;

/// What an answer is held against.
#[derive(Debug)]
pub(super) struct Wish<'a> {
    pub(super) columns: &'a [(String, Type)],
    /// Objects by the names of the columns.
    pub(super) rows: &'a [Value],
    /// Whether the order of rows counts.
    pub(super) ordered: bool,
    /// Whether the order of columns counts: a source's fields have none.
    pub(super) columns_ordered: bool,
}

/// Tells the first difference.
pub(super) fn compare(wish: &Wish<'_>, answer: &Answer) -> Result<(), String> {
    compare_columns(wish, answer)?;
    let mut theirs = Vec::with_capacity(wish.rows.len());
    for row in wish.rows {
        let cell = |(name, ty): &(String, Type)| {
            read(ty, &row.get(name).unwrap_or(&Value::Null).to_string(), Form::BigQuery)
        };
        let row = wish.columns.iter().map(cell).collect::<Result<Vec<_>, _>>();
        theirs.push(row.map_err(|error| format!("the case's own answer: {error}"))?);
    }
    let mut ours = Vec::with_capacity(answer.rows.len());
    for row in &answer.rows {
        let cell = |(name, ty): &(String, Type)| {
            let value = row.get(name).map_or("null", |value| value.get());
            read(ty, value, Form::Ours).map_err(|error| format!("column {name}: {error}"))
        };
        ours.push(wish.columns.iter().map(cell).collect::<Result<Vec<_>, _>>()?);
    }
    if theirs.len() != ours.len() {
        return Err(format!("{} rows instead of {}{}", ours.len(), theirs.len(), first(&ours)));
    }
    match_rows(wish, &theirs, &ours)
}

fn first(rows: &[Vec<Cell>]) -> String {
    rows.first().map_or(String::new(), |row| format!(", the first is {}", shown(row)))
}

fn compare_columns(wish: &Wish<'_>, answer: &Answer) -> Result<(), String> {
    let mut expected: Vec<_> = wish.columns.iter().collect();
    let mut ours: Vec<_> = answer.columns.iter().collect();
    if !wish.columns_ordered {
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        ours.sort_by(|a, b| a.name.cmp(&b.name));
    }
    let names = |names: Vec<&str>| names.join(", ");
    if !expected.iter().map(|(name, _)| name).eq(ours.iter().map(|column| &column.name)) {
        return Err(format!(
            "columns {} instead of {}",
            names(ours.iter().map(|column| column.name.as_str()).collect()),
            names(expected.iter().map(|(name, _)| name.as_str()).collect()),
        ));
    }
    for ((name, ty), column) in expected.into_iter().zip(ours) {
        if !is_type(ty, &column.ty) {
            return Err(format!(
                "type {} instead of {ty} of column {name}",
                output_type(&column.ty)
            ));
        }
    }
    Ok(())
}

fn match_rows(wish: &Wish<'_>, theirs: &[Vec<Cell>], ours: &[Vec<Cell>]) -> Result<(), String> {
    if wish.ordered {
        let Some((theirs, ours)) = theirs.iter().zip(ours).find(|(a, b)| !same_rows(a, b)) else {
            return Ok(());
        };
        return Err(format!("{} instead of {}", shown(ours), shown(theirs)));
    }
    let mut left: Vec<_> = theirs.iter().collect();
    for row in ours {
        match left.iter().position(|expected| same_rows(expected, row)) {
            Some(at) => drop(left.swap_remove(at)),
            None => {
                let expected = left.first().map_or(String::new(), |row| shown(row));
                return Err(format!("{} instead of {expected}", shown(row)));
            }
        }
    }
    Ok(())
}

fn same_rows(a: &[Cell], b: &[Cell]) -> bool {
    a.iter().zip(b).all(|(a, b)| same(a, b))
}

pub(super) fn same(a: &Cell, b: &Cell) -> bool {
    match (a, b) {
        (Cell::Float(a), Cell::Float(b)) => same_floats(*a, *b),
        (Cell::List(a), Cell::List(b)) | (Cell::Struct(a), Cell::Struct(b)) => {
            a.len() == b.len() && same_rows(a, b)
        }
        (Cell::Json(a), Cell::Json(b)) => same_json(a, b),
        (a, b) => a == b,
    }
}

fn same_floats(a: f64, b: f64) -> bool {
    let close = (a - b).abs() <= TOLERANCE * a.abs().max(b.abs());
    #[expect(clippy::float_cmp, reason = "infinities and zeros")]
    let equal = a == b;
    (a.is_nan() && b.is_nan()) || equal || (close && a.is_finite() && b.is_finite())
}

/// `1` and `1.0` are one number.
fn same_json(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x == y || x.as_f64() == y.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let member = |(name, a)| b.get(name).is_some_and(|b| same_json(a, b));
            a.len() == b.len() && a.iter().all(member)
        }
        (a, b) => a == b,
    }
}

fn shown(row: &[Cell]) -> String {
    let cells: Vec<_> = row.iter().map(shown_cell).collect();
    format!("({})", cells.join(", "))
}

fn shown_cell(cell: &Cell) -> String {
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Bool(value) => value.to_string(),
        Cell::Number(number) => number.clone(),
        Cell::Float(number) => format!("{number:?}"),
        Cell::Text(text) => format!("{text:?}"),
        Cell::Timestamp(micros) => format!("{micros} µs"),
        Cell::Json(value) => value.to_string(),
        Cell::List(cells) => {
            format!("[{}]", cells.iter().map(shown_cell).collect::<Vec<_>>().join(", "))
        }
        Cell::Struct(cells) => shown(cells),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use translate::{OutputColumn, OutputType};

    use super::*;

    fn difference(wish: &[Value], ordered: bool, ours: &Value) -> Option<String> {
        let columns = [("a".to_owned(), Type::Float64), ("b".to_owned(), Type::String)];
        let column = |name: &str, ty| OutputColumn { name: name.to_owned(), ty };
        let answer = Answer {
            columns: vec![column("a", OutputType::Float64), column("b", OutputType::String)],
            rows: serde_json::from_str(&ours.to_string()).unwrap(),
        };
        let wish = Wish { columns: &columns, rows: wish, ordered, columns_ordered: true };
        compare(&wish, &answer).err()
    }

    #[test]
    fn values_count_not_their_text() {
        let wish = [json!({"a": 0.3, "b": "x"}), json!({"a": "NaN", "b": null})];
        let ours = json!([{"a": 0.1 + 0.2, "b": "x"}, {"a": "NaN", "b": null}]);
        assert_eq!(difference(&wish, true, &ours), None);
        let other = json!([{"a": 0.3001, "b": "x"}, {"a": "NaN", "b": null}]);
        assert_eq!(
            difference(&wish, true, &other).as_deref(),
            Some(r#"(0.3001, "x") instead of (0.3, "x")"#)
        );
        assert!(
            difference(&wish[..1], true, &ours)
                .is_some_and(|text| text.starts_with("2 rows instead of 1"))
        );
    }

    #[test]
    fn order_counts_where_there_is_one_and_doubles_always() {
        let wish = [json!({"a": 1, "b": "x"}), json!({"a": 2, "b": "y"})];
        let swapped = json!([{"a": 2, "b": "y"}, {"a": 1, "b": "x"}]);
        assert_eq!(difference(&wish, false, &swapped), None);
        assert!(difference(&wish, true, &swapped).is_some());
        let doubled = json!([{"a": 1, "b": "x"}, {"a": 1, "b": "x"}]);
        assert!(difference(&wish, false, &doubled).is_some());
    }

    #[test]
    fn names_and_types_of_columns_count() {
        let column = |name: &str, ty| OutputColumn { name: name.to_owned(), ty };
        let answer = Answer {
            columns: vec![column("b", OutputType::Int64), column("a", OutputType::Int64)],
            rows: Vec::new(),
        };
        let differs = |columns: &[(String, Type)], columns_ordered| {
            compare(&Wish { columns, rows: &[], ordered: false, columns_ordered }, &answer).err()
        };
        let [a, b] = ["a", "b"].map(|name| (name.to_owned(), Type::Int64));
        assert_eq!(differs(&[a.clone(), b.clone()], false), None);
        assert_eq!(differs(&[a.clone(), b], true).as_deref(), Some("columns b, a instead of a, b"));
        let text = ("b".to_owned(), Type::String);
        assert_eq!(
            differs(&[text, a], true).as_deref(),
            Some("type INT64 instead of STRING of column b")
        );
    }
}
