//! Events in BigQuery: the tables of sources, and their rows.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bigquery::{AsText, EncodedRows, Error, Misfit, OpenTable, Progress, Rest, Target, Writer};
use event_schemas::{Event, FieldType, SchemaNews, TableSchema, parse};
use futures_util::future::join_all;
use uuid::Uuid;

use crate::{Source, SourceKey, request::Request, store::Inner};

/// Tables that are looked at or made at once.
const TABLES_AT_ONCE: usize = 4;

/// Longest wait for an answer to whether BigQuery is there.
const PROBE_TIMEOUT: Duration = Duration::from_secs(4);

/// How often events with fields of which nothing is known are looked at, until nothing new comes of
/// it. Each time teaches some hundred fields.
const LOOKS: usize = 20;

/// For how long rows are remembered whose receipts were not committed, where nothing of their source
/// waits on the spool: their senders come again, or do not.
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
    source: Uuid,
    /// By their places in the batch.
    rows: HashSet<usize>,
    /// Events that are no rows, by their places.
    pub(crate) refused: Vec<(usize, Misfit)>,
    at: Instant,
}

impl Acknowledged {
    fn of(source: Uuid) -> Self {
        Self { source, rows: HashSet::new(), refused: Vec::new(), at: Instant::now() }
    }

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

    /// Rows that were sent without an answer, so that they are sent again.
    pub(crate) fn sent_in_doubt(&self) -> u64 {
        self.writer.sent_in_doubt()
    }

    /// Makes the dataset and the tables of all sources, where they are not there. A table that BigQuery
    /// refuses is in nobody else's way: its own events ask for it again.
    pub(crate) async fn prepare(&self, sources: &[Arc<Source>]) -> Result<(), Error> {
        if self.rest.dataset().await?.is_none() {
            self.rest.create_dataset().await?;
        }
        for sources in sources.chunks(TABLES_AT_ONCE) {
            let opened = join_all(sources.iter().map(|source| self.make_ahead(source))).await;
            for (source, opened) in sources.iter().zip(opened) {
                match opened {
                    Err(error) if error.is_unavailable() => return Err(error),
                    Err(error) => tracing::warn!(
                        source = source.name,
                        %error,
                        "the source's table cannot be made as its events want it; others' can"
                    ),
                    Ok(()) => {}
                }
            }
        }
        *locked(&self.away) = None;
        Ok(())
    }

    /// Makes the table of a source, but where its events have to say first by what it is sorted: that
    /// cannot be changed later.
    async fn make_ahead(&self, source: &Source) -> Result<(), Error> {
        let is_known = |name: &String| source.schema.fields.contains_key(name);
        if !clustering(source).iter().all(is_known)
            && self.writer.as_it_is(&bigquery::table_id(source.token)).await?.is_none()
        {
            return Ok(());
        }
        self.ensure(source).await.map(drop)
    }

    /// Makes the table of a source, with columns for all of its fields, where it is not there. What
    /// was found is remembered.
    pub(crate) async fn ensure(&self, source: &Source) -> Result<Arc<OpenTable>, Error> {
        self.open(source.token, Some(source)).await
    }

    /// The table of a source, for queries: as it is, where BigQuery does not make it what it should be.
    pub(crate) async fn for_query(&self, source: &Source) -> Result<Arc<OpenTable>, Error> {
        match self.ensure(source).await {
            Err(error) if !error.is_unavailable() => {
                let table = bigquery::table_id(source.token);
                self.writer.as_it_is(&table).await?.ok_or(error)
            }
            ensured => ensured,
        }
    }

    /// The table of a source; one that nobody knows wants nothing of it.
    async fn open(&self, token: Uuid, source: Option<&Source>) -> Result<Arc<OpenTable>, Error> {
        let as_text = locked(&self.as_text).get(&token).cloned().unwrap_or_default();
        let table = bigquery::table_id(token);
        let schema = source.map(|source| Arc::clone(&source.schema)).unwrap_or_default();
        let retention_days = source.and_then(days_kept).or(self.default_retention_days);
        let clustering = source.map(clustering).unwrap_or_default();
        let target = Target { table, schema, as_text, retention_days, clustering };
        Box::pin(self.writer.open(&target)).await
    }

    /// A table was not found: it is looked for, or made, before it is asked the next time.
    pub(crate) fn forget_table(&self, table: &str) {
        self.writer.forget(table);
    }

