//! Keeps rows small enough to be taken: the driver reads each one whole before anybody sees it.

use super::{Column, ColumnKind};

/// Largest row, in bytes of its values as they are sent, or as text.
const MAX_ROW: usize = 32 * 1024 * 1024;

/// Bytes that an element of an array takes over the wire beside its text: a length, and what a
/// number has in binary that it has not in digits.
const ELEMENT: usize = 12;

/// Installs the function by which a query ends at a row that is too large.
pub(crate) const FUNCTION: &str = include_str!("row_limit.sql");

/// The query, which ends with an error at the first row that is too large. Without `columns` all of
/// the row is measured.
pub(super) fn with_limit(sql: &str, columns: Option<&[Column]>) -> String {
    let (names, size) = match columns {
        None => (String::new(), "octet_length((answer.*)::text)".to_owned()),
        Some(columns) => {
            let sized: Vec<_> = (1..)
                .zip(columns)
                .filter_map(|(number, column)| size(number, &column.kind))
                .collect();
            if sized.is_empty() {
                return sql.to_owned();
            }
            let names: Vec<_> = (1..=columns.len()).map(|number| format!("\"{number}\"")).collect();
            // By number: several columns may have one name.
            (format!(" ({})", names.join(", ")), sized.join(" + "))
        }
    };
    // The query has a limit of its own, so that this is asked of its result and of nothing before. A
    // comment at its end must not take what follows.
    format!(
        "select answer.* from ({sql}\n) as answer{names} \
         where case when {size} <= {MAX_ROW} then true \
         else logweir.refuse_row({size}, {MAX_ROW}) end"
    )
}

/// Bytes of a column's value; `None` where they are always few.
fn size(number: usize, kind: &ColumnKind) -> Option<String> {
    let bytes = match kind {
        ColumnKind::Int64
        | ColumnKind::Float64
        | ColumnKind::Numeric
        | ColumnKind::Bool
        | ColumnKind::Timestamp
        | ColumnKind::Datetime
        | ColumnKind::Date
        | ColumnKind::Time
        | ColumnKind::Interval => return None,
        ColumnKind::Bytes => format!("octet_length(\"{number}\")"),
        // Of text that is stored compressed its length is known without reading it.
        ColumnKind::String | ColumnKind::Json | ColumnKind::JsonText | ColumnKind::Struct(_) => {
            format!("octet_length(\"{number}\"::text)")
        }
        ColumnKind::Array(_) => {
            format!("octet_length(\"{number}\"::text) + {ELEMENT} * cardinality(\"{number}\")")
        }
    };
    Some(format!("coalesce({bytes}, 0)::bigint"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(kinds: &[ColumnKind]) -> Vec<Column> {
        let column = |kind: &ColumnKind| Column { name: "same".to_owned(), kind: kind.clone() };
        kinds.iter().map(column).collect()
    }

    #[test]
    fn only_what_may_be_large_is_measured() {
        use ColumnKind::{Array, Bool, Bytes, Int64, String, Timestamp};
        let few = columns(&[Int64, Timestamp]);
        assert_eq!(with_limit("select 1, now()", Some(&few)), "select 1, now()");
        let some = columns(&[Int64, String, Bytes, Array(Box::new(Bool))]);
        let sql = with_limit("select * from t -- end", Some(&some));
        let size = "coalesce(octet_length(\"2\"::text), 0)::bigint \
                    + coalesce(octet_length(\"3\"), 0)::bigint \
                    + coalesce(octet_length(\"4\"::text) + 12 * cardinality(\"4\"), 0)::bigint";
        let expected = format!(
            "select answer.* from (select * from t -- end\n) \
             as answer (\"1\", \"2\", \"3\", \"4\") where case when {size} <= 33554432 then true \
             else logweir.refuse_row({size}, 33554432) end"
        );
        assert_eq!(sql, expected);
        assert!(with_limit("select 1", None).contains("(answer.*)::text"));
    }
}
