//! Parts of a date: `MINUTE`, `WEEK(MONDAY)` …

/// A part of a date or time, as arguments name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DatePart {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    /// A week that begins on this day: 0 is Sunday, BigQuery's default.
    Week(u8),
    IsoWeek,
    Month,
    Quarter,
    Year,
    IsoYear,
    DayOfWeek,
    DayOfYear,
    Date,
    Time,
    Datetime,
}

/// All but weeks that begin on a day that is named.
const NAMES: [(&str, DatePart); 17] = [
    ("MICROSECOND", DatePart::Microsecond),
    ("MILLISECOND", DatePart::Millisecond),
    ("SECOND", DatePart::Second),
    ("MINUTE", DatePart::Minute),
    ("HOUR", DatePart::Hour),
    ("DAY", DatePart::Day),
    ("WEEK", DatePart::Week(0)),
    ("ISOWEEK", DatePart::IsoWeek),
    ("MONTH", DatePart::Month),
    ("QUARTER", DatePart::Quarter),
    ("YEAR", DatePart::Year),
    ("ISOYEAR", DatePart::IsoYear),
    ("DAYOFWEEK", DatePart::DayOfWeek),
    ("DAYOFYEAR", DatePart::DayOfYear),
    ("DATE", DatePart::Date),
    ("TIME", DatePart::Time),
    ("DATETIME", DatePart::Datetime),
];

const DAYS: [&str; 7] =
    ["SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"];

impl DatePart {
    /// Reads a part's name, in any case; `WEEK(MONDAY)` too.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let name = name.to_ascii_uppercase();
        if let Some(day) = name.strip_prefix("WEEK(").and_then(|rest| rest.strip_suffix(')')) {
            return Self::week_beginning(day.trim());
        }
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, part)| *part)
    }

    /// Reads the day in `WEEK(MONDAY)`.
    pub(crate) fn week_beginning(day: &str) -> Option<Self> {
        let place = DAYS.iter().position(|name| name.eq_ignore_ascii_case(day))?;
        Some(Self::Week(u8::try_from(place).ok()?))
    }

    /// Its name, as messages show it.
    pub(crate) fn name(self) -> String {
        if let Self::Week(day @ 1..) = self {
            return format!("WEEK({})", DAYS.get(usize::from(day)).copied().unwrap_or_default());
        }
        let name = NAMES.iter().find(|(_, part)| *part == self).map(|(name, _)| *name);
        name.unwrap_or_default().to_owned()
    }

    /// Its length in microseconds, where it has one.
    pub(crate) fn microseconds(self) -> Option<i64> {
        Some(match self {
            Self::Microsecond => 1,
            Self::Millisecond => 1_000,
            Self::Second => 1_000_000,
            Self::Minute => 60_000_000,
            Self::Hour => 3_600_000_000,
            Self::Day => 86_400_000_000,
            _ => return None,
        })
    }

    /// Its length in months, where it is made of months.
    pub(crate) fn months(self) -> Option<i64> {
        Some(match self {
            Self::Month => 1,
            Self::Quarter => 3,
            Self::Year => 12,
            _ => return None,
        })
    }

    /// The first day of its weeks (0 is Sunday), where it is a week.
    pub(crate) fn first_day_of_week(self) -> Option<u8> {
        match self {
            Self::Week(day) => Some(day),
            Self::IsoWeek => Some(1),
            _ => None,
        }
    }

    /// Whether it is shorter than a day.
    pub(crate) fn is_of_day(self) -> bool {
        matches!(
            self,
            Self::Microsecond | Self::Millisecond | Self::Second | Self::Minute | Self::Hour
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_names() {
        for (name, part) in [
            ("MINUTE", DatePart::Minute),
            ("WEEK", DatePart::Week(0)),
            ("WEEK(SATURDAY)", DatePart::Week(6)),
            ("DATETIME", DatePart::Datetime),
        ] {
            assert_eq!(DatePart::named(&name.to_lowercase()), Some(part));
            assert_eq!(part.name(), name);
        }
        assert_eq!(DatePart::named("WEEK(SUNDAY)"), Some(DatePart::Week(0)));
        assert_eq!(DatePart::named("WEEK(X)"), None);
        assert_eq!(DatePart::named("FORTNIGHT"), None);
    }
}
