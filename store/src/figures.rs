//! What sources have taken: counted in memory, and kept in the catalog, so that every process can
//! tell it of all.
//!
//! Each process has a row of its own for each source, which it writes once a second while there is
//! something new. A process that is killed forgets what it has counted within that second.

mod recent_seconds;

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use crate::{ChangeError, Source, Store, state::Loaded, store::Inner};
use recent_seconds::RecentSeconds;

/// Figures of a source's events, over all processes. Of what is on a spool, only what it was counted
/// as when it went there.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SourceFigures {
    /// Events that were stored since the source was made.
    pub inserts: u64,
    /// What was sent as an event and was not stored because something is wrong with it.
    pub rejected: u64,
    /// When the latest was stored, microseconds since 1970 UTC; 0 for never.
    pub latest: i64,
    /// Events in a second, over the last five seconds.
    pub rate: f64,
    /// Events of the last minute.
    pub recent: u64,
    /// Events of the second that had most. Of several processes, in one of them.
    pub max_rate: u64,
    /// Events that wait to be written into Postgres now.
    pub buffer: u64,
}

/// What this process has counted.
#[derive(Debug, Default)]
pub(crate) struct Figures(Mutex<HashMap<Uuid, Counted>>);

/// What this process has counted of one source.
#[derive(Debug, Default, Clone)]
struct Counted {
    /// Since it was last kept.
    inserts: u64,
    rejected: u64,
    latest: i64,
    seconds: RecentSeconds,
    /// Whether what was kept last says that nothing goes on.
    is_quiet: bool,
}

impl Figures {
    fn all(&self) -> MutexGuard<'_, HashMap<Uuid, Counted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, source: Uuid, inserts: u64, rejected: u64, now: i64) {
        let mut all = self.all();
        let counted = all.entry(source).or_default();
        counted.inserts += inserts;
        counted.rejected += rejected;
        counted.is_quiet = false;
        if inserts > 0 {
            counted.latest = now;
            counted.seconds.add(now.div_euclid(MICROS_PER_SECOND), inserts);
        }
    }

    /// What is to be kept now, taken out of what was counted.
    fn take(&self, waiting: &HashMap<Uuid, usize>, now: i64) -> Vec<FiguresRow> {
        let second = now.div_euclid(MICROS_PER_SECOND);
        let mut all = self.all();
        for (source, _) in waiting.iter().filter(|(_, events)| **events > 0) {
            all.entry(*source).or_default().is_quiet = false;
        }
        let mut rows = Vec::new();
        for (source, counted) in all.iter_mut().filter(|(_, counted)| !counted.is_quiet) {
            let buffer = waiting.get(source).copied().unwrap_or_default() as u64;
            let recent = counted.seconds.last_minute(second);
            rows.push(FiguresRow {
                source: *source,
                inserts: std::mem::take(&mut counted.inserts),
                rejected: std::mem::take(&mut counted.rejected),
                latest: counted.latest,
                rate: counted.seconds.rate(second),
                recent,
                max_rate: counted.seconds.most(),
                buffer,
            });
            counted.is_quiet = recent == 0 && buffer == 0;
        }
        rows
    }

    /// Whether all that was counted is kept.
    pub(crate) fn are_kept(&self) -> bool {
        self.all().values().all(|counted| counted.inserts + counted.rejected == 0)
    }

    /// They could not be kept.
    fn give_back(&self, rows: &[FiguresRow]) {
        let mut all = self.all();
        for row in rows {
            let counted = all.entry(row.source).or_default();
            counted.inserts += row.inserts;
            counted.rejected += row.rejected;
            counted.is_quiet = false;
        }
    }
}

const MICROS_PER_SECOND: i64 = 1_000_000;

/// What a process adds to its row, or puts in its place.
#[derive(Debug, Clone, PartialEq)]
struct FiguresRow {
    source: Uuid,
    inserts: u64,
    rejected: u64,
    latest: i64,
    rate: f64,
    recent: u64,
    max_rate: u64,
    buffer: u64,
}

/// Rows on their way. Those that are not kept by the time it is dropped are given back.
struct Saving<'f> {
    figures: &'f Figures,
    rows: Vec<FiguresRow>,
}

impl Drop for Saving<'_> {
    fn drop(&mut self) {
        self.figures.give_back(&self.rows);
    }
}

impl Store {
    /// Counts what was sent to a source: events that are durable now, and such as are not because
    /// something is wrong with them.
    pub fn note_taken(&self, source: &Source, stored: usize, rejected: usize) {
        if stored + rejected > 0 {
            self.inner.figures.note(source.token, stored as u64, rejected as u64, now());
        }
    }

