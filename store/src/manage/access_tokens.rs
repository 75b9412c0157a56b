//! Access tokens are listed, made and revoked.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::{TryRngCore as _, rngs::OsRng};
use serde_json::json;
use sqlx::{Row as _, postgres::PgArguments};

use crate::{
    AccessTokens, Actor, ChangeError, NoScope, Scopes, Store, access_tokens::TokenDigest,
    catalog::load::micros, change::Change,
};

/// Of a token's randomness.
const RANDOM_BYTES: usize = 32;

/// An access token that was made over the API.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// Catalog id.
    pub id: i64,
    /// The token itself: when it is made, and of those that are `public` and open nothing but the way
    /// in for events.
    pub token: Option<String>,
    /// What it opens: words separated by blanks.
    pub scopes: String,
    /// For people.
    pub description: Option<String>,
    /// When it was made, microseconds since 1970 UTC.
    pub created_at: i64,
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Store {
    /// Access tokens that were made over the API and not revoked, oldest first.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn access_tokens(&self) -> Result<Vec<AccessToken>, ChangeError> {
        let sql = concat!(
            "select id, token, scopes, description, ",
            micros!("created_at"),
            " from {schema}.logweir_access_tokens where revoked_at is null order by id"
        );
        let rows = self.catalog_rows(sql, PgArguments::default()).await?;
        let token = |row: &sqlx::postgres::PgRow| {
            Ok::<_, sqlx::Error>(AccessToken {
                id: row.try_get("id")?,
                token: row.try_get("token")?,
                scopes: row.try_get("scopes")?,
                description: row.try_get("description")?,
                created_at: row.try_get("created_at")?,
            })
        };
        Ok(rows.iter().map(token).collect::<Result<_, _>>()?)
    }

    /// The tokens of the settings, which are no rows of the catalog.
    pub fn tokens_of_settings(&self) -> &AccessTokens {
        &self.inner.settings.tokens
    }

    /// Makes a random token that opens what `scopes` say; a digest of it is kept, the token itself
    /// only if it is `public` and opens nothing but the way in for events.
    ///
    /// # Errors
    /// Words that are no scopes; a database that does not answer.
    pub async fn create_access_token(
        &self,
        actor: &Actor,
        scopes: &str,
        description: Option<&str>,
    ) -> Result<AccessToken, ChangeError> {
        let understood: Scopes = scopes.parse().map_err(|error: NoScope| ChangeError::Invalid {
            field: "scopes",
            text: error.to_string(),
        })?;
        let scopes = scopes.split_whitespace().collect::<Vec<_>>().join(" ");
        let token = random_token()?;
        let mut change = Change::begin(&self.inner, actor).await?;
        let sql = change.sql(concat!(
            "insert into {schema}.logweir_access_tokens (hash, token, scopes, description) \
             values ($1, $2, $3, $4) returning id, ",
            micros!("created_at")
        ));
        let (id, created_at) = sqlx::query_as(sql)
            .bind(&TokenDigest::of(&token).0[..])
            .bind(understood.are_shown_again().then_some(&token))
            .bind(&scopes)
            .bind(description)
            .fetch_one(change.connection())
            .await?;
        let details = json!({ "scopes": scopes, "description": description });
        change.end("create access token", id, &details).await?;
        let description = description.map(str::to_owned);
        Ok(AccessToken { id, token: Some(token), scopes, description, created_at })
    }

    /// Revokes a token, given as its id or as itself. One that is revoked already stays so.
    ///
    /// # Errors
    /// A token that never was; a database that does not answer.
    pub async fn revoke_access_token(&self, actor: &Actor, named: &str) -> Result<(), ChangeError> {
        let mut change = Change::begin(&self.inner, actor).await?;
        // No token looks like an id: it is longer than all of them.
        let sql = change.sql(
            "select id, revoked_at is not null from {schema}.logweir_access_tokens \
             where id = $1 or hash = $2 for update",
        );
        let found: Option<(i64, bool)> = sqlx::query_as(sql)
            .bind(named.parse::<i64>().ok())
            .bind(&TokenDigest::of(named).0[..])
            .fetch_optional(change.connection())
            .await?;
        let (id, is_revoked) = found.ok_or(ChangeError::NotFound)?;
        if is_revoked {
            return Ok(());
        }
        let sql = change.sql(
            "update {schema}.logweir_access_tokens set revoked_at = now(), token = null \
             where id = $1",
        );
        sqlx::query(sql).bind(id).execute(change.connection()).await?;
        change.end("revoke access token", id, &json!({})).await
    }
}

/// Text that needs no quoting in a URL, a header or a shell.
fn random_token() -> Result<String, ChangeError> {
    let mut bytes = [0; RANDOM_BYTES];
    OsRng.try_fill_bytes(&mut bytes).map_err(|error| {
        ChangeError::Unavailable(format!("the system has no random numbers: {error}"))
    })?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_random_and_look_like_no_id() {
        let (one, two) = (random_token().unwrap(), random_token().unwrap());
        assert_ne!(one, two);
        assert_eq!(one.len(), 43);
        assert!("9".repeat(43).parse::<i64>().is_err());
    }
}
