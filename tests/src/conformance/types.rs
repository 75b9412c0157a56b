//! BigQuery's types, as a setup and an answer's schema name them.

use std::{collections::BTreeMap, fmt};

use event_schemas::{FieldType, TableSchema};
use serde_json::Value;

use super::lexer::{Token, bracketed, split_at_commas};

/// A type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Type {
    Bool,
    Int64,
    Float64,
    Numeric,
    BigNumeric,
    String,
    Bytes,
    Date,
    Datetime,
    Time,
    Timestamp,
    Interval,
    Json,
    Array(Box<Type>),
    /// Fields in order; one without a name has an empty one.
    Struct(Vec<(String, Type)>),
    /// One that the runner knows nothing of.
    Other(String),
}

impl Type {
    fn named(name: &str) -> Self {
        match name.to_ascii_uppercase().as_str() {
            "BOOL" | "BOOLEAN" => Self::Bool,
            "INT64" | "INTEGER" | "INT" | "SMALLINT" | "BIGINT" | "TINYINT" | "BYTEINT" => {
                Self::Int64
            }
            "FLOAT64" | "FLOAT" => Self::Float64,
            "NUMERIC" | "DECIMAL" => Self::Numeric,
            "BIGNUMERIC" | "BIGDECIMAL" => Self::BigNumeric,
            "STRING" => Self::String,
            "BYTES" => Self::Bytes,
            "DATE" => Self::Date,
            "DATETIME" => Self::Datetime,
            "TIME" => Self::Time,
            "TIMESTAMP" => Self::Timestamp,
            "INTERVAL" => Self::Interval,
            "JSON" => Self::Json,
            other => Self::Other(other.to_owned()),
        }
    }

