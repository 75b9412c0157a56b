//! Tables of events in Postgres servers of other people, to which events are sent on.

use std::fmt;

use sqlx::{AssertSqlSafe, PgPool};

use crate::{InvalidServer, PostgresServer, connections, failure, server::SchemaName};

/// PostgreSQL's code for a table that is not there.
const UNDEFINED_TABLE: &str = "42P01";

/// A table in somebody's Postgres. It is made when it is missing.
pub struct OutsideTable {
    pool: PgPool,
    /// Quoted.
    name: String,
}

/// An event to be sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutsideEvent<'a> {
    /// Its id.
    pub id: &'a str,
    /// Name of its source.
    pub source: &'a str,
    /// Microseconds since 1970 UTC.
    pub timestamp: i64,
    /// Its message; empty where it has none.
    pub event_message: &'a str,
    /// All of it, a JSON object.
    pub body: &'a str,
}

/// Why events are not in the table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutsideError {
    /// The server cannot take events now, or a person has to change something.
    #[error("{0}")]
    Unavailable(String),
    /// The server was reached, and some of these may be why it did not take them.
    #[error("{0}")]
    Failed(String),
    /// It does not take some of these.
    #[error("{0}")]
    Refused(String),
}

/// Without addresses, which hold passwords.
impl fmt::Debug for OutsideTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutsideTable").field("name", &self.name).finish_non_exhaustive()
    }
}

impl OutsideTable {
    /// The table of this name, in the schema of the server's settings, or the server's first.
    /// Connects to nothing yet. Needs a running Tokio runtime.
    ///
    /// # Errors
    /// When the name is none for a table.
    pub fn new(server: &PostgresServer, table: &str) -> Result<Self, InvalidServer> {
        let table = SchemaName::parse(table)?;
        let name = match server.schema() {
            Some(schema) => format!("\"{}\".\"{}\"", schema.as_str(), table.as_str()),
            None => format!("\"{}\"", table.as_str()),
        };
        Ok(Self { pool: connections::tested_pool(server.options(), 1), name })
    }

    /// Inserts events; those that are there already stay as they are. All of them or none.
    ///
    /// # Errors
    /// Why none of them is there.
    pub async fn insert(&self, events: &[OutsideEvent<'_>]) -> Result<(), OutsideError> {
        let inserted = match self.try_insert(events).await {
            Err(error) if failure::is_sqlstate(&error, UNDEFINED_TABLE) => {
                self.create().await.map_err(|error| unavailable(&error))?;
                self.try_insert(events).await
            }
            inserted => inserted,
        };
        inserted.map_err(|error| not_inserted(&error))
    }

    async fn try_insert(&self, events: &[OutsideEvent<'_>]) -> Result<(), sqlx::Error> {
        fn column<'a, T>(
            events: &[OutsideEvent<'a>],
            of: impl Fn(&OutsideEvent<'a>) -> T,
        ) -> Vec<T> {
            events.iter().map(of).collect()
        }
        let sql = format!(
            "insert into {} (id, source, \"timestamp\", event_message, body) \
             select id, source, timestamp 'epoch' + micros * interval '1 microsecond', message, \
             body::jsonb from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[]) \
             as event (id, source, micros, message, body) on conflict do nothing",
            self.name
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind(column(events, |event| event.id))
            .bind(column(events, |event| event.source))
            .bind(column(events, |event| event.timestamp))
            .bind(column(events, |event| event.event_message))
            .bind(column(events, |event| event.body))
            .execute(&self.pool)
            .await
            .map(|_| ())
    }

    async fn create(&self) -> Result<(), sqlx::Error> {
        let sql = format!(
            "create table if not exists {name} (id text not null, source text not null, \
             \"timestamp\" timestamp not null, event_message text not null, body jsonb not null, \
             primary key (source, \"timestamp\", id))",
            name = self.name
        );
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&self.pool).await.map(|_| ())
    }
}

fn not_inserted(error: &sqlx::Error) -> OutsideError {
    if failure::is_refusal_of_rows(error) {
        OutsideError::Refused(failure::text(error))
    } else if failure::may_come_of_rows(error) {
        OutsideError::Failed(failure::text(error))
    } else {
        unavailable(error)
    }
}

fn unavailable(error: &sqlx::Error) -> OutsideError {
    OutsideError::Unavailable(failure::text(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_are_quoted_and_addresses_are_not_shown() {
        let server = |schema| PostgresServer::parse("postgres://u:hidden@h/d", schema).unwrap();
        let table = OutsideTable::new(&server(Some("logs")), "events").unwrap();
        assert_eq!(format!("{table:?}"), r#"OutsideTable { name: "\"logs\".\"events\"", .. }"#);
        assert_eq!(OutsideTable::new(&server(None), "events").unwrap().name, "\"events\"");
        assert!(OutsideTable::new(&server(None), "a\"b").is_err());
    }
}
