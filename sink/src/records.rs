//! What decoders find in a body, and who takes it.

use std::borrow::Cow;

use event_schemas::Value;

use crate::{error::IngestError, request::Route};

/// One thing in a body that was sent as an event.
#[derive(Debug, PartialEq)]
pub(crate) enum Record<'a> {
    /// A value; whether it is an event is not looked at yet.
    Value(Value<'a>),
    /// A part that could not be read, for example a line that is no JSON. It is kept as it is.
    Unreadable {
        /// The part, made text.
        text: Cow<'a, str>,
        /// What is wrong with it, for people.
        reason: String,
    },
}

/// Finds the records in a body.
pub(crate) trait Decode: Send + 'static {
    /// About how much memory in bytes it takes to read this body, besides itself and its events.
    ///
    /// # Errors
    /// When it would be too much.
    fn needs(&self, body: &[u8]) -> Result<usize, IngestError>;

    /// Hands over what a body holds, in its order.
    ///
    /// # Errors
    /// When nothing of it, or not all of it, can be made out. What was handed over until then is
    /// not to be stored.
    fn decode(self, body: Vec<u8>, records: &mut dyn Records) -> Result<(), IngestError>;
}

/// Takes what a decoder finds, in the order of the body.
pub(crate) trait Records {
    /// The body itself names a source. Called before the first record, where at all; counts only
    /// where URL and headers name none.
    fn route(&mut self, route: Route);

    /// The next record.
    fn record(&mut self, record: Record<'_>);

    /// Whether a limit of the body is broken already: nothing of it will be stored.
    fn is_full(&self) -> bool {
        false
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// Keeps records as text: JSON of values, `text !! reason` of what is unreadable.
    #[derive(Debug, Default)]
    pub(crate) struct Kept {
        pub(crate) route: Route,
        pub(crate) records: Vec<String>,
    }

    impl Records for Kept {
        fn route(&mut self, route: Route) {
            assert!(self.records.is_empty(), "a route after records");
            self.route = route;
        }

        fn record(&mut self, record: Record<'_>) {
            self.records.push(match record {
                Record::Value(value) => value.to_json(),
                Record::Unreadable { text, reason } => format!("{text} !! {reason}"),
            });
        }
    }
}
