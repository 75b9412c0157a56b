//! The elements of `CAST … FORMAT` of numbers, which are near those of PostgreSQL's `to_char`.

/// How a number is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NumberForm {
    /// By a format of `to_char`; the sign of a currency stands before the first digit.
    Decimal { to_char: String, currency: &'static str },
    /// As `1.5E+03`, by a format of `to_char`.
    Scientific { to_char: String },
    /// In so many hexadecimal digits, with zeros in front or blanks.
    Hexadecimal { digits: usize, zeros: bool, upper: bool },
}

impl NumberForm {
    /// How many digits stand after the point, of what has one.
    pub(super) fn decimals(&self) -> Option<usize> {
        let (Self::Decimal { to_char, .. } | Self::Scientific { to_char }) = self else {
            return None;
        };
        let after = to_char.split_once('.').map_or("", |(_, after)| after);
        Some(after.bytes().filter(u8::is_ascii_digit).count())
    }
}

/// Most digits of a hexadecimal number.
const MOST_HEXADECIMAL: usize = 16;

/// Reads a format. The error completes "… in the FORMAT of a number".
pub(super) fn read(format: &str) -> Result<NumberForm, String> {
    let letters = format.trim_matches('0');
    let hexadecimal = |letter: char| !letters.is_empty() && letters.chars().all(|c| c == letter);
    if hexadecimal('X') || hexadecimal('x') {
        let digits = format.len();
        if digits > MOST_HEXADECIMAL {
            return Err(format!("{digits} hexadecimal digits"));
        }
        let (zeros, upper) = (format.starts_with('0'), letters.starts_with('X'));
        return Ok(NumberForm::Hexadecimal { digits, zeros, upper });
    }
    let upper = format.to_ascii_uppercase();
    let mut rest = upper.as_str();
    let mut to_char = String::new();
    let mut currency = "";
    let (mut digits, mut points, mut signs) = (0, 0, 0);
    let mut scientific = false;
    while let Some(first) = rest.chars().next() {
        let at_end = |length: usize| rest.len() == length;
        let (element, length) = match first {
            '9' | '0' => {
                digits += 1;
                (if first == '9' { "9" } else { "0" }, 1)
            }
            // The server's locale has no say.
            ',' | 'G' if points == 0 && digits > 0 => (",", 1),
            '.' | 'D' if digits > 0 => {
                points += 1;
                (".", 1)
            }
            'S' if digits == 0 || at_end(1) => {
                signs += 1;
                ("S", 1)
            }
            '$' | 'L' | 'C' if digits == 0 && currency.is_empty() => {
                currency = if first == 'C' { "USD" } else { "$" };
                ("", 1)
            }
            _ if rest == "MI" || rest == "PR" => {
                signs += 1;
                (rest, 2)
            }
            _ if rest == "EEEE" => {
                scientific = true;
                ("EEEE", 4)
            }
            _ if rest.starts_with("FM") && to_char.is_empty() => ("FM", 2),
            other => return Err(format!("'{other}' at this place")),
        };
        to_char.push_str(element);
        rest = &rest[length..];
    }
    if digits == 0 || points > 1 || signs > 1 {
        return Err(format!("'{format}'"));
    }
    // What PostgreSQL refuses, or writes otherwise than BigQuery.
    let fits = |element: char| matches!(element, '9' | '0' | '.' | 'E');
    let mixed = scientific && !(to_char.chars().all(fits) && currency.is_empty());
    let signed_currency = !currency.is_empty() && signs > 0;
    if mixed || signed_currency {
        return Err(format!("'{format}'"));
    }
    Ok(match scientific {
        true => NumberForm::Scientific { to_char },
        false => NumberForm::Decimal { to_char, currency },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_postgresql_can_write() {
        let decimal = |to_char: &str, currency| {
            Ok(NumberForm::Decimal { to_char: to_char.to_owned(), currency })
        };
        for (format, form) in [
            ("999", decimal("999", "")),
            ("9g999d00", decimal("9,999.00", "")),
            ("S9", decimal("S9", "")),
            ("9mi", decimal("9MI", "")),
            ("$9,999.00", decimal("9,999.00", "$")),
            ("9.9EEEE", Ok(NumberForm::Scientific { to_char: "9.9EEEE".to_owned() })),
            ("0XX", Ok(NumberForm::Hexadecimal { digits: 3, zeros: true, upper: true })),
            ("xx", Ok(NumberForm::Hexadecimal { digits: 2, zeros: false, upper: false })),
            ("9.9.9", Err("'9.9.9'".to_owned())),
            (".99", Err("'.' at this place".to_owned())),
            ("9S9", Err("'S' at this place".to_owned())),
            ("", Err("''".to_owned())),
            ("9V9", Err("'V' at this place".to_owned())),
            ("S9.9EEEE", Err("'S9.9EEEE'".to_owned())),
            ("9.9EEEES", Err("'E' at this place".to_owned())),
            ("9.9EEEEMI", Err("'E' at this place".to_owned())),
            ("9.9EEEEPR", Err("'E' at this place".to_owned())),
            ("FM9.9EEEE", Err("'FM9.9EEEE'".to_owned())),
            ("9.9EEEE9", Err("'E' at this place".to_owned())),
            ("9.9EEEEEEEE", Err("'E' at this place".to_owned())),
            ("9,9EEEE", Err("'9,9EEEE'".to_owned())),
            ("$9EEEE", Err("'$9EEEE'".to_owned())),
            ("EEEE", Err("'EEEE'".to_owned())),
        ] {
            assert_eq!(read(format), form, "{format}");
        }
    }
}
