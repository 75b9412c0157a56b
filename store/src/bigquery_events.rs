//! Events in BigQuery: the tables of sources, and their rows.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bigquery::{AsText, EncodedRows, Error, Misfit, OpenTable, Progress, Rest, Target, Writer};
use event_schemas::{Event, FieldType, SchemaNews, TableSchema, parse};
use futures_util::future::try_join_all;
use uuid::Uuid;

use crate::{Source, SourceKey, store::Inner};

/// Tables that are looked at or made at once.
const TABLES_AT_ONCE: usize = 4;

/// Longest wait for an answer to whether BigQuery is there.
const PROBE_TIMEOUT: Duration = Duration::from_secs(4);

/// How often events with fields of which nothing is known are looked at, until nothing new comes of
/// it. Each time teaches some hundred fields.
const LOOKS: usize = 20;

/// Longest time for which rows are remembered whose receipts were not committed.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// Events in BigQuery.
#[derive(Debug)]
pub(crate) struct BigQueryEvents {
    rest: Rest,
    writer: Writer,
    /// Of sources where nobody has set it.
    default_retention_days: Option<u32>,
    /// Fields that are kept as text, of each source, by its token.
    as_text: Mutex<HashMap<Uuid, AsText>>,
    acknowledged: Mutex<HashMap<Uuid, Acknowledged>>,
    /// Why it cannot be used now.
    away: Mutex<Option<Arc<str>>>,
}

/// Rows of one request that BigQuery has, while the request's receipt is not committed: it is not to
/// get them again.
#[derive(Debug, Clone)]
pub(crate) struct Acknowledged {
    /// By their places in the batch.
    rows: HashSet<usize>,
    /// Events that are no rows, by their places.
    pub(crate) refused: Vec<(usize, Misfit)>,
    at: Instant,
}

impl Default for Acknowledged {
    fn default() -> Self {
        Self { rows: HashSet::new(), refused: Vec::new(), at: Instant::now() }
    }
}

impl Acknowledged {
    /// Whether nothing needs to be done any more for an event.
    pub(crate) fn contains(&self, place: usize) -> bool {
        self.rows.contains(&place) || self.refused.iter().any(|(refused, _)| *refused == place)
    }
}

impl BigQueryEvents {
    /// Connects to nothing yet.
    pub(crate) fn new(settings: bigquery::Settings, default_retention_days: Option<u32>) -> Self {
        let rest = Rest::new(&settings);
        Self {
            default_retention_days,
            writer: Writer::new(settings, rest.clone()),
            rest,
            as_text: Mutex::default(),
            acknowledged: Mutex::default(),
            away: Mutex::default(),
        }
    }

    /// The REST API, for queries.
    pub(crate) fn client(&self) -> &Rest {
        &self.rest
    }

    /// Rows that were sent again though they may have been stored.
    pub(crate) fn sent_again(&self) -> u64 {
        self.writer.sent_again()
    }

    /// Makes the dataset and the tables of all sources, where they are not there.
    pub(crate) async fn prepare(&self, sources: &[Arc<Source>]) -> Result<(), Error> {
        if self.rest.dataset().await?.is_none() {
            self.rest.create_dataset().await?;
        }
        for sources in sources.chunks(TABLES_AT_ONCE) {
            try_join_all(sources.iter().map(|source| self.ensure(source))).await?;
        }
        *locked(&self.away) = None;
        Ok(())
    }

    /// Makes the table of a source, with columns for all of its fields, where it is not there. What
    /// was found is remembered.
    pub(crate) async fn ensure(&self, source: &Source) -> Result<Arc<OpenTable>, Error> {
        self.open(source.token, &source.schema, source.retention_days).await
    }

    async fn open(
        &self,
        token: Uuid,
        schema: &Arc<TableSchema>,
        retention_days: Option<u32>,
    ) -> Result<Arc<OpenTable>, Error> {
        let as_text = locked(&self.as_text).get(&token).cloned().unwrap_or_default();
        let table = bigquery::table_id(token);
        let schema = Arc::clone(schema);
        let retention_days = retention_days.or(self.default_retention_days);
        let target = Target { table, schema, as_text, retention_days };
        Box::pin(self.writer.open(&target)).await
    }

    /// Brings events of a source into its table, until all of them are rows or refused, of which
    /// `progress` tells by their places.
    ///
    /// # Errors
    /// When that is known of some only.
    pub(crate) async fn append(
        &self,
        inner: &Inner,
        token: Uuid,
        bodies: &[&str],
        deadline: Instant,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        let appending = async {
            let (table, mut rows) = self.encode(inner, token, bodies).await?;
            progress.refused.append(&mut rows.refused);
            self.writer.append(&table, rows, deadline, progress).await
        };
        let left = deadline.saturating_duration_since(Instant::now()) + Duration::from_secs(1);
        match tokio::time::timeout(left, appending).await {
            Ok(appended) => appended,
            Err(_) => Err(Error::TimedOut { seconds: left.as_secs() }),
        }
    }

    /// Makes rows of events. Fields that have no column get one first.
    async fn encode(
        &self,
        inner: &Inner,
        token: Uuid,
        bodies: &[&str],
    ) -> Result<(Arc<OpenTable>, EncodedRows), Error> {
        let mut before = usize::MAX;
        for _ in 0..LOOKS {
            let source = source(inner, token);
            let schema = source.as_ref().map(|source| Arc::clone(&source.schema));
            let retention_days = source.as_ref().and_then(|source| source.retention_days);
            let table = self.open(token, &schema.unwrap_or_default(), retention_days).await?;
            let rows = self.writer.encode(&table, bodies.iter().copied());
            let unknown = rows.unknown.iter().map(|(_, paths)| paths.len()).sum();
            let Some(source) = source.filter(|_| 0 < unknown && unknown < before) else {
                return Ok((table, all_known(rows)));
            };
            before = unknown;
            self.learn(inner, &source, bodies, &rows);
        }
        let source = source(inner, token);
        let schema = source.as_ref().map(|source| Arc::clone(&source.schema)).unwrap_or_default();
        let table =
            self.open(token, &schema, source.and_then(|source| source.retention_days)).await?;
        let rows = self.writer.encode(&table, bodies.iter().copied());
        Ok((table, all_known(rows)))
    }