    /// Brings events of a source into its table, until all of them are rows or refused, of which
    /// `progress` tells by their places. Those that wait for new columns are brought there too where
    /// they `wait`; else it says whether there are any.
    ///
    /// # Errors
    /// When that is known of some only.
    pub(crate) async fn append(
        &self,
        inner: &Inner,
        token: Uuid,
        bodies: &[&str],
        wait: Wait,
        progress: &mut Progress,
    ) -> Result<AreWaiting, Error> {
        let Wait { for_columns, deadline } = wait;
        let appending = async {
            let (table, mut rows) = self.encode(inner, token, bodies).await?;
            progress.refused.append(&mut rows.refused);
            let waiting = self.writer.append_settled(&table, rows, deadline, progress).await?;
            if !for_columns && !waiting.is_empty() {
                return Ok(AreWaiting(true));
            }
            self.writer.append_waiting(&table, waiting, deadline, progress).await?;
            Ok(AreWaiting(false))
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
            let table = self.open(token, source.as_deref()).await?;
            let rows = self.writer.encode(&table, bodies.iter().copied());
            let unknown = rows.unknown.iter().map(|(_, paths)| paths.len()).sum();
            let Some(source) = source.filter(|_| 0 < unknown && unknown < before) else {
                return Ok((table, all_known(rows)));
            };
            before = unknown;
            self.learn(inner, &source, bodies, &rows);
        }
        let table = self.open(token, source(inner, token).as_deref()).await?;
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
    pub(crate) fn acknowledged(&self, request: &Request) -> Acknowledged {
        let known = locked(&self.acknowledged).get(&request.id).cloned();
        known.unwrap_or_else(|| Acknowledged::of(request.source))
    }

    /// Notes what is known of a request's rows. What is on the spool comes again however late:
    /// `waits_on_spool` says of which sources something is.
    pub(crate) fn note(
        &self,
        request: &Request,
        stored: &[usize],
        refused: &[(usize, Misfit)],
        waits_on_spool: impl Fn(Uuid) -> bool,
    ) {
        let mut acknowledged = locked(&self.acknowledged);
        acknowledged
            .retain(|_, known| known.at.elapsed() < REMEMBERED || waits_on_spool(known.source));
        let known = acknowledged.entry(request.id);
        let known = known.or_insert_with(|| Acknowledged::of(request.source));
        known.rows.extend(stored);
        known.refused.extend_from_slice(refused);
        known.at = Instant::now();
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

/// How long rows are waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wait {
    /// Whether those are that have columns which are not known yet.
    pub(crate) for_columns: bool,
    pub(crate) deadline: Instant,
}

/// Whether there are rows that wait for columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AreWaiting(pub(crate) bool);

/// Days that a source's events are kept, where somebody has said it of the source.
pub(crate) fn days_kept(source: &Source) -> Option<u32> {
    let of_table = source.settings.bigquery_table_ttl;
    source.retention_days.or_else(|| u32::try_from(of_table?).ok())
}

fn clustering(source: &Source) -> Vec<String> {
    let fields = source.settings.bigquery_clustering_fields.as_deref().unwrap_or_default();
    let names = fields.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
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

    /// What waits on the spool for a day is not to be sent twice either.
    #[test]
    fn rows_are_remembered_while_their_source_waits_on_the_spool() {
        let settings = bigquery::Settings {
            project: "p".to_owned(),
            dataset: "d".to_owned(),
            location: "US".to_owned(),
            credentials: bigquery::Credentials::none(),
            rest_url: "http://127.0.0.1:1".parse().unwrap(),
            storage_url: "http://127.0.0.1:1".parse().unwrap(),
            write_method: bigquery::WriteMethod::Storage,
            append_streams: 1,
            maximum_bytes_billed: None,
        };
        let events = BigQueryEvents::new(settings, None);
        let request = |id: u128| Request {
            id: Uuid::from_u128(id),
            source: Uuid::from_u128(id),
            content: None,
            may_come_again: true,
            of_former_life: false,
            on_spool_since: None,
            batch: crate::Batch::default(),
        };
        let requests = [1, 2, 3].map(request);
        for request in &requests[..2] {
            events.note(request, &[0], &[], |_| true);
        }
        let old = Instant::now().checked_sub(REMEMBERED).unwrap();
        locked(&events.acknowledged).values_mut().for_each(|known| known.at = old);
        let waits = requests[0].source;
        events.note(&requests[2], &[0], &[], |source| source == waits);
        let known = requests.each_ref().map(|request| events.acknowledged(request).contains(0));
        assert_eq!(known, [true, false, true]);
        requests.iter().for_each(|request| events.forget(request.id));
        assert!(locked(&events.acknowledged).is_empty());
    }

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
