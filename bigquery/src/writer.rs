//! Brings events into tables: makes the tables, adds columns to them, and appends rows until they
//! are acknowledged.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use prost::Message as _;
use tonic::Code;

use crate::{
    Error, Misfit, Rest, Schema, Settings, StorageFault, Table, TablePatch, WriteMethod,
    append::{Failure, Rows, Streams},
    columns,
    descriptor::WriterSchema,
    layout::Fresh,
    requests::{insert_row, known_places, request_length, without},
    retry::{BackOff, Retry},
    table::{EncodedRows, OpenTable, Target, TypedRows},
};

/// Rows in one request of `insertAll`, of 50,000 that it takes; Google advises 500.
const INSERT_ROWS: usize = 500;

/// Time between two changes of a table's columns. BigQuery allows five in ten seconds.
const BETWEEN_CHANGES: Duration = Duration::from_secs(2);

/// Attempts at a change that others make as well.
const CHANGE_ATTEMPTS: usize = 5;

/// Brings events into tables.
#[derive(Debug)]
pub struct Writer {
    settings: Settings,
    rest: Rest,
    streams: Streams,
    tables: Mutex<HashMap<String, Arc<Place>>>,
    /// Rows that were sent again though they may have been stored.
    sent_again: AtomicU64,
}

/// What is known of rows: the places of their events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// They are acknowledged.
    pub stored: Vec<usize>,
    /// BigQuery refuses them.
    pub refused: Vec<(usize, Misfit)>,
}

/// A table, as far as it is known.
#[derive(Debug, Default)]
struct Place {
    known: Mutex<Option<Known>>,
    /// When it was changed last. Held while it is looked at or changed.
    changing: tokio::sync::Mutex<Option<Instant>>,
}

#[derive(Debug, Clone)]
struct Known {
    table: Arc<OpenTable>,
    /// What it was compared with; `None` when it is to be looked at anew.
    target: Option<Target>,
}

impl Place {
    fn known(&self) -> Option<Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, known: Option<Known>) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }

    /// The table may be another one than it is known to be. Which of its columns are fresh stays
    /// known.
    fn look_again(&self) {
        if let Some(known) = &mut *self.known.lock().unwrap_or_else(PoisonError::into_inner) {
            known.target = None;
        }
    }
}

impl Writer {
    /// A writer. Nothing is connected to yet.
    pub fn new(settings: Settings, rest: Rest) -> Self {
        let Settings { storage_url, credentials, append_streams, .. } = &settings;
        let streams = Streams::new(storage_url, credentials, *append_streams);
        Self { streams, settings, rest, tables: Mutex::default(), sent_again: AtomicU64::new(0) }
    }

    /// Rows that were sent again though they may have been stored, since the start: so many may be
    /// there twice.
    pub fn sent_again(&self) -> u64 {
        self.sent_again.load(Ordering::Relaxed)
    }

    /// Whether both services can be reached.
    ///
    /// # Errors
    /// What is wrong with the one that cannot.
    pub async fn probe(&self) -> Result<(), Error> {
        self.rest.dataset().await?;
        match self.settings.write_method {
            WriteMethod::Storage => self.streams.probe().await,
            WriteMethod::InsertAll => Ok(()),
        }
    }

