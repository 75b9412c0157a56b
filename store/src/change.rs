//! Changes of the catalog that people make: one transaction each, noted in the audit log, counted,
//! and told to all processes.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::{
    AssertSqlSafe, PgConnection,
    postgres::{PgArguments, PgRow},
};
use uuid::Uuid;

use crate::{
    Grant,
    catalog::{Catalog, changes},
    config_key::{self, KeyTrouble},
    connections::Lease,
    failure,
    grant::Holder,
    manage::audit_log,
    state::Loaded,
    store::{Inner, Store},
};

/// How often the catalog is looked at for tokens that nobody knows, at most: anybody can bring them.
const TOKENS_LOOKED_FOR_EVERY: Duration = Duration::from_millis(100);

/// When the catalog was looked at for a token, and whether it answered.
#[derive(Debug)]
pub(crate) struct LookForToken {
    at: Instant,
    seen: Result<(), UncertainToken>,
}

/// A token is not known, and the catalog cannot be asked whether it was made a moment ago. It does not
/// say why: who is told of it has shown no token that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it cannot be told now whether this token is valid")]
pub struct UncertainToken;

/// Who asks for a change.
#[derive(Debug, Clone)]
pub struct Actor {
    /// Whose token was presented.
    pub holder: Holder,
    /// The id of the request, to be found in logs.
    pub request_id: Option<String>,
}

/// Why the catalog was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// There is no such thing.
    #[error("Not Found")]
    NotFound,
    /// A field's value cannot be.
    #[error("{field} {text}")]
    Invalid {
        /// The field, in the words of the API.
        field: &'static str,
        /// What is wrong, to be read after the field's name.
        text: String,
    },
    /// What was given is no value that the catalog's Postgres takes.
    #[error("a value is not taken: {0}")]
    Malformed(String),
    /// Backends' configs cannot be encrypted now, for want of a key or of one that all processes have.
    #[error("{0}")]
    ConfigKey(String),
    /// The catalog's Postgres does not answer, or refused it; or what belongs to it cannot be made.
    #[error("the catalog cannot be asked or changed now: {0}")]
    Unavailable(String),
}

impl ChangeError {
    /// Of a field whose value another thing has.
    pub(crate) fn taken(field: &'static str) -> Self {
        Self::Invalid { field, text: "has already been taken".to_owned() }
    }

    /// An error of the driver; one of a unique constraint is `taken`.
    pub(crate) fn of(error: &sqlx::Error, taken: &'static str) -> Self {
        if failure::is_sqlstate(error, "23505") { Self::taken(taken) } else { Self::from(error) }
    }
}

impl From<&sqlx::Error> for ChangeError {
    fn from(error: &sqlx::Error) -> Self {
        // Asked again it would be the same.
        let is_of_values = failure::sqlstate(error).is_some_and(|code| code.starts_with("22"));
        let text = failure::text(error);
        if is_of_values { Self::Malformed(text) } else { Self::Unavailable(text) }
    }
}

impl From<sqlx::Error> for ChangeError {
    fn from(error: sqlx::Error) -> Self {
        Self::from(&error)
    }
}

/// How far a process knows the catalog. To be taken before anything is looked up in it, and
/// compared when that was not found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownCatalog(Option<i64>);

/// A change that was begun. Dropped before its end, nothing of it is done.
pub(crate) struct Change<'i> {
    inner: &'i Inner,
    pub(crate) loaded: Arc<Loaded>,
    connection: Lease,
    actor: &'i Actor,
}

impl<'i> Change<'i> {
    pub(crate) async fn begin(inner: &'i Inner, actor: &'i Actor) -> Result<Self, ChangeError> {
        let (loaded, connection) = inner.catalog_connection().await?;
        let mut change = Self { inner, loaded, connection, actor };
        sqlx::raw_sql("begin").execute(change.connection()).await?;
        Ok(change)
    }

    /// The connection, in the change's transaction.
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// SQL in which `{schema}` stands for the catalog's schema, quoted.
    pub(crate) fn sql(&self, text: &str) -> AssertSqlSafe<String> {
        self.loaded.catalog_sql(text)
    }

