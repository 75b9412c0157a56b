//! When what failed is tried again.

use std::time::Duration;

use rand::Rng as _;

/// Tests would take minutes.
const QUICK: bool = cfg!(test);

const FIRST: Duration = Duration::from_millis(if QUICK { 10 } else { 500 });
const LONGEST: Duration = Duration::from_millis(if QUICK { 200 } else { 30_000 });

/// Longest wait that a receiver may ask for.
const LONGEST_ASKED_FOR: Duration = Duration::from_secs(600);

/// Exponential back-off with jitter, without an end.
#[derive(Debug)]
pub(crate) struct Pace {
    next: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Pace {
    /// How long to wait now; `asked_for` is what the receiver said.
    pub(crate) fn wait(&mut self, asked_for: Option<Duration>) -> Duration {
        let wait = self.next.mul_f64(rand::rng().random_range(0.5..=1.0));
        self.next = (self.next * 2).min(LONGEST);
        wait.max(asked_for.unwrap_or_default().min(LONGEST_ASKED_FOR))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound() {
        let mut pace = Pace::default();
        let mut usual = FIRST;
        for _ in 0..20 {
            let wait = pace.wait(None);
            assert!(wait >= usual / 2 && wait <= usual, "{wait:?} of {usual:?}");
            usual = (usual * 2).min(LONGEST);
        }
        let mut pace = Pace::default();
        assert_eq!(pace.wait(Some(Duration::from_secs(7))), Duration::from_secs(7));
        assert_eq!(pace.wait(Some(Duration::from_secs(7000))), LONGEST_ASKED_FOR);
    }
}
