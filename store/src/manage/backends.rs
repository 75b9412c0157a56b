//! Backends are made, changed, removed, and given all events of a source.

use std::{fmt, sync::Arc};

use serde_json::{Map, Value, json};
use sqlx::{Arguments as _, AssertSqlSafe, PgConnection, postgres::PgArguments, types::Json};
use uuid::Uuid;

use super::sources;
use crate::{
    Actor, Backend, ChangeError, ConfigKeys, Source, Store, catalog::load, change::Change,
    config_key::KeyTrouble, server::SchemaName,
};

/// The audit log's word for a backend that is removed.
const DELETE: &str = "delete backend";

/// What a backend is to be.
#[derive(Clone, PartialEq)]
pub struct BackendToBe {
    /// For people.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// `webhook`, `loki` …: counts when it is made.
    pub kind: String,
    /// The whole config, with all secrets.
    pub config: Map<String, Value>,
    /// The same without secrets, for the audit log.
    pub shown_config: Map<String, Value>,
    /// Whatever people note of it.
    pub metadata: Map<String, Value>,
    /// Whether sources that want so give it all their events.
    pub default_ingest: bool,
}

/// Without what may be secret.
impl fmt::Debug for BackendToBe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackendToBe")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("config", &self.shown_config)
            .finish_non_exhaustive()
    }
}

impl BackendToBe {
    fn encrypted(&self, keys: &ConfigKeys, token: Uuid) -> Result<Vec<u8>, ChangeError> {
        keys.encrypt(token, &self.config).ok_or_else(|| KeyTrouble::Missing.into())
    }

    fn details(&self) -> Value {
        let Self { name, description, kind, shown_config, metadata, default_ingest, .. } = self;
        json!({
            "name": name, "description": description, "type": kind, "config": shown_config,
            "metadata": metadata, "default_ingest?": default_ingest,
        })
    }
}

impl Store {
    /// Makes a backend.
    ///
    /// # Errors
    /// A database that does not answer; another process that shares the catalog has another key to
    /// encrypt configs.
    pub async fn create_backend(
        &self,
        actor: &Actor,
        backend: &BackendToBe,
    ) -> Result<Arc<Backend>, ChangeError> {
        let token = Uuid::new_v4();
        let mut change = Change::begin(&self.inner, actor).await?;
        if let Some(trouble) = change.key_trouble(None).await? {
            return Err(trouble.into());
        }
        let config = backend.encrypted(&self.inner.settings.config_keys, token)?;
        let sql = change.sql(
            "insert into {schema}.logweir_backends \
             (token, name, description, type, config, metadata, default_ingest) \
             values ($1, $2, $3, $4, $5, $6, $7)",
        );
        sqlx::query(sql)
            .bind(token)
            .bind(&backend.name)
            .bind(&backend.description)
            .bind(&backend.kind)
            .bind(config)
            .bind(Json(&backend.metadata))
            .bind(backend.default_ingest)
            .execute(change.connection())
            .await?;
        let made = self.backend_as_it_is(&mut change, token).await?;
        change.end("create backend", token, &backend.details()).await?;
        Ok(Arc::new(made))
    }

    /// Makes of a backend what `to_be` makes of it as it is; its kind stays. Two changes at once, also
    /// by several processes, are one after the other. To one whose config cannot be read `to_be` gives
    /// it whole: so one is mended that a lost key has encrypted, if it is the only one.
    ///
    /// # Errors
    /// An unknown token; a database that does not answer; one of `to_be`; another process that shares
    /// the catalog has another key to encrypt configs.
    pub async fn update_backend<E: From<ChangeError>>(
        &self,
        actor: &Actor,
        token: Uuid,
        to_be: impl FnOnce(Backend) -> Result<BackendToBe, E> + Send,
    ) -> Result<Arc<Backend>, E> {
        let mut change = Change::begin(&self.inner, actor).await?;
        let trouble = change.key_trouble(Some(token)).await?;
        let backend = to_be(self.backend_as_it_is(&mut change, token).await?)?;
        if let Some(trouble) = trouble {
            return Err(ChangeError::from(trouble).into());
        }
        Ok(self.set_backend(change, token, &backend).await?)
    }

    async fn set_backend(
        &self,
        mut change: Change<'_>,
        token: Uuid,
        backend: &BackendToBe,
    ) -> Result<Arc<Backend>, ChangeError> {
        let config = backend.encrypted(&self.inner.settings.config_keys, token)?;
        let sql = change.sql(
            "update {schema}.logweir_backends set name = $2, description = $3, config = $4, \
             metadata = $5, default_ingest = $6, updated_at = now() where token = $1",
        );
        sqlx::query(sql)
            .bind(token)
            .bind(&backend.name)
            .bind(&backend.description)
            .bind(config)
            .bind(Json(&backend.metadata))
            .bind(backend.default_ingest)
            .execute(change.connection())
            .await?;
        let changed = self.backend_as_it_is(&mut change, token).await?;
        change.end("update backend", token, &backend.details()).await?;
        Ok(Arc::new(changed))
    }

    async fn backend_as_it_is(
        &self,
        change: &mut Change<'_>,
        token: Uuid,
    ) -> Result<Backend, ChangeError> {
        let row = change.as_it_is(load::BACKEND, "logweir_backends", token).await?;
        Ok(load::backend(&row, &self.inner.settings.config_keys)?)
    }

