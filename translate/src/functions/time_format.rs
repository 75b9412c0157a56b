//! FORMAT_… of dates and times. A constant format of common elements becomes `to_char`.

use super::{Function, Param, Returns, function, lowered};
use crate::{
    diagnostic::Diagnostic,
    postgres::Expr as Pg,
    tree::{Expr, Literal},
    types::Type,
};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "FORMAT_DATE",
        "A date in a form of `%` elements.",
        &[
            lowered(&[Param::String, Param::Date], Returns::String, format).total(),
            lowered(&[Param::String, Param::Datetime], Returns::String, format).total(),
            lowered(&[Param::String, Param::Timestamp], Returns::String, format).total(),
        ],
        &[
            ("FORMAT_DATE('%Y/%m/%d', DATE '2024-01-15')", "2024/01/15"),
            ("FORMAT_DATE('%Y-%m-%d', DATE '0001-01-01')", "1-01-01"),
            ("FORMAT_DATE('%A %d. \"%B\"', DATE '2024-01-15')", "Monday 15. \"January\""),
            (
                "FORMAT_DATE('%Y %y %C %G %g %E4Y %F', DATE '0031-01-02')",
                "31 31 0 31 31 0031 31-01-02",
            ),
            (
                "FORMAT_DATE('%Y %j %U %W %V %u %w %e %k', DATE '2023-01-01')",
                "2023 001 01 00 52 7 0  1 %k",
            ),
            ("FORMAT_DATE('%c|%x|%X|%H|%Ez', DATE '2024-01-02')", "%c|01/02/24|%X|%H|%Ez"),
            ("FORMAT_DATE('%Od|%EY|%', DATE '2024-01-02')", "02|2024|%"),
            ("FORMAT_DATE('%Y', CAST(NULL AS DATE))", "NULL"),
            ("FORMAT_DATE('%d %H', DATETIME '2024-01-02 03:04:05')", "02 03"),
        ],
    ),
    function(
        "FORMAT_DATETIME",
        "A DATETIME in a form of `%` elements.",
        &[lowered(&[Param::String, Param::Datetime], Returns::String, format).total()],
        &[
            (
                "FORMAT_DATETIME('%Y-%m-%d %H:%M:%S', DATETIME '2024-01-15 12:30:45')",
                "2024-01-15 12:30:45",
            ),
            ("FORMAT_DATETIME('%G-W%V-%u', DATETIME '2024-01-15 12:30:45')", "2024-W03-1"),
            (
                "FORMAT_DATETIME('%c|%D|%h|%Z|%z|%Ez|%s', DATETIME '2024-01-02 13:04:05.6')",
                "Tue Jan  2 13:04:05 2024|01/02/24|Jan|%Z|%z|%Ez|1704200645",
            ),
        ],
    ),
    function(
        "FORMAT_TIME",
        "A time of day in a form of `%` elements.",
        &[lowered(&[Param::String, Param::Time], Returns::String, format).total()],
        &[(
            "FORMAT_TIME('%R|%T|%r|%p|%E3S|%X|%c|%Y', TIME '13:04:05.6')",
            "13:04|13:04:05|01:04:05 PM|PM|05.600|13:04:05|%c|%Y",
        )],
    ),
    function(
        "FORMAT_TIMESTAMP",
        "A TIMESTAMP in a form of `%` elements, in UTC or a zone.",
        &[
            lowered(&[Param::String, Param::Timestamp], Returns::String, format).total(),
            lowered(&[Param::String, Param::Timestamp, Param::String], Returns::String, format),
        ],
        &[
            (
                "FORMAT_TIMESTAMP('%a %A %b %B %d %e %j %U %W %V %G %g %u %w %y %C %I %p %M %s %D %R %r', TIMESTAMP '2024-01-02 13:04:05.678+00')",
                "Tue Tuesday Jan January 02  2 002 00 01 01 2024 24 2 2 24 20 01 PM 04 1704200645 01/02/24 13:04 01:04:05 PM",
            ),
            (
                "FORMAT_TIMESTAMP('%F %T %E3S %E*S %Ez %Z %z', TIMESTAMP '2024-01-02 03:04:05.678+00')",
                "2024-01-02 03:04:05 05.678 05.678 +00:00 UTC +0000",
            ),
            (
                "FORMAT_TIMESTAMP('%Z|%z|%Ez', TIMESTAMP '2024-01-02 00:04:05+00', 'America/New_York')",
                "UTC-5|-0500|-05:00",
            ),
            ("FORMAT_TIMESTAMP('%Z', TIMESTAMP '2024-01-02 00:04:05+00', '+05:30')", "UTC+0530"),
            (
                "FORMAT_TIMESTAMP('%FT%T%Ez', TIMESTAMP '2024-01-02 03:04:05+00', 'Asia/Kolkata')",
                "2024-01-02T08:34:05+05:30",
            ),
            (
                "FORMAT_TIMESTAMP('%P|%p|%I|%l|%k', TIMESTAMP '2024-01-02 00:04:05.678+00')",
                "am|AM|12|12| 0",
            ),
            (
                "FORMAT_TIMESTAMP('%E0S|%E1S|%E6S|%E9S|%E*S|%E3f|%E*f|%f', TIMESTAMP '2024-01-02 00:04:05.678+00')",
                "05|05.6|05.678000|05.678000000|05.678|678|678|%f",
            ),
            (
                "FORMAT_TIMESTAMP('%Y-%m-%dT%H:%M:%E3S', TIMESTAMP '2024-01-02 00:04:05.6789+00')",
                "2024-01-02T00:04:05.678",
            ),
            ("FORMAT_TIMESTAMP('%n%t%%|%Q|%q', TIMESTAMP '2024-01-02 00:04:05+00')", "\n\t%|1|%q"),
        ],
    ),
];

