//! Asks both sides and says whether they agree.

use translate::{Kind, Parameters};

use super::{
    calls::Calls,
    evaluator::{Evaluator, NotEvaluated},
    expressions::Generator,
    known::known_difference,
    literals,
    queries::Query,
};
use crate::conformance::{Answer, Catalog, NoAnswer, Warehouse, compare_cells};

/// Most queries that are asked to make one simpler.
const MOST_TRIES: usize = 400;

/// PostgreSQL works constants out before it knows whether a row asks for them.
const NO_ROW_ASKS: &str = "a constant fails and no row asks for it";

/// PostgreSQL may work out what the evaluator does not look at, or the other way round.
const NOT_ASKED_FOR: &str = "a part fails that is not asked for";

/// Where parts stand that are not always asked for.
const CONDITIONAL: [&str; 15] = [
    "CASE ",
    "IF(",
    "IFNULL(",
    "COALESCE(",
    " AND ",
    " OR ",
    " WHERE ",
    " HAVING ",
    " IN (",
    " OVER (",
    " QUALIFY ",
    " LIMIT ",
    " BETWEEN ",
    " JOIN ",
    "EXISTS (",
];

/// What gives digits that depend on the way they are computed.
const INEXACT: [&str; 26] = [
    "SIN",
    "COS",
    "TAN",
    "SEC",
    "CSC",
    "COT",
    "ATAN",
    "EXP(",
    "LN(",
    "LOG",
    "POW",
    "SQRT",
    "CBRT",
    "STDDEV",
    "VAR",
    "CORR",
    "COVAR",
    "AVG(",
    "SUM(",
    "DISTANCE",
    "PERCENTILE",
    "PERCENT_RANK",
    "CUME_DIST",
    "ACOS",
    "ASIN",
    "L2_NORM",
];

/// What came of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The same answer.
    Agreed,
    /// Both say that the values allow no answer.
    AgreedError,
    /// Both say that the query is not valid.
    BothInvalid,
    /// The translator says why it does not translate it; the evaluator has an answer.
    Refused(String),
    /// The evaluator does not say what BigQuery would.
    Unsupported(String),
    /// The evaluator says that the query is not valid; the translator takes it.
    OnlyTheyInvalid(String),
    /// A difference with a known reason that is not ours.
    Known(&'static str),
    /// They disagree.
    Disagreed(Disagreement),
}

/// How answers differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    /// The same for disagreements that may have one cause.
    pub kind: String,
    /// What was said.
    pub detail: String,
    /// The query.
    pub sql: String,
}

/// Both sides, and what can be asked.
#[derive(Debug)]
pub struct Differential {
    warehouse: Warehouse,
    evaluator: Evaluator,
    calls: Calls,
}

impl Differential {
    /// Finds out what can be called.
    pub fn new(warehouse: Warehouse, evaluator: Evaluator) -> Self {
        Self { warehouse, evaluator, calls: Calls::declared() }
    }

    /// Calls of declared functions, with the plainest arguments, that the translator refuses and
    /// the evaluator takes: the query, and what the translator says.
    pub async fn refused_signatures(&mut self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for (sql, reason) in self.calls.refused.clone() {
            if self.evaluator.ask(&sql).await.is_ok() {
                found.push((sql, reason));
            }
        }
        found
    }

    /// Asks the query of a seed; gives it, too. A disagreement is told by the simplest query that still has it,
    /// if it is to be shrunk.
    pub async fn ask(&mut self, seed: u64, shrink: bool) -> (String, Outcome) {
        let query = Generator::new(&self.calls, seed).query();
        let sql = query.tree.sql();
        match self.judge(&query).await {
            Outcome::Disagreed(found) if shrink => (sql, self.shrunk(query, found).await),
            outcome => (sql, outcome),
        }
    }

    /// Asks one query that is given.
    pub async fn ask_text(&mut self, sql: &str, ordered: bool) -> Outcome {
        let theirs = self.evaluator.ask(sql).await;
        println!("the evaluator: {theirs:?}");
        let tree = super::tree::Node::text(sql);
        self.judge(&Query { tree, ordered }).await
    }

