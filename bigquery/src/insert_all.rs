//! Rows over the REST API (`tabledata.insertAll`), where gRPC is blocked.

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Error, Rest, rest::Sent};

/// A row for `tabledata.insertAll`, as JSON: `insertId` and `json` with the columns that are set. Rows
/// of one `insertId` that come within about a minute are one, if BigQuery has time for it.
pub type InsertRow = RawValue;

/// Why a row was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// The row's place in the request.
    pub index: usize,
    /// Google's name for it. `stopped` is a row that is good, but came with a bad one.
    pub reason: String,
    /// The column, where there is one.
    pub location: String,
    /// For people.
    pub message: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'r> {
    skip_invalid_rows: bool,
    ignore_unknown_values: bool,
    rows: &'r [Box<InsertRow>],
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    insert_errors: Vec<OfRow>,
}

#[derive(Deserialize)]
struct OfRow {
    #[serde(default)]
    index: usize,
    #[serde(default)]
    errors: Vec<Reason>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Reason {
    reason: String,
    location: String,
    message: String,
}

impl Rest {
    /// Adds rows to a table: all or none. With why rows were not taken, each once; an empty list says
    /// that all were.
    ///
    /// # Errors
    /// When BigQuery does not look at the rows.
    pub async fn insert_all(
        &self,
        table: &str,
        rows: &[Box<InsertRow>],
    ) -> Result<Vec<RowError>, Error> {
        let path = self.of_dataset(&["tables", table, "insertAll"]);
        let body = Request { skip_invalid_rows: false, ignore_unknown_values: false, rows };
        let answer: Answer = self.send(Sent::new(Method::POST, &path).with_body(&body)?).await?;
        let first = |row: OfRow| {
            let Reason { reason, location, message } =
                row.errors.into_iter().next().unwrap_or_default();
            RowError { index: row.index, reason, location, message }
        };
        Ok(answer.insert_errors.into_iter().map(first).collect())
    }
}
