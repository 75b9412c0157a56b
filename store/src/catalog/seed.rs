//! The sources and endpoints that a self-hosted Supabase starts with.

use event_schemas::SUPABASE_SOURCES;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use super::changes;
use crate::{migrate::lock, server::SchemaName};

/// The query of the endpoint `logs.all`, in BigQuery SQL: the tables that Studio asks.
pub const LOGS_ALL: &str = include_str!("../../seeds/logs_all.sql");

struct SeedEndpoint {
    name: &'static str,
    query: &'static str,
    cache_duration_seconds: i32,
    proactive_requerying_seconds: i32,
}

impl SeedEndpoint {
    /// One whose answer is counted anew after some minutes.
    const fn counted(name: &'static str, query: &'static str) -> Self {
        Self { name, query, cache_duration_seconds: 900, proactive_requerying_seconds: 300 }
    }
}

/// The first two as Logflare seeds them, the others as Studio asks for them. All are sandboxable,
/// of at most 1,000 rows.
const ENDPOINTS: [SeedEndpoint; 6] = [
    SeedEndpoint {
        name: "logs.all",
        query: LOGS_ALL,
        cache_duration_seconds: 0,
        proactive_requerying_seconds: 1800,
    },
    SeedEndpoint::counted("usage.api-counts", include_str!("../../seeds/usage_api_counts.sql")),
    SeedEndpoint::counted(
        "usage.api-requests-count",
        include_str!("../../seeds/usage_api_requests_count.sql"),
    ),
    SeedEndpoint {
        name: "functions.combined-stats",
        query: include_str!("../../seeds/functions_combined_stats.sql"),
        cache_duration_seconds: 60,
        proactive_requerying_seconds: 0,
    },
    SeedEndpoint {
        name: "service-health",
        query: include_str!("../../seeds/service_health.sql"),
        cache_duration_seconds: 60,
        proactive_requerying_seconds: 0,
    },
    SeedEndpoint::counted("auth.metrics", include_str!("../../seeds/auth_metrics.sql")),
];

/// Puts the nine sources into a catalog without sources, and each endpoint into one that it was not
/// put into before. What a person has made or removed since stays as it is.
pub(crate) async fn seed_supabase(
    connection: &mut PgConnection,
    schema_name: &SchemaName,
) -> Result<(), sqlx::Error> {
    let schema = schema_name.as_str();
    let mut transaction = connection.begin().await?;
    lock(&mut transaction).await?;
    let sql = format!(r#"select exists (select from "{schema}".logweir_sources)"#);
    let has_sources: bool =
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *transaction).await?;
    if !has_sources {
        let sql = format!(
            r#"insert into "{schema}".logweir_sources (token, name, declared_as)
                   values ($1, $2, $2)"#
        );
        for source in SUPABASE_SOURCES.iter() {
            sqlx::query(AssertSqlSafe(sql.clone()))
                .bind(Uuid::new_v4())
                .bind(source.name)
                .execute(&mut *transaction)
                .await?;
        }
    }
    // They may have been renamed since; a source that has the name now is meant before others.
    let sources = format!(
        r#"select distinct on (known) coalesce(declared_as, name) as known, token
           from "{schema}".logweir_sources
           order by known, (name = coalesce(declared_as, name)) desc, id"#
    );
    let mark = format!(
        r#"insert into "{schema}".logweir_seeded_endpoints (name) values ($1)
           on conflict do nothing"#
    );
    let sql = format!(
        r#"insert into "{schema}".logweir_endpoints
           (token, name, query, sandboxable, cache_duration_seconds,
            proactive_requerying_seconds, source_mapping)
           select $1, $2, $3, true, $4, $5, coalesce(jsonb_object_agg(known, source), '{{}}')
           from ({sources}) as sources (known, source)
           where strpos($3, '`' || known || '`') > 0
           on conflict (name) do nothing"#
    );
    let mut is_new = false;
    for endpoint in &ENDPOINTS {
        let marked = sqlx::query(AssertSqlSafe(mark.clone()))
            .bind(endpoint.name)
            .execute(&mut *transaction)
            .await?;
        if marked.rows_affected() == 0 {
            continue;
        }
        let made = sqlx::query(AssertSqlSafe(sql.clone()))
            .bind(Uuid::new_v4())
            .bind(endpoint.name)
            .bind(endpoint.query)
            .bind(endpoint.cache_duration_seconds)
            .bind(endpoint.proactive_requerying_seconds)
            .execute(&mut *transaction)
            .await?;
        is_new |= made.rows_affected() > 0;
    }
    if is_new {
        // Other processes may run already, of an older version.
        changes::count_up(&mut transaction, schema_name).await?;
    }
    transaction.commit().await
}
