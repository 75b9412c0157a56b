//! The elements of `CAST … FORMAT` of dates and times, which are near those of PostgreSQL's.

use crate::types::Type;

/// Elements in upper case, the longest of those that begin alike first; whether they show the time
/// of day; their twins for PostgreSQL's `to_char`.
const ELEMENTS: [(&str, bool, &str); 35] = [
    ("Y,YYY", false, ""),
    ("YYYY", false, "YYYY"),
    ("YYY", false, "YYY"),
    ("YY", false, "YY"),
    ("Y", false, "Y"),
    ("RRRR", false, "YYYY"),
    ("RR", false, "YY"),
    ("MONTH", false, "FMMONTH"),
    ("MON", false, "MON"),
    ("MM", false, "MM"),
    ("MI", true, "MI"),
    ("DDD", false, "DDD"),
    ("DD", false, "DD"),
    ("DAY", false, "FMDAY"),
    ("DY", false, "DY"),
    ("D", false, "D"),
    ("HH24", true, "HH24"),
    ("HH12", true, "HH12"),
    ("HH", true, "HH12"),
    ("SSSSS", true, "SSSSS"),
    ("SS", true, "SS"),
    ("FF1", true, "FF1"),
    ("FF2", true, "FF2"),
    ("FF3", true, "FF3"),
    ("FF4", true, "FF4"),
    ("FF5", true, "FF5"),
    ("FF6", true, "FF6"),
    ("FF7", true, "FF6\"0\""),
    ("FF8", true, "FF6\"00\""),
    ("FF9", true, "FF6\"000\""),
    ("AM", true, "AM"),
    ("PM", true, "AM"),
    ("A.M.", true, "A.M."),
    ("P.M.", true, "A.M."),
    ("TZ", true, ""),
];

/// What may stand between elements as it is.
const SEPARATORS: &str = "-./,';: ";

/// A piece of a format: an element, or text as it is.
enum Piece<'a> {
    Element { name: &'static str, of_day: bool, same: &'static str, written: &'a str },
    Text(String),
}

/// The piece at the start of a format, and what follows it.
fn piece(format: &str) -> Result<(Piece<'_>, &str), String> {
    if let Some(quoted) = format.strip_prefix('"') {
        let mut text = String::new();
        let mut rest = quoted.chars();
        loop {
            match rest.next() {
                Some('"') => return Ok((Piece::Text(text), rest.as_str())),
                Some('\\') => text.extend(rest.next()),
                Some(c) => text.push(c),
                None => return Err("Cannot find matching \" for quoted literal".to_owned()),
            }
        }
    }
    if format.starts_with(|c| SEPARATORS.contains(c)) {
        let (text, rest) = format.split_at(1);
        return Ok((Piece::Text(text.to_owned()), rest));
    }
    ELEMENTS
        .iter()
        .find_map(|(name, of_day, same)| {
            let written = format.get(..name.len())?;
            written.eq_ignore_ascii_case(name).then(|| {
                let element = Piece::Element { name, of_day: *of_day, same, written };
                (element, &format[name.len()..])
            })
        })
        .ok_or_else(|| format!("Cannot find matched format element at '{format}'"))
}

/// A format for `to_char`; the error says what is wrong.
pub(super) fn to_char(format: &str, ty: &Type) -> Result<String, String> {
    let mut pattern = String::new();
    let mut rest = format;
    while !rest.is_empty() {
        let (piece, after) = piece(rest)?;
        rest = after;
        match piece {
            Piece::Text(text) => {
                let text = text.replace('\\', "\\\\").replace('"', "\\\"");
                pattern.push_str(&format!("\"{text}\""));
            }
            Piece::Element { name, of_day, same, written } => {
                if (of_day && *ty == Type::Date) || (!of_day && *ty == Type::Time) {
                    return Err(format!("{ty} does not support '{name}'"));
                }
                if name == "Y,YYY" {
                    return Err(format!("Unsupported format element '{name}'"));
                }
                if name == "TZ" {
                    return Err(
                        "TZH and TZM in a FORMAT to STRING are not supported yet".to_owned()
                    );
                }
                pattern.push_str(&in_case_of(written, name, same));
            }
        }
    }
    Ok(pattern)
}

