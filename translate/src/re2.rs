//! Regular expressions: from RE2's syntax to PostgreSQL's.
//!
//! RE2's classes are ASCII and its `.` stops at a line break; PostgreSQL's are not and does not.
//! What PostgreSQL cannot express is refused, never approximated.

mod class;

use class::class_escape;

/// A translated pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// For PostgreSQL's `~` and `regexp_…` functions.
    pub(crate) text: String,
    /// Number of capturing groups.
    pub(crate) groups: usize,
    /// Whether it has `|`.
    pub(crate) alternatives: bool,
    /// Whether it has a quantifier like `*?`.
    pub(crate) lazy: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Error {
    /// RE2 refuses it too.
    Invalid(String),
    /// Good for RE2, not for PostgreSQL; completes "… in a regular expression is not supported".
    Unsupported(String),
}

/// Most repetitions that PostgreSQL counts.
const MAX_REPEAT: u32 = 255;

/// Translates a pattern.
pub(crate) fn to_postgres(re2: &str) -> Result<Pattern, Error> {
    let mut reader = Reader {
        rest: re2,
        out: String::with_capacity(re2.len() + 8),
        groups: 0,
        open: 0,
        alternatives: false,
        lazy: false,
        dot_matches_newline: false,
        ignore_case: false,
        outer_cases: Vec::new(),
        quantifiable: false,
    };
    let options = reader.leading_flags()?;
    while let Some(c) = reader.next() {
        reader.item(c)?;
    }
    if reader.open > 0 {
        return Err(Error::Invalid("missing closing )".to_owned()));
    }
    // `***:` makes PostgreSQL read the pattern as an advanced one whatever the server's settings.
    Ok(Pattern {
        text: format!("***:{options}{}", reader.out),
        groups: reader.groups,
        alternatives: reader.alternatives,
        lazy: reader.lazy,
    })
}

/// Translates the third argument of REGEXP_REPLACE: `\1` stays, `\0` is PostgreSQL's `\&`.
pub(crate) fn replacement_to_postgres(with: &str, groups: usize) -> Result<String, String> {
    let mut out = String::with_capacity(with.len());
    let mut chars = with.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('\\') => out.push_str("\\\\"),
                Some('0') => out.push_str("\\&"),
                Some(digit @ '1'..='9') => {
                    if digit as usize - '0' as usize > groups {
                        return Err(format!("group {digit} does not exist"));
                    }
                    out.push('\\');
                    out.push(digit);
                }
                _ => {
                    return Err("a backslash must be followed by a digit or a backslash".to_owned());
                }
            },
            c => out.push(c),
        }
    }
    Ok(out)
}

