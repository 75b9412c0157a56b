//! What decoders find in a body, and who takes it.

use event_schemas::Value;

use crate::request::Route;

/// One thing in a body that was sent as an event.
#[derive(Debug, PartialEq)]
pub(crate) enum Record<'a> {
    /// A value; whether it is an event is not looked at yet.
    Value(Value<'a>),
    /// A part that could not be read, for example a line that is no JSON. It is kept as it is.
    Unreadable {
        /// The part, made text.
        text: &'a str,
        /// What is wrong with it, for people.
        reason: String,
    },
}

/// Takes what a decoder finds, in the order of the body.
pub(crate) trait Records {
    /// The body itself names a source. Called before the first record, where at all; counts only
    /// where URL and headers name none.
    fn route(&mut self, route: Route);

    /// The next record.
    fn record(&mut self, record: Record<'_>);
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
