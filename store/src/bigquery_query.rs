//! Queries where the events are in BigQuery.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bigquery::{Error, OpenTable, QueryFailure, Rows};
use serde_json::{Map, Value};

use crate::{
    Column, ColumnKind, QueryError, QueryRows, Source, Store, bigquery_events::BigQueryEvents,
    measures, query::MAX_ANSWER,
};

/// Most events that are shown as the latest ones, and how many days are looked back for them.
const MOST_RECENT: u64 = 100;
const RECENT_DAYS: u32 = 1;

/// Time that BigQuery gets, beyond the limit of a query, to tell that it was reached.
const GRACE: Duration = Duration::from_secs(1);

/// More columns than a table can have.
const ALL_OF_EVENTS: [bool; 10_000] = [true; 10_000];

/// A query that was checked and made ready for BigQuery.
#[derive(Debug, Clone, Copy)]
pub struct BigQueryQuery<'a> {
    /// GoogleSQL, its tables named as [`Store::bigquery_table`] names them. Between two characters
    /// U+0000 stands a number: there belong those of the `fields` of that place that have no column.
    pub sql: &'a str,
    /// Tables with fields that are read of them.
    pub fields: &'a [(String, Vec<String>)],
    /// Its columns, as far as they are known.
    pub columns: &'a [Column],
    /// Values of its `@name`s, all of type STRING.
    pub parameters: &'a BTreeMap<String, Option<String>>,
    /// The tables that it reads.
    pub tables: &'a [String],
    /// Most rows that are fetched.
    pub max_rows: u64,
    /// Lines of `sql` before the text of the one who asked.
    pub lines_before: u64,
    /// The endpoint that is asked, for the figures of what queries cost.
    pub endpoint: Option<&'a str>,
    /// What the job is told apart by on bills.
    pub labels: &'a BTreeMap<String, String>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
enum Wanted<'a> {
    /// The rows; of each column, whether it holds values of events.
    Rows { of_events: &'a [bool] },
    /// What they would cost.
    Price,
}

/// Tables by their names in SQL.
type Tables = BTreeMap<String, Arc<OpenTable>>;

impl Store {
    /// Whether the events are in BigQuery, so that queries are BigQuery's own.
    pub fn is_on_bigquery(&self) -> bool {
        self.inner.bigquery.is_some()
    }

    /// A source's table in SQL, where the events are in BigQuery.
    pub fn bigquery_table(&self, source: &Source) -> Option<String> {
        let events = self.inner.bigquery.as_ref()?;
        Some(events.client().quoted(&bigquery::table_id(source.token)))
    }

