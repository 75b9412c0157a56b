//! Teams: listed, made, changed, removed.

use serde_json::{Map, Value, json};
use store::{Store, Team, TeamToBe, TeamUser};
use uuid::Uuid;
use warp::http::Method;

use crate::{
    account,
    answer::Answer,
    call::Call,
    operation::{Needs, Operation, Shape},
    refusal::{FieldErrors, Refusal},
    resource::{For, Kind, Resource, required, set, set_once, shown},
};

/// Most people of a team.
const MOST_USERS: usize = 1000;

/// Most bytes of an address, and of a name.
const LONGEST_TEXT: usize = 255;

/// A team, as the published reference has it.
static TEAM: Resource = Resource {
    name: "Team",
    fields: &[
        required("name", Kind::Text(LONGEST_TEXT), "What it is called."),
        set("team_users", Kind::ListOf(&TEAM_USER), "Who is in it; `[]`.")
            .such_as("[{\"email\": \"a@example.com\", \"name\": \"A\"}]"),
        set_once("token", Kind::Uuid, "Public id; random where it is not given."),
        shown("user", Kind::Object, "Whose team it is: the account."),
    ],
};

/// Somebody who is in a team.
static TEAM_USER: Resource = Resource {
    name: "TeamUser",
    fields: &[
        required("email", Kind::Text(LONGEST_TEXT), "An address."),
        set("name", Kind::Text(LONGEST_TEXT), "What they are called."),
    ],
};

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        method: Method::GET,
        path: "/api/teams",
        needs: Needs::Management,
        summary: "List teams",
        parameters: &[],
        body: Shape::Nothing,
        answers: &[(200, Shape::List(&TEAM))],
        run: |call| Box::pin(list(call)),
    },
    Operation {
        method: Method::POST,
        path: "/api/teams",
        needs: Needs::Management,
        summary: "Create Team",
        parameters: &[],
        body: Shape::One(&TEAM),
        answers: &[(201, Shape::One(&TEAM))],
        run: |call| Box::pin(create(call)),
    },
    Operation {
        method: Method::GET,
        path: "/api/teams/{token}",
        needs: Needs::Management,
        summary: "Fetch team",
        parameters: &[],
        body: Shape::Nothing,
        answers: &[(200, Shape::One(&TEAM))],
        run: |call| Box::pin(show(call)),
    },
    Operation {
        method: Method::PUT,
        path: "/api/teams/{token}",
        needs: Needs::Management,
        summary: "Update team",
        parameters: &[],
        body: Shape::One(&TEAM),
        answers: &[(201, Shape::One(&TEAM))],
        run: |call| Box::pin(replace(call)),
    },
    Operation {
        method: Method::PATCH,
        path: "/api/teams/{token}",
        needs: Needs::Management,
        summary: "Update team",
        parameters: &[],
        body: Shape::One(&TEAM),
        answers: &[(204, Shape::Nothing)],
        run: |call| Box::pin(patch(call)),
    },
    Operation {
        method: Method::DELETE,
        path: "/api/teams/{token}",
        needs: Needs::Management,
        summary: "Delete Team",
        parameters: &[],
        body: Shape::Nothing,
        answers: &[(204, Shape::Nothing)],
        run: |call| Box::pin(delete(call)),
    },
];

async fn list(call: Call) -> Result<Answer, Refusal> {
    let teams = call.store.teams().await?;
    Ok(Answer::Found(teams.iter().map(|team| shown_team(&call.store, team)).collect()))
}

async fn show(call: Call) -> Result<Answer, Refusal> {
    let team = call.store.team(call.token()?).await?;
    Ok(Answer::Found(shown_team(&call.store, &team)))
}

async fn create(call: Call) -> Result<Answer, Refusal> {
    let given = TEAM.read(&call.object()?, For::Creation)?;
    let token = given.get("token").and_then(Value::as_str).map(Uuid::try_parse);
    let token = token.transpose().map_err(|_| FieldErrors::one("token", "is invalid"))?;
    let to_be = changed(TeamToBe::default(), &given)?;
    let team = call.store.create_team(&call.actor()?, token, &to_be).await?;
    Ok(Answer::Created(shown_team(&call.store, &team)))
}

