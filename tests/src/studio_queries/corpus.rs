//! A file of Studio's queries, and what becomes of each.

use std::collections::BTreeMap;

use serde_json::Value;
use translate::{OutputColumn, OutputType};

use crate::conformance::{Answer, NoAnswer, Outcome};

/// A query as the file says.
#[derive(Debug, Clone)]
pub struct StudioQuery {
    /// Its name.
    pub id: String,
    /// The page that sends it.
    pub surface: String,
    /// BigQuery SQL over the tables.
    pub sql: String,
    /// Parameters of the URL.
    pub parameters: BTreeMap<String, String>,
    /// Whether it is broken and has to be answered with an error.
    pub is_broken: bool,
}

/// Reads a file: a JSON object with `id`, `surface`, `sql`, `params` and maybe `expect` in a line.
///
/// # Errors
/// What is wrong, and in which line.
pub fn queries(text: &str) -> Result<Vec<StudioQuery>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(at, line)| query(line).map_err(|error| format!("line {}: {error}", at + 1)))
        .collect()
}

fn query(line: &str) -> Result<StudioQuery, String> {
    let line: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let text = |name: &str| {
        let text = line.get(name).and_then(Value::as_str);
        text.map(str::to_owned).ok_or_else(|| format!("a query needs `{name}`"))
    };
    let parameters = line.get("params").and_then(Value::as_object).into_iter().flatten();
    let parameters =
        parameters.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    Ok(StudioQuery {
        id: text("id")?,
        surface: text("surface")?,
        sql: text("sql")?,
        parameters: parameters.collect(),
        is_broken: line.get("expect").and_then(Value::as_str) == Some("error"),
    })
}

/// What is to be said of an answer: it has the shape that the page needs, or is the error that is
/// wanted.
pub fn judge(query: &StudioQuery, asked: Result<Answer, NoAnswer>) -> Outcome {
    match asked {
        Ok(answer) if query.is_broken => {
            Outcome::fail(format!("{} rows where an error belongs", answer.rows.len()))
        }
        Ok(answer) => match shape(&query.surface, &answer) {
            Ok(()) => Outcome::pass_with(format!("{} rows", answer.rows.len())),
            Err(problem) => Outcome::fail(problem),
        },
        Err(error @ NoAnswer::Refused(_)) if query.is_broken => Outcome::pass_with(error),
        Err(NoAnswer::Refused(diagnostic)) => Outcome::refused(diagnostic),
        Err(error) => Outcome::fail(format!("no answer: {error}")),
    }
}

/// What each page reads of its rows.
fn shape(surface: &str, answer: &Answer) -> Result<(), String> {
    let column = |name: &str| answer.columns.iter().find(|column| column.name == name);
    let is = |name: &str, wanted: OutputType| match column(name) {
        Some(OutputColumn { ty, .. }) if *ty == wanted => Ok(()),
        Some(OutputColumn { ty, .. }) => Err(format!("column {name} is {ty:?}, not {wanted:?}")),
        None => Err(format!("there is no column {name}")),
    };
    for row in &answer.rows {
        let missing = answer.columns.iter().find(|column| !row.contains_key(&column.name));
        if let Some(column) = missing {
            return Err(format!("a row without {}", column.name));
        }
    }
    match surface {
        "preview page" | "single log" | "mcp get_logs" => {
            // Studio's list drops rows without one of them.
            for name in ["id", "event_message"] {
                is(name, OutputType::String)?;
            }
            is("timestamp", OutputType::Timestamp)
        }
        "chart" if column("ok_count").is_some() => {
            for name in ["ok_count", "error_count", "warning_count"] {
                is(name, OutputType::Int64)?;
            }
            is("timestamp", OutputType::Timestamp)
                .or_else(|_| is("timestamp", OutputType::Datetime))
        }
        "count" => {
            is("count", OutputType::Int64)?;
            let rows = answer.rows.len();
            if rows == 1 { Ok(()) } else { Err(format!("{rows} rows instead of one")) }
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::Verdict;

    const FILE: &str = r#"
        {"id": "a", "surface": "count", "sql": "q", "params": {"iso_timestamp_start": "x", "n": 1}, "expect": "lenient: so"}
        {"id": "b", "surface": "report", "sql": "q", "expect": "error"}
    "#;

    fn answer(names: &[&str], rows: &str) -> Answer {
        let column = |name: &&str| OutputColumn { name: (*name).to_owned(), ty: OutputType::Int64 };
        Answer {
            columns: names.iter().map(column).collect(),
            rows: serde_json::from_str(rows).unwrap(),
        }
    }

    #[test]
    fn queries_are_read_and_judged_by_their_page() {
        let [count, broken] = queries(FILE).unwrap().try_into().unwrap();
        assert_eq!(
            count.parameters,
            BTreeMap::from([("iso_timestamp_start".to_owned(), "x".to_owned())])
        );
        assert!(!count.is_broken && broken.is_broken);
        for (query, asked, verdict) in [
            (&count, Ok(answer(&["count"], r#"[{"count": 1}]"#)), Verdict::Pass),
            (&count, Ok(answer(&["count"], "[]")), Verdict::Fail),
            (&count, Ok(answer(&["n"], r#"[{"n": 1}]"#)), Verdict::Fail),
            (&count, Err(NoAnswer::Failed("no".to_owned())), Verdict::Fail),
            (&broken, Ok(answer(&["n"], "[]")), Verdict::Fail),
            (&broken, Err(NoAnswer::TooSlow), Verdict::Fail),
        ] {
            assert_eq!(judge(query, asked).verdict, verdict);
        }
        assert!(queries("{}").is_err());
    }
}
