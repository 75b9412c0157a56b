//! Routes: one filter finds the operation that a request asks for, and runs it.

use bytes::Bytes;
use futures_util::Stream;
use store::{AccessTokens, Grant, Readiness, Store};
use warp::{
    Filter as _,
    filters::BoxedFilter,
    http::{HeaderMap, Method},
    path::FullPath,
    reject::Rejection,
    reply::Response,
};

use crate::{
    answer::{self, Answer},
    answers::Answers,
    body::BodyMemory,
    call::Call,
    cors,
    operation::{Needs, Operation, Shape},
    operations::OPERATIONS,
    parameters::Parameters,
    query,
    refusal::Refusal,
    swagger_ui,
};

/// What those are told who show no token that is known to open what they ask for, while the catalog
/// cannot be asked for one that was made a moment ago. It does not say why.
const UNCERTAIN: &str =
    "it cannot be told now whether this may be asked for; ask again in a moment";

/// All routes of the sidecar, as [`OPERATIONS`] lists them. An unknown path is rejected as not
/// found; nothing else is rejected.
pub fn routes(store: Store) -> BoxedFilter<(Response,)> {
    let (answers, memory) = (Answers::new(), BodyMemory::new());
    let query_string = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::path::full()
        .and(warp::method())
        .and_then(|path: FullPath, method| std::future::ready(find(path.as_str(), &method)))
        .and(warp::header::headers_cloned())
        .and(query_string)
        .and(warp::body::stream())
        .then(move |found: Found, headers, query: String, body| {
            let (store, answers, memory) = (store.clone(), answers.clone(), memory.clone());
            async move {
                let Target { operation, method, captured } = match found {
                    Found::Operation(target) => target,
                    Found::OtherMethods(methods) => return answer::only(&methods),
                    Found::Preflight => return cors::preflight(),
                };
                let parameters = Parameters::from_query_string(&query);
                let call = Call {
                    grant: presented(&headers, &parameters).and_then(|token| store.grant(token)),
                    store,
                    answers,
                    method,
                    path: operation.path,
                    captured,
                    parameters,
                    headers,
                    body: Bytes::new(),
                };
                let response = match run(operation, call, &memory, body).await {
                    Ok(answer) => answer.into_response(),
                    Err(refusal) => answer::refusal(&refusal),
                };
                match operation.needs {
                    Needs::Endpoint => cors::open(response),
                    _ => response,
                }
            }
        })
        .or(swagger_ui::routes())
        .unify()
        .boxed()
}

/// What a path and a method ask for.
enum Found {
    Operation(Target),
    /// The path takes other methods: these.
    OtherMethods(String),
    /// A browser asks whether a page may ask an endpoint.
    Preflight,
}

struct Target {
    operation: &'static Operation,
    method: Method,
    captured: Vec<String>,
}

fn find(path: &str, method: &Method) -> Result<Found, Rejection> {
    let mut methods = Vec::new();
    for operation in OPERATIONS.iter().copied().flatten() {
        let Some(captured) = operation.captures(path) else { continue };
        if operation.method == *method {
            let method = method.clone();
            return Ok(Found::Operation(Target { operation, method, captured }));
        }
        if *method == Method::OPTIONS && operation.needs == Needs::Endpoint {
            return Ok(Found::Preflight);
        }
        methods.push(operation.method.as_str());
    }
    match methods.is_empty() {
        true => Err(warp::reject::not_found()),
        false => Ok(Found::OtherMethods(methods.join(", "))),
    }
}

