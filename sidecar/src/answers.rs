//! Answers that are kept for a while, and asked for once however many want them at once.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use moka::{Expiry, future::Cache};
use store::{Endpoint, EndpointKey, QueryError, Store};
use tokio::sync::Semaphore;

use crate::{
    parameters::Parameters,
    plan::{self, Asked, Plan},
    redaction,
    rows::{Reader, Rows},
};

/// Bytes of all answers that are kept.
const MAX_BYTES: u64 = 64 << 20;

/// What an answer counts at least. So there are 16,384 at most.
const LEAST_WEIGHT: usize = 4096;

/// Answers that are asked for again before anybody wants them.
const MAX_REFRESHED: usize = 64;

/// Bytes of the parameters of such an answer, which are kept to ask again.
const MAX_PARAMETERS: usize = 64 << 10;

/// Of these, at once.
const MAX_REFRESHING: usize = 2;

/// The answers of endpoints.
#[derive(Debug, Clone)]
pub(crate) struct Answers {
    kept: Cache<Arc<Question>, Kept>,
    refreshed: Arc<Semaphore>,
    refreshing: Arc<Semaphore>,
}

/// What was asked. All that an answer depends on is in it: another version of the endpoint, other
/// parameters, a source that is known better make another question. Who asks is not, but for whether
/// anybody may have the answer: those who do not read theirs must not hold the place of others.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Question {
    /// Catalog id of the endpoint, and when it was changed.
    endpoint: (i64, i64),
    asked: Asked,
    redact: bool,
    reader: Reader,
}

#[derive(Debug, Clone)]
struct Kept {
    rows: Rows,
    lifetime: Duration,
    wanted: Arc<Wanted>,
}

/// When an answer was wanted last.
#[derive(Debug)]
struct Wanted(Mutex<Instant>);

