//! Tables for events: found or made, with columns added, as long as the program runs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    Error, Rest, Schema, Settings, Table, TablePatch, WriteMethod,
    append::Streams,
    columns,
    layout::Fresh,
    place::{Known, Place, Places},
    retry::{BackOff, Retry},
    table::{EncodedRows, OpenTable, Target},
};

/// Time between two changes of a table's columns. BigQuery allows five in ten seconds.
const BETWEEN_CHANGES: Duration = Duration::from_secs(2);

/// Attempts at a change that others make as well.
const CHANGE_ATTEMPTS: usize = 5;

/// How often a table is asked for whose answer is a refusal that passes.
const ASK_ATTEMPTS: usize = 4;

/// Brings events into tables.
#[derive(Debug)]
pub struct Writer {
    pub(crate) settings: Settings,
    pub(crate) rest: Rest,
    pub(crate) streams: Streams,
    pub(crate) places: Places,
    /// Rows of which nobody knows whether they were stored when they were sent.
    pub(crate) in_doubt: AtomicU64,
}

impl Writer {
    /// A writer. Nothing is connected to yet.
    pub fn new(settings: Settings, rest: Rest) -> Self {
        let Settings { storage_url, credentials, append_streams, .. } = &settings;
        let streams = Streams::new(storage_url, credentials, *append_streams);
        Self { streams, settings, rest, places: Places::default(), in_doubt: AtomicU64::new(0) }
    }

    /// Rows that were sent without an answer that says whether they are stored, since the start, each
    /// time. They are sent again, so as many may be there twice.
    pub fn sent_in_doubt(&self) -> u64 {
        self.in_doubt.load(Ordering::Relaxed)
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
        let place = self.places.of(&target.table);
        if let Some(table) = place.up_to_date(target) {
            return Ok(table);
        }
        let mut changed = place.changing.lock().await;
        // Others may have done it meanwhile.
        if let Some(table) = place.up_to_date(target) {
            return Ok(table);
        }
        let mut table = match place.known() {
            Some(Known { table, target: Some(_) }) => table,
            Some(known) => self.look_or_make(target, Some(&known.table)).await?,
            None => self.look_or_make(target, None).await?,
        };
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.change(&place, &table, target, &mut changed).await {
                Ok(changed) => {
                    let table = changed.unwrap_or(table);
                    let known = Known { table: Arc::clone(&table), target: Some(target.clone()) };
                    place.set(Some(known));
                    return Ok(table);
                }
                Err(error) if attempts < CHANGE_ATTEMPTS && is_race(&error) => {
                    // Somebody else has changed it.
                    table = self.look_or_make(target, Some(&table)).await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// A table as it is, whatever its source wants of it; `None` where there is none.
    ///
    /// # Errors
    /// When BigQuery does not say.
    pub async fn as_it_is(&self, table: &str) -> Result<Option<Arc<OpenTable>>, Error> {
        let table = self.look(table).await?;
        let opened = |table| Arc::new(OpenTable::new(&self.settings, table, Fresh::new()));
        Ok(table.map(opened))
    }

    /// A table was not found: it is looked for, or made, when it is opened the next time.
    pub fn forget(&self, table: &str) {
        // A new one has no column that is fresh.
        self.places.of(table).set(None);
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

    pub(crate) async fn look(&self, table: &str) -> Result<Option<Table>, Error> {
        patiently(|| self.rest.table(table)).await
    }

    /// The table; columns that were not there before, where it was known, are fresh.
    async fn look_or_make(
        &self,
        target: &Target,
        before: Option<&OpenTable>,
    ) -> Result<Arc<OpenTable>, Error> {
        let opened = |table, fresh| Arc::new(OpenTable::new(&self.settings, table, fresh));
        if let Some(table) = self.look(&target.table).await? {
            let fresh = before.map_or_else(Fresh::new, |before| before.fresh_beside(&table));
            return Ok(opened(table, fresh));
        }
        let new = target.new_table(&self.settings);
        if let Some(made) = patiently(|| self.rest.create_table(&new)).await? {
            tracing::info!(table = target.table, "a table is made in BigQuery");
            return Ok(opened(made, Fresh::new()));
        }
        // Somebody else was faster.
        let made = self.look(&target.table).await?;
        let gone = || Error::Unexpected(format!("table {} comes and goes", target.table));
        made.map(|table| opened(table, Fresh::new())).ok_or_else(gone)
    }

    /// Adds the columns that are missing, and sets the time after which events are removed. `None`
    /// when nothing had to be done.
    async fn change(
        &self,
        place: &Place,
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
        let patch = || self.rest.patch_table(&table.id, &patch, table.etag.as_deref());
        let patched = patiently(patch).await;
        *changed = Some(Instant::now());
        if !added.is_empty() && patched.is_ok() {
            tracing::info!(table = table.id, columns = ?added, "columns are added in BigQuery");
        }
        let fresh = &table.fresh | &added.into_iter().collect();
        match patched {
            Ok(patched) => Ok(Some(Arc::new(OpenTable::new(&self.settings, patched, fresh)))),
            Err(error) => {
                // It may have been done all the same.
                let table = Arc::new(table.with_fresh(&fresh));
                place.set(Some(Known { table, target: None }));
                Err(error)
            }
        }
    }
}

/// Asks until there is an answer that does not pass by itself, or it was asked often enough.
async fn patiently<T, A: Future<Output = Result<T, Error>>>(
    ask: impl Fn() -> A,
) -> Result<T, Error> {
    let mut waits: Option<BackOff> = None;
    for _ in 1..ASK_ATTEMPTS {
        let error = match ask().await {
            Err(error @ Error::Refused { .. }) => error,
            answer => return answer,
        };
        let retry = error.retry();
        if !matches!(retry, Retry::Soon | Retry::Late) {
            return Err(error);
        }
        let waits = waits.get_or_insert_with(|| BackOff::of(retry));
        tokio::time::sleep(waits.wait()).await;
    }
    ask().await
}

/// Whether the table is another one than it was thought to be.
fn is_race(error: &Error) -> bool {
    match error {
        Error::Refused { status: 412, .. } => true,
        Error::Refused { status: 400, message, .. } => message.contains("does not match Table"),
        _ => false,
    }
}
