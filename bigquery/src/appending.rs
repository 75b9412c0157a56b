//! Rows on their way into a table, sent until they are acknowledged or refused.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use prost::Message as _;
use tonic::Code;

use crate::{
    Error, Misfit, StorageFault, WriteMethod, Writer,
    append::{Failure, Rows},
    columns,
    columns_in_use::InUse,
    descriptor::WriterSchema,
    layout::Fresh,
    requests::{insert_row, known_places, request_length, without},
    retry::{BackOff, Retry},
    table::{EncodedRows, OpenTable, TypedRows, WaitingRows},
};

/// Rows in one request of `insertAll`, of 50,000 that it takes; Google advises 500.
const INSERT_ROWS: usize = 500;

/// Requests in which rows of other columns go one after the other, to find out which are not known.
const MOST_KINDS: usize = 16;

/// What is known of rows: the places of their events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// They are acknowledged.
    pub stored: Vec<usize>,
    /// BigQuery refuses them.
    pub refused: Vec<(usize, Misfit)>,
}

/// A row, with the place of its event.
pub(crate) type Row = (usize, Bytes);

/// What a request is sent for.
#[derive(Clone, Copy)]
pub(crate) struct Attempt<'a> {
    pub(crate) table: &'a OpenTable,
    pub(crate) schema: &'a WriterSchema,
    pub(crate) deadline: Instant,
    /// Whether columns are waited for that are not known.
    pub(crate) waits: bool,
}

