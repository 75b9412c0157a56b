//! Classes of characters: `[a-z]`, `\d`, `[:alpha:]`.

use super::{Error, Reader, other_case};

impl Reader<'_> {
    /// A member of a class, both cases of it where case is ignored.
    fn member(&mut self, c: char) -> Result<(), Error> {
        let other = other_case(c).filter(|_| self.ignore_case);
        if other.is_some()
            && (self.rest.starts_with('-') && !self.rest.starts_with("-]")
                || self.out.ends_with('-'))
        {
            return Err(Error::Unsupported(
                "a range of letters after a flag inside the pattern".to_owned(),
            ));
        }
        if c.is_ascii_control() {
            self.push_code(c);
        } else {
            self.push_escaped(c);
        }
        self.out.extend(other);
        Ok(())
    }

    /// `[…]`
    pub(super) fn class(&mut self) -> Result<(), Error> {
        self.out.push('[');
        if self.take("^") {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let Some(c) = self.next() else {
                return Err(Error::Invalid("missing closing ]".to_owned()));
            };
            match c {
                ']' if !first => break,
                '[' if self.rest.starts_with(':') => {
                    let Some((name, rest)) = self.rest[1..].split_once(":]") else {
                        return Err(Error::Invalid("invalid character class range".to_owned()));
                    };
                    let members = named_class(name)
                        .ok_or_else(|| Error::Unsupported(format!("the class [:{name}:]")))?;
                    self.out.push_str(members);
                    self.rest = rest;
                }
                '\\' => {
                    let c = self
                        .next()
                        .ok_or_else(|| Error::Invalid("missing closing ]".to_owned()))?;
                    match class_escape(c) {
                        Some((members, false)) => self.out.push_str(members),
                        Some((_, true)) => {
                            return Err(Error::Unsupported(
                                "a negated class inside brackets".to_owned(),
                            ));
                        }
                        None if matches!(c, 'p' | 'P') => {
                            return Err(Error::Unsupported("a Unicode class".to_owned()));
                        }
                        None => {
                            let code = self.character_escape(c)?;
                            self.member(code)?;
                        }
                    }
                }
                // A range's sign stays, everything else is escaped where it must be.
                '-' => {
                    self.out.push_str(if first || self.rest.starts_with(']') {
                        "\\-"
                    } else {
                        "-"
                    });
                }
                c => self.member(c)?,
            }
            first = false;
        }
        self.out.push(']');
        Ok(())
    }
}

/// `\d` and its kin: the members, and whether it is their complement.
pub(super) fn class_escape(c: char) -> Option<(&'static str, bool)> {
    Some(match c {
        'd' => ("0-9", false),
        'D' => ("0-9", true),
        'w' => ("0-9A-Za-z_", false),
        'W' => ("0-9A-Za-z_", true),
        's' => ("\\t\\n\\f\\r ", false),
        'S' => ("\\t\\n\\f\\r ", true),
        _ => return None,
    })
}

/// `[:alpha:]` and its kin, which are ASCII in RE2.
fn named_class(name: &str) -> Option<&'static str> {
    Some(match name {
        "alnum" => "0-9A-Za-z",
        "alpha" => "A-Za-z",
        "digit" => "0-9",
        "lower" => "a-z",
        "upper" => "A-Z",
        "space" => "\\t\\n\\u000b\\f\\r ",
        "blank" => "\\t ",
        "word" => "0-9A-Za-z_",
        "xdigit" => "0-9A-Fa-f",
        "punct" => "!-/:-@\\[-`{-~",
        "print" => " -~",
        "graph" => "!-~",
        "cntrl" => "\\u0001-\\u001f\\u007f",
        "ascii" => "\\u0001-\\u007f",
        _ => return None,
    })
}
