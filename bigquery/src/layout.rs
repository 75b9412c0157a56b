//! The columns of a table as rows are written to them: found by name, numbered.

use std::collections::{HashMap, HashSet};

use crate::{Column, ColumnType, Mode, column_key};

/// Numbers that protocol buffers keep for themselves.
const RESERVED_NUMBERS: std::ops::Range<u32> = 19_000..20_000;

/// The columns of a table, or the fields of a record.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Layout {
    slots: Vec<Slot>,
    by_name: HashMap<Box<str>, usize>,
    /// Where names differ in their case only, they are the same to BigQuery.
    by_key: HashMap<Box<str>, usize>,
    /// Places of columns without which there is no row.
    required: Vec<usize>,
}

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Slot {
    pub(crate) name: Box<str>,
    /// The number of its field.
    pub(crate) number: u32,
    pub(crate) kind: ColumnType,
    pub(crate) mode: Mode,
    /// Whether it was made a while ago only, so that whoever takes rows may not know it.
    pub(crate) is_fresh: bool,
    /// The fields of a record.
    pub(crate) inner: Layout,
}

impl Slot {
    /// Whether it is a record.
    pub(crate) fn has_fields(&self) -> bool {
        self.kind == ColumnType::Record
    }
}

impl Layout {
    /// The layout of these columns. `fresh` are those that may not be known yet.
    ///
    /// Columns whose names are no words of letters, digits and `_` are left out: no field of an event
    /// is called so.
    pub(crate) fn new(columns: &[Column], fresh: &Fresh) -> Self {
        Self::of_record(columns, "", fresh)
    }

    fn of_record(columns: &[Column], record: &str, fresh: &Fresh) -> Self {
        let mut layout = Self::default();
        for (place, column) in columns.iter().enumerate() {
            if !is_word(&column.name) {
                continue;
            }
            let path = below(record, &column.name);
            let slot = Slot {
                name: column.name.as_str().into(),
                number: number(place),
                kind: column.kind,
                mode: column.mode,
                is_fresh: fresh.contains(&path),
                inner: Self::of_record(&column.fields, &path, fresh),
            };
            let at = layout.slots.len();
            layout.by_name.insert(column.name.as_str().into(), at);
            layout.by_key.insert(column_key(&column.name).into(), at);
            if column.mode == Mode::Required {
                layout.required.push(at);
            }
            layout.slots.push(slot);
        }
        layout
    }

    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    pub(crate) fn slot(&self, place: usize) -> Option<&Slot> {
        self.slots.get(place)
    }

    /// The place of a column.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        let found = self.by_name.get(name);
        found.or_else(|| self.by_key.get(column_key(name).as_str())).copied()
    }

    pub(crate) fn required(&self) -> impl Iterator<Item = (usize, &Slot)> {
        self.required.iter().filter_map(|place| Some((*place, self.slots.get(*place)?)))
    }

    /// Whether any column is fresh.
    pub(crate) fn has_fresh(&self) -> bool {
        self.slots.iter().any(|slot| slot.is_fresh || slot.inner.has_fresh())
    }
}

/// Columns that may not be known yet to whoever takes rows: their paths, as [`below`] makes them.
pub(crate) type Fresh = HashSet<String>;

/// The path of a column in a record, all in lower case: `metadata.request`.
pub(crate) fn below(record: &str, name: &str) -> String {
    let key = column_key(name);
    if record.is_empty() { key } else { format!("{record}.{key}") }
}

/// The number of the column at a place.
fn number(place: usize) -> u32 {
    // A table has 10,000 columns at most.
    let number = u32::try_from(place).unwrap_or(u32::MAX - 1_001) + 1;
    let reserved = RESERVED_NUMBERS.end - RESERVED_NUMBERS.start;
    if number < RESERVED_NUMBERS.start { number } else { number + reserved }
}

fn is_word(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, kind: ColumnType, fields: Vec<Column>) -> Column {
        Column { fields, ..Column::new(name, kind, Mode::Nullable) }
    }

    #[test]
    fn columns_are_found_whatever_their_case() {
        let columns = [
            column("Id", ColumnType::String, Vec::new()),
            column("Übergröße", ColumnType::String, Vec::new()),
            column("m", ColumnType::Record, vec![column("n", ColumnType::Integer, Vec::new())]),
        ];
        let layout = Layout::new(&columns, &Fresh::from(["m.n".to_owned()]));
        assert_eq!(
            ["Id", "id", "ID", "m", "x"].map(|name| layout.find(name)),
            [Some(0), Some(0), Some(0), Some(1), None]
        );
        let record = layout.slot(1).unwrap();
        assert_eq!((record.number, record.is_fresh), (3, false));
        assert!(record.inner.slot(0).unwrap().is_fresh && layout.has_fresh());
        assert!(!Layout::new(&columns, &Fresh::new()).has_fresh());
    }

    #[test]
    fn numbers_leave_out_what_is_reserved() {
        assert_eq!([0, 18_998, 18_999, 19_000].map(number), [1, 18_999, 20_000, 20_001]);
    }
}
