//! BigQuery's string literals, read by its own rules.
//!
//! sqlparser leaves `\x41`, `\u00e9` and octal escapes wrong and ends `r'\''` too early. So the
//! literals are read here: the text is handed on with every literal blanked (same length, same
//! line breaks, so that positions stay true), and the values are put back into the tokens.
//! Two things that BigQuery refuses and Studio sends are understood: `''` inside `'…'` is a
//! quote, and an unknown escape such as `\.` stands for itself.

use std::collections::HashMap;

use crate::diagnostic::{Diagnostic, Position};

/// A literal's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Literal {
    Text(String),
    Bytes(Vec<u8>),
}

/// A query's text with blanked literals, and the literals by the position of their first quote.
#[derive(Debug)]
pub(crate) struct Blanked {
    pub(crate) text: String,
    pub(crate) literals: HashMap<(u64, u64), Literal>,
}

/// Reads all literals of a query.
pub(crate) fn blank(sql: &str) -> Result<Blanked, Diagnostic> {
    let mut reader = Reader {
        rest: sql,
        text: String::with_capacity(sql.len()),
        at: Position { line: 1, column: 1 },
    };
    let mut literals = HashMap::new();
    while let Some(next) = reader.rest.chars().next() {
        match next {
            '-' if reader.rest.starts_with("--") => reader.copy_until("\n"),
            '#' => reader.copy_until("\n"),
            '/' if reader.rest.starts_with("/*") => reader.copy_until("*/"),
            '`' => reader.copy_quoted_name(),
            // sqlparser would begin a string of PostgreSQL's with two of them.
            '$' => {
                let message = "Syntax error: `$` can only be in a name between backquotes";
                return Err(Diagnostic::invalid(reader.at, message));
            }
            '\'' | '"' => {
                let at = reader.at;
                literals.insert((at.line, at.column), reader.literal(false, false)?);
            }
            c if c.is_ascii_alphabetic() || c == '_' || c == '@' => {
                let word = reader.rest.len()
                    - reader
                        .rest
                        .trim_start_matches(|c: char| c.is_alphanumeric() || c == '_' || c == '@')
                        .len();
                let (raw, bytes) = match reader.rest[..word].to_ascii_lowercase().as_str() {
                    "r" => (true, false),
                    "b" => (false, true),
                    "rb" | "br" => (true, true),
                    _ => (false, false),
                };
                let quoted = reader.rest[word..].starts_with(['\'', '"']);
                if quoted && (raw || bytes) {
                    for _ in 0..word {
                        reader.skip(' ');
                    }
                    let at = reader.at;
                    literals.insert((at.line, at.column), reader.literal(raw, bytes)?);
                } else {
                    for _ in 0..reader.rest[..word].chars().count() {
                        reader.copy();
                    }
                }
            }
            _ => reader.copy(),
        }
    }
    Ok(Blanked { text: reader.text, literals })
}

struct Reader<'a> {
    rest: &'a str,
    text: String,
    at: Position,
}

impl Reader<'_> {
    /// Takes one character and writes `stand_in` for it; line breaks stay.
    fn skip(&mut self, stand_in: char) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        if c == '\n' {
            self.at = Position { line: self.at.line + 1, column: 1 };
            self.text.push('\n');
        } else {
            self.at.column += 1;
            self.text.push(stand_in);
        }
        Some(c)
    }

    fn copy(&mut self) {
        if let Some(c) = self.rest.chars().next() {
            self.skip(c);
        }
    }

    fn copy_until(&mut self, end: &str) {
        let length = self.rest.find(end).map_or(self.rest.len(), |found| found + end.len());
        let stop = self.rest.len() - length;
        while self.rest.len() > stop {
            self.copy();
        }
    }

    fn copy_quoted_name(&mut self) {
        self.copy();
        while let Some(c) = self.rest.chars().next() {
            self.copy();
            match c {
                '`' => return,
                '\\' => self.copy(),
                _ => {}
            }
        }
    }

    /// Reads a literal that begins at the current quote.
    fn literal(&mut self, raw: bool, bytes: bool) -> Result<Literal, Diagnostic> {
        let start = self.at;
        let Some(quote) = self.rest.chars().next() else {
            return Err(Diagnostic::internal(start, "a literal without a quote"));
        };
        let triple = self.rest.starts_with(&String::from(quote).repeat(3));
        let width = if triple { 3 } else { 1 };
        self.text.push('\'');
        for taken in 0..width {
            self.drop_one(taken > 0);
        }
        let mut value = Value::default();
        loop {
            let Some(c) = self.rest.chars().next() else {
                return Err(Diagnostic::invalid(start, "Syntax error: Unclosed string literal"));
            };
            let closes = if triple {
                self.rest.starts_with(&String::from(quote).repeat(3))
            } else {
                c == quote
            };
            if closes && !triple && quote == '\'' && !raw && self.rest[1..].starts_with('\'') {
                value.push(c);
                self.skip(' ');
                self.skip(' ');
            } else if closes {
                break;
            } else if c == '\\' && raw {
                value.push(c);
                self.skip(' ');
                if let Some(escaped) = self.skip(' ') {
                    value.push(escaped);
                }
            } else if c == '\\' {
                self.escape(bytes, &mut value)?;
            } else {
                value.push(c);
                self.skip(' ');
            }
        }
        for taken in 0..width {
            self.drop_one(taken + 1 < width);
        }
        self.text.push('\'');
        value.finish(bytes, start)
    }

    /// Takes one character of a quote; all but one of them are blanked.
    fn drop_one(&mut self, blank: bool) {
        if let Some(c) = self.rest.chars().next() {
            self.rest = &self.rest[c.len_utf8()..];
            self.at.column += 1;
            if blank {
                self.text.push(' ');
            }
        }
    }

    /// Reads an escape sequence of a literal that is not raw.
    fn escape(&mut self, bytes: bool, value: &mut Value) -> Result<(), Diagnostic> {
        let at = self.at;
        self.skip(' ');
        let Some(c) = self.skip(' ') else {
            return Err(Diagnostic::invalid(at, "Syntax error: Unclosed string literal"));
        };
        let simple = match c {
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            '\\' | '?' | '"' | '\'' | '`' => c,
            'x' | 'X' => return self.numeric(2, 16, bytes, at, value),
            'u' => return self.numeric(4, 16, false, at, value),
            'U' => return self.numeric(8, 16, false, at, value),
            '0'..='7' => {
                let mut code = u32::from(c) - u32::from('0');
                for _ in 0..2 {
                    let Some(digit) = self.rest.chars().next().and_then(|d| d.to_digit(8)) else {
                        return Err(Diagnostic::invalid(
                            at,
                            "Illegal escape sequence: an octal escape has three digits",
                        ));
                    };
                    self.skip(' ');
                    code = code * 8 + digit;
                }
                return value.push_code(code, bytes, at);
            }
            '\n' => '\n',
            other => {
                value.push('\\');
                other
            }
        };
        value.push(simple);
        Ok(())
    }

    fn numeric(
        &mut self,
        digits: usize,
        radix: u32,
        bytes: bool,
        at: Position,
        value: &mut Value,
    ) -> Result<(), Diagnostic> {
        let mut code = 0_u32;
        for _ in 0..digits {
            let Some(digit) = self.rest.chars().next().and_then(|d| d.to_digit(radix)) else {
                return Err(Diagnostic::invalid(
                    at,
                    format!("Illegal escape sequence: {digits} hexadecimal digits must follow"),
                ));
            };
            self.skip(' ');
            code = code.wrapping_mul(radix).wrapping_add(digit);
        }
        value.push_code(code, bytes, at)
    }
}

