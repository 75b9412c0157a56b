//! One case.

use regex::Regex;

use super::{
    case::{Case, Wanted},
    compare::{Wish, compare},
    lexer::is_ordered,
    parameters::bind,
    report::Outcome,
    setup,
    types::Type,
    warehouse::{Answer, NoAnswer, Warehouse},
};

/// What `${DATASET}` stands for.
const DATASET: &str = "conformance";

/// Runs a case in a schema of its own, which is gone afterwards.
pub async fn run(warehouse: &mut Warehouse, number: usize, case: &Case) -> Outcome {
    let schema = format!("case_{number}");
    let outcome = match warehouse.make_schema(&schema).await {
        Ok(()) => run_in(warehouse, &schema, case).await,
        Err(error) => Outcome::fail(format!("no schema: {error}")),
    };
    match warehouse.drop_schema(&schema).await {
        Ok(()) => outcome,
        Err(error) => Outcome::fail(format!("the schema is left behind: {error}")),
    }
}

async fn run_in(warehouse: &mut Warehouse, schema: &str, case: &Case) -> Outcome {
    let named = |sql: &str| sql.replace("${DATASET}", DATASET);
    let catalog = match setup::run(warehouse, schema, &named(&case.setup)).await {
        Ok(catalog) => catalog,
        Err(error) => return Outcome::refused(format!("setup: {error}")),
    };
    let bound = match bind(case.parameters.as_ref()) {
        Ok(bound) => bound,
        Err(error) => return Outcome::refused(format!("parameters: {error}")),
    };
    let sql = named(&case.query);
    let asked = warehouse.ask(&sql, &bound, &catalog).await;
    match &case.expected.0 {
        Wanted::Rows { columns, rows } => judge_rows(columns, rows, &sql, asked),
        Wanted::Error { pattern } => judge_error(pattern, asked),
    }
}

fn judge_rows(
    columns: &[(String, Type)],
    rows: &[serde_json::Value],
    sql: &str,
    asked: Result<Answer, NoAnswer>,
) -> Outcome {
    let answer = match asked {
        Ok(answer) => answer,
        Err(NoAnswer::Refused(diagnostic)) => return Outcome::refused(diagnostic),
        Err(other) => return Outcome::fail(format!("no answer: {other}")),
    };
    let wish = Wish { columns, rows, ordered: is_ordered(sql) };
    compare(&wish, &answer).map_or_else(Outcome::fail, |()| Outcome::pass())
}

fn judge_error(pattern: &str, asked: Result<Answer, NoAnswer>) -> Outcome {
    let error = match asked {
        Ok(answer) => {
            return Outcome::fail(format!(
                "{} rows instead of an error like {pattern}",
                answer.rows.len()
            ));
        }
        Err(error @ (NoAnswer::Refused(_) | NoAnswer::Failed(_))) => error.to_string(),
        Err(error) => return Outcome::fail(error),
    };
    match error_pattern(pattern) {
        Ok(wanted) if wanted.is_match(&error) => Outcome::pass(),
        Ok(_) => Outcome::refused(format!("another error: {error}")),
        Err(invalid) => Outcome::refused(format!("the case's pattern: {invalid}")),
    }
}

/// Python escapes more than it must.
fn error_pattern(pattern: &str) -> Result<Regex, regex::Error> {
    let mut out = String::with_capacity(pattern.len());
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter.eq(&'\\').then(|| letters.next()).flatten()) {
            ('\\', Some(escaped)) if escaped.is_ascii_alphanumeric() => {
                out.extend(['\\', escaped]);
            }
            ('\\', Some(escaped)) => out.push_str(&regex::escape(escaped.encode_utf8(&mut [0; 4]))),
            (letter, _) => out.push(letter),
        }
    }
    Regex::new(&out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_python_are_understood() {
        let pattern = r#"division\ by\ zero:\ \d+\ /\ \d+\ "!!bad\-dataset!!"\."#;
        let pattern = error_pattern(pattern).unwrap();
        assert!(pattern.is_match(r#"division by zero: 10 / 0 "!!bad-dataset!!"."#));
        assert!(!pattern.is_match("division by zero"));
        assert!(error_pattern("a\\\n\\ b").unwrap().is_match("a\n b"));
    }
}