    /// Removes a backend, with the rules that send it events.
    ///
    /// # Errors
    /// An unknown token; a database that does not answer.
    pub async fn delete_backend(&self, actor: &Actor, token: Uuid) -> Result<(), ChangeError> {
        let mut change = Change::begin(&self.inner, actor).await?;
        let sql = change.sql("delete from {schema}.logweir_backends where token = $1");
        let deleted = sqlx::query(sql).bind(token).execute(change.connection()).await?;
        if deleted.rows_affected() == 0 {
            return Err(ChangeError::NotFound);
        }
        change.end(DELETE, token, &json!({})).await
    }

    /// Whether somebody has removed a backend of this catalog, by its audit log. Without a word of it
    /// there the catalog is another one, or of before the backend was made.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn backend_was_deleted(&self, token: Uuid) -> Result<bool, ChangeError> {
        let sql = "select id from {schema}.logweir_audit_log \
                   where action = $1 and subject = $2 limit 1";
        let mut arguments = PgArguments::default();
        arguments.add(DELETE).map_err(sqlx::Error::Encode)?;
        arguments.add(token.to_string()).map_err(sqlx::Error::Encode)?;
        Ok(!self.catalog_rows(sql, arguments).await?.is_empty())
    }

    /// Gives a backend all events of a source.
    ///
    /// # Errors
    /// Unknown tokens; a database that does not answer.
    pub async fn attach_backend(
        &self,
        actor: &Actor,
        source: Uuid,
        backend: Uuid,
    ) -> Result<Arc<Source>, ChangeError> {
        let mut change = Change::begin(&self.inner, actor).await?;
        let sql = change.sql(
            "select s.id, b.id from {schema}.logweir_sources s, {schema}.logweir_backends b \
             where s.token = $1 and b.token = $2 for key share",
        );
        let query = sqlx::query_as(sql).bind(source).bind(backend);
        let found: Option<(i64, i64)> = query.fetch_optional(change.connection()).await?;
        let (source_id, backend_id) = found.ok_or(ChangeError::NotFound)?;
        let sql = change.sql(
            "insert into {schema}.logweir_source_backends (source_id, backend_id) \
             values ($1, $2) on conflict do nothing",
        );
        let query = sqlx::query(sql).bind(source_id).bind(backend_id);
        query.execute(change.connection()).await?;
        let found = sources::as_it_is(&mut change, source).await?;
        change.end("attach backend", source, &json!({ "backend": backend })).await?;
        Ok(self.seen_or(found))
    }

    /// Gives a backend no longer all events of a source; one that did not get them stays so.
    ///
    /// # Errors
    /// An unknown source; a database that does not answer.
    pub async fn detach_backend(
        &self,
        actor: &Actor,
        source: Uuid,
        backend: Uuid,
    ) -> Result<Arc<Source>, ChangeError> {
        let mut change = Change::begin(&self.inner, actor).await?;
        let sql = change.sql("select id from {schema}.logweir_sources where token = $1");
        let query = sqlx::query_scalar(sql).bind(source);
        let found: Option<i64> = query.fetch_optional(change.connection()).await?;
        let source_id = found.ok_or(ChangeError::NotFound)?;
        let sql = change.sql(
            "delete from {schema}.logweir_source_backends using {schema}.logweir_backends b \
             where source_id = $1 and backend_id = b.id and b.token = $2",
        );
        let query = sqlx::query(sql).bind(source_id).bind(backend);
        query.execute(change.connection()).await?;
        let found = sources::as_it_is(&mut change, source).await?;
        change.end("detach backend", source, &json!({ "backend": backend })).await?;
        Ok(self.seen_or(found))
    }
}

/// A backend's config that a retired key has encrypted.
pub(crate) struct OfRetiredKey {
    token: Uuid,
    /// As it is kept.
    encrypted: Vec<u8>,
    config: Map<String, Value>,
}

pub(crate) async fn of_retired_key(
    connection: &mut PgConnection,
    schema: &SchemaName,
    keys: &ConfigKeys,
) -> Result<Vec<OfRetiredKey>, sqlx::Error> {
    let sql = format!(r#"select token, config from "{}".logweir_backends"#, schema.as_str());
    let rows: Vec<(Uuid, Vec<u8>)> =
        sqlx::query_as(AssertSqlSafe(sql)).fetch_all(connection).await?;
    let of_retired_key = rows.into_iter().filter_map(|(token, encrypted)| {
        let Ok((config, false)) = keys.decrypt(token, &encrypted) else { return None };
        Some(OfRetiredKey { token, encrypted, config })
    });
    Ok(of_retired_key.collect())
}

/// Encrypts configs with the current key, where they are still as they were.
pub(crate) async fn encrypt_anew(
    connection: &mut PgConnection,
    schema: &SchemaName,
    keys: &ConfigKeys,
    configs: Vec<OfRetiredKey>,
) -> Result<(), sqlx::Error> {
    let schema = schema.as_str();
    for OfRetiredKey { token, encrypted, config } in configs {
        let Some(after) = keys.encrypt(token, &config) else { continue };
        let sql = format!(
            r#"update "{schema}".logweir_backends set config = $3 where token = $1 and config = $2"#
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(token).bind(encrypted).bind(after);
        query.execute(&mut *connection).await?;
        tracing::info!(backend = %token, "a config is encrypted with the current key now");
    }
    Ok(())
}
