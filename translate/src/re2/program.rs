//! Patterns as programs: steps with the priorities of RE2's search.

use re2_syntax::{Assertion, Node};
use regex_syntax::hir::ClassUnicode;

use super::Error;

/// A step; what follows is named by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Match,
    /// The first is tried first.
    Split(usize, usize),
    /// Notes where a group begins (twice its number) or ends (one more).
    Save(usize, usize),
    Assert(Assertion, usize),
    /// One character of the class of this number.
    Class(usize, usize),
}

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) steps: Vec<Step>,
    pub(super) start: usize,
    pub(super) classes: Vec<ClassUnicode>,
}

/// Most steps of a program.
const MAX_STEPS: usize = 2000;

/// Compiles a pattern.
pub(super) fn compile(node: &Node) -> Result<Program, Error> {
    // What RE2 makes of empty turns of a loop is its own affair.
    let empty_turns = node.any(&mut |node| {
        matches!(node, Node::Repeat { inner, most, .. } if *most != Some(1) && inner.nullable())
    });
    if empty_turns {
        return Err(Error::Unsupported("a repetition of what may be empty".to_owned()));
    }
    let mut program = Program { steps: vec![Step::Match], start: 0, classes: Vec::new() };
    program.start = program.node(node, 0)?;
    Ok(program)
}

impl Program {
    fn push(&mut self, step: Step) -> Result<usize, Error> {
        if self.steps.len() >= MAX_STEPS {
            return Err(Error::Unsupported("so long a pattern".to_owned()));
        }
        self.steps.push(step);
        Ok(self.steps.len() - 1)
    }

    /// Compiles what stands before `next`; gives its first step.
    fn node(&mut self, node: &Node, next: usize) -> Result<usize, Error> {
        match node {
            Node::Empty => Ok(next),
            Node::Class(class) => {
                let known = self.classes.iter().position(|known| known == class);
                let number = known.unwrap_or_else(|| {
                    self.classes.push(class.clone());
                    self.classes.len() - 1
                });
                self.push(Step::Class(number, next))
            }
            Node::Assertion(assertion) => self.push(Step::Assert(*assertion, next)),
            Node::Capture(number, inner) => {
                let end = self.push(Step::Save(2 * number + 1, next))?;
                let inner = self.node(inner, end)?;
                self.push(Step::Save(2 * number, inner))
            }
            Node::Concat(parts) => {
                parts.iter().rev().try_fold(next, |next, part| self.node(part, next))
            }
            Node::Alternate(branches) => {
                let mut rest = None;
                for branch in branches.iter().rev() {
                    let first = self.node(branch, next)?;
                    rest = Some(match rest {
                        None => first,
                        Some(rest) => self.push(Step::Split(first, rest))?,
                    });
                }
                Ok(rest.unwrap_or(next))
            }
            Node::Repeat { inner, least, most, lazy } => {
                self.repeat(inner, *least, *most, *lazy, next)
            }
        }
    }

    fn repeat(
        &mut self,
        inner: &Node,
        least: u32,
        most: Option<u32>,
        lazy: bool,
        next: usize,
    ) -> Result<usize, Error> {
        let split = |turn, out| if lazy { Step::Split(out, turn) } else { Step::Split(turn, out) };
        let mut first = next;
        match most {
            None => {
                let choice = self.push(Step::Match)?;
                let turn = self.node(inner, choice)?;
                self.steps[choice] = split(turn, next);
                first = choice;
            }
            Some(most) => {
                for _ in least..most {
                    let turn = self.node(inner, first)?;
                    first = self.push(split(turn, next))?;
                }
            }
        }
        for _ in 0..least {
            first = self.node(inner, first)?;
        }
        Ok(first)
    }

    /// The place of the first step and the steps as numbers, four each, and the ranges of the classes, for `logweir.re2_at`.
    pub(super) fn numbers(&self) -> (Vec<i64>, Vec<i64>) {
        let mut ranges = Vec::new();
        let bounds: Vec<(usize, usize)> = self
            .classes
            .iter()
            .map(|class| {
                let first = ranges.len() / 2;
                for range in class.ranges() {
                    ranges.push(i64::from(u32::from(range.start())));
                    ranges.push(i64::from(u32::from(range.end())));
                }
                (first, ranges.len() / 2)
            })
            .collect();
        let number = |place: usize| i64::try_from(place).unwrap_or(i64::MAX);
        let mut steps = Vec::with_capacity(4 * self.steps.len() + 1);
        steps.push(number(self.start));
        for step in &self.steps {
            steps.extend(match step {
                Step::Match => [0, 0, 0, 0],
                Step::Split(one, other) => [1, number(*one), number(*other), 0],
                Step::Save(slot, next) => [2, number(*next), number(*slot), 0],
                Step::Assert(assertion, next) => [3, number(*next), *assertion as i64, 0],
                Step::Class(class, next) => {
                    let (first, end) = bounds.get(*class).copied().unwrap_or_default();
                    [4, number(*next), number(first), number(end)]
                }
            });
        }
        (steps, ranges)
    }
}
