//! Queries of endpoints.

use std::sync::Arc;

use store::{Endpoint, EndpointKey, Grant, Store};
use uuid::Uuid;
use warp::http::Method;

use crate::{
    answer::Answer,
    answers,
    call::Call,
    job_labels,
    operation::{Needs, Operation, Shape},
    parameters::Parameters,
    plan::{self, Plan},
    refusal::Refusal,
    resource::{Field, TEXT, set},
    rows::{Reader, Rows},
};

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        method: Method::GET,
        path: "/api/endpoints/query/{name or token}",
        needs: Needs::Endpoint,
        summary: "Run the query of an endpoint",
        parameters: PARAMETERS,
        body: Shape::Nothing,
        answers: &[(200, Shape::Rows)],
        run: |call| Box::pin(endpoint_query(call)),
    },
    Operation {
        method: Method::POST,
        path: "/api/endpoints/query/{name or token}",
        needs: Needs::Endpoint,
        summary: "Run the query of an endpoint, its parameters in the body",
        parameters: PARAMETERS,
        body: Shape::Parameters,
        answers: &[(200, Shape::Rows)],
        run: |call| Box::pin(endpoint_query(call)),
    },
    Operation {
        method: Method::GET,
        path: BY_NAME,
        needs: Needs::Endpoint,
        summary: "Deprecated: the same by name",
        parameters: PARAMETERS,
        body: Shape::Nothing,
        answers: &[(200, Shape::Rows)],
        run: |call| Box::pin(endpoint_query(call)),
    },
    Operation {
        method: Method::GET,
        path: "/endpoints/query/{name or token}",
        needs: Needs::Endpoint,
        summary: "Deprecated: the same by its former path",
        parameters: PARAMETERS,
        body: Shape::Nothing,
        answers: &[(200, Shape::Rows)],
        run: |call| Box::pin(endpoint_query(call)),
    },
];

/// Takes names alone: they may look like tokens.
const BY_NAME: &str = "/api/endpoints/query/name/{name}";

const PARAMETERS: &[Field] = &[
    set("sql", TEXT, "SQL of one's own over the endpoint's CTEs, where it is sandboxable"),
    set(
        "lql",
        TEXT,
        "LQL over one of the endpoint's CTEs, where it is sandboxable and there is no sql",
    ),
];

/// Whether addresses are taken out, for one request.
const REDACT: &str = "lf-endpoint-redact-pii";

async fn endpoint_query(call: Call) -> Result<Answer, Refusal> {
    let endpoint = authorised_endpoint(&call)?;
    let mut parameters = call.parameters.clone();
    // A GET may carry its query in a body when the URL has none.
    let has_query = parameters.get("sql").or(parameters.get("lql")).is_some();
    if call.method == Method::POST || (endpoint.sandboxable && !has_query) {
        parameters.add_body(&call.body)?;
    }
    let plan = planned(&call.store, &endpoint, &parameters).await?;
    let plan = match call.headers.get(job_labels::HEADER).map(|header| header.to_str()) {
        Some(Ok(header)) => plan.labelled(job_labels::of(&endpoint, &parameters, Some(header))),
        _ => plan,
    };
    // Who has no grant is told no more than the endpoint tells everybody.
    let is_granted = is_granted(&call, &endpoint);
    let redact = match call.headers.get(REDACT) {
        Some(header) if header == "true" || is_granted => header == "true",
        _ => endpoint.redact_pii,
    };
    let reader = if is_granted { Reader::Known } else { Reader::Anybody };
    let rows = call.answers.rows(&call.store, &endpoint, parameters, &plan, redact, reader).await;
    rows.map(Answer::Rows).map_err(Refusal::Query)
}

/// Runs the query of an alert, which asks as an endpoint does.
pub(crate) async fn run(
    store: &Store,
    endpoint: &Endpoint,
    parameters: &Parameters,
) -> Result<Rows, Refusal> {
    let plan = planned(store, endpoint, parameters).await?;
    let rows = answers::run(store, &plan, endpoint.redact_pii, Reader::OfAlert).await;
    rows.map_err(|error| Refusal::Query(error.into()))
}

/// What is wrong may be right as soon as it is known what other processes have just made. A fault of
/// ours is for the log; what a person typed is for that person.
async fn planned(
    store: &Store,
    endpoint: &Endpoint,
    parameters: &Parameters,
) -> Result<Plan, Refusal> {
    let known = store.known_catalog();
    let mut planned = plan::of_endpoint(store, endpoint, parameters);
    if planned.is_err() && store.has_news(known).await {
        planned = plan::of_endpoint(store, endpoint, parameters);
    }
    planned.inspect_err(|refusal| {
        let Refusal::Translation(diagnostic) = refusal else { return };
        let consumer = parameters.get("sql").or(parameters.get("lql"));
        if diagnostic.kind == translate::Kind::Internal || consumer.is_none() {
            let name = &endpoint.name;
            tracing::error!(endpoint = name, %diagnostic, query = consumer, "a query cannot be translated");
        }
    })
}

/// Whether the caller has shown a token that may query the endpoint, be it open to all or not.
pub(crate) fn is_granted(call: &Call, endpoint: &Endpoint) -> bool {
    call.grant.as_ref().is_some_and(|grant| grant.may_query(endpoint.id))
}

/// The endpoint that the path names, by name or token, for a caller who may ask it. Who may not query
/// learns nothing of which there are.
pub(crate) fn authorised_endpoint(call: &Call) -> Result<Arc<Endpoint>, Refusal> {
    let named = call.captured(0);
    let by_token = if call.path == BY_NAME { None } else { Uuid::try_parse(named).ok() };
    let key = by_token.map_or(EndpointKey::Name(named), EndpointKey::Token);
    let grant = call.grant.as_ref();
    match call.store.endpoint(key) {
        Some(endpoint)
            if is_granted(call, &endpoint) || (!endpoint.enable_auth && by_token.is_some()) =>
        {
            Ok(endpoint)
        }
        None if grant.is_some_and(Grant::may_query_all) => {
            Err(Refusal::UnknownEndpoint(named.to_owned()))
        }
        _ => Err(Refusal::Unauthorized),
    }
}
