//! Answers of queries as they are sent: made once, shared by all who are given them, and bounded over
//! all that are kept or on their way.

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use bytes::Bytes;
use store::QueryError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const BEFORE: &str = "{\"result\":";
const BEHIND: &str = "}";

/// Bytes of all answers that are there: kept ones, and those that their readers have not read yet.
const MAX_BYTES: usize = 192 << 20;

/// What is counted, in bytes.
const UNIT: usize = 1024;

static PLACES: LazyLock<Arc<Semaphore>> =
    LazyLock::new(|| Arc::new(Semaphore::new(MAX_BYTES / UNIT)));

/// Rows of a query: `{"result":[…]}`. Clones share them, and so do bodies of answers.
#[derive(Clone)]
pub(crate) struct Rows(Bytes);

/// The text, and its place among all answers.
struct Placed {
    text: String,
    _place: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Placed {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rows").field(&self.0.len()).finish()
    }
}

impl Rows {
    /// Of a JSON array. It is refused where all answers together are too large: readers that do not
    /// read must not fill the memory.
    pub(crate) fn of(json_rows: &str) -> Result<Self, QueryError> {
        Self::within(&PLACES, json_rows)
    }

    fn within(places: &Arc<Semaphore>, json_rows: &str) -> Result<Self, QueryError> {
        let text = [BEFORE, json_rows, BEHIND].concat();
        let units = u32::try_from(text.len().div_ceil(UNIT)).unwrap_or(u32::MAX);
        let place = Arc::clone(places).try_acquire_many_owned(units).map_err(|_| {
            let text = "too many large answers are still being read; ask again in a moment";
            QueryError::Unavailable(text.to_owned())
        })?;
        Ok(Self(Bytes::from_owner(Placed { text, _place: place })))
    }

    /// The JSON array.
    pub(crate) fn json(&self) -> &str {
        let rows = self.text().strip_prefix(BEFORE).and_then(|rows| rows.strip_suffix(BEHIND));
        rows.unwrap_or_default()
    }

    /// The whole answer as text.
    pub(crate) fn text(&self) -> &str {
        // It was made of text.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The whole answer.
    pub(crate) fn into_bytes(self) -> Bytes {
        self.0
    }

    /// Bytes of the whole answer.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_shared_and_bounded() {
        let places = Arc::new(Semaphore::new(4));
        let large = format!("[\"{}\"]", "é".repeat(1000));
        let rows = Rows::within(&places, &large).unwrap();
        assert_eq!(rows.json(), large);
        // One place for all readers.
        let readers: Vec<_> = (0..100).map(|_| rows.clone().into_bytes()).collect();
        assert_eq!(readers[99], format!("{{\"result\":{large}}}").as_bytes());
        assert_eq!(readers[0].as_ptr(), readers[99].as_ptr());
        assert_eq!(places.available_permits(), 2);
        let refused = Rows::within(&places, &format!("[{}]", "1,".repeat(1500))).unwrap_err();
        assert!(refused.to_string().contains("too many large answers"), "{refused}");
        assert_eq!(Rows::within(&places, "[]").unwrap().json(), "[]");
        drop((rows, readers));
        assert_eq!(places.available_permits(), 4);
    }
}
