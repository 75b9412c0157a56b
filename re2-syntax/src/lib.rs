//! RE2's syntax: what a pattern says, with its flags worked in.
//!
//! No I/O happens here. Patterns are searched for in the database and in events that have not got
//! there yet; both read them here, so that one pattern means one thing.

mod class;
mod escape;

use regex_syntax::hir::ClassUnicode;

/// Why a pattern cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// RE2 refuses it too.
    Invalid(String),
    /// Good for RE2, not for Logweir; completes "… in a regular expression is not supported".
    Unsupported(String),
}

/// A pattern, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// Nothing: matches everywhere.
    Empty,
    /// One character of these.
    Class(ClassUnicode),
    /// What must hold at a place.
    Assertion(Assertion),
    /// A group that captures, with its number.
    Capture(usize, Box<Node>),
    /// One after the other.
    Concat(Vec<Node>),
    /// One of these; the first that leads to a match.
    Alternate(Vec<Node>),
    /// Several times.
    Repeat {
        /// What is repeated.
        inner: Box<Node>,
        /// How often at least.
        least: u32,
        /// How often at most, without a bound where None.
        most: Option<u32>,
        /// Whether as seldom as can be.
        lazy: bool,
    },
}

/// What must hold at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Assertion {
    /// The beginning of the text.
    TextStart,
    /// Its end.
    TextEnd,
    /// The beginning of a line.
    LineStart,
    /// The end of a line.
    LineEnd,
    /// Between a letter, digit or `_` of ASCII and something else.
    Word,
    /// Anywhere else.
    NotWord,
}

impl Node {
    /// Whether it can match an empty text.
    pub fn nullable(&self) -> bool {
        match self {
            Self::Empty | Self::Assertion(_) => true,
            Self::Class(_) => false,
            Self::Capture(_, inner) => inner.nullable(),
            Self::Concat(parts) => parts.iter().all(Self::nullable),
            Self::Alternate(parts) => parts.iter().any(Self::nullable),
            Self::Repeat { inner, least, .. } => *least == 0 || inner.nullable(),
        }
    }

    /// Whether it, or a part of it, is so.
    pub fn any(&self, is: &mut dyn FnMut(&Self) -> bool) -> bool {
        is(self)
            || match self {
                Self::Capture(_, inner) | Self::Repeat { inner, .. } => inner.any(is),
                Self::Concat(parts) | Self::Alternate(parts) => {
                    parts.iter().any(|part| part.any(is))
                }
                Self::Empty | Self::Class(_) | Self::Assertion(_) => false,
            }
    }
}

/// Most repetitions that RE2 counts.
const MAX_REPEAT: u32 = 1000;

/// How deep groups may nest.
const MAX_DEPTH: usize = 250;

/// Reads a pattern; also gives the number of its groups that capture.
pub fn parse(pattern: &str) -> Result<(Node, usize), Error> {
    let mut reader =
        Reader { pattern, rest: pattern, groups: 0, depth: 0, flags: Flags::default() };
    let node = reader.alternatives()?;
    if !reader.rest.is_empty() {
        return Err(Error::Invalid(format!("unexpected ): {pattern}")));
    }
    Ok((node, reader.groups))
}

#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    ignore_case: bool,
    multi_line: bool,
    dot_matches_newline: bool,
    swap_greed: bool,
}

