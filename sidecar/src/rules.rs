//! Rules: which events of a source go to another source or to a backend besides.

use std::{collections::HashSet, sync::Arc};

use serde_json::{Map, Value, json};
use store::{Rule, RuleToBe, SourceKey, Store};
use uuid::Uuid;
use warp::http::Method;

use crate::{
    answer::Answer,
    call::Call,
    operation::{MOST_AT_ONCE, Needs, Operation, Shape},
    refusal::{FieldErrors, Refusal},
    resource::{COUNT, For, Kind, Resource, TEXT, required, set, shown},
};

/// A rule, as Logflare has it.
pub(crate) static RULE: Resource = Resource {
    name: "Rule",
    fields: &[
        shown("id", COUNT, "Number of the rule."),
        shown("token", Kind::Uuid, "Public id."),
        required("source_id", Kind::Id, "The source whose events are looked at.").such_as("1"),
        required("lql_string", Kind::Text(16 << 10), "Which of them, in LQL.")
            .such_as("\"m.level:error\""),
        set("backend_id", Kind::Id, "The backend that gets them.").such_as("1"),
        set("sink", Kind::Uuid, "Token of the source that gets them."),
    ],
};

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        method: Method::GET,
        path: "/api/rules",
        needs: Needs::Management,
        summary: "List rules",
        parameters: &[
            set("backend_id", Kind::Id, "Only those of this backend."),
            set("backend_token", TEXT, "The same, by its token."),
        ],
        body: Shape::Nothing,
        answers: &[(200, Shape::List(&RULE))],
        run: |call| Box::pin(list(call)),
    },
    Operation {
        method: Method::POST,
        path: "/api/rules",
        needs: Needs::Management,
        summary: "Create rule, or several of a JSON array, at most 1,000",
        parameters: &[],
        body: Shape::OneOrSeveral(&RULE),
        answers: &[(201, Shape::OneOrSeveral(&RULE))],
        run: |call| Box::pin(create(call)),
    },
    Operation {
        method: Method::GET,
        path: "/api/rules/{token}",
        needs: Needs::Management,
        summary: "Fetch rule",
        parameters: &[],
        body: Shape::Nothing,
        answers: &[(200, Shape::One(&RULE))],
        run: |call| Box::pin(show(call)),
    },
    Operation {
        method: Method::PUT,
        path: "/api/rules/{token}",
        needs: Needs::Management,
        summary: "Update rule",
        parameters: &[],
        body: Shape::One(&RULE),
        answers: &[(200, Shape::One(&RULE))],
        run: |call| Box::pin(replace(call)),
    },
    Operation {
        method: Method::PATCH,
        path: "/api/rules/{token}",
        needs: Needs::Management,
        summary: "Update rule",
        parameters: &[],
        body: Shape::One(&RULE),
        answers: &[(204, Shape::Nothing)],
        run: |call| Box::pin(patch(call)),
    },
    Operation {
        method: Method::DELETE,
        path: "/api/rules/{token}",
        needs: Needs::Management,
        summary: "Delete rule",
        parameters: &[],
        body: Shape::Nothing,
        answers: &[(204, Shape::Nothing)],
        run: |call| Box::pin(delete(call)),
    },
];

async fn list(call: Call) -> Result<Answer, Refusal> {
    let wanted = match (call.parameters.get("backend_id"), call.parameters.get("backend_token")) {
        (None, None) => None,
        (Some(id), _) => {
            let wrong = |_| Refusal::Request("backend_id: the number of a backend".to_owned());
            let id: i64 = id.parse().map_err(wrong)?;
            Some(call.found(|store| has_backend(store, id).then_some(id)).await?)
        }
        (None, Some(token)) => {
            let token = Uuid::try_parse(token).map_err(|_| Refusal::NotFound)?;
            Some(call.found(|store| store.backend(token)).await?.id)
        }
    };
    let rules = call.store.rules();
    let found = rules.iter().filter(|rule| wanted.is_none() || rule.backend_id == wanted);
    Ok(Answer::Found(found.map(|rule| shown_rule(rule)).collect()))
}

async fn show(call: Call) -> Result<Answer, Refusal> {
    let token = call.token()?;
    Ok(Answer::Found(shown_rule(&*call.found(|store| store.rule(token)).await?)))
}

async fn create(call: Call) -> Result<Answer, Refusal> {
    match call.json()? {
        Value::Object(given) => {
            know_what_is_named(&call.store, [&given]).await?;
            Ok(Answer::Created(shown_rule(&*create_one(&call, &given).await?)))
        }
        Value::Array(given) if given.len() > MOST_AT_ONCE => {
            let count = given.len();
            let text = format!("at most {MOST_AT_ONCE} rules are made at once, these are {count}");
            Err(Refusal::Request(text))
        }
        Value::Array(given) => create_all(&call, &given).await,
        _ => Err(Refusal::Body("it is neither a JSON object nor an array of them".to_owned())),
    }
}

async fn create_one(call: &Call, given: &Map<String, Value>) -> Result<Arc<Rule>, Refusal> {
    let to_be = read(&call.store, given, None)?;
    Ok(call.store.create_rule(&call.actor()?, &to_be).await?)
}

