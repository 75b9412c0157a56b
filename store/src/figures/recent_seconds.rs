//! Events of the last minute, by seconds.

/// As many seconds as are looked back at, and the one that is not over.
const SECONDS: usize = 61;

/// Over how many seconds the rate is taken.
const RATE_SECONDS: i64 = 5;

/// Events of the last minute, by seconds.
#[derive(Debug, Clone)]
pub(super) struct RecentSeconds {
    /// Which second since 1970 each is of, and its events.
    seconds: [(i64, u64); SECONDS],
    most: u64,
}

impl Default for RecentSeconds {
    fn default() -> Self {
        Self { seconds: [(i64::MIN, 0); SECONDS], most: 0 }
    }
}

impl RecentSeconds {
    /// Counts events of a second.
    pub(super) fn add(&mut self, second: i64, events: u64) {
        let place = usize::try_from(second.rem_euclid(SECONDS as i64)).unwrap_or_default();
        let Some(slot) = self.seconds.get_mut(place) else { return };
        if slot.0 != second {
            *slot = (second, 0);
        }
        slot.1 += events;
        self.most = self.most.max(slot.1);
    }

    /// Events of the minute before this second, and of it.
    pub(super) fn last_minute(&self, second: i64) -> u64 {
        self.of(second - 60..=second)
    }

    /// Events in a second, over the last five that are over.
    #[expect(clippy::cast_precision_loss, reason = "a count of events")]
    pub(super) fn rate(&self, second: i64) -> f64 {
        self.of(second - RATE_SECONDS..=second - 1) as f64 / RATE_SECONDS as f64
    }

    /// Events of the second that had most.
    pub(super) fn most(&self) -> u64 {
        self.most
    }

    fn of(&self, seconds: std::ops::RangeInclusive<i64>) -> u64 {
        let of_seconds = self.seconds.iter().filter(|(second, _)| seconds.contains(second));
        of_seconds.map(|(_, events)| events).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_forgotten() {
        let mut seconds = RecentSeconds::default();
        assert_eq!((seconds.last_minute(0), seconds.most()), (0, 0));
        for second in 1_000..1_100 {
            seconds.add(second, 1);
            seconds.add(second, 1);
        }
        seconds.add(1_100, 7);
        assert_eq!(seconds.last_minute(1_100), 2 * 60 + 7);
        assert_eq!(seconds.last_minute(1_150), 2 * 10 + 7);
        assert_eq!(seconds.last_minute(1_161), 0);
        assert!((seconds.rate(1_101) - (4.0 * 2.0 + 7.0) / 5.0).abs() < 1e-9);
        assert!(seconds.rate(1_106) < 1e-9);
        assert_eq!(seconds.most(), 7);
    }
}