async fn replace(call: Call) -> Result<Answer, Refusal> {
    let team = update(&call).await?;
    Ok(Answer::Created(shown_team(&call.store, &team)))
}

async fn patch(call: Call) -> Result<Answer, Refusal> {
    update(&call).await?;
    Ok(Answer::Done)
}

/// Fields that are not given stay as they are.
async fn update(call: &Call) -> Result<Team, Refusal> {
    let token = call.token()?;
    let given = TEAM.read(&call.object()?, For::Update)?;
    call.store.update_team(&call.actor()?, token, |as_it_is| changed(as_it_is, &given)).await
}

async fn delete(call: Call) -> Result<Answer, Refusal> {
    call.store.delete_team(&call.actor()?, call.token()?).await?;
    Ok(Answer::Done)
}

fn changed(mut team: TeamToBe, given: &Map<String, Value>) -> Result<TeamToBe, Refusal> {
    if let Some(name) = given.get("name").and_then(Value::as_str) {
        name.clone_into(&mut team.name);
    }
    match given.get("team_users") {
        Some(Value::Array(users)) => {
            team.users = users_of(users).map_err(|text| FieldErrors::one("team_users", text))?;
        }
        Some(_) => team.users.clear(),
        None => {}
    }
    Ok(team)
}

/// Else what is wrong with the first that is none.
fn users_of(given: &[Value]) -> Result<Vec<TeamUser>, String> {
    if given.len() > MOST_USERS {
        return Err(format!("should have at most {MOST_USERS} item(s)"));
    }
    let user = |user: &Value| {
        let text = |field| match user.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.len() <= LONGEST_TEXT => {
                Ok(Some(text.trim().to_owned()))
            }
            Some(_) => Err(format!("{field} is not text of at most {LONGEST_TEXT} bytes")),
        };
        let email = text("email")?.filter(|email| is_address(email));
        Ok(TeamUser { email: email.ok_or("email is not an address")?, name: text("name")? })
    };
    let numbered = given.iter().enumerate();
    numbered
        .map(|(at, given)| user(given).map_err(|text: String| format!("at {at}: {text}")))
        .collect()
}

/// Whether mail could go there. What it is for is for people, so little is asked.
fn is_address(text: &str) -> bool {
    let has_parts = text
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'));
    has_parts && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

fn shown_team(store: &Store, team: &Team) -> Value {
    json!({
        "token": team.token,
        "name": team.team.name,
        "team_users": team.team.users,
        "user": account::shown_account(store),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_of_a_team_are_read_or_the_first_fault_is_told() {
        let user = |email: &str, name: Option<&str>| TeamUser {
            email: email.to_owned(),
            name: name.map(str::to_owned),
        };
        for (given, expected) in [
            (json!([]), Ok(vec![])),
            (
                json!([{"email": " a@b.c ", "name": "A", "other": 1}, {"email": "ü@x"}]),
                Ok(vec![user("a@b.c", Some("A")), user("ü@x", None)]),
            ),
            (json!([{"email": "a@b"}, 5]), Err("at 1: email is not an address")),
            (json!([{"name": "A"}]), Err("at 0: email is not an address")),
            (json!([{"email": "@b"}]), Err("at 0: email is not an address")),
            (json!([{"email": "a@"}]), Err("at 0: email is not an address")),
            (json!([{"email": "a@b@c"}]), Err("at 0: email is not an address")),
            (json!([{"email": "a b@c"}]), Err("at 0: email is not an address")),
            (json!([{"email": "a\u{0}@c"}]), Err("at 0: email is not an address")),
            (json!([{"email": 5}]), Err("at 0: email is not text of at most 255 bytes")),
            (
                json!([{"email": "a@b", "name": "x".repeat(256)}]),
                Err("at 0: name is not text of at most 255 bytes"),
            ),
        ] {
            let read = users_of(given.as_array().unwrap());
            assert_eq!(read, expected.map_err(str::to_owned), "{given}");
        }
        let crowd = vec![json!({"email": "a@b"}); MOST_USERS + 1];
        assert!(users_of(&crowd).unwrap_err().contains("at most 1000"));
    }
}
