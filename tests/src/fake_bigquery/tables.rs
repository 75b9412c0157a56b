//! Datasets and tables, and what may be done to them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bigquery::Schema;
use serde_json::{Map, Value, json};

use super::columns;

/// A row as JSON: each column that is set. Records that repeat are lists of objects, times are
/// microseconds since 1970.
pub type Row = Map<String, Value>;

/// Why the service does not do something, as its REST API says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status of HTTP.
    pub status: u16,
    /// Google's name for it.
    pub reason: &'static str,
    /// For people.
    pub message: String,
}

impl Refusal {
    /// A refusal.
    pub fn new(status: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { status, reason, message: message.into() }
    }
}

/// All datasets of one project.
#[derive(Debug, Default)]
pub struct Tables(Mutex<Project>);

#[derive(Debug, Default)]
struct Project {
    datasets: BTreeMap<String, Dataset>,
    /// How long the service that takes rows does not know of new columns.
    schema_lag: Duration,
    /// How long it does not know of new tables.
    table_lag: Duration,
    changes: u64,
    /// Permissions that nobody has, for one table where it is named.
    denied: BTreeSet<(&'static str, String)>,
}

/// Changes of one table in [`CHANGES_TIME`].
const MOST_CHANGES: usize = 5;
const CHANGES_TIME: Duration = Duration::from_secs(10);

/// How long rows of one `insertId` are one.
const REMEMBERED: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Dataset {
    resource: Value,
    tables: BTreeMap<String, Table>,
}

#[derive(Debug)]
struct Table {
    resource: Value,
    rows: Vec<Row>,
    /// The schemas in their order, each with when it counts for rows.
    schemas: Vec<(Instant, Schema)>,
    /// When it was patched.
    patched: Vec<Instant>,
    /// What came with an `insertId`, and when.
    insert_ids: BTreeMap<String, Instant>,
}

/// What the service that takes rows knows of a table.
#[derive(Debug, Clone)]
pub struct Known {
    /// The schema that counts for rows now.
    pub schema: Schema,
    /// Grows with each schema that has come to count.
    pub version: usize,
}

impl Tables {
    fn project(&self) -> MutexGuard<'_, Project> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on new columns can be written so much later only.
    pub fn set_schema_lag(&self, lag: Duration) {
        self.project().schema_lag = lag;
    }

    /// From now on rows for a new table can be written so much later only.
    pub fn set_table_lag(&self, lag: Duration) {
        self.project().table_lag = lag;
    }

    /// Nobody has a permission any more: for one table, or for all where none is named.
    pub fn deny(&self, permission: &'static str, table: &str) {
        self.project().denied.insert((permission, table.to_owned()));
    }

    /// Takes a denial back.
    pub fn permit(&self, permission: &'static str, table: &str) {
        self.project().denied.remove(&(permission, table.to_owned()));
    }

    /// Whether a permission is denied for a table, or for all.
    pub fn is_denied(&self, permission: &'static str, table: &str) -> bool {
        let project = self.project();
        [table, ""].iter().any(|of| project.denied.contains(&(permission, (*of).to_owned())))
    }

    /// A dataset as the REST API shows it.
    pub fn dataset(&self, dataset: &str) -> Option<Value> {
        Some(self.project().datasets.get(dataset)?.resource.clone())
    }

    /// Makes a dataset.
    ///
    /// # Errors
    /// When it is there, or has no proper name.
    pub fn insert_dataset(&self, mut resource: Value) -> Result<Value, Refusal> {
        let name = text(&resource, "/datasetReference/datasetId");
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || name.len() > 1024 || !name.chars().all(is_name) {
            return Err(Refusal::new(400, "invalid", format!("Invalid dataset ID \"{name}\".")));
        }
        let mut project = self.project();
        if project.datasets.contains_key(&name) {
            let message = format!("Already Exists: Dataset {name}");
            return Err(Refusal::new(409, "duplicate", message));
        }
        if resource.get("location").is_none() {
            resource["location"] = json!("US");
        }
        let dataset = Dataset { resource: resource.clone(), tables: BTreeMap::new() };
        project.datasets.insert(name, dataset);
        Ok(resource)
    }

    /// A table as the REST API shows it.
    pub fn table(&self, dataset: &str, table: &str) -> Option<Value> {
        let project = self.project();
        Some(project.datasets.get(dataset)?.tables.get(table)?.resource.clone())
    }

    /// The names of a dataset's tables.
    pub fn names(&self, dataset: &str) -> Vec<String> {
        let project = self.project();
        let tables = project.datasets.get(dataset).into_iter();
        tables.flat_map(|dataset| dataset.tables.keys().cloned()).collect()
    }

