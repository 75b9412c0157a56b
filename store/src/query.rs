//! Runs translated queries.

mod row;
pub(crate) mod row_limit;
mod value;
mod wrapped_json;

use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, postgres::PgRow};

use crate::{connections::Lease, failure};
use row::{NotWritten, RowWriter};

/// Largest answer. A row cap bounds the rows, not what is in them.
pub(crate) const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// Time that the server gets, beyond its own limit, to tell that the limit was reached.
const GRACE: Duration = Duration::from_secs(5);

/// A query as the translator made it.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// One PostgreSQL `SELECT`, with its limit, every name in it qualified: it runs with the
    /// `search_path` `pg_catalog`.
    pub sql: &'a str,
    /// Its output columns in order. Of columns with one name only the last is answered.
    pub columns: &'a [Column],
}

/// An output column.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Column {
    /// The key in the answer's rows.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
}

/// The BigQuery type of an output column: the PostgreSQL types it may come as, and the JSON that
/// becomes of it. NULL is `null` in each.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ColumnKind {
    /// `smallint`, `integer`, `bigint`, `numeric`: a number.
    Int64,
    /// Any number: a number; `"NaN"`, `"Infinity"` and `"-Infinity"` as strings.
    Float64,
    /// Any number: a number with all its digits, without zeros at the end of its fraction.
    Numeric,
    /// `boolean`.
    Bool,
    /// `text`, `varchar`, `char`, `name`, `unknown`, `uuid`: a string.
    String,
    /// `bytea`: its base64.
    Bytes,
    /// `timestamp` in UTC, `timestamptz`: microseconds since 1970.
    Timestamp,
    /// `timestamp`: `2026-11-24T03:20:00`, with six more digits when there is a fraction.
    Datetime,
    /// `date`: `2026-11-24`.
    Date,
    /// `time`: `03:20:00`, with six more digits when there is a fraction.
    Time,
    /// `interval`: BigQuery's `years-months days hours:minutes:seconds`.
    Interval,
    /// `jsonb`, of BigQuery's type JSON: a string that holds its text, without blanks.
    JsonText,
    /// An array of one dimension: an array, empty for NULL. A STRUCT in it is an object.
    Array(Box<ColumnKind>),
    /// `jsonb`: the list of the fields, which have these names and types. It becomes an object.
    Struct(Vec<(String, ColumnKind)>),
    /// `jsonb`, `json`, as events hold them. Every object that is the column's own value or
    /// the value of a key becomes an array of one, as BigQuery's repeated records do; an object in
    /// an array stays as it is, but for what is in it.
    Json,
}

/// The rows of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryRows {
    json: String,
    rows: usize,
}

impl QueryRows {
    pub(crate) fn new(json: String, rows: usize) -> Self {
        Self { json, rows }
    }

    /// A JSON array of objects; their keys stand in the order of the columns.
    pub fn into_json(self) -> String {
        self.json
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether no row was found.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// It ran into its time limit.
    #[error("the query ran longer than {} s; narrow its time range", .0.as_secs_f32())]
    Timeout(Duration),
    /// The store is away, starting, or too busy.
    #[error("the store cannot be queried now: {0}")]
    Unavailable(String),
    /// It failed while it ran: a division by zero, a text that is no number, too large an answer.
    #[error("{message}")]
    Failed {
        /// The server's SQLSTATE; empty where it is BigQuery.
        sqlstate: String,
        /// The server's words.
        message: String,
    },
    /// The query and its description do not fit: a fault of ours, not of the one who asked.
    #[error("internal error: {0}")]
    Internal(String),
}

impl QueryError {
    pub(crate) fn too_large(bytes: usize) -> Self {
        Self::Failed {
            sqlstate: "54000".to_owned(),
            message: format!(
                "the answer is larger than {} MiB; select fewer columns or rows",
                bytes / (1024 * 1024)
            ),
        }
    }
}

/// How a query is run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) timeout: Duration,
    /// As the role `logweir_reader`, else as the connection's own.
    pub(crate) as_reader: bool,
}

/// Runs a query in a read-only transaction of its own. Without `columns` they are what they come as.
pub(crate) async fn run(
    pool: &PgPool,
    limits: Limits,
    sql: &str,
    columns: Option<&[Column]>,
) -> Result<QueryRows, QueryError> {
    let mut lease = begin(pool, limits).await.map_err(|error| classify(&error, limits))?;
    let limited = row_limit::with_limit(sql, columns);
    let fetched = fetch(&mut lease, &limited, columns);
    let Ok(fetched) = tokio::time::timeout(limits.timeout + GRACE, fetched).await else {
        // The lease closes its connection, which also ends the query on the server.
        return Err(QueryError::Timeout(limits.timeout));
    };
    // Also before the errors: the next one to use the connection must not be in this transaction.
    // Locks of the session would outlive it.
    if sqlx::raw_sql("rollback; select pg_catalog.pg_advisory_unlock_all()")
        .execute(&mut *lease)
        .await
        .is_ok()
    {
        lease.release();
    }
    fetched.map_err(|stopped| match stopped {
        // Whoever chose the columns hears of them.
        Stopped::Database(error) if columns.is_none() && failure::is_sqlstate(&error, "26000") => {
            let message = "a column has a type that cannot be shown; cast it to text".to_owned();
            QueryError::Failed { sqlstate: "42804".to_owned(), message }
        }
        // More columns were described than there are.
        Stopped::Database(error) if columns.is_some() && failure::is_sqlstate(&error, "42P10") => {
            QueryError::Internal(failure::text(&error))
        }
        Stopped::Database(error) => classify(&error, limits),
        Stopped::Mismatch(what) => QueryError::Internal(what),
        Stopped::NotShown(message) => QueryError::Failed { sqlstate: "42804".to_owned(), message },
        Stopped::TooLarge => QueryError::too_large(MAX_ANSWER),
    })
}