    /// Figures by the catalog ids of sources; a source that is not among them has none. What other
    /// processes have counted within the last second may be missing.
    ///
    /// # Errors
    /// When the catalog's Postgres does not answer.
    pub async fn source_figures(&self) -> Result<HashMap<i64, SourceFigures>, ChangeError> {
        let (loaded, mut connection) = self.inner.catalog_connection().await?;
        // What a process has said that has gone meanwhile is not true for long.
        let sql = loaded.catalog_sql(
            "select source_id, sum(inserts)::bigint, sum(rejected)::bigint, max(latest), \
                 coalesce(sum(rate) filter (where is_fresh), 0), \
                 coalesce(sum(recent) filter (where is_fresh), 0)::bigint, max(max_rate), \
                 coalesce(sum(buffer) filter (where is_fresh), 0)::bigint \
             from (select *, noted_at > now() - interval '10 seconds' as is_fresh \
                 from {schema}.logweir_source_figures) as figures \
             group by source_id",
        );
        let rows = sqlx::query(sql).fetch_all(&mut *connection).await?;
        connection.release();
        let figures = rows.iter().map(|row| {
            let number = |place: usize| row.try_get::<i64, _>(place).map(i64::unsigned_abs);
            let figures = SourceFigures {
                inserts: number(1)?,
                rejected: number(2)?,
                latest: row.try_get(3)?,
                rate: row.try_get(4)?,
                recent: number(5)?,
                max_rate: number(6)?,
                buffer: number(7)?,
            };
            Ok((row.try_get(0)?, figures))
        });
        figures.collect::<Result<_, sqlx::Error>>().map_err(ChangeError::from)
    }
}

impl Inner {
    /// Brings into the catalog what was counted since.
    pub(crate) async fn save_figures(
        &self,
        connection: &mut PgConnection,
        loaded: &Loaded,
    ) -> Result<(), sqlx::Error> {
        let rows = self.figures.take(&self.writers.waiting_events(), now());
        if rows.is_empty() {
            return Ok(());
        }
        let mut saving = Saving { figures: &self.figures, rows };
        keep(connection, loaded, self.settings.owner, &saving.rows).await?;
        saving.rows.clear();
        Ok(())
    }
}

/// One statement, which need not wait for the disk: these are no events.
async fn keep(
    connection: &mut PgConnection,
    loaded: &Loaded,
    owner: i32,
    rows: &[FiguresRow],
) -> Result<(), sqlx::Error> {
    let sql = loaded.catalog_sql(
        "with hasty as materialized (select set_config('synchronous_commit', 'off', true) as off) \
         insert into {schema}.logweir_source_figures as kept (source_id, owner, inserts, rejected, \
             latest, rate, recent, max_rate, buffer) \
         select sources.id, $1, given.inserts, given.rejected, given.latest, given.rate, \
             given.recent, given.max_rate, given.buffer \
         from unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], \
             $6::double precision[], $7::bigint[], $8::bigint[], $9::bigint[]) \
             as given (token, inserts, rejected, latest, rate, recent, max_rate, buffer) \
         join {schema}.logweir_sources as sources on sources.token = given.token \
         cross join hasty \
         on conflict (source_id, owner) do update set \
             inserts = kept.inserts + excluded.inserts, \
             rejected = kept.rejected + excluded.rejected, \
             latest = greatest(kept.latest, excluded.latest), rate = excluded.rate, \
             recent = excluded.recent, max_rate = greatest(kept.max_rate, excluded.max_rate), \
             buffer = excluded.buffer, noted_at = now()",
    );
    let numbers = |of_row: fn(&FiguresRow) -> u64| -> Vec<i64> {
        rows.iter().map(|row| i64::try_from(of_row(row)).unwrap_or(i64::MAX)).collect()
    };
    sqlx::query(sql)
        .bind(owner)
        .bind(rows.iter().map(|row| row.source).collect::<Vec<_>>())
        .bind(numbers(|row| row.inserts))
        .bind(numbers(|row| row.rejected))
        .bind(rows.iter().map(|row| row.latest).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.rate).collect::<Vec<_>>())
        .bind(numbers(|row| row.recent))
        .bind(numbers(|row| row.max_rate))
        .bind(numbers(|row| row.buffer))
        .execute(connection)
        .await
        .map(|_| ())
}

/// Microseconds since 1970.
fn now() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_taken_out_and_what_is_not_comes_back() {
        let figures = Figures::default();
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let second = |seconds: i64| seconds * MICROS_PER_SECOND;
        figures.note(one, 10, 1, second(100));
        figures.note(one, 5, 0, second(101));
        let waiting = HashMap::from([(other, 3)]);
        let mut rows = figures.take(&waiting, second(102));
        rows.sort_by_key(|row| row.source);
        let expected = FiguresRow {
            source: one,
            inserts: 15,
            rejected: 1,
            latest: second(101),
            rate: 3.0,
            recent: 15,
            max_rate: 10,
            buffer: 0,
        };
        assert_eq!(rows[0], expected);
        assert_eq!((rows[1].source, rows[1].inserts, rows[1].buffer), (other, 0, 3));
        drop(Saving { figures: &figures, rows });
        let again = figures.take(&HashMap::new(), second(102));
        assert!(again.contains(&expected), "{again:?}");
        // Told until the last minute is empty, and once more.
        let later = figures.take(&HashMap::new(), second(130));
        let later: Vec<_> = later.iter().map(|row| (row.inserts, row.recent)).collect();
        assert_eq!(later, [(0, 15)]);
        assert_eq!(figures.take(&HashMap::new(), second(200))[0].recent, 0);
        assert_eq!(figures.take(&HashMap::new(), second(201)), []);
    }
}