    /// Makes a table.
    ///
    /// # Errors
    /// When it is there, or BigQuery would not have it.
    pub fn insert_table(&self, dataset: &str, mut resource: Value) -> Result<Value, Refusal> {
        let name = text(&resource, "/tableReference/tableId");
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ');
        if name.is_empty() || name.len() > 1024 || !name.chars().all(is_name) {
            return Err(Refusal::new(400, "invalid", format!("Invalid table ID \"{name}\".")));
        }
        if text(&resource, "/tableReference/datasetId") != dataset {
            let message = "the table reference names another dataset than the path";
            return Err(Refusal::new(400, "invalid", message));
        }
        let schema = schema_of(&resource)?;
        columns::check(&schema).map_err(|message| Refusal::new(400, "invalid", message))?;
        check_partitioning(&resource, &schema)?;
        check_clustering(&resource, &schema)?;
        check_labels(&resource)?;
        let mut project = self.project();
        project.changes += 1;
        let counts_from = Instant::now() + project.table_lag;
        resource["etag"] = json!(format!("etag-{}", project.changes));
        let of_dataset = project.datasets.get_mut(dataset).ok_or_else(|| {
            Refusal::new(404, "notFound", format!("Not found: Dataset {dataset}"))
        })?;
        if of_dataset.tables.contains_key(&name) {
            let message = format!("Already Exists: Table {dataset}.{name}");
            return Err(Refusal::new(409, "duplicate", message));
        }
        let table = Table {
            resource: resource.clone(),
            rows: Vec::new(),
            schemas: vec![(counts_from, schema)],
            patched: Vec::new(),
            insert_ids: BTreeMap::new(),
        };
        of_dataset.tables.insert(name, table);
        Ok(resource)
    }

    /// Changes what `patch` names of a table.
    ///
    /// # Errors
    /// When the table is not there, is another one than of the etag, or would be made what BigQuery
    /// makes of no table.
    pub fn patch_table(
        &self,
        dataset: &str,
        table: &str,
        patch: &Value,
        if_match: Option<&str>,
    ) -> Result<Value, Refusal> {
        let mut project = self.project();
        let (lag, change) = (project.schema_lag, project.changes + 1);
        let found = project.datasets.get_mut(dataset).and_then(|found| found.tables.get_mut(table));
        let found = found.ok_or_else(|| not_found(dataset, table))?;
        let etag = text(&found.resource, "/etag");
        if if_match.is_some_and(|wanted| wanted != etag) {
            return Err(Refusal::new(412, "conditionNotMet", "Precondition check failed."));
        }
        if text(&found.resource, "/type") == "VIEW" && patch.get("schema").is_some() {
            let message = format!(
                "{dataset}.{table} is not allowed for this operation because it is currently a VIEW."
            );
            return Err(Refusal::new(400, "invalid", message));
        }
        let latest = found.patched.iter().filter(|at| at.elapsed() < CHANGES_TIME).count();
        if latest >= MOST_CHANGES {
            let message = "Exceeded rate limits: too many table update operations for this table.";
            return Err(Refusal::new(403, "rateLimitExceeded", message));
        }
        let mut resource = found.resource.clone();
        for (name, value) in patch.as_object().into_iter().flatten() {
            match name.as_str() {
                "tableReference" | "etag" => {}
                _ => resource[name.as_str()] = value.clone(),
            }
        }
        let (before, after) = (schema_of(&found.resource)?, schema_of(&resource)?);
        if patch.get("schema").is_some() {
            columns::check(&after)
                .and_then(|()| columns::check_change(&before.fields, &after.fields))
                .map_err(|why| {
                    let text = format!("Provided Schema does not match Table {dataset}.{table}.");
                    Refusal::new(400, "invalid", format!("{text} {why}"))
                })?;
        }
        check_partitioning(&resource, &after)?;
        let kind = "/timePartitioning/type";
        if text(&found.resource, kind) != text(&resource, kind) {
            let message = "Cannot change partitioning spec for a table";
            return Err(Refusal::new(400, "invalid", message));
        }
        if before != after {
            found.schemas.push((Instant::now() + lag, after));
        }
        resource["etag"] = json!(format!("etag-{change}"));
        found.resource = resource.clone();
        found.patched.push(Instant::now());
        project.changes = change;
        Ok(resource)
    }

    /// Removes a table.
    ///
    /// # Errors
    /// When it is not there.
    pub fn delete_table(&self, dataset: &str, table: &str) -> Result<(), Refusal> {
        let mut project = self.project();
        let of_dataset = project.datasets.get_mut(dataset);
        let removed = of_dataset.and_then(|found| found.tables.remove(table));
        removed.map(|_| ()).ok_or_else(|| not_found(dataset, table))
    }

    /// How often a table was patched.
    pub fn patches(&self, dataset: &str, table: &str) -> usize {
        let project = self.project();
        let found = project.datasets.get(dataset).and_then(|found| found.tables.get(table));
        found.map_or(0, |table| table.patched.len())
    }

    /// What the service that takes rows knows of a table now.
    pub fn known(&self, dataset: &str, table: &str) -> Option<Known> {
        let project = self.project();
        let schemas = &project.datasets.get(dataset)?.tables.get(table)?.schemas;
        let now = Instant::now();
        let version = schemas.iter().rposition(|(from, _)| *from <= now)?;
        Some(Known { schema: schemas.get(version)?.1.clone(), version })
    }

