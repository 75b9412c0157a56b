//! Classes of characters: `[a-z]`, `\d`, `[:alpha:]`, `\p{Greek}`.

use regex_syntax::hir::{self, ClassUnicode, ClassUnicodeRange, HirKind};

use super::{Error, Reader};

/// The class of these ranges.
pub(super) fn of(ranges: &[(char, char)]) -> ClassUnicode {
    ClassUnicode::new(ranges.iter().map(|(from, to)| ClassUnicodeRange::new(*from, *to)))
}

/// With the other cases of its letters where case is ignored.
pub(super) fn folded(mut class: ClassUnicode, ignore_case: bool) -> ClassUnicode {
    // It fails only where the tables of Unicode were left out.
    if ignore_case && class.try_case_fold_simple().is_err() {
        debug_assert!(false, "the tables of Unicode are there");
    }
    class
}

impl Reader<'_> {
    /// After the opening bracket.
    pub(super) fn bracket(&mut self) -> Result<ClassUnicode, Error> {
        let start = self.rest;
        let missing = || Error::Invalid(format!("missing ]: [{start}"));
        let ignore_case = self.flags.ignore_case;
        let negated = self.take("^");
        let mut class = of(&[]);
        let mut first = true;
        loop {
            let c = self.next().ok_or_else(missing)?;
            if c == ']' && !first {
                break;
            }
            first = false;
            if c == '['
                && let Some(after) = self.rest.strip_prefix(':')
                && let Some((name, rest)) = after.split_once(":]")
            {
                self.rest = rest;
                let (name, not) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
                let mut named = named_class(name).map(of).ok_or_else(|| {
                    Error::Invalid(format!("invalid character class range: [:{name}:]"))
                })?;
                named = folded(named, ignore_case);
                if not {
                    named.negate();
                }
                class.union(&named);
                continue;
            }
            if c == '\\'
                && let Some(kind) = self.rest.chars().next()
                && let Some(escaped) = self.class_escape(kind)?
            {
                class.union(&escaped);
                continue;
            }
            let from = self.member(c)?;
            let mut to = from;
            if self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.rest = &self.rest[1..];
                let c = self.next().ok_or_else(missing)?;
                to = self.member(c)?;
            }
            if to < from {
                return Err(Error::Invalid(format!("invalid character class range: {from}-{to}")));
            }
            class.union(&folded(of(&[(from, to)]), ignore_case));
        }
        if negated {
            class.negate();
        }
        Ok(class)
    }

    fn member(&mut self, c: char) -> Result<char, Error> {
        match c {
            '\\' => {
                let c = self.next().ok_or_else(|| Error::Invalid("trailing \\".to_owned()))?;
                self.character_escape(c)
            }
            c => Ok(c),
        }
    }

    /// `\d`, `\p{L}` and their kin, of which the backslash is gone and `kind` is next; None of
    /// other escapes, of which nothing is taken.
    pub(super) fn class_escape(&mut self, kind: char) -> Result<Option<ClassUnicode>, Error> {
        let ranges: &[(char, char)] = match kind {
            'd' | 'D' => &[('0', '9')],
            'w' | 'W' => WORD,
            's' | 'S' => &[('\t', '\n'), ('\x0c', '\r'), (' ', ' ')],
            'p' | 'P' => return self.unicode_class(kind == 'P').map(Some),
            _ => return Ok(None),
        };
        self.rest = &self.rest[1..];
        let mut class = folded(of(ranges), self.flags.ignore_case);
        if kind.is_ascii_uppercase() {
            class.negate();
        }
        Ok(Some(class))
    }

    /// `pL`, `p{Greek}`, `p{^Greek}`
    fn unicode_class(&mut self, negated: bool) -> Result<ClassUnicode, Error> {
        let kind = if negated { 'P' } else { 'p' };
        self.rest = &self.rest[1..];
        let wrong = |name: &str| {
            Error::Invalid(format!("invalid character class range: \\{kind}{{{name}}}"))
        };
        let name = if self.take("{") {
            let (name, rest) = self.rest.split_once('}').ok_or_else(|| wrong(self.rest))?;
            self.rest = rest;
            name
        } else {
            let c = self.rest.chars().next().ok_or_else(|| wrong(""))?;
            let (name, rest) = self.rest.split_at(c.len_utf8());
            self.rest = rest;
            name
        };
        let (name, twice) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
        // RE2 knows categories by their short names, and scripts.
        if !name.chars().all(|c| c.is_ascii_alphabetic() || c == '_') || name.is_empty() {
            return Err(wrong(name));
        }
        let query = match name {
            "Any" => r"\p{Any}".to_owned(),
            _ if name.len() <= 2 => format!(r"\p{{gc={name}}}"),
            _ => format!(r"\p{{Script={name}}}"),
        };
        let hir = regex_syntax::parse(&query).map_err(|_| wrong(name))?;
        let HirKind::Class(hir::Class::Unicode(class)) = hir.into_kind() else {
            return Err(Error::Unsupported(format!("the class {name}")));
        };
        let mut class = folded(class, self.flags.ignore_case);
        if negated != twice {
            class.negate();
        }
        Ok(class)
    }
}

const WORD: &[(char, char)] = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];

/// `[:alpha:]` and its kin, which are ASCII in RE2.
fn named_class(name: &str) -> Option<&'static [(char, char)]> {
    Some(match name {
        "alnum" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
        "alpha" => &[('A', 'Z'), ('a', 'z')],
        "digit" => &[('0', '9')],
        "lower" => &[('a', 'z')],
        "upper" => &[('A', 'Z')],
        "space" => &[('\t', '\r'), (' ', ' ')],
        "blank" => &[('\t', '\t'), (' ', ' ')],
        "word" => WORD,
        "xdigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "print" => &[(' ', '~')],
        "graph" => &[('!', '~')],
        "cntrl" => &[('\0', '\x1f'), ('\x7f', '\x7f')],
        "ascii" => &[('\0', '\x7f')],
        _ => return None,
    })
}
