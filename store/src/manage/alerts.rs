//! Alerts are made, changed and removed, and claimed by the process that runs them.

use std::collections::BTreeMap;

use serde_json::json;
use sqlx::{
    Arguments as _, AssertSqlSafe, PgConnection, Row as _,
    postgres::{PgArguments, PgRow},
    types::Json,
};
use uuid::Uuid;

use crate::{Actor, ChangeError, Store, change::Change};

/// A query that runs at certain times and tells of its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Catalog id.
    pub id: i64,
    /// Public id.
    pub token: Uuid,
    /// What people have set; its `backend_ids` are in order.
    pub alert: AlertToBe,
    /// When it last became due, was made, or got other times; microseconds since 1970 UTC.
    pub last_due_at: i64,
}

/// What an alert is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertToBe {
    /// Its name; several may have the same.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// The language of its query: `bq_sql` …
    pub language: String,
    /// The query.
    pub query: String,
    /// When it runs, in UTC.
    pub cron: String,
    /// Where its rows are posted to, in Slack's form.
    pub slack_hook_url: Option<String>,
    /// Where its rows are posted to.
    pub webhook_notification_url: Option<String>,
    /// Whether it runs.
    pub enabled: bool,
    /// Catalog ids of the backends that are told.
    pub backend_ids: Vec<i64>,
    /// The sources that the query named when it was saved.
    pub source_mapping: BTreeMap<String, Uuid>,
}

const ALERTS: &str = "select id, token, name, description, language, query, cron, slack_hook_url, \
    webhook_notification_url, enabled, source_mapping, \
    (extract(epoch from coalesce(last_due_at, created_at)) * 1000000)::bigint as last_due_at, \
    array(select backend_id from {schema}.logweir_alert_backends as linked \
     where linked.alert_id = a.id order by backend_id) as backend_ids \
    from {schema}.logweir_alerts a";

impl Store {
    /// All alerts, oldest first.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn alerts(&self) -> Result<Vec<Alert>, ChangeError> {
        let sql = format!("{ALERTS} order by id");
        let rows = self.catalog_rows(&sql, PgArguments::default()).await?;
        Ok(rows.iter().map(alert).collect::<Result<_, _>>()?)
    }

    /// An alert.
    ///
    /// # Errors
    /// An unknown token; a database that does not answer.
    pub async fn alert(&self, token: Uuid) -> Result<Alert, ChangeError> {
        let mut arguments = PgArguments::default();
        arguments.add(token).map_err(sqlx::Error::Encode)?;
        let rows = self.catalog_rows(&format!("{ALERTS} where token = $1"), arguments).await?;
        Ok(alert(rows.first().ok_or(ChangeError::NotFound)?)?)
    }

    /// Makes an alert. It becomes due from now on.
    ///
    /// # Errors
    /// An unknown backend; a database that does not answer.
    pub async fn create_alert(
        &self,
        actor: &Actor,
        alert: &AlertToBe,
    ) -> Result<Alert, ChangeError> {
        let token = Uuid::new_v4();
        let mut change = Change::begin(&self.inner, actor).await?;
        let sql = change.sql(
            "insert into {schema}.logweir_alerts (token, name, description, language, query, cron, \
             slack_hook_url, webhook_notification_url, enabled, source_mapping, last_due_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now()) returning id",
        );
        let id = write(&mut change, sql, token, alert).await?;
        link_backends(&mut change, id, &alert.backend_ids).await?;
        let made = as_it_is(&mut change, token).await?;
        change.end("create alert", token, &details(alert)).await?;
        Ok(made)
    }

    /// Makes of an alert what `to_be` makes of it as it is. With other times, or enabled again, it
    /// becomes due from now on. Two changes at once, also by several processes, are one after the
    /// other.
    ///
    /// # Errors
    /// An unknown token or backend; a database that does not answer; one of `to_be`.
    pub async fn update_alert<E: From<ChangeError>>(
        &self,
        actor: &Actor,
        token: Uuid,
        to_be: impl FnOnce(AlertToBe) -> Result<AlertToBe, E> + Send,
    ) -> Result<Alert, E> {
        let mut change = Change::begin(&self.inner, actor).await?;
        let alert = to_be(as_it_is(&mut change, token).await?.alert)?;
        Ok(set_alert(change, token, &alert).await?)
    }

    /// Removes an alert.
    ///
    /// # Errors
    /// An unknown token; a database that does not answer.
    pub async fn delete_alert(&self, actor: &Actor, token: Uuid) -> Result<(), ChangeError> {
        let mut change = Change::begin(&self.inner, actor).await?;
        let sql = change.sql("delete from {schema}.logweir_alerts where token = $1");
        let deleted = sqlx::query(sql).bind(token).execute(change.connection()).await?;
        if deleted.rows_affected() == 0 {
            return Err(ChangeError::NotFound);
        }
        change.end("delete alert", token, &json!({})).await
    }

    /// Whether the caller is to run the alert for a time at which it is due, in microseconds since
    /// 1970 UTC: of all processes that ask, one is told so.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn claim_alert(&self, id: i64, due_at: i64) -> Result<bool, ChangeError> {
        let (loaded, mut connection) = self.inner.catalog_connection().await?;
        let sql = loaded.catalog_sql(
            "update {schema}.logweir_alerts \
             set last_due_at = 'epoch'::timestamptz + $2 * interval '1 microsecond' \
             where id = $1 and enabled and coalesce(last_due_at, created_at) < \
                 'epoch'::timestamptz + $2 * interval '1 microsecond'",
        );
        let connected: &mut PgConnection = &mut connection;
        let claimed = sqlx::query(sql).bind(id).bind(due_at).execute(connected).await?;
        connection.release();
        Ok(claimed.rows_affected() == 1)
    }
}

