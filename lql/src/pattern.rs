//! Regular expressions: RE2's, searched for by the `regex` crate.
//!
//! Both are automata with the same syntax but for details: in RE2 `\d`, `\w`, `\s` and `\b` mean
//! ASCII, `\Q…\E` and octal escapes exist, and `[a&&b]`, `\<` and `(?x)` mean nothing special. So
//! patterns are read by RE2's rules, and what is compiled is what was read.

use re2_syntax::{Assertion, Error, Node};
use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Class, Hir, Look, Repetition};

use crate::error::Problem;

/// Most memory that a compiled pattern may take, in bytes.
const MAX_COMPILED_BYTES: usize = 1 << 20;
/// Most memory for what its searches learn, in bytes; a search that needs more gets slower.
const MAX_CACHE_BYTES: usize = 1 << 18;

/// A regular expression.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    regex: Regex,
    fits_all: bool,
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Result<Self, Problem> {
        let (node, _) = re2_syntax::parse(text).map_err(|error| match error {
            Error::Invalid(why) => Problem::Pattern(why),
            Error::Unsupported(what) => Problem::Pattern(format!("{what} is not supported")),
        })?;
        let hir = hir(&node);
        let properties = hir.properties();
        let fits_all = properties.minimum_len() == Some(0) && properties.look_set().is_empty();
        let regex = RegexBuilder::new(&hir.to_string())
            .size_limit(MAX_COMPILED_BYTES)
            .dfa_size_limit(MAX_CACHE_BYTES)
            .build()
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => {
                    Problem::Pattern("it is too large, count fewer repetitions".to_owned())
                }
                other => Problem::Pattern(other.to_string()),
            })?;
        Ok(Self { text: text.to_owned(), regex, fits_all })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is found in every text, because it matches nothing at all: `.*?`.
    pub(crate) fn fits_all(&self) -> bool {
        self.fits_all
    }

    /// Whether it is found in a text.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.fits_all || self.regex.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// The same as `regex` sees it. Groups capture nothing: only whether there is a match is asked.
fn hir(node: &Node) -> Hir {
    match node {
        Node::Empty => Hir::empty(),
        Node::Class(class) => Hir::class(Class::Unicode(class.clone())),
        Node::Assertion(assertion) => Hir::look(match assertion {
            Assertion::TextStart => Look::Start,
            Assertion::TextEnd => Look::End,
            Assertion::LineStart => Look::StartLF,
            Assertion::LineEnd => Look::EndLF,
            Assertion::Word => Look::WordAscii,
            Assertion::NotWord => Look::WordAsciiNegate,
        }),
        Node::Capture(_, inner) => hir(inner),
        Node::Concat(parts) => Hir::concat(parts.iter().map(hir).collect()),
        Node::Alternate(parts) => Hir::alternation(parts.iter().map(hir).collect()),
        Node::Repeat { inner, least, most, lazy } => Hir::repetition(Repetition {
            min: *least,
            max: *most,
            greedy: !lazy,
            sub: Box::new(hir(inner)),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_what_re2_means() {
        for (pattern, found, not_found) in [
            ("time.?out", "a time-out", "timeXXout"),
            ("a.b", "axb", "a\nb"),
            ("(?s)a.b", "a\nb", "ab"),
            (r"^\d+$", "12", "١٢"),
            (r"^\w$", "a", "é"),
            (r"\ba", "éa", "ba"),
            (r"a\B", "ab", "a b"),
            (r"^\Qa.b\E$", "a.b", "axb"),
            (r"[a&&b]c", "&c", "c"),
            (r"\<a", "<a", "a"),
            (r"\101", "A", "B"),
            ("(?m)^b$", "a\nb\nc", "ab"),
            ("^b", "b", "a\nb"),
            ("b$", "b", "b\n"),
            ("(?i)é", "É", "e"),
            ("a{,2}", "a{,2}", "aa"),
            ("(a|b){2}c", "abc", "ac"),
            (r"^[^\s]+\z", "ab", "a b"),
            ("[[:alpha:]]+1", "x1", "1"),
        ] {
            let compiled = Pattern::new(pattern).unwrap();
            assert!(compiled.is_match(found), "{pattern} in {found:?}");
            assert!(!compiled.is_match(not_found), "{pattern} in {not_found:?}");
        }
    }

    #[test]
    fn knows_what_fits_every_text() {
        for pattern in [".*?", ".*", "", "x?", "(a|)", "(?i)b*"] {
            assert!(Pattern::new(pattern).unwrap().fits_all(), "{pattern}");
        }
        for pattern in [".", "^", "$", ".+", r"\b", "^.*"] {
            assert!(!Pattern::new(pattern).unwrap().fits_all(), "{pattern}");
        }
    }

    #[test]
    fn refuses_what_re2_refuses_and_what_is_too_large() {
        for (pattern, why) in [
            ("(", "missing ): ("),
            ("a**", "bad repetition operator: **"),
            ("(?=a)", "invalid perl operator: (?="),
            (r"\C", r"\C is not supported"),
            ("a{1001}", "invalid repetition size: {1001}"),
            ("((a{1000}){1000}){1000}", "it is too large, count fewer repetitions"),
        ] {
            assert_eq!(Pattern::new(pattern).unwrap_err(), Problem::Pattern(why.to_owned()));
        }
    }
}
