//! What becomes of events that were sent.

use std::time::Duration;

/// What becomes of events that were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The receiver has them.
    Delivered,
    /// It may take them later.
    Later {
        /// For people.
        reason: String,
        /// When the receiver says that it will.
        after: Option<Duration>,
        /// Whether one of the events may be the cause: the receiver was reached, and could have
        /// said that it is away, or that it knows nobody of that name.
        of_events: bool,
    },
    /// It does not take them as they are, but perhaps a part of them.
    Refused {
        /// For people.
        reason: String,
    },
    /// It has taken some.
    Partly {
        /// Places of those that it will never take, ascending.
        refused: Vec<usize>,
        /// How many more it will never take, where it does not say which.
        unnamed: usize,
        /// Places of those that it may take later, ascending.
        later: Vec<usize>,
        /// Whether one of these may be the cause itself.
        of_events: bool,
        /// For people.
        reason: String,
    },
}

impl Outcome {
    /// What it says of a request of so many events. Where a receiver that speaks of single events has
    /// taken none of them, it may be the receiver: an index that is missing fails all of them.
    pub(crate) fn of_request(self, events: usize) -> Self {
        match self {
            Self::Partly { refused, unnamed, later, of_events, reason }
                if refused.len() + unnamed + later.len() >= events =>
            {
                if refused.len() == events {
                    return Self::Refused { reason };
                }
                let of_events = of_events || later.is_empty();
                Self::Later { reason, after: None, of_events }
            }
            other => other,
        }
    }
}
