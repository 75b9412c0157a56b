//! Teams are listed, made, changed and removed. They are for people: they open nothing.

use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::{
    Arguments as _, Row as _,
    postgres::{PgArguments, PgRow},
    types::Json,
};
use uuid::Uuid;

use crate::{Actor, ChangeError, Store, change::Change};

/// A team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// Public id.
    pub token: Uuid,
    /// What people have set.
    pub team: TeamToBe,
}

/// What a team is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TeamToBe {
    /// Its name; several may have the same.
    pub name: String,
    /// Who is in it.
    pub users: Vec<TeamUser>,
}

/// Somebody who is in a team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamUser {
    /// An address.
    pub email: String,
    /// What they are called.
    pub name: Option<String>,
}

impl Store {
    /// All teams, oldest first.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn teams(&self) -> Result<Vec<Team>, ChangeError> {
        let sql = "select token, name, team_users from {schema}.logweir_teams order by id";
        let rows = self.catalog_rows(sql, PgArguments::default()).await?;
        Ok(rows.iter().map(team).collect::<Result<_, _>>()?)
    }

    /// A team.
    ///
    /// # Errors
    /// An unknown token; a database that does not answer.
    pub async fn team(&self, token: Uuid) -> Result<Team, ChangeError> {
        let sql = "select token, name, team_users from {schema}.logweir_teams where token = $1";
        let mut arguments = PgArguments::default();
        arguments.add(token).map_err(sqlx::Error::Encode)?;
        let rows = self.catalog_rows(sql, arguments).await?;
        Ok(team(rows.first().ok_or(ChangeError::NotFound)?)?)
    }

    /// Makes a team. Without a `token` it gets a random one.
    ///
    /// # Errors
    /// A token that is taken; a database that does not answer.
    pub async fn create_team(
        &self,
        actor: &Actor,
        token: Option<Uuid>,
        team: &TeamToBe,
    ) -> Result<Team, ChangeError> {
        let token = token.unwrap_or_else(Uuid::new_v4);
        let mut change = Change::begin(&self.inner, actor).await?;
        let sql = change.sql(
            "insert into {schema}.logweir_teams (token, name, team_users) values ($1, $2, $3)",
        );
        sqlx::query(sql)
            .bind(token)
            .bind(&team.name)
            .bind(Json(&team.users))
            .execute(change.connection())
            .await
            .map_err(|error| ChangeError::of(&error, "token"))?;
        change.end("create team", token, &details(team)).await?;
        Ok(Team { token, team: team.clone() })
    }

    /// Makes of a team what `to_be` makes of it as it is. Two changes at once, also by several
    /// processes, are one after the other.
    ///
    /// # Errors
    /// An unknown token; a database that does not answer; one of `to_be`.
    pub async fn update_team<E: From<ChangeError>>(
        &self,
        actor: &Actor,
        token: Uuid,
        to_be: impl FnOnce(TeamToBe) -> Result<TeamToBe, E> + Send,
    ) -> Result<Team, E> {
        let mut change = Change::begin(&self.inner, actor).await?;
        let row = change.as_it_is("token, name, team_users", "logweir_teams", token).await?;
        let as_it_is = team(&row).map_err(ChangeError::from)?;
        Ok(set_team(change, token, to_be(as_it_is.team)?).await?)
    }

    /// Removes a team.
    ///
    /// # Errors
    /// An unknown token; a database that does not answer.
    pub async fn delete_team(&self, actor: &Actor, token: Uuid) -> Result<(), ChangeError> {
        let mut change = Change::begin(&self.inner, actor).await?;
        let sql = change.sql("delete from {schema}.logweir_teams where token = $1");
        let deleted = sqlx::query(sql).bind(token).execute(change.connection()).await?;
        if deleted.rows_affected() == 0 {
            return Err(ChangeError::NotFound);
        }
        change.end("delete team", token, &json!({})).await
    }
}

async fn set_team(
    mut change: Change<'_>,
    token: Uuid,
    team: TeamToBe,
) -> Result<Team, ChangeError> {
    let sql = change.sql(
        "update {schema}.logweir_teams set name = $2, team_users = $3, updated_at = now() \
         where token = $1",
    );
    let query = sqlx::query(sql).bind(token).bind(&team.name).bind(Json(&team.users));
    query.execute(change.connection()).await?;
    change.end("update team", token, &details(&team)).await?;
    Ok(Team { token, team })
}

fn team(row: &PgRow) -> Result<Team, sqlx::Error> {
    let Json(users) = row.try_get("team_users")?;
    let team = TeamToBe { name: row.try_get("name")?, users };
    Ok(Team { token: row.try_get("token")?, team })
}

fn details(team: &TeamToBe) -> serde_json::Value {
    json!({ "name": team.name, "team_users": team.users })
}
