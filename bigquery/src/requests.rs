//! How rows are cut into requests, and which of them an answer refuses.

use std::collections::HashMap;

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::{Error, InsertRow, Misfit, append::Failure};

/// Bytes of one request; the service takes 10 MiB with all that is around rows and schema.
const REQUEST_BYTES: usize = 9 << 20;

/// Rows that are bad, by their places, of so many. A request that is refused has at least one of
/// them: else it would count as stored, or come again without end.
pub(crate) fn known_places(
    bad: Vec<(usize, String)>,
    rows: usize,
    is_refused: bool,
) -> Result<Vec<(usize, String)>, Failure> {
    if is_refused && !bad.iter().any(|(place, _)| *place < rows) {
        let text = format!("rows are refused, and none of the {rows} is said to be bad: {bad:?}");
        return Err(Failure { error: Error::Unexpected(text), may_be_stored: false });
    }
    Ok(bad)
}

/// How many of the rows go into the next request, which has so many bytes besides: one at least.
pub(crate) fn request_length(rows: &[(usize, Bytes)], most_rows: usize, besides: usize) -> usize {
    let mut bytes = besides;
    let fitting = rows.iter().take(most_rows).take_while(|(_, row)| {
        // A tag and a length are around each.
        bytes += row.len() + 6;
        bytes <= REQUEST_BYTES
    });
    fitting.count().max(1)
}

/// The rows without those that are bad, which become refused.
pub(crate) fn without(
    rows: Vec<(usize, Bytes)>,
    misfits: Vec<(usize, String)>,
    refused: &mut Vec<(usize, Misfit)>,
) -> Vec<(usize, Bytes)> {
    let mut bad: HashMap<usize, String> = misfits.into_iter().collect();
    let mut good = Vec::with_capacity(rows.len());
    for (index, (place, row)) in rows.into_iter().enumerate() {
        match bad.remove(&index) {
            Some(message) => {
                let text = format!("BigQuery refuses it: {message}");
                refused.push((place, Misfit { path: String::new(), text }));
            }
            None => good.push((place, row)),
        }
    }
    good
}

/// A row that was written as JSON.
pub(crate) fn insert_row(row: &Bytes) -> Box<InsertRow> {
    let text = String::from_utf8_lossy(row).into_owned();
    // It is JSON.
    RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_a_row_of_its_request() {
        let bad = |places: &[usize]| places.iter().map(|place| (*place, "no".to_owned())).collect();
        assert!(known_places(bad(&[]), 2, false).is_ok());
        assert_eq!(known_places(bad(&[1, 7]), 2, true).ok(), Some(bad(&[1, 7])));
        for places in [&[][..], &[2], &[usize::MAX]] {
            let failure = known_places(bad(places), 2, true).unwrap_err();
            assert!(matches!(failure.error, Error::Unexpected(_)), "{}", failure.error);
            assert!(!failure.may_be_stored);
        }
    }

    #[test]
    fn a_request_has_room_for_what_is_besides_its_rows() {
        let row = |bytes: usize| (0, Bytes::from(vec![0; bytes]));
        let rows = [row(4 << 20), row(4 << 20), row(1 << 10)];
        assert_eq!(request_length(&rows, 500, 0), 3);
        assert_eq!(request_length(&rows, 2, 0), 2);
        assert_eq!(request_length(&rows, 500, 2 << 20), 1);
        // It is tried, and the service says what it thinks of it.
        assert_eq!(request_length(&[row(20 << 20)], 500, 0), 1);
    }
}