/// Names of days and months, AM and PM are written as their elements are: `DAY`, `Day`, `day`.
fn in_case_of(written: &str, name: &str, same: &str) -> String {
    if !matches!(name, "MONTH" | "MON" | "DAY" | "DY" | "AM" | "PM" | "A.M." | "P.M.") {
        return same.to_owned();
    }
    let (prefix, word) = same.strip_prefix("FM").map_or(("", same), |word| ("FM", word));
    let lower = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase());
    let (first, second) = (lower(written.chars().next()), lower(written.chars().nth(1)));
    let word = if first {
        word.to_ascii_lowercase()
    } else if second && !name.ends_with(['M', '.']) {
        format!("{}{}", &word[..1], word[1..].to_ascii_lowercase())
    } else {
        word.to_owned()
    };
    format!("{prefix}{word}")
}

/// The `%` elements that read what a format writes; the error completes "… is not supported yet".
pub(super) fn to_parse(format: &str, ty: &Type) -> Result<String, String> {
    let mut elements = String::new();
    let mut dates = 0;
    let mut rest = format;
    while !rest.is_empty() {
        let (piece, after) = piece(rest)?;
        rest = after;
        let (name, of_day) = match piece {
            Piece::Text(text) => {
                elements.push_str(&text.replace('%', "%%"));
                continue;
            }
            Piece::Element { name, of_day, .. } => (name, of_day),
        };
        if (of_day && *ty == Type::Date) || (!of_day && *ty == Type::Time) {
            return Err(format!("{name} in the FORMAT of a {ty}"));
        }
        let same = match name {
            "YYYY" => "%Y",
            "MM" => "%m",
            "DD" => "%d",
            "HH24" => "%H",
            "MI" => "%M",
            "SS" => {
                let digits = rest
                    .get(..4)
                    .filter(|text| text[..3].eq_ignore_ascii_case(".FF"))
                    .and_then(|text| text.get(3..))
                    .filter(|digit| ("1"..="9").contains(digit));
                if let Some(digits) = digits {
                    elements.push_str(&format!("%E{digits}S"));
                    rest = &rest[4..];
                    continue;
                }
                "%S"
            }
            "TZ" if *ty == Type::Timestamp => match rest.to_ascii_uppercase() {
                rest_upper if rest_upper.starts_with("H:TZM") => {
                    rest = &rest[5..];
                    "%Ez"
                }
                rest_upper if rest_upper == "H" => {
                    rest = "";
                    "%z"
                }
                _ => return Err("this place of TZH or TZM in a FORMAT".to_owned()),
            },
            name => return Err(format!("reading {name} by a FORMAT")),
        };
        dates += i32::from(!of_day);
        elements.push_str(same);
    }
    // What is missing would be that of the current date.
    if *ty != Type::Time && dates < 3 {
        return Err("a FORMAT without YYYY, MM and DD".to_owned());
    }
    Ok(elements)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_as_postgresql_does() {
        for (format, ty, pattern) in [
            ("YYYY-MM-DD", Type::Date, Ok("YYYY\"-\"MM\"-\"DD")),
            ("Day mon", Type::Date, Ok("FMDay\" \"mon")),
            ("Mon pm", Type::Datetime, Ok("Mon\" \"am")),
            ("\"a\\\"b\"", Type::Time, Ok("\"a\\\"b\"")),
            ("HH24", Type::Date, Err("DATE does not support 'HH24'")),
            ("YYYYxMM", Type::Date, Err("Cannot find matched format element at 'xMM'")),
        ] {
            let expected = pattern.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(to_char(format, &ty), expected, "{format}");
        }
    }

    #[test]
    fn reads_what_is_plain() {
        for (format, ty, elements) in [
            ("YYYYMMDD", Type::Date, Some("%Y%m%d")),
            ("YYYY-MM-DD HH24:MI:SS.FF3", Type::Datetime, Some("%Y-%m-%d %H:%M:%E3S")),
            ("YYYY-MM-DD HH24:MI:SSTZH:TZM", Type::Timestamp, Some("%Y-%m-%d %H:%M:%S%Ez")),
            ("HH24:MI", Type::Time, Some("%H:%M")),
            ("YYYY", Type::Date, None),
            ("YY-MM-DD", Type::Date, None),
            ("YYYY-MON-DD", Type::Date, None),
            ("TZHMM", Type::Timestamp, None),
        ] {
            assert_eq!(to_parse(format, &ty).ok().as_deref(), elements, "{format}");
        }
    }
}