impl Writer {
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
        // Nothing waits for columns that it does not have.
        let waiting = self.append_settled(table, rows, deadline, progress).await?;
        self.append_waiting(table, waiting, deadline, progress).await
    }

    /// Appends the rows that wait for no column; gives the others.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub async fn append_settled(
        &self,
        table: &OpenTable,
        rows: EncodedRows,
        deadline: Instant,
        progress: &mut Progress,
    ) -> Result<WaitingRows, Error> {
        let EncodedRows { settled, fresh, .. } = rows;
        let has_fresh = !fresh.rows.is_empty();
        let mut waiting = WaitingRows { of_types: Vec::new(), has_fresh };
        let attempt = Attempt { table, schema: &settled.schema, deadline, waits: false };
        for mut request in self.requests(&settled) {
            match self.append_request(attempt, &mut request, progress).await {
                Err(error) if error.retry() == Retry::WhenColumnsAreKnown => {
                    // Its columns are of unknown age: this process has not added them.
                    let of_types = self.append_by_columns(attempt, request, progress).await?;
                    waiting.of_types.extend(of_types);
                }
                appended => appended?,
            }
        }
        waiting.of_types.push(fresh);
        Ok(waiting)
    }

    /// Appends rows as soon as their columns are known to whoever takes them.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub async fn append_waiting(
        &self,
        table: &OpenTable,
        rows: WaitingRows,
        deadline: Instant,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        for typed in &rows.of_types {
            let attempt = Attempt { table, schema: &typed.schema, deadline, waits: true };
            for mut request in self.requests(typed) {
                self.append_request(attempt, &mut request, progress).await?;
            }
        }
        if rows.has_fresh {
            self.places.of(&table.id).note_settled(table);
        }
        Ok(())
    }

    fn requests(&self, typed: &TypedRows) -> Vec<Vec<Row>> {
        let most_rows = match self.settings.write_method {
            WriteMethod::Storage => usize::MAX,
            WriteMethod::InsertAll => INSERT_ROWS,
        };
        // It is part of the first request of a stream.
        let of_schema = typed.schema.encoded_len();
        let (mut requests, mut rest) = (Vec::new(), typed.rows.as_slice());
        while !rest.is_empty() {
            let (request, others) = rest.split_at(request_length(rest, most_rows, of_schema));
            rest = others;
            requests.push(request.to_vec());
        }
        requests
    }

    /// Appends rows of which some have columns that are not known, without saying which: those of the
    /// same columns go together, under a message type that has no others. Gives those that wait.
    async fn append_by_columns(
        &self,
        attempt: Attempt<'_>,
        rows: Vec<Row>,
        progress: &mut Progress,
    ) -> Result<Vec<TypedRows>, Error> {
        let Attempt { table, schema, .. } = attempt;
        if self.settings.write_method == WriteMethod::InsertAll {
            // Its rows have no message type.
            return Ok(vec![TypedRows { rows, schema: Arc::clone(schema) }]);
        }
        let mut kinds: BTreeMap<InUse, Vec<Row>> = BTreeMap::new();
        let mut waiting = Vec::new();
        let mut others = Vec::new();
        for row in rows {
            match table.columns_in_use(&row.1) {
                Some(in_use) => kinds.entry(in_use).or_default().push(row),
                None => others.push(row),
            }
        }
        if !others.is_empty() {
            waiting.push(TypedRows { rows: others, schema: Arc::clone(schema) });
        }
        while kinds.len() > MOST_KINDS
            && let (Some(one), Some(other)) = (kinds.pop_last(), kinds.pop_last())
        {
            let in_use = &one.0 | &other.0;
            kinds.entry(in_use).or_default().extend(one.1.into_iter().chain(other.1));
        }
        let mut known = InUse::from(columns::ALWAYS_THERE.map(str::to_owned));
        let mut unknown = InUse::new();
        for (in_use, mut rows) in kinds {
            let schema = table.type_of(&in_use);
            let attempt = Attempt { schema: &schema, ..attempt };
            match self.append_request(attempt, &mut rows, progress).await {
                Ok(()) => known.extend(in_use),
                Err(error) if error.retry() == Retry::WhenColumnsAreKnown => {
                    unknown.extend(in_use);
                    waiting.push(TypedRows { rows, schema });
                }
                Err(error) => return Err(error),
            }
        }
        let fresh: Fresh = unknown.difference(&known).cloned().collect();
        self.places.of(&table.id).add_fresh(&fresh);
        Ok(waiting)
    }

    /// Appends the rows of one request. Those that are neither stored nor refused are left in `rows`.
    async fn append_request(
        &self,
        attempt: Attempt<'_>,
        rows: &mut Vec<Row>,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        match self.append_together(attempt, rows, progress).await {
            Err(failure) if failure.may_be_of_a_row() => {
                self.append_apart(attempt, rows, failure.error, progress).await
            }
            appended => appended.map_err(|failure| failure.error),
        }
    }

    pub(crate) async fn append_together(
        &self,
        attempt: Attempt<'_>,
        rows: &mut Vec<Row>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let place = self.places.of(&attempt.table.id);
        let mut waits: Option<(Retry, BackOff)> = None;
        let mut has_new_token = false;
        while !rows.is_empty() {
            let failure = match self.send(attempt, rows).await {
                Ok(misfits) if misfits.is_empty() => {
                    place.note_taken(attempt.schema);
                    break;
                }
                Ok(misfits) => {
                    // Nothing of the request was stored: without them it goes again.
                    *rows = without(std::mem::take(rows), misfits, &mut progress.refused);
                    continue;
                }
                Err(failure) => failure,
            };
            let error = &failure.error;
            let retry = match error.retry() {
                Retry::Never if is_token_refused(error) && !has_new_token => {
                    has_new_token = true;
                    self.settings.credentials.renew().await;
                    Retry::Soon
                }
                Retry::WhenColumnsAreKnown if !attempt.waits => return Err(failure),
                retry => retry,
            };
            let is_there = match retry {
                Retry::WhenTableIsKnown => self.look(&attempt.table.id).await?.is_some(),
                retry => retry != Retry::Never,
            };
            if !is_there {
                match retry {
                    Retry::WhenTableIsKnown => self.forget(&attempt.table.id),
                    _ => place.look_again(),
                }
                return Err(failure);
            }
            if waits.as_ref().is_none_or(|(of, _)| *of != retry) {
                waits = Some((retry, BackOff::of(retry)));
            }
            let wait = waits.as_mut().map_or(Duration::ZERO, |(_, waits)| waits.wait());
            if Instant::now() + wait >= attempt.deadline {
                if retry == Retry::WhenColumnsAreKnown {
                    // Somebody may have taken a column away.
                    place.look_again();
                }
                return Err(failure);
            }
            tracing::debug!(table = attempt.table.id, %error, ?wait, "rows are sent again");
            tokio::time::sleep(wait).await;
        }
        progress.stored.extend(rows.drain(..).map(|(place, _)| place));
        Ok(())
    }

    /// Sends one request; gives the rows for which nothing was done, by their places in it. Counts them
    /// where it stays unknown whether they are stored, also when nobody waits for the answer any more.
    async fn send(
        &self,
        attempt: Attempt<'_>,
        rows: &[Row],
    ) -> Result<Vec<(usize, String)>, Failure> {
        let mut doubt = InDoubt { counter: &self.in_doubt, rows: rows.len() as u64 };
        let answer = match self.settings.write_method {
            WriteMethod::Storage => self.send_to_stream(attempt, rows).await,
            WriteMethod::InsertAll => self.insert(attempt, rows).await,
        };
        if !matches!(&answer, Err(Failure { may_be_stored: true, .. })) {
            doubt.rows = 0;
        }
        answer
    }

    async fn send_to_stream(
        &self,
        attempt: Attempt<'_>,
        rows: &[Row],
    ) -> Result<Vec<(usize, String)>, Failure> {
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

    async fn insert(
        &self,
        attempt: Attempt<'_>,
        rows: &[Row],
    ) -> Result<Vec<(usize, String)>, Failure> {
        let rows: Vec<_> = rows.iter().map(|(_, row)| insert_row(row)).collect();
        let errors = self.rest.insert_all(&attempt.table.id, &rows).await;
        let errors = errors.map_err(|error| match error {
            // A new table may not be known yet.
            Error::Refused { status: 404, message, .. } => {
                let (code, fault) = (Code::NotFound, Some(StorageFault::TableNotFound));
                Error::Append { code, fault, message }.into()
            }
            error => {
                let may_be_stored = error.retry() == Retry::Soon;
                Failure { error, may_be_stored }
            }
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
        let bad: Vec<_> =
            bad.map(|row| (row.index, format!("{}: {}", row.location, row.message))).collect();
        known_places(bad, rows.len(), is_refused)
    }
}

/// Rows that were sent, until it is known what became of them.
struct InDoubt<'a> {
    counter: &'a AtomicU64,
    rows: u64,
}

impl Drop for InDoubt<'_> {
    fn drop(&mut self) {
        self.counter.fetch_add(self.rows, Ordering::Relaxed);
    }
}

/// What was found out of a table, or could not be, says nothing of rows that are stored.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, may_be_stored: false }
    }
}

fn is_token_refused(error: &Error) -> bool {
    matches!(error, Error::Append { code: Code::Unauthenticated, .. })
}
