//! Of how many new events people are told, by one process.

use sqlx::Row as _;
use uuid::Uuid;

use crate::{ChangeError, Source, SourceSettings, Store, change::Change};

/// That a source has new events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Catalog id of the source.
    pub source: i64,
    /// Events that were stored since people were last told.
    pub events: u64,
}

impl Store {
    /// Of which sources people are to be told now: those with new events, of which they were not
    /// told within the milliseconds that its settings say. Whoever gets a notice has to tell it: no
    /// other process gets it.
    ///
    /// Events of before a hook was set are not new.
    ///
    /// # Errors
    /// When the catalog's Postgres does not answer.
    pub async fn due_notices(&self, sources: &[&Source]) -> Result<Vec<Notice>, ChangeError> {
        let (loaded, mut connection) = self.inner.catalog_connection().await?;
        let ids: Vec<_> = sources.iter().map(|source| source.id).collect();
        let every: Vec<_> =
            sources.iter().map(|source| source.settings.notifications_every).collect();
        let totals = "given as (select * from unnest($1::bigint[], $2::bigint[]) \
                 as given (source_id, every)), \
             totals as (select given.source_id, every, coalesce(sum(inserts), 0)::bigint as total \
                 from given left join {schema}.logweir_source_figures using (source_id) \
                 group by given.source_id, every)";
        // A row that another process has locked or changed meanwhile is its to tell.
        let sql = loaded.catalog_sql(&format!(
            "with {totals}, \
             due as (select notices.source_id, total, total - told as events \
                 from {{schema}}.logweir_source_notices as notices \
                 join totals on totals.source_id = notices.source_id \
                 where total > told and told_at + every * interval '1 millisecond' <= now() \
                 for update of notices skip locked) \
             update {{schema}}.logweir_source_notices as notices \
             set told = due.total, told_at = now() \
             from due where notices.source_id = due.source_id \
             returning due.source_id, due.events"
        ));
        let rows = sqlx::query(sql).bind(&ids).bind(&every).fetch_all(&mut *connection).await?;
        connection.release();
        let notices = rows.iter().map(|row| {
            Ok(Notice { source: row.try_get(0)?, events: row.try_get::<i64, _>(1)?.unsigned_abs() })
        });
        notices.collect::<Result<_, sqlx::Error>>().map_err(ChangeError::from)
    }
}

/// Begins to count what is new of a source that has hooks now, or ends it where it has none.
pub(crate) async fn follow_hooks(
    change: &mut Change<'_>,
    source: Uuid,
    settings: &SourceSettings,
) -> Result<(), sqlx::Error> {
    let has_hooks =
        settings.webhook_notification_url.is_some() || settings.slack_hook_url.is_some();
    let sql = change.sql(if has_hooks {
        "insert into {schema}.logweir_source_notices (source_id, told) \
         select id, (select coalesce(sum(inserts), 0)::bigint \
             from {schema}.logweir_source_figures where source_id = id) \
         from {schema}.logweir_sources where token = $1 \
         on conflict do nothing"
    } else {
        "delete from {schema}.logweir_source_notices using {schema}.logweir_sources as sources \
         where source_id = sources.id and token = $1"
    });
    sqlx::query(sql).bind(source).execute(change.connection()).await.map(|_| ())
}
