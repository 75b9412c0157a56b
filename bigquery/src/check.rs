//! Tries everything that is needed of BigQuery, on a table of its own that it removes again.

use std::{
    collections::BTreeMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tonic::Code;
use uuid::Uuid;

use crate::{
    AsText, Column, ColumnType, Error, Mode, Progress, Query, QueryFailure, Rest, Settings, Table,
    TablePatch, Target, Writer,
};

/// How long a new table may be unknown to whoever takes rows.
const PATIENCE: Duration = Duration::from_secs(60);

/// The event that is written, and a time before it.
const EVENT: &str = r#"{"id":"check","timestamp":1767225600000000,"event_message":"check"}"#;
const SOME_TIME: &str = "TIMESTAMP '2000-01-01 00:00:00+00'";

/// For one query.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Something that is needed, and whether it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What is needed: credentials, a permission by Google's name, the dataset's location.
    pub what: &'static str,
    /// Whether it is there.
    pub outcome: Outcome,
}

/// Whether something is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is.
    Fine,
    /// It is missing, with Google's words.
    Missing(String),
    /// It could not be found out.
    Unknown(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Outcome::Fine => write!(f, "ok       {}", self.what),
            Outcome::Missing(why) => write!(f, "MISSING  {}: {why}", self.what),
            Outcome::Unknown(why) => write!(f, "unknown  {}: {why}", self.what),
        }
    }
}

/// Tries everything that is needed. A dataset that is not there is made, as it is when events come.
pub async fn check(settings: &Settings) -> Vec<Finding> {
    let mut findings = Findings(Vec::new());
    match settings.credentials.bearer().await {
        Ok(_) => findings.add("credentials", Outcome::Fine),
        Err(error) => {
            findings.add("credentials", Outcome::Missing(error.to_string()));
            return findings.0;
        }
    }
    findings.try_all(&Rest::new(settings), settings).await;
    findings.0
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, what: &'static str, outcome: Outcome) {
        self.0.push(Finding { what, outcome });
    }

    /// Notes how it went; gives what came of it.
    fn note<T>(&mut self, what: &'static str, result: Result<T, Error>) -> Option<T> {
        match result {
            Ok(value) => {
                self.add(what, Outcome::Fine);
                Some(value)
            }
            Err(error) => {
                self.add(what, outcome_of(&error));
                None
            }
        }
    }

    async fn try_all(&mut self, rest: &Rest, settings: &Settings) {
        if !self.try_dataset(rest).await {
            return;
        }
        let id = format!("logweir_check_{}", Uuid::new_v4().simple());
        let target = Target {
            table: id.clone(),
            schema: Arc::default(),
            as_text: AsText::default(),
            retention_days: Some(1),
            clustering: Vec::new(),
        };
        let table = target.new_table(settings);
        if self.note("bigquery.tables.create", rest.create_table(&table).await).is_some() {
            // Before it is changed: a new column may be unknown for longer than is waited.
            let written = write(Writer::new(settings.clone(), rest.clone()), &target).await;
            self.note("bigquery.tables.updateData", written);
            self.try_table(rest, &id, table).await;
            let sql = format!(
                "SELECT COUNT(*) AS events FROM {} WHERE `timestamp` >= {SOME_TIME}",
                rest.quoted(&id)
            );
            self.try_query(rest, "bigquery.tables.getData", &sql).await;
            if self.note("bigquery.tables.delete", rest.delete_table(&id).await).is_none() {
                let left = format!("the table {id} is left behind: remove it");
                self.add("the end of the check", Outcome::Unknown(left));
            }
        }
        self.try_query(rest, "bigquery.jobs.create", "SELECT 1 AS one").await;
    }

    /// `false` when nothing else can be tried.
    async fn try_dataset(&mut self, rest: &Rest) -> bool {
        let Some(found) = self.note("bigquery.datasets.get", rest.dataset().await) else {
            return false;
        };
        let dataset = match found {
            Some(dataset) => dataset,
            None => {
                if self.note("bigquery.datasets.create", rest.create_dataset().await).is_none() {
                    return false;
                }
                json!({ "location": rest.location() })
            }
        };
        let location = dataset.get("location").and_then(Value::as_str).unwrap_or_default();
        let outcome = if location.eq_ignore_ascii_case(rest.location()) {
            Outcome::Fine
        } else {
            Outcome::Missing(format!(
                "the dataset is in {location}, the settings say {}",
                rest.location()
            ))
        };
        self.add("the dataset's location", outcome);
        true
    }

    async fn try_table(&mut self, rest: &Rest, id: &str, table: Table) {
        self.note("bigquery.tables.get", rest.table(id).await);
        let mut schema = table.schema.unwrap_or_default();
        schema.fields.push(Column::new("added", ColumnType::String, Mode::Nullable));
        let patch = TablePatch { schema: Some(schema), ..TablePatch::default() };
        self.note("bigquery.tables.update", rest.patch_table(id, &patch, None).await);
    }

    async fn try_query(&mut self, rest: &Rest, what: &'static str, sql: &str) {
        let none = BTreeMap::new();
        let query = Query {
            sql,
            parameters: &none,
            labels: &BTreeMap::new(),
            timeout: TIMEOUT,
            max_rows: 1,
            max_answer: 1 << 20,
            of_events: &[],
        };
        match rest.query(&query).await {
            Ok(_) => self.add(what, Outcome::Fine),
            Err(QueryFailure::Service(error)) => self.add(what, outcome_of(&error)),
            Err(failure) => self.add(what, Outcome::Unknown(failure.to_string())),
        }
    }
}

fn outcome_of(error: &Error) -> Outcome {
    match error {
        Error::Refused { status: 401 | 403, message, .. }
        | Error::Append { code: Code::PermissionDenied | Code::Unauthenticated, message, .. } => {
            Outcome::Missing(message.clone())
        }
        error => Outcome::Unknown(error.to_string()),
    }
}

/// By the way that events go. A new table may be unknown for a while.
async fn write(writer: Writer, target: &Target) -> Result<(), Error> {
    let table = writer.open(target).await?;
    let mut rows = writer.encode(&table, [EVENT]);
    let mut progress = Progress::default();
    progress.refused.append(&mut rows.refused);
    writer.append(&table, rows, Instant::now() + PATIENCE, &mut progress).await?;
    match progress.refused.into_iter().next() {
        None => Ok(()),
        Some((_, misfit)) => Err(Error::Unexpected(misfit.text)),
    }
}