    /// The schema as the REST API knows it.
    pub fn schema(&self, dataset: &str, table: &str) -> Option<Schema> {
        schema_of(&self.table(dataset, table)?).ok()
    }

    /// Adds rows, which have been checked. `false` where there is no such table.
    pub fn insert_rows(&self, dataset: &str, table: &str, rows: Vec<Row>) -> bool {
        let mut project = self.project();
        let found = project.datasets.get_mut(dataset).and_then(|found| found.tables.get_mut(table));
        let Some(found) = found else { return false };
        found.rows.extend(rows);
        true
    }

    /// Adds rows of `insertAll`: of those of one `insertId` that come within a minute the first.
    pub fn insert_once(&self, dataset: &str, table: &str, rows: Vec<(Option<String>, Row)>) {
        let mut project = self.project();
        let found = project.datasets.get_mut(dataset).and_then(|found| found.tables.get_mut(table));
        let Some(found) = found else { return };
        found.insert_ids.retain(|_, at| at.elapsed() < REMEMBERED);
        for (id, row) in rows {
            let known = id.is_some_and(|id| found.insert_ids.insert(id, Instant::now()).is_some());
            if !known {
                found.rows.push(row);
            }
        }
    }

    /// All rows of a table.
    pub fn rows(&self, dataset: &str, table: &str) -> Vec<Row> {
        let project = self.project();
        let found = project.datasets.get(dataset).and_then(|found| found.tables.get(table));
        found.map(|table| table.rows.clone()).unwrap_or_default()
    }

    /// The number of rows of all tables.
    pub fn all_rows(&self) -> usize {
        let project = self.project();
        let tables = project.datasets.values().flat_map(|dataset| dataset.tables.values());
        tables.map(|table| table.rows.len()).sum()
    }
}

fn not_found(dataset: &str, table: &str) -> Refusal {
    Refusal::new(404, "notFound", format!("Not found: Table {dataset}.{table}"))
}

fn text(resource: &Value, pointer: &str) -> String {
    resource.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn schema_of(resource: &Value) -> Result<Schema, Refusal> {
    let schema = resource.get("schema").cloned().unwrap_or_else(|| json!({ "fields": [] }));
    serde_json::from_value(schema).map_err(|error| Refusal::new(400, "invalid", error.to_string()))
}

fn check_clustering(resource: &Value, schema: &Schema) -> Result<(), Refusal> {
    use bigquery::{ColumnType, Mode};
    let invalid = |message: String| Err(Refusal::new(400, "invalid", message));
    let Some(clustering) = resource.get("clustering") else { return Ok(()) };
    let fields = clustering.get("fields").and_then(Value::as_array);
    let fields = fields.map(Vec::as_slice).unwrap_or_default();
    if fields.is_empty() || fields.len() > 4 {
        return invalid(format!("{} clustering fields; at least 1, at most 4", fields.len()));
    }
    for (place, field) in fields.iter().enumerate() {
        let name = field.as_str().unwrap_or_default();
        if fields.iter().take(place).any(|other| other == field) {
            return invalid(format!("Clustering field {name} is named twice"));
        }
        let column = schema.fields.iter().find(|column| column.name == name);
        let Some(column) = column else {
            return invalid(format!("The field specified for clustering cannot be found: {name}"));
        };
        let never = matches!(
            column.kind,
            ColumnType::Record
                | ColumnType::Float
                | ColumnType::Json
                | ColumnType::Bytes
                | ColumnType::Time
                | ColumnType::Interval
                | ColumnType::Range
        );
        if never || column.mode == Mode::Repeated {
            return invalid(format!("Clustering is not supported on this type of field: {name}"));
        }
    }
    Ok(())
}

fn check_labels(resource: &Value) -> Result<(), Refusal> {
    let labels = resource.get("labels").and_then(Value::as_object);
    for (key, value) in labels.into_iter().flatten() {
        if !is_label(key, value.as_str()) {
            return Err(Refusal::new(400, "invalid", format!("Invalid label {key}={value}")));
        }
    }
    Ok(())
}

/// Whether BigQuery takes it for a label, of a table or a job.
pub fn is_label(key: &str, value: Option<&str>) -> bool {
    let fits = |text: &str| {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        text.len() <= 63 && text.chars().all(fits)
    };
    key.starts_with(|c: char| c.is_ascii_lowercase()) && fits(key) && value.is_some_and(fits)
}

fn check_partitioning(resource: &Value, schema: &Schema) -> Result<(), Refusal> {
    let Some(partitioning) = resource.get("timePartitioning") else { return Ok(()) };
    let Some(field) = partitioning.get("field").and_then(Value::as_str) else { return Ok(()) };
    let column = schema.fields.iter().find(|column| column.name == field);
    let fits = column.is_some_and(|column| {
        use bigquery::ColumnType::{Date, Datetime, Timestamp};
        matches!(column.kind, Date | Datetime | Timestamp)
    });
    if fits {
        return Ok(());
    }
    let message = "The field specified for partitioning can only be of type TIMESTAMP, DATE or \
        DATETIME and must be there";
    Err(Refusal::new(400, "invalid", message))
}