struct Reader<'a> {
    rest: &'a str,
    out: String,
    groups: usize,
    open: usize,
    alternatives: bool,
    lazy: bool,
    dot_matches_newline: bool,
    /// Whether letters stand for both cases because of a flag inside the pattern: PostgreSQL knows
    /// flags at the front only, so letters are spelled out.
    ignore_case: bool,
    /// The same of the groups around.
    outer_cases: Vec<bool>,
    /// Whether what was written last can be repeated.
    quantifiable: bool,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn take(&mut self, prefix: &str) -> bool {
        let found = self.rest.strip_prefix(prefix);
        if let Some(rest) = found {
            self.rest = rest;
        }
        found.is_some()
    }

    /// `(?ims)` at the front, the only place where PostgreSQL knows flags.
    fn leading_flags(&mut self) -> Result<&'static str, Error> {
        let Some(flags) = self.rest.strip_prefix("(?").and_then(|rest| rest.split_once(')')) else {
            return Ok("");
        };
        let (flags, rest) = flags;
        if flags.is_empty() || !flags.chars().all(|c| matches!(c, 'i' | 'm' | 's' | 'U' | '-')) {
            return Ok("");
        }
        let (on, off) = flags.split_once('-').unwrap_or((flags, ""));
        if on.contains('U') || off.contains('U') {
            return Err(Error::Unsupported("the flag U".to_owned()));
        }
        self.rest = rest;
        self.dot_matches_newline = on.contains('s');
        Ok(match (on.contains('i'), on.contains('m')) {
            (false, false) => "",
            (true, false) => "(?i)",
            (false, true) => "(?w)",
            (true, true) => "(?iw)",
        })
    }

    fn item(&mut self, c: char) -> Result<(), Error> {
        let could_repeat = std::mem::replace(&mut self.quantifiable, true);
        match c {
            '.' if self.dot_matches_newline => self.out.push('.'),
            '.' => self.out.push_str("[^\\n]"),
            '^' | '$' => {
                self.quantifiable = false;
                self.out.push(c);
            }
            '|' => {
                self.quantifiable = false;
                self.alternatives = true;
                self.out.push('|');
            }
            '(' => {
                self.quantifiable = false;
                self.group()?;
            }
            ')' => {
                if self.open == 0 {
                    return Err(Error::Invalid("unexpected )".to_owned()));
                }
                self.open -= 1;
                self.ignore_case = self.outer_cases.pop().unwrap_or_default();
                self.out.push(')');
            }
            '[' => self.class()?,
            '*' | '+' | '?' => self.quantifier(c, could_repeat)?,
            '{' => self.braces(could_repeat)?,
            '\\' => self.escape(could_repeat)?,
            c => self.push_plain(c),
        }
        Ok(())
    }

    /// A character that stands for itself.
    fn push_plain(&mut self, c: char) {
        match other_case(c).filter(|_| self.ignore_case) {
            Some(other) => self.out.extend(['[', c, other, ']']),
            None => self.push_escaped(c),
        }
    }

    /// A character, escaped where PostgreSQL sees more in it.
    fn push_escaped(&mut self, c: char) {
        if c.is_ascii_punctuation() {
            self.out.push('\\');
        }
        self.out.push(c);
    }

    fn quantifier(&mut self, c: char, could_repeat: bool) -> Result<(), Error> {
        if !could_repeat {
            return Err(Error::Invalid(format!("no argument for repetition operator: {c}")));
        }
        self.quantifiable = false;
        self.out.push(c);
        self.laziness();
        Ok(())
    }

    fn laziness(&mut self) {
        if self.take("?") {
            self.lazy = true;
            self.out.push('?');
        }
    }

    /// `{n}`, `{n,}`, `{n,m}`; anything else is a plain brace.
    fn braces(&mut self, could_repeat: bool) -> Result<(), Error> {
        let counts = self.rest.split_once('}').map(|(counts, _)| counts);
        let is_count = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let well_formed = counts.is_some_and(|counts| match counts.split_once(',') {
            None => is_count(counts),
            Some((least, most)) => is_count(least) && (most.is_empty() || is_count(most)),
        });
        let Some(counts) = counts.filter(|_| well_formed) else {
            self.push_plain('{');
            return Ok(());
        };
        if !could_repeat {
            return Err(Error::Invalid(format!(
                "no argument for repetition operator: {{{counts}}}"
            )));
        }
        let too_many =
            |text: &str| !text.is_empty() && text.parse::<u32>().map_or(true, |n| n > MAX_REPEAT);
        if counts.split(',').any(too_many) {
            return Err(Error::Unsupported(format!(
                "a repetition of more than {MAX_REPEAT} times"
            )));
        }
        self.out.push('{');
        self.out.push_str(counts);
        self.out.push('}');
        self.rest = &self.rest[counts.len() + 1..];
        self.quantifiable = false;
        self.laziness();
        Ok(())
    }

    fn group(&mut self) -> Result<(), Error> {
        if !self.take("?") {
            self.groups += 1;
            self.open_group("(");
            return Ok(());
        }
        if self.take(":") {
            self.open_group("(?:");
            return Ok(());
        }
        for lookaround in ["=", "!", "<=", "<!"] {
            if self.rest.starts_with(lookaround) {
                return Err(Error::Invalid(
                    "invalid perl operator: look-around does not exist".to_owned(),
                ));
            }
        }
        if self.take("P<") || self.take("<") {
            let Some((name, rest)) = self.rest.split_once('>') else {
                return Err(Error::Invalid("invalid named capture group".to_owned()));
            };
            if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
                return Err(Error::Invalid(format!("invalid named capture group: {name}")));
            }
            self.rest = rest;
            self.groups += 1;
            self.open_group("(");
            return Ok(());
        }
        let (ignore_case, rest) = match self.rest {
            rest if rest.starts_with("i") => (true, &rest[1..]),
            rest if rest.starts_with("-i") => (false, &rest[2..]),
            _ => {
                return Err(Error::Unsupported(
                    "a flag other than i that is not at the front".to_owned(),
                ));
            }
        };
        self.rest = rest;
        if self.take(":") {
            self.open_group("(?:");
        } else if !self.take(")") {
            return Err(Error::Unsupported(
                "a flag other than i that is not at the front".to_owned(),
            ));
        }
        // Without a colon it holds to the end of the group around it.
        self.ignore_case = ignore_case;
        Ok(())
    }

    fn open_group(&mut self, opening: &str) {
        self.open += 1;
        self.outer_cases.push(self.ignore_case);
        self.out.push_str(opening);
    }

    fn escape(&mut self, could_repeat: bool) -> Result<(), Error> {
        let Some(c) = self.next() else {
            return Err(Error::Invalid("trailing \\".to_owned()));
        };
        if let Some((members, negated)) = class_escape(c) {
            self.out.push_str(if negated { "[^" } else { "[" });
            self.out.push_str(members);
            self.out.push(']');
            return Ok(());
        }
        let assertion = match c {
            'A' => Some("\\A"),
            'z' => Some("\\Z"),
            'b' => Some("\\y"),
            'B' => Some("\\Y"),
            _ => None,
        };
        if let Some(assertion) = assertion {
            self.quantifiable = false;
            self.out.push_str(assertion);
            return Ok(());
        }
        match c {
            'Q' => {
                let (text, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
                self.rest = rest;
                if text.is_empty() {
                    self.quantifiable = could_repeat;
                }
                for c in text.chars() {
                    self.push_plain(c);
                }
            }
            'p' | 'P' => return Err(Error::Unsupported("a Unicode class".to_owned())),
            'C' => return Err(Error::Unsupported("\\C".to_owned())),
            c => {
                let code = self.character_escape(c)?;
                self.push_code(code);
            }
        }
        Ok(())
    }

    fn push_code(&mut self, c: char) {
        if c.is_ascii_control() {
            self.out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            self.push_plain(c);
        }
    }

    /// The character that an escape stands for, in and out of brackets.
    fn character_escape(&mut self, c: char) -> Result<char, Error> {
        Ok(match c {
            'a' => '\x07',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            'x' => {
                let digits = if self.take("{") {
                    let (digits, rest) = self.rest.split_once('}').ok_or_else(bad_escape)?;
                    self.rest = rest;
                    digits
                } else {
                    let digits = self.rest.get(..2).ok_or_else(bad_escape)?;
                    self.rest = &self.rest[2..];
                    digits
                };
                let code = u32::from_str_radix(digits, 16).map_err(|_| bad_escape())?;
                char::from_u32(code).filter(|c| *c != '\0').ok_or_else(bad_escape)?
            }
            '0'..='7' => {
                let more =
                    self.rest.bytes().take(2).take_while(|b| matches!(b, b'0'..=b'7')).count();
                if c != '0' && more == 0 {
                    return Err(Error::Invalid(format!(
                        "invalid escape sequence: \\{c} (no back-references)"
                    )));
                }
                let mut code = u32::from(c) - u32::from('0');
                for digit in self.rest[..more].bytes() {
                    code = code * 8 + u32::from(digit - b'0');
                }
                self.rest = &self.rest[more..];
                char::from_u32(code).filter(|c| *c != '\0').ok_or_else(bad_escape)?
            }
            c if c.is_ascii_punctuation() => c,
            c => return Err(Error::Invalid(format!("invalid escape sequence: \\{c}"))),
        })
    }
}