    async fn shrunk(&mut self, mut query: Query, mut found: Disagreement) -> Outcome {
        let mut tries = 0;
        'simpler: loop {
            for tree in query.tree.simpler(&literals::simplest) {
                tries += 1;
                if tries > MOST_TRIES {
                    break 'simpler;
                }
                let simpler = Query { tree, ordered: query.ordered };
                match self.judge(&simpler).await {
                    Outcome::Disagreed(other) if other.kind == found.kind => {
                        (query, found) = (simpler, other);
                        continue 'simpler;
                    }
                    Outcome::Known(reason) => return Outcome::Known(reason),
                    _ => {}
                }
            }
            break;
        }
        let fails = found.kind.starts_with("error ") || found.kind == "no error";
        if fails && CONDITIONAL.iter().any(|word| found.sql.contains(word)) {
            return Outcome::Known(NOT_ASKED_FOR);
        }
        Outcome::Disagreed(found)
    }

    async fn judge(&mut self, query: &Query) -> Outcome {
        let sql = query.tree.sql();
        let ours = self.warehouse.ask(&sql, &Parameters::default(), &Catalog::default()).await;
        let disagreed = |kind: &str, detail: String| {
            known_difference(&sql, &detail).map_or_else(
                || {
                    let kind = kind.to_owned();
                    Outcome::Disagreed(Disagreement { kind, detail, sql: sql.clone() })
                },
                Outcome::Known,
            )
        };
        if let Some(fault) = own_fault(&ours) {
            return disagreed(&format!("fault {}", plain(&fault)), fault);
        }
        match (ours, self.evaluator.ask(&sql).await) {
            (_, Err(NotEvaluated::Unsupported(reason))) => Outcome::Unsupported(plain(&reason)),
            (Err(NoAnswer::Refused(_)), Err(NotEvaluated::Invalid(_))) => Outcome::BothInvalid,
            (_, Err(NotEvaluated::Invalid(reason))) => Outcome::OnlyTheyInvalid(plain(&reason)),
            (Err(NoAnswer::Refused(refusal)), Err(_))
                if matches!(refusal.kind, Kind::Invalid | Kind::WrongValue) =>
            {
                Outcome::AgreedError
            }
            (Err(NoAnswer::Refused(refusal)), _) => Outcome::Refused(plain(&refusal.to_string())),
            (Err(_), Err(_)) => Outcome::AgreedError,
            (Ok(answer), Err(NotEvaluated::Failed(reason))) => {
                disagreed("no error", format!("{} instead of: {reason}", first_row(&answer)))
            }
            (Err(_), Ok(theirs)) if theirs.rows.is_empty() => Outcome::Known(NO_ROW_ASKS),
            (Err(error), Ok(theirs)) => {
                let error = error.to_string();
                let theirs = format!("{:?}", theirs.rows.first());
                disagreed(
                    &format!("error {}", plain(&error)),
                    format!("{error} instead of {theirs}"),
                )
            }
            (Ok(answer), Ok(theirs)) => {
                let inexact = INEXACT.iter().any(|name| sql.contains(name));
                let tolerance = if inexact { 1e-9 } else { 0.0 };
                let same =
                    compare_cells(&theirs.columns, &theirs.rows, query.ordered, tolerance, &answer);
                same.map_or_else(|difference| disagreed("answer", difference), |()| Outcome::Agreed)
            }
        }
    }
}

/// What is wrong whatever the evaluator says: SQL that Postgres does not understand.
fn own_fault(ours: &Result<Answer, NoAnswer>) -> Option<String> {
    match ours {
        Err(NoAnswer::Failed(message)) => {
            let classes = ["(SQLSTATE 42", "(SQLSTATE XX", "is no JSON"];
            classes.iter().any(|class| message.contains(class)).then(|| message.clone())
        }
        Err(error @ (NoAnswer::Panicked(_) | NoAnswer::TooSlow)) => Some(error.to_string()),
        Err(NoAnswer::Refused(refusal)) if refusal.kind == Kind::Internal => {
            Some(refusal.to_string())
        }
        _ => None,
    }
}

fn first_row(answer: &Answer) -> String {
    answer.rows.first().map_or("no rows".to_owned(), |row| {
        row.values().map(|value| value.get().to_owned()).collect::<Vec<_>>().join(", ")
    })
}

/// A message without what differs from query to query.
fn plain(message: &str) -> String {
    let message = message.lines().next().unwrap_or_default();
    let end = [" at [", "; ", ": "].iter().filter_map(|end| message.find(end)).min();
    let message = &message[..end.unwrap_or(message.len())];
    let mut out = String::new();
    let mut quoted = false;
    for letter in message.chars() {
        match letter {
            '\'' | '"' | '`' => {
                quoted = !quoted;
                out.push(letter);
            }
            _ if quoted => {}
            '0'..='9' => {
                if !out.ends_with('#') {
                    out.push('#');
                }
            }
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_one_cause_are_one() {
        assert_eq!(plain("Column 'a b' of 12 rows at [1:2]; no"), "Column '' of # rows");
        assert_eq!(
            plain("integer out of range (SQLSTATE 22003)"),
            "integer out of range (SQLSTATE #)"
        );
    }
}
