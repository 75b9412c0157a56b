//! The text, read word by word.

use std::borrow::Cow;

use crate::{
    Position,
    error::{LqlError, Problem},
};

/// Reads a text from its beginning.
pub(crate) struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    pub(crate) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Where it is, in bytes.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    pub(crate) fn position(&self, offset: usize) -> Position {
        Position::of(self.text, offset)
    }

    pub(crate) fn error(&self, offset: usize, problem: Problem) -> LqlError {
        LqlError { at: self.position(offset), problem }
    }

    pub(crate) fn skip_blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Whether a term ends here.
    pub(crate) fn at_end(&self) -> bool {
        !self.rest().starts_with(|c: char| !c.is_whitespace())
    }

    pub(crate) fn take(&mut self, prefix: &str) -> bool {
        let found = self.rest().starts_with(prefix);
        if found {
            self.at += prefix.len();
        }
        found
    }

    /// Up to a blank, a quote, or a character that `ends` it.
    pub(crate) fn word(&mut self, ends: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let length =
            rest.find(|c: char| c.is_whitespace() || c == '"' || ends(c)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// The end of a term: what follows must be a blank.
    pub(crate) fn end_term(&self) -> Result<(), LqlError> {
        if self.at_end() { Ok(()) } else { Err(self.error(self.at, Problem::NoBlank)) }
    }

    /// A text in quotes, of which the first is next; None where none is. `\"` is a quote; other
    /// escapes stay, as regular expressions need them, but where `unescape` says so `\\` is `\`.
    pub(crate) fn quoted(&mut self, unescape: bool) -> Result<Option<Cow<'t, str>>, LqlError> {
        let start = self.at;
        if !self.take("\"") {
            return Ok(None);
        }
        let rest = self.rest();
        let mut escaped = false;
        let mut end = None;
        for (place, c) in rest.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => {
                    end = Some(place);
                    break;
                }
                _ => {}
            }
        }
        let Some(end) = end else { return Err(self.error(start, Problem::OpenQuote)) };
        self.at += end + 1;
        self.end_term()?;
        let inner = rest.get(..end).unwrap_or_default();
        Ok(Some(unquoted(inner, unescape)))
    }
}

/// What is meant by what stands between quotes.
fn unquoted(inner: &str, unescape: bool) -> Cow<'_, str> {
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some('"') => text.push('"'),
            Some('\\') if unescape => text.push('\\'),
            Some(other) => text.extend(['\\', other]),
            None => text.push('\\'),
        }
    }
    Cow::Owned(text)
}
