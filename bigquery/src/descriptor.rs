//! What rows are, as protocol buffers describe it: made of the columns.

use std::sync::Arc;

use crate::{
    ColumnType, Mode,
    layout::{Layout, Slot},
    messages::{DescriptorProto, FieldDescriptorProto},
};

/// Types of fields, as descriptors number them.
pub(crate) mod field_type {
    pub(crate) const DOUBLE: i32 = 1;
    pub(crate) const INT64: i32 = 3;
    pub(crate) const INT32: i32 = 5;
    pub(crate) const BOOL: i32 = 8;
    pub(crate) const STRING: i32 = 9;
    pub(crate) const MESSAGE: i32 = 11;
    pub(crate) const BYTES: i32 = 12;
}

const OPTIONAL: i32 = 1;
const REQUIRED: i32 = 2;
const REPEATED: i32 = 3;

/// The message types that rows are written with. Two are the same if they are in the same place.
pub(crate) type WriterSchema = Arc<DescriptorProto>;

/// The message type of all columns; without `with_fresh`, of those that were there for a while.
pub(crate) fn of_layout(layout: &Layout, with_fresh: bool) -> WriterSchema {
    Arc::new(message("Row", layout, with_fresh))
}

fn message(name: &str, layout: &Layout, with_fresh: bool) -> DescriptorProto {
    let mut described = DescriptorProto { name: Some(name.to_owned()), ..Default::default() };
    for slot in layout.slots().iter().filter(|slot| with_fresh || !slot.is_fresh) {
        let Some(of_field) = of_column(slot.kind) else { continue };
        let mut type_name = None;
        if of_field == field_type::MESSAGE {
            // Types and fields share a namespace; no column may begin so.
            let name = format!("_FILE_{}", slot.number);
            let inner = message(&name, &slot.inner, with_fresh);
            if inner.field.is_empty() {
                continue;
            }
            described.nested_type.push(inner);
            type_name = Some(name);
        }
        described.field.push(FieldDescriptorProto {
            name: Some(slot.name.to_string()),
            number: Some(i32::try_from(slot.number).unwrap_or(i32::MAX)),
            label: Some(label(slot)),
            r#type: Some(of_field),
            type_name,
        });
    }
    described
}

fn label(slot: &Slot) -> i32 {
    match slot.mode {
        Mode::Nullable => OPTIONAL,
        Mode::Required => REQUIRED,
        Mode::Repeated => REPEATED,
    }
}

/// What values of a column are written as; `None` for those that are never written.
fn of_column(kind: ColumnType) -> Option<i32> {
    Some(match kind {
        ColumnType::Boolean => field_type::BOOL,
        // A time is a number of microseconds.
        ColumnType::Integer | ColumnType::Timestamp => field_type::INT64,
        // A date is a number of days.
        ColumnType::Date => field_type::INT32,
        ColumnType::Float => field_type::DOUBLE,
        ColumnType::Bytes => field_type::BYTES,
        ColumnType::String
        | ColumnType::Json
        | ColumnType::Datetime
        | ColumnType::Time
        | ColumnType::Numeric
        | ColumnType::Bignumeric
        | ColumnType::Interval
        | ColumnType::Geography => field_type::STRING,
        ColumnType::Record => field_type::MESSAGE,
        ColumnType::Range => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::{Column, layout::Fresh};

    fn shown(described: &DescriptorProto) -> String {
        let fields = described.field.iter().map(|field| &field.name);
        let types = described.nested_type.iter().map(|nested| &nested.name);
        let names: HashSet<_> = fields.chain(types).collect();
        assert_eq!(names.len(), described.field.len() + described.nested_type.len(), "{names:?}");
        let fields = described.field.iter().map(|field| {
            let inner = field.type_name.as_ref().map(|name| {
                let of_name = |inner: &&DescriptorProto| inner.name.as_ref() == Some(name);
                format!(" {{{}}}", shown(described.nested_type.iter().find(of_name).unwrap()))
            });
            format!(
                "{} {}={}:{}{}",
                field.label.unwrap(),
                field.name.as_ref().unwrap(),
                field.number.unwrap(),
                field.r#type.unwrap(),
                inner.unwrap_or_default()
            )
        });
        fields.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn records_nest_and_fresh_columns_can_be_left_out() {
        let inner = vec![
            Column::new("a", ColumnType::Integer, Mode::Repeated),
            Column::new("new", ColumnType::Float, Mode::Nullable),
        ];
        let record = Column::new("m", ColumnType::Record, Mode::Repeated);
        let columns = [
            Column::new("timestamp", ColumnType::Timestamp, Mode::Required),
            Column { fields: inner, ..record },
            Column::new("F2", ColumnType::Boolean, Mode::Nullable),
            Column::new("r", ColumnType::Range, Mode::Nullable),
            Column::new("late", ColumnType::String, Mode::Nullable),
        ];
        let fresh = Fresh::from(["m.new".to_owned(), "late".to_owned()]);
        let layout = Layout::new(&columns, &fresh);
        assert_eq!(
            shown(&of_layout(&layout, true)),
            "2 timestamp=1:3, 3 m=2:11 {3 a=1:3, 1 new=2:1}, 1 F2=3:8, 1 late=5:9"
        );
        assert_eq!(
            shown(&of_layout(&layout, false)),
            "2 timestamp=1:3, 3 m=2:11 {3 a=1:3}, 1 F2=3:8"
        );
    }
}