    /// What keeps the change from encrypting configs; `replaced` is the backend whose config it gives
    /// anew, whole if it cannot be read. To be asked before all else of it.
    pub(crate) async fn key_trouble(
        &mut self,
        replaced: Option<Uuid>,
    ) -> Result<Option<KeyTrouble>, ChangeError> {
        let Self { inner, loaded, connection, .. } = self;
        let (schema, keys) = (&loaded.catalog_schema, &inner.settings.config_keys);
        Ok(config_key::trouble_in_change(connection, schema, keys, replaced).await?)
    }

    /// A thing as it is in the catalog, where it stays so until the change is ended: two changes of
    /// it, also by several processes, are one after the other.
    pub(crate) async fn as_it_is(
        &mut self,
        columns: &str,
        table: &str,
        token: Uuid,
    ) -> Result<PgRow, ChangeError> {
        let sql = format!("select {columns} from {{schema}}.{table} where token = $1 for update");
        // The same text has other columns after a migration.
        let query = sqlx::query(self.sql(&sql)).persistent(false).bind(token);
        query.fetch_optional(self.connection()).await?.ok_or(ChangeError::NotFound)
    }

    /// Notes what was done, makes it last, and brings it into this process. `details` are what was
    /// given, without secrets.
    pub(crate) async fn end(
        mut self,
        action: &str,
        subject: impl fmt::Display,
        details: &serde_json::Value,
    ) -> Result<(), ChangeError> {
        self.note(action, &subject, details).await?;
        let loaded = Arc::clone(&self.loaded);
        changes::count_up(self.connection(), &loaded.catalog_schema).await?;
        self.commit(action, &subject).await?;
        let Self { inner, mut connection, .. } = self;
        // What could not be read again now is by the watch.
        if let Err(error) = inner.follow_changes(&mut connection).await {
            tracing::warn!("a change is not seen yet: {}", failure::text(&error));
        }
        connection.release();
        Ok(())
    }

    async fn note(
        &mut self,
        action: &str,
        subject: &impl fmt::Display,
        details: &serde_json::Value,
    ) -> Result<(), ChangeError> {
        let actor = self.actor;
        let note = self.sql(
            "insert into {schema}.logweir_audit_log (actor, request_id, action, subject, details) \
             values ($1, $2, $3, $4, $5)",
        );
        sqlx::query(note)
            .bind(actor.holder.to_string())
            .bind(actor.request_id.as_deref())
            .bind(action)
            .bind(subject.to_string())
            .bind(audit_log::shortened(details))
            .execute(self.connection())
            .await?;
        Ok(())
    }

    async fn commit(
        &mut self,
        action: &str,
        subject: &impl fmt::Display,
    ) -> Result<(), ChangeError> {
        sqlx::raw_sql("commit").execute(self.connection()).await?;
        let Actor { holder, request_id } = self.actor;
        tracing::info!(actor = %holder, request_id, "{action}: {subject}");
        Ok(())
    }
}

impl Store {
    /// Notes in the audit log what was done elsewhere than in the catalog.
    ///
    /// # Errors
    /// When the catalog's Postgres does not answer.
    pub async fn note_action(
        &self,
        actor: &Actor,
        action: &str,
        subject: Uuid,
        details: &serde_json::Value,
    ) -> Result<(), ChangeError> {
        let mut change = Change::begin(&self.inner, actor).await?;
        change.note(action, &subject, details).await?;
        change.commit(action, &subject).await?;
        change.connection.release();
        Ok(())
    }
}

impl Store {
    /// Brings in what others have changed until now, where it was not heard of yet: who is told that
    /// there is no such source drops its events for good.
    ///
    /// # Errors
    /// When the catalog's Postgres does not answer.
    pub async fn catch_up(&self) -> Result<(), ChangeError> {
        let asked = Instant::now();
        let mut looked = self.inner.looked.lock().await;
        if looked.is_some_and(|looked| looked >= asked) {
            // Somebody who came earlier looked later.
            return Ok(());
        }
        if let Some(reason) = self.inner.state().catalog_away {
            return Err(ChangeError::Unavailable(reason.to_string()));
        }
        let now = Instant::now();
        let (_, mut connection) = self.inner.catalog_connection().await?;
        self.inner.follow_changes(&mut connection).await?;
        connection.release();
        *looked = Some(now);
        Ok(())
    }
}

