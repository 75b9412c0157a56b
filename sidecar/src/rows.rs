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
/// Any of them has room for the largest one.
const MAX_BYTES: usize = 128 << 20;
const MAX_OPEN_BYTES: usize = 96 << 20;
const MAX_TOLD_BYTES: usize = 72 << 20;

/// What is counted, in bytes.
const UNIT: usize = 1024;

/// Whose answer it is. Those of others are not in its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reader {
    /// Who has shown a token that may ask.
    Known,
    /// Anybody, of an endpoint that is open to all.
    Anybody,
    /// Whom an alert tells, who may take a while to be reached.
    OfAlert,
}

/// Places of each kind of readers.
struct Places([Arc<Semaphore>; 3]);

static PLACES: LazyLock<Places> =
    LazyLock::new(|| Places::of([MAX_BYTES, MAX_OPEN_BYTES, MAX_TOLD_BYTES]));

impl Places {
    fn of(bytes: [usize; 3]) -> Self {
        Self(bytes.map(|bytes| Arc::new(Semaphore::new(bytes / UNIT))))
    }

    fn for_reader(&self, reader: Reader) -> &Arc<Semaphore> {
        let [known, anybody, of_alert] = &self.0;
        match reader {
            Reader::Known => known,
            Reader::Anybody => anybody,
            Reader::OfAlert => of_alert,
        }
    }
}

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
    /// Of a JSON array. It is refused where all answers for such readers are too large together:
    /// readers that do not read must not fill the memory.
    pub(crate) fn of(json_rows: &str, reader: Reader) -> Result<Self, QueryError> {
        Self::within(&PLACES, json_rows, reader)
    }

    fn within(places: &Places, json_rows: &str, reader: Reader) -> Result<Self, QueryError> {
        let places = places.for_reader(reader);
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
        use Reader::{Anybody, Known, OfAlert};
        let places = Places::of([4 * UNIT; 3]);
        let free = |reader| places.for_reader(reader).available_permits();
        let large = format!("[\"{}\"]", "é".repeat(1000));
        let rows = Rows::within(&places, &large, Anybody).unwrap();
        assert_eq!(rows.json(), large);
        // One place for all readers.
        let readers: Vec<_> = (0..100).map(|_| rows.clone().into_bytes()).collect();
        assert_eq!(readers[99], format!("{{\"result\":{large}}}").as_bytes());
        assert_eq!(readers[0].as_ptr(), readers[99].as_ptr());
        assert_eq!(free(Anybody), 2);
        let larger = format!("[{}]", "1,".repeat(1500));
        let refused = Rows::within(&places, &larger, Anybody).unwrap_err();
        assert!(refused.to_string().contains("too many large answers"), "{refused}");
        assert_eq!(Rows::within(&places, "[]", Anybody).unwrap().json(), "[]");
        // Others do not notice.
        for other in [Known, OfAlert] {
            assert_eq!(free(other), 4);
            assert_eq!(Rows::within(&places, &larger, other).unwrap().json(), larger);
        }
        drop((rows, readers));
        assert_eq!(free(Anybody), 4);
    }
}
