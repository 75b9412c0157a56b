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
    },
    /// It does not take them as they are, but perhaps a part of them.
    Refused {
        /// For people.
        reason: String,
    },
    /// It has taken some.
    Partly {
        /// How many it will never take.
        refused: usize,
        /// Places of those that it may take later, ascending.
        later: Vec<usize>,
        /// For people.
        reason: String,
    },
}
