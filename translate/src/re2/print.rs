//! RE2's patterns as PostgreSQL's advanced regular expressions.
//!
//! Cases are spelled out and classes are ranges of code points, so that only `\y` and `\Y` depend
//! on a collation, which must be "C".

use re2_syntax::{Assertion, Node};
use regex_syntax::hir::ClassUnicode;

use super::Error;

/// Most repetitions that PostgreSQL counts.
const MAX_REPEAT: u32 = 255;

/// Which of the matches that begin first PostgreSQL shall take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Preference {
    /// It only matters whether there is one, and where it begins.
    Any,
    Longest,
    Shortest,
}

/// Prints a pattern.
pub(super) fn print(node: &Node, preference: Preference) -> Result<String, Error> {
    // Flags hold for the whole, so with that for lines the ends of the text have another sign.
    let lines = node.any(&mut |node| {
        matches!(node, Node::Assertion(Assertion::LineStart | Assertion::LineEnd))
    });
    let lazy = node.any(&mut |node| matches!(node, Node::Repeat { lazy: true, .. }));
    let mut printer = Printer { out: String::new(), lines };
    // `***:` makes PostgreSQL read the pattern as an advanced one whatever the server's settings.
    printer.out.push_str(if lines { "***:(?w)" } else { "***:" });
    // Otherwise the first quantifier would decide for the whole.
    match (preference, lazy) {
        (Preference::Any, _) | (Preference::Longest, false) => printer.node(node)?,
        (Preference::Longest, true) => {
            printer.grouped(node)?;
            printer.out.push_str("{1,1}");
        }
        (Preference::Shortest, _) => {
            printer.grouped(node)?;
            printer.out.push_str("{1,1}?");
        }
    }
    Ok(printer.out)
}

struct Printer {
    out: String,
    lines: bool,
}

impl Printer {
    fn node(&mut self, node: &Node) -> Result<(), Error> {
        match node {
            Node::Empty => {}
            Node::Class(class) => self.class(class),
            Node::Assertion(assertion) => self.out.push_str(match (assertion, self.lines) {
                (Assertion::TextStart, false) | (Assertion::LineStart, _) => "^",
                (Assertion::TextEnd, false) | (Assertion::LineEnd, _) => "$",
                (Assertion::TextStart, true) => "\\A",
                (Assertion::TextEnd, true) => "\\Z",
                (Assertion::Word, _) => "\\y",
                (Assertion::NotWord, _) => "\\Y",
            }),
            Node::Capture(_, inner) => {
                self.out.push('(');
                self.node(inner)?;
                self.out.push(')');
            }
            Node::Concat(parts) => {
                for part in parts {
                    if matches!(part, Node::Alternate(_)) {
                        self.grouped(part)?;
                    } else {
                        self.node(part)?;
                    }
                }
            }
            Node::Alternate(branches) => {
                for (place, branch) in branches.iter().enumerate() {
                    self.out.push_str(if place > 0 { "|" } else { "" });
                    self.node(branch)?;
                }
            }
            Node::Repeat { inner, least, most, lazy } => {
                self.repeat(inner, *least, *most, *lazy)?;
            }
        }
        Ok(())
    }

    fn grouped(&mut self, node: &Node) -> Result<(), Error> {
        self.out.push_str("(?:");
        self.node(node)?;
        self.out.push(')');
        Ok(())
    }

    fn repeat(
        &mut self,
        inner: &Node,
        least: u32,
        most: Option<u32>,
        lazy: bool,
    ) -> Result<(), Error> {
        if matches!(inner, Node::Class(_) | Node::Capture(..)) {
            self.node(inner)?;
        } else {
            self.grouped(inner)?;
        }
        if least.max(most.unwrap_or(0)) > MAX_REPEAT {
            let what = format!("a repetition of more than {MAX_REPEAT} times");
            return Err(Error::Unsupported(what));
        }
        match (least, most) {
            (0, None) => self.out.push('*'),
            (1, None) => self.out.push('+'),
            (0, Some(1)) => self.out.push('?'),
            (least, None) => self.out.push_str(&format!("{{{least},}}")),
            (least, Some(most)) if least == most => self.out.push_str(&format!("{{{least}}}")),
            (least, Some(most)) => self.out.push_str(&format!("{{{least},{most}}}")),
        }
        if lazy {
            self.out.push('?');
        }
        Ok(())
    }

    fn class(&mut self, class: &ClassUnicode) {
        if let [only] = class.ranges()
            && only.start() == only.end()
        {
            self.character(only.start());
            return;
        }
        // What has the last of all characters is mostly the complement of something short.
        let complement = class.ranges().last().is_some_and(|last| last.end() == char::MAX);
        let mut shown = class.clone();
        if complement {
            shown.negate();
        }
        if shown.ranges().is_empty() {
            // PostgreSQL has no empty class: nothing is both the begin of a word and not.
            self.out.push_str(if complement { "." } else { "(?!)" });
            return;
        }
        self.out.push_str(if complement { "[^" } else { "[" });
        for range in shown.ranges() {
            // Text has no character 0.
            let start = if range.start() == '\0' { '\u{1}' } else { range.start() };
            if start > range.end() {
                continue;
            }
            self.character(start);
            if start != range.end() {
                if u32::from(range.end()) > u32::from(start) + 1 {
                    self.out.push('-');
                }
                self.character(range.end());
            }
        }
        self.out.push(']');
    }

    /// A character, escaped where PostgreSQL sees more in it.
    fn character(&mut self, c: char) {
        if c.is_control() {
            self.out.push_str(&format!("\\u{:04x}", u32::from(c)));
            return;
        }
        if c.is_ascii_punctuation() && c != '_' {
            self.out.push('\\');
        }
        self.out.push(c);
    }
}
