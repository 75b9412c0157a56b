//! A group whose events go to BigQuery, and all else into Postgres.
//!
//! The rows are acknowledged before the transaction with the receipts ends. Where the process dies, or
//! the commit fails for good, between the two, they may come again: BigQuery has them at least once.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use bigquery::Progress;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::{Group, KEPT_AT_ONCE, LOCK_CLASS, TRANSIENT_RETRIES, Target};
use crate::{
    bigquery_events::BigQueryEvents,
    connections::Lease,
    event_store::WRITE_TIMEOUT,
    failure,
    rejected_events::{self, RejectedEvent},
    request::{Appended, Request},
    rows::Row,
    store::Inner,
};
use event_schemas::Reason;

/// Time that is left for the commit.
const FOR_COMMIT: Duration = Duration::from_secs(5);

/// Why a group was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GroupError {
    /// Receipts and rejected events could not be written.
    #[error("{}", failure::text(.0))]
    Postgres(#[from] sqlx::Error),
    /// Rows could not be.
    #[error(transparent)]
    BigQuery(#[from] bigquery::Error),
}

/// As [`write`](super::write), the rows into BigQuery.
pub(crate) async fn write(
    inner: &Inner,
    events: &BigQueryEvents,
    target: Target<'_>,
    source: Uuid,
    requests: &[&Request],
) -> Result<Vec<Appended>, GroupError> {
    let deadline = Instant::now() + WRITE_TIMEOUT.saturating_sub(FOR_COMMIT);
    let group = Group { target, source, requests, days: Default::default(), isolate: false };
    let writing = Writing { group, inner, events, deadline };
    let mut stale_left = target.pool.options().get_max_connections();
    let mut transient_left = TRANSIENT_RETRIES;
    loop {
        let mut lease = Lease::acquire(target.pool).await?;
        let error = match writing.attempt(&mut lease).await {
            Ok(appended) => {
                lease.release();
                requests.iter().for_each(|request| events.forget(request.id));
                return Ok(appended);
            }
            Err(GroupError::Postgres(error)) => error,
            Err(error) => return Err(error),
        };
        if stale_left > 0 && failure::is_stale_connection(&error) {
            stale_left -= 1;
        } else if transient_left > 0 && failure::is_transient(&error) {
            transient_left -= 1;
        } else {
            return Err(error.into());
        }
    }
}

struct Writing<'a> {
    group: Group<'a>,
    inner: &'a Inner,
    events: &'a BigQueryEvents,
    deadline: Instant,
}

/// An event on its way: the place of its request in the group, its own in the batch, and its row.
type Sent<'a> = (usize, usize, Row<'a>);

impl Writing<'_> {
    async fn attempt(&self, connection: &mut PgConnection) -> Result<Vec<Appended>, GroupError> {
        let Group { requests, source, target, .. } = self.group;
        // Whoever starts a process waits for the transactions of its former life by this lock.
        let begin = format!("begin; select pg_advisory_xact_lock_shared({LOCK_CLASS}, 0)");
        sqlx::raw_sql(AssertSqlSafe(begin)).execute(&mut *connection).await?;
        let new = self.group.write_receipts(connection).await?;

        let mut sent: Vec<Sent<'_>> = Vec::new();
        let mut appended = Vec::with_capacity(requests.len());
        let mut seen = HashSet::new();
        for (place, request) in requests.iter().enumerate() {
            if !new.contains(&request.id) {
                appended.push(Appended::again(&request.batch));
                continue;
            }
            let known = self.events.acknowledged(request.id);
            let own_ids: HashSet<_> = request.batch.own_ids.iter().copied().collect();
            let mut outcome = Appended { stored: request.batch.len(), ..Appended::default() };
            for (number, row) in request.batch.rows.iter().enumerate() {
                // What was stored before cannot be asked of BigQuery for each event; what comes
                // together can.
                if own_ids.contains(&number) && !seen.insert((row.id(), row.timestamp())) {
                    outcome.stored -= 1;
                    outcome.duplicates += 1;
                } else if !known.contains(number) {
                    sent.push((place, number, row));
                }
            }
            appended.push(outcome);
        }
        self.append(&sent).await?;

        let mut refused = Vec::new();
        for (request, outcome) in requests.iter().zip(&mut appended) {
            if !new.contains(&request.id) {
                continue;
            }
            let rows: Vec<Row<'_>> = request.batch.rows.iter().collect();
            for (number, misfit) in self.events.acknowledged(request.id).refused {
                let Some(row) = rows.get(number) else { continue };
                let reason = Reason { path: misfit.path, text: misfit.text };
                outcome.stored = outcome.stored.saturating_sub(1);
                outcome.refused.push(reason.clone());
                let (event, reasons) = (row.body().to_owned(), vec![reason]);
                refused.push(RejectedEvent { id: Uuid::new_v4(), event, reasons });
            }
        }
        for refused in refused.chunks(KEPT_AT_ONCE) {
            rejected_events::insert(connection, target.schema, source, refused).await?;
        }
        let rejected = requests.iter().filter(|request| new.contains(&request.id));
        let rejected = rejected.flat_map(|request| &request.batch.rejected);
        rejected_events::insert(connection, target.schema, source, rejected).await?;
        sqlx::raw_sql("commit").execute(connection).await?;
        Ok(appended)
    }

    /// What becomes of them is noted, also where it is known of some only.
    async fn append(&self, sent: &[Sent<'_>]) -> Result<(), bigquery::Error> {
        if sent.is_empty() {
            return Ok(());
        }
        let bodies: Vec<&str> = sent.iter().map(|(_, _, row)| row.body()).collect();
        let mut progress = Progress::default();
        let (events, source) = (self.events, self.group.source);
        let appending = events.append(self.inner, source, &bodies, self.deadline, &mut progress);
        let outcome = appending.await;
        let of_request = |place: usize| self.group.requests.get(place).map(|request| request.id);
        let mut stored: Vec<Vec<usize>> = vec![Vec::new(); self.group.requests.len()];
        let mut refused = vec![Vec::new(); self.group.requests.len()];
        for place in progress.stored {
            if let Some((request, number, _)) = sent.get(place)
                && let Some(stored) = stored.get_mut(*request)
            {
                stored.push(*number);
            }
        }
        for (place, misfit) in progress.refused {
            if let Some((request, number, _)) = sent.get(place)
                && let Some(refused) = refused.get_mut(*request)
            {
                refused.push((*number, misfit));
            }
        }
        for (place, (stored, refused)) in stored.iter().zip(&refused).enumerate() {
            if let Some(request) = of_request(place).filter(|_| stored.len() + refused.len() > 0) {
                events.note(request, stored, refused);
            }
        }
        outcome
    }
}
