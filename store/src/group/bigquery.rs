//! A group whose events go to BigQuery, and all else into Postgres.
//!
//! The rows are acknowledged before the transaction with the receipts ends. Where the process dies, or
//! the commit fails for good, between the two, they may come again: BigQuery has them at least once.

use std::{
    collections::{BTreeSet, HashMap, HashSet, hash_map::Entry},
    time::{Duration, Instant},
};

use bigquery::Progress;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::{Group, KEPT_AT_ONCE, TRANSIENT_RETRIES, Target, receipts_table};
use crate::{
    bigquery_events::{AreWaiting, BigQueryEvents, Wait},
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

/// What became of a group.
#[derive(Debug)]
pub(crate) struct Written {
    /// Of each request; `None` for those whose events are not all there.
    pub(crate) outcomes: Vec<Option<Appended>>,
    /// Why they are not.
    pub(crate) error: Option<GroupError>,
}

impl Written {
    /// All of them are there.
    pub(crate) fn whole(appended: Vec<Appended>) -> Self {
        Self { outcomes: appended.into_iter().map(Some).collect(), error: None }
    }

    /// The others are not there.
    fn but(mut self, error: GroupError) -> Result<Self, GroupError> {
        if self.outcomes.iter().all(Option::is_none) {
            return Err(error);
        }
        self.error = Some(error);
        Ok(self)
    }
}

/// As [`write`](super::write), the rows into BigQuery. Requests whose rows are there are committed
/// before others are waited for, and where others fail.
pub(crate) async fn write(
    inner: &Inner,
    events: &BigQueryEvents,
    target: Target<'_>,
    source: Uuid,
    requests: &[&Request],
) -> Result<Written, GroupError> {
    let deadline = Instant::now() + WRITE_TIMEOUT.saturating_sub(FOR_COMMIT);
    let mut wait = Wait { for_columns: false, deadline };
    let mut written = Written { outcomes: vec![None; requests.len()], error: None };
    let mut stale_left = target.pool.options().get_max_connections();
    let mut transient_left = TRANSIENT_RETRIES;
    loop {
        let is_left = |place: &usize| written.outcomes.get(*place).is_some_and(Option::is_none);
        let left: Vec<usize> = (0..requests.len()).filter(is_left).collect();
        let of_left = left.iter().filter_map(|place| requests.get(*place).copied());
        let of_left: Vec<&Request> = of_left.collect();
        let requests = of_left.as_slice();
        let group = Group { target, source, requests, days: Default::default(), isolate: false };
        let mut lease = match Lease::acquire(target.pool).await {
            Ok(lease) => lease,
            Err(error) => return written.but(error.into()),
        };
        let writing = Writing { group, inner, events };
        let error = match writing.attempt(&mut lease, wait).await {
            Ok(Attempted { outcomes, rest }) => {
                lease.release();
                for ((place, request), outcome) in left.into_iter().zip(requests).zip(outcomes) {
                    if let (Some(kept), Some(outcome)) = (written.outcomes.get_mut(place), outcome)
                    {
                        events.forget(request.id);
                        *kept = Some(outcome);
                    }
                }
                match rest {
                    Rest::Nothing => return Ok(written),
                    Rest::Failed(error) => return written.but(error.into()),
                    Rest::WaitsForColumns => wait.for_columns = true,
                }
                continue;
            }
            Err(GroupError::Postgres(error)) => error,
            Err(error) => return written.but(error),
        };
        if stale_left > 0 && failure::is_stale_connection(&error) {
            stale_left -= 1;
        } else if transient_left > 0 && failure::is_transient(&error) {
            transient_left -= 1;
        } else {
            return written.but(error.into());
        }
    }
}

struct Writing<'a> {
    group: Group<'a>,
    inner: &'a Inner,
    events: &'a BigQueryEvents,
}

/// What a transaction has brought about.
struct Attempted {
    /// Of each request, where it is committed.
    outcomes: Vec<Option<Appended>>,
    rest: Rest,
}

/// What is with the requests that are not committed.
enum Rest {
    /// There are none.
    Nothing,
    /// They have columns that whoever takes rows does not know yet.
    WaitsForColumns,
    /// BigQuery has not taken them.
    Failed(bigquery::Error),
}

/// An event on its way: the place of its request in the group, its own in the batch, and its row.
type Sent<'a> = (usize, usize, Row<'a>);

