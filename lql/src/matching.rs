//! Whether an event matches.

use std::{
    borrow::Cow,
    cmp::Ordering,
    time::{SystemTime, UNIX_EPOCH},
};

use event_schemas::{Event, Value};

use crate::{Column, Condition, Filter, Lql, Order, Scalar, Test, reading};

impl Lql {
    /// Whether all filters hold for an event. What is selected, charted and read from says
    /// nothing of an event.
    ///
    /// `t:today` and its kin look at the clock; see [`Self::matches_at`].
    pub fn matches(&self, event: &Event<'_>) -> bool {
        let relative =
            |filter: &Filter| matches!(&filter.test, Test::Time(test) if test.is_relative());
        let now = if self.filters.iter().any(relative) { now() } else { 0 };
        self.matches_at(event, now)
    }

    /// The same at a given time, in microseconds since 1970-01-01 UTC.
    pub fn matches_at(&self, event: &Event<'_>, now: i64) -> bool {
        self.filters.iter().all(|filter| filter.holds(event, now) == Some(true))
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

impl Filter {
    /// True, false or unknown.
    fn holds(&self, event: &Event<'_>, now: i64) -> Option<bool> {
        Some(self.test.holds(event, now)? != self.negated)
    }
}

impl Test {
    fn holds(&self, event: &Event<'_>, now: i64) -> Option<bool> {
        match self {
            Self::Everything => Some(true),
            Self::Time(test) => Some(test.span(now).contains(event.timestamp)),
            Self::Column(column, condition) => {
                let text = match column {
                    Column::Id => Some(&event.id),
                    Column::EventMessage => event.event_message.as_ref(),
                };
                match condition {
                    Condition::Missing => Some(text.is_none()),
                    condition => text.map(|text| condition.holds_for_text(text)),
                }
            }
            Self::Field(path, condition) => {
                let (first, rest) = path.parts.split_first()?;
                let field = event.field(first);
                if *condition == Condition::Missing {
                    return Some(!field.is_some_and(|value| any(value, rest, &mut |_| true)));
                }
                let mut known = None;
                let found = any(field?, rest, &mut |value| {
                    let holds = condition.holds(value);
                    known = known.or(holds);
                    holds == Some(true)
                });
                if found { Some(true) } else { known }
            }
        }
    }
}

/// Whether something is so of one of the values at a path below a value. Lists stand for their
/// elements.
fn any(value: &Value<'_>, path: &[String], is: &mut dyn FnMut(&Value<'_>) -> bool) -> bool {
    let mut below = |value: &Value<'_>| match (path.split_first(), value) {
        (_, Value::Null) => false,
        (None, value) => is(value),
        (Some((name, rest)), Value::Object(fields)) => fields
            .iter()
            .rev()
            .find(|(field, _)| field == name)
            .is_some_and(|(_, value)| any(value, rest, is)),
        (Some(_), _) => false,
    };
    match value {
        Value::Array(elements) => elements.iter().any(below),
        value => below(value),
    }
}

impl Condition {
    /// Of a value that is there; unknown where it cannot be read as what it is compared with.
    fn holds(&self, value: &Value<'_>) -> Option<bool> {
        Some(match self {
            Self::Missing => false,
            Self::Equal(scalar) => scalar.compare(value)?.is_eq(),
            Self::Compare(order, scalar) => order.holds(scalar.compare(value)?),
            Self::Between(low, high) => {
                Order::GreaterOrEqual.holds(low.compare(value)?)
                    && Order::LessOrEqual.holds(high.compare(value)?)
            }
            Self::OneOf(_) | Self::Contains(_) | Self::Pattern(_) => {
                self.holds_for_text(&reading::text(value)?)
            }
        })
    }

    fn holds_for_text(&self, text: &str) -> bool {
        match self {
            Self::Missing => false,
            Self::Equal(Scalar::Text(wanted)) => text == wanted,
            Self::OneOf(texts) => texts.iter().any(|wanted| wanted == text),
            Self::Contains(part) => text.contains(part),
            Self::Pattern(pattern) => pattern.is_match(text),
            Self::Equal(_) | Self::Compare(..) | Self::Between(..) => {
                self.holds(&Value::String(Cow::Borrowed(text))) == Some(true)
            }
        }
    }
}

impl Scalar {
    /// How a value compares with this one; unknown where it cannot be read as such a one.
    fn compare(&self, value: &Value<'_>) -> Option<Ordering> {
        match self {
            Self::Text(wanted) => Some(reading::text(value)?.as_ref().cmp(wanted)),
            Self::Bool(wanted) => Some(reading::truth(value)?.cmp(wanted)),
            Self::Int64(_) | Self::Float64(_) => {
                let number = reading::number(value)?;
                // The text `nan` is the greatest number, as in PostgreSQL.
                if number.is_nan() {
                    Some(Ordering::Greater)
                } else {
                    number.partial_cmp(&self.number()?)
                }
            }
        }
    }
}

impl Order {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    /// 2026-11-20 12:00 UTC.
    const NOON: i64 = 1_795_176_000_000_000;

    fn event(text: &str) -> Event<'_> {
        Event::normalise(event_schemas::parse(text).unwrap(), NOON).unwrap()
    }

    /// The end-to-end tests ask the database the same.
    #[test]
    fn finds_what_the_database_finds() {
        let events: Vec<Event<'_>> =
            include_str!("../fixtures/events.jsonl").lines().map(event).collect();
        let cases = include_str!("../fixtures/answers.txt").lines();
        let (mut count, mut wrong) = (0, Vec::new());
        for line in cases.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (text, expected) = line.rsplit_once(" => ").unwrap_or_else(|| panic!("{line}"));
            let lql = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let found: Vec<&str> = events
                .iter()
                .filter(|event| lql.matches_at(event, NOON))
                .map(|event| event.id.as_ref())
                .collect();
            if found.join(" ") != expected.trim() {
                wrong.push(format!("{text} => {}, not {expected}", found.join(" ")));
            }
            count += 1;
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(count > 100, "{count}");
    }

    #[test]
    fn looks_at_the_clock_where_it_is_asked_to() {
        let long_ago = event(r#"{"timestamp": 1000000000, "message": "x"}"#);
        assert!(!parse("t:today").unwrap().matches(&long_ago));
        assert!(parse("-t:last@5years").unwrap().matches(&long_ago));
        assert!(parse("t:2001-09-09").unwrap().matches(&long_ago));
        let mut new = event("{}");
        new.timestamp = now();
        assert!(parse("t:this@year t:last@2minutes").unwrap().matches(&new));
    }
}
