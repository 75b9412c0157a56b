//! Copies rows, all at once, or so that those that Postgres refuses are found.

use std::{sync::Arc, time::Instant};

use sqlx::{PgConnection, postgres::PgCopyIn};
use uuid::Uuid;

use super::{
    Group, KEPT_AT_ONCE, Placed, Target,
    own_ids::{LeftOut, own_id},
    refusal,
};
use crate::{
    event_tables::qualified_name,
    failure,
    isolation::{self, Refused, Search},
    rejected_events::{self, RejectedEvent},
    rows::{COPY_COLUMNS, HEADER, Row, TRAILER},
};

/// Bytes of COPY data given to the driver at once: it copies what it is given.
const CHUNK: usize = 256 * 1024;

/// Rows that are tried one by one, and refused for what may be the table's fault, before that is
/// taken for it.
const MOST_DOUBTED: usize = 64;

/// Events of one id and timestamp that are tried, one after the other was refused.
const MOST_IN_PLACE: usize = 16;

/// What became of rows that were copied one by one, or by halves.
#[derive(Debug)]
pub(super) struct Copied<'r> {
    pub(super) refused: Vec<Refused<Row<'r>>>,
    /// Places of the requests of rows that were left out before, and were tried in the place of
    /// refused ones.
    pub(super) tried_in_place: Vec<usize>,
}

/// Whether rows or their table are to blame.
struct Blame {
    begun: Instant,
    /// Whether the table takes rows.
    takes_rows: bool,
    /// Rows that were refused while it was not known to.
    doubted: usize,
    /// Why.
    doubt: Option<sqlx::Error>,
}

impl Blame {
    /// A row was refused for something that may be the table's fault.
    ///
    /// # Errors
    /// The refusal, when it is taken for that.
    fn doubt(&mut self, rows: usize, error: sqlx::Error) -> Result<(), sqlx::Error> {
        if self.takes_rows {
            return Ok(());
        }
        self.doubted += usize::from(rows == 1);
        match self.doubted >= MOST_DOUBTED {
            true => Err(error),
            false => {
                self.doubt.get_or_insert(error);
                Ok(())
            }
        }
    }

