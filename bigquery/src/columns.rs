//! The columns of a source's table, and what is added to those that are there.

use std::collections::{BTreeSet, HashMap};

use event_schemas::{FieldType, TableSchema};

use crate::{Column, ColumnType, Mode, column_key, layout::below};

/// Most columns of a table, those in records among them.
const MOST_COLUMNS: usize = 10_000;

/// Most records around a field. What lies deeper is kept as JSON text.
const MOST_LEVELS: usize = 15;

/// Most columns by which a table is sorted.
const MOST_SORTED_BY: usize = 4;

/// Paths of fields that are kept as text, though nothing is known of what they hold: names with `.`
/// between.
pub type AsText = BTreeSet<String>;

/// The columns that a source's fields want.
///
/// An object is a record that repeats, as Logflare makes them, and so is a list of objects: both are
/// asked with UNNEST. Text is what events disagree about, what lists in lists are, and what lies too
/// deep. A field of which nothing is known that a column could be made of has none, but for those of
/// `as_text`.
pub(crate) fn of_source(schema: &TableSchema, as_text: &AsText) -> Vec<Column> {
    let mut columns = first_columns();
    let first: Vec<_> = columns.iter().map(|column| column.name.clone()).collect();
    for column in of_fields(schema, "", 0, as_text) {
        if !first.iter().any(|name| column_key(name) == column_key(&column.name)) {
            columns.push(column);
        }
    }
    columns
}

/// The columns that each table has from the beginning.
pub(crate) const ALWAYS_THERE: [&str; 3] = ["timestamp", "id", "event_message"];

/// The columns that each table has.
fn first_columns() -> Vec<Column> {
    vec![
        Column::new("timestamp", ColumnType::Timestamp, Mode::Required),
        Column::new("id", ColumnType::String, Mode::Nullable),
        Column::new("event_message", ColumnType::String, Mode::Nullable),
    ]
}

fn of_fields(schema: &TableSchema, record: &str, level: usize, as_text: &AsText) -> Vec<Column> {
    let wanted = schema.fields.iter().filter_map(|(name, field)| {
        let path = if record.is_empty() { name.clone() } else { format!("{record}.{name}") };
        of_field(name, field, &path, level, as_text)
    });
    let wanted: Vec<_> = wanted.collect();
    // Names that differ in their case only are one column.
    let (mut columns, mut room) = (Vec::with_capacity(wanted.len()), usize::MAX);
    merge_record(&mut columns, &wanted, "", &mut room, &mut Vec::new());
    columns
}

fn of_field(
    name: &str,
    field: &FieldType,
    path: &str,
    level: usize,
    as_text: &AsText,
) -> Option<Column> {
    let (element, mode) = match field {
        FieldType::Array(element) => (&**element, Mode::Repeated),
        other => (other, Mode::Nullable),
    };
    let column = |kind| Some(Column::new(name, kind, mode));
    match element {
        FieldType::Object(_) if level >= MOST_LEVELS => column(ColumnType::String),
        FieldType::Object(schema) => {
            let fields = of_fields(schema, path, level + 1, as_text);
            if fields.is_empty() {
                return as_text.contains(path).then(|| Column::new(name, ColumnType::String, mode));
            }
            let record = Column::new(name, ColumnType::Record, Mode::Repeated);
            Some(Column { fields, ..record })
        }
        // Lists in lists: each is the text of its JSON.
        FieldType::Array(_) => column(ColumnType::String),
        FieldType::Unknown if mode == Mode::Repeated && !as_text.contains(path) => None,
        FieldType::Unknown | FieldType::String => column(ColumnType::String),
        FieldType::Bool => column(ColumnType::Boolean),
        FieldType::Int64 => column(ColumnType::Integer),
        FieldType::Float64 => column(ColumnType::Float),
        FieldType::Numeric => column(ColumnType::Numeric),
        FieldType::BigNumeric => column(ColumnType::Bignumeric),
        FieldType::Bytes => column(ColumnType::Bytes),
        FieldType::Timestamp => column(ColumnType::Timestamp),
        FieldType::Datetime => column(ColumnType::Datetime),
        FieldType::Date => column(ColumnType::Date),
        FieldType::Time => column(ColumnType::Time),
        FieldType::Interval => column(ColumnType::Interval),
        FieldType::Json => column(ColumnType::Json),
    }
}