/// Lets the caller in before anything of the body is taken; what nobody reads is not taken at all.
async fn run(
    operation: &Operation,
    mut call: Call,
    memory: &BodyMemory,
    body: impl Stream<Item = Result<impl bytes::Buf, warp::Error>>,
) -> Result<Answer, Refusal> {
    if call.store.readiness() == Readiness::Starting {
        return Err(Refusal::Starting);
    }
    if let_in(operation, &call).is_err() {
        // Another process may have made the token, or the endpoint, a moment ago. That is found out for
        // whoever is refused, so that the time that it takes says nothing.
        let caught_up = match presented(&call.headers, &call.parameters) {
            None if operation.needs == Needs::Management => return Err(Refusal::Unauthorized),
            _ => call.store.catch_up().await,
        };
        let token = presented(&call.headers, &call.parameters);
        call.grant = token.and_then(|token| call.store.grant(token));
        match (let_in(operation, &call), caught_up) {
            // Who may query all may know why.
            (Err(Refusal::UnknownEndpoint(_)), Err(error)) => return Err(error.into()),
            (Err(_), Err(error)) => {
                tracing::debug!(%error, "it is not known whether a caller may be let in");
                return Err(Refusal::Unavailable(UNCERTAIN.to_owned()));
            }
            (asked_again, _) => asked_again?,
        }
    }
    if matches!(operation.body, Shape::Nothing) && operation.needs != Needs::Endpoint {
        return (operation.run)(call).await;
    }
    let is_known = match operation.needs {
        Needs::Management => true,
        Needs::Nothing => false,
        Needs::Endpoint => query::is_granted(&call, &*query::authorised_endpoint(&call)?),
    };
    let held = memory.collect(body, &call.headers, is_known).await?;
    call.body = held.bytes.clone();
    (operation.run)(call).await
}

/// Whether the caller may ask for it.
fn let_in(operation: &Operation, call: &Call) -> Result<(), Refusal> {
    match operation.needs {
        Needs::Management => {
            let may = call.grant.as_ref().is_some_and(Grant::may_manage);
            may.then_some(()).ok_or(Refusal::Unauthorized)
        }
        Needs::Nothing => Ok(()),
        Needs::Endpoint => query::authorised_endpoint(call).map(drop),
    }
}

/// The token that a request brings.
fn presented<'c>(headers: &'c HeaderMap, parameters: &'c Parameters) -> Option<&'c str> {
    let header = |name: &str| {
        headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
    };
    AccessTokens::presented(header("authorization"), header("x-api-key"), parameters.get("api_key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_found_by_path_and_method() {
        let found = |method: &str, path: &str| match find(path, &method.parse().unwrap()) {
            Ok(Found::Operation(target)) => {
                format!("{} {:?}", target.operation.path, target.captured)
            }
            Ok(Found::OtherMethods(methods)) => methods,
            Ok(Found::Preflight) => "preflight".to_owned(),
            Err(rejection) => format!("{rejection:?}"),
        };
        for (method, path, expected) in [
            ("GET", "/api/sources", "/api/sources []"),
            ("GET", "/api/sources/", "/api/sources []"),
            ("PUT", "/api/sources/a%20b", "/api/sources/{token} [\"a b\"]"),
            (
                "POST",
                "/api/endpoints/query/logs.all",
                "/api/endpoints/query/{name or token} [\"logs.all\"]",
            ),
            ("GET", "/api/endpoints/query/name/a", "/api/endpoints/query/name/{name} [\"a\"]"),
            ("GET", "/endpoints/query/a", "/endpoints/query/{name or token} [\"a\"]"),
            ("OPTIONS", "/api/endpoints/query/a", "preflight"),
            ("OPTIONS", "/api/sources", "GET, POST"),
            ("GET", "/api/nothing", "Rejection(NotFound)"),
            ("GET", "/", "Rejection(NotFound)"),
        ] {
            assert_eq!(found(method, path), expected, "{method} {path}");
        }
        assert!(found("DELETE", "/api/sources").contains("GET, POST"));
    }

    #[test]
    fn no_two_operations_are_the_same() {
        let mut all: Vec<_> = OPERATIONS
            .iter()
            .copied()
            .flatten()
            .map(|operation| format!("{} {}", operation.method, operation.path))
            .collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