    /// Runs a query in BigQuery for at most the time of the settings. What it costs is counted.
    ///
    /// A future that is dropped ends the query there too.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn query_bigquery(&self, query: BigQueryQuery<'_>) -> Result<QueryRows, QueryError> {
        let of_event = |column: &Column| matches!(column.kind, ColumnKind::Json);
        let of_events: Vec<bool> = query.columns.iter().map(of_event).collect();
        let rows = self.ask_in_time(&query, Wanted::Rows { of_events: &of_events }).await?;
        measures::bytes_processed(query.endpoint, rows.bytes_processed);
        Ok(QueryRows::new(rows.json, rows.count))
    }

    /// What a query would cost in BigQuery, in bytes processed. It is not run.
    ///
    /// # Errors
    /// When BigQuery would not run it.
    pub async fn estimate_in_bigquery(&self, query: BigQueryQuery<'_>) -> Result<u64, QueryError> {
        Ok(self.ask_in_time(&query, Wanted::Price).await?.bytes_processed)
    }

    /// The latest events of a source that is in BigQuery, the oldest of them first: of the last day
    /// only, as every look at them costs something.
    pub(crate) async fn recent_in_bigquery(
        &self,
        source: &Source,
    ) -> Result<Vec<String>, QueryError> {
        let events = self.on_bigquery()?;
        let table = events.client().quoted(&bigquery::table_id(source.token));
        let sql = format!(
            "SELECT * FROM {table} WHERE `timestamp` >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), \
             INTERVAL {RECENT_DAYS} DAY) ORDER BY `timestamp` DESC LIMIT {MOST_RECENT}"
        );
        let query = BigQueryQuery {
            sql: &sql,
            fields: &[],
            columns: &[],
            parameters: &BTreeMap::new(),
            tables: &[table],
            max_rows: MOST_RECENT,
            lines_before: 0,
            endpoint: None,
            labels: &BTreeMap::new(),
        };
        let rows = self.ask_in_time(&query, Wanted::Rows { of_events: &ALL_OF_EVENTS }).await?;
        measures::bytes_processed(None, rows.bytes_processed);
        let mut events: Vec<Map<String, Value>> = serde_json::from_str(&rows.json)
            .map_err(|error| QueryError::Internal(error.to_string()))?;
        events.iter_mut().for_each(|event| event.retain(|_, value| !value.is_null()));
        Ok(events.into_iter().rev().map(|event| Value::Object(event).to_string()).collect())
    }

    /// Asks something about tables, which are made before where they are not there: all together for at
    /// most the time of the settings. Where one of them is gone, it is made anew, and asked once more.
    async fn ask_in_time(
        &self,
        query: &BigQueryQuery<'_>,
        wanted: Wanted<'_>,
    ) -> Result<Rows, QueryError> {
        let events = self.on_bigquery()?;
        let limit = self.inner.settings.query_timeout;
        let deadline = Instant::now() + limit;
        let asking = async {
            let failure = match self.ask(events, query, wanted, deadline).await? {
                Ok(rows) => return Ok(rows),
                Err(failure) => failure,
            };
            let gone: Vec<&str> = gone(&failure, query.tables).collect();
            if gone.is_empty() {
                return Err(self.in_callers_words(failure, query.lines_before));
            }
            gone.into_iter().for_each(|table| events.forget_table(table));
            let asked = self.ask(events, query, wanted, deadline).await?;
            asked.map_err(|failure| self.in_callers_words(failure, query.lines_before))
        };
        match tokio::time::timeout(limit + GRACE, asking).await {
            Ok(asked) => asked,
            Err(_) => Err(QueryError::Timeout(limit)),
        }
    }

    async fn ask(
        &self,
        events: &BigQueryEvents,
        query: &BigQueryQuery<'_>,
        wanted: Wanted<'_>,
        deadline: Instant,
    ) -> Result<Result<Rows, QueryFailure>, QueryError> {
        let tables = self.have_tables(events, query.tables).await?;
        let sql = completed(query.sql, query.fields, &tables);
        let Wanted::Rows { of_events } = wanted else {
            let price = events.client().estimate(&sql, query.parameters).await;
            let price = price.map(|bytes_processed| Rows { bytes_processed, ..Rows::default() });
            return Ok(price.map_err(QueryFailure::from));
        };
        let left = deadline.saturating_duration_since(Instant::now());
        // BigQuery gets whole seconds.
        let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        let asked = bigquery::Query {
            sql: &sql,
            parameters: query.parameters,
            labels: query.labels,
            timeout: Duration::from_secs(seconds),
            max_rows: query.max_rows,
            max_answer: MAX_ANSWER,
            of_events,
        };
        Ok(events.client().query(&asked).await)
    }

    fn on_bigquery(&self) -> Result<&BigQueryEvents, QueryError> {
        let events = self.inner.bigquery.as_ref();
        events.ok_or_else(|| QueryError::Internal("the events are not in BigQuery".to_owned()))
    }

    /// Makes tables that are not there: BigQuery refuses a query that names one of them. Gives them by
    /// their names in SQL.
    async fn have_tables(
        &self,
        events: &BigQueryEvents,
        tables: &[String],
    ) -> Result<Tables, QueryError> {
        let loaded = self.inner.events().map_err(QueryError::Unavailable)?;
        let read = loaded.catalog.sources().iter().filter_map(|source| {
            let table = events.client().quoted(&bigquery::table_id(source.token));
            tables.contains(&table).then_some((table, source))
        });
        let made = read.map(async |(table, source)| Ok((table, events.for_query(source).await?)));
        let made: Result<Vec<_>, Error> = futures_util::future::try_join_all(made).await;
        let made = made.map_err(|error| self.in_callers_words(error.into(), 0))?;
        Ok(made.into_iter().collect())
    }

    fn in_callers_words(&self, failure: QueryFailure, lines_before: u64) -> QueryError {
        let error = match failure {
            QueryFailure::Timeout(_) => {
                return QueryError::Timeout(self.inner.settings.query_timeout);
            }
            QueryFailure::TooLarge(bytes) => return QueryError::too_large(bytes),
            QueryFailure::Service(error) => error,
        };
        let message = match &error {
            Error::Unexpected(_) => return QueryError::Internal(error.to_string()),
            Error::Refused { message, .. } if !error.is_none_of_callers() => message.clone(),
            error => error.to_string(),
        };
        let message = match self.inner.events() {
            Ok(loaded) => {
                let sources = loaded.catalog.sources().iter();
                let known = sources.map(|source| (bigquery::table_id(source.token), &*source.name));
                with_names_of_sources(&message, known)
            }
            Err(_) => message,
        };
        if error.is_none_of_callers() {
            return QueryError::Unavailable(message);
        }
        let message = in_callers_lines(&message, lines_before);
        QueryError::Failed { sqlstate: String::new(), message }
    }
}