/// Runs a statement that writes what people have set (`$2` …) of the alert with a token (`$1`), and
/// gives its catalog id.
async fn write(
    change: &mut Change<'_>,
    sql: AssertSqlSafe<String>,
    token: Uuid,
    alert: &AlertToBe,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(sql)
        .bind(token)
        .bind(&alert.name)
        .bind(&alert.description)
        .bind(&alert.language)
        .bind(&alert.query)
        .bind(&alert.cron)
        .bind(&alert.slack_hook_url)
        .bind(&alert.webhook_notification_url)
        .bind(alert.enabled)
        .bind(Json(&alert.source_mapping))
        .fetch_one(change.connection())
        .await
}

async fn set_alert(
    mut change: Change<'_>,
    token: Uuid,
    alert: &AlertToBe,
) -> Result<Alert, ChangeError> {
    let sql = change.sql(
        "update {schema}.logweir_alerts set name = $2, description = $3, language = $4, \
         query = $5, cron = $6, slack_hook_url = $7, webhook_notification_url = $8, \
         enabled = $9, source_mapping = $10, updated_at = now(), \
         last_due_at = case when (cron, enabled) = ($6, $9) then last_due_at else now() end \
         where token = $1 returning id",
    );
    let id = write(&mut change, sql, token, alert).await?;
    link_backends(&mut change, id, &alert.backend_ids).await?;
    let changed = as_it_is(&mut change, token).await?;
    change.end("update alert", token, &details(alert)).await?;
    Ok(changed)
}

async fn as_it_is(change: &mut Change<'_>, token: Uuid) -> Result<Alert, ChangeError> {
    change.as_it_is("id", "logweir_alerts", token).await?;
    // Only now: one statement would see the backends as they were before it waited.
    let sql = change.sql(&format!("{ALERTS} where token = $1"));
    let query = sqlx::query(sql).persistent(false).bind(token);
    Ok(alert(&query.fetch_one(change.connection()).await?)?)
}

async fn link_backends(
    change: &mut Change<'_>,
    alert: i64,
    backends: &[i64],
) -> Result<(), ChangeError> {
    let sql = change.sql("delete from {schema}.logweir_alert_backends where alert_id = $1");
    sqlx::query(sql).bind(alert).execute(change.connection()).await?;
    let sql = change.sql(
        "insert into {schema}.logweir_alert_backends (alert_id, backend_id) \
         select $1, id from {schema}.logweir_backends where id = any($2)",
    );
    let linked = sqlx::query(sql).bind(alert).bind(backends).execute(change.connection()).await?;
    let mut distinct = backends.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    if linked.rows_affected() == distinct.len() as u64 {
        Ok(())
    } else {
        Err(ChangeError::NotFound)
    }
}

fn alert(row: &PgRow) -> Result<Alert, sqlx::Error> {
    let Json(source_mapping) = row.try_get("source_mapping")?;
    let alert = AlertToBe {
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        language: row.try_get("language")?,
        query: row.try_get("query")?,
        cron: row.try_get("cron")?,
        slack_hook_url: row.try_get("slack_hook_url")?,
        webhook_notification_url: row.try_get("webhook_notification_url")?,
        enabled: row.try_get("enabled")?,
        backend_ids: row.try_get("backend_ids")?,
        source_mapping,
    };
    Ok(Alert {
        id: row.try_get("id")?,
        token: row.try_get("token")?,
        alert,
        last_due_at: row.try_get("last_due_at")?,
    })
}

/// Without the URLs: who has one may post there.
fn details(alert: &AlertToBe) -> serde_json::Value {
    let AlertToBe { name, description, language, query, cron, enabled, backend_ids, .. } = alert;
    json!({
        "name": name, "description": description, "language": language, "query": query,
        "cron": cron, "enabled": enabled, "backend_ids": backend_ids,
        "has_slack_hook": alert.slack_hook_url.is_some(),
        "has_webhook": alert.webhook_notification_url.is_some(),
    })
}
