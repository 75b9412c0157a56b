//! Values by key: what events are enriched with.

use serde_json::{Map, Value, json};
use sqlx::{Arguments as _, Row as _, postgres::PgArguments, types::Json};

use crate::{Actor, ChangeError, Store, change::Change};

/// Most keys that are listed.
const LISTED: i64 = 500;

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyValue {
    /// Catalog id.
    pub id: i64,
    /// The key, unique.
    pub key: String,
    /// The value: an object.
    pub value: Map<String, Value>,
}

/// More keys than there may be, or larger ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TooManyKeyValues {
    /// The text of the contract.
    #[error("Key-value limit of {0} exceeded")]
    Limit(i64),
    /// All of them together are too large.
    #[error("Key-values would take {0} bytes, at most {most} are kept", most = Store::MOST_KEY_VALUE_BYTES)]
    Bytes(i64),
    /// They are not kept for another reason.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl Store {
    /// Most keys that there may be: every process has all of them in memory.
    pub const MOST_KEY_VALUES: i64 = 100_000;

    /// Most bytes of all keys, and of their values as JSON text, for the same reason.
    pub const MOST_KEY_VALUE_BYTES: i64 = 32 << 20;

    /// The key, or the first 500 keys in their order.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn key_values(&self, key: Option<&str>) -> Result<Vec<KeyValue>, ChangeError> {
        if key.is_some_and(|key| key.contains('\0')) {
            // PostgreSQL has no such text, so nobody has put it.
            return Ok(Vec::new());
        }
        let sql = "select id, key, value from {schema}.logweir_key_values \
                   where $1 is null or key = $1 order by key collate \"C\" limit $2";
        let mut arguments = PgArguments::default();
        arguments.add(key).map_err(sqlx::Error::Encode)?;
        arguments.add(LISTED).map_err(sqlx::Error::Encode)?;
        let rows = self.catalog_rows(sql, arguments).await?;
        let read = |row: &sqlx::postgres::PgRow| {
            let Json(value) = row.try_get("value")?;
            Ok::<_, sqlx::Error>(KeyValue {
                id: row.try_get("id")?,
                key: row.try_get("key")?,
                value,
            })
        };
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Keeps values under their keys, in the place of what was there; of equal keys the last one
    /// counts. Gives the number of keys.
    ///
    /// # Errors
    /// More keys than [there may be](Self::MOST_KEY_VALUES), or
    /// [more bytes](Self::MOST_KEY_VALUE_BYTES); a database that does not answer.
    pub async fn put_key_values(
        &self,
        actor: &Actor,
        given: Map<String, Value>,
    ) -> Result<u64, TooManyKeyValues> {
        let (keys, values): (Vec<String>, Vec<Json<Value>>) =
            given.into_iter().map(|(key, value)| (key, Json(value))).unzip();
        let mut change = Change::begin(&self.inner, actor).await?;
        // Others wait, so that the number of keys is right, and no two deadlock.
        let sql = change.sql("lock table {schema}.logweir_key_values in exclusive mode");
        sqlx::query(sql).execute(change.connection()).await.map_err(ChangeError::from)?;
        let sql = change.sql(
            "insert into {schema}.logweir_key_values (key, value) \
             select * from unnest($1::text[], $2::jsonb[]) \
             on conflict (key) do update set value = excluded.value",
        );
        let put = sqlx::query(sql)
            .bind(&keys)
            .bind(&values)
            .execute(change.connection())
            .await
            .map_err(ChangeError::from)?;
        let sql = change.sql(
            "select count(*), coalesce(sum(bytes), 0)::bigint from {schema}.logweir_key_values",
        );
        let (count, bytes): (i64, i64) =
            sqlx::query_as(sql).fetch_one(change.connection()).await.map_err(ChangeError::from)?;
        if count > Self::MOST_KEY_VALUES {
            return Err(TooManyKeyValues::Limit(Self::MOST_KEY_VALUES));
        }
        if bytes > Self::MOST_KEY_VALUE_BYTES {
            return Err(TooManyKeyValues::Bytes(bytes));
        }
        let count = keys.len();
        let details = json!({ "keys": shown(&keys), "count": count });
        end(change, "put key-values", format!("{count} keys"), &details).await?;
        Ok(put.rows_affected())
    }

    /// Removes keys; gives their number.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn delete_keys(&self, actor: &Actor, keys: &[String]) -> Result<u64, ChangeError> {
        let mut change = Change::begin(&self.inner, actor).await?;
        let sql = change.sql("delete from {schema}.logweir_key_values where key = any($1)");
        let deleted = sqlx::query(sql).bind(keys).execute(change.connection()).await?;
        let details = json!({ "keys": shown(keys), "count": keys.len() });
        let deleted = deleted.rows_affected();
        end(change, "delete key-values", format!("{deleted} keys"), &details).await?;
        Ok(deleted)
    }

    /// Removes keys whose value has, at a path of fields, one of these values as text; gives their
    /// number.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn delete_keys_with(
        &self,
        actor: &Actor,
        path: &[&str],
        values: &[String],
    ) -> Result<u64, ChangeError> {
        let mut change = Change::begin(&self.inner, actor).await?;
        let sql = change
            .sql("delete from {schema}.logweir_key_values where value #>> $1::text[] = any($2)");
        let deleted = sqlx::query(sql).bind(path).bind(values).execute(change.connection()).await?;
        let details =
            json!({ "accessor": path.join("."), "values": shown(values), "count": values.len() });
        let deleted = deleted.rows_affected();
        end(change, "delete key-values", format!("{deleted} keys"), &details).await?;
        Ok(deleted)
    }
}

/// Every process reads them anew.
async fn end(
    mut change: Change<'_>,
    action: &str,
    subject: String,
    details: &Value,
) -> Result<(), ChangeError> {
    let sql = change.sql("update {schema}.logweir_changes set key_values = key_values + 1");
    sqlx::query(sql).execute(change.connection()).await?;
    change.end(action, subject, details).await
}

/// As many as a person reads.
fn shown(texts: &[String]) -> &[String] {
    texts.get(..100).unwrap_or(texts)
}
