//! Senders that behave as Vector does, and count.
//!
//! Each keeps a batch's bytes and sends them again until they are acknowledged, as
//! Vector's http sink does: after connection errors, cut answers, time-outs, 408, 429 and 5xx. Other
//! answers end it: the batch is dropped, and the program has failed. Only the pauses are shorter.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{sync::watch, task::JoinSet, time};

use crate::{
    http_exchange::{Exchange, Fault, Outcome},
    ledger::{Copies, Ledger, Number},
    program::PUBLIC,
};

/// Longest pauses before attempts, in milliseconds: Vector's in seconds, a hundredth of it.
const BACKOFF: [u64; 8] = [10, 20, 30, 50, 80, 130, 210, 300];

/// Events that a sender with ids sends again after a restart, besides those not acknowledged.
const REMEMBERED: usize = 300;

/// How and what is sent.
#[derive(Debug, Clone)]
pub struct Load {
    /// The source's name.
    pub source: &'static str,
    /// Senders at a time of events without ids.
    pub senders: usize,
    /// Senders at a time whose events have ids, and which forget now and then, as in a
    /// restart, what was acknowledged and where their batches began and ended.
    pub senders_with_ids: usize,
    /// Events of a batch, up to.
    pub largest_batch: usize,
    /// Whether some events have fields that none had before.
    pub new_columns: bool,
    /// Between two batches of a sender.
    pub pause: Range<Duration>,
    /// How half of the attempts fail, one of these each time.
    pub faults: &'static [Fault],
    /// For an answer.
    pub patience: Duration,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            source: "postgres.logs",
            senders: 6,
            senders_with_ids: 2,
            largest_batch: 200,
            new_columns: false,
            pause: Duration::ZERO..Duration::from_millis(20),
            faults: &[],
            patience: Duration::from_secs(20),
        }
    }
}

/// Running senders.
#[derive(Debug)]
pub struct CountingClient {
    senders: JoinSet<()>,
    stop: watch::Sender<bool>,
    ledger: Arc<Ledger>,
}

impl CountingClient {
    /// Starts to send to a program.
    pub fn start(address: SocketAddr, load: &Load, ledger: &Arc<Ledger>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::new(Shared {
            head: request_head(address, load.source),
            load: load.clone(),
            ledger: Arc::clone(ledger),
            acknowledged: Mutex::default(),
            stopped,
        });
        ledger.pause();
        let mut senders = JoinSet::new();
        for name in 0..load.senders + load.senders_with_ids {
            let sender =
                Sender { name, exchange: Exchange::with(address), shared: Arc::clone(&shared) };
            if name < load.senders {
                senders.spawn(sender.send_batches());
            } else {
                senders.spawn(sender.send_events_with_ids());
            }
        }
        Self { senders, stop, ledger: Arc::clone(ledger) }
    }

    /// Ends: no new batches, but those that were sent are sent on until they are acknowledged.
    /// Gives how many senders were not done with theirs in time.
    pub async fn finish(mut self, time: Duration) -> usize {
        // Senders that are gone need not be told.
        _ = self.stop.send(true);
        let all_done = async {
            while let Some(ended) = self.senders.join_next().await {
                ended.expect("a sender does not panic");
            }
        };
        _ = time::timeout(time, all_done).await;
        self.ledger.pause();
        self.senders.len()
    }
}

#[derive(Debug)]
struct Shared {
    /// Up to the length of the body.
    head: String,
    load: Load,
    ledger: Arc<Ledger>,
    /// Batches that others may send as theirs.
    acknowledged: Mutex<VecDeque<Acknowledged>>,
    stopped: watch::Receiver<bool>,
}

impl Shared {
    fn stopped(&self) -> bool {
        *self.stopped.borrow()
    }

