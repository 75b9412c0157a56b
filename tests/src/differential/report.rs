//! What came of many queries.

use std::{collections::BTreeMap, fmt};

use super::Outcome;

/// Reasons that are shown of each sort.
const SHOWN: usize = 20;

/// Counts of outcomes. Shown, it tells them with the most frequent reasons.
#[derive(Debug, Default)]
pub struct Report {
    generated: usize,
    agreed: usize,
    agreed_errors: usize,
    both_invalid: usize,
    refused: BTreeMap<String, usize>,
    unsupported: BTreeMap<String, usize>,
    only_they_invalid: BTreeMap<String, usize>,
    known: BTreeMap<String, usize>,
    disagreements: BTreeMap<String, usize>,
}

impl Report {
    /// Counts an outcome.
    pub fn add(&mut self, outcome: Outcome) {
        self.generated += 1;
        match outcome {
            Outcome::Agreed => self.agreed += 1,
            Outcome::AgreedError => self.agreed_errors += 1,
            Outcome::BothInvalid => self.both_invalid += 1,
            Outcome::Refused(reason) => *self.refused.entry(reason).or_default() += 1,
            Outcome::Unsupported(reason) => *self.unsupported.entry(reason).or_default() += 1,
            Outcome::OnlyTheyInvalid(reason) => {
                *self.only_they_invalid.entry(reason).or_default() += 1;
            }
            Outcome::Known(reason) => *self.known.entry(reason.to_owned()).or_default() += 1,
            Outcome::Disagreed(found) => *self.disagreements.entry(found.kind).or_default() += 1,
        }
    }

    /// How many disagreements there are.
    pub fn disagreements(&self) -> usize {
        self.disagreements.values().sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (title, reasons) in [
            ("refused by the translator", &self.refused),
            ("not valid for the evaluator alone", &self.only_they_invalid),
            ("not supported by the evaluator", &self.unsupported),
            ("known differences", &self.known),
            ("disagreements", &self.disagreements),
        ] {
            let mut reasons: Vec<_> = reasons.iter().collect();
            reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            let all: usize = reasons.iter().map(|(_, count)| **count).sum();
            writeln!(f, "{title}: {all}")?;
            for (reason, count) in reasons.iter().take(SHOWN) {
                writeln!(f, "  {count} × {reason}")?;
            }
        }
        let compared = self.agreed + self.agreed_errors + self.disagreements();
        let known: usize = self.known.values().sum();
        write!(
            f,
            "{} generated, {} compared: {} with the same answer, {} with an error on both sides, \
             {known} with a known difference, {} disagreements; {} valid for neither",
            self.generated,
            compared + known,
            self.agreed,
            self.agreed_errors,
            self.disagreements(),
            self.both_invalid,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_counted() {
        let mut report = Report::default();
        for outcome in [Outcome::Agreed, Outcome::AgreedError, Outcome::Refused("no".to_owned())] {
            report.add(outcome);
        }
        report.add(Outcome::Known("both are right"));
        let text = report.to_string();
        assert!(text.contains("refused by the translator: 1\n  1 × no\n"), "{text}");
        assert!(text.ends_with(
            "4 generated, 3 compared: 1 with the same answer, 1 with an error on both sides, \
             1 with a known difference, 0 disagreements; 0 valid for neither"
        ));
    }
}
