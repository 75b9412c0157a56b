//! Queries of one's own over sources and endpoints, and what such a query asks for.

use serde_json::{Value, json};
use store::{QueryError, Store};
use warp::http::Method;

use crate::{
    answer::Answer,
    backends::has_backend,
    call::Call,
    catalog_sources::CatalogSources,
    operation::{Needs, Operation, Shape},
    parameters::Parameters,
    plan::{self, NO_CLICKHOUSE},
    refusal::Refusal,
    resource::{TEXT, set},
    rows::{Reader, Rows},
};

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        method: Method::GET,
        path: "/api/query",
        needs: Needs::Management,
        summary: "Run a query over sources and endpoints; its parameters are NULL",
        parameters: &[
            set("sql", TEXT, "A query in BigQuery SQL").such_as("\"select 1 as one\""),
            set("bq_sql", TEXT, "The same"),
            set("pg_sql", TEXT, "A query in PostgreSQL's SQL"),
            set("ch_sql", TEXT, "Refused: ClickHouse is not queried"),
            set("backend_id", TEXT, "Refused where it is given: the store is queried, no backend"),
        ],
        body: Shape::Nothing,
        answers: &[(200, Shape::Rows)],
        run: |call| Box::pin(query(call)),
    },
    Operation {
        method: Method::GET,
        path: "/api/query/parse",
        needs: Needs::Management,
        summary: "The parameters of a query, its text without the endpoints that it names, and what it \
                  would cost where the events are in BigQuery",
        parameters: &[
            set("sql", TEXT, "A query in BigQuery SQL").such_as("\"select 1 as one\""),
            set("bq_sql", TEXT, "The same"),
        ],
        body: Shape::Nothing,
        answers: &[(200, Shape::Any)],
        run: |call| Box::pin(parse(call)),
    },
];

/// As many rows as BigQuery gives Logflare.
const MAX_ROWS: u64 = 1000;

async fn query(call: Call) -> Result<Answer, Refusal> {
    refuse_backend(&call.store, &call.parameters).await?;
    let Some((language, text)) = given(&call.parameters, &["sql", "bq_sql", "ch_sql", "pg_sql"])
    else {
        return refused(
            "No query params provided. Supported query params are sql=, bq_sql=, ch_sql=, and pg_sql=",
        );
    };
    if language == "ch_sql" {
        return refused(NO_CLICKHOUSE);
    }
    let known = call.store.known_catalog();
    let mut planned = plan::of_text(&call.store, language, text, MAX_ROWS);
    // What is named may have just been made by another process.
    if planned.is_err() && call.store.has_news(known).await {
        planned = plan::of_text(&call.store, language, text, MAX_ROWS);
    }
    let plan = planned.map_err(told)?;
    let rows = plan.rows(&call.store).await;
    let rows =
        rows.and_then(|rows| Rows::of(&rows.into_json(), Reader::Known)).map_err(|error| {
            match error {
                QueryError::Unavailable(_) => Refusal::Unavailable(error.to_string()),
                error => Refusal::Request(error.to_string()),
            }
        })?;
    Ok(Answer::Rows(rows))
}

async fn parse(call: Call) -> Result<Answer, Refusal> {
    let Some((language, text)) = given(&call.parameters, &["sql", "bq_sql", "ch_sql"]) else {
        return refused("No query params provided. Supported query params are sql= and bq_sql=");
    };
    if language == "ch_sql" {
        return refused(NO_CLICKHOUSE);
    }
    let expanded = translate::expand(text, &CatalogSources::new(&call.store))
        .map_err(|diagnostic| Refusal::Request(format!("sql parser error: {diagnostic}")))?;
    let mut result = json!({
        "parameters": expanded.parameters,
        "expanded_query": expanded.text,
    });
    if call.store.is_on_bigquery() {
        add_estimate(&call.store, text, &mut result).await;
    }
    Ok(Answer::Found(json!({ "result": result })))
}

/// Adds what a query would cost, or why BigQuery does not say.
async fn add_estimate(store: &Store, text: &str, result: &mut Value) {
    let estimate = match plan::of_text(store, "bq_sql", text, MAX_ROWS) {
        Ok(plan) => match plan.estimate(store).await {
            Some(estimate) => estimate.map_err(|error| error.to_string()),
            None => return,
        },
        Err(refusal) => Err(refusal.to_string()),
    };
    match estimate {
        Ok(bytes) => result["estimated_bytes_processed"] = json!(bytes),
        Err(reason) => result["no_estimate"] = json!(reason),
    }
}

/// The first of these that is given.
fn given<'p>(
    parameters: &'p Parameters,
    names: &[&'static str],
) -> Option<(&'static str, &'p str)> {
    names.iter().find_map(|name| Some((*name, parameters.get(name)?)))
}

async fn refuse_backend(store: &Store, parameters: &Parameters) -> Result<(), Refusal> {
    let Some(id) = parameters.get("backend_id") else { return Ok(()) };
    let Ok(id) = id.trim().parse::<i64>() else {
        return refused("Invalid backend_id: must be an integer");
    };
    match has_backend(store, id).await? {
        true => refused("Backend does not support querying"),
        false => refused("Backend not found"),
    }
}

/// What is wrong with the query is what is wrong with the request.
fn told(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Translation(diagnostic) => Refusal::Request(diagnostic.to_string()),
        other => other,
    }
}

fn refused<T>(text: &str) -> Result<T, Refusal> {
    Err(Refusal::Request(text.to_owned()))
}
