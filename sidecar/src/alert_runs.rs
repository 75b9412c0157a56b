//! Runs alerts when they are due.

use std::{
    collections::HashSet,
    iter,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use drains::{Copies, Drains};
use futures_util::future::{BoxFuture, join_all};
use jiff::Timestamp;
use serde_json::{json, value::RawValue};
use store::{Alert, ChangeError, QueryError, Readiness, Store};
use tokio::{
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout_at},
};
use uuid::Uuid;

use crate::{
    alerts,
    hooks::{self, Hooks, Untold},
    refusal::Refusal,
    rows::Rows,
    schedule::Schedule,
};

/// How often it is looked which alerts are due.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// Queries of alerts that run at a time: people who ask queries must not wait for them.
const AT_A_TIME: usize = 2;

/// Before a query is asked again, the first time and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_mins(2);

/// What backends are told that the events come from.
const SOURCE: &str = "logweir.alerts";

/// Bytes of the rows that a backend gets: receivers refuse events that are much larger.
const MOST_BYTES: usize = 256 << 10;

/// Runs alerts when they are due, for as long as the future is polled; backends are told by way of
/// `drains`. Of several processes one runs an alert that is due. One that ends while it runs it has
/// told nobody then; the next time is not lost.
///
/// No alert waits in memory: one that is due is claimed when its query can begin, those first that
/// have not run for longest. However many there are, each has its turn, and none runs twice at once.
pub async fn keep_alerting(store: Store, drains: Drains) {
    let hooks = match Hooks::new() {
        Ok(hooks) => hooks,
        Err(error) => return tracing::error!(%error, "no alert can tell anybody anything"),
    };
    let places = Arc::new(Semaphore::new(AT_A_TIME));
    let mut place = Place::of(Arc::clone(&places));
    let runner = Runner { store, hooks, drains, places };
    let at_work = AtWork::default();
    let mut running = JoinSet::new();
    let mut looks = interval(LOOK_INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if !place.is_taken() {
            looks.tick().await;
        }
        while running.try_join_next().is_some() {}
        let alerts = runner.due_alerts().await;
        let looked = Instant::now();
        let mut waited_long = false;
        for (alert, due) in alerts {
            // When it has ended, it is due for the latest time.
            let Some(turn) = at_work.begin(alert.id) else { continue };
            if place.take().await.is_err() {
                return;
            }
            waited_long = looked.elapsed() > LOOK_INTERVAL;
            if waited_long {
                // It may have been changed meanwhile, or others may be due for longer.
                break;
            }
            match runner.store.claim_alert(alert.id, due.as_microsecond()).await {
                Ok(true) => {}
                Ok(false) => continue,
                Err(error) => {
                    tracing::warn!(alert = %alert.token, %error, "an alert cannot be claimed");
                    place.give();
                    continue;
                }
            }
            let Some(place) = place.give() else { continue };
            let runner = runner.clone();
            running.spawn(async move {
                let _turn = turn;
                runner.run(alert, due, place).await;
            });
        }
        if !waited_long {
            // Nothing needs it: who waits to ask again may have it.
            place.give();
        }
    }
}

/// A place for a query, which is kept until an alert is claimed for it. Given up because the wait took
/// so long that one has to look again, it would go to those that ask again, each time.
#[derive(Debug)]
struct Place {
    all: Arc<Semaphore>,
    taken: Option<OwnedSemaphorePermit>,
}

impl Place {
    fn of(all: Arc<Semaphore>) -> Self {
        Self { all, taken: None }
    }

    fn is_taken(&self) -> bool {
        self.taken.is_some()
    }

    /// Waits for one, unless it is taken.
    async fn take(&mut self) -> Result<(), AcquireError> {
        if self.taken.is_none() {
            self.taken = Some(Arc::clone(&self.all).acquire_owned().await?);
        }
        Ok(())
    }