/// Adds the columns that are wanted and not there; gives the paths of those that were added, as
/// [`below`] makes them. What is there stays as it is, whatever is wanted.
pub(crate) fn merge(columns: &mut Vec<Column>, wanted: &[Column]) -> Vec<String> {
    let mut room = MOST_COLUMNS.saturating_sub(count(columns));
    let mut added = Vec::new();
    merge_record(columns, wanted, "", &mut room, &mut added);
    added
}

fn merge_record(
    columns: &mut Vec<Column>,
    wanted: &[Column],
    record: &str,
    room: &mut usize,
    added: &mut Vec<String>,
) {
    let mut places: HashMap<String, usize> = columns
        .iter()
        .enumerate()
        .map(|(place, column)| (column_key(&column.name), place))
        .collect();
    for column in wanted {
        let path = below(record, &column.name);
        match places.get(&column_key(&column.name)) {
            Some(place) => {
                if let Some(known) = columns.get_mut(*place)
                    && known.kind == ColumnType::Record
                    && column.kind == ColumnType::Record
                {
                    merge_record(&mut known.fields, &column.fields, &path, room, added);
                }
            }
            None => {
                let takes = count(std::slice::from_ref(column));
                if takes <= *room {
                    *room -= takes;
                    places.insert(column_key(&column.name), columns.len());
                    // None that is added later may be required.
                    let mode = match column.mode {
                        Mode::Required if !columns.is_empty() => Mode::Nullable,
                        mode => mode,
                    };
                    columns.push(Column { mode, ..column.clone() });
                    added.push(path);
                }
            }
        }
    }
}

/// The paths of all columns, those in records among them, as [`below`] makes them.
pub(crate) fn paths(columns: &[Column]) -> impl Iterator<Item = String> {
    let mut paths = Vec::new();
    paths_below(columns, "", &mut paths);
    paths.into_iter()
}

fn paths_below(columns: &[Column], record: &str, paths: &mut Vec<String>) {
    for column in columns {
        let path = below(record, &column.name);
        paths_below(&column.fields, &path, paths);
        paths.push(path);
    }
}

/// Those of the wanted columns by which a table can be sorted: four at most.
pub(crate) fn sortable(columns: &[Column], wanted: &[String]) -> Vec<String> {
    use ColumnType::{
        Bignumeric, Boolean, Date, Datetime, Geography, Integer, Numeric, String, Timestamp,
    };
    let kinds =
        [Bignumeric, Boolean, Date, Datetime, Geography, Integer, Numeric, String, Timestamp];
    let mut sortable = Vec::new();
    for name in wanted {
        let is_it = |column: &&Column| column_key(&column.name) == column_key(name);
        if let Some(column) = columns.iter().find(is_it)
            && column.mode != Mode::Repeated
            && kinds.contains(&column.kind)
            && sortable.len() < MOST_SORTED_BY
            && !sortable.contains(&column.name)
        {
            sortable.push(column.name.clone());
        }
    }
    sortable
}

