//! The tables that hold events: one per source, partitioned by day.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use crate::{
    day::{self, Day},
    server::SchemaName,
};

/// Partitions made by one statement: each takes some of the server's lock table, which is sized for
/// ordinary transactions.
const DAYS_PER_STATEMENT: usize = 32;

/// The table of a source: Logflare's name for it, so that people's own SQL goes on working.
pub(crate) fn table_name(token: Uuid) -> String {
    let mut name = format!("log_events_{}", token.hyphenated());
    name = name.replace('-', "_");
    name
}

/// The table of a source as SQL: quoted and with its schema.
pub(crate) fn qualified_name(schema: &SchemaName, token: Uuid) -> String {
    format!(r#""{}"."{}""#, schema.as_str(), table_name(token))
}

/// Which partitions are known to exist, per source.
///
/// Knowing them in memory makes the usual write one statement. That somebody drops one of them is
/// harmless: its events go to the default partition until the hourly look makes it again.
#[derive(Debug, Default)]
pub(crate) struct EventTables {
    known: Mutex<HashMap<Uuid, BTreeSet<Day>>>,
}

impl EventTables {
    /// Which of `days` have no partition as far as we know.
    pub(crate) fn missing(&self, source: Uuid, days: &BTreeSet<Day>) -> Vec<Day> {
        match self.known().get(&source) {
            Some(known) => days.difference(known).copied().collect(),
            None => days.iter().copied().collect(),
        }
    }

    /// Makes the table of a source and its partitions for `days` where they are missing, and moves
    /// rows of those days out of the default partition.
    ///
    /// Processes that do this at once wait for each other. It fails with 55P03 when a long query
    /// keeps the default partition locked.
    pub(crate) async fn ensure(
        &self,
        connection: &mut PgConnection,
        schema: &SchemaName,
        source: Uuid,
        days: &[Day],
    ) -> Result<(), sqlx::Error> {
        // At least one statement: it makes the table itself.
        let mut rest = days;
        loop {
            let (now, later) = rest.split_at(rest.len().min(DAYS_PER_STATEMENT));
            let sql = creation(schema, source, now);
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *connection).await?;
            self.known().entry(source).or_default().extend(now);
            if later.is_empty() {
                return Ok(());
            }
            rest = later;
        }
    }

    /// Makes the partitions of the days around today; forgets all that was known of others, so that
    /// they are looked for again.
    pub(crate) async fn make_ahead(
        &self,
        connection: &mut PgConnection,
        schema: &SchemaName,
        source: Uuid,
    ) -> Result<(), sqlx::Error> {
        let days: Vec<_> = day::made_ahead(Day::today()).collect();
        self.forget(source);
        self.ensure(connection, schema, source, &days).await
    }

    /// Forgets what is known of a source's partitions.
    pub(crate) fn forget(&self, source: Uuid) {
        self.known().remove(&source);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Uuid, BTreeSet<Day>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn creation(schema: &SchemaName, source: Uuid, days: &[Day]) -> String {
    let days: Vec<_> = days.iter().map(|day| format!("'{day}'")).collect();
    include_str!("event_tables.sql")
        .replace("{schema}", schema.as_str())
        .replace("{table}", &table_name(source))
        .replace("{days}", &days.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_logflares_names() {
        let token = Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        let schema = SchemaName::parse("_analytics").unwrap();
        assert_eq!(
            qualified_name(&schema, token),
            r#""_analytics"."log_events_01234567_89ab_cdef_0123_456789abcdef""#
        );
        let longest = format!("{}_p20261124", table_name(token));
        assert!(longest.len() <= 63, "Postgres would cut {longest}");
    }

    #[test]
    fn only_unknown_days_are_missing() {
        let tables = EventTables::default();
        let source = Uuid::nil();
        let days: BTreeSet<_> = [Day::of(0), Day::of(0).plus(1)].into();
        assert_eq!(tables.missing(source, &days).len(), 2);
        tables.known().entry(source).or_default().insert(Day::of(0));
        assert_eq!(tables.missing(source, &days), [Day::of(0).plus(1)]);
        tables.forget(source);
        assert_eq!(tables.missing(source, &days).len(), 2);
    }
}