    fn give(&mut self) -> Option<OwnedSemaphorePermit> {
        self.taken.take()
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

/// Ids of the alerts that this process runs.
#[derive(Debug, Clone, Default)]
struct AtWork(Arc<Mutex<HashSet<i64>>>);

/// An alert's turn; when it is dropped, the alert may run again.
#[derive(Debug)]
struct Turn {
    at_work: AtWork,
    alert: i64,
}

impl AtWork {
    /// `None` while it still runs.
    fn begin(&self, alert: i64) -> Option<Turn> {
        let is_new = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(alert);
        is_new.then(|| Turn { at_work: self.clone(), alert })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.at_work.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.alert);
    }
}

/// What alerts are run with.
#[derive(Clone)]
struct Runner {
    store: Store,
    hooks: Hooks,
    drains: Drains,
    /// For queries of alerts.
    places: Arc<Semaphore>,
}

impl Runner {
    /// Alerts and the times for which they are due now, those first that have not been due for longest.
    async fn due_alerts(&self) -> Vec<(Alert, Timestamp)> {
        if self.store.readiness() != Readiness::Ready {
            return Vec::new();
        }
        let mut alerts = match self.store.alerts().await {
            Ok(alerts) => alerts,
            Err(error) => {
                tracing::warn!(%error, "alerts cannot be looked at");
                return Vec::new();
            }
        };
        alerts.sort_by_key(|alert| alert.last_due_at);
        alerts.into_iter().filter_map(|alert| due(&alert).map(|due| (alert, due))).collect()
    }

    /// Asks an alert that was claimed for a time, the first time in this place, and tells of its rows.
    async fn run(&self, alert: Alert, due: Timestamp, place: OwnedSemaphorePermit) {
        let (token, name) = (alert.token, alert.alert.name.clone());
        let schedule = Schedule::read(&alert.alert.cron);
        if let (Ok(schedule), Ok(last)) =
            (&schedule, Timestamp::from_microsecond(alert.last_due_at))
            && schedule.comes_between(last, due)
        {
            tracing::warn!(
                alert = %token, name, %last, %due,
                "an alert was not run for times between: alerts take too long, or no process ran"
            );
        }
        let until = schedule.map_or(due, |schedule| schedule.of_use_until(due));
        let patience = until.duration_since(Timestamp::now()).try_into().unwrap_or_default();
        let first = self.ask(alert, place).await;
        match patiently(patience, first, || self.ask_again(token, due)).await {
            Ok(Some((alert, rows))) => self.tell(&alert, &rows).await,
            Ok(None) => {
                tracing::info!(alert = %token, name, %due, "an alert was changed before it was answered");
            }
            Err(error) => {
                tracing::warn!(alert = %token, name, %error, "the query of an alert failed");
            }
        }
    }

    async fn ask(
        &self,
        alert: Alert,
        _place: OwnedSemaphorePermit,
    ) -> Result<Option<(Alert, Rows)>, Refusal> {
        // Its future is too large a type for the compiler within all of this.
        let rows: BoxFuture<'_, _> = Box::pin(alerts::rows(&self.store, &alert.alert));
        let rows = rows.await?;
        Ok(Some((alert, rows)))
    }

    /// Asks it as it is by now. Nothing where it is gone, off, or has run for another time.
    async fn ask_again(
        &self,
        token: Uuid,
        due: Timestamp,
    ) -> Result<Option<(Alert, Rows)>, Refusal> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|error| Refusal::Unavailable(error.to_string()))?;
        let alert = match self.store.alert(token).await {
            Ok(alert) => alert,
            Err(ChangeError::NotFound) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if !alert.alert.enabled || alert.last_due_at != due.as_microsecond() {
            return Ok(None);
        }
        self.ask(alert, place).await
    }

    async fn tell(&self, alert: &Alert, json: &Rows) {
        let (token, name) = (alert.token, &alert.alert.name);
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
                warn("webhook", self.hooks.tell(url, json.clone().into_bytes()).await);
            }
        };
        let slack = async {
            if let Some(url) = &alert.alert.slack_hook_url {
                let body = hooks::slack_body(name, &rows).to_string();
                warn("Slack channel", self.hooks.tell(url, body).await);
            }
        };
        let backends = async {
            alerts::know_backends(&self.store, std::slice::from_ref(alert)).await;
            let backends = alerts::backends(&self.store, &alert.alert);
            join_all(backends.iter().map(|backend| {
                let mut copies = Copies::default();
                copies.push(event(alert, &rows).as_bytes());
                self.drains.put(backend, SOURCE, copies)
            }))
            .await;
        };
        tokio::join!(webhook, slack, backends);
    }
}

