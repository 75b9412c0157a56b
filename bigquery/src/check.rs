//! Tries everything that is needed of BigQuery, on a table of its own that it removes again.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde_json::{Value, json, value::RawValue};
use uuid::Uuid;

use crate::{
    Column, ColumnType, Error, InsertRow, Mode, Partitioning, PartitioningUnit, Query,
    QueryFailure, Rest, Schema, Settings, Table, TablePatch, TableReference,
};

/// How long a new table may be unknown to whoever takes rows, and how often it is looked.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

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
    findings.try_all(&Rest::new(settings)).await;
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

    async fn try_all(&mut self, rest: &Rest) {
        if !self.try_dataset(rest).await {
            return;
        }
        let id = format!("logweir_check_{}", Uuid::new_v4().simple());
        let table = table(rest, &id);
        if self.note("bigquery.tables.create", rest.create_table(&table).await).is_some() {
            self.try_table(rest, &id, table).await;
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
        schema.fields.push(column("added", ColumnType::String, Mode::Nullable));
        let patch = TablePatch { schema: Some(schema), ..TablePatch::default() };
        self.note("bigquery.tables.update", rest.patch_table(id, &patch, None).await);
        self.note("bigquery.tables.updateData", insert(rest, id).await);
        let sql = format!(
            "SELECT COUNT(*) AS events FROM {} WHERE `timestamp` >= TIMESTAMP '2000-01-01 00:00:00+00'",
            rest.quoted(id)
        );
        self.try_query(rest, "bigquery.tables.getData", &sql).await;
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
        Error::Refused { status: 401 | 403, message, .. } => Outcome::Missing(message.clone()),
        error => Outcome::Unknown(error.to_string()),
    }
}

fn column(name: &str, kind: ColumnType, mode: Mode) -> Column {
    let other = serde_json::Map::new();
    Column { name: name.to_owned(), kind, mode, fields: Vec::new(), other }
}

fn table(rest: &Rest, id: &str) -> Table {
    let fields = vec![
        column("timestamp", ColumnType::Timestamp, Mode::Required),
        column("id", ColumnType::String, Mode::Nullable),
    ];
    Table {
        table_reference: TableReference {
            project_id: rest.project().to_owned(),
            dataset_id: rest.dataset_id().to_owned(),
            table_id: id.to_owned(),
        },
        schema: Some(Schema { fields }),
        time_partitioning: Some(Partitioning {
            unit: PartitioningUnit::Day,
            field: Some("timestamp".to_owned()),
            expiration_ms: Some("86400000".to_owned()),
        }),
        require_partition_filter: Some(true),
        ..Table::default()
    }
}

/// A new table may be unknown for a while.
async fn insert(rest: &Rest, id: &str) -> Result<(), Error> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let row = r#"{"timestamp":"2026-01-01T00:00:00Z","id":"check"}"#.to_owned();
        let json =
            RawValue::from_string(row).map_err(|error| Error::Unexpected(error.to_string()))?;
        match rest.insert_all(id, &[InsertRow { insert_id: None, json }]).await {
            Ok(errors) => {
                return match errors.into_iter().next() {
                    None => Ok(()),
                    Some(error) => Err(Error::Unexpected(error.message)),
                };
            }
            Err(Error::Refused { status: 404, .. })
                if tokio::time::Instant::now() + LOOK_INTERVAL < deadline =>
            {
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
            Err(error) => return Err(error),
        }
    }
}
