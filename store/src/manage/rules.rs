//! Rules are made, changed and removed.

use std::sync::Arc;

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::{Actor, ChangeError, Rule, Store, catalog::load, change::Change, failure};

/// What a rule is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleToBe {
    /// Catalog id of the source whose events are looked at.
    pub source_id: i64,
    /// Which events.
    pub lql_string: String,
    /// Catalog id of the backend that gets them.
    pub backend_id: Option<i64>,
    /// Token of the source that gets them.
    pub sink: Option<Uuid>,
}

impl RuleToBe {
    fn details(&self) -> Value {
        let Self { source_id, lql_string, backend_id, sink } = self;
        json!({
            "source_id": source_id, "lql_string": lql_string, "backend_id": backend_id,
            "sink": sink,
        })
    }
}

impl Store {
    /// Makes a rule.
    ///
    /// # Errors
    /// A source or backend that is gone; a database that does not answer.
    pub async fn create_rule(
        &self,
        actor: &Actor,
        rule: &RuleToBe,
    ) -> Result<Arc<Rule>, ChangeError> {
        let token = Uuid::new_v4();
        let mut change = Change::begin(&self.inner, actor).await?;
        let sql = change.sql(
            "insert into {schema}.logweir_rules (token, source_id, lql_string, backend_id, sink) \
             values ($1, $2, $3, $4, $5)",
        );
        write(&mut change, sql, token, rule).await?;
        let made = as_it_is(&mut change, token).await?;
        change.end("create rule", token, &rule.details()).await?;
        Ok(Arc::new(made))
    }

    /// Makes of a rule what `to_be` makes of it as it is. Two changes at once, also by several
    /// processes, are one after the other.
    ///
    /// # Errors
    /// An unknown token; a source or backend that is gone; a database that does not answer; one of
    /// `to_be`.
    pub async fn update_rule<E: From<ChangeError>>(
        &self,
        actor: &Actor,
        token: Uuid,
        to_be: impl FnOnce(Rule) -> Result<RuleToBe, E> + Send,
    ) -> Result<Arc<Rule>, E> {
        let mut change = Change::begin(&self.inner, actor).await?;
        let rule = to_be(as_it_is(&mut change, token).await?)?;
        Ok(set_rule(change, token, &rule).await?)
    }

    /// Removes a rule.
    ///
    /// # Errors
    /// An unknown token; a database that does not answer.
    pub async fn delete_rule(&self, actor: &Actor, token: Uuid) -> Result<(), ChangeError> {
        let mut change = Change::begin(&self.inner, actor).await?;
        let sql = change.sql("delete from {schema}.logweir_rules where token = $1");
        let deleted = sqlx::query(sql).bind(token).execute(change.connection()).await?;
        if deleted.rows_affected() == 0 {
            return Err(ChangeError::NotFound);
        }
        change.end("delete rule", token, &json!({})).await
    }
}

/// Runs a statement that writes what is to be (`$2` …) of the rule with a token (`$1`).
async fn write(
    change: &mut Change<'_>,
    sql: AssertSqlSafe<String>,
    token: Uuid,
    rule: &RuleToBe,
) -> Result<(), ChangeError> {
    sqlx::query(sql)
        .bind(token)
        .bind(rule.source_id)
        .bind(&rule.lql_string)
        .bind(rule.backend_id)
        .bind(rule.sink)
        .execute(change.connection())
        .await
        .map(|_| ())
        .map_err(|error| gone(&error))
}

async fn set_rule(
    mut change: Change<'_>,
    token: Uuid,
    rule: &RuleToBe,
) -> Result<Arc<Rule>, ChangeError> {
    let sql = change.sql(
        "update {schema}.logweir_rules \
         set source_id = $2, lql_string = $3, backend_id = $4, sink = $5 where token = $1",
    );
    write(&mut change, sql, token, rule).await?;
    let changed = as_it_is(&mut change, token).await?;
    change.end("update rule", token, &rule.details()).await?;
    Ok(Arc::new(changed))
}

async fn as_it_is(change: &mut Change<'_>, token: Uuid) -> Result<Rule, ChangeError> {
    let row = change.as_it_is(load::RULE, "logweir_rules", token).await?;
    Ok(load::rule(&row)?)
}

/// An error of the driver; one of a foreign key says that the other thing is gone.
fn gone(error: &sqlx::Error) -> ChangeError {
    if failure::is_sqlstate(error, "23503") {
        ChangeError::NotFound
    } else {
        ChangeError::from(error)
    }
}