/// The tables, by their ids, of which BigQuery says that they are not there.
fn gone<'t>(failure: &QueryFailure, tables: &'t [String]) -> impl Iterator<Item = &'t str> {
    let message = match failure {
        QueryFailure::Service(Error::Refused { status: 404, message, .. }) => message.as_str(),
        _ => "",
    };
    let id = |table: &'t String| table.rsplit('.').next().map(|id| id.trim_end_matches('`'));
    tables.iter().filter_map(id).filter(move |id| message.contains(id))
}

/// The query with a NULL of its name for each field that has no column.
fn completed(sql: &str, fields: &[(String, Vec<String>)], tables: &Tables) -> String {
    let mut whole = String::with_capacity(sql.len());
    for (place, part) in sql.split('\0').enumerate() {
        if place % 2 == 0 {
            whole.push_str(part);
            continue;
        }
        let named = part.parse().ok().and_then(|number: usize| fields.get(number));
        let Some((table, names)) = named else { continue };
        let has_column = |name: &str| tables.get(table).is_some_and(|table| table.has_column(name));
        for name in names.iter().filter(|name| !has_column(name)) {
            let name = name.replace('\\', "\\\\").replace('`', "\\`");
            whole.push_str(&format!(", CAST(NULL AS STRING) AS `{name}`"));
        }
    }
    whole
}

/// The text with names of sources in place of tables, with or without their project and dataset.
fn with_names_of_sources<'s>(
    message: &str,
    sources: impl Iterator<Item = (String, &'s str)>,
) -> String {
    let is_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    let mut message = message.to_owned();
    for (table, name) in
        sources.filter(|(table, _)| message.contains(table.as_str())).collect::<Vec<_>>()
    {
        let mut parts = message.split(&table);
        let mut shown = parts.next().unwrap_or_default().to_owned();
        for after in parts {
            shown.truncate(shown.trim_end_matches(is_path).len());
            shown.extend([name, after]);
        }
        message = shown;
    }
    message
}

/// The text with its `at [line:column]` counted from where the caller's own text begins.
fn in_callers_lines(message: &str, lines_before: u64) -> String {
    let mut shown = String::with_capacity(message.len());
    let mut rest = message;
    while let Some((before, after)) = rest.split_once("at [") {
        shown.push_str(before);
        shown.push_str("at [");
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let (line, after) = after.split_at(digits);
        match line.parse::<u64>().ok().and_then(|line| line.checked_sub(lines_before)) {
            Some(line) if line > 0 => shown.push_str(&line.to_string()),
            _ => shown.push_str(line),
        }
        rest = after;
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_without_a_column_are_null() {
        let fields = [("t".to_owned(), vec!["a`b".to_owned(), "c".to_owned()])];
        assert_eq!(
            completed("(SELECT *\x000\0 FROM t)", &fields, &Tables::new()),
            "(SELECT *, CAST(NULL AS STRING) AS `a\\`b`, CAST(NULL AS STRING) AS `c` FROM t)"
        );
        assert_eq!(
            completed("(SELECT *\x009\0 FROM t)", &fields, &Tables::new()),
            "(SELECT * FROM t)"
        );
    }

    #[test]
    fn errors_name_sources_and_the_callers_own_lines() {
        let sources = || {
            let tables = [("11_aa", "postgres.logs"), ("22_bb", "edge")];
            tables.into_iter().map(|(table, name)| (table.to_owned(), name))
        };
        for (message, expected) in [
            (
                "Not found: Table my-project:1_prod.11_aa was not found in location US",
                "Not found: Table postgres.logs was not found in location US",
            ),
            ("no `p.d.22_bb`, p.d.11_aa", "no `edge`, postgres.logs"),
            ("22_bb", "edge"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(with_names_of_sources(message, sources()), expected);
        }
        for (message, expected) in [
            ("Unrecognized name: x at [12:5]", "Unrecognized name: x at [2:5]"),
            ("at [3:1] and at [11:2]", "at [3:1] and at [1:2]"),
            ("at [", "at ["),
        ] {
            assert_eq!(in_callers_lines(message, 10), expected);
        }
    }
}