impl Wanted {
    fn touch(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn ago(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

/// Who refreshes an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Us,
    /// It was thrown away and got again since.
    Other,
    /// It is not kept any more.
    Nobody,
}

/// An answer is kept from when it was got.
struct Lifetime;

impl Expiry<Arc<Question>, Kept> for Lifetime {
    fn expire_after_create(&self, _: &Arc<Question>, kept: &Kept, _: Instant) -> Option<Duration> {
        Some(kept.lifetime)
    }

    fn expire_after_update(
        &self,
        _: &Arc<Question>,
        kept: &Kept,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(kept.lifetime)
    }
}

impl Answers {
    pub(crate) fn new() -> Self {
        let kept = Cache::builder()
            .max_capacity(MAX_BYTES)
            .weigher(|question: &Arc<Question>, kept: &Kept| {
                let bytes = question.asked.text.len() + kept.rows.len();
                bytes.saturating_add(LEAST_WEIGHT).try_into().unwrap_or(u32::MAX)
            })
            .expire_after(Lifetime)
            .build();
        Self {
            kept,
            refreshed: Arc::new(Semaphore::new(MAX_REFRESHED)),
            refreshing: Arc::new(Semaphore::new(MAX_REFRESHING)),
        }
    }

    /// The rows of an endpoint's query: those that are kept, else it is run. Errors
    /// are not kept.
    pub(crate) async fn rows(
        &self,
        store: &Store,
        endpoint: &Arc<Endpoint>,
        parameters: Parameters,
        plan: &Plan,
        redact: bool,
        reader: Reader,
    ) -> Result<Rows, Arc<QueryError>> {
        if endpoint.cache_duration_seconds == 0 {
            return run(store, plan, redact, reader).await.map_err(Arc::new);
        }
        let lifetime = Duration::from_secs(endpoint.cache_duration_seconds.into());
        let (version, asked) = ((endpoint.id, endpoint.updated_at), plan.asked());
        let question = Arc::new(Question { endpoint: version, asked, redact, reader });
        let entry = self.kept.entry_by_ref(&question);
        let entry = entry
            .or_try_insert_with(async {
                let rows = run(store, plan, redact, reader).await?;
                let wanted = Arc::new(Wanted(Mutex::new(Instant::now())));
                Ok::<_, QueryError>(Kept { rows, lifetime, wanted })
            })
            .await?;
        let is_fresh = entry.is_fresh();
        let kept = entry.into_value();
        kept.wanted.touch();
        let rows = kept.rows.clone();
        if is_fresh {
            let endpoint = Arc::clone(endpoint);
            self.keep_fresh(store.clone(), (endpoint, parameters), question, kept);
        }
        Ok(rows)
    }

    /// Who refreshes an answer: each that is got because somebody wants it has one who does.
    async fn owner(&self, question: &Arc<Question>, kept: &Kept) -> Owner {
        match self.kept.get(question).await {
            Some(now) if Arc::ptr_eq(&now.wanted, &kept.wanted) => Owner::Us,
            Some(_) => Owner::Other,
            None => Owner::Nobody,
        }
    }

    /// Asks again every now and then, until nobody has wanted the answer for as long as one is kept.
    fn keep_fresh(
        &self,
        store: Store,
        (endpoint, parameters): (Arc<Endpoint>, Parameters),
        question: Arc<Question>,
        kept: Kept,
    ) {
        let every = Duration::from_secs(endpoint.proactive_requerying_seconds.into());
        // What is asked for only after it was thrown away is got by whoever wants it.
        if every.is_zero() || every >= kept.lifetime || parameters.bytes() > MAX_PARAMETERS {
            return;
        }
        let Ok(place) = Arc::clone(&self.refreshed).try_acquire_owned() else { return };
        let answers = self.clone();
        tokio::spawn(async move {
            let _place = place;
            loop {
                tokio::time::sleep(every).await;
                let now = store.endpoint(EndpointKey::Token(endpoint.token));
                let is_changed = now.is_none_or(|now| now.updated_at != endpoint.updated_at);
                let is_wanted = kept.wanted.ago() < kept.lifetime;
                if is_changed || !is_wanted || answers.owner(&question, &kept).await != Owner::Us {
                    return;
                }
                let Ok(_turn) = answers.refreshing.acquire().await else { return };
                // The time is another one. What is known of the sources may be too: then nobody asks
                // this question any more.
                let plan = match plan::of_endpoint(&store, &endpoint, &parameters) {
                    Ok(plan) if plan.asked() == question.asked => plan,
                    _ => return,
                };
                match run(&store, &plan, question.redact, question.reader).await {
                    Ok(rows) => {
                        if answers.owner(&question, &kept).await == Owner::Other {
                            return;
                        }
                        let kept = Kept { rows, ..kept.clone() };
                        answers.kept.insert(Arc::clone(&question), kept).await;
                    }
                    Err(error) => {
                        let name = &endpoint.name;
                        tracing::warn!(endpoint = name, %error, "an answer is not refreshed");
                    }
                }
            }
        });
    }
}

/// Runs a query.
pub(crate) async fn run(
    store: &Store,
    plan: &Plan,
    redact: bool,
    reader: Reader,
) -> Result<Rows, QueryError> {
    let rows = plan.rows(store).await.map_err(|error| {
        // The SQL holds what callers have sent.
        tracing::debug!(sql = plan.sql, "a query failed");
        match error {
            QueryError::Failed { sqlstate, message } if redact => {
                let message = redaction::of_error(&sqlstate, &message);
                QueryError::Failed { sqlstate, message }
            }
            error => error,
        }
    });
    let rows = rows.inspect_err(|error| tracing::warn!(%error, "a query failed"))?.into_json();
    Rows::of(&if redact { redaction::redacted(&rows) } else { rows }, reader)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Else each answer that is thrown away while it is asked for again leaves one more who asks.
    #[tokio::test]
    async fn an_answer_that_was_got_again_is_refreshed_by_nobody_else() {
        let answers = Answers::new();
        let (asked, reader) = (Asked::default(), Reader::Known);
        let question = Arc::new(Question { endpoint: (1, 1), asked, redact: false, reader });
        let rows = Rows::of("[]", reader).unwrap();
        let got = || Kept {
            rows: rows.clone(),
            lifetime: Duration::from_secs(60),
            wanted: Arc::new(Wanted(Mutex::new(Instant::now()))),
        };
        let (first, second) = (got(), got());
        assert_eq!(answers.owner(&question, &first).await, Owner::Nobody);
        answers.kept.insert(Arc::clone(&question), first.clone()).await;
        assert_eq!(answers.owner(&question, &first).await, Owner::Us);
        // As it is refreshed.
        let refreshed = Kept { rows: rows.clone(), ..first.clone() };
        answers.kept.insert(Arc::clone(&question), refreshed).await;
        assert_eq!(answers.owner(&question, &first).await, Owner::Us);
        answers.kept.insert(Arc::clone(&question), second.clone()).await;
        assert_eq!(answers.owner(&question, &first).await, Owner::Other);
        assert_eq!(answers.owner(&question, &second).await, Owner::Us);
    }
}
