//! Events of every table: the same each time, spread over a week and over the values that queries
//! ask for, so that their filters find some and leave some out.

use serde_json::{Value, json};

use super::{edge_events, hosted_events, service_events};

/// A minute in microseconds.
pub const MINUTE: i64 = 60_000_000;
/// An hour in microseconds.
pub const HOUR: i64 = 60 * MINUTE;
/// 2026-03-01 UTC in microseconds since 1970: the day that most queries ask for.
pub const MARCH: i64 = 1_772_323_200_000_000;

/// The id of one event of every table, at half past midnight: the one that pages show alone.
pub const SPECIAL_ID: &str = "c3fb5d53-7b2e-4a37-9b6a-5b5f1c8d8a11";

/// Events of a table.
const EVENTS: u64 = 240;

/// A table with its events as they are logged.
#[derive(Debug, Clone)]
pub struct LogTable {
    /// Studio's name for it, for example `edge_logs`.
    pub name: &'static str,
    /// The source that it is read from.
    pub source: &'static str,
    /// Objects with `id`, `timestamp` (microseconds since 1970), `event_message` and what else the
    /// source has.
    pub events: Vec<Value>,
}

/// How the events of a table are made.
pub(super) struct Recipe {
    pub(super) name: &'static str,
    pub(super) source: &'static str,
    /// Everything of an event but its id and time.
    pub(super) event: fn(Number) -> Value,
}

/// The number of an event in its table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number(u64);

impl Number {
    /// One of a list; another `salt` chooses independently.
    pub(super) fn pick<T: Copy>(self, salt: u64, list: &[T]) -> T {
        let place = self.random(salt) % u64::try_from(list.len()).unwrap_or(1);
        list[usize::try_from(place).unwrap_or_default()]
    }

    /// A number that looks like a random one: splitmix64.
    pub(super) fn random(self, salt: u64) -> u64 {
        let mut x =
            (self.0 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt.wrapping_mul(0x1234_5677);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// Whether it is the first of every `n`.
    pub(super) fn every(self, n: u64) -> bool {
        self.0.is_multiple_of(n)
    }

    /// The time of the event: half of them in the first hour of March, a quarter on the day before,
    /// the others in the week around. No two events of a table have the same.
    pub(super) fn time(self) -> i64 {
        let n = i64::try_from(self.0).unwrap_or_default();
        if self.0 == 0 {
            return MARCH + 30 * MINUTE;
        }
        match n % 4 {
            // Some in the first instant, where pages are cut.
            0 | 1 if n < 16 => MARCH + 123_456 - (n - 1) * 1000,
            0 | 1 => MARCH + n * 14_900_000 + 123_456,
            2 => MARCH - 24 * HOUR + n * 350_000_000 + 7,
            _ => MARCH - 120 * HOUR + n * 2_900_000_000 + 1,
        }
    }

    fn id(self, table: u64) -> String {
        if self.0 == 0 {
            return SPECIAL_ID.to_owned();
        }
        let [high, low] = [1, 2].map(|salt| self.random(salt + 1000 * table));
        let (time, version) = (high >> 32, high >> 16 & 0xffff);
        format!(
            "{time:08x}-{version:04x}-4{:03x}-8{:03x}-{:012x}",
            high & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        )
    }
}

/// All tables.
pub fn log_tables() -> Vec<LogTable> {
    let recipes = [edge_events::RECIPES, service_events::RECIPES, hosted_events::RECIPES].concat();
    let table = |(place, recipe): (usize, &&Recipe)| {
        let place = u64::try_from(place).unwrap_or_default();
        let event = |n| {
            let number = Number(n);
            let mut event = (recipe.event)(number);
            // What people search for, where the text is no JSON.
            if let Some(text) = event["event_message"].as_str()
                && number.every(31)
                && !text.starts_with('{')
            {
                event["event_message"] = json!(format!("{text} (PGRST301)"));
            }
            event["id"] = json!(number.id(place));
            event["timestamp"] = json!(number.time());
            event
        };
        let events = (0..EVENTS).map(event).collect();
        LogTable { name: recipe.name, source: recipe.source, events }
    };
    recipes.iter().enumerate().map(table).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_table_has_events_of_many_times_and_one_special_one() {
        for table in log_tables() {
            let all = table.events.len();
            let distinct = |name: &str| {
                table
                    .events
                    .iter()
                    .map(|event| event[name].to_string())
                    .collect::<BTreeSet<_>>()
                    .len()
            };
            assert_eq!((distinct("id"), distinct("timestamp")), (all, all), "{}", table.name);
            let special = table.events.iter().filter(|event| event["id"] == SPECIAL_ID).count();
            assert_eq!(special, 1, "{}", table.name);
            let within = |from: i64, to: i64| {
                let time = |event: &&Value| {
                    event["timestamp"].as_i64().is_some_and(|t| from <= t && t < to)
                };
                table.events.iter().filter(time).count()
            };
            assert!(within(MARCH, MARCH + HOUR) > 80, "{}", table.name);
            assert!(within(MARCH - 24 * HOUR, MARCH) > 50, "{}", table.name);
            assert!(within(0, MARCH - 24 * HOUR) > 10, "{}", table.name);
        }
    }
}