struct Reader<'a> {
    pattern: &'a str,
    rest: &'a str,
    groups: usize,
    depth: usize,
    flags: Flags,
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

    /// Up to a closing parenthesis or the end.
    fn alternatives(&mut self) -> Result<Node, Error> {
        let mut branches = Vec::new();
        loop {
            branches.push(self.branch()?);
            if !self.take("|") {
                break;
            }
        }
        Ok(if branches.len() == 1 { branches.swap_remove(0) } else { Node::Alternate(branches) })
    }

    fn branch(&mut self) -> Result<Node, Error> {
        let mut parts: Vec<Node> = Vec::new();
        // What a repetition would take for a second one.
        let mut repeated: Option<&str> = None;
        let mut can_repeat = false;
        while let Some(c) = self.rest.chars().next() {
            let before = self.rest;
            match c {
                '|' | ')' => break,
                '*' | '+' | '?' | '{' => {
                    if let Some((least, most)) = self.repetition()? {
                        let lazy = self.take("?") != self.flags.swap_greed;
                        let operator = &before[..before.len() - self.rest.len()];
                        if let Some(first) = repeated {
                            return Err(Error::Invalid(format!(
                                "bad repetition operator: {first}{operator}"
                            )));
                        }
                        let Some(inner) = parts.pop().filter(|_| can_repeat) else {
                            return Err(Error::Invalid(format!(
                                "no argument for repetition operator: {operator}"
                            )));
                        };
                        let inner = Box::new(inner);
                        parts.push(Node::Repeat { inner, least, most, lazy });
                        repeated = Some(operator);
                        continue;
                    }
                    parts.push(self.literal('{'));
                }
                '(' => {
                    self.rest = &self.rest[1..];
                    let Some(group) = self.group()? else {
                        repeated = None;
                        can_repeat = false;
                        continue;
                    };
                    parts.push(group);
                }
                '\\' if self.rest.starts_with("\\Q") => {
                    let text = &self.rest[2..];
                    let (text, rest) = text.split_once("\\E").unwrap_or((text, ""));
                    self.rest = rest;
                    if text.is_empty() {
                        continue;
                    }
                    for c in text.chars() {
                        parts.push(self.literal(c));
                    }
                }
                '\\' if self.take("\\E") => continue,
                _ => {
                    self.rest = &self.rest[c.len_utf8()..];
                    let atom = self.atom(c)?;
                    parts.push(atom);
                }
            }
            repeated = None;
            can_repeat = true;
        }
        Ok(match parts.len() {
            0 => Node::Empty,
            1 => parts.swap_remove(0),
            _ => Node::Concat(parts),
        })
    }

    fn atom(&mut self, c: char) -> Result<Node, Error> {
        Ok(match c {
            '.' => {
                let mut newline = class::of(&[('\n', '\n')]);
                if self.flags.dot_matches_newline {
                    newline = class::of(&[]);
                }
                newline.negate();
                Node::Class(newline)
            }
            '^' if self.flags.multi_line => Node::Assertion(Assertion::LineStart),
            '$' if self.flags.multi_line => Node::Assertion(Assertion::LineEnd),
            '^' => Node::Assertion(Assertion::TextStart),
            '$' => Node::Assertion(Assertion::TextEnd),
            '[' => Node::Class(self.bracket()?),
            '\\' => self.escape()?,
            c => self.literal(c),
        })
    }

    /// A character that stands for itself, in both cases where case is ignored.
    fn literal(&self, c: char) -> Node {
        Node::Class(class::folded(class::of(&[(c, c)]), self.flags.ignore_case))
    }

    /// `*`, `+`, `?`, `{n}`, `{n,}`, `{n,m}`; None where a brace is just one, which is passed over.
    fn repetition(&mut self) -> Result<Option<(u32, Option<u32>)>, Error> {
        let c = self.next();
        match c {
            Some('*') => return Ok(Some((0, None))),
            Some('+') => return Ok(Some((1, None))),
            Some('?') => return Ok(Some((0, Some(1)))),
            _ => {}
        }
        let is_count = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let Some((counts, rest)) = self.rest.split_once('}') else { return Ok(None) };
        let (least, most) = match counts.split_once(',') {
            None => (counts, counts),
            Some((least, most)) => (least, most),
        };
        if !is_count(least) || !(most.is_empty() || is_count(most)) {
            return Ok(None);
        }
        let wrong = || Error::Invalid(format!("invalid repetition size: {{{counts}}}"));
        let count = |text: &str| text.parse::<u32>().ok().filter(|n| *n <= MAX_REPEAT);
        let least = count(least).ok_or_else(wrong)?;
        let most = if most.is_empty() { None } else { Some(count(most).ok_or_else(wrong)?) };
        if most.is_some_and(|most| most < least) {
            return Err(wrong());
        }
        self.rest = rest;
        Ok(Some((least, most)))
    }

    /// After the opening parenthesis; None of flags that hold from here on.
    fn group(&mut self) -> Result<Option<Node>, Error> {
        let whole = self.pattern;
        let outer = self.flags;
        let before = whole.get(whole.len() - self.rest.len() - 1..).unwrap_or(whole);
        let mut number = None;
        if !self.take("?") {
            self.groups += 1;
            number = Some(self.groups);
        } else if self.take("P<")
            || !self.rest.starts_with("<=") && !self.rest.starts_with("<!") && self.take("<")
        {
            let head = whole.get(whole.len() - before.len()..).unwrap_or(whole);
            let end = head.find('>').map_or(head.len(), |end| end + 1);
            let head = &head[..end];
            let wrong = || Error::Invalid(format!("invalid named capture group: {head}"));
            let (name, rest) = self.rest.split_once('>').ok_or_else(wrong)?;
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Err(wrong());
            }
            self.rest = rest;
            self.groups += 1;
            number = Some(self.groups);
        } else if self.flags()? {
            return Ok(None);
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Error::Unsupported("so deep a nesting of groups".to_owned()));
        }
        let inner = self.alternatives()?;
        if !self.take(")") {
            return Err(Error::Invalid(format!("missing ): {whole}")));
        }
        self.depth -= 1;
        self.flags = outer;
        Ok(Some(match number {
            Some(number) => Node::Capture(number, Box::new(inner)),
            // So that a repetition after it takes all of it.
            None => Node::Concat(vec![inner]),
        }))
    }

    /// `i-s:` or `i-s)`; whether it was the latter. Those before a colon hold in the group.
    fn flags(&mut self) -> Result<bool, Error> {
        let start = self.rest;
        let mut flags = self.flags;
        let mut on = true;
        loop {
            let c = self.next();
            match c {
                Some('i') => flags.ignore_case = on,
                Some('m') => flags.multi_line = on,
                Some('s') => flags.dot_matches_newline = on,
                Some('U') => flags.swap_greed = on,
                Some('-') if on => on = false,
                Some(':' | ')') => {
                    self.flags = flags;
                    return Ok(c == Some(')'));
                }
                None => return Err(Error::Invalid(format!("missing ): {}", self.pattern))),
                Some(_) => {
                    let mut read = &start[..start.len() - self.rest.len()];
                    // A look behind has one more sign.
                    if let Some(more) = start.get(..2).filter(|more| matches!(*more, "<=" | "<!")) {
                        read = more;
                    }
                    return Err(Error::Invalid(format!("invalid perl operator: (?{read}")));
                }
            }
        }
    }
}
