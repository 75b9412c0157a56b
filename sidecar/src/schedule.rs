//! When alerts run: cron, in UTC.

use croner::{
    Cron,
    errors::CronError,
    parser::{CronParser, Seconds, Year},
};
use jiff::{SignedDuration, Timestamp, Zoned, tz::TimeZone};

/// Shortest time between two runs.
const SHORTEST: SignedDuration = SignedDuration::from_mins(5);

/// A run that was missed for longer is left out: what it would tell is old.
const LATEST: SignedDuration = SignedDuration::from_hours(1);

/// Runs that are looked at for the time between two: lists of minutes, hours and days repeat sooner.
const LOOKED_AT: usize = 100;

/// When something runs, again and again.
#[derive(Debug, Clone)]
pub(crate) struct Schedule(Cron);

/// Why it is no schedule, to be read after the field's name.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoSchedule {
    /// It is not cron's language.
    #[error("{0}")]
    Pattern(CronError),
    /// The text of the contract.
    #[error("can only trigger up to 5 minute intervals")]
    TooOften,
    /// The text of the contract.
    #[error("not enough run dates")]
    TooSeldom,
}

impl Schedule {
    /// Reads five fields: minute, hour, day, month, day of the week; or `@daily` and the like.
    pub(crate) fn read(text: &str) -> Result<Self, NoSchedule> {
        let parser =
            CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        parser.parse(text).map(Self).map_err(NoSchedule::Pattern)
    }

    /// Whether at least five minutes lie between two runs that are to come after `now`.
    pub(crate) fn check(&self, now: Timestamp) -> Result<(), NoSchedule> {
        let mut last = self.next(&utc(now)).ok_or(NoSchedule::TooSeldom)?;
        let mut count = 1;
        while count < LOOKED_AT
            && let Some(next) = self.next(&last)
        {
            if next.duration_since(&last) < SHORTEST {
                return Err(NoSchedule::TooOften);
            }
            count += 1;
            last = next;
        }
        if count < 2 { Err(NoSchedule::TooSeldom) } else { Ok(()) }
    }

    /// The latest time up to `now` at which it was to run, if that lies after `last` and is not too
    /// long ago.
    pub(crate) fn due(&self, last: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let due = self.0.find_previous_occurrence(&utc(now), true).ok()?.timestamp();
        // Parts of a second of `now` are no part of a schedule.
        let due = Timestamp::from_second(due.as_second()).ok()?;
        (due > last && now.duration_since(due) <= LATEST).then_some(due)
    }

    /// Whether it was to run after `last` and before `due` too.
    pub(crate) fn comes_between(&self, last: Timestamp, due: Timestamp) -> bool {
        // Parts of a second of `last` are no part of a schedule.
        self.next(&utc(last)).is_some_and(|next| next.timestamp().as_second() < due.as_second())
    }

    /// Until when a run for the time `due` is of use: until it is to run again, or until what it would
    /// tell is old.
    pub(crate) fn of_use_until(&self, due: Timestamp) -> Timestamp {
        let old = due.checked_add(LATEST).unwrap_or(Timestamp::MAX);
        self.next(&utc(due)).map_or(old, |next| next.timestamp().min(old))
    }

    fn next(&self, after: &Zoned) -> Option<Zoned> {
        self.0.find_next_occurrence(after, false).ok()
    }
}

fn utc(time: Timestamp) -> Zoned {
    time.to_zoned(TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn five_minutes_lie_between_two_runs() {
        let now = time("2026-02-03T04:05:06.7Z");
        let checked = |text: &str| Schedule::read(text).and_then(|schedule| schedule.check(now));
        for text in [
            "*/5 * * * *",
            "0 0 * * *",
            "0,5,59 3 * * *",
            "0 0 29 2 *",
            "30 9 * * MON-FRI",
            "@daily",
            "@hourly",
            " 0 12 1 * * ",
            "0 0 L * *",
        ] {
            assert!(checked(text).is_ok(), "{text}: {:?}", checked(text));
        }
        for (text, expected) in [
            ("* * * * *", "can only trigger up to 5 minute intervals"),
            ("*/4 * * * *", "can only trigger up to 5 minute intervals"),
            ("0,3 0 1 1 *", "can only trigger up to 5 minute intervals"),
            ("0,58 * * * *", "can only trigger up to 5 minute intervals"),
            ("0,59 0,23 * * *", "can only trigger up to 5 minute intervals"),
            ("0 0 30 2 *", "not enough run dates"),
        ] {
            assert_eq!(checked(text).unwrap_err().to_string(), expected, "{text}");
        }
        for text in ["", "x", "* * * *", "0 0 * * * *", "60 * * * *", "* * * * * * *", "é * * * *"]
        {
            let Err(NoSchedule::Pattern(error)) = checked(text) else { panic!("{text}") };
            assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn the_latest_time_is_due_once_and_not_for_ever() {
        let schedule = Schedule::read("*/5 * * * *").unwrap();
        let due = |last: &str, now: &str| schedule.due(time(last), time(now));
        let at_ten = Some(time("2026-02-03T10:00:00Z"));
        assert_eq!(due("2026-02-03T09:55:00Z", "2026-02-03T10:00:00Z"), at_ten);
        assert_eq!(due("2026-02-03T09:55:00Z", "2026-02-03T10:04:59.9Z"), at_ten);
        assert_eq!(due("2026-02-03T01:00:00Z", "2026-02-03T10:00:00.5Z"), at_ten);
        assert_eq!(due("2026-02-03T10:00:00Z", "2026-02-03T10:04:59Z"), None);
        assert_eq!(due("2026-02-03T10:00:01Z", "2026-02-03T10:02:00Z"), None);

        let daily = Schedule::read("0 10 * * *").unwrap();
        let due = |now: &str| daily.due(time("2026-02-02T10:00:00Z"), time(now));
        assert_eq!(due("2026-02-03T09:59:59Z"), None);
        assert_eq!(due("2026-02-03T11:00:00Z"), at_ten);
        assert_eq!(due("2026-02-03T11:00:01Z"), None);
    }

    #[test]
    fn times_that_are_passed_over_are_noticed_and_late_runs_are_of_use_for_a_while() {
        let at = |minutes: &str| time(&format!("2026-02-03T{minutes}Z"));
        let schedule = Schedule::read("*/5 * * * *").unwrap();
        for (last, due, expected) in [
            ("09:55:00", "10:00:00", false),
            // It was made between two times.
            ("09:56:07.5", "10:00:00", false),
            ("09:55:00", "10:05:00", true),
            ("09:54:59.9", "10:00:00", true),
        ] {
            assert_eq!(schedule.comes_between(at(last), at(due)), expected, "{last} {due}");
        }
        for (cron, expected) in
            [("*/5 * * * *", "10:05:00"), ("0 */2 * * *", "11:00:00"), ("0 10 * * *", "11:00:00")]
        {
            let schedule = Schedule::read(cron).unwrap();
            assert_eq!(schedule.of_use_until(at("10:00:00")), at(expected), "{cron}");
        }
    }
}