/// A literal's value while it is read: escapes of bytes literals may be any byte.
#[derive(Default)]
struct Value {
    bytes: Vec<u8>,
}

impl Value {
    fn push(&mut self, c: char) {
        self.bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    fn push_code(&mut self, code: u32, as_byte: bool, at: Position) -> Result<(), Diagnostic> {
        if as_byte {
            let byte = u8::try_from(code).map_err(|_| {
                Diagnostic::invalid(at, "Illegal escape sequence: a byte is at most \\377")
            })?;
            self.bytes.push(byte);
            return Ok(());
        }
        match char::from_u32(code) {
            Some('\0') => Err(Diagnostic::unsupported(at, "the character U+0000 in a string")),
            Some(c) => {
                self.push(c);
                Ok(())
            }
            None => {
                Err(Diagnostic::invalid(at, "Illegal escape sequence: not a Unicode character"))
            }
        }
    }

    fn finish(self, bytes: bool, at: Position) -> Result<Literal, Diagnostic> {
        if bytes {
            return Ok(Literal::Bytes(self.bytes));
        }
        let text = String::from_utf8(self.bytes)
            .map_err(|_| Diagnostic::internal(at, "a string literal that is not UTF-8"))?;
        if text.contains('\0') {
            return Err(Diagnostic::unsupported(at, "the character U+0000 in a string"));
        }
        Ok(Literal::Text(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(sql: &str) -> Literal {
        let blanked = blank(sql).unwrap();
        assert_eq!(blanked.text.chars().count(), sql.chars().count(), "{:?}", blanked.text);
        assert_eq!(blanked.literals.len(), 1, "{blanked:?}");
        blanked.literals.into_values().next().unwrap()
    }

    #[test]
    fn reads_bigquery_strings() {
        for (sql, value) in [
            (r"'abc'", "abc"),
            (r#""it's""#, "it's"),
            (r"'it''s'", "it's"),
            (r"''", ""),
            (r"'a\\d\'b'", r"a\d'b"),
            (r"'\x41\u00e9\U0001F600\101'", "Aé😀A"),
            (r"'\.'", r"\."),
            (r"r'\d\''", r"\d\'"),
            (r#"R"a\b""#, r"a\b"),
            ("'''a'b\nc'''", "a'b\nc"),
            ("\"\"\"x\"y\"\"\"", "x\"y"),
        ] {
            assert_eq!(only(sql), Literal::Text(value.to_owned()), "{sql}");
        }
        assert_eq!(only(r"b'\xff\001z'"), Literal::Bytes(vec![255, 1, b'z']));
    }

    #[test]
    fn comments_and_names_are_left_alone() {
        let blanked = blank("select `it's`, 1 -- don't\n# can't\n/* won't */ , 'x'").unwrap();
        assert_eq!(blanked.literals.len(), 1);
        assert!(blanked.text.contains("`it's`") && blanked.text.contains("-- don't"));
        assert_eq!(blanked.literals[&(3, 15)], Literal::Text("x".to_owned()));
    }

    #[test]
    fn says_where_a_literal_is_wrong() {
        let at = blank("select `a$b`, '$',\n $$r'a'$$").unwrap_err().at;
        assert_eq!(at, Position { line: 2, column: 2 });
        assert_eq!(blank("select 'abc").unwrap_err().at, Position { line: 1, column: 8 });
        assert_eq!(blank("select\n '\\u12'").unwrap_err().at, Position { line: 2, column: 3 });
        assert!(blank("'\\U00110000'").is_err());
        assert!(blank("'\\000'").is_err());
    }
}