    /// A type as SQL writes it at the beginning of `tokens`; what follows (`NOT NULL`, a length)
    /// is passed over.
    pub(super) fn written(tokens: &[Token<'_>]) -> Option<Self> {
        let (name, rest) = tokens.split_first()?;
        if !(name.is("ARRAY") || name.is("STRUCT")) {
            return Some(Self::named(name.text));
        }
        let close = closing_angle(rest)?;
        let inside = rest.get(1..close)?;
        if name.is("ARRAY") {
            return Some(Self::Array(Box::new(Self::written(inside)?)));
        }
        let field = |field: &[Token<'_>]| {
            let (name, rest) = field.split_first()?;
            let unnamed = rest.is_empty() || rest.first().is_some_and(|next| next.is("<"));
            if unnamed {
                return Some((String::new(), Self::written(field)?));
            }
            Some((name.text.trim_matches('`').to_owned(), Self::written(rest)?))
        };
        Some(Self::Struct(split_at_commas(inside).into_iter().map(field).collect::<Option<_>>()?))
    }

    /// The type of a column in a schema of BigQuery's REST: `type`, `mode`, `fields`.
    pub(super) fn of_column(column: &Value) -> Option<Self> {
        let name = column.get("type")?.as_str()?;
        let one = if matches!(name, "RECORD" | "STRUCT") {
            let fields = column.get("fields")?.as_array()?.iter();
            let field = |field: &Value| {
                Some((field.get("name")?.as_str()?.to_owned(), Self::of_column(field)?))
            };
            Self::Struct(fields.map(field).collect::<Option<_>>()?)
        } else {
            Self::named(name)
        };
        let repeated = column.get("mode").and_then(Value::as_str) == Some("REPEATED");
        Some(if repeated { Self::Array(Box::new(one)) } else { one })
    }

    /// The type of a parameter: a name, or an object with `type`, `arrayType`, `structTypes`.
    pub(super) fn of_parameter(ty: &Value) -> Option<Self> {
        if let Some(name) = ty.as_str() {
            return Some(Self::named(name));
        }
        match ty.get("type")?.as_str()? {
            "ARRAY" => Some(Self::Array(Box::new(Self::of_parameter(ty.get("arrayType")?)?))),
            "STRUCT" => {
                let fields = ty.get("structTypes")?.as_array()?.iter();
                let field = |field: &Value| {
                    let ty = Self::of_parameter(field.get("type")?)?;
                    Some((field.get("name")?.as_str()?.to_owned(), ty))
                };
                Some(Self::Struct(fields.map(field).collect::<Option<_>>()?))
            }
            name => Some(Self::named(name)),
        }
    }

    /// What a source's schema says of a field of this type.
    pub(super) fn field_type(&self) -> FieldType {
        match self {
            Self::Bool => FieldType::Bool,
            Self::Int64 => FieldType::Int64,
            Self::Float64 => FieldType::Float64,
            Self::String => FieldType::String,
            Self::Timestamp => FieldType::Timestamp,
            Self::Array(element) => FieldType::Array(Box::new(element.field_type())),
            Self::Struct(fields) => FieldType::Object(table_schema(fields)),
            Self::Numeric => FieldType::Numeric,
            Self::BigNumeric => FieldType::BigNumeric,
            Self::Bytes => FieldType::Bytes,
            Self::Date => FieldType::Date,
            Self::Datetime => FieldType::Datetime,
            Self::Time => FieldType::Time,
            Self::Interval => FieldType::Interval,
            Self::Json => FieldType::Json,
            Self::Other(_) => FieldType::Unknown,
        }
    }
}

/// The schema of a source whose events have these fields.
pub(super) fn table_schema(columns: &[(String, Type)]) -> TableSchema {
    let fields: BTreeMap<_, _> =
        columns.iter().map(|(name, ty)| (name.clone(), ty.field_type())).collect();
    TableSchema { fields }
}

/// The place of the `>` that closes the `<` at the beginning.
fn closing_angle(tokens: &[Token<'_>]) -> Option<usize> {
    let mut open = 0;
    for (at, token) in tokens.iter().enumerate() {
        open += i32::from(token.is("<")) - i32::from(token.is(">"));
        if open == 0 {
            return (at > 0).then_some(at);
        }
    }
    None
}

/// Names of columns with their types, in order.
pub(super) type Columns = Vec<(String, Type)>;

/// The columns of `(a INT64, b STRING NOT NULL)` and what follows the list.
pub(super) fn column_list<'t, 's>(tokens: &'t [Token<'s>]) -> Option<(Columns, &'t [Token<'s>])> {
    let (inside, rest) = bracketed(tokens)?;
    let column = |column: &[Token<'_>]| {
        let (name, ty) = column.split_first()?;
        Some((name.text.trim_matches('`').to_owned(), Type::written(ty)?))
    };
    Some((split_at_commas(inside).into_iter().map(column).collect::<Option<_>>()?, rest))
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Bool => "BOOL",
            Self::Int64 => "INT64",
            Self::Float64 => "FLOAT64",
            Self::Numeric => "NUMERIC",
            Self::BigNumeric => "BIGNUMERIC",
            Self::String => "STRING",
            Self::Bytes => "BYTES",
            Self::Date => "DATE",
            Self::Datetime => "DATETIME",
            Self::Time => "TIME",
            Self::Timestamp => "TIMESTAMP",
            Self::Interval => "INTERVAL",
            Self::Json => "JSON",
            Self::Other(name) => name,
            Self::Array(element) => return write!(f, "ARRAY<{element}>"),
            Self::Struct(fields) => {
                f.write_str("STRUCT<")?;
                for (at, (name, ty)) in fields.iter().enumerate() {
                    f.write_str(if at == 0 { "" } else { ", " })?;
                    f.write_str(name)?;
                    write!(f, "{}{ty}", if name.is_empty() { "" } else { " " })?;
                }
                ">"
            }
        };
        f.write_str(name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::conformance::lexer::tokens;

    #[test]
    fn written_types_are_read() {
        for (text, shown) in [
            ("integer not null", "INT64"),
            ("NUMERIC(10, 2)", "NUMERIC"),
            ("ARRAY<INT64>", "ARRAY<INT64>"),
            (
                "struct<a int64, `b` array<struct<string, x date>>>",
                "STRUCT<a INT64, b ARRAY<STRUCT<STRING, x DATE>>>",
            ),
            ("geography", "GEOGRAPHY"),
        ] {
            assert_eq!(Type::written(&tokens(text)).unwrap().to_string(), shown, "{text}");
        }
        assert_eq!(Type::written(&tokens("ARRAY<INT64")), None);
    }

    #[test]
    fn types_of_rest_are_read() {
        let column = json!({"name": "r", "type": "RECORD", "mode": "REPEATED", "fields": [
            {"name": "a", "type": "INTEGER", "mode": "NULLABLE"}, {"name": "b", "type": "FLOAT", "mode": "REPEATED"},
        ]});
        let ty = Type::of_column(&column).unwrap();
        assert_eq!(ty.to_string(), "ARRAY<STRUCT<a INT64, b ARRAY<FLOAT64>>>");
        let parameter = json!({"type": "STRUCT", "structTypes": [
            {"name": "a", "type": {"type": "ARRAY", "arrayType": {"type": "INT64"}}},
        ]});
        assert_eq!(Type::of_parameter(&parameter).unwrap().to_string(), "STRUCT<a ARRAY<INT64>>");
        assert_eq!(Type::of_parameter(&json!("DATE")), Some(Type::Date));
    }
}