/// What comes of a query that was asked once: asked again, with growing pauses, for as long as only
/// the store is away or too busy, and no longer than for a time.
async fn patiently<T, F: Future<Output = Result<T, Refusal>>>(
    patience: Duration,
    first: Result<T, Refusal>,
    mut again: impl FnMut() -> F,
) -> Result<T, Refusal> {
    let end = Instant::now() + patience;
    let mut last = first;
    for pause in pauses() {
        match &last {
            Err(error) if passes(error) && Instant::now() + pause < end => {
                tracing::debug!(%error, ?pause, "an alert is asked again after a pause");
            }
            _ => break,
        }
        sleep(pause).await;
        match timeout_at(end, again()).await {
            Ok(outcome) => last = outcome,
            Err(_) => break,
        }
    }
    last
}

fn pauses() -> impl Iterator<Item = Duration> {
    iter::successors(Some(FIRST_PAUSE), |pause| Some((*pause * 2).min(LONGEST_PAUSE)))
}

/// Whether the same query may be answered a moment later.
fn passes(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::Starting | Refusal::Unavailable(_) => true,
        Refusal::Query(error) => matches!(**error, QueryError::Unavailable(_)),
        _ => false,
    }
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
    fn an_alert_that_runs_is_not_begun_again() {
        let at_work = AtWork::default();
        let turn = at_work.begin(1);
        assert!(turn.is_some());
        assert!(at_work.begin(1).is_none());
        assert!(at_work.begin(2).is_some());
        drop(turn);
        assert!(at_work.begin(1).is_some());
    }

    /// Those that ask again wait in the same row.
    #[tokio::test(start_paused = true)]
    async fn a_place_that_was_waited_for_is_kept_while_one_looks_again() {
        let all = Arc::new(Semaphore::new(1));
        let mut running = Place::of(Arc::clone(&all));
        running.take().await.unwrap();
        let mut place = Place::of(Arc::clone(&all));
        let (waited, ()) = tokio::join!(place.take(), async {
            sleep(LOOK_INTERVAL * 2).await;
            drop(running.give());
        });
        waited.unwrap();
        let again = tokio::spawn(Arc::clone(&all).acquire_owned());
        sleep(LOOK_INTERVAL).await;
        assert!(place.is_taken() && !again.is_finished());
        // What it claims next does not wait behind that.
        place.take().await.unwrap();
        assert!(!again.is_finished());
        assert!(place.give().is_some() && !place.is_taken());
        drop(again.await.unwrap().unwrap());
    }

    fn away() -> Refusal {
        Refusal::Query(Arc::new(QueryError::Unavailable("away".to_owned())))
    }

    /// How often it is asked again, until when, and what comes of it, if it fails so often.
    async fn asked(patience: Duration, failures: usize) -> (usize, Duration, bool) {
        let (begun, mut count) = (Instant::now(), 0);
        let first = if failures == 0 { Ok(0) } else { Err(away()) };
        let outcome = patiently(patience, first, || {
            count += 1;
            std::future::ready(if count < failures { Err(away()) } else { Ok(count) })
        });
        let is_answered = outcome.await.is_ok();
        (count, begun.elapsed(), is_answered)
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_waited_for_with_growing_pauses_and_not_for_ever() {
        let seconds = Duration::from_secs;
        for (patience, failures, expected) in [
            (300, 0, (0, 0, true)),
            (300, 1, (1, 2, true)),
            (300, 4, (4, 2 + 4 + 8 + 16, true)),
            (300, usize::MAX, (7, 2 + 4 + 8 + 16 + 32 + 64 + 120, false)),
            (3600, usize::MAX, (34, 126 + 28 * 120, false)),
            (2, 1, (0, 0, false)),
            (0, 1, (0, 0, false)),
        ] {
            let (count, after, is_answered) = asked(seconds(patience), failures).await;
            assert_eq!((count, after.as_secs(), is_answered), expected, "{patience} {failures}");
        }
        // One that hangs ends with the time for which it is of use.
        let begun = Instant::now();
        let hanging = patiently(seconds(60), Err::<(), _>(away()), std::future::pending).await;
        assert!(passes(&hanging.unwrap_err()));
        assert_eq!(begun.elapsed().as_secs(), 60);
        // What is wrong stays wrong.
        for refusal in [
            Refusal::NotFound,
            Refusal::Query(Arc::new(QueryError::Timeout(seconds(25)))),
            Refusal::Query(Arc::new(QueryError::Internal(String::new()))),
        ] {
            let asked = patiently(seconds(60), Err::<(), _>(refusal), std::future::pending);
            assert!(!passes(&asked.await.unwrap_err()));
        }
        assert_eq!(begun.elapsed().as_secs(), 60);
    }

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
