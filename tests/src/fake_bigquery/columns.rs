//! Which columns BigQuery takes, and which changes to them.

use std::collections::BTreeSet;

use bigquery::{Column, ColumnType, Mode, Schema};

const MOST_COLUMNS: usize = 10_000;
const MOST_LEVELS: usize = 15;
const RESERVED: [&str; 8] = [
    "_TABLE_",
    "_FILE_",
    "_PARTITION",
    "_ROW_TIMESTAMP",
    "__ROOT__",
    "_COLIDENTIFIER",
    "_CHANGE_TYPE",
    "_CHANGE_SEQUENCE_NUMBER",
];

/// Whether a table may have these columns; else why not.
///
/// # Errors
/// What is wrong with them.
pub fn check(schema: &Schema) -> Result<(), String> {
    let mut columns = 0;
    check_fields(&schema.fields, 0, &mut columns)?;
    if columns > MOST_COLUMNS {
        return Err(format!("Too many total leaf fields: {columns}"));
    }
    Ok(())
}

fn check_fields(fields: &[Column], level: usize, columns: &mut usize) -> Result<(), String> {
    if level > MOST_LEVELS {
        return Err("Schema has nested fields that are too deep".to_owned());
    }
    let mut names = BTreeSet::new();
    for Column { name, kind, fields, .. } in fields {
        *columns += 1;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let begins = !name.starts_with(|c: char| c.is_ascii_digit());
        if name.is_empty() || name.len() > 300 || !begins || !name.chars().all(is_name) {
            return Err(format!("Invalid field name \"{name}\"."));
        }
        if RESERVED.iter().any(|reserved| name.to_uppercase().starts_with(reserved)) {
            return Err(format!("Invalid field name \"{name}\": a reserved prefix."));
        }
        if !names.insert(name.to_lowercase()) {
            return Err(format!("Duplicate field name: {name}"));
        }
        match (kind, fields.is_empty()) {
            (ColumnType::Record, true) => {
                return Err(format!("Field {name} is type RECORD but has no schema"));
            }
            (ColumnType::Record, false) => check_fields(fields, level + 1, columns)?,
            (_, false) => return Err(format!("Field {name} is no RECORD and has fields")),
            (_, true) => {}
        }
    }
    Ok(())
}

/// Whether columns may become others.
///
/// # Errors
/// The first thing that may not.
pub fn check_change(before: &[Column], after: &[Column]) -> Result<(), String> {
    for old in before {
        let same = |new: &&Column| new.name.eq_ignore_ascii_case(&old.name);
        let Some(new) = after.iter().find(same) else {
            return Err(format!("Field {} is missing in new schema", old.name));
        };
        if old.kind != new.kind {
            let (from, to) = (old.kind, new.kind);
            return Err(format!("Field {} has changed type from {from:?} to {to:?}", old.name));
        }
        let may = old.mode == new.mode || (old.mode, new.mode) == (Mode::Required, Mode::Nullable);
        if !may {
            let (from, to) = (old.mode, new.mode);
            return Err(format!("Field {} has changed mode from {from:?} to {to:?}", old.name));
        }
        check_change(&old.fields, &new.fields)?;
    }
    let is_old = |new: &&Column| before.iter().any(|old| old.name.eq_ignore_ascii_case(&new.name));
    match after.iter().filter(|new| !is_old(new)).find(|new| new.mode == Mode::Required) {
        Some(new) => Err(format!("Cannot add required field {} to an existing schema", new.name)),
        None => Ok(()),
    }
}