/// Makes what can be made, and says what is wrong with the others.
async fn create_all(call: &Call, given: &[Value]) -> Result<Answer, Refusal> {
    know_what_is_named(&call.store, given.iter().filter_map(Value::as_object)).await?;
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    for (at, one) in given.iter().enumerate() {
        let Value::Object(one) = one else {
            errors.push("a rule is a JSON object".to_owned());
            continue;
        };
        match create_one(call, one).await {
            Ok(rule) => results.push(shown_rule(&rule)),
            Err(Refusal::Fields(wrong)) => {
                let texts = wrong.0.iter().flat_map(|(field, texts)| {
                    texts.iter().map(move |text| format!("{field} {text}"))
                });
                errors.extend(texts);
            }
            // The contract's word for what belongs to nobody.
            Err(Refusal::NotFound) => errors.push("Unauthorized".to_owned()),
            // What is made already has to be told, or it would be made again. Each of the others may
            // have to wait as long as this one.
            Err(other) if !results.is_empty() => {
                errors.push(other.to_string());
                match given.len() - at - 1 {
                    0 => {}
                    left => errors.push(format!("the last {left} of the rules were not tried")),
                }
                break;
            }
            Err(other) => return Err(other),
        }
    }
    let is_whole = errors.is_empty();
    let body = json!({ "results": results, "errors": errors });
    Ok(if is_whole { Answer::Created(body) } else { Answer::InPart(body) })
}

async fn replace(call: Call) -> Result<Answer, Refusal> {
    Ok(Answer::Found(shown_rule(&*update(&call).await?)))
}

async fn patch(call: Call) -> Result<Answer, Refusal> {
    update(&call).await?;
    Ok(Answer::Done)
}

async fn update(call: &Call) -> Result<Arc<Rule>, Refusal> {
    let given = call.object()?;
    know_what_is_named(&call.store, [&given]).await?;
    let to_be = |before: Rule| read(&call.store, &given, Some(&before));
    call.store.update_rule(&call.actor()?, call.token()?, to_be).await
}

async fn delete(call: Call) -> Result<Answer, Refusal> {
    call.store.delete_rule(&call.actor()?, call.token()?).await?;
    Ok(Answer::Done)
}

/// Catches up, once for all that is given, where a source or a backend that is named is unknown:
/// another process may have just made it.
async fn know_what_is_named<'g>(
    store: &Store,
    given: impl IntoIterator<Item = &'g Map<String, Value>>,
) -> Result<(), Refusal> {
    let (sources, backends) = (store.sources(), store.backends());
    let sources_by_id: HashSet<_> = sources.iter().map(|source| source.id).collect();
    let tokens: HashSet<_> = sources.iter().map(|source| source.token).collect();
    let backends: HashSet<_> = backends.iter().map(|backend| backend.id).collect();
    let knows = |given: &Map<String, Value>| {
        let id = |field: &str| given.get(field).and_then(number);
        let sink = given.get("sink").and_then(Value::as_str).and_then(|sink| sink.parse().ok());
        id("source_id").is_none_or(|id| sources_by_id.contains(&id))
            && id("backend_id").is_none_or(|id| backends.contains(&id))
            && sink.is_none_or(|sink: Uuid| tokens.contains(&sink))
    };
    if !given.into_iter().all(knows) {
        store.catch_up().await?;
    }
    Ok(())
}

/// A number of a thing, also as text.
fn number(given: &Value) -> Option<i64> {
    match given {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64(),
    }
}

fn has_backend(store: &Store, id: i64) -> bool {
    store.backends().iter().any(|backend| backend.id == id)
}

/// What the rule is to be by what is given.
fn read(
    store: &Store,
    given: &Map<String, Value>,
    before: Option<&Rule>,
) -> Result<RuleToBe, Refusal> {
    let what_for = if before.is_some() { For::Update } else { For::Creation };
    let fields = RULE.read(given, what_for)?;
    let source_id = match fields.get("source_id").and_then(Value::as_i64) {
        Some(given) => given,
        None => before.map_or(0, |before| before.source_id),
    };
    let lql_string = match fields.get("lql_string").and_then(Value::as_str) {
        Some(given) => given.to_owned(),
        None => before.map(|before| before.lql_string.clone()).unwrap_or_default(),
    };
    let backend_id = match fields.get("backend_id") {
        Some(given) => given.as_i64(),
        None => before.and_then(|before| before.backend_id),
    };
    let sink = match fields.get("sink") {
        Some(given) => given.as_str().and_then(|token| Uuid::try_parse(token).ok()),
        None => before.and_then(|before| before.sink),
    };
    let sources = store.sources();
    let source = sources.iter().find(|one| one.id == source_id).ok_or(Refusal::NotFound)?;
    if backend_id.is_some_and(|backend| !has_backend(store, backend)) {
        return Err(Refusal::NotFound);
    }
    if sink.is_some_and(|sink| store.source(SourceKey::Token(sink)).is_none()) {
        return Err(Refusal::NotFound);
    }
    let mut errors = FieldErrors::default();
    if let Err(error) = lql::parse(&lql_string) {
        errors.add("lql_string", error.to_string());
    }
    match sink {
        Some(sink) if sink == source.token => {
            errors.add("sink", "must be another source than the one whose events are looked at");
        }
        None if backend_id.is_none() => {
            errors.add("backend_id", "can't be blank where there is no sink either");
        }
        _ => {}
    }
    errors.into_result()?;
    Ok(RuleToBe { source_id, lql_string, backend_id, sink })
}

/// A rule as the API shows it.
fn shown_rule(rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "token": rule.token,
        "source_id": rule.source_id,
        "lql_string": rule.lql_string,
        "backend_id": rule.backend_id,
        "sink": rule.sink,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As fields are read: else what another process has made is unknown where its number is text.
    #[test]
    fn numbers_may_be_texts() {
        for (given, expected) in
            [(json!(7), Some(7)), (json!(" 7 "), Some(7)), (json!("x"), None), (json!(null), None)]
        {
            assert_eq!(number(&given), expected, "{given}");
            let read = RULE
                .read(&json!({ "backend_id": given }).as_object().unwrap().clone(), For::Update);
            let read = read.ok().and_then(|fields| fields.get("backend_id")?.as_i64());
            assert_eq!(read, expected, "{given}");
        }
    }
}
