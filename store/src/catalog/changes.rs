//! Changes of the catalog, and how other processes learn of them: by a number that every change
//! counts up, at which they look each second, or at once where they are notified.

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::server::SchemaName;

/// The number of the latest change.
pub(crate) async fn number(
    connection: &mut PgConnection,
    schema: &SchemaName,
) -> Result<i64, sqlx::Error> {
    let sql = format!(r#"select number from "{}".logweir_changes"#, schema.as_str());
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(connection).await
}

/// Where all processes hear of changes, with the catalog's schema as what is said.
pub(crate) const CHANNEL: &str = "logweir_catalog";

/// Within a transaction that changes the catalog; told to all when it is committed.
pub(crate) async fn count_up(
    connection: &mut PgConnection,
    schema: &SchemaName,
) -> Result<(), sqlx::Error> {
    let sql = format!(r#"update "{}".logweir_changes set number = number + 1"#, schema.as_str());
    sqlx::query(AssertSqlSafe(sql)).execute(&mut *connection).await?;
    let tell = sqlx::query("select pg_notify($1, $2)").bind(CHANNEL).bind(schema.as_str());
    tell.execute(connection).await.map(|_| ())
}

/// A kind of value that was met at a path of a source's events.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct LearnedRow {
    pub(crate) source: i64,
    pub(crate) path: String,
    pub(crate) kind: &'static str,
}

/// Keeps what was learned. What another process has kept already is no change.
pub(crate) async fn keep_learned(
    connection: &mut PgConnection,
    schema: &SchemaName,
    rows: &[LearnedRow],
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let sql = format!(
        "insert into \"{schema}\".logweir_source_fields (source_id, path, kind) \
         select source_id, path, kind \
         from unnest($1::bigint[], $2::text[], $3::text[]) as given(source_id, path, kind) \
         where exists (select from \"{schema}\".logweir_sources where id = source_id) \
         on conflict do nothing",
        schema = schema.as_str()
    );
    let kept = sqlx::query(AssertSqlSafe(sql))
        .bind(rows.iter().map(|row| row.source).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.path.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.kind).collect::<Vec<_>>())
        .execute(&mut *transaction)
        .await?;
    if kept.rows_affected() > 0 {
        count_up(&mut transaction, schema).await?;
    }
    transaction.commit().await
}
