//! Queries over recorded answers. No SQL is run here; what is sent with it is looked at closely.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bigquery::{Column, ColumnType, Mode, Schema};
use regex::Regex;
use serde_json::{Value, json};

use super::{
    super::tables::{Refusal, Row, Tables, is_label},
    PROJECT, cells,
};

/// A query that came, as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The SQL.
    pub sql: String,
    /// The whole request.
    pub request: Value,
}

impl Asked {
    /// The value of a parameter; `None` for NULL and for one that was not sent.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let parameters = self.request.get("queryParameters")?.as_array()?;
        let named = |one: &&Value| one.get("name").and_then(Value::as_str) == Some(name);
        parameters.iter().find(named)?.pointer("/parameterValue/value")?.as_str()
    }
}

type Make = dyn Fn(&Asked, &Tables) -> Result<(Schema, Vec<Row>), Refusal> + Send + Sync;

/// How a query is answered.
#[derive(Clone)]
pub struct Answer {
    make: Arc<Make>,
    bytes_processed: u64,
    /// How often it is said that the query still runs.
    waits: usize,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").finish_non_exhaustive()
    }
}

impl Answer {
    /// By these rows of a table: `columns` of it, as SQL would name them.
    pub fn made(
        make: impl Fn(&Asked, &Tables) -> Result<(Schema, Vec<Row>), Refusal> + Send + Sync + 'static,
    ) -> Self {
        Self { make: Arc::new(make), bytes_processed: 10 << 20, waits: 0 }
    }

    /// All rows of a table, the newest first: these columns.
    pub fn newest(dataset: &str, table: &str, columns: &'static [&'static str]) -> Self {
        let (dataset, table) = (dataset.to_owned(), table.to_owned());
        Self::made(move |_, tables| {
            let schema = tables.schema(&dataset, &table).unwrap_or_default();
            let column = |name: &&str| {
                let found = schema.fields.iter().find(|column| column.name == *name).cloned();
                found.ok_or_else(|| {
                    let message = format!("Unrecognized name: {name} at [1:8]");
                    Refusal::new(400, "invalidQuery", message)
                })
            };
            let fields = columns.iter().map(column).collect::<Result<_, _>>()?;
            let mut rows = tables.rows(&dataset, &table);
            rows.sort_by_key(|row| -row.get("timestamp").and_then(Value::as_i64).unwrap_or(0));
            Ok((Schema { fields }, rows))
        })
    }

    /// These rows.
    pub fn rows(columns: &[(&str, ColumnType)], rows: &[Row]) -> Self {
        let column = |(name, kind): &(&str, ColumnType)| Column {
            name: (*name).to_owned(),
            kind: *kind,
            mode: Mode::Nullable,
            fields: Vec::new(),
            other: serde_json::Map::new(),
        };
        let schema = Schema { fields: columns.iter().map(column).collect() };
        let rows = rows.to_vec();
        Self::made(move |_, _| Ok((schema.clone(), rows.clone())))
    }

    /// A refusal.
    pub fn refusal(refusal: Refusal) -> Self {
        Self::made(move |_, _| Err(refusal.clone()))
    }

    /// The same at this cost.
    pub fn costing(self, bytes_processed: u64) -> Self {
        Self { bytes_processed, ..self }
    }

    /// The same after it was said so often that the query still runs.
    pub fn after_waits(self, waits: usize) -> Self {
        Self { waits, ..self }
    }
}

/// What was recorded, what was asked, and the jobs.
#[derive(Debug, Default)]
pub(super) struct Queries(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    answers: Vec<(String, Answer)>,
    asked: Vec<Asked>,
    jobs: BTreeMap<String, Job>,
}

#[derive(Debug)]
struct Job {
    schema: Schema,
    rows: Vec<Value>,
    bytes_processed: u64,
    waits: usize,
    cancelled: bool,
}

impl Queries {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn answer(&self, part: &str, answer: Answer) {
        self.inner().answers.insert(0, (part.to_owned(), answer));
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.inner().asked.clone()
    }

