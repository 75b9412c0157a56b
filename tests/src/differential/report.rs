//! What came of many queries.

use std::{collections::BTreeMap, fmt};

use super::Outcome;

/// Reasons that are shown of each sort.
const SHOWN: usize = 20;

/// How often there was a reason, and the shortest query that had it.
type Reasons = BTreeMap<String, (usize, String)>;

/// Counts of outcomes. Shown, it tells them with the most frequent reasons.
#[derive(Debug, Default)]
pub struct Report {
    generated: usize,
    agreed: usize,
    agreed_errors: usize,
    both_invalid: usize,
    refused: Reasons,
    unsupported: Reasons,
    only_they_invalid: Reasons,
    known: Reasons,
    disagreements: Reasons,
}

impl Report {
    /// Counts an outcome of a query.
    pub fn add(&mut self, outcome: Outcome, sql: &str) {
        self.generated += 1;
        let count = |reasons: &mut Reasons, reason: String| {
            let (count, shortest) = reasons.entry(reason).or_default();
            *count += 1;
            if shortest.is_empty() || sql.len() < shortest.len() {
                sql.clone_into(shortest);
            }
        };
        match outcome {
            Outcome::Agreed => self.agreed += 1,
            Outcome::AgreedError => self.agreed_errors += 1,
            Outcome::BothInvalid => self.both_invalid += 1,
            Outcome::Refused(reason) => count(&mut self.refused, reason),
            Outcome::Unsupported(reason) => count(&mut self.unsupported, reason),
            Outcome::OnlyTheyInvalid(reason) => count(&mut self.only_they_invalid, reason),
            Outcome::Known(reason) => count(&mut self.known, reason.to_owned()),
            Outcome::Disagreed(found) => count(&mut self.disagreements, found.kind),
        }
    }

    /// How many disagreements there are.
    pub fn disagreements(&self) -> usize {
        self.disagreements.values().map(|(count, _)| count).sum()
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
            reasons.sort_by_key(|(_, count)| std::cmp::Reverse(count.0));
            let all: usize = reasons.iter().map(|(_, count)| count.0).sum();
            writeln!(f, "{title}: {all}")?;
            for (reason, (count, sql)) in reasons.iter().take(SHOWN) {
                writeln!(f, "  {count} × {reason}: {sql}")?;
            }
        }
        let compared = self.agreed + self.agreed_errors + self.disagreements();
        let known: usize = self.known.values().map(|(count, _)| count).sum();
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
            report.add(outcome, "SELECT 1");
        }
        report.add(Outcome::Known("both are right"), "SELECT 2");
        let text = report.to_string();
        assert!(text.contains("refused by the translator: 1\n  1 × no: SELECT 1\n"), "{text}");
        assert!(text.ends_with(
            "4 generated, 3 compared: 1 with the same answer, 1 with an error on both sides, \
             1 with a known difference, 0 disagreements; 0 valid for neither"
        ));
    }
}
