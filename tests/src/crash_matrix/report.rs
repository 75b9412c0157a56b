//! What came out.

use std::{fmt, path::PathBuf};

use crate::ledger::{Comparison, Totals};

/// What came out of one round.
#[derive(Debug)]
pub(super) struct Round {
    /// Of this round and those before.
    pub(super) totals: Totals,
    pub(super) comparison: Comparison,
    /// Rows that may be there too often.
    pub(super) may_double: u64,
    /// Of what a rule stores in another source.
    pub(super) by_rule: Comparison,
    /// Events that have arrived at the drain's receiver.
    pub(super) drained: u64,
    /// Acknowledged events that have not.
    pub(super) undrained: u64,
    pub(super) refusals: Vec<String>,
    /// Senders that got no acknowledgement for their last batch.
    pub(super) unanswered: usize,
    pub(super) notes: Vec<String>,
    /// Why the round shows nothing.
    pub(super) failures: Vec<String>,
    /// Where the program's log is.
    pub(super) log: PathBuf,
}

impl Round {
    fn are_right(&self, rows: &Comparison) -> bool {
        rows.lost == 0 && rows.doubled <= self.may_double
    }

    pub(super) fn is_right(&self) -> bool {
        self.are_right(&self.comparison)
            && self.are_right(&self.by_rule)
            && self.undrained == 0
            && self.refusals.is_empty()
            && self.unanswered == 0
            && self.failures.is_empty()
    }
}

/// What came out of a scenario.
#[derive(Debug)]
pub struct Row {
    scenario: &'static str,
    rounds: u32,
    totals: Totals,
    stored: u64,
    lost: u64,
    doubled: u64,
    refused: usize,
    /// Rows that a rule has stored in another source.
    by_rule: u64,
    /// Those of them that are missing or too many.
    wrong_by_rule: u64,
    drained: u64,
    undrained: u64,
    notes: Vec<String>,
    failures: Vec<String>,
    /// It was not run, and shows nothing.
    is_skipped: bool,
}

impl Row {
    pub(super) fn new(scenario: &'static str) -> Self {
        Self {
            scenario,
            rounds: 0,
            totals: Totals::default(),
            stored: 0,
            lost: 0,
            doubled: 0,
            refused: 0,
            by_rule: 0,
            wrong_by_rule: 0,
            drained: 0,
            undrained: 0,
            notes: Vec::new(),
            failures: Vec::new(),
            is_skipped: false,
        }
    }

    /// Of a scenario that cannot be run here.
    pub(super) fn skipped(scenario: &'static str, why: &str) -> Self {
        Self { notes: vec![why.to_owned()], is_skipped: true, ..Self::new(scenario) }
    }

    pub(super) fn add(&mut self, round: Round) {
        self.rounds += 1;
        let number = self.rounds;
        let right = round.is_right();
        let Round { totals, comparison, by_rule, drained, undrained, .. } = &round;
        let wrong_rows = (!round.are_right(comparison)).then(|| comparison.to_string());
        let wrong_copies = (!round.are_right(by_rule)).then(|| format!("by the rule: {by_rule}"));
        let undrained_events =
            (*undrained > 0).then(|| format!("{undrained} events have not reached the drain"));
        self.totals = *totals;
        self.stored = comparison.stored;
        self.lost += comparison.lost;
        self.doubled += comparison.doubled;
        self.by_rule = by_rule.stored;
        self.wrong_by_rule += by_rule.lost + by_rule.doubled;
        self.drained = *drained;
        self.undrained += undrained;
        let Round { refusals, unanswered, notes, failures, log, .. } = round;
        self.refused += refusals.len();
        self.notes.extend(notes.into_iter().map(|note| format!("round {number}: {note}")));
        let refused = refusals.first().map(|first| format!("{} refused: {first}", refusals.len()));
        let unanswered =
            (unanswered > 0).then(|| format!("{unanswered} senders were never answered"));
        let see = (!right).then(|| format!("see {}", log.display()));
        self.failures.extend(
            wrong_rows
                .into_iter()
                .chain(wrong_copies)
                .chain(undrained_events)
                .chain(refused)
                .chain(unanswered)
                .chain(failures)
                .chain(see)
                .map(|text| format!("round {number}: {text}")),
        );
    }

    /// What came out, in a word.
    pub fn result(&self) -> &'static str {
        match (self.failures.is_empty(), self.is_skipped) {
            (false, _) => "FAILED",
            (true, true) => "SKIPPED",
            (true, false) => "right",
        }
    }

    /// Why it failed; nothing when it did not.
    pub fn failures(&self) -> &[String] {
        &self.failures
    }
}

/// The table of all scenarios.
#[derive(Debug, Default)]
pub struct Report {
    rows: Vec<Row>,
}

impl Report {
    /// Adds a scenario.
    pub fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Whether nothing was lost, doubled or refused.
    pub fn is_right(&self) -> bool {
        self.rows.iter().all(|row| row.failures.is_empty())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<18} {:>6} {:>9} {:>12} {:>9} {:>6} {:>7} {:>7} {:>9} {:>6} {:>9} {:>9} {:>9} \
             {:>8} {:>7} {:>14}",
            "scenario",
            "rounds",
            "sent",
            "acknowledged",
            "stored",
            "lost",
            "doubled",
            "refused",
            "by a rule",
            "wrong",
            "drained",
            "undrained",
            "uncertain",
            "requests",
            "put off",
            "longest outage"
        )?;
        for row in &self.rows {
            if row.is_skipped {
                writeln!(f, "{:<18} SKIPPED: nothing is shown of it", row.scenario)?;
                continue;
            }
            let Totals { sent, acknowledged, uncertain, attempts, put_off, longest_outage } =
                row.totals;
            writeln!(
                f,
                "{:<18} {:>6} {sent:>9} {acknowledged:>12} {:>9} {:>6} {:>7} {:>7} \
                 {:>9} {:>6} {:>9} {:>9} {uncertain:>9} {attempts:>8} {put_off:>7} {:>12.1} s",
                row.scenario,
                row.rounds,
                row.stored,
                row.lost,
                row.doubled,
                row.refused,
                row.by_rule,
                row.wrong_by_rule,
                row.drained,
                row.undrained,
                longest_outage.as_secs_f64()
            )?;
        }
        for row in &self.rows {
            let Row { scenario, notes, failures, is_skipped, .. } = row;
            let skipped = if *is_skipped { "SKIPPED " } else { "" };
            notes.iter().try_for_each(|note| writeln!(f, "{skipped}{scenario}, {note}"))?;
            failures.iter().try_for_each(|failure| writeln!(f, "FAILED {scenario}, {failure}"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_skipped_is_not_right() {
        let skipped = Row::skipped("disk-full", "no file system can be mounted");
        assert_eq!((skipped.result(), Row::new("kill").result()), ("SKIPPED", "right"));
        let mut failed = Row::new("kill");
        failed.failures.push("2 lost".to_owned());
        assert_eq!(failed.result(), "FAILED");
        let mut report = Report::default();
        report.add(skipped);
        let lines: Vec<_> = report.to_string().lines().map(str::to_owned).collect();
        assert!(lines[1].starts_with("disk-full          SKIPPED"), "{lines:?}");
        assert_eq!(lines[2..], ["SKIPPED disk-full, no file system can be mounted"]);
    }
}
