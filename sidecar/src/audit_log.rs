//! The audit log: who has changed what.

use serde_json::{Value, json};
use store::AuditEntry;
use warp::http::Method;

use crate::{
    answer::Answer,
    call::Call,
    operation::{Needs, Operation, Shape},
    refusal::Refusal,
    resource::{Kind, Resource, TEXT, required, set, shown},
    time,
};

const MOST_ENTRIES: u16 = 1000;
const USUAL_ENTRIES: u16 = 100;

static ENTRY: Resource = Resource {
    name: "AuditEntry",
    fields: &[
        required("id", Kind::Integer(1, i64::MAX), "Rises with every change."),
        required("at", Kind::Time, "When."),
        required("actor", TEXT, "Whose token it was: `private`, `access token 7`."),
        shown("request_id", TEXT, "The id of the request, as in its answer's `x-request-id`."),
        required("action", TEXT, "`create source` …"),
        required("subject", TEXT, "Token or id of what was changed."),
        required("details", Kind::Object, "What was given, without secrets."),
    ],
};

pub(crate) static OPERATIONS: &[Operation] = &[Operation {
    method: Method::GET,
    path: "/api/audit-log",
    needs: Needs::Management,
    summary: "List changes that people have made in the last 400 days, newest first. A page may have \
              fewer than were asked for: only an empty one is the last",
    parameters: &[
        set("limit", Kind::Integer(1, 1000), "How many; 100"),
        set(
            "before",
            Kind::Integer(i64::MIN, i64::MAX),
            "Only older ones than the one of this id: the last one of the page before",
        ),
    ],
    body: Shape::Nothing,
    answers: &[(200, Shape::List(&ENTRY))],
    run: |call| Box::pin(list(call)),
}];

async fn list(call: Call) -> Result<Answer, Refusal> {
    let limit = match call.parameters.get("limit") {
        None => USUAL_ENTRIES,
        Some(text) => {
            let limit = text.parse().ok().filter(|limit| (1..=MOST_ENTRIES).contains(limit));
            let wrong = || Refusal::Request(format!("limit: a number from 1 to {MOST_ENTRIES}"));
            limit.ok_or_else(wrong)?
        }
    };
    let before = call.parameters.get("before").map(|text| {
        text.parse().map_err(|_| Refusal::Request("before: the id of an entry".to_owned()))
    });
    let entries = call.store.audit_log(limit, before.transpose()?).await?;
    Ok(Answer::Found(entries.iter().map(shown_entry).collect()))
}

fn shown_entry(entry: &AuditEntry) -> Value {
    json!({
        "id": entry.id,
        "at": time::rfc3339(entry.at),
        "actor": entry.actor,
        "request_id": entry.request_id,
        "action": entry.action,
        "subject": entry.subject,
        "details": entry.details,
    })
}