    fn acknowledged(&self) -> MutexGuard<'_, VecDeque<Acknowledged>> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A batch that was acknowledged to `by`, when the program had been killed so often.
#[derive(Debug)]
struct Acknowledged {
    batch: Batch,
    by: usize,
    kills: u32,
}

/// Events of one request, and its bytes.
#[derive(Debug, Clone)]
struct Batch {
    events: Arc<[Number]>,
    body: Arc<str>,
    copies: Copies,
}

impl Batch {
    fn of(events: impl Into<Arc<[Number]>>, copies: Copies, new_columns: bool) -> Self {
        let events = events.into();
        let body: Vec<_> =
            events.iter().map(|&number| event(number, copies, new_columns)).collect();
        Self { events, body: format!("[{}]", body.join(",")).into(), copies }
    }
}

/// How a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// It is stored, says the program.
    Acknowledged {
        /// Kills of the program before the attempt.
        kills: u32,
    },
    /// It will never be.
    Refused,
    /// The sender forgot it, as in a restart.
    Forgotten,
}

#[derive(Debug)]
struct Sender {
    name: usize,
    exchange: Exchange,
    shared: Arc<Shared>,
}

impl Sender {
    async fn send_batches(mut self) {
        while !self.shared.stopped() {
            let twin = if chance(0.2) { self.twin() } else { None };
            let (batch, known) = match twin {
                Some(Acknowledged { batch, kills, .. }) => (batch, Some(kills)),
                None => (self.new_batch(Copies::OnePerRequest), None),
            };
            let ending = self.deliver(&batch, known, 0.0).await;
            if let Ending::Acknowledged { kills } = ending
                && chance(0.1)
            {
                let by = self.name;
                self.shared.acknowledged().push_back(Acknowledged { batch, by, kills });
            }
            self.pause().await;
        }
    }

    async fn send_events_with_ids(mut self) {
        let mut unfinished = Vec::new();
        let mut finished = VecDeque::new();
        // Batches that are sent once more, with other borders than before.
        let mut again = VecDeque::new();
        while !(self.shared.stopped() && again.is_empty()) {
            let batch = again.pop_front().unwrap_or_else(|| {
                let batch = self.new_batch(Copies::One);
                unfinished.extend_from_slice(&batch.events);
                batch
            });
            let ending = self.deliver(&batch, None, 0.15).await;
            if ending != Ending::Forgotten {
                unfinished.retain(|number| !batch.events.contains(number));
                finished.extend(batch.events.iter().copied());
                finished.drain(..finished.len().saturating_sub(REMEMBERED));
            }
            let restart = ending == Ending::Forgotten || chance(0.1);
            if restart && !self.shared.stopped() {
                unfinished.splice(..0, finished.drain(..));
                again = rebatched(&unfinished, self.shared.load.largest_batch);
                self.exchange.close();
            }
            self.pause().await;
        }
    }

    /// Sends a batch until it has ended. `twin` tells how often the program had been killed when
    /// an equal one was acknowledged. After a failed attempt it may be forgotten.
    async fn deliver(&mut self, batch: &Batch, twin: Option<u32>, forget: f64) -> Ending {
        let shared = Arc::clone(&self.shared);
        let (ledger, load) = (&shared.ledger, &shared.load);
        let head = format!("{}{}\r\n\r\n", shared.head, batch.body.len());
        ledger.sent(&batch.events, batch.copies);
        for attempt in 0.. {
            let faulty = !load.faults.is_empty() && !shared.stopped() && chance(0.5);
            let fault = faulty.then(|| load.faults[rand::random_range(0..load.faults.len())]);
            let kills = ledger.attempt();
            let sending = self.exchange.send(&head, batch.body.as_bytes(), fault);
            let outcome = time::timeout(load.patience, sending).await;
            match outcome.unwrap_or(Outcome::Undelivered) {
                Outcome::Answered(200..=299) | Outcome::CutAfterHead(200..=299) => {
                    let certain = twin.is_none_or(|before| before == kills);
                    ledger.acknowledged(&batch.events, batch.copies, certain);
                    return Ending::Acknowledged { kills };
                }
                Outcome::Answered(408 | 429 | 500 | 502..=599) => ledger.put_off(),
                Outcome::Undelivered => {}
                Outcome::Answered(status) => {
                    ledger.refused(format!("{} events: answer {status}", batch.events.len()));
                    return Ending::Refused;
                }
                Outcome::CutAfterHead(status) => {
                    let events = batch.events.len();
                    ledger.refused(format!("{events} events: answer {status} without its body"));
                    return Ending::Refused;
                }
            }
            if !shared.stopped() && chance(forget) {
                return Ending::Forgotten;
            }
            let longest = BACKOFF.get(attempt).or(BACKOFF.last()).copied().unwrap_or_default();
            time::sleep(Duration::from_millis(rand::random_range(1..=longest))).await;
        }
        unreachable!("there is no last attempt")
    }