impl Writing<'_> {
    async fn attempt(
        &self,
        connection: &mut PgConnection,
        wait: Wait,
    ) -> Result<Attempted, GroupError> {
        let Group { requests, source, target, .. } = self.group;
        self.group.begin(connection).await?;
        let new = self.group.write_receipts(connection).await?;

        let mut sent: Vec<Sent<'_>> = Vec::new();
        let mut outcomes = Vec::with_capacity(requests.len());
        // Events that come twice in the group: the first of each, and the requests that need it.
        let mut seen = HashMap::new();
        let mut of_others: Vec<(usize, (usize, usize))> = Vec::new();
        for (place, request) in requests.iter().enumerate() {
            if !new.contains(&request.id) {
                outcomes.push(Some(Appended::again(&request.batch)));
                continue;
            }
            let known = self.events.acknowledged(request);
            let own_ids: HashSet<_> = request.batch.own_ids.iter().copied().collect();
            let mut outcome = Appended { stored: request.batch.len(), ..Appended::default() };
            for (number, row) in request.batch.rows.iter().enumerate() {
                if own_ids.contains(&number) {
                    // What was stored before cannot be asked of BigQuery for each event; what comes
                    // together can.
                    match seen.entry((row.id(), row.timestamp())) {
                        Entry::Vacant(entry) => _ = entry.insert((place, number)),
                        Entry::Occupied(first) => {
                            of_others.push((place, *first.get()));
                            outcome.stored -= 1;
                            outcome.duplicates += 1;
                            continue;
                        }
                    }
                }
                if !known.contains(number) {
                    sent.push((place, number, row));
                }
            }
            outcomes.push(Some(outcome));
        }
        let appended = self.append(&sent, wait).await;

        let known: Vec<_> = requests.iter().map(|one| self.events.acknowledged(one)).collect();
        let is_known = |(place, number): (usize, usize)| {
            known.get(place).is_some_and(|known| known.contains(number))
        };
        let unknown = sent.iter().filter(|(place, number, _)| !is_known((*place, *number)));
        let unknown = unknown.map(|(place, ..)| *place);
        let need = of_others.iter().filter(|(_, first)| !is_known(*first)).map(|(place, _)| *place);
        let unfinished: BTreeSet<usize> = unknown.chain(need).collect();
        for place in &unfinished {
            if let Some(outcome) = outcomes.get_mut(*place) {
                *outcome = None;
            }
        }
        let rest = match appended {
            Ok(AreWaiting(true)) => Rest::WaitsForColumns,
            Ok(AreWaiting(false)) => Rest::Nothing,
            Err(error) => Rest::Failed(error),
        };
        if outcomes.iter().all(Option::is_none) {
            sqlx::raw_sql("rollback").execute(connection).await?;
            return Ok(Attempted { outcomes, rest });
        }
        self.take_receipts_back(connection, &unfinished).await?;

        let mut refused = Vec::new();
        for ((request, outcome), known) in requests.iter().zip(&mut outcomes).zip(known) {
            let Some(outcome) = outcome.as_mut().filter(|_| new.contains(&request.id)) else {
                continue;
            };
            let rows: Vec<Row<'_>> = request.batch.rows.iter().collect();
            for (number, misfit) in known.refused {
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
        let rejected = requests
            .iter()
            .zip(&outcomes)
            .filter(|(request, outcome)| outcome.is_some() && new.contains(&request.id));
        let rejected = rejected.flat_map(|(request, _)| &request.batch.rejected);
        rejected_events::insert(connection, target.schema, source, rejected).await?;
        sqlx::raw_sql("commit").execute(connection).await?;
        Ok(Attempted { outcomes, rest })
    }

    /// Requests that are not committed have no receipt yet.
    async fn take_receipts_back(
        &self,
        connection: &mut PgConnection,
        unfinished: &BTreeSet<usize>,
    ) -> Result<(), sqlx::Error> {
        if unfinished.is_empty() {
            return Ok(());
        }
        let Group { requests, target, .. } = self.group;
        let ids = unfinished.iter().filter_map(|place| Some(requests.get(*place)?.id));
        let receipts = receipts_table(target.schema);
        let sql = format!("delete from {receipts} where request = any($1)");
        let delete = sqlx::query(AssertSqlSafe(sql)).bind(ids.collect::<Vec<_>>());
        delete.execute(connection).await.map(|_| ())
    }

    /// What becomes of them is noted, also where it is known of some only.
    async fn append(&self, sent: &[Sent<'_>], wait: Wait) -> Result<AreWaiting, bigquery::Error> {
        if sent.is_empty() {
            return Ok(AreWaiting(false));
        }
        let bodies: Vec<&str> = sent.iter().map(|(_, _, row)| row.body()).collect();
        let mut progress = Progress::default();
        let (events, source) = (self.events, self.group.source);
        let outcome = events.append(self.inner, source, &bodies, wait, &mut progress).await;
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
        for ((request, stored), refused) in self.group.requests.iter().zip(&stored).zip(&refused) {
            if stored.len() + refused.len() > 0 {
                events.note(request, stored, refused, |source| self.inner.on_spool.holds(source));
            }
        }
        outcome
    }
}
