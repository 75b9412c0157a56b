//! The pattern of FORMAT.

/// A part of a pattern.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Value(Specifier),
}

/// `%-10.3f`
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Specifier {
    /// Of `-+ #0'`, as they stand.
    pub(super) flags: String,
    pub(super) width: Option<Count>,
    pub(super) precision: Option<Count>,
    /// `i` is `d`.
    pub(super) conversion: char,
}

/// A width or a precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    Fixed(u32),
    /// `*`: the next argument says it.
    Argument,
}

/// Most that a width or a precision may be.
const MAX_COUNT: u32 = 10_000;

/// Takes a pattern apart; the error is what is wrong with it.
pub(super) fn parse(pattern: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('%') {
        text.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            text.push('%');
            rest = after;
            continue;
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
        }
        let (specifier, after) = self::specifier(after, pattern)?;
        pieces.push(Piece::Value(specifier));
        rest = after;
    }
    text.push_str(rest);
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

fn specifier<'a>(after: &'a str, pattern: &str) -> Result<(Specifier, &'a str), String> {
    let rest = after.trim_start_matches(['-', '+', ' ', '#', '0', '\'']);
    let flags = &after[..after.len() - rest.len()];
    let (width, rest) = count(rest)?;
    let (precision, rest) = match rest.strip_prefix('.') {
        None => (None, rest),
        Some(rest) => {
            let (precision, rest) = count(rest)?;
            (precision.or(Some(Count::Fixed(0))), rest)
        }
    };
    let wrong = |what: &str| format!("Invalid format specifier in FORMAT: %{after}: {what}");
    let Some(conversion) = rest.chars().next() else {
        return Err(format!("Invalid FORMAT string: \"{pattern}\""));
    };
    let after_it = &rest[conversion.len_utf8()..];
    let conversion = if conversion == 'i' { 'd' } else { conversion };
    if !"doxXeEfFgGstTpP".contains(conversion) {
        return Err(format!(
            "Invalid format specifier character \"{conversion}\" in FORMAT string: \"{pattern}\""
        ));
    }
    if flags.contains('\'') && !"doxXfF".contains(conversion) {
        return Err(wrong("the flag ' is supported for integers, %f and %F only"));
    }
    if flags.contains(['+', ' ']) && "oxX".contains(conversion) {
        return Err(wrong("a sign is supported for decimal numbers only"));
    }
    Ok((Specifier { flags: flags.to_owned(), width, precision, conversion }, after_it))
}

fn count(text: &str) -> Result<(Option<Count>, &str), String> {
    if let Some(rest) = text.strip_prefix('*') {
        return Ok((Some(Count::Argument), rest));
    }
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = &text[..text.len() - rest.len()];
    if digits.is_empty() {
        return Ok((None, rest));
    }
    let count = digits.parse::<u32>().ok().filter(|count| *count <= MAX_COUNT);
    let count = count.ok_or_else(|| {
        format!("Invalid format specifier in FORMAT: {digits} is more than {MAX_COUNT}")
    })?;
    Ok((Some(Count::Fixed(count)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_patterns_apart() {
        let value = |flags: &str, width, precision, conversion| {
            Piece::Value(Specifier { flags: flags.to_owned(), width, precision, conversion })
        };
        let text = |text: &str| Piece::Text(text.to_owned());
        for (pattern, pieces) in [
            ("", vec![]),
            ("a%%b", vec![text("a%b")]),
            ("%d, %i", vec![value("", None, None, 'd'), text(", "), value("", None, None, 'd')]),
            ("%-+10.3f%", vec![]),
            ("%05.*s", vec![value("0", Some(Count::Fixed(5)), Some(Count::Argument), 's')]),
            (
                "é%*.e",
                vec![text("é"), value("", Some(Count::Argument), Some(Count::Fixed(0)), 'e')],
            ),
        ] {
            match parse(pattern) {
                Ok(found) => assert_eq!(found, pieces, "{pattern}"),
                Err(why) => assert!(pattern.ends_with("f%"), "{pattern}: {why}"),
            }
        }
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for pattern in ["%", "%y", "%é", "%99999d", "%'g", "%+x", "%5", "%a"] {
            assert!(parse(pattern).is_err(), "{pattern}");
        }
    }
}