impl Store {
    /// As [`grant`](Self::grant); a token that is not known may have been made a moment ago, by another
    /// process. However many bring such tokens, the catalog is looked at for one at a time, and
    /// seldom.
    ///
    /// # Errors
    /// When the token is not known, and the catalog's Postgres does not answer.
    pub async fn grant_after_news(&self, presented: &str) -> Result<Option<Grant>, UncertainToken> {
        if let Some(grant) = self.grant(presented) {
            return Ok(Some(grant));
        }
        let asked = Instant::now();
        let mut looked = self.inner.looked_for_token.lock().await;
        let is_new = looked.as_ref().is_some_and(|looked| looked.at >= asked);
        if !is_new {
            if let Some(before) = &*looked {
                tokio::time::sleep_until((before.at + TOKENS_LOOKED_FOR_EVERY).into()).await;
            }
            let at = Instant::now();
            let seen = self.catch_up().await.map_err(|error| {
                tracing::debug!(%error, "it is not known whether a token was made just now");
                UncertainToken
            });
            *looked = Some(LookForToken { at, seen });
        }
        // Somebody who came earlier may have looked later.
        let seen = looked.as_ref().map_or(Ok(()), |looked| looked.seen);
        drop(looked);
        self.grant(presented).map_or_else(|| seen.map(|()| None), |grant| Ok(Some(grant)))
    }

    /// The catalog as this process knows it now.
    pub fn known_catalog(&self) -> KnownCatalog {
        KnownCatalog(self.inner.state().loaded.as_ref().map(|loaded| loaded.change))
    }

    /// [Catches up](Self::catch_up); whether there is something that was not heard of when the catalog
    /// was `known`. What came since then is new too: the caller may have looked before it came. While
    /// the catalog does not answer, nothing else is.
    pub async fn has_news(&self, known: KnownCatalog) -> bool {
        if let Err(error) = self.catch_up().await {
            tracing::debug!(%error, "it is not known whether the catalog was changed");
        }
        self.known_catalog() != known
    }
}

impl Loaded {
    /// SQL in which `{schema}` stands for the catalog's schema, quoted.
    pub(crate) fn catalog_sql(&self, text: &str) -> AssertSqlSafe<String> {
        let schema = format!("\"{}\"", self.catalog_schema.as_str());
        AssertSqlSafe(text.replace("{schema}", &schema))
    }
}

impl Store {
    /// Reads rows of the catalog. `{schema}` in the text stands for the catalog's schema, quoted.
    pub(crate) async fn catalog_rows(
        &self,
        text: &str,
        arguments: PgArguments,
    ) -> Result<Vec<PgRow>, ChangeError> {
        let (loaded, mut connection) = self.inner.catalog_connection().await?;
        let sql = loaded.catalog_sql(text);
        // The same text has other columns after a migration.
        let rows =
            sqlx::query_with(sql, arguments).persistent(false).fetch_all(&mut *connection).await?;
        connection.release();
        Ok(rows)
    }
}

impl Inner {
    /// A connection to the catalog for a person's request.
    pub(crate) async fn catalog_connection(&self) -> Result<(Arc<Loaded>, Lease), ChangeError> {
        let loaded = self.state().loaded;
        let loaded = loaded.ok_or_else(|| ChangeError::Unavailable("it is starting".to_owned()))?;
        Ok((loaded, Lease::acquire(self.catalog_pool()).await?))
    }

    /// Brings what was changed since into this process.
    pub(crate) async fn follow_changes(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(), sqlx::Error> {
        let Some(loaded) = self.state().loaded else { return Ok(()) };
        let schema = &loaded.catalog_schema;
        // Read first: what changes while the catalog is read is read again.
        let change = changes::number(connection, schema).await?;
        if change <= loaded.change {
            return Ok(());
        }
        let keys = &self.settings.config_keys;
        let events = &loaded.events_schema;
        let before = Some(&loaded.catalog);
        let catalog = Box::pin(Catalog::load(connection, schema, events, keys, before)).await?;
        let mut catalog = catalog.keeping(&loaded.catalog);
        self.change(|state| {
            // Another task may have read it later and ended earlier.
            if let Some(now) = state.loaded.as_ref().filter(|now| now.change < change) {
                self.unsaved.add_to(&mut catalog);
                config_key::tell(now.catalog.key_trouble(), catalog.key_trouble());
                state.loaded = Some(Arc::new(Loaded { catalog, change, ..(**now).clone() }));
            }
        });
        Ok(())
    }
}
