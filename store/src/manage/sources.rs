//! Sources are made, changed and removed.

use std::sync::Arc;

use serde_json::json;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    Actor, ChangeError, Source, SourceKey, SourceSettings, Store, Validation, catalog::load,
    change::Change, connections, failure, notices,
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
            "insert into {schema}.logweir_sources \
             (token, name, retention_days, settings, declared_as) \
             values ($1, $2, $3, $4, $2)",
        );
        sqlx::query(sql)
            .bind(token)
            .bind(&source.name)
            .bind(days(source.retention_days))
            .bind(Json(&source.settings))
            .execute(change.connection())
            .await
            .map_err(|error| taken(&error))?;
        // It goes on where a removed one of this token has ended.
        let sql = change.sql("delete from {schema}.logweir_removed_sources where token = $1");
        sqlx::query(sql).bind(token).execute(change.connection()).await?;
        notices::follow_hooks(&mut change, token, &source.settings).await?;
        // Whoever sees the source finds its table.
        self.make_event_table(&change, token).await?;
        let made = as_it_is(&mut change, token).await?;
        change.end("create source", token, &details(source)).await?;
        Ok(self.seen_or(made))
    }

    /// Makes of a source what `to_be` makes of it as it is. Two changes at once, also by several
    /// processes, are one after the other.
    ///
    /// # Errors
    /// An unknown token; a name that is taken; a database that does not answer; one of `to_be`.
    pub async fn update_source<E: From<ChangeError>>(
        &self,
        actor: &Actor,
        token: Uuid,
        to_be: impl FnOnce(SourceToBe) -> Result<SourceToBe, E> + Send,
    ) -> Result<Arc<Source>, E> {
        let mut change = Change::begin(&self.inner, actor).await?;
        let source = to_be(SourceToBe::from(&as_it_is(&mut change, token).await?))?;
        Ok(self.set_source(change, token, &source).await?)
    }

    async fn set_source(
        &self,
        mut change: Change<'_>,
        token: Uuid,
        source: &SourceToBe,
    ) -> Result<Arc<Source>, ChangeError> {
        // A name of Supabase's says what its events are; by any other one they are what they were.
        let sql = change.sql(
            "update {schema}.logweir_sources \
             set name = $2, retention_days = $3, settings = $4, updated_at = now(), \
                 declared_as = case when $5 then $2 else coalesce(declared_as, name) end \
             where token = $1",
        );
        sqlx::query(sql)
            .bind(token)
            .bind(&source.name)
            .bind(days(source.retention_days))
            .bind(Json(&source.settings))
            .bind(event_schemas::json_schema(&source.name).is_some())
            .execute(change.connection())
            .await
            .map_err(|error| taken(&error))?;
        notices::follow_hooks(&mut change, token, &source.settings).await?;
        let changed = as_it_is(&mut change, token).await?;
        change.end("update source", token, &details(source)).await?;
        Ok(self.seen_or(changed))
    }

    /// Changes what becomes of a source's events that break its schema; other processes know it
    /// within a second.
    ///
    /// # Errors
    /// A source that is gone; a database that does not answer.
    pub async fn set_validation(
        &self,
        actor: &Actor,
        source: Uuid,
        validation: Validation,
    ) -> Result<(), ChangeError> {
        let mode = validation.name();
        let mut change = Change::begin(&self.inner, actor).await?;
        let sql =
            change.sql("update {schema}.logweir_sources set validation = $2 where token = $1");
        let query = sqlx::query(sql).bind(source).bind(mode);
        if query.execute(change.connection()).await?.rows_affected() == 0 {
            return Err(ChangeError::NotFound);
        }
        change.end("set validation", source, &json!({ "mode": mode })).await
    }

    /// Removes a source. The table with its events stays, and they are kept no longer than before.
    ///
    /// # Errors
    /// An unknown token; a database that does not answer.
    pub async fn delete_source(&self, actor: &Actor, token: Uuid) -> Result<(), ChangeError> {
        let mut change = Change::begin(&self.inner, actor).await?;
        let sql = change.sql(
            "with removed as ( \
                delete from {schema}.logweir_sources where token = $1 \
                returning token, retention_days \
             ) insert into {schema}.logweir_removed_sources (token, retention_days) \
             select token, retention_days from removed \
             on conflict (token) do update set retention_days = excluded.retention_days",
        );
        let deleted = sqlx::query(sql).bind(token).execute(change.connection()).await?;
        if deleted.rows_affected() == 0 {
            return Err(ChangeError::NotFound);
        }
        change.end("delete source", token, &json!({})).await
    }

    /// The source as this process has loaded it, with what it has learned of it itself; as it was in
    /// its change, where it could not be loaded since.
    pub(super) fn seen_or(&self, in_change: Source) -> Arc<Source> {
        let seen = self.source(SourceKey::Token(in_change.token));
        let seen = seen.filter(|seen| seen.updated_at >= in_change.updated_at);
        seen.unwrap_or_else(|| Arc::new(in_change))
    }

    async fn make_event_table(&self, change: &Change<'_>, token: Uuid) -> Result<(), ChangeError> {
        // One in BigQuery is made when it is first written to or asked.
        if self.inner.bigquery.is_some() {
            return Ok(());
        }
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

pub(super) async fn as_it_is(change: &mut Change<'_>, token: Uuid) -> Result<Source, ChangeError> {
    let row = change.as_it_is(load::SOURCE, "logweir_sources", token).await?;
    let loaded = Arc::clone(&change.loaded);
    let (schema, events_schema) = (&loaded.catalog_schema, &loaded.events_schema);
    Ok(load::one_source(change.connection(), &row, schema, events_schema).await?)
}

impl From<&Source> for SourceToBe {
    fn from(source: &Source) -> Self {
        Self {
            name: source.name.clone(),
            retention_days: source.retention_days,
            settings: (*source.settings).clone(),
        }
    }
}

fn days(days: Option<u32>) -> Option<i32> {
    days.map(|days| i32::try_from(days).unwrap_or(i32::MAX))
}

/// Without the URLs: who has one may post there.
fn details(source: &SourceToBe) -> serde_json::Value {
    let SourceToBe { name, retention_days, settings } = source;
    let mut shown = json!(settings);
    if let Some(shown) = shown.as_object_mut() {
        shown.remove("slack_hook_url");
        shown.remove("webhook_notification_url");
    }
    json!({
        "name": name, "retention_days": retention_days, "settings": shown,
        "has_slack_hook": settings.slack_hook_url.is_some(),
        "has_webhook": settings.webhook_notification_url.is_some(),
    })
}

/// The name or the token is that of another thing.
pub(super) fn taken(error: &sqlx::Error) -> ChangeError {
    let of_token = error
        .as_database_error()
        .and_then(|error| error.constraint())
        .is_some_and(|constraint| constraint.contains("token"));
    ChangeError::of(error, if of_token { "token" } else { "name" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audit_log_tells_no_urls() {
        let secret = Some("https://hooks.example/secret".to_owned());
        let settings = SourceSettings { slack_hook_url: secret.clone(), ..Default::default() };
        let to_be = SourceToBe { name: "a".to_owned(), retention_days: None, settings };
        let shown = details(&to_be);
        assert_eq!(
            (&shown["has_slack_hook"], &shown["has_webhook"]),
            (&json!(true), &json!(false))
        );
        assert!(!shown.to_string().contains("secret"), "{shown}");
        let settings = SourceSettings { webhook_notification_url: secret, ..Default::default() };
        let shown = details(&SourceToBe { settings, ..to_be });
        assert_eq!(
            (&shown["has_slack_hook"], &shown["has_webhook"]),
            (&json!(false), &json!(true))
        );
        assert!(!shown.to_string().contains("secret"), "{shown}");
    }
}