    /// An equal batch that was acknowledged to another sender.
    fn twin(&self) -> Option<Acknowledged> {
        let mut acknowledged = self.shared.acknowledged();
        let place = acknowledged.iter().position(|one| one.by != self.name)?;
        acknowledged.remove(place)
    }

    fn new_batch(&self, copies: Copies) -> Batch {
        let count = rand::random_range(1..=self.shared.load.largest_batch);
        let new_columns = self.shared.load.new_columns;
        Batch::of(self.shared.ledger.numbers(count).collect::<Vec<_>>(), copies, new_columns)
    }

    async fn pause(&self) {
        let Range { start, end } = self.shared.load.pause;
        time::sleep(start + (end - start).mul_f64(rand::random())).await;
    }
}

/// The same events with other borders.
fn rebatched(events: &[Number], largest: usize) -> VecDeque<Batch> {
    let mut rest = events;
    let mut batches = VecDeque::new();
    while !rest.is_empty() {
        let (batch, others) = rest.split_at(rand::random_range(1..=largest.min(rest.len())));
        batches.push_back(Batch::of(batch, Copies::One, false));
        rest = others;
    }
    batches
}

/// An event: always the same for the same number, so that it can be sent again.
fn event(number: Number, copies: Copies, new_columns: bool) -> String {
    // Two minutes ago, and after.
    let timestamp = start() - 120_000_000 + i64::try_from(number).unwrap_or_default();
    let id = match copies {
        Copies::OnePerRequest => String::new(),
        Copies::One => format!(r#""id":"event-{number}","#),
    };
    // Some break their schema, and are to be among the rejected events as often as others are stored.
    // Those with ids would be there each time that they are sent.
    let severity = match copies {
        Copies::OnePerRequest if number % 16 == 5 => r#"{"no":"text"}"#,
        _ => r#""LOG""#,
    };
    // Of some thousand events the first have a field of their own.
    let late = match number % 4_000 {
        ..1_000 if new_columns => format!(r#""late_{}":{number},"#, number / 4_000),
        _ => String::new(),
    };
    format!(
        r#"{{{id}{late}"event_message":"{number} connection received: host=172.18.0.5 port=43512","timestamp":{timestamp},"project":"default","appname":"supabase-db","metadata":{{"host":"db-default","parsed":{{"error_severity":{severity},"backend_type":"client backend"}}}}}}"#
    )
}

/// When this process made its first event, in microseconds since 1970.
fn start() -> i64 {
    static START: std::sync::OnceLock<i64> = std::sync::OnceLock::new();
    *START.get_or_init(|| {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(elapsed.as_micros()).expect("the clock is right")
    })
}

fn request_head(address: SocketAddr, source: &str) -> String {
    format!(
        "POST /api/logs?source_name={source} HTTP/1.1\r\nhost: {address}\r\n\
         content-type: application/json\r\nx-api-key: {PUBLIC}\r\nuser-agent: Vector/0.53.0\r\n\
         content-length: "
    )
}

fn chance(of: f64) -> bool {
    rand::random_bool(of)
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{HashMap, HashSet},
        sync::atomic::{AtomicUsize, Ordering},
    };

    use tokio::{
        io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
        net::{TcpListener, TcpStream},
    };

    use super::*;
    use crate::ledger::Comparison;

    /// How a server deals with requests.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Server {
        /// Stores what it acknowledges, and knows a request that it gave no answer to.
        Careful,
        /// Stores what it acknowledges, also twice.
        Forgetful,
        /// Acknowledges what it does not store, now and then.
        Careless,
    }

    #[derive(Debug, Default)]
    struct Stored {
        events: Mutex<HashMap<Number, u64>>,
        ids: Mutex<HashSet<Number>>,
        unanswered: Mutex<HashSet<Vec<u8>>>,
        requests: AtomicUsize,
    }

    impl Stored {
        fn store(&self, server: Server, body: &[u8]) {
            let retried = self.unanswered.lock().expect("no panic").remove(body);
            if retried && server != Server::Forgetful {
                return;
            }
            let text = std::str::from_utf8(body).expect("JSON is text");
            for event in text.split(r#""event_message":""#).skip(1) {
                let number = event.split(' ').next().and_then(|number| number.parse().ok());
                let number: Number = number.expect("a message begins with its number");
                let has_id = text.contains(&format!(r#""id":"event-{number}""#));
                if !has_id || self.ids.lock().expect("no panic").insert(number) {
                    *self.events.lock().expect("no panic").entry(number).or_default() += 1;
                }
            }
        }

        /// Every fifth request gets no answer, every seventh a 503. A tenth is lost: others than those
        /// without an answer, and so many that not all of them are retries of what is stored.
        async fn serve(&self, server: Server, mut stream: BufReader<TcpStream>) -> Option<()> {
            loop {
                let (mut length, mut line) = (0, String::new());
                while line != "\r\n" {
                    line.clear();
                    (stream.read_line(&mut line).await.ok()? > 0).then_some(())?;
                    if let Some(value) = line.strip_prefix("content-length: ") {
                        length = value.trim().parse().ok()?;
                    }
                }
                let mut body = vec![0; length];
                stream.read_exact(&mut body).await.ok()?;
                let request = self.requests.fetch_add(1, Ordering::Relaxed);
                let put_off = request % 7 == 6;
                let lost = server == Server::Careless && request % 10 == 1;
                if !(put_off || lost) {
                    self.store(server, &body);
                }
                if !put_off && request % 5 == 4 {
                    self.unanswered.lock().expect("no panic").insert(body);
                    return None;
                }
                let status = if put_off { "503 Service Unavailable" } else { "200 OK" };
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.ok()?;
            }
        }
    }

    async fn tried(server: Server) -> Comparison {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let stored = Arc::new(Stored::default());
        let accepting = tokio::spawn({
            let stored = Arc::clone(&stored);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let stored = Arc::clone(&stored);
                    tokio::spawn(async move { stored.serve(server, BufReader::new(stream)).await });
                }
            }
        });
        let ledger = Arc::default();
        let load =
            Load { largest_batch: 5, pause: Duration::ZERO..Duration::ZERO, ..Load::default() };
        let client = CountingClient::start(address, &load, &ledger);
        while stored.requests.load(Ordering::Relaxed) < 500 {
            tokio::task::yield_now().await;
        }
        assert_eq!(client.finish(Duration::from_secs(20)).await, 0, "{:?}", ledger.totals());
        accepting.abort();
        assert_eq!(ledger.refusals(), Vec::<String>::new());
        let totals = ledger.totals();
        assert!(totals.put_off > 10 && totals.acknowledged > 100, "{totals:?}");
        let stored = stored.events.lock().expect("no panic");
        ledger.compare(&stored)
    }

    #[tokio::test]
    async fn what_a_server_does_wrong_is_seen() {
        let careful = tried(Server::Careful).await;
        assert!(careful.is_right(), "{careful}");
        let forgetful = tried(Server::Forgetful).await;
        assert!(forgetful.lost == 0 && forgetful.doubled > 0, "{forgetful}");
        let careless = tried(Server::Careless).await;
        assert!(careless.lost > 0, "{careless}");
    }
}
