//! Which columns a row has, read from its message.

use std::collections::BTreeSet;

use prost::encoding::{WireType, decode_key, decode_varint};

use crate::layout::{Layout, below};

/// Paths of columns, as [`below`] makes them.
pub(crate) type InUse = BTreeSet<String>;

/// The columns that a row has, those in records among them; `None` where it is no row of this layout,
/// or has a record without any: no message type says that.
pub(crate) fn columns_in_use(row: &[u8], layout: &Layout) -> Option<InUse> {
    let (mut in_use, mut records) = (InUse::new(), InUse::new());
    of_record(row, layout, "", &mut in_use, &mut records)?;
    let has_columns = |record: &String| {
        let inner = format!("{record}.");
        in_use.range(inner.clone()..).next().is_some_and(|path| path.starts_with(&inner))
    };
    records.iter().all(has_columns).then_some(in_use)
}

fn of_record(
    mut rest: &[u8],
    layout: &Layout,
    record: &str,
    in_use: &mut InUse,
    records: &mut InUse,
) -> Option<()> {
    while !rest.is_empty() {
        let (number, wire) = decode_key(&mut rest).ok()?;
        let slot = layout.slots().iter().find(|slot| slot.number == number)?;
        let path = below(record, &slot.name);
        match wire {
            WireType::Varint => _ = decode_varint(&mut rest).ok()?,
            WireType::SixtyFourBit => rest = rest.get(8..)?,
            WireType::LengthDelimited => {
                let length = usize::try_from(decode_varint(&mut rest).ok()?).ok()?;
                let (value, others) = rest.split_at_checked(length)?;
                rest = others;
                if slot.has_fields() {
                    records.insert(path.clone());
                    of_record(value, &slot.inner, &path, in_use, records)?;
                }
            }
            _ => return None,
        }
        in_use.insert(path);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Column, ColumnType, Mode, encode, layout::Fresh, proto_rows::ProtoRows};

    #[test]
    fn a_row_tells_its_columns() {
        let column = |name: &str, kind| Column::new(name, kind, Mode::Nullable);
        let record = Column::new("M", ColumnType::Record, Mode::Repeated);
        let fields = vec![column("a", ColumnType::Integer), column("s", ColumnType::String)];
        let columns = [
            column("timestamp", ColumnType::Timestamp),
            Column { fields, ..record },
            column("f", ColumnType::Float),
        ];
        let layout = Layout::new(&columns, &Fresh::new());
        for (event, expected) in [
            (r#"{"timestamp":300}"#, &["timestamp"][..]),
            (r#"{"timestamp":1,"m":[{"a":1},{"s":"x"}]}"#, &["m", "m.a", "m.s", "timestamp"]),
            (r#"{"f":0.5,"m":[{},{"a":70000}]}"#, &["f", "m", "m.a"]),
            ("{}", &[]),
        ] {
            let mut rows = ProtoRows::default();
            encode::row(event, &layout, &mut rows).unwrap();
            let found = columns_in_use(&rows.bytes, &layout).unwrap();
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{event}");
        }
        let mut rows = ProtoRows::default();
        encode::row(r#"{"m":{}}"#, &layout, &mut rows).unwrap();
        assert_eq!(columns_in_use(&rows.bytes, &layout), None);
        for bytes in [&b"\xff"[..], &[0x38, 1], &[0x12, 9, 0], &[0x19, 1]] {
            assert_eq!(columns_in_use(bytes, &layout), None, "{bytes:?}");
        }
    }
}
