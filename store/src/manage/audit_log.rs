//! Who has changed what: read, and removed when it is old. [`Change::end`](crate::change) writes it.

use sqlx::{
    Arguments as _, AssertSqlSafe, PgConnection, Row as _, postgres::PgArguments, types::Json,
};

use crate::{ChangeError, Store, catalog::load::micros, server::SchemaName};

/// Days that entries are kept: a year, and a month to look back at it.
const KEPT_DAYS: i32 = 400;

/// A change that somebody has made.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Rises with every change.
    pub id: i64,
    /// When, in microseconds since 1970 UTC.
    pub at: i64,
    /// Whose token was presented: `private`, `access token 7`.
    pub actor: String,
    /// The id of the request.
    pub request_id: Option<String>,
    /// `create source` …
    pub action: String,
    /// Token or id of what was changed.
    pub subject: String,
    /// What was given, without secrets.
    pub details: serde_json::Value,
}

impl Store {
    /// The newest entries, at most `limit`; those before the one of id `before`, if it is given.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn audit_log(
        &self,
        limit: u16,
        before: Option<i64>,
    ) -> Result<Vec<AuditEntry>, ChangeError> {
        let sql = concat!(
            "select id, ",
            micros!("at"),
            ", actor, request_id, action, subject, details from {schema}.logweir_audit_log \
             where $1::bigint is null or id < $1 order by id desc limit $2"
        );
        let mut arguments = PgArguments::default();
        arguments.add(before).map_err(sqlx::Error::Encode)?;
        arguments.add(i64::from(limit)).map_err(sqlx::Error::Encode)?;
        let rows = self.catalog_rows(sql, arguments).await?;
        let entry = |row: &sqlx::postgres::PgRow| {
            let Json(details) = row.try_get("details")?;
            Ok::<_, sqlx::Error>(AuditEntry {
                id: row.try_get("id")?,
                at: row.try_get("at")?,
                actor: row.try_get("actor")?,
                request_id: row.try_get("request_id")?,
                action: row.try_get("action")?,
                subject: row.try_get("subject")?,
                details,
            })
        };
        Ok(rows.iter().map(entry).collect::<Result<_, _>>()?)
    }
}

/// Removes what is too old.
pub(crate) async fn expire(
    catalog: &mut PgConnection,
    schema: &SchemaName,
) -> Result<(), sqlx::Error> {
    let sql = format!(
        "delete from \"{}\".logweir_audit_log where at < now() - make_interval(days => $1)",
        schema.as_str()
    );
    sqlx::query(AssertSqlSafe(sql)).bind(KEPT_DAYS).execute(catalog).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use end_to_end::postgres::TestCluster;
    use sqlx::Connection as _;

    use super::*;
    use crate::migrate::{self, migrate};

    #[tokio::test]
    async fn entries_are_kept_for_400_days() {
        let url = TestCluster::shared().database().await;
        let mut catalog = PgConnection::connect(&url).await.unwrap();
        let schema = SchemaName::parse("public").unwrap();
        migrate(&mut catalog, &schema, &migrate::CATALOG).await.unwrap();
        let entries = "insert into logweir_audit_log (at, actor, action, subject) \
                       select now() - make_interval(days => age), 'a', 'b', age::text \
                       from unnest(array[0, 399, 401, 4000]) as age";
        sqlx::raw_sql(entries).execute(&mut catalog).await.unwrap();
        expire(&mut catalog, &schema).await.unwrap();
        let kept: Vec<String> =
            sqlx::query_scalar("select subject from logweir_audit_log order by id")
                .fetch_all(&mut catalog)
                .await
                .unwrap();
        assert_eq!(kept, ["0", "399"]);
    }
}