    /// Learns what events carry that has no column.
    fn learn(&self, inner: &Inner, of: &Source, bodies: &[&str], rows: &EncodedRows) {
        let mut news = SchemaNews::default();
        for (place, _) in &rows.unknown {
            let value = bodies.get(*place).and_then(|body| parse(body).ok());
            // It is normalised already, and has a time of its own.
            if let Some(Ok(event)) = value.map(|value| Event::normalise(value, 0)) {
                of.known.news(&event, &mut news);
            }
        }
        if !news.is_empty() {
            inner.learn(of, &news);
        }
        let Some(source) = source(inner, of.token) else { return };
        let mut as_text = locked(&self.as_text);
        let of_source = as_text.entry(of.token).or_default();
        for path in rows.unknown.iter().flat_map(|(_, paths)| paths) {
            add_shapeless(&source.schema, path, of_source);
        }
    }

    /// What is known of a request's rows from an attempt whose commit failed.
    pub(crate) fn acknowledged(&self, request: Uuid) -> Acknowledged {
        locked(&self.acknowledged).get(&request).cloned().unwrap_or_default()
    }

    /// Notes what is known of a request's rows.
    pub(crate) fn note(&self, request: Uuid, stored: &[usize], refused: &[(usize, Misfit)]) {
        let mut acknowledged = locked(&self.acknowledged);
        acknowledged.retain(|_, known| known.at.elapsed() < REMEMBERED);
        let known = acknowledged.entry(request).or_default();
        known.rows.extend(stored);
        known.refused.extend_from_slice(refused);
    }

    /// A request's receipt is committed: it comes no more.
    pub(crate) fn forget(&self, request: Uuid) {
        locked(&self.acknowledged).remove(&request);
    }

    /// Notes that BigQuery does not answer.
    pub(crate) fn is_away(&self, reason: &str) {
        *locked(&self.away) = Some(reason.into());
    }

    /// Why BigQuery cannot be used now: asked of it only when it could not when it was last used.
    pub(crate) async fn why_away(&self) -> Option<Arc<str>> {
        locked(&self.away).as_ref()?;
        let reason = match tokio::time::timeout(PROBE_TIMEOUT, self.writer.probe()).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("BigQuery did not answer within {} s", PROBE_TIMEOUT.as_secs())),
        };
        let reason = reason.map(Arc::from);
        locked(&self.away).clone_from(&reason);
        reason
    }
}

fn source(inner: &Inner, token: Uuid) -> Option<Arc<Source>> {
    inner.state().loaded?.catalog.source(SourceKey::Token(token))
}

fn all_known(mut rows: EncodedRows) -> EncodedRows {
    rows.refuse_unknown();
    rows
}

/// Adds the paths at and below a field that are known to be objects or lists, and nothing of what is
/// in them: so many names that they are no fields, or elements that differ.
fn add_shapeless(schema: &TableSchema, path: &str, out: &mut AsText) {
    let mut names = path.split('.');
    let mut field = names.next().map(|name| schema.field(name));
    for name in names {
        field = field.and_then(|field| match element(field) {
            FieldType::Object(schema) => Some(schema.field(name)),
            _ => None,
        });
    }
    if let Some(field) = field {
        add_shapeless_below(field, path, out);
    }
}

fn add_shapeless_below(field: &FieldType, path: &str, out: &mut AsText) {
    match (field, element(field)) {
        (_, FieldType::Object(schema)) if !schema.fields.is_empty() => {
            for (name, field) in &schema.fields {
                add_shapeless_below(field, &format!("{path}.{name}"), out);
            }
        }
        (_, FieldType::Object(_)) | (FieldType::Array(_), FieldType::Unknown) => {
            out.insert(path.to_owned());
        }
        _ => {}
    }
}

/// What a list holds; what is no list, itself.
fn element(field: &FieldType) -> &FieldType {
    match field {
        FieldType::Array(element) => element,
        other => other,
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_shape_is_found() {
        let unknown = || FieldType::Array(Box::new(FieldType::Unknown));
        let object = |fields: Vec<(&str, FieldType)>| {
            let fields = fields.into_iter().map(|(name, field)| (name.to_owned(), field));
            FieldType::Object(TableSchema { fields: fields.collect() })
        };
        let FieldType::Object(schema) = object(vec![
            ("n", FieldType::Int64),
            ("any", FieldType::Unknown),
            ("bare", object(vec![])),
            ("o", object(vec![("list", unknown()), ("n", FieldType::Int64)])),
            ("l", FieldType::Array(Box::new(object(vec![("bare", object(vec![]))])))),
        ]) else {
            unreachable!("it is an object");
        };
        for (path, expected) in [
            ("n", &[][..]),
            ("any", &[]),
            ("nothing", &[]),
            ("n.nothing", &[]),
            ("bare", &["bare"]),
            ("o", &["o.list"]),
            ("o.list", &["o.list"]),
            ("l", &["l.bare"]),
            ("l.bare", &["l.bare"]),
        ] {
            let mut found = AsText::new();
            add_shapeless(&schema, path, &mut found);
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{path}");
        }
    }
}
