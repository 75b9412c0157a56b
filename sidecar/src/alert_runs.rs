//! Runs alerts when they are due.

use std::{sync::Arc, time::Duration};

use drains::{Copies, Drains};
use jiff::Timestamp;
use serde_json::{json, value::RawValue};
use store::{Alert, Readiness, Store};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use uuid::Uuid;

use crate::{
    alerts,
    hooks::{self, Hooks, Untold},
    schedule::Schedule,
};

/// How often it is looked which alerts are due.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// Queries of alerts that run at a time: people who ask queries must not wait for them.
const AT_A_TIME: usize = 2;

/// What backends are told that the events come from.
const SOURCE: &str = "logweir.alerts";

/// Bytes of the rows that a backend gets: receivers refuse events that are much larger.
const MOST_BYTES: usize = 256 << 10;

/// Runs alerts when they are due, for as long as the future is polled; backends are told by way of
/// `drains`. Of several processes one runs an alert that is due. One that ends while it runs it has
/// told nobody then; the next time is not lost.
pub async fn keep_alerting(store: Store, drains: Drains) {
    let hooks = match Hooks::new() {
        Ok(hooks) => hooks,
        Err(error) => return tracing::error!(%error, "no alert can tell anybody anything"),
    };
    let told = Told { hooks, drains };
    let places = Arc::new(Semaphore::new(AT_A_TIME));
    let mut running = JoinSet::new();
    let mut looks = interval(LOOK_INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        while running.try_join_next().is_some() {}
        if store.readiness() != Readiness::Ready {
            continue;
        }
        let alerts = match store.alerts().await {
            Ok(alerts) => alerts,
            Err(error) => {
                tracing::warn!(%error, "alerts cannot be looked at");
                continue;
            }
        };
        for alert in alerts {
            let Some(due) = due(&alert) else { continue };
            match store.claim_alert(alert.id, due.as_microsecond()).await {
                Ok(true) => {}
                Ok(false) => continue,
                Err(error) => {
                    tracing::warn!(alert = %alert.token, %error, "an alert cannot be claimed");
                    continue;
                }
            }
            let (store, told, places) = (store.clone(), told.clone(), Arc::clone(&places));
            running.spawn(async move { run(&store, &told, &places, &alert).await });
        }
    }
}

/// The time for which it is due now.
fn due(alert: &Alert) -> Option<Timestamp> {
    if !alert.alert.enabled {
        return None;
    }
    let last = Timestamp::from_microsecond(alert.last_due_at).ok()?;
    Schedule::read(&alert.alert.cron).ok()?.due(last, Timestamp::now())
}

/// By whom people are told.
#[derive(Clone)]
struct Told {
    hooks: Hooks,
    drains: Drains,
}

async fn run(store: &Store, told: &Told, places: &Semaphore, alert: &Alert) {
    let (token, name) = (alert.token, &alert.alert.name);
    let place = places.acquire().await;
    let json = alerts::rows(store, &alert.alert).await;
    drop(place);
    let json = match json {
        Ok(json) => json,
        Err(error) => {
            return tracing::warn!(alert = %token, name, %error, "the query of an alert failed");
        }
    };
    // The store wrote it.
    let rows: Vec<&RawValue> = serde_json::from_str(json.json()).unwrap_or_default();
    tracing::info!(alert = %token, name, rows = rows.len(), "an alert has run");
    if rows.is_empty() {
        return;
    }
    let warn = |what: &str, told: Result<(), Untold>| {
        if let Err(error) = told {
            tracing::warn!(alert = %token, name, %error, "an alert's {what} is not told");
        }
    };
    let webhook = async {
        if let Some(url) = &alert.alert.webhook_notification_url {
            warn("webhook", told.hooks.tell(url, json.text()).await);
        }
    };
    let slack = async {
        if let Some(url) = &alert.alert.slack_hook_url {
            let body = hooks::slack_body(name, &rows).to_string();
            warn("Slack channel", told.hooks.tell(url, &body).await);
        }
    };
    let backends = async {
        alerts::know_backends(store, std::slice::from_ref(alert)).await;
        for backend in alerts::backends(store, &alert.alert) {
            let mut copies = Copies::default();
            copies.push(event(alert, &rows).as_bytes());
            told.drains.put(&backend, SOURCE, copies).await;
        }
    };
    tokio::join!(webhook, slack, backends);
}

/// What a backend gets: one event, with as many of the rows as go into it.
fn event(alert: &Alert, rows: &[&RawValue]) -> String {
    let count = rows.len();
    let noun = if count == 1 { "row" } else { "rows" };
    let name = &alert.alert.name;
    let head = json!({
        "id": Uuid::new_v4(),
        "timestamp": Timestamp::now().as_microsecond(),
        "event_message": format!("{name}: {count} {noun}"),
        "alert": { "token": alert.token, "name": name },
        "rows": count,
    });
    let mut bytes = 0;
    let shown = rows.iter().map(|row| row.get()).take_while(|row| {
        bytes += row.len();
        bytes <= MOST_BYTES
    });
    let shown: Vec<_> = shown.collect();
    let head = head.to_string();
    let head = head.strip_suffix('}').unwrap_or(&head);
    format!("{head},\"result\":[{}]}}", shown.join(","))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, value::to_raw_value};
    use store::AlertToBe;

    use super::*;

    #[test]
    fn an_event_has_as_many_rows_as_go_into_it() {
        let alert = Alert {
            id: 1,
            token: Uuid::nil(),
            alert: AlertToBe {
                name: "a \"b\"".to_owned(),
                description: None,
                language: String::new(),
                query: String::new(),
                cron: String::new(),
                slack_hook_url: None,
                webhook_notification_url: None,
                enabled: true,
                backend_ids: Vec::new(),
                source_mapping: BTreeMap::new(),
            },
            last_due_at: 0,
        };
        for (length, count, message, shown) in
            [(1, 1, "a \"b\": 1 row", 1), (100_000, 3, "a \"b\": 3 rows", 2)]
        {
            let row = to_raw_value(&json!({ "text": "x".repeat(length) })).unwrap();
            let event = event(&alert, &vec![&*row; count]);
            assert!(!event.contains('\n'));
            let event: Value = serde_json::from_str(&event).unwrap();
            assert_eq!((&event["event_message"], &event["rows"]), (&json!(message), &json!(count)));
            assert_eq!(event["result"].as_array().unwrap().len(), shown);
            assert_eq!(event["result"][0]["text"].as_str().unwrap().len(), length);
            assert!(event["timestamp"].is_i64() && event["id"].is_string());
        }
    }
}
