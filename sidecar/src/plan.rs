//! What a query becomes before it runs.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use store::{BigQueryQuery, Column, ColumnKind, Endpoint, Query, QueryError, QueryRows, Store};
use translate::{Consumer, Diagnostic, LqlRequest, OutputType, Request, Translation};
use uuid::Uuid;

use crate::{
    catalog_sources::{CatalogSources, Draft},
    job_labels,
    parameters::Parameters,
    refusal::Refusal,
};

/// Languages of queries; `ch_sql` is known too, and refused.
pub(crate) const LANGUAGES: &[&str] = &["bq_sql", "pg_sql", "lql"];

/// Why `ch_sql` is refused.
pub(crate) const NO_CLICKHOUSE: &str = "ch_sql is for ClickHouse, which this server does not query";

/// A query in the SQL of where the events are.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) sql: String,
    /// What the columns are, where the translator knows it.
    pub(crate) columns: Option<Vec<Column>>,
    /// What BigQuery must know besides, where the events are there.
    pub(crate) bigquery: Option<OnBigQuery>,
    /// What was asked, where the SQL holds the time at which it was: the LQL, and its SQL of a time
    /// that is always the same.
    timeless: Option<String>,
}

/// What BigQuery must know of a query besides its text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct OnBigQuery {
    parameters: BTreeMap<String, Option<String>>,
    tables: Vec<String>,
    fields: Vec<(String, Vec<String>)>,
    max_rows: u64,
    lines_before: u64,
    endpoint: Option<String>,
    labels: BTreeMap<String, String>,
}

/// Everything that an answer depends on beside the events and the time: plans of which it is the same
/// have the same answer at the same time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Asked {
    pub(crate) text: String,
    columns: Option<Vec<Column>>,
    bigquery: Option<OnBigQuery>,
}

impl Plan {
    pub(crate) fn asked(&self) -> Asked {
        let text = self.timeless.as_ref().unwrap_or(&self.sql).clone();
        // Labels are for bills.
        let without_labels = |of: &OnBigQuery| OnBigQuery { labels: BTreeMap::new(), ..of.clone() };
        let bigquery = self.bigquery.as_ref().map(without_labels);
        Asked { text, columns: self.columns.clone(), bigquery }
    }

    /// The plan of LQL, which is made for a time.
    fn of_lql(lql: &str, at: impl Fn(i64) -> Result<Self, Diagnostic>) -> Result<Self, Diagnostic> {
        let mut plan = at(now())?;
        let at_any_time = at(ANY_TIME)?.sql;
        if at_any_time != plan.sql {
            plan.timeless = Some(format!("{lql}\n{at_any_time}"));
        }
        Ok(plan)
    }
}

impl From<Translation> for Plan {
    fn from(translation: Translation) -> Self {
        let columns = translation.columns.into_iter().map(column).collect();
        Self { sql: translation.sql, columns: Some(columns), bigquery: None, timeless: None }
    }
}

impl Plan {
    /// A query in PostgreSQL's SQL, whose columns are what they come as.
    fn as_it_comes(sql: String) -> Self {
        Self { sql, columns: None, bigquery: None, timeless: None }
    }

    /// With these labels of its job, where it is one.
    pub(crate) fn labelled(mut self, labels: BTreeMap<String, String>) -> Self {
        if let Some(bigquery) = &mut self.bigquery {
            bigquery.labels = labels;
        }
        self
    }

    /// Runs it.
    pub(crate) async fn rows(&self, store: &Store) -> Result<QueryRows, QueryError> {
        match (&self.columns, self.for_bigquery()) {
            (_, Some(query)) => store.query_bigquery(query).await,
            (Some(columns), None) => store.query(Query { sql: &self.sql, columns }).await,
            (None, None) => store.query_as_it_comes(&self.sql).await,
        }
    }

    /// What it would cost in BigQuery, in bytes processed; `None` where the events are not there.
    pub(crate) async fn estimate(&self, store: &Store) -> Option<Result<u64, QueryError>> {
        Some(store.estimate_in_bigquery(self.for_bigquery()?).await)
    }

