//! Ways to the values at a path.

use event_schemas::{FieldType, TableSchema};
use lql::Path;

use super::{quoted, shape::Shape, table::Table};
use crate::{
    diagnostic::{Diagnostic, Position},
    types::Type,
};

/// A place inside a row.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// What stands there, in SQL.
    pub(super) sql: String,
    pub(super) shape: Shape,
    /// Records around it.
    pub(super) records: usize,
}

/// A column of the table.
pub(super) struct Column {
    /// Its name as it is declared.
    pub(super) name: String,
    pub(super) place: Place,
}

/// Arrays that are unnested on the way to values, and what their elements are called.
pub(super) struct Unnested {
    /// Both in SQL, in order: an array may be one in an element before it.
    pub(super) arrays: Vec<(String, String)>,
    prefix: &'static str,
}

impl Unnested {
    /// Elements are called so, with a number.
    pub(super) fn called(prefix: &'static str) -> Self {
        Self { arrays: Vec::new(), prefix }
    }

    fn add(&mut self, array: String) -> String {
        let alias = format!("{}_{}", self.prefix, self.arrays.len() + 1);
        self.arrays.push((array, alias.clone()));
        alias
    }
}

/// The values at a path: lists on the way and at its end stand for their elements. None where the
/// table has no column for it.
pub(super) fn values(
    table: &Table<'_>,
    path: &Path,
    unnested: &mut Unnested,
) -> Result<Option<Place>, Diagnostic> {
    let at = Position::from(path.at);
    let Some((first, rest)) = path.parts.split_first() else { return Ok(None) };
    let mut place = table.column(first, at)?.place;
    for name in rest {
        let Some(next) = place.around_fields(unnested).member(name, at)? else { return Ok(None) };
        place = next;
    }
    Ok(Some(place.elements(unnested)))
}

impl Place {
    fn json(sql: String, records: usize) -> Self {
        Self { sql, shape: Shape::Json, records }
    }

    /// The elements of a list, or what is no list itself.
    pub(super) fn elements(self, unnested: &mut Unnested) -> Self {
        match self.shape {
            Shape::List(element) => {
                let sql = unnested.add(self.sql);
                Self { sql, shape: *element, records: self.records }
            }
            Shape::Unknown => {
                Self::json(format!("TO_JSON({})", self.sql), self.records).elements(unnested)
            }
            Shape::Json => {
                let array = format!("IFNULL(JSON_QUERY_ARRAY({0}), [{0}])", self.sql);
                Self::json(unnested.add(array), self.records)
            }
            _ => self,
        }
    }

    /// What may have fields here: of a list each element, of a text the JSON in it.
    pub(super) fn around_fields(self, unnested: &mut Unnested) -> Self {
        match self.shape {
            Shape::Text | Shape::JsonText => {
                let text =
                    if self.shape == Shape::Text { self.sql } else { as_json_text(&self.sql) };
                let json = format!("SAFE.PARSE_JSON({text}, wide_number_mode => 'round')");
                Self::json(json, self.records).elements(unnested)
            }
            _ => self.elements(unnested),
        }
    }

    /// A field of one object; None where it has no such field.
    pub(super) fn member(&self, name: &str, at: Position) -> Result<Option<Self>, Diagnostic> {
        let records = self.records + usize::from(matches!(self.shape, Shape::Record(_)));
        let (name, shape) = match &self.shape {
            Shape::Record(schema) => {
                let shape = field(schema, name)
                    .and_then(|(name, field)| Some((name, Shape::of_field(field, records)?)));
                let Some(found) = shape else { return Ok(None) };
                found
            }
            Shape::Struct(fields) => {
                let named = fields.iter().find_map(|field| {
                    let known = field.name.as_deref()?;
                    known.eq_ignore_ascii_case(name).then_some((known, &field.ty))
                });
                let Some((name, ty)) = named else { return Ok(None) };
                (name, Shape::of_column(ty))
            }
            Shape::Json => (name, Shape::Json),
            _ => return Ok(None),
        };
        Ok(Some(Self { sql: format!("{}.{}", self.sql, quoted(name, at)?), shape, records }))
    }

    /// Its text; None of what has none.
    pub(super) fn text(&self) -> Option<String> {
        let sql = &self.sql;
        match &self.shape {
            Shape::Json => Some(format!("LAX_STRING({sql})")),
            Shape::Text => Some(format!("CAST({sql} AS STRING)")),
            Shape::Scalar(Type::String) => Some(sql.clone()),
            Shape::Scalar(Type::Bool) => Some(format!("CAST({sql} AS STRING)")),
            Shape::Scalar(ty) if ty.is_number() => Some(format!("CAST({sql} AS STRING)")),
            Shape::Scalar(Type::Null) => None,
            // Times as they come in JSON, and bytes in base64.
            Shape::Scalar(_) | Shape::JsonText | Shape::Unknown => Some(as_json_text(sql)),
            Shape::Record(_) | Shape::Struct(_) | Shape::List(_) => None,
        }
    }

    /// It as a number, NULL where it is none.
    pub(super) fn number(&self) -> Option<String> {
        let value = match &self.shape {
            Shape::Scalar(ty) if ty.is_number() => self.sql.clone(),
            _ => self.text()?,
        };
        Some(format!("SAFE_CAST({value} AS FLOAT64)"))
    }

    /// It as true or false, NULL where it is neither. A number is neither.
    pub(super) fn truth(&self) -> Option<String> {
        Some(match &self.shape {
            Shape::Scalar(Type::Bool) => self.sql.clone(),
            _ => format!("SAFE_CAST({} AS BOOL)", self.text()?),
        })
    }

    /// How many there are.
    pub(super) fn count(&self) -> String {
        match &self.shape {
            Shape::Json => format!("COUNTIF(JSON_TYPE({}) <> 'null')", self.sql),
            _ => format!("COUNT({})", self.sql),
        }
    }
}

/// The text of a value as it is written in JSON, of whatever type it is.
fn as_json_text(sql: &str) -> String {
    format!("LAX_STRING(TO_JSON({sql}))")
}

/// A field by its name and what it is. Where one has just this name, it is that: in BigQuery names
/// that differ in their case only are one.
pub(super) fn field<'s>(schema: &'s TableSchema, name: &str) -> Option<(&'s str, &'s FieldType)> {
    let exact = schema.fields.get_key_value(name);
    let alike = || schema.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    exact.or_else(alike).map(|(name, field)| (name.as_str(), field))
}