/// Leases a connection with a read-only transaction open on it.
pub(crate) async fn begin(pool: &PgPool, limits: Limits) -> Result<Lease, sqlx::Error> {
    let role = if limits.as_reader { "set local role logweir_reader;" } else { "" };
    // One round trip. What a server, a database or a role may have set otherwise is set here, so
    // that answers do not depend on it; a client that is gone ends its query within a second.
    let sql = format!(
        "begin read only; \
         set local statement_timeout = {timeout}; \
         set local client_connection_check_interval = '1s'; \
         set local timezone = 'UTC'; \
         set local datestyle = 'ISO'; \
         set local intervalstyle = 'postgres'; \
         set local bytea_output = 'hex'; \
         set local standard_conforming_strings = on; \
         set local extra_float_digits = 1; \
         set local jit = off; \
         set local enable_memoize = off; \
         set local search_path = pg_catalog; \
         {role}",
        timeout = limits.timeout.as_millis().max(1),
    );
    // As many as the pool may hold dead connections after a restart of the server.
    let mut stale_left = pool.options().get_max_connections();
    loop {
        let mut lease = Lease::acquire(pool).await?;
        match sqlx::raw_sql(AssertSqlSafe(sql.as_str())).execute(&mut *lease).await {
            Ok(_) => return Ok(lease),
            Err(error) if stale_left > 0 && failure::is_stale_connection(&error) => stale_left -= 1,
            Err(error) => return Err(error),
        }
    }
}

enum Stopped {
    Database(sqlx::Error),
    Mismatch(String),
    /// A column that the query's author chose.
    NotShown(String),
    TooLarge,
}

impl From<NotWritten> for Stopped {
    fn from(error: NotWritten) -> Self {
        match error {
            NotWritten::Mismatch(what) => Self::Mismatch(what),
            NotWritten::TooLarge => Self::TooLarge,
        }
    }
}

async fn fetch(
    connection: &mut PgConnection,
    sql: &str,
    columns: Option<&[Column]>,
) -> Result<QueryRows, Stopped> {
    // Not kept as a prepared statement: no two queries are alike, and a plan that is made for the
    // values is the one with pruned partitions.
    let sql = sqlx::query(AssertSqlSafe(sql)).persistent(false);
    let mut rows = sql.fetch(connection);
    let mut writer = None;
    let mut json = vec![b'['];
    let mut count = 0;
    while let Some(row) = rows.try_next().await.map_err(Stopped::Database)? {
        let writer = match &mut writer {
            Some(writer) => writer,
            none => none.insert(row_writer(columns, &row)?),
        };
        if count > 0 {
            json.push(b',');
        }
        writer.write(&row, &mut json)?;
        count += 1;
        if json.len() > MAX_ANSWER {
            return Err(Stopped::TooLarge);
        }
    }
    json.push(b']');
    let json = String::from_utf8(json).map_err(|error| Stopped::Mismatch(error.to_string()))?;
    Ok(QueryRows { json, rows: count })
}

fn row_writer(columns: Option<&[Column]>, row: &PgRow) -> Result<RowWriter, Stopped> {
    match columns {
        Some(columns) => RowWriter::new(columns, row).map_err(Stopped::Mismatch),
        None => row::columns_of(row)
            .and_then(|columns| RowWriter::new(&columns, row))
            .map_err(Stopped::NotShown),
    }
}

pub(crate) fn classify(error: &sqlx::Error, limits: Limits) -> QueryError {
    match error.as_database_error() {
        // Cancelled: by the time limit, or by an administrator.
        Some(_) if failure::is_sqlstate(error, "57014") => QueryError::Timeout(limits.timeout),
        // The driver looks unknown types up, and loses the unnamed statement by that.
        Some(_) if failure::is_sqlstate(error, "26000") => {
            QueryError::Internal("a column has a type that cannot be shown".to_owned())
        }
        Some(database) if !failure::is_unavailable(error) => QueryError::Failed {
            sqlstate: failure::sqlstate(error).unwrap_or_default().into_owned(),
            message: database.message().to_owned(),
        },
        None if !failure::is_unavailable(error) => QueryError::Internal(error.to_string()),
        _ => QueryError::Unavailable(failure::text(error)),
    }
}
