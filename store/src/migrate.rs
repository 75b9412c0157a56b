//! Brings tables to the form that this program knows: those of the catalog, and those beside the
//! events.

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{failure, server::SchemaName};

/// What has to run before a schema's tables can be used.
#[derive(Debug)]
pub(crate) struct Migrations {
    /// The table that remembers what has run.
    version_table: &'static str,
    /// In the order in which they run. Ones that were released are never edited.
    migrations: &'static [Migration],
}

#[derive(Debug)]
struct Migration {
    version: i32,
    name: &'static str,
    sql: &'static str,
}

/// Sources, endpoints and what belongs to them.
pub(crate) const CATALOG: Migrations = Migrations {
    version_table: "logweir_migrations",
    migrations: &[
        Migration {
            version: 1,
            name: "sources and endpoints",
            sql: include_str!("../migrations/catalog/0001_sources_and_endpoints.sql"),
        },
        Migration {
            version: 2,
            name: "validation and learned fields",
            sql: include_str!("../migrations/catalog/0002_validation_and_learned_fields.sql"),
        },
        Migration {
            version: 3,
            name: "management",
            sql: include_str!("../migrations/catalog/0003_management.sql"),
        },
        Migration {
            version: 4,
            name: "seeded endpoints",
            sql: include_str!("../migrations/catalog/0004_seeded_endpoints.sql"),
        },
        Migration {
            version: 5,
            name: "figures of sources",
            sql: include_str!("../migrations/catalog/0005_figures_of_sources.sql"),
        },
        Migration {
            version: 6,
            name: "what the API keeps",
            sql: include_str!("../migrations/catalog/0006_what_the_api_keeps.sql"),
        },
        Migration {
            version: 7,
            name: "renamed and removed sources",
            sql: include_str!("../migrations/catalog/0007_renamed_and_removed_sources.sql"),
        },
        Migration {
            version: 8,
            name: "key of configs",
            sql: include_str!("../migrations/catalog/0008_key_of_configs.sql"),
        },
    ],
};

/// What is committed together with events. It may lie in the same schema as the catalog.
pub(crate) const EVENTS: Migrations = Migrations {
    version_table: "logweir_event_migrations",
    migrations: &[Migration {
        version: 1,
        name: "receipts and rejected events",
        sql: include_str!("../migrations/events/0001_receipts_and_rejected_events.sql"),
    }],
};

/// Why the store cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrepareError {
    /// The database cannot be reached, or refused a step.
    #[error("{step}: {}", failure::text(source))]
    Database { step: &'static str, source: sqlx::Error },
    /// BigQuery cannot be reached, or refuses a step.
    #[error("making the tables in BigQuery: {0}")]
    BigQuery(#[from] bigquery::Error),
    /// Going on could damage what a newer program relies on.
    #[error(
        "the database was used by a newer Logweir (its version is {found}, this program knows \
         {known}): start that version or a newer one"
    )]
    NewerTables { found: i32, known: i32 },
    /// Without `POSTGRES_BACKEND_SCHEMA` and `DB_SCHEMA` the server decides, and it has no answer.
    #[error("the server's search_path names no schema that exists: set the schema by name")]
    NoSchema,
    /// There are characters that it cannot hold, so events would be refused for good.
    #[error("the database at {server} has the encoding {encoding}, which cannot hold all events")]
    Encoding { server: String, encoding: String },
}

impl PrepareError {
    pub(crate) fn during(step: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Database { step, source }
    }

    /// The server takes too long.
    pub(crate) fn late(after: std::time::Duration) -> Self {
        let text = format!("no end after {} s", after.as_secs());
        let source = std::io::Error::new(std::io::ErrorKind::TimedOut, text).into();
        Self::Database { step: "waiting for the server", source }
    }

    /// What a person can do about it.
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Self::Database { source, .. } => failure::advice(source),
            Self::BigQuery(_) => "`logweir check-bigquery` says what is missing",
            Self::NewerTables { .. } | Self::NoSchema => "",
            Self::Encoding { .. } => {
                "name another database in the URL: CREATE DATABASE … ENCODING 'UTF8' \
                 TEMPLATE template0 LOCALE 'C.UTF-8'"
            }
        }
    }
}

/// Serialises every change of these tables, over all processes.
///
/// The lock ends with its transaction, so that it also works through a pooler and never outlives
/// its process. Each step looks again at what is there once it holds the lock.
pub(crate) async fn lock(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql("select pg_advisory_xact_lock(hashtextextended('logweir catalog', 0))")
        .execute(connection)
        .await
        .map(|_| ())
}

/// Creates the schema and the version table when missing, then runs what has not run yet, each
/// migration in a transaction of its own.
pub(crate) async fn migrate(
    connection: &mut PgConnection,
    schema: &SchemaName,
    migrations: &Migrations,
) -> Result<(), PrepareError> {
    let failed = PrepareError::during("preparing the tables");
    let found = installed_version(connection, schema, migrations).await.map_err(failed)?;
    let known = migrations.migrations.last().map_or(0, |newest| newest.version);
    if found > known {
        return Err(PrepareError::NewerTables { found, known });
    }
    for migration in migrations.migrations.iter().filter(|migration| migration.version > found) {
        let failed = PrepareError::during(migration.name);
        run(connection, schema, migrations.version_table, migration).await.map_err(failed)?;
    }
    Ok(())
}

async fn installed_version(
    connection: &mut PgConnection,
    schema: &SchemaName,
    Migrations { version_table, .. }: &Migrations,
) -> Result<i32, sqlx::Error> {
    let schema = schema.as_str();
    let mut transaction = connection.begin().await?;
    lock(&mut transaction).await?;
    // `create … if not exists` asks for the right to create even when there is nothing to create.
    let sql = format!(
        r#"do $$ begin
            if to_regnamespace('"{schema}"') is null then
                create schema "{schema}";
            end if;
            if to_regclass('"{schema}".{version_table}') is null then
                create table "{schema}".{version_table} (
                    version integer primary key,
                    name text not null,
                    applied_at timestamptz not null default now()
                );
            end if;
        end $$"#
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *transaction).await?;
    let sql = format!(r#"select coalesce(max(version), 0) from "{schema}".{version_table}"#);
    let version = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(version)
}

async fn run(
    connection: &mut PgConnection,
    schema: &SchemaName,
    version_table: &str,
    migration: &Migration,
) -> Result<(), sqlx::Error> {
    let schema = schema.as_str();
    let mut transaction = connection.begin().await?;
    lock(&mut transaction).await?;
    let record = format!(
        r#"insert into "{schema}".{version_table} (version, name) values ($1, $2)
           on conflict (version) do nothing"#
    );
    let recorded = sqlx::query(AssertSqlSafe(record))
        .bind(migration.version)
        .bind(migration.name)
        .execute(&mut *transaction)
        .await?;
    // Otherwise another process has just run it.
    if recorded.rows_affected() == 1 {
        let sql = format!("set local search_path = \"{schema}\";\n{}", migration.sql);
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_count_up_from_one() {
        for migrations in [&CATALOG, &EVENTS] {
            for (version, migration) in (1..).zip(migrations.migrations) {
                assert_eq!(migration.version, version, "{}", migration.name);
            }
        }
    }
}