    pub(super) fn names_no_table(&self, request: &Value) -> bool {
        let sql = request.get("query").and_then(Value::as_str).unwrap_or_default();
        !sql.contains(&format!("`{PROJECT}."))
    }

    /// `jobs.query`
    pub(super) fn ask(&self, tables: &Tables, request: &Value) -> Result<Value, Refusal> {
        let sql = request.get("query").and_then(Value::as_str).unwrap_or_default().to_owned();
        let asked = Asked { sql, request: request.clone() };
        self.inner().asked.push(asked.clone());
        check(&asked, tables)?;
        let answers = self.inner().answers.clone();
        let found = answers.iter().find(|(part, _)| asked.sql.contains(part));
        let Some((_, answer)) = found else {
            let message = format!("No answer is recorded for: {}", asked.sql);
            return Err(Refusal::new(400, "invalidQuery", message));
        };
        let most = request.get("maximumBytesBilled").and_then(Value::as_str);
        let most = most.and_then(|text| text.parse::<u64>().ok()).unwrap_or(u64::MAX);
        if answer.bytes_processed > most {
            let message = format!(
                "Query exceeded limit for bytes billed: {most}. {} or higher required.",
                answer.bytes_processed
            );
            return Err(Refusal::new(400, "bytesBilledLimitExceeded", message));
        }
        let (schema, rows) = (answer.make)(&asked, tables)?;
        if request.get("dryRun") == Some(&json!(true)) {
            return Ok(json!({
                "jobComplete": true,
                "schema": schema,
                "totalBytesProcessed": answer.bytes_processed.to_string(),
            }));
        }
        let micros = request.pointer("/formatOptions/useInt64Timestamp") == Some(&json!(true));
        let rows = rows.iter().map(|row| cells::row(&schema.fields, row, micros)).collect();
        let bytes_processed = answer.bytes_processed;
        let job = Job { schema, rows, bytes_processed, waits: answer.waits, cancelled: false };
        let mut inner = self.inner();
        let id = format!("job_{}", inner.jobs.len());
        let most = request.get("maxResults").and_then(Value::as_u64);
        let job = inner.jobs.entry(id.clone()).or_insert(job);
        Ok(shown(&id, job, 0, most))
    }

    /// `jobs.getQueryResults`
    pub(super) fn page(&self, id: &str, query: &[(String, String)]) -> Result<Value, Refusal> {
        let value = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, v)| v);
        let begin = value("pageToken").and_then(|token| token.parse().ok()).unwrap_or(0);
        let most = value("maxResults").and_then(|text| text.parse().ok());
        let mut inner = self.inner();
        let job = inner.jobs.get_mut(id).ok_or_else(|| no_job(id))?;
        job.waits = job.waits.saturating_sub(1);
        Ok(shown(id, job, begin, most))
    }

    pub(super) fn cancel(&self, id: &str) -> Result<Value, Refusal> {
        let mut inner = self.inner();
        inner.jobs.get_mut(id).ok_or_else(|| no_job(id))?.cancelled = true;
        Ok(json!({ "kind": "bigquery#jobCancelResponse" }))
    }

    /// How many jobs were ended by those who had asked.
    pub(super) fn cancelled(&self) -> usize {
        self.inner().jobs.values().filter(|job| job.cancelled).count()
    }
}

fn no_job(id: &str) -> Refusal {
    Refusal::new(404, "notFound", format!("Not found: Job {PROJECT}:{id}"))
}

