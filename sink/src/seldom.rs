//! Log lines that would otherwise come with every request.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher as _,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Time between two lines about the same.
const PAUSE: Duration = Duration::from_secs(30);

/// Most things of which it is remembered when they were told; beyond it they are told again.
const MAX_REMEMBERED: usize = 1000;

/// When what was told last. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seldom {
    /// By hash: what a line is about may be as long as a body.
    told: Arc<Mutex<HashMap<u64, Told>>>,
    hasher: RandomState,
}

#[derive(Debug)]
struct Told {
    at: Instant,
    untold: u64,
}

impl Seldom {
    /// How often the same was not told since it was told last, if it is time to tell it.
    pub(crate) fn is_due(&self, what: &'static str, about: &str, now: Instant) -> Option<u64> {
        let key = self.hasher.hash_one((what, about));
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= MAX_REMEMBERED {
            told.clear();
        }
        let Some(before) = told.get_mut(&key) else {
            told.insert(key, Told { at: now, untold: 0 });
            return Some(0);
        };
        if now < before.at + PAUSE {
            before.untold += 1;
            return None;
        }
        before.at = now;
        Some(std::mem::take(&mut before.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_told_once_in_a_while() {
        let seldom = Seldom::default();
        let now = Instant::now();
        for (what, about, at, due) in [
            ("rejected", "a", now, Some(0)),
            ("rejected", "b", now, Some(0)),
            ("waits", "a", now, Some(0)),
            ("rejected", "a", now, None),
            ("rejected", "a", now + PAUSE / 2, None),
            ("rejected", "a", now + PAUSE, Some(2)),
            ("rejected", "a", now + PAUSE * 3 / 2, None),
            ("rejected", "a", now + PAUSE * 2, Some(1)),
        ] {
            assert_eq!(seldom.is_due(what, about, at), due, "{what} {about}");
        }
    }
}
