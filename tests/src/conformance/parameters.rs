//! Parameters of a query.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    lexer::{Kind, tokens},
    types::Type,
};

/// A query with what it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) sql: String,
    /// As [`translate::Request::parameters`] takes them.
    pub(super) parameters: BTreeMap<String, String>,
}

/// Gives a query its parameters. The translator takes named texts; all others are written into the
/// query as literals of their types.
///
/// # Errors
/// What is wrong with the parameters.
pub(super) fn bind(sql: &str, parameters: Option<&Value>) -> Result<Bound, String> {
    let mut bound = Bound { sql: sql.to_owned(), parameters: BTreeMap::new() };
    let Some(parameters) = parameters else { return Ok(bound) };
    let positional = parameters.get("mode").and_then(Value::as_str) == Some("positional");
    let list = parameters.get("parameters").and_then(Value::as_array);
    let mut literals = BTreeMap::new();
    let mut in_order = Vec::new();
    for parameter in list.into_iter().flatten() {
        let ty = parameter.get("type").and_then(Type::of_parameter);
        let ty = ty.ok_or("a parameter needs a `type`")?;
        let value = parameter.get("value").unwrap_or(&Value::Null);
        let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default();
        match value {
            Value::String(text) if ty == Type::String && !positional => {
                bound.parameters.insert(name.to_owned(), text.clone());
            }
            value => {
                let literal = literal(&ty, value);
                let literal = literal.ok_or_else(|| format!("{value} is no value of type {ty}"))?;
                literals.insert(format!("@{}", name.to_ascii_lowercase()), literal.clone());
                in_order.push(literal);
            }
        }
    }
    let mut in_order = in_order.into_iter();
    let mut out = String::with_capacity(sql.len());
    let mut done = 0;
    for token in tokens(sql) {
        let literal = match token.kind {
            Kind::Symbol if positional && token.text == "?" => {
                Some(in_order.next().ok_or("there are more `?` than parameters")?)
            }
            Kind::Word => literals.get(&token.text.to_ascii_lowercase()).cloned(),
            _ => None,
        };
        if let Some(literal) = literal {
            out.push_str(&sql[done..token.start]);
            out.push_str(&literal);
            done = token.end();
        }
    }
    out.push_str(&sql[done..]);
    bound.sql = out;
    Ok(bound)
}

fn literal(ty: &Type, value: &Value) -> Option<String> {
    if value.is_null() {
        return Some(format!("CAST(NULL AS {ty})"));
    }
    let text = || match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    };
    // BigQuery reads the escapes of JSON.
    let quoted = || text().map(|text| Value::from(text).to_string());
    Some(match ty {
        Type::Int64 | Type::Bool => text()?,
        Type::String => quoted()?,
        Type::Float64 => format!("CAST({} AS FLOAT64)", quoted()?),
        Type::Bytes => format!("FROM_BASE64({})", quoted()?),
        Type::Array(element) => {
            let elements: Option<Vec<_>> =
                value.as_array()?.iter().map(|value| literal(element, value)).collect();
            format!("ARRAY<{element}>[{}]", elements?.join(", "))
        }
        Type::Struct(fields) => {
            let fields = fields
                .iter()
                .map(|(name, ty)| Some(format!("{} AS {name}", literal(ty, value.get(name)?)?)));
            format!("STRUCT({})", fields.collect::<Option<Vec<_>>>()?.join(", "))
        }
        other => format!("{other} {}", quoted()?),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_go_beside_the_query_others_into_it() {
        let parameters = json!({"mode": "named", "parameters": [
            {"name": "s", "type": "STRING", "value": "x"},
            {"name": "n", "type": "INT64", "value": 5},
            {"name": "d", "type": "DATE", "value": "2024-06-01"},
            {"name": "none", "type": "STRING", "value": null},
            {"name": "list", "type": {"type": "ARRAY", "arrayType": {"type": "INT64"}}, "value": [1, 2]},
            {"name": "r", "type": {"type": "STRUCT", "structTypes": [{"name": "a", "type": "STRING"}]}, "value": {"a": "é"}},
        ]});
        let bound = bind("select @s, '@n', @N, @d, @none, @list, @r.a", Some(&parameters)).unwrap();
        assert_eq!(bound.parameters, BTreeMap::from([("s".to_owned(), "x".to_owned())]));
        assert_eq!(
            bound.sql,
            "select @s, '@n', 5, DATE \"2024-06-01\", CAST(NULL AS STRING), ARRAY<INT64>[1, 2], STRUCT(\"é\" AS a).a"
        );
    }

    #[test]
    fn positions_are_counted() {
        let parameters = json!({"mode": "positional", "parameters": [
            {"type": "STRING", "value": "?"}, {"type": "INT64", "value": 7},
        ]});
        assert_eq!(
            bind("select ?, '?', ?", Some(&parameters)).unwrap().sql,
            "select \"?\", '?', 7"
        );
        assert!(bind("select ?, ?, ?", Some(&parameters)).is_err());
    }
}