    /// The table of a source with a column for each of its fields: made, or columns added, where it
    /// has to be.
    ///
    /// # Errors
    /// When BigQuery cannot be asked, or refuses a change.
    pub async fn open(&self, target: &Target) -> Result<Arc<OpenTable>, Error> {
        let place = self.place(&target.table);
        if let Some(table) = up_to_date(&place, target) {
            return Ok(table);
        }
        let mut changed = place.changing.lock().await;
        // Others may have done it meanwhile.
        if let Some(table) = up_to_date(&place, target) {
            return Ok(table);
        }
        let mut table = match place.known() {
            Some(Known { table, target: Some(_) }) => table,
            Some(known) => self.look_or_make(target, known.table.fresh.clone()).await?,
            None => self.look_or_make(target, Fresh::new()).await?,
        };
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.change(&table, target, &mut changed).await {
                Ok(changed) => {
                    let table = changed.unwrap_or(table);
                    let known = Known { table: Arc::clone(&table), target: Some(target.clone()) };
                    place.set(Some(known));
                    return Ok(table);
                }
                Err(error) if attempts < CHANGE_ATTEMPTS && is_race(&error) => {
                    // Somebody else has changed it.
                    table = self.look_or_make(target, table.fresh.clone()).await?;
                }
                Err(error) => {
                    place.look_again();
                    return Err(error);
                }
            }
        }
    }

    /// Appends rows; returns when all of them are acknowledged or refused, of which `progress` tells.
    /// It is tried until `deadline`.
    ///
    /// # Errors
    /// When that is known of some rows only: those that `progress` tells of.
    pub async fn append(
        &self,
        table: &OpenTable,
        rows: EncodedRows,
        deadline: Instant,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        let EncodedRows { settled, fresh, .. } = rows;
        let has_fresh = !fresh.rows.is_empty();
        // Nothing waits for columns that it does not have.
        for typed in [settled, fresh] {
            self.append_typed(table, &typed, deadline, progress).await?;
        }
        if has_fresh {
            self.note_settled(table);
        }
        Ok(())
    }

    async fn append_typed(
        &self,
        table: &OpenTable,
        typed: &TypedRows,
        deadline: Instant,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        let TypedRows { rows, schema } = typed;
        let most_rows = match self.settings.write_method {
            WriteMethod::Storage => usize::MAX,
            WriteMethod::InsertAll => INSERT_ROWS,
        };
        let mut rest = rows.as_slice();
        // It is part of the first request of a stream.
        let of_schema = schema.encoded_len();
        while !rest.is_empty() {
            let (request, others) = rest.split_at(request_length(rest, most_rows, of_schema));
            rest = others;
            let attempt = Attempt { table, schema, deadline };
            self.append_request(&attempt, request.to_vec(), progress).await?;
        }
        Ok(())
    }

    /// Makes rows of events in the form that goes into requests.
    pub fn encode<'b>(
        &self,
        table: &OpenTable,
        bodies: impl IntoIterator<Item = &'b str>,
    ) -> EncodedRows {
        match self.settings.write_method {
            WriteMethod::Storage => table.encode(bodies),
            WriteMethod::InsertAll => table.encode_json(bodies),
        }
    }

    fn place(&self, table: &str) -> Arc<Place> {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(tables.entry(table.to_owned()).or_default())
    }

    async fn look_or_make(&self, target: &Target, fresh: Fresh) -> Result<Arc<OpenTable>, Error> {
        let opened = |table: Table| Arc::new(OpenTable::new(&self.settings, table, fresh.clone()));
        if let Some(table) = self.rest.table(&target.table).await? {
            return Ok(opened(table));
        }
        let new = target.new_table(&self.settings);
        if let Some(made) = self.rest.create_table(&new).await? {
            tracing::info!(table = target.table, "a table is made in BigQuery");
            return Ok(opened(made));
        }
        // Somebody else was faster.
        let made = self.rest.table(&target.table).await?;
        let gone = || Error::Unexpected(format!("table {} comes and goes", target.table));
        made.map(opened).ok_or_else(gone)
    }

    /// Adds the columns that are missing, and sets the time after which events are removed. `None`
    /// when nothing had to be done.
    async fn change(
        &self,
        table: &OpenTable,
        target: &Target,
        changed: &mut Option<Instant>,
    ) -> Result<Option<Arc<OpenTable>>, Error> {
        let mut fields = table.columns.clone();
        let added = columns::merge(&mut fields, &target.columns());
        let mut time_partitioning = None;
        if let (Some(wanted), Some(partitioning)) = (target.expiration_ms(), &table.partitioning)
            && partitioning.expiration_ms.as_ref() != Some(&wanted)
        {
            let mut partitioning = partitioning.clone();
            partitioning.expiration_ms = Some(wanted);
            time_partitioning = Some(partitioning);
        }
        if added.is_empty() && time_partitioning.is_none() {
            return Ok(None);
        }
        if let Some(last) = changed {
            tokio::time::sleep(BETWEEN_CHANGES.saturating_sub(last.elapsed())).await;
        }
        let schema = (!added.is_empty()).then_some(Schema { fields });
        let patch = TablePatch { schema, time_partitioning };
        let patched = self.rest.patch_table(&table.id, &patch, table.etag.as_deref()).await;
        *changed = Some(Instant::now());
        if !added.is_empty() && patched.is_ok() {
            tracing::info!(table = table.id, columns = ?added, "columns are added in BigQuery");
        }
        let mut fresh = table.fresh.clone();
        fresh.extend(added);
        Ok(Some(Arc::new(OpenTable::new(&self.settings, patched?, fresh))))
    }

    async fn append_request(
        &self,
        attempt: &Attempt<'_>,
        mut rows: Vec<(usize, Bytes)>,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        let mut waits: Option<(Retry, BackOff)> = None;
        let mut has_new_token = false;
        while !rows.is_empty() {
            let Failure { error, may_be_stored } = match self.send(attempt, &rows).await {
                Ok(misfits) if misfits.is_empty() => break,
                Ok(misfits) => {
                    // Nothing of the request was stored: without them it goes again.
                    rows = without(rows, misfits, &mut progress.refused);
                    continue;
                }
                Err(failure) => failure,
            };
            let retry = match error.retry() {
                Retry::Never if is_token_refused(&error) && !has_new_token => {
                    has_new_token = true;
                    self.settings.credentials.renew().await;
                    Retry::Soon
                }
                retry => retry,
            };
            let is_there = match retry {
                Retry::WhenTableIsKnown => self.rest.table(&attempt.table.id).await?.is_some(),
                retry => retry != Retry::Never,
            };
            if !is_there {
                let place = self.place(&attempt.table.id);
                match retry {
                    // A new one has no column that is fresh.
                    Retry::WhenTableIsKnown => place.set(None),
                    _ => place.look_again(),
                }
                return Err(error);
            }
            if waits.as_ref().is_none_or(|(of, _)| *of != retry) {
                waits = Some((retry, BackOff::of(retry)));
            }
            let wait = waits.as_mut().map_or(Duration::ZERO, |(_, waits)| waits.wait());
            if Instant::now() + wait >= attempt.deadline {
                if retry == Retry::WhenColumnsAreKnown {
                    // Somebody may have taken a column away.
                    self.place(&attempt.table.id).look_again();
                }
                return Err(error);
            }
            tracing::debug!(table = attempt.table.id, %error, ?wait, "rows are sent again");
            if may_be_stored {
                self.sent_again.fetch_add(rows.len() as u64, Ordering::Relaxed);
            }
            tokio::time::sleep(wait).await;
        }
        progress.stored.extend(rows.iter().map(|(place, _)| *place));
        Ok(())
    }

    /// Sends one request; gives the rows for which nothing was done, by their places in it.
    async fn send(
        &self,
        attempt: &Attempt<'_>,
        rows: &[(usize, Bytes)],
    ) -> Result<Vec<(usize, String)>, Failure> {
        match self.settings.write_method {
            WriteMethod::Storage => {
                let count = rows.len();
                let rows = Rows {
                    stream: Arc::clone(&attempt.table.stream),
                    schema: Arc::clone(attempt.schema),
                    rows: rows.iter().map(|(_, row)| row.clone()).collect(),
                };
                let mut hasher = DefaultHasher::new();
                attempt.table.id.hash(&mut hasher);
                let table = usize::try_from(hasher.finish() >> 32).unwrap_or_default();
                let left = attempt.deadline.saturating_duration_since(Instant::now());
                let append = self.streams.append(table, rows);
                let errors = match tokio::time::timeout(left, append).await {
                    Ok(answer) => answer?,
                    Err(_) => {
                        let error = Error::TimedOut { seconds: left.as_secs() };
                        return Err(Failure { error, may_be_stored: true });
                    }
                };
                let place = |index: i64| usize::try_from(index).unwrap_or(usize::MAX);
                let is_refused = !errors.is_empty();
                let bad = errors.into_iter().map(|row| (place(row.index), row.message)).collect();
                known_places(bad, count, is_refused)
            }
            WriteMethod::InsertAll => {
                let rows: Vec<_> = rows.iter().map(|(_, row)| insert_row(row)).collect();
                let errors = self.rest.insert_all(&attempt.table.id, &rows).await;
                let errors = errors.map_err(|error| {
                    let may_be_stored = error.retry() == Retry::Soon;
                    Failure { error, may_be_stored }
                })?;
                if let Some(row) = errors.iter().find(|row| row.message.contains("no such field")) {
                    // All columns are there, but may not be known yet.
                    let message = row.message.clone();
                    let (code, fault) = (Code::InvalidArgument, Some(StorageFault::ExtraFields));
                    let error = Error::Append { code, fault, message };
                    return Err(Failure { error, may_be_stored: false });
                }
                let is_refused = !errors.is_empty();
                let bad = errors.into_iter().filter(|row| row.reason != "stopped");
                let bad: Vec<_> = bad
                    .map(|row| (row.index, format!("{}: {}", row.location, row.message)))
                    .collect();
                known_places(bad, rows.len(), is_refused)
            }
        }
    }

    /// Rows with the columns that were fresh have been taken.
    fn note_settled(&self, table: &OpenTable) {
        let place = self.place(&table.id);
        let Some(known) = place.known() else { return };
        // Else there are fresher ones.
        if std::ptr::eq(&*known.table, table) {
            place.set(Some(Known { table: Arc::new(table.settled()), ..known }));
        }
    }
}

/// What a request is sent for.
struct Attempt<'a> {
    table: &'a OpenTable,
    schema: &'a WriterSchema,
    deadline: Instant,
}

/// The table as it is known, where it is known to be as the target wants it.
fn up_to_date(place: &Place, target: &Target) -> Option<Arc<OpenTable>> {
    let known = place.known()?;
    let compared = known.target?;
    let is_same = Arc::ptr_eq(&compared.schema, &target.schema)
        && compared.as_text == target.as_text
        && compared.retention_days == target.retention_days;
    is_same.then_some(known.table)
}

fn is_token_refused(error: &Error) -> bool {
    matches!(error, Error::Append { code: Code::Unauthenticated, .. })
}

/// Whether the table is another one than it was thought to be.
fn is_race(error: &Error) -> bool {
    match error {
        Error::Refused { status: 412, .. } => true,
        Error::Refused { status: 400, message, .. } => message.contains("does not match Table"),
        _ => false,
    }
}
