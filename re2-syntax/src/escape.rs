//! Escapes.

use super::{Assertion, Error, Node, Reader};

impl Reader<'_> {
    /// After a backslash, out of brackets.
    pub(super) fn escape(&mut self) -> Result<Node, Error> {
        let Some(kind) = self.rest.chars().next() else {
            return Err(Error::Invalid("trailing \\".to_owned()));
        };
        if let Some(class) = self.class_escape(kind)? {
            return Ok(Node::Class(class));
        }
        self.rest = &self.rest[kind.len_utf8()..];
        Ok(match kind {
            'A' => Node::Assertion(Assertion::TextStart),
            'z' => Node::Assertion(Assertion::TextEnd),
            'b' => Node::Assertion(Assertion::Word),
            'B' => Node::Assertion(Assertion::NotWord),
            'C' => return Err(Error::Unsupported("\\C".to_owned())),
            kind => {
                let c = self.character_escape(kind)?;
                self.literal(c)
            }
        })
    }

    /// The character that an escape stands for; `c` is what follows the backslash.
    pub(super) fn character_escape(&mut self, c: char) -> Result<char, Error> {
        let wrong = || Error::Invalid(format!("invalid escape sequence: \\{c}"));
        let character = |code: Option<u32>| code.and_then(char::from_u32).ok_or_else(wrong);
        Ok(match c {
            'a' => '\x07',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            'x' => {
                let (digits, rest) = match self.rest.strip_prefix('{') {
                    Some(rest) => rest.split_once('}').ok_or_else(wrong)?,
                    None => self.rest.split_at_checked(2).ok_or_else(wrong)?,
                };
                if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return Err(wrong());
                }
                self.rest = rest;
                character(u32::from_str_radix(digits, 16).ok())?
            }
            '0'..='7' => {
                let digits: String = std::iter::once(c)
                    .chain(self.rest.chars().take(2).take_while(|c| ('0'..='7').contains(c)))
                    .collect();
                // One digit that is not 0 would be a reference back, which RE2 has not.
                if c != '0' && digits.len() == 1 {
                    return Err(wrong());
                }
                self.rest = &self.rest[digits.len() - 1..];
                character(u32::from_str_radix(&digits, 8).ok())?
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => c,
            _ => return Err(wrong()),
        })
    }
}