/// A page of at most so many rows; real pages also end by their bytes.
fn shown(id: &str, job: &Job, begin: usize, most: Option<u64>) -> Value {
    /// Small, so that tests see pages.
    const PAGE: usize = 100;
    let reference = json!({ "projectId": PROJECT, "jobId": id, "location": "US" });
    if job.waits > 0 {
        return json!({ "jobComplete": false, "jobReference": reference });
    }
    let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(PAGE).min(PAGE);
    let end = (begin + most).min(job.rows.len());
    let mut page = json!({
        "jobComplete": true,
        "jobReference": reference,
        "schema": job.schema,
        "totalRows": job.rows.len().to_string(),
        "totalBytesProcessed": job.bytes_processed.to_string(),
        "rows": job.rows.get(begin..end).unwrap_or_default(),
    });
    if end < job.rows.len() {
        page["pageToken"] = json!(end.to_string());
    }
    page
}

/// What BigQuery looks at before it runs a query.
fn check(asked: &Asked, tables: &Tables) -> Result<(), Refusal> {
    let Asked { sql, request } = asked;
    let invalid = |message: String| Refusal::new(400, "invalidQuery", message);
    if request.get("useLegacySql") != Some(&json!(false)) {
        return Err(invalid("Legacy SQL reads no such query".to_owned()));
    }
    check_parameters(sql, request)?;
    let labels = request.get("labels").and_then(Value::as_object).into_iter().flatten();
    for (key, value) in labels {
        if !is_label(key, value.as_str()) {
            let message = format!("Invalid label {key}={value}");
            return Err(Refusal::new(400, "invalid", message));
        }
    }
    let location = request.get("location").and_then(Value::as_str).unwrap_or("US");
    let path = format!(r"`{PROJECT}\.([A-Za-z0-9_]+)\.([A-Za-z0-9_]+)`(.*)");
    let path = Regex::new(&path).expect("the pattern is one");
    for found in path.captures_iter(sql) {
        let (dataset, table, after) = (&found[1], &found[2], &found[3]);
        let place = tables.dataset(dataset).unwrap_or_default();
        let place = place.get("location").and_then(Value::as_str).unwrap_or_default();
        if !place.eq_ignore_ascii_case(location) {
            let message = format!(
                "Not found: Dataset {PROJECT}:{dataset} was not found in location {location}"
            );
            return Err(Refusal::new(404, "notFound", message));
        }
        let Some(resource) = tables.table(dataset, table) else {
            let message = format!(
                "Not found: Table {PROJECT}:{dataset}.{table} was not found in location {location}"
            );
            return Err(Refusal::new(404, "notFound", message));
        };
        let wants_filter = resource.get("requirePartitionFilter") == Some(&json!(true));
        if wants_filter && !after.trim_start().starts_with("WHERE `timestamp` ") {
            return Err(invalid(format!(
                "Cannot query over table '{PROJECT}.{dataset}.{table}' without a filter over \
                 column(s) 'timestamp' that can be used for partition elimination"
            )));
        }
    }
    Ok(())
}

fn check_parameters(sql: &str, request: &Value) -> Result<(), Refusal> {
    let invalid = |message: String| Err(Refusal::new(400, "invalidQuery", message));
    let sent = request.get("queryParameters").and_then(Value::as_array);
    let sent = sent.map(Vec::as_slice).unwrap_or_default();
    if !sent.is_empty() && request.get("parameterMode") != Some(&json!("NAMED")) {
        return invalid("parameterMode must be NAMED".to_owned());
    }
    let mut names = Vec::new();
    for parameter in sent {
        let text = |pointer: &str| parameter.pointer(pointer).and_then(Value::as_str);
        if text("/parameterType/type") != Some("STRING") {
            return invalid(format!("a parameter of no known type: {parameter}"));
        }
        names.push(text("/name").unwrap_or_default().to_lowercase());
    }
    let name = Regex::new(r"@([A-Za-z_][A-Za-z0-9_]*)").expect("the pattern is one");
    let literals = Regex::new(r"'(?:[^'\\]|\\.)*'").expect("the pattern is one");
    let bare = literals.replace_all(sql, "''");
    let missing = name.captures_iter(&bare).find(|found| !names.contains(&found[1].to_lowercase()));
    match missing {
        Some(found) => invalid(format!("Query parameter '{}' not found at [1:1]", &found[1])),
        None => Ok(()),
    }
}
