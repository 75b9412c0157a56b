//! Where a scenario's events go besides: by a rule into another source, and to a backend.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Value, json};

use crate::{
    ledger::{Comparison, Ledger, Number},
    program::{PRIVATE, Program},
    receiver::{Received, Receiver, Reply, messages},
};

/// The source of the rule.
pub(super) const COPIES: &str = "copies";

/// One in so many requests of the drain fails.
const FAILING: usize = 7;

/// What the receiver has said that it took, and how often it was asked.
#[derive(Debug, Default)]
struct Taken {
    requests: usize,
    events: HashSet<Number>,
}

impl Taken {
    fn answer(&mut self, received: &Received) -> Reply {
        self.requests += 1;
        match self.requests % (4 * FAILING) {
            0 => return Reply::status(500),
            FAILING => return Reply::status(429),
            n if n == 2 * FAILING => return Reply::status(0),
            _ => {}
        }
        let numbers = messages(received).into_iter();
        let number = |text: String| text.split(' ').next()?.parse::<Number>().ok();
        self.events.extend(numbers.filter_map(number));
        Reply::status(200)
    }
}

/// A rule, and a receiver that fails now and then, in all ways.
#[derive(Debug)]
pub(super) struct Forwarding {
    receiver: Receiver,
    taken: Arc<Mutex<Taken>>,
    /// Whether nothing of it may be missing: a drain has room for all of it.
    has_room: bool,
    /// Where the numbers of this round begin.
    round: Number,
}

impl Forwarding {
    /// Sets it up for the events of a source.
    pub(super) async fn set_up(program: &Program, source: &str, has_room: bool) -> Self {
        let taken = Arc::<Mutex<Taken>>::default();
        let noted = Arc::clone(&taken);
        let receiver = Receiver::start(move |received, _| {
            noted.lock().unwrap_or_else(PoisonError::into_inner).answer(received)
        })
        .await;
        let copies = made(program, "/api/sources", json!({ "name": COPIES })).await;
        let config = json!({ "url": receiver.url("/"), "http": "http1", "gzip": false });
        let backend = json!({ "name": "drain", "type": "webhook", "config": config });
        let backend = made(program, "/api/backends", backend).await;
        let response = program.client.get(program.url("/api/sources")).bearer_auth(PRIVATE);
        let sources: Value =
            response.send().await.expect("it answers").json().await.expect("sources");
        let source = sources.as_array().into_iter().flatten().find(|one| one["name"] == source);
        let id = &source.expect("it is seeded")["id"];
        for target in [json!({ "sink": copies["token"] }), json!({ "backend_id": backend["id"] })] {
            let mut rule = json!({ "source_id": id, "lql_string": "connection received" });
            if let (Value::Object(rule), Value::Object(target)) = (&mut rule, target) {
                rule.extend(target);
            }
            made(program, "/api/rules", rule).await;
        }
        Self { receiver, taken, has_room, round: 0 }
    }

    /// Numbers from this one on are of the round that begins.
    pub(super) fn begin(&mut self, round: Number) {
        self.round = round;
    }

    /// Compares what the rule has stored with what it should have, as the source itself is compared;
    /// what is of former rounds counts as it is in the source.
    pub(super) fn compare(
        &self,
        ledger: &Ledger,
        stored: &HashMap<Number, u64>,
        copies: &HashMap<Number, u64>,
    ) -> Comparison {
        let of_now = copies.iter().filter(|(number, _)| **number >= self.round);
        let of_before = stored.iter().filter(|(number, _)| **number < self.round);
        ledger.compare(&of_now.chain(of_before).map(|(number, count)| (*number, *count)).collect())
    }

    /// How many events have arrived in all, and how many of those that were acknowledged have not.
    /// Those that are rejected go nowhere.
    pub(super) fn drained(&self, ledger: &Ledger, rejected: &HashMap<Number, u64>) -> (u64, u64) {
        // It need not be kept.
        drop(self.receiver.take_received());
        let events = &self.taken.lock().unwrap_or_else(PoisonError::into_inner).events;
        let missing = ledger.missing(self.round, |number| {
            events.contains(&number) || rejected.contains_key(&number)
        });
        (events.len() as u64, if self.has_room { missing } else { 0 })
    }
}

async fn made(program: &Program, path: &str, body: Value) -> Value {
    let request = program.client.post(program.url(path)).bearer_auth(PRIVATE).json(&body);
    let response = request.send().await.expect("it answers");
    let status = response.status();
    let text = response.text().await.expect("the answer is complete");
    assert!(status.is_success(), "{path} {body}: {status} {text}");
    text.parse().expect("JSON")
}