fn format(args: &[Expr], mut lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    let ty = &args[1].ty;
    let zone = (lowered.len() > 2).then(|| lowered.remove(2));
    let value = match ty {
        Type::Date => Pg::cast(lowered.remove(1), &Type::Datetime),
        Type::Time => {
            Pg::template("timestamp '1970-01-01' + $1::interval", vec![lowered.remove(1)])
        }
        _ => lowered.remove(1),
    };
    if let Some(Literal::String(format)) = args[0].as_literal()
        && let Some(pattern) = to_char(format, ty)
    {
        let shown = match zone {
            None => value,
            Some(zone) => Pg::template("logweir.local_time($1, $2)", vec![value, zone]),
        };
        return Ok(Pg::template("to_char($1, $2)", vec![shown, Pg::text(&pattern)]));
    }
    let mut all = vec![lowered.remove(0), value, Pg::text(&ty.to_string())];
    all.extend(zone);
    Ok(Pg::template("logweir.format_time($*)", all))
}

/// The format for PostgreSQL's `to_char`, where all its elements have one there.
fn to_char(format: &str, ty: &Type) -> Option<String> {
    let mut pattern = String::new();
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        let Some(element) = rest.strip_prefix('%') else {
            let length = rest.find('%').unwrap_or(rest.len());
            quote(&rest[..length], &mut pattern);
            rest = &rest[length..];
            continue;
        };
        debug_assert_eq!(first, '%', "an element follows");
        let (known, of_day, same) = ELEMENTS.iter().find_map(|(name, of_day, same)| {
            element.starts_with(name).then_some((*name, *of_day, *same))
        })?;
        // An element that the type has no use for stays as it is.
        if (of_day && *ty == Type::Date) || (!of_day && *ty == Type::Time) {
            return None;
        }
        pattern.push_str(same);
        rest = &element[known.len()..];
    }
    // PostgreSQL gives NULL for an empty format.
    (!pattern.is_empty()).then_some(pattern)
}

/// Text as it is; digits and blanks too would mean something else to `to_char`.
fn quote(text: &str, pattern: &mut String) {
    pattern.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('"');
}

/// Elements, whether they show the time of day, and their twins.
const ELEMENTS: [(&str, bool, &str); 29] = [
    ("Y", false, "FMYYYY"),
    ("E4Y", false, "YYYY"),
    ("y", false, "YY"),
    ("G", false, "FMIYYY"),
    ("m", false, "MM"),
    ("d", false, "DD"),
    ("j", false, "DDD"),
    ("V", false, "IW"),
    ("u", false, "ID"),
    ("a", false, "Dy"),
    ("A", false, "FMDay"),
    ("b", false, "Mon"),
    ("h", false, "Mon"),
    ("B", false, "FMMonth"),
    ("D", false, "MM/DD/YY"),
    ("x", false, "MM/DD/YY"),
    ("F", false, "FMYYYY-MM-DD"),
    ("Q", false, "Q"),
    ("H", true, "HH24"),
    ("I", true, "HH12"),
    ("M", true, "MI"),
    ("S", true, "SS"),
    ("E3S", true, "SS.MS"),
    ("E6S", true, "SS.US"),
    ("p", true, "AM"),
    ("R", true, "HH24:MI"),
    ("T", true, "HH24:MI:SS"),
    ("X", true, "HH24:MI:SS"),
    ("r", true, "HH12:MI:SS AM"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_formats_are_postgresqls() {
        for (format, ty, pattern) in [
            ("%Y-%m-%d", Type::Date, Some("FMYYYY\"-\"MM\"-\"DD")),
            ("%H:%M", Type::Time, Some("HH24\":\"MI")),
            ("a \"b\\\" %d", Type::Date, Some("\"a \\\"b\\\\\\\" \"DD")),
            ("%E3S", Type::Timestamp, Some("SS.MS")),
            ("%H", Type::Date, None),
            ("%d", Type::Time, None),
            ("%Ez", Type::Timestamp, None),
            ("%", Type::Date, None),
            ("", Type::Date, None),
        ] {
            assert_eq!(to_char(format, &ty).as_deref(), pattern, "{format}");
        }
    }
}
