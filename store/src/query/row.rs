//! Writes rows as JSON objects.

use sqlx::{
    Column as _, Row as _, TypeInfo as _, ValueRef as _,
    postgres::{PgColumn, PgRow, PgValueFormat},
};

use super::{
    Column, ColumnKind,
    value::{Wire, write_column},
};

/// The columns of a row as the server describes them.
pub(super) fn columns_of(row: &PgRow) -> Result<Vec<Column>, String> {
    let column = |found: &PgColumn| {
        let (name, type_name) = (found.name().to_owned(), found.type_info().name());
        let kind = Wire::named(type_name).map(Wire::kind).ok_or_else(|| {
            format!(
                "column {name} has the type {type_name}, which cannot be shown; cast it to text"
            )
        })?;
        Ok(Column { name, kind })
    };
    row.columns().iter().map(column).collect()
}

/// Why a value is not written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotWritten {
    /// It is not what was described.
    Mismatch(String),
    /// The answer has become too large.
    TooLarge,
}

impl From<String> for NotWritten {
    fn from(what: String) -> Self {
        Self::Mismatch(what)
    }
}

/// Writes the rows of one query.
pub(super) struct RowWriter {
    fields: Vec<Field>,
}

struct Field {
    index: usize,
    name: String,
    /// `"name":`
    key: Vec<u8>,
    kind: ColumnKind,
    wire: Wire,
}

impl RowWriter {
    /// Compares what was promised with what came.
    pub(super) fn new(columns: &[Column], row: &PgRow) -> Result<Self, String> {
        if row.len() != columns.len() {
            return Err(format!("{} columns were described, {} came", columns.len(), row.len()));
        }
        let mut fields = Vec::with_capacity(columns.len());
        for (index, (column, found)) in columns.iter().zip(row.columns()).enumerate() {
            let hidden = columns.iter().skip(index + 1).any(|later| later.name == column.name);
            if hidden {
                continue;
            }
            let type_name = found.type_info().name();
            let wire = Wire::named(type_name).ok_or_else(|| {
                format!("column {} has the type {type_name}, which cannot be shown", column.name)
            })?;
            let mut key = serde_json::to_vec(&column.name).map_err(|error| error.to_string())?;
            key.push(b':');
            fields.push(Field {
                index,
                name: column.name.clone(),
                key,
                kind: column.kind.clone(),
                wire,
            });
        }
        Ok(Self { fields })
    }

    /// Appends a row as an object.
    pub(super) fn write(&self, row: &PgRow, out: &mut Vec<u8>) -> Result<(), NotWritten> {
        out.push(b'{');
        for (at, field) in self.fields.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&field.key);
            let named = |error: String| format!("column {}: {error}", field.name);
            let value = row.try_get_raw(field.index).map_err(|error| named(error.to_string()))?;
            if value.is_null() {
                // BigQuery gives an array that is NULL as an empty one.
                let array = matches!(field.kind, ColumnKind::Array(_));
                out.extend_from_slice(if array { b"[]" } else { b"null" });
                continue;
            }
            if value.format() != PgValueFormat::Binary {
                let what = named("the server sent text instead of the binary form".to_owned());
                return Err(what.into());
            }
            let bytes = value.as_bytes().map_err(|error| named(error.to_string()))?;
            write_column(&field.kind, field.wire, bytes, out).map_err(|error| match error {
                NotWritten::Mismatch(what) => NotWritten::Mismatch(named(what)),
                NotWritten::TooLarge => NotWritten::TooLarge,
            })?;
        }
        out.push(b'}');
        Ok(())
    }
}
