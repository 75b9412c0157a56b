//! Regular expressions: from RE2's to PostgreSQL's.
//!
//! RE2 takes the first way through a pattern that matches, PostgreSQL the longest or the shortest
//! match. Where it cannot be shown that both find the same, the search is a program of RE2's for
//! a helper in the database. What neither can do is refused, never approximated.

mod print;
mod priority;
mod program;

use print::Preference;
use re2_syntax::Node;

pub(crate) use re2_syntax::Error;

/// A pattern of RE2's.
#[derive(Debug)]
pub(crate) struct Pattern {
    node: Node,
    /// How many of its groups capture.
    pub(crate) groups: usize,
}

/// How matches are found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Search {
    /// As PostgreSQL finds those of this pattern.
    Native(String),
    /// By the program, of numbers, at the places where PostgreSQL finds this pattern.
    Program { pattern: String, steps: Vec<i64>, ranges: Vec<i64> },
}

impl Pattern {
    /// Reads a pattern.
    pub(crate) fn parse(re2: &str) -> Result<Self, Error> {
        let (node, groups) = re2_syntax::parse(re2)?;
        Ok(Self { node, groups })
    }

    /// For PostgreSQL's `~`, under the collation "C".
    pub(crate) fn to_postgres(&self) -> Result<String, Error> {
        print::print(&self.node, Preference::Any)
    }

    /// How the matches and what these groups are of them is found; the first match only where
    /// `first` says so.
    pub(crate) fn search(&self, wanted: &[usize], first: bool) -> Result<Search, Error> {
        let program = program::compile(&self.node)?;
        // Where a group may be left again and entered anew, both have their own ways.
        let looped = self.node.any(&mut |node| {
            matches!(node, Node::Repeat { inner, most, .. } if *most != Some(1)
                && inner.any(&mut |node| matches!(node, Node::Capture(n, _) if wanted.contains(n))))
        });
        // After an empty match, both go on in their own ways.
        let native = (first || !self.node.nullable()) && !looped;
        if native
            && let Some(preference) = priority::preference(&program)
            && (wanted.is_empty() || priority::groups_are_certain(&program, wanted))
        {
            return print::print(&self.node, preference).map(Search::Native);
        }
        let (steps, ranges) = program.numbers();
        Ok(Search::Program { pattern: self.to_postgres()?, steps, ranges })
    }

    /// Whether it is empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.node == Node::Empty
    }
}

/// What REGEXP_REPLACE puts in: texts with groups between them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Replacement {
    /// One more than groups.
    pub(crate) texts: Vec<String>,
    pub(crate) groups: Vec<usize>,
}

impl Replacement {
    /// Reads it: `\1` is a group, `\0` the whole match, `\\` a backslash.
    pub(crate) fn parse(text: &str, groups: usize) -> Result<Self, String> {
        let mut read = Self::default();
        let mut current = String::new();
        let mut chars = text.chars();
        let mut most = 0;
        while let Some(c) = chars.next() {
            match c {
                '\\' => match chars.next() {
                    Some('\\') => current.push('\\'),
                    Some(digit @ '0'..='9') => {
                        let group = digit as usize - '0' as usize;
                        most = most.max(group);
                        read.texts.push(std::mem::take(&mut current));
                        read.groups.push(group);
                    }
                    None => {
                        let why = "Rewrite schema error: '\\' not allowed at end.";
                        return Err(why.to_owned());
                    }
                    _ => {
                        return Err(
                            "Rewrite schema error: '\\' must be followed by a digit or '\\'."
                                .to_owned(),
                        );
                    }
                },
                c => current.push(c),
            }
        }
        if most > groups {
            return Err(format!(
                "Rewrite schema requests {most} matches, but the regexp only has {groups} parenthesized subexpressions."
            ));
        }
        read.texts.push(current);
        Ok(read)
    }

    /// For PostgreSQL's `regexp_replace`.
    pub(crate) fn to_postgres(&self) -> String {
        let mut out = String::new();
        for (place, text) in self.texts.iter().enumerate() {
            out.push_str(&text.replace('\\', "\\\\"));
            match self.groups.get(place) {
                Some(0) => out.push_str("\\&"),
                Some(group) => out.push_str(&format!("\\{group}")),
                None => {}
            }
        }
        out
    }
}

#[cfg(test)]
mod tests;