fn count(columns: &[Column]) -> usize {
    columns.iter().map(|column| 1 + count(&column.fields)).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wanted(properties: serde_json::Value, as_text: &[&str]) -> Vec<Column> {
        let schema = json!({"type": "object", "properties": properties});
        let schema = TableSchema::from_json_schema(&schema).unwrap();
        of_source(&schema, &as_text.iter().map(|path| (*path).to_owned()).collect())
    }

    fn shown(columns: &[Column]) -> String {
        let shown = columns.iter().map(|column| {
            let mode = match column.mode {
                Mode::Nullable => "",
                Mode::Required => "!",
                Mode::Repeated => "*",
            };
            let fields = match column.fields.as_slice() {
                [] => String::new(),
                fields => format!("{{{}}}", shown(fields)),
            };
            format!("{}{mode} {:?}{fields}", column.name, column.kind)
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    const FIRST: &str = "timestamp! Timestamp, id String, event_message String";

    #[test]
    fn fields_become_columns() {
        let object = json!({"type": "object", "properties": {"n": {"type": "integer"}}});
        let list = |items: serde_json::Value| json!({"type": "array", "items": items});
        for (field, column) in [
            (json!({"type": "boolean"}), "f Boolean"),
            (json!({"type": "number"}), "f Float"),
            (json!({"type": ["integer", "string"], "format": "date-time"}), "f Timestamp"),
            (json!({"type": ["integer", "string"]}), "f String"),
            (json!({"x-type": "json"}), "f Json"),
            (object.clone(), "f* Record{n Integer}"),
            (list(object), "f* Record{n Integer}"),
            (list(json!({"type": "string"})), "f* String"),
            (list(list(json!({"type": "integer"}))), "f* String"),
        ] {
            let columns = wanted(json!({ "f": field }), &[]);
            assert_eq!(shown(&columns), format!("{FIRST}, {column}"), "{field}");
        }
    }

    #[test]
    fn there_is_no_column_of_nothing_but_text() {
        let nothing = json!({
            "o": {"type": "object", "properties": {"p": {"type": "object"}}},
            "l": {"type": "array"},
            "timestamp": {"type": "string"}
        });
        assert_eq!(shown(&wanted(nothing.clone(), &[])), FIRST);
        let columns = wanted(nothing, &["o.p", "l"]);
        assert_eq!(shown(&columns), format!("{FIRST}, l* String, o* Record{{p String}}"));
    }

    #[test]
    fn names_that_differ_in_case_are_one_column() {
        let columns = wanted(
            json!({
                "Ab": {"type": "object", "properties": {"x": {"type": "integer"}}},
                "ab": {"type": "object", "properties": {"X": {"type": "string"}, "y": {"type": "string"}}},
                "ID": {"type": "integer"}
            }),
            &[],
        );
        assert_eq!(shown(&columns), format!("{FIRST}, Ab* Record{{x Integer, y String}}"));
    }

    #[test]
    fn deep_objects_are_text() {
        let deep = (0..20).fold(
            json!({"type": "integer"}),
            |inner, _| json!({"type": "object", "properties": {"a": inner}}),
        );
        let columns = wanted(json!({ "a": deep }), &[]);
        let mut column = columns.last().unwrap();
        for _ in 0..MOST_LEVELS {
            assert_eq!(column.kind, ColumnType::Record);
            column = &column.fields[0];
        }
        assert_eq!((column.kind, column.mode), (ColumnType::String, Mode::Nullable));
    }

    #[test]
    fn what_is_there_stays_as_it_is() {
        let mut there = wanted(
            json!({"a": {"type": "string"}, "o": {"type": "object", "properties": {"x": {"type": "string"}}}}),
            &[],
        );
        let before = there.clone();
        assert_eq!(merge(&mut there, &before), Vec::<String>::new());
        assert_eq!(there, before);
        let more = wanted(
            json!({
                "A": {"type": "integer"},
                "o": {"type": "object", "properties": {"x": {"type": "integer"}, "Y": {"type": "integer"}}},
                "z": {"type": "object", "properties": {"q": {"type": "integer"}}}
            }),
            &[],
        );
        assert_eq!(merge(&mut there, &more), ["o.y", "z"]);
        assert_eq!(
            shown(&there),
            format!("{FIRST}, a String, o* Record{{x String, Y Integer}}, z* Record{{q Integer}}")
        );
    }

    #[test]
    fn a_table_is_sorted_by_what_can_be_sorted() {
        let there = wanted(
            json!({
                "s": {"type": "string"}, "f": {"type": "number"}, "n": {"type": "integer"},
                "l": {"type": "array", "items": {"type": "string"}},
                "o": {"type": "object", "properties": {"x": {"type": "string"}}}
            }),
            &[],
        );
        for (names, expected) in [
            (&["s", "N", "timestamp"][..], &["s", "n", "timestamp"][..]),
            (&["f", "l", "o", "o.x", "nothing", "s", "S"], &["s"]),
            (&["s", "n", "timestamp", "id", "event_message"], &["s", "n", "timestamp", "id"]),
            (&[], &[]),
        ] {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(sortable(&there, &names), expected, "{names:?}");
        }
    }

    #[test]
    fn a_table_has_no_more_columns_than_it_may() {
        let mut there = wanted(json!({}), &[]);
        let fields = (0..MOST_COLUMNS).map(|at| (format!("f{at:05}"), FieldType::Int64));
        let schema = TableSchema { fields: fields.collect() };
        let added = merge(&mut there, &of_source(&schema, &AsText::new()));
        assert_eq!((added.len(), there.len()), (MOST_COLUMNS - 3, MOST_COLUMNS));
    }
}
