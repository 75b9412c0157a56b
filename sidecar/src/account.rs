//! The account: there is one, and its fields are those of Logflare's users.

use serde_json::{Value, json};
use store::Store;
use uuid::Uuid;
use warp::http::Method;

use crate::{
    answer::Answer,
    operation::{Needs, Operation, Shape},
    resource::{COUNT, Kind, Resource, TEXT, shown},
};

/// What Logflare's single tenant is called too.
const EMAIL: &str = "default@logflare.app";

/// The same everywhere: an installation has one account, and nothing is found by it.
const TOKEN: Uuid = Uuid::from_u128(0x6c6f_6777_6569_4000_8000_0000_0000_0001);

/// Rather than a limit: see `LOGWEIR_TOKEN_EVENTS_PER_MINUTE`.
const API_QUOTA: i64 = 125;

pub(crate) static ACCOUNT: Resource = Resource {
    name: "Account",
    fields: &[
        shown("email", TEXT, "Always the same."),
        shown("provider", TEXT, "How people sign in: `email`; nobody does."),
        shown(
            "api_key",
            TEXT,
            "The public token of the settings; null where it is the private one too.",
        ),
        shown("email_preferred", TEXT, "Always null."),
        shown("name", TEXT, "Always the same."),
        shown("image", TEXT, "Always null."),
        shown("email_me_product", Kind::Bool, "Always false."),
        shown("phone", TEXT, "Always null."),
        shown("bigquery_project_id", TEXT, "Always null, as all about BigQuery."),
        shown("bigquery_dataset_location", TEXT, "Always null."),
        shown("bigquery_dataset_id", TEXT, "Always null."),
        shown("bigquery_reservation_alerts", TEXT, "Always null."),
        shown("bigquery_reservation_search", TEXT, "Always null."),
        shown("bigquery_additional_projects", TEXT, "Always null."),
        shown("api_quota", COUNT, "Always 125. Not enforced."),
        shown("company", TEXT, "Always null."),
        shown("token", Kind::Uuid, "Always the same."),
        shown("metadata", Kind::Object, "Always null."),
        shown("partner_upgraded", Kind::Bool, "Always false."),
        shown("system_monitoring", Kind::Bool, "Always false."),
    ],
};

pub(crate) static OPERATIONS: &[Operation] = &[Operation {
    method: Method::GET,
    path: "/api/account",
    needs: Needs::Management,
    summary: "Fetch the account",
    parameters: &[],
    body: Shape::Nothing,
    answers: &[(200, Shape::One(&ACCOUNT))],
    run: |call| Box::pin(std::future::ready(Ok(Answer::Found(shown_account(&call.store))))),
}];

/// The account as the API shows it. Never with the private token.
pub(crate) fn shown_account(store: &Store) -> Value {
    json!({
        "email": EMAIL,
        "provider": "email",
        "api_key": store.tokens_of_settings().public_text(),
        "email_preferred": null,
        "name": "default",
        "image": null,
        "email_me_product": false,
        "phone": null,
        "bigquery_project_id": null,
        "bigquery_dataset_location": null,
        "bigquery_dataset_id": null,
        "bigquery_reservation_alerts": null,
        "bigquery_reservation_search": null,
        "bigquery_additional_projects": null,
        "api_quota": API_QUOTA,
        "company": null,
        "token": TOKEN,
        "metadata": null,
        "partner_upgraded": false,
        "system_monitoring": false,
    })
}
