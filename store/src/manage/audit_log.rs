//! Who has changed what: read, and removed when it is old. [`Change::end`](crate::change) writes it.

use serde_json::Value;
use sqlx::{
    Arguments as _, AssertSqlSafe, PgConnection, Row as _, postgres::PgArguments, types::Json,
};

use crate::{ChangeError, Store, catalog::load::micros, server::SchemaName};

/// Days that entries are kept: a year, and a month to look back at it.
const KEPT_DAYS: i32 = 400;

/// Most bytes of a text in what is noted of a change, and most bytes of a list or an object in it: a
/// thing may hold much that a change of it leaves as it is.
const MAX_TEXT: usize = 4 << 10;
const MAX_JSON: usize = 16 << 10;

/// Most bytes of details that are listed at once.
const MAX_PAGE: i64 = 4 << 20;

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
    pub details: Value,
}

impl Store {
    /// The newest entries, at most `limit` and so many as are not too much together, but always one if
    /// there is one; those before the one of id `before`, if it is given.
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
            ", actor, request_id, action, subject, details from ( \
                select *, sum(octet_length(details::text)) over (order by id desc) as bytes, \
                    row_number() over (order by id desc) as place \
                from ( \
                    select * from {schema}.logweir_audit_log \
                    where $1::bigint is null or id < $1 order by id desc limit $2 \
                ) as asked \
             ) as counted where bytes <= $3 or place = 1 order by id desc"
        );
        let mut arguments = PgArguments::default();
        arguments.add(before).map_err(sqlx::Error::Encode)?;
        arguments.add(i64::from(limit)).map_err(sqlx::Error::Encode)?;
        arguments.add(MAX_PAGE).map_err(sqlx::Error::Encode)?;
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

/// The details of a change without what is too long for the log.
pub(crate) fn shortened(details: &Value) -> Value {
    match details {
        Value::Object(fields) => {
            let fields = fields.iter();
            fields.map(|(name, value)| (name.clone(), shortened_value(value))).collect()
        }
        other => shortened_value(other),
    }
}

fn shortened_value(value: &Value) -> Value {
    match value {
        Value::String(text) if text.len() > MAX_TEXT => {
            let kept = text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or_default();
            format!("{kept}… ({} bytes)", text.len()).into()
        }
        Value::Object(_) | Value::Array(_) => {
            let short = match value {
                Value::Array(elements) => elements.iter().map(shortened_value).collect(),
                fields => shortened(fields),
            };
            match short.to_string().len() {
                0..=MAX_JSON => short,
                length => format!("… ({length} bytes)").into(),
            }
        }
        other => other.clone(),
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
    use serde_json::json;
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

    #[test]
    fn what_is_long_is_cut() {
        let text = "é".repeat(MAX_TEXT);
        let details = json!({
            "name": "a", "settings": { "description": text, "many": vec![1; MAX_JSON], "n": 5 },
        });
        let short = shortened(&details);
        let description = short["settings"]["description"].as_str().unwrap();
        assert!(description.ends_with("é… (8192 bytes)") && description.len() < MAX_TEXT + 50);
        assert_eq!(short["settings"]["many"], "… (32769 bytes)");
        assert_eq!((&short["name"], &short["settings"]["n"]), (&json!("a"), &json!(5)));
        let most: serde_json::Map<_, _> =
            (0..MAX_JSON).map(|number| (number.to_string(), json!(number))).collect();
        let cut = shortened(&json!({ "metadata": most }));
        assert!(cut.to_string().len() < 100, "{cut}");
    }
}
