//! Sources are made, changed and removed.

use std::sync::Arc;

use serde_json::json;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    Actor, ChangeError, Source, SourceKey, SourceSettings, Store, change::Change, connections,
    failure,
};

/// What a source is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceToBe {
    /// The name that senders use, unique.
    pub name: String,
    /// Days that events are kept, at least 1; `None` leaves it to the default.
    pub retention_days: Option<u32>,
    /// All else.
    pub settings: SourceSettings,
}

impl Store {
    /// Makes a source and its table. Without a `token` it gets a random one.
    ///
    /// # Errors
    /// A name or token that is taken; a database that does not answer.
    pub async fn create_source(
        &self,
        actor: &Actor,
        token: Option<Uuid>,
        source: &SourceToBe,
    ) -> Result<Arc<Source>, ChangeError> {
        let token = token.unwrap_or_else(Uuid::new_v4);
        let mut change = Change::begin(&self.inner, actor).await?;
        let sql = change.sql(
            "insert into {schema}.logweir_sources (token, name, retention_days, settings) \
             values ($1, $2, $3, $4)",
        );
        sqlx::query(sql)
            .bind(token)
            .bind(&source.name)
            .bind(days(source.retention_days))
            .bind(Json(&source.settings))
            .execute(change.connection())
            .await
            .map_err(|error| taken(&error))?;
        // Whoever sees the source finds its table.
        self.make_event_table(&change, token).await?;
        change.end("create source", token, &details(source)).await?;
        self.source(SourceKey::Token(token)).ok_or(ChangeError::NotFound)
    }

    /// Makes a source what it is to be.
    ///
    /// # Errors
    /// An unknown token; a name that is taken; a database that does not answer.
    pub async fn update_source(
        &self,
        actor: &Actor,
        token: Uuid,
        source: &SourceToBe,
    ) -> Result<Arc<Source>, ChangeError> {
        let mut change = Change::begin(&self.inner, actor).await?;
        let sql = change.sql(
            "update {schema}.logweir_sources \
             set name = $2, retention_days = $3, settings = $4, updated_at = now() \
             where token = $1",
        );
        let updated = sqlx::query(sql)
            .bind(token)
            .bind(&source.name)
            .bind(days(source.retention_days))
            .bind(Json(&source.settings))
            .execute(change.connection())
            .await
            .map_err(|error| taken(&error))?;
        if updated.rows_affected() == 0 {
            return Err(ChangeError::NotFound);
        }
        change.end("update source", token, &details(source)).await?;
        self.source(SourceKey::Token(token)).ok_or(ChangeError::NotFound)
    }

    /// Removes a source. The table with its events stays.
    ///
    /// # Errors
    /// An unknown token; a database that does not answer.
    pub async fn delete_source(&self, actor: &Actor, token: Uuid) -> Result<(), ChangeError> {
        let mut change = Change::begin(&self.inner, actor).await?;
        let sql = change.sql("delete from {schema}.logweir_sources where token = $1");
        let deleted = sqlx::query(sql).bind(token).execute(change.connection()).await?;
        if deleted.rows_affected() == 0 {
            return Err(ChangeError::NotFound);
        }
        change.end("delete source", token, &json!({})).await
    }

    async fn make_event_table(&self, change: &Change<'_>, token: Uuid) -> Result<(), ChangeError> {
        let made = async {
            let mut events = connections::connect(&self.inner.settings.events).await?;
            let schema = &change.loaded.events_schema;
            self.inner.tables.make_ahead(&mut events, schema, token).await?;
            sqlx::Connection::close(events).await
        };
        made.await.map_err(|error| {
            let reason = failure::text(&error);
            ChangeError::Unavailable(format!("the source's table cannot be made: {reason}"))
        })
    }
}

fn days(days: Option<u32>) -> Option<i32> {
    days.map(|days| i32::try_from(days).unwrap_or(i32::MAX))
}

fn details(source: &SourceToBe) -> serde_json::Value {
    let SourceToBe { name, retention_days, settings } = source;
    json!({ "name": name, "retention_days": retention_days, "settings": settings })
}

/// The name or the token is that of another thing.
pub(super) fn taken(error: &sqlx::Error) -> ChangeError {
    let of_token = error
        .as_database_error()
        .and_then(|error| error.constraint())
        .is_some_and(|constraint| constraint.contains("token"));
    ChangeError::of(error, if of_token { "token" } else { "name" })
}
