//! Runs alerts when they are due.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use store::{Alert, Readiness, Store};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use crate::{
    alerts,
    hooks::{self, Hooks, Untold},
    schedule::Schedule,
};

/// How often it is looked which alerts are due.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// Queries of alerts that run at a time: people who ask queries must not wait for them.
const AT_A_TIME: usize = 2;

/// Runs alerts when they are due, for as long as the future is polled. Of several processes one runs
/// an alert that is due. One that ends while it runs it has told nobody then; the next time is not
/// lost.
pub async fn keep_alerting(store: Store) {
    let hooks = match Hooks::new() {
        Ok(hooks) => hooks,
        Err(error) => return tracing::error!(%error, "no alert can tell anybody anything"),
    };
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
            let (store, hooks, places) = (store.clone(), hooks.clone(), Arc::clone(&places));
            running.spawn(async move { run(&store, &hooks, &places, &alert).await });
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

async fn run(store: &Store, hooks: &Hooks, places: &Semaphore, alert: &Alert) {
    let (token, name) = (alert.token, &alert.alert.name);
    let place = places.acquire().await;
    let rows = alerts::rows(store, &alert.alert).await;
    drop(place);
    let rows = match rows {
        Ok(rows) => rows,
        Err(error) => {
            return tracing::warn!(alert = %token, name, %error, "the query of an alert failed");
        }
    };
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
            warn("webhook", hooks.tell(url, &hooks::webhook_body(&rows)).await);
        }
    };
    let slack = async {
        if let Some(url) = &alert.alert.slack_hook_url {
            warn("Slack channel", hooks.tell(url, &hooks::slack_body(name, &rows)).await);
        }
    };
    tokio::join!(webhook, slack);
}