/// The other case of a letter, where it is one character.
fn other_case(c: char) -> Option<char> {
    let only =
        |mut cases: Box<dyn Iterator<Item = char>>| cases.next().filter(|_| cases.next().is_none());
    let lower = only(Box::new(c.to_lowercase()))?;
    let upper = only(Box::new(c.to_uppercase()))?;
    if c == lower { Some(upper) } else { Some(lower) }.filter(|other| *other != c)
}

fn bad_escape() -> Error {
    Error::Invalid("invalid escape sequence".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn translates() {
        for (re2, are) in [
            ("PGRST301", "PGRST301"),
            ("a.b", "a[^\\n]b"),
            ("(?s)a.b", "a.b"),
            ("(?i)abc", "(?i)abc"),
            ("(?im)^a$", "(?iw)^a$"),
            (r"\d+ [45]\d\d", r"[0-9]+ [45][0-9][0-9]"),
            (r"[\d.]+", r"[0-9\.]+"),
            (r"[a-z\-]", r"[a-z\-]"),
            ("[]a]", r"[\]a]"),
            ("[^-a]", r"[^\-a]"),
            (r"\bx\B", r"\yx\Y"),
            (r"\Aa\z", r"\Aa\Z"),
            (r"(?P<n>a)(?:b)", "(a)(?:b)"),
            (r"\Qa.b\E+", r"a\.b+"),
            (r"\x41\x{e9}\101\n", "AéA\\u000a"),
            ("a{2,3}?", "a{2,3}?"),
            ("a{,3}{", r"a\{\,3\}\{"),
            ("/rest|/graphql", r"\/rest|\/graphql"),
            ("it's \"q\"", r#"it\'s \"q\""#),
            (r"^GET .*(?i)a\.p1$", r"^GET [^\n]*[aA]\.[pP]1$"),
            ("a(?i:b[c1])d(e(?i)f)g", "a(?:[bB][cC1])d(e[fF])g"),
        ] {
            assert_eq!(to_postgres(re2).unwrap().text, format!("***:{are}"), "{re2}");
        }
        let pattern = to_postgres("(a)|(?:b)+?(c)").unwrap();
        assert_eq!((pattern.groups, pattern.alternatives, pattern.lazy), (2, true, true));
    }

    #[test]
    fn refuses() {
        for re2 in ["(", ")", "[a", "a\\", "*a", "a**", "(?=a)", r"(a)\1", r"\y", "(?P<>a)"] {
            assert!(matches!(to_postgres(re2), Err(Error::Invalid(_))), "{re2}");
        }
        for re2 in [r"\pL", "a{256}", "b(?s)a", "b(?i)[a-z]", r"[^\D]", "[[:foo:]]", "(?U)a"] {
            assert!(matches!(to_postgres(re2), Err(Error::Unsupported(_))), "{re2}");
        }
    }

    #[test]
    fn translates_replacements() {
        assert_eq!(replacement_to_postgres(r"<\0> \1 & \\", 1).unwrap(), r"<\&> \1 & \\");
        assert!(replacement_to_postgres(r"\2", 1).is_err());
        assert!(replacement_to_postgres("\\", 1).is_err());
    }
}
