//! Events that brought an id of their own: stored once for each id and timestamp.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use uuid::Uuid;

use super::{Group, LOCK_CLASS, Placed};
use crate::{event_tables::qualified_name, rows::Row};

/// What makes an event with an id of its own one that is known: that id, and its timestamp.
pub(super) type OwnId<'r> = (&'r str, i64);

pub(super) fn own_id(row: Row<'_>) -> OwnId<'_> {
    (row.id(), row.timestamp())
}

/// What is left out of a group.
#[derive(Debug, Default)]
pub(super) struct LeftOut<'r> {
    /// By request of the group, the places of rows.
    pub(super) rows: HashMap<usize, BTreeSet<usize>>,
    /// Those of them that are behind an equal one of the same group. They are stored in its place
    /// if that is refused.
    pub(super) behind: HashMap<OwnId<'r>, VecDeque<Placed<'r>>>,
}

impl<'g> Group<'g> {
    /// The rows of new requests that brought an id of their own which is stored already, with the
    /// same time, or comes before them in this group.
    pub(super) async fn known_events(
        &self,
        connection: &mut PgConnection,
        new: &HashSet<Uuid>,
    ) -> Result<LeftOut<'g>, sqlx::Error> {
        let mut left_out = LeftOut::default();
        let mut seen = HashSet::new();
        let mut asked = Vec::new();
        for (place, request) in self.requests.iter().enumerate() {
            if request.batch.own_ids.is_empty() || !new.contains(&request.id) {
                continue;
            }
            let own_ids: HashSet<_> = request.batch.own_ids.iter().copied().collect();
            for (number, row) in request.batch.rows.iter().enumerate() {
                if !own_ids.contains(&number) {
                } else if seen.insert(own_id(row)) {
                    asked.push((place, number, row));
                } else {
                    left_out.rows.entry(place).or_default().insert(number);
                    left_out.behind.entry(own_id(row)).or_default().push_back((place, row));
                }
            }
        }
        if asked.is_empty() {
            return Ok(left_out);
        }
        // Two writers of the same event must see each other.
        sqlx::query("select pg_advisory_xact_lock($1, hashtext($2))")
            .bind(LOCK_CLASS)
            .bind(self.source.to_string())
            .execute(&mut *connection)
            .await?;
        let sql = format!(
            "select place from unnest($1::text[], $2::bigint[]) with ordinality \
                 as asked(id, micros, place) \
             cross join lateral (select date '1970-01-01' + (micros / 86400000000)::integer \
                 + (micros % 86400000000) * interval '1 microsecond' as at) as times \
             where exists (select from {table} as events \
                 where events.id = asked.id and events.\"timestamp\" = times.at)",
            table = qualified_name(self.target.schema, self.source)
        );
        let ids: Vec<_> = asked.iter().map(|(_, _, row)| row.id().to_owned()).collect();
        let times: Vec<_> = asked.iter().map(|(_, _, row)| row.timestamp()).collect();
        let found = sqlx::query(AssertSqlSafe(sql)).bind(ids).bind(times);
        for row in found.fetch_all(connection).await? {
            let place: i64 = row.try_get("place")?;
            let place = usize::try_from(place - 1).unwrap_or(usize::MAX);
            if let Some((request, number, _)) = asked.get(place) {
                left_out.rows.entry(*request).or_default().insert(*number);
            }
        }
        Ok(left_out)
    }
}
