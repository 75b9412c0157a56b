//! BigQuery expressions beside PostgreSQL ones that are known to have the same value.

use std::collections::BTreeMap;

use sqlx::Row as _;
use translate::OutputType;

use super::{
    answer::{Cell, output_type, read},
    compare::same,
    decimal,
    report::Outcome,
    types::Type,
    warehouse::{Catalog, NoAnswer, Warehouse},
};

/// A BigQuery expression and a PostgreSQL one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The name that stands above it in the file.
    pub family: String,
    /// BigQuery's.
    pub bigquery: String,
    /// PostgreSQL's; `-` when there is none.
    pub postgres: String,
}

/// Reads a file of pairs: a line for each, a tab between the two, `#family` above.
pub fn pairs(text: &str) -> Vec<Pair> {
    let mut family = String::new();
    let mut found = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('#') {
            name.trim().clone_into(&mut family);
        } else if let Some((bigquery, postgres)) = line.split_once('\t') {
            found.push(Pair {
                family: family.clone(),
                bigquery: bigquery.to_owned(),
                postgres: postgres.trim().to_owned(),
            });
        }
    }
    found
}

/// Runs both sides of a pair on the warehouse, where the right side's helpers are installed.
async fn run_pair(warehouse: &mut Warehouse, pair: &Pair) -> Outcome {
    if pair.postgres == "-" {
        return Outcome::refused("there is no PostgreSQL expression");
    }
    let sql = format!("SELECT {} AS v", pair.bigquery);
    let ours = warehouse.ask(&sql, &BTreeMap::new(), &Catalog::default()).await;
    let theirs = postgres_value(warehouse, &pair.postgres).await;
    let ours = match (ours, &theirs) {
        (Ok(ours), _) => ours,
        (Err(NoAnswer::Refused(diagnostic)), _) => return Outcome::refused(diagnostic),
        // Both say that there is no answer.
        (Err(NoAnswer::Failed(_)), Err(_)) => return Outcome::pass(),
        (Err(error), _) => return Outcome::fail(format!("no answer: {error}")),
    };
    let theirs = match theirs {
        Ok(value) => value,
        Err(error) => return Outcome::fail(format!("an answer where PostgreSQL says {error}")),
    };
    let Some(column) = ours.columns.first() else { return Outcome::fail("no column") };
    let value = ours.rows.first().and_then(|row| row.get("v")).map_or("null", |value| value.get());
    if is_same(&column.ty, value, theirs.as_deref()) {
        return Outcome::pass();
    }
    let theirs = theirs.unwrap_or_else(|| "NULL".to_owned());
    Outcome::fail(format!("{value} ({}) instead of {theirs}", output_type(&column.ty)))
}

/// A value of PostgreSQL as JSON text; None for NULL.
async fn postgres_value(
    warehouse: &mut Warehouse,
    expression: &str,
) -> Result<Option<String>, String> {
    let sql = format!("select to_json(v)::text from (select {expression}) as t (v)");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).persistent(false);
    let row = row.fetch_one(warehouse.admin()).await.map_err(|error| error.to_string())?;
    row.try_get(0).map_err(|error| error.to_string())
}

fn is_same(ty: &OutputType, ours: &str, theirs: Option<&str>) -> bool {
    // An array that is NULL is answered as one without elements.
    let empty = matches!(ty, OutputType::Array(_)) && ours == "[]";
    let Some(theirs) = theirs else { return ours == "null" || empty };
    let ty = output_type(ty);
    let read_both = |ty: &Type| {
        let ours = read(ty, ours).ok()?;
        Some((ours, read(ty, theirs).ok()?))
    };
    if let Some((ours, theirs)) = read_both(&ty)
        && same(&ours, &theirs)
    {
        return true;
    }
    // What one side calls text the other may call a number, a date or an interval.
    let plain = |text: &str| {
        let text = serde_json::from_str::<String>(text).unwrap_or_else(|_| text.to_owned());
        decimal::canonical(&text).map_or(Cell::Text(text), Cell::Number)
    };
    same(&plain(ours), &plain(theirs))
}

/// Runs pairs one after the other; `each` is told of every outcome.
pub async fn run_pairs(
    warehouse: &mut Warehouse,
    pairs: &[Pair],
    mut each: impl FnMut(usize, &Pair, &Outcome),
) {
    for (number, pair) in pairs.iter().enumerate() {
        let outcome = run_pair(warehouse, pair).await;
        each(number, pair, &outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_families_and_pairs() {
        let found = pairs("#string\nLENGTH('a')\tchar_length('a')\n\n#math\n1\t-\n");
        assert_eq!(found.len(), 2);
        assert_eq!((found[1].family.as_str(), found[1].postgres.as_str()), ("math", "-"));
    }

    #[test]
    fn values_are_compared_by_our_type() {
        for (ty, ours, theirs, same) in [
            (OutputType::Int64, "5", Some("5"), true),
            (OutputType::Int64, "5", Some("6"), false),
            (OutputType::Float64, "0.30000000000000004", Some("0.3"), true),
            (OutputType::Timestamp, "1000000", Some("\"1970-01-01T00:00:01\""), true),
            (OutputType::String, "\"a\"", Some("\"a\""), true),
            (OutputType::String, "\"1.50\"", Some("1.5"), true),
            (OutputType::Json, "\"{\\\"a\\\":1}\"", Some("{\"a\":1}"), true),
            (OutputType::String, "null", None, true),
            (OutputType::Array(Box::new(OutputType::Int64)), "[]", None, true),
            (OutputType::String, "\"\"", None, false),
        ] {
            assert_eq!(is_same(&ty, ours, theirs), same, "{ours} {theirs:?}");
        }
    }
}
