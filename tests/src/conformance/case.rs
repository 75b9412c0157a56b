//! Cases as a file of them says.

use serde_json::Value;

use super::{json::quote_bare_numbers, types::Type};

/// A query and what BigQuery says to it.
#[derive(Debug, Clone)]
pub struct Case {
    /// `collection/family_name`
    pub id: String,
    /// BigQuery SQL, with `${DATASET}` for a dataset.
    pub query: String,
    /// Statements that make its tables.
    pub setup: String,
    /// The object `parameters`: `mode` (`named` or `positional`) and a list of `name`, `type`,
    /// `value`.
    pub parameters: Option<Value>,
    /// What is to come of it.
    pub expected: Expected,
}

/// What is to come of a query.
#[derive(Debug, Clone)]
pub struct Expected(pub(super) Wanted);

#[derive(Debug, Clone)]
pub(super) enum Wanted {
    /// Columns with their types, and rows: objects by the names of the columns.
    Rows { columns: Vec<(String, Type)>, rows: Vec<Value> },
    /// An error with a message that matches.
    Error { pattern: String },
}

/// Reads a file of cases.
///
/// # Errors
/// What is wrong, and in which line.
pub fn cases(text: &str) -> Result<Vec<Case>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(at, line)| case(line).map_err(|error| format!("line {}: {error}", at + 1)))
        .collect()
}

fn case(line: &str) -> Result<Case, String> {
    let line: Value =
        serde_json::from_str(&quote_bare_numbers(line)).map_err(|error| error.to_string())?;
    let text = |name: &str| line.get(name).and_then(Value::as_str).map(str::to_owned);
    Ok(Case {
        id: text("id").ok_or("a case needs an `id`")?,
        query: text("query").ok_or("a case needs a `query`")?,
        setup: text("setup").unwrap_or_default(),
        parameters: line.get("parameters").cloned(),
        expected: Expected(wanted(line.get("expected").ok_or("a case needs `expected`")?)?),
    })
}

fn wanted(expected: &Value) -> Result<Wanted, String> {
    if let Some(error) = expected.get("error") {
        let pattern = error.get("message_pattern").and_then(Value::as_str);
        let pattern = pattern.ok_or("an expected error needs a `message_pattern`")?.to_owned();
        return Ok(Wanted::Error { pattern });
    }
    let list = |name: &str| {
        let list = expected.get(name).and_then(Value::as_array);
        list.ok_or_else(|| format!("an expected answer needs a list `{name}`"))
    };
    let column = |column: &Value| {
        let name = column.get("name")?.as_str()?.to_owned();
        Some((name, Type::of_column(column)?))
    };
    let columns = list("schema")?.iter().map(column).collect::<Option<_>>();
    let columns = columns.ok_or("a column of `schema` needs a `name` and a `type`")?;
    Ok(Wanted::Rows { columns, rows: list("rows")?.clone() })
}

impl Case {
    /// What cases are counted by: the second part of the id up to its first `_`.
    pub fn family(&self) -> &str {
        let name = self.id.rsplit('/').next().unwrap_or(&self.id);
        name.split('_').next().unwrap_or(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cases() {
        let text = r#"
            {"id": "x/agg_sum", "query": "q", "expected": {"schema": [{"name": "a", "type": "FLOAT"}], "rows": [{"a": -Infinity}]}}
            {"id": "y", "query": "q", "setup": "s", "expected": {"error": {"message_pattern": "p"}}}
        "#;
        let [first, second] = cases(text).unwrap().try_into().unwrap();
        assert_eq!((first.family(), second.family(), second.setup.as_str()), ("agg", "y", "s"));
        assert!(
            matches!(first.expected.0, Wanted::Rows { rows, .. } if rows[0]["a"] == "-Infinity")
        );
        assert!(matches!(second.expected.0, Wanted::Error { pattern } if pattern == "p"));
        assert_eq!(cases("{}").unwrap_err(), "line 1: a case needs an `id`");
    }
}
