//! Whether PostgreSQL finds the same matches.
//!
//! RE2 takes the first way through a pattern that leads to a match; PostgreSQL takes the longest
//! or the shortest match that begins first, whatever the ways are. Which of both RE2's is, if it
//! always is one, is found by following all ways at once, in the order of their priority.

use std::collections::{BTreeMap, HashSet};

use re2_syntax::Assertion;

use super::{
    print::Preference,
    program::{Program, Step},
};
use crate::bounds;

/// Most sets of ways that are looked at, before it is given up.
const MAX_STATES: usize = 500;

/// Most pairs of ways that are looked at, before it is given up.
const MAX_PAIRS: usize = 20_000;

/// What RE2's match always is; None where that is not known.
pub(super) fn preference(program: &Program) -> Option<Preference> {
    let signatures = signatures(program);
    let (mut longest, mut shortest) = (true, true);
    let mut seen = HashSet::new();
    let mut waiting = vec![vec![program.start]];
    while let Some(state) = waiting.pop() {
        if !seen.insert(state.clone()) {
            continue;
        }
        if seen.len() > MAX_STATES {
            return None;
        }
        for holds in assignments(program) {
            let mut ways = Vec::new();
            let mut visited = HashSet::new();
            for start in &state {
                follow(program, *start, &holds, &mut visited, &mut ways);
            }
            if !bounds::may_look(visited.len() + signatures.len() * ways.len()) {
                return None;
            }
            let matched = ways.iter().position(|way| program.steps[*way] == Step::Match);
            if let Some(place) = matched {
                // What comes after the match is cut off; what is before it goes on.
                longest &= place + 1 == ways.len();
                shortest &= place == 0;
                ways.truncate(place);
            }
            if !longest && !shortest {
                return None;
            }
            for signature in &signatures {
                let next: Vec<usize> = ways
                    .iter()
                    .filter_map(|way| match program.steps[*way] {
                        Step::Class(class, next) if signature[class] => Some(next),
                        _ => None,
                    })
                    .collect();
                if !next.is_empty() {
                    waiting.push(next);
                }
            }
        }
    }
    Some(if longest { Preference::Longest } else { Preference::Shortest })
}

/// Follows the steps that take no character, in the order of their priority.
fn follow(
    program: &Program,
    start: usize,
    holds: &BTreeMap<Assertion, bool>,
    visited: &mut HashSet<usize>,
    ways: &mut Vec<usize>,
) {
    let mut stack = vec![start];
    while let Some(place) = stack.pop() {
        if !visited.insert(place) {
            continue;
        }
        match program.steps[place] {
            Step::Match | Step::Class(..) => ways.push(place),
            Step::Split(first, second) => stack.extend([second, first]),
            Step::Save(_, next) => stack.push(next),
            Step::Assert(assertion, next) => {
                if holds.get(&assertion) == Some(&true) {
                    stack.push(next);
                }
            }
        }
    }
}

/// All ways in which the assertions of the program may hold or not, and more.
fn assignments(program: &Program) -> Vec<BTreeMap<Assertion, bool>> {
    let mut all = vec![BTreeMap::new()];
    let mut kinds: Vec<Assertion> = program
        .steps
        .iter()
        .filter_map(|step| match step {
            Step::Assert(kind, _) => Some(*kind),
            _ => None,
        })
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        for holds in std::mem::take(&mut all) {
            for value in [true, false] {
                let mut with = holds.clone();
                with.insert(kind, value);
                all.push(with);
            }
        }
    }
    all.retain(|holds| {
        let word = holds.get(&Assertion::Word);
        word.is_none() || word != holds.get(&Assertion::NotWord)
    });
    all
}

/// The characters, told apart by the classes that they are in.
fn signatures(program: &Program) -> Vec<Vec<bool>> {
    let mut edges: Vec<char> = Vec::new();
    for range in program.classes.iter().flat_map(|class| class.ranges()) {
        edges.push(range.start());
        edges.extend(char::from_u32(u32::from(range.end()) + 1));
    }
    edges.sort_unstable();
    edges.dedup();
    let all: HashSet<Vec<bool>> = edges
        .iter()
        .map(|c| {
            let holds = |class: &regex_syntax::hir::ClassUnicode| {
                let ranges = class.ranges();
                let place = ranges.partition_point(|range| range.end() < *c);
                ranges.get(place).is_some_and(|range| range.start() <= *c)
            };
            program.classes.iter().map(holds).collect()
        })
        .collect();
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_unstable();
    all
}

/// Whether every match has only one way, as far as the wanted groups go: then it does not matter
/// which way is taken.
pub(super) fn groups_are_certain(program: &Program, wanted: &[usize]) -> bool {
    let signatures = signatures(program);
    let overlap = |one: usize, other: usize| {
        signatures.iter().any(|signature| signature[one] && signature[other])
    };
    let after_characters = program.steps.iter().filter_map(|step| match step {
        Step::Class(_, next) => Some(*next),
        _ => None,
    });
    let ways: Option<BTreeMap<usize, Vec<Way>>> = std::iter::once(program.start)
        .chain(after_characters)
        .map(|place| Some((place, ways_on(program, place, wanted)?)))
        .collect();
    let Some(ways) = ways else { return false };
    let mut seen = HashSet::new();
    // Two ways over the same characters, and whether they differ already.
    let mut waiting = vec![(program.start, program.start, false)];
    while let Some((one, other, differ)) = waiting.pop() {
        if !seen.insert((one, other, differ)) {
            continue;
        }
        if seen.len() > MAX_PAIRS || !bounds::may_look(ways[&one].len() * ways[&other].len()) {
            return false;
        }
        let pairs = ways[&one].iter().flat_map(|one| ways[&other].iter().map(move |it| (one, it)));
        for (one, other) in pairs {
            let differ = differ || one.saves != other.saves;
            match (program.steps[one.end], program.steps[other.end]) {
                (Step::Match, Step::Match) if differ => return false,
                (Step::Class(a, next), Step::Class(b, other_next)) if overlap(a, b) => {
                    waiting.push((next, other_next, differ));
                }
                _ => {}
            }
        }
    }
    true
}

/// A way to the next character, or to the match.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Way {
    end: usize,
    saves: Vec<usize>,
}

/// All of them; None where they are too many.
fn ways_on(program: &Program, start: usize, wanted: &[usize]) -> Option<Vec<Way>> {
    let mut found: Vec<Way> = Vec::new();
    let mut waiting = vec![Way { end: start, saves: Vec::new() }];
    let mut steps = 0;
    while let Some(way) = waiting.pop() {
        steps += 1;
        if steps > 2000 || !bounds::may_look(1 + found.len()) {
            return None;
        }
        match program.steps[way.end] {
            Step::Match | Step::Class(..) => {
                if !found.contains(&way) {
                    found.push(way);
                }
            }
            Step::Split(one, other) => {
                waiting.push(Way { end: one, saves: way.saves.clone() });
                waiting.push(Way { end: other, saves: way.saves });
            }
            Step::Save(slot, next) => {
                let mut saves = way.saves;
                if wanted.contains(&(slot / 2)) {
                    saves.push(slot);
                }
                waiting.push(Way { end: next, saves });
            }
            Step::Assert(_, next) => waiting.push(Way { end: next, saves: way.saves }),
        }
    }
    Some(found)
}