    /// All was tried.
    fn end(&mut self) -> Result<(), sqlx::Error> {
        match self.doubt.take().filter(|_| !self.takes_rows) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

impl Group<'_> {
    pub(super) async fn copy(
        &self,
        connection: &mut PgConnection,
        rows: &[Placed<'_>],
    ) -> Result<(), sqlx::Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let statement = format!(
            "copy {} ({COPY_COLUMNS}) from stdin with (format binary)",
            qualified_name(self.target.schema, self.source)
        );
        let mut copy = CopyData::begin(connection, &statement).await?;
        for (_, row) in rows {
            copy.push(row.bytes()).await?;
        }
        copy.finish().await
    }

    /// Copies all rows that Postgres takes; tells of the others. What is left out behind a row that
    /// is refused is tried in its place.
    ///
    /// # Errors
    /// Also when all rows are refused for what may be their table's fault.
    pub(super) async fn copy_isolating<'r>(
        &self,
        connection: &mut PgConnection,
        mut rows: Vec<Placed<'r>>,
        mut left_out: LeftOut<'r>,
    ) -> Result<Copied<'r>, sqlx::Error> {
        // What is checked at the commit otherwise names no row.
        sqlx::raw_sql("set constraints all immediate").execute(&mut *connection).await?;
        let takes_rows = self.target.takes_rows;
        let mut blame = Blame { begun: Instant::now(), takes_rows, doubted: 0, doubt: None };
        let mut copied = Copied { refused: Vec::new(), tried_in_place: Vec::new() };
        for tries in 1.. {
            let refused = self.copy_searching(connection, &rows, &mut blame).await?;
            let is_over = tries >= MOST_IN_PLACE || blame.begun.elapsed() >= isolation::SEARCH_TIME;
            rows = Vec::new();
            for Refused { row, reason, .. } in &refused {
                let Some(behind) = left_out.behind.get_mut(&own_id(*row)) else { continue };
                if !is_over {
                    rows.extend(behind.pop_front());
                    continue;
                }
                let reason: Arc<str> = format!("as others with its id and time: {reason}").into();
                for (place, row) in behind.drain(..) {
                    copied.tried_in_place.push(place);
                    copied.refused.push(Refused { place, row, reason: Arc::clone(&reason) });
                }
            }
            copied.refused.extend(refused);
            if rows.is_empty() {
                break;
            }
            rows.sort_by_key(|(place, _)| *place);
            copied.tried_in_place.extend(rows.iter().map(|(place, _)| *place));
        }
        blame.end()?;
        Ok(copied)
    }

    /// Copies all rows that Postgres takes; gives the others.
    async fn copy_searching<'r>(
        &self,
        connection: &mut PgConnection,
        rows: &[Placed<'r>],
        blame: &mut Blame,
    ) -> Result<Vec<Refused<Row<'r>>>, sqlx::Error> {
        let mut search = Search::among(rows);
        sqlx::raw_sql("savepoint rows").execute(&mut *connection).await?;
        while let Some(rows) = search.next() {
            // One savepoint at a time: what is rolled back to stays, and would nest.
            let next = match self.copy(connection, rows).await {
                Ok(()) => {
                    blame.takes_rows = true;
                    "release savepoint rows; savepoint rows"
                }
                Err(error) if failure::may_be_refusal_of_rows(&error) => {
                    let is_late = blame.begun.elapsed() >= isolation::SEARCH_TIME;
                    search.refuses(rows, &failure::text(&error), is_late);
                    if !failure::is_refusal_of_rows(&error) {
                        blame.doubt(rows.len(), error)?;
                    }
                    "rollback to savepoint rows"
                }
                Err(error) => return Err(error),
            };
            sqlx::raw_sql(next).execute(&mut *connection).await?;
        }
        sqlx::raw_sql("release savepoint rows").execute(connection).await?;
        Ok(search.refused())
    }

    pub(super) async fn keep_refused(
        &self,
        connection: &mut PgConnection,
        refused: &[Refused<Row<'_>>],
    ) -> Result<(), sqlx::Error> {
        let Target { schema, .. } = self.target;
        let (mut rejected, mut bytes) = (Vec::new(), 0);
        for Refused { row, reason, .. } in refused {
            let event = row.body().to_owned();
            bytes += event.len();
            let reasons = vec![refusal(reason)];
            rejected.push(RejectedEvent { id: Uuid::new_v4(), event, reasons });
            if bytes >= CHUNK || rejected.len() >= KEPT_AT_ONCE {
                rejected_events::insert(connection, schema, self.source, &rejected).await?;
                rejected.clear();
                bytes = 0;
            }
        }
        rejected_events::insert(connection, schema, self.source, &rejected).await
    }
}

/// A COPY that is under way. Small rows are put together.
struct CopyData<'c> {
    copy: PgCopyIn<&'c mut PgConnection>,
    buffer: Vec<u8>,
}

impl<'c> CopyData<'c> {
    async fn begin(connection: &'c mut PgConnection, statement: &str) -> Result<Self, sqlx::Error> {
        let copy = connection.copy_in_raw(statement).await?;
        let mut buffer = Vec::with_capacity(CHUNK);
        buffer.extend_from_slice(&HEADER);
        Ok(Self { copy, buffer })
    }

    async fn push(&mut self, bytes: &[u8]) -> Result<(), sqlx::Error> {
        if self.buffer.len() + bytes.len() > CHUNK {
            self.copy.send(self.buffer.as_slice()).await?;
            self.buffer.clear();
        }
        if bytes.len() > CHUNK {
            self.copy.send(bytes).await?;
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<(), sqlx::Error> {
        self.buffer.extend_from_slice(&TRAILER);
        self.copy.send(self.buffer.as_slice()).await?;
        self.copy.finish().await.map(|_| ())
    }
}