    fn for_bigquery(&self) -> Option<BigQueryQuery<'_>> {
        let on_bigquery = self.bigquery.as_ref()?;
        Some(BigQueryQuery {
            sql: &self.sql,
            columns: self.columns.as_deref().unwrap_or_default(),
            parameters: &on_bigquery.parameters,
            tables: &on_bigquery.tables,
            fields: &on_bigquery.fields,
            max_rows: on_bigquery.max_rows,
            lines_before: on_bigquery.lines_before,
            endpoint: on_bigquery.endpoint.as_deref(),
            labels: &on_bigquery.labels,
        })
    }
}

/// In microseconds since 1970.
const ANY_TIME: i64 = 1_000_000_000_000_000;

/// An endpoint's query, or a caller's over its CTEs (`sql`, else `lql`).
pub(crate) fn of_endpoint(
    store: &Store,
    endpoint: &Endpoint,
    parameters: &Parameters,
) -> Result<Plan, Refusal> {
    let (sql, lql) = (parameters.get("sql"), parameters.get("lql"));
    if (sql.is_some() || lql.is_some()) && !endpoint.sandboxable {
        return Err(Refusal::NotSandboxable(endpoint.name.clone()));
    }
    let sources = CatalogSources::of(store, endpoint);
    let max_rows = endpoint.max_limit.into();
    let values = (&parameters.0).into();
    let asked = |consumer| {
        let endpoint = endpoint.query.as_str();
        Request { endpoint, consumer, parameters: &values, max_rows }
    };
    match (endpoint.language.as_str(), sql, lql) {
        ("bq_sql", None, Some(text)) => Ok(Plan::of_lql(text, |now| {
            let request = asked(Some(Consumer::Lql { text, now }));
            if store.is_on_bigquery() {
                let query = translate::for_bigquery(&request, &sources)?;
                return Ok(on_bigquery(query, max_rows, Some((endpoint, parameters))));
            }
            Ok(translate::translate(&request, &sources)?.into())
        })?),
        ("bq_sql", sql, _) if store.is_on_bigquery() => {
            let query = translate::for_bigquery(&asked(sql.map(Consumer::Sql)), &sources)?;
            Ok(on_bigquery(query, max_rows, Some((endpoint, parameters))))
        }
        ("bq_sql", sql, _) => {
            Ok(translate::translate(&asked(sql.map(Consumer::Sql)), &sources)?.into())
        }
        ("pg_sql", ..) if store.is_on_bigquery() => Err(not_on_bigquery("pg_sql").into()),
        ("pg_sql", sql, lql) => {
            let lql = lql.map(|text| Consumer::Lql { text, now: now() });
            let sql = translate::confine(&asked(sql.map(Consumer::Sql).or(lql)), &sources)?;
            Ok(Plan::as_it_comes(sql))
        }
        ("lql", None, None) => {
            let text = &endpoint.query;
            Ok(Plan::of_lql(text, |now| {
                let request = LqlRequest { text, source: None, now, max_rows };
                if store.is_on_bigquery() {
                    let query = translate::lql_for_bigquery(&request, &sources)?;
                    return Ok(on_bigquery(query, max_rows, Some((endpoint, parameters))));
                }
                Ok(translate::translate_lql(&request, &sources)?.into())
            })?)
        }
        ("lql", ..) => Err(Refusal::NotSandboxable(endpoint.name.clone())),
        (other, ..) => Err(Refusal::Language(endpoint.name.clone(), other.to_owned())),
    }
}

/// A query of one's own over sources and endpoints; its parameters are NULL.
pub(crate) fn of_text(
    store: &Store,
    language: &str,
    text: &str,
    max_rows: u64,
) -> Result<Plan, Refusal> {
    let sources = CatalogSources::new(store);
    let parameters = translate::Parameters::default();
    let request = Request { endpoint: text, consumer: None, parameters: &parameters, max_rows };
    match (language, store.is_on_bigquery()) {
        ("pg_sql", false) => Ok(Plan::as_it_comes(translate::confine(&request, &sources)?)),
        ("pg_sql", true) => Err(not_on_bigquery(language).into()),
        (_, false) => Ok(translate::translate(&request, &sources)?.into()),
        (_, true) => Ok(on_bigquery(translate::for_bigquery(&request, &sources)?, max_rows, None)),
    }
}

