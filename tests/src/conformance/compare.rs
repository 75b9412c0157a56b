//! Our answer beside BigQuery's.

use serde_json::Value;

use super::{
    answer::{Cell, output_type, read},
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
}

/// Tells the first difference.
pub(super) fn compare(wish: &Wish<'_>, answer: &Answer) -> Result<(), String> {
    compare_columns(wish.columns, answer)?;
    let mut theirs = Vec::with_capacity(wish.rows.len());
    for row in wish.rows {
        let cell = |(name, ty): &(String, Type)| {
            read(ty, &row.get(name).unwrap_or(&Value::Null).to_string())
        };
        let row = wish.columns.iter().map(cell).collect::<Result<Vec<_>, _>>();
        theirs.push(row.map_err(|error| format!("the case's own answer: {error}"))?);
    }
    compare_rows(wish.columns, &theirs, wish.ordered, TOLERANCE, answer)
}

/// Tells the first difference from rows that are read already. FLOAT64s may be `tolerance` apart,
/// relative to the larger.
pub(crate) fn compare_cells(
    columns: &[(String, Type)],
    rows: &[Vec<Cell>],
    ordered: bool,
    tolerance: f64,
    answer: &Answer,
) -> Result<(), String> {
    compare_columns(columns, answer)?;
    compare_rows(columns, rows, ordered, tolerance, answer)
}

fn compare_rows(
    columns: &[(String, Type)],
    theirs: &[Vec<Cell>],
    ordered: bool,
    tolerance: f64,
    answer: &Answer,
) -> Result<(), String> {
    let mut ours = Vec::with_capacity(answer.rows.len());
    for row in &answer.rows {
        let cell = |(name, ty): &(String, Type)| {
            let value = row.get(name).map_or("null", |value| value.get());
            // An array that is NULL is answered as one without elements.
            let value = if is_any(ty) && value == "[]" { "null" } else { value };
            read(ty, value).map_err(|error| format!("column {name}: {error}"))
        };
        ours.push(columns.iter().map(cell).collect::<Result<Vec<_>, _>>()?);
    }
    if theirs.len() != ours.len() {
        return Err(format!("{} rows instead of {}{}", ours.len(), theirs.len(), first(&ours)));
    }
    let rows = Rows { ordered, tolerance };
    rows.matched(theirs, &ours)
}

fn first(rows: &[Vec<Cell>]) -> String {
    rows.first().map_or(String::new(), |row| format!(", the first is {}", shown(row)))
}

fn compare_columns(wish: &[(String, Type)], answer: &Answer) -> Result<(), String> {
    let ours = &answer.columns;
    let names = |names: Vec<&str>| names.join(", ");
    if !wish.iter().map(|(name, _)| name).eq(ours.iter().map(|column| &column.name)) {
        return Err(format!(
            "columns {} instead of {}",
            names(ours.iter().map(|column| column.name.as_str()).collect()),
            names(wish.iter().map(|(name, _)| name.as_str()).collect()),
        ));
    }
    for ((name, ty), column) in wish.iter().zip(ours) {
        if !is_any(ty) && output_type(&column.ty) != *ty {
            return Err(format!(
                "type {} instead of {ty} of column {name}",
                output_type(&column.ty)
            ));
        }
    }
    Ok(())
}

/// Whether the case does not say of which type a column is, as when only NULLs were recorded.
fn is_any(ty: &Type) -> bool {
    matches!(ty, Type::Other(name) if name == "ANY")
}

/// How rows are compared.
#[derive(Debug, Clone, Copy)]
struct Rows {
    ordered: bool,
    tolerance: f64,
}

impl Rows {
    fn matched(self, theirs: &[Vec<Cell>], ours: &[Vec<Cell>]) -> Result<(), String> {
        if !self.ordered {
            return self.matched_in_any_order(theirs, ours);
        }
        let mut pairs = theirs.iter().zip(ours);
        let Some((expected, row)) =
            pairs.find(|(expected, row)| !same_rows(expected, row, self.tolerance))
        else {
            return Ok(());
        };
        let reordered = self.matched_in_any_order(theirs, ours).is_ok();
        let order = if reordered { "another order: " } else { "" };
        Err(format!("{order}{} instead of {}", shown(row), shown(expected)))
    }

    fn matched_in_any_order(self, theirs: &[Vec<Cell>], ours: &[Vec<Cell>]) -> Result<(), String> {
        let mut left: Vec<_> = theirs.iter().collect();
        for row in ours {
            let at = left.iter().position(|expected| same_rows(expected, row, self.tolerance));
            if let Some(at) = at {
                left.swap_remove(at);
            } else {
                let expected = left.first().map_or(String::new(), |row| shown(row));
                return Err(format!("{} instead of {expected}", shown(row)));
            }
        }
        Ok(())
    }
}

fn same_rows(a: &[Cell], b: &[Cell], tolerance: f64) -> bool {
    a.iter().zip(b).all(|(a, b)| same_within(a, b, tolerance))
}

pub(super) fn same(a: &Cell, b: &Cell) -> bool {
    same_within(a, b, TOLERANCE)
}

fn same_within(a: &Cell, b: &Cell, tolerance: f64) -> bool {
    match (a, b) {
        (Cell::Float(a), Cell::Float(b)) => same_floats(*a, *b, tolerance),
        (Cell::List(a), Cell::List(b)) | (Cell::Struct(a), Cell::Struct(b)) => {
            a.len() == b.len() && same_rows(a, b, tolerance)
        }
        (Cell::Json(a), Cell::Json(b)) => same_json(a, b),
        (a, b) => a == b,
    }
}

fn same_floats(a: f64, b: f64, tolerance: f64) -> bool {
    // A variance of equal numbers may be nearly 0.
    let close = (a - b).abs() <= tolerance * a.abs().max(b.abs()).max(1e-6);
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
        let wish = Wish { columns: &columns, rows: wish, ordered };
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
        let differs = |columns: &[(String, Type)]| {
            compare(&Wish { columns, rows: &[], ordered: false }, &answer).err()
        };
        let [a, b] = ["a", "b"].map(|name| (name.to_owned(), Type::Int64));
        assert_eq!(differs(&[b.clone(), a.clone()]), None);
        assert_eq!(differs(&[a.clone(), b]).as_deref(), Some("columns b, a instead of a, b"));
        let text = ("b".to_owned(), Type::String);
        assert_eq!(
            differs(&[text, a]).as_deref(),
            Some("type INT64 instead of STRING of column b")
        );
    }
}
