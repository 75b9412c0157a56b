//! Events per minute: of each source, and of each token.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use store::Holder;
use uuid::Uuid;

/// Seconds over which events are counted, each with a count of its own.
const WINDOW: usize = 60;

/// Events that may come in 60 seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// Of one source.
    pub source: u64,
    /// With one token.
    pub token: u64,
}

impl Default for RateLimits {
    /// Logflare's, where it serves one tenant.
    fn default() -> Self {
        Self { source: 6_000_000, token: 30_000_000 }
    }
}

/// Counts of the last minute. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Rates {
    limits: RateLimits,
    counts: Arc<Mutex<Counts>>,
    start: Instant,
}

#[derive(Debug, Default)]
struct Counts {
    sources: HashMap<Uuid, Count>,
    tokens: HashMap<Holder, Count>,
}

/// How many events are left: what the headers of an answer tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) limits: RateLimits,
    pub(crate) source_left: u64,
    pub(crate) token_left: u64,
}

impl Quota {
    /// Which limit is reached, if any: that of the source, or of the token.
    pub(crate) fn exceeded(&self) -> Option<Exceeded> {
        match self {
            Self { source_left: 0, .. } => Some(Exceeded::Source),
            Self { token_left: 0, .. } => Some(Exceeded::Token),
            _ => None,
        }
    }
}

/// Which limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exceeded {
    Source,
    Token,
}

impl Exceeded {
    /// Whose limit it is, in the words of the contract.
    pub(crate) fn who(self) -> &'static str {
        match self {
            Self::Source => "Source",
            Self::Token => "User",
        }
    }

    /// The setting that raises it.
    pub(crate) fn setting(self) -> &'static str {
        match self {
            Self::Source => "LOGWEIR_SOURCE_EVENTS_PER_MINUTE",
            Self::Token => "LOGWEIR_TOKEN_EVENTS_PER_MINUTE",
        }
    }
}

impl Rates {
    pub(crate) fn new(limits: RateLimits) -> Self {
        Self { limits, counts: Arc::default(), start: Instant::now() }
    }

    /// Counts events, and tells what is left after them.
    pub(crate) fn count(&self, source: Uuid, token: Holder, events: u64) -> Quota {
        let second = usize::try_from(self.start.elapsed().as_secs()).unwrap_or(usize::MAX);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let of_source = add(&mut counts.sources, source, second, events);
        let of_token = add(&mut counts.tokens, token, second, events);
        Quota {
            limits: self.limits,
            source_left: self.limits.source.saturating_sub(of_source),
            token_left: self.limits.token.saturating_sub(of_token),
        }
    }
}

fn add<K: Hash + Eq>(counts: &mut HashMap<K, Count>, key: K, second: usize, events: u64) -> u64 {
    counts.entry(key).or_default().add(second, events)
}

/// A sliding window.
#[derive(Debug)]
struct Count {
    seconds: [u64; WINDOW],
    newest: usize,
    sum: u64,
}

impl Default for Count {
    fn default() -> Self {
        Self { seconds: [0; WINDOW], newest: 0, sum: 0 }
    }
}

impl Count {
    /// Adds events of this second; gives those of the window.
    fn add(&mut self, second: usize, events: u64) -> u64 {
        let passed = second.saturating_sub(self.newest);
        for ago in 0..passed.min(WINDOW) {
            if let Some(slot) = self.seconds.get_mut((second - ago) % WINDOW) {
                self.sum -= std::mem::take(slot);
            }
        }
        self.newest = self.newest.max(second);
        if let Some(slot) = self.seconds.get_mut(self.newest % WINDOW) {
            *slot += events;
            self.sum += events;
        }
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_slides() {
        let mut count = Count::default();
        for (second, events, sum) in [
            (0, 5, 5),
            (0, 1, 6),
            (30, 2, 8),
            (59, 0, 8),
            (60, 0, 2),
            (89, 1, 3),
            (90, 0, 1),
            (1000, 7, 7),
            (999, 1, 8),
        ] {
            assert_eq!(count.add(second, events), sum, "{second}");
        }
    }

    #[test]
    fn sources_and_tokens_are_counted_apart() {
        let rates = Rates::new(RateLimits { source: 10, token: 15 });
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let quota = rates.count(one, Holder::Public, 10);
        assert_eq!((quota.source_left, quota.token_left), (0, 5));
        assert_eq!(quota.exceeded(), Some(Exceeded::Source));
        assert_eq!(rates.count(other, Holder::Private, 1).exceeded(), None);
        assert_eq!(rates.count(other, Holder::Public, 6).exceeded(), Some(Exceeded::Token));
    }
}
