//! The sources and endpoints that a self-hosted Supabase starts with.

use event_schemas::SUPABASE_SOURCES;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use crate::{migrate::lock, server::SchemaName};

/// The query of the endpoint `logs.all`, in BigQuery SQL: the tables that Studio asks.
pub const LOGS_ALL: &str = include_str!("../../seeds/logs_all.sql");

struct SeedEndpoint {
    name: &'static str,
    query: &'static str,
    cache_duration_seconds: i32,
    proactive_requerying_seconds: i32,
}

/// As Logflare seeds them, sandboxable, 1,000 rows.
const ENDPOINTS: [SeedEndpoint; 2] = [
    SeedEndpoint {
        name: "logs.all",
        query: LOGS_ALL,
        cache_duration_seconds: 0,
        proactive_requerying_seconds: 1800,
    },
    SeedEndpoint {
        name: "usage.api-counts",
        query: include_str!("../../seeds/usage_api_counts.sql"),
        cache_duration_seconds: 900,
        proactive_requerying_seconds: 300,
    },
];

/// Puts the nine sources into a catalog without sources, and the two endpoints into one without
/// endpoints. What a person has made or removed since stays as it is.
pub(crate) async fn seed_supabase(
    connection: &mut PgConnection,
    schema: &SchemaName,
) -> Result<(), sqlx::Error> {
    let schema = schema.as_str();
    let mut transaction = connection.begin().await?;
    lock(&mut transaction).await?;
    let sql = format!(
        r#"select exists (select from "{schema}".logweir_sources),
                  exists (select from "{schema}".logweir_endpoints)"#
    );
    let (has_sources, has_endpoints): (bool, bool) =
        sqlx::query_as(AssertSqlSafe(sql)).fetch_one(&mut *transaction).await?;
    if !has_sources {
        let sql =
            format!(r#"insert into "{schema}".logweir_sources (token, name) values ($1, $2)"#);
        for source in SUPABASE_SOURCES.iter() {
            sqlx::query(AssertSqlSafe(sql.clone()))
                .bind(Uuid::new_v4())
                .bind(source.name)
                .execute(&mut *transaction)
                .await?;
        }
    }
    if !has_endpoints {
        let sql = format!(
            r#"insert into "{schema}".logweir_endpoints
               (token, name, query, sandboxable, cache_duration_seconds,
                proactive_requerying_seconds)
               values ($1, $2, $3, true, $4, $5)"#
        );
        for endpoint in &ENDPOINTS {
            sqlx::query(AssertSqlSafe(sql.clone()))
                .bind(Uuid::new_v4())
                .bind(endpoint.name)
                .bind(endpoint.query)
                .bind(endpoint.cache_duration_seconds)
                .bind(endpoint.proactive_requerying_seconds)
                .execute(&mut *transaction)
                .await?;
        }
    }
    transaction.commit().await
}
