//! Of how many new events people are told, by one process.

use sqlx::Row as _;

use crate::{ChangeError, Source, Store};

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
    /// Events of before a source was first asked about here are not new.
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
        // Few sources have no row yet, once.
        let sql = loaded.catalog_sql(&format!(
            "with {totals} \
             insert into {{schema}}.logweir_source_notices (source_id, told) \
             select totals.source_id, total from totals \
             join {{schema}}.logweir_sources as sources on sources.id = totals.source_id \
             where not exists (select from {{schema}}.logweir_source_notices as known \
                 where known.source_id = totals.source_id) \
             on conflict do nothing"
        ));
        sqlx::query(sql).bind(&ids).bind(&every).execute(&mut *connection).await?;
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