fn on_bigquery(
    query: translate::BigQueryQuery,
    max_rows: u64,
    endpoint: Option<(&Endpoint, &Parameters)>,
) -> Plan {
    let labels = endpoint.map_or_else(
        || BTreeMap::from([("managed_by".to_owned(), "logweir".to_owned())]),
        |(endpoint, parameters)| job_labels::of(endpoint, parameters, None),
    );
    let bigquery = OnBigQuery {
        parameters: query.parameters,
        tables: query.tables,
        fields: query.fields.into_iter().map(|read| (read.table, read.fields)).collect(),
        max_rows,
        lines_before: query.lines_before,
        endpoint: endpoint.map(|(endpoint, _)| endpoint.name.clone()),
        labels,
    };
    let columns = query.columns.into_iter().map(column).collect();
    let columns = Some(columns);
    Plan { sql: query.sql, columns, bigquery: Some(bigquery), timeless: None }
}

/// BigQuery runs BigQuery's SQL only, and LQL is made into that.
fn not_on_bigquery(language: &str) -> Diagnostic {
    Diagnostic {
        kind: translate::Kind::Refused,
        message: format!("a query in {language} cannot be run: the events are in BigQuery"),
        advice: Some("write it in bq_sql or lql".to_owned()),
        at: translate::Position::default(),
    }
}

/// Checks a query that is to be saved; gives the sources that it names.
pub(crate) fn check(
    store: &Store,
    mapping: BTreeMap<String, Uuid>,
    draft: Draft<'_>,
) -> Result<BTreeMap<String, Uuid>, Diagnostic> {
    let sources = CatalogSources::of_draft(store, mapping, draft);
    match draft.language {
        "pg_sql" if store.is_on_bigquery() => return Err(not_on_bigquery("pg_sql")),
        "pg_sql" => {
            let parameters = translate::Parameters::default();
            let request = Request {
                endpoint: draft.query,
                consumer: None,
                parameters: &parameters,
                max_rows: 1,
            };
            translate::confine(&request, &sources).map(drop)?;
        }
        "lql" => {
            let text = draft.query;
            let request = LqlRequest { text, source: None, now: now(), max_rows: 1 };
            if store.is_on_bigquery() {
                translate::lql_for_bigquery(&request, &sources).map(drop)?;
            } else {
                translate::translate_lql(&request, &sources).map(drop)?;
            }
        }
        _ => translate::check(draft.query, &sources)?,
    }
    Ok(sources.into_found())
}

/// The time in microseconds since 1970, a whole second: requests of one second are alike.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(now).unwrap_or(0).saturating_mul(1_000_000)
}

fn column(column: translate::OutputColumn) -> Column {
    Column { name: column.name, kind: column_kind(column.ty) }
}

fn column_kind(ty: OutputType) -> ColumnKind {
    match ty {
        OutputType::Bool => ColumnKind::Bool,
        OutputType::Int64 => ColumnKind::Int64,
        OutputType::Float64 => ColumnKind::Float64,
        OutputType::Numeric | OutputType::BigNumeric => ColumnKind::Numeric,
        OutputType::String => ColumnKind::String,
        OutputType::Bytes => ColumnKind::Bytes,
        OutputType::Timestamp => ColumnKind::Timestamp,
        OutputType::Datetime => ColumnKind::Datetime,
        OutputType::Date => ColumnKind::Date,
        OutputType::Time => ColumnKind::Time,
        OutputType::Interval => ColumnKind::Interval,
        OutputType::Json => ColumnKind::JsonText,
        OutputType::EventValue => ColumnKind::Json,
        OutputType::Array(element) => ColumnKind::Array(Box::new(column_kind(*element))),
        OutputType::Struct(fields) => ColumnKind::Struct(
            fields.into_iter().map(|(name, ty)| (name, column_kind(ty))).collect(),
        ),
    }
}
