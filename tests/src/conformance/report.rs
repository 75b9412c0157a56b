//! What came of the cases, for people and for scripts.

use std::{collections::BTreeMap, fmt};

/// What became of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// BigQuery's answer.
    Pass,
    /// A wrong answer, or none where BigQuery has one and we did not say why.
    Fail,
    /// A diagnostic.
    Refused,
}

/// What became of a case, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What became of it.
    pub verdict: Verdict,
    /// One line; for [`Verdict::Pass`] a remark, or empty.
    pub reason: String,
}

impl Outcome {
    pub(crate) fn pass() -> Self {
        Self { verdict: Verdict::Pass, reason: String::new() }
    }

    pub(crate) fn pass_with(remark: impl fmt::Display) -> Self {
        Self { verdict: Verdict::Pass, reason: one_line(&remark.to_string()) }
    }

    pub(crate) fn fail(reason: impl fmt::Display) -> Self {
        Self { verdict: Verdict::Fail, reason: one_line(&reason.to_string()) }
    }

    pub(crate) fn refused(reason: impl fmt::Display) -> Self {
        Self { verdict: Verdict::Refused, reason: one_line(&reason.to_string()) }
    }
}

/// A reason without what differs from case to case: its place in the text, values.
fn cause(reason: &str) -> &str {
    let at = reason.find(" at [").unwrap_or(reason.len());
    let reason = &reason[..at];
    let cut = [" Signature:", " of column ", "; "].iter().filter_map(|end| reason.find(end)).min();
    let reason = &reason[..cut.unwrap_or(reason.len())];
    if reason.contains(" instead of ") && !reason.starts_with("type ") {
        return "another answer";
    }
    reason
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Refused => "refused",
        })
    }
}

/// Counts of many cases. Shown, it is a line for each family and one for all.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Passed and all, by family.
    families: BTreeMap<String, (usize, usize)>,
    failed: usize,
    refused: usize,
    /// The ids of cases that did not pass, by verdict and cause.
    causes: BTreeMap<(Verdict, String), Vec<String>>,
}

impl Report {
    /// Counts a case; gives its line.
    pub fn add(&mut self, id: &str, family: &str, outcome: &Outcome) -> String {
        let (passed, all) = self.families.entry(family.to_owned()).or_default();
        *all += 1;
        match outcome.verdict {
            Verdict::Pass => *passed += 1,
            Verdict::Fail => self.failed += 1,
            Verdict::Refused => self.refused += 1,
        }
        if outcome.verdict != Verdict::Pass {
            let cause = (outcome.verdict, cause(&outcome.reason).to_owned());
            self.causes.entry(cause).or_default().push(id.to_owned());
        }
        format!("{} {id} {}", outcome.verdict, outcome.reason).trim_end().to_owned()
    }

    /// Why cases did not pass, each with its cases: the failed first, then by their number.
    pub fn causes(&self) -> String {
        let mut causes: Vec<_> = self.causes.iter().collect();
        causes.sort_by_key(|((verdict, _), ids)| (*verdict, std::cmp::Reverse(ids.len())));
        let line = |((verdict, cause), ids): &(&(Verdict, String), &Vec<String>)| {
            format!("{verdict} {} × {cause}: {}\n", ids.len(), ids.join(", "))
        };
        causes.iter().map(line).collect()
    }

    /// Cases that passed.
    pub fn passed(&self) -> usize {
        self.families.values().map(|(passed, _)| passed).sum()
    }

    /// Cases with a wrong answer.
    pub fn failed(&self) -> usize {
        self.failed
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (family, (passed, all)) in &self.families {
            writeln!(f, "{family}: {passed}/{all}")?;
        }
        let Self { failed, refused, .. } = self;
        write!(f, "{} passed, {failed} failed, {refused} refused", self.passed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_counted_by_family() {
        let mut report = Report::default();
        assert_eq!(report.add("x/a_1", "a", &Outcome::pass()), "pass x/a_1");
        assert_eq!(
            report.add("x/a_2", "a", &Outcome::fail("1\n  instead of 2")),
            "fail x/a_2 1 instead of 2"
        );
        report.add("x/b", "b", &Outcome::refused("no"));
        report.add("x/c", "c", &Outcome::refused("no at [1:2]; write yes"));
        assert_eq!(report.causes(), "fail 1 × another answer: x/a_2\nrefused 2 × no: x/b, x/c\n");
        assert_eq!(report.to_string(), "a: 1/2\nb: 0/1\nc: 0/1\n1 passed, 1 failed, 2 refused");
    }
}
