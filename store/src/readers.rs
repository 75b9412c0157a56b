//! What queries may touch: the functions they call and the role they run as.

use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{failure, query::row_limit, server::SchemaName};

/// Creates the events schema and the schema `logweir`, and installs the functions of translated
/// queries and of all queries when they differ from those installed last; a comment on the schema `logweir` remembers which these were.
pub(crate) async fn install_functions(
    connection: &mut PgConnection,
    events_schema: &SchemaName,
    functions: &'static str,
) -> Result<(), sqlx::Error> {
    let functions = format!("{functions}\n;\n{}", row_limit::FUNCTION);
    let events_schema = events_schema.as_str();
    let mut transaction = connection.begin().await?;
    sqlx::raw_sql("select pg_advisory_xact_lock(hashtextextended('logweir functions', 0))")
        .execute(&mut *transaction)
        .await?;
    let schemas = format!(
        r#"do $$ begin
            if to_regnamespace('"{events_schema}"') is null then
                create schema "{events_schema}";
            end if;
            if to_regnamespace('logweir') is null then
                create schema logweir;
            end if;
        end $$"#
    );
    sqlx::raw_sql(AssertSqlSafe(schemas)).execute(&mut *transaction).await?;

    let version = version(&functions);
    let installed: Option<String> = sqlx::query_scalar(
        "select obj_description(to_regnamespace('logweir')::oid, 'pg_namespace')",
    )
    .fetch_one(&mut *transaction)
    .await?;
    if installed.as_deref() != Some(version.as_str()) {
        // Queries run with this path, so names that need another are found here.
        let sql = format!(
            "set local search_path = pg_catalog;\n{functions}\n\
             comment on schema logweir is '{version}'"
        );
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

/// What the comment says: readable, and different for different functions.
fn version(functions: &str) -> String {
    let digest = Sha256::digest(functions.as_bytes());
    let digest: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("functions of translated queries, {digest}")
}

/// Creates the role that queries run as, and grants it what is not a table.
///
/// `false` when this connection may not do that; queries then run as the connection's own role.
pub(crate) async fn make_role(
    connection: &mut PgConnection,
    events_schema: &SchemaName,
) -> Result<bool, sqlx::Error> {
    let sql = include_str!("readers.sql").replace("{schema}", events_schema.as_str());
    let usable = match sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *connection).await {
        // The proof: the role may exist, and still be closed to us.
        Ok(_) => {
            let mut transaction = connection.begin().await?;
            let set =
                sqlx::raw_sql("set local role logweir_reader").execute(&mut *transaction).await;
            transaction.rollback().await?;
            set
        }
        Err(error) => Err(error),
    };
    match usable {
        Ok(_) => Ok(true),
        Err(error) if failure::is_sqlstate(&error, "42501") => {
            tracing::debug!("no role for queries: {}", failure::text(&error));
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comment_changes_with_the_functions() {
        assert_eq!(version("a"), version("a"));
        assert_ne!(version("a"), version("b"));
        assert!(!version("a").contains('\''));
    }
}
