//! What a worker does with receivers of all kinds.

use super::*;
use crate::{event::Event, outcome::Outcome};

fn event(place: usize) -> String {
    format!(r#"{{"id":"{place}","timestamp":1,"event_message":"{place}"}}"#)
}

fn id(event: &Event<'_>) -> usize {
    event.parts().id.parse().unwrap()
}

/// What a receiver of a test has taken, by ids.
type Received = Arc<std::sync::Mutex<Vec<usize>>>;

/// A receiver that refuses what has an event that is not `wanted`.
fn picky(wanted: impl Fn(usize) -> bool + Send + Sync + 'static) -> (Arc<Receiver>, Received) {
    let received = Received::default();
    let noted = Arc::clone(&received);
    let receiver = Receiver::played(move |events| {
        if !events.iter().all(|event| wanted(id(event))) {
            return Outcome::Refused { reason: "status 400".to_owned() };
        }
        noted.lock().unwrap().extend(events.iter().map(id));
        Outcome::Delivered
    });
    (Arc::new(receiver), received)
}

struct Running {
    spool: Spool,
    target: watch::Sender<Target>,
    stop: watch::Sender<bool>,
    worker: tokio::task::JoinHandle<()>,
    dir: tempfile::TempDir,
}

impl Running {
    fn start(receiver: Arc<Receiver>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (spool, _) = Spool::open(spool::Settings::new(dir.path(), 1 << 20)).unwrap();
        let (target, stop) = (watch::Sender::new(Ok(receiver)), watch::Sender::new(false));
        let worker = Worker {
            name: "test".to_owned(),
            spool: spool.clone(),
            target: target.subscribe(),
            stop: stop.subscribe(),
            figures: Arc::new(Figures::new(uuid::Uuid::nil())),
            put_aside: PutAside::new(dir.path()),
            state: State::default(),
        };
        let worker = tokio::spawn(worker.run());
        Self { spool, target, stop, worker, dir }
    }

    async fn put(&self, places: std::ops::Range<usize>) {
        let mut copies = record::Copies::default();
        places.for_each(|place| copies.push(event(place).as_bytes()));
        self.spool.append(copies.into_record("s", 1)).await.unwrap();
    }

    async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !is_so(self) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waiting).await.expect(what);
    }

    async fn end(self) {
        self.stop.send_replace(true);
        self.worker.await.unwrap();
        self.spool.close().await;
    }
}

fn waiting(running: &Running) -> u64 {
    running.spool.depth().records
}

#[tokio::test]
async fn a_receiver_that_refuses_everything_costs_no_event() {
    for count in [1, 15, 16, 200] {
        let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let (wrong, _) = picky(move |_| {
            counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            false
        });
        let running = Running::start(wrong);
        running.put(0..count).await;
        let enough = 2 * count.min(NOT_TAKEN_ALONE);
        running
            .until("it is asked", |_| asked.load(std::sync::atomic::Ordering::Relaxed) >= enough)
            .await;
        assert_eq!(waiting(&running), 1, "{count}");
        let (right, received) = picky(|_| true);
        drop(running.target.send_replace(Ok(right)));
        running.until("they are taken", |running| waiting(running) == 0).await;
        assert_eq!(*received.lock().unwrap(), (0..count).collect::<Vec<_>>());
        running.end().await;
    }
}

#[tokio::test]
async fn what_one_receiver_refused_the_next_one_gets() {
    for refusals in (1..40).step_by(4) {
        let (right, received) = picky(|_| true);
        let target = Arc::new(std::sync::OnceLock::<watch::Sender<Target>>::new());
        let (asked, switch) = (std::sync::atomic::AtomicUsize::new(0), Arc::clone(&target));
        // The config is changed while this one is asked.
        let wrong = Receiver::played(move |_| {
            if asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1 == refusals {
                drop(switch.get().unwrap().send_replace(Ok(Arc::clone(&right))));
            }
            Outcome::Refused { reason: "status 400".to_owned() }
        });
        let running = Running::start(Arc::new(wrong));
        target.set(running.target.clone()).unwrap();
        running.put(0..15).await;
        running.until("they are taken", |running| waiting(running) == 0).await;
        assert_eq!(*received.lock().unwrap(), (0..15).collect::<Vec<_>>(), "{refusals}");
        running.end().await;
    }
}

#[tokio::test]
async fn what_is_refused_while_others_are_taken_is_dropped() {
    // More than are tried before a rest, at the front.
    for (refused, count) in [(0..1, 20), (7..8, 20), (0..20, 40), (19..20, 20)] {
        let dropped = refused.clone();
        let (receiver, received) = picky(move |place| !dropped.contains(&place));
        let running = Running::start(receiver);
        running.put(0..count).await;
        running.until("they are dealt with", |running| waiting(running) == 0).await;
        let mut received = received.lock().unwrap().clone();
        received.sort_unstable();
        let expected: Vec<_> = (0..count).filter(|place| !refused.contains(place)).collect();
        assert_eq!(received, expected, "{refused:?}");
        running.end().await;
    }
}

#[tokio::test]
async fn what_was_refused_alone_goes_when_a_later_event_is_taken() {
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let (receiver, received) = picky(move |place| {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        place != 0
    });
    let running = Running::start(receiver);
    running.put(0..1).await;
    running.until("it is refused", |_| asked.load(std::sync::atomic::Ordering::Relaxed) >= 2).await;
    assert_eq!(waiting(&running), 1);
    running.put(1..3).await;
    running.until("they are dealt with", |running| waiting(running) == 0).await;
    assert_eq!(*received.lock().unwrap(), [1, 2]);
    running.end().await;
}

#[tokio::test]
async fn a_record_of_another_version_waits_for_its_program() {
    let (receiver, received) = picky(|_| true);
    let running = Running::start(receiver);
    running.put(0..2).await;
    running.spool.append(b"\x02 what this program cannot know".to_vec()).await.unwrap();
    running.put(2..3).await;
    running.until("the first is sent", |running| waiting(running) == 2).await;
    let Running { worker, stop, spool, dir: _dir, .. } = running;
    stop.send_replace(true);
    worker.await.unwrap();
    assert_eq!(*received.lock().unwrap(), [0, 1]);
    assert_eq!(spool.depth().records, 2);
    spool.close().await;
}

/// A receiver that fails when it gets an event that is not `wanted`, as one that breaks does.
fn fragile(wanted: impl Fn(usize) -> bool + Send + Sync + 'static) -> (Arc<Receiver>, Received) {
    let received = Received::default();
    let noted = Arc::clone(&received);
    let receiver = Receiver::played(move |events| {
        if !events.iter().all(|event| wanted(id(event))) {
            let reason = "status 500".to_owned();
            return Outcome::Later { reason, after: None, of_events: true };
        }
        noted.lock().unwrap().extend(events.iter().map(id));
        Outcome::Delivered
    });
    (Arc::new(receiver), received)
}

/// Puts one event after the other behind one that is not taken, until that is put aside. Gives how many
/// were put, and what stands there of it.
async fn until_given_up(running: &Running, received: &Received, count: usize) -> (usize, String) {
    let mut last = count;
    let begun = Instant::now();
    while waiting(running) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "it is never given up");
        running.put(last..last + 1).await;
        last += 1;
        let all = last - 1;
        running.until("a later one is taken", |_| received.lock().unwrap().len() == all).await;
        sleep(Duration::from_millis(20)).await;
    }
    let aside = std::fs::read_to_string(running.dir.path().join("put-aside.ndjson")).unwrap();
    assert_eq!(aside.lines().count(), 1, "{aside}");
    (last, aside)
}

#[tokio::test]
async fn an_event_at_which_a_receiver_fails_for_ever_holds_up_no_other() {
    for (poison, count) in [(0, 1), (7, 20), (19, 20)] {
        let (receiver, received) = fragile(move |place| place != poison);
        let running = Running::start(receiver);
        running.put(0..count).await;
        running.until("others are taken", |_| received.lock().unwrap().len() == count - 1).await;
        // It is tried again between others, and given up in the end.
        assert_eq!(waiting(&running), 1);
        let (last, aside) = until_given_up(&running, &received, count).await;
        assert!(aside.contains("status 500") && aside.contains(&event(poison)), "{aside}");
        let mut received = received.lock().unwrap().clone();
        received.sort_unstable();
        assert_eq!(received, (0..last).filter(|place| *place != poison).collect::<Vec<_>>());
        running.end().await;
    }
}

#[tokio::test]
async fn a_receiver_that_fails_at_everything_costs_no_event() {
    // Fewer and more than are tried alone, with events that come later.
    for count in [1, 5, 40] {
        let works = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let looked_at = Arc::clone(&works);
        let (receiver, received) =
            fragile(move |_| looked_at.load(std::sync::atomic::Ordering::Relaxed));
        let running = Running::start(receiver);
        for round in 0..5 {
            running.put(round * count..(round + 1) * count).await;
            sleep(PATIENCE * 2).await;
        }
        assert_eq!(waiting(&running), 5);
        works.store(true, std::sync::atomic::Ordering::Relaxed);
        running.until("they are taken", |running| waiting(running) == 0).await;
        let mut received = received.lock().unwrap().clone();
        received.sort_unstable();
        assert_eq!(received, (0..5 * count).collect::<Vec<_>>());
        assert!(!running.dir.path().join("put-aside.ndjson").exists());
        running.end().await;
    }
}

#[tokio::test]
async fn an_outage_of_which_the_receiver_speaks_takes_no_batch_apart() {
    let begun = Instant::now();
    let sizes = Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = Arc::clone(&sizes);
    let receiver = Receiver::played(move |events| {
        noted.lock().unwrap().push(events.len());
        if begun.elapsed() > PATIENCE * 4 {
            return Outcome::Delivered;
        }
        Outcome::Later { reason: "status 429".to_owned(), after: None, of_events: false }
    });
    let running = Running::start(Arc::new(receiver));
    running.put(0..50).await;
    running.until("they are taken", |running| waiting(running) == 0).await;
    assert!(sizes.lock().unwrap().iter().all(|size| *size == 50), "{sizes:?}");
    running.end().await;
}

/// What a receiver says that speaks of single events and takes none of `count`.
type NoneTaken = fn(count: usize) -> Outcome;

const NONE_TAKEN: [(&str, NoneTaken); 3] = [
    ("named as refused", |count| partly((0..count).collect(), 0, Vec::new())),
    ("refused without names", |count| partly(Vec::new(), count, Vec::new())),
    ("failing", |count| partly(Vec::new(), 0, (0..count).collect())),
];

fn partly(refused: Vec<usize>, unnamed: usize, later: Vec<usize>) -> Outcome {
    let of_events = !later.is_empty();
    Outcome::Partly { refused, unnamed, later, of_events, reason: "status 404".to_owned() }
}

#[tokio::test]
async fn a_receiver_that_takes_none_of_a_request_costs_no_event() {
    for (how, answer) in NONE_TAKEN {
        for count in [1, 5, 40] {
            let works = Arc::new(std::sync::atomic::AtomicBool::new(false));
            let (looked_at, received) = (Arc::clone(&works), Received::default());
            let noted = Arc::clone(&received);
            let receiver = Receiver::played(move |events| {
                if !looked_at.load(std::sync::atomic::Ordering::Relaxed) {
                    return answer(events.len());
                }
                noted.lock().unwrap().extend(events.iter().map(id));
                Outcome::Delivered
            });
            let running = Running::start(Arc::new(receiver));
            for round in 0..3 {
                running.put(round * count..(round + 1) * count).await;
                sleep(PATIENCE * 2).await;
            }
            assert_eq!(waiting(&running), 3, "{how}, {count}");
            works.store(true, std::sync::atomic::Ordering::Relaxed);
            running.until("they are taken", |running| waiting(running) == 0).await;
            let mut received = received.lock().unwrap().clone();
            received.sort_unstable();
            assert_eq!(received, (0..3 * count).collect::<Vec<_>>(), "{how}");
            assert!(!running.dir.path().join("put-aside.ndjson").exists(), "{how}");
            running.end().await;
        }
    }
}

#[tokio::test]
async fn an_event_that_is_never_taken_while_the_rest_of_its_request_is_holds_up_no_other() {
    const POISON: usize = 7;
    let received = Received::default();
    let noted = Arc::clone(&received);
    let receiver = Receiver::played(move |events| {
        let is_poison = |event: &Event<'_>| id(event) == POISON;
        noted.lock().unwrap().extend(events.iter().filter(|one| !is_poison(one)).map(id));
        match events.iter().position(is_poison) {
            Some(place) => partly(Vec::new(), 0, vec![place]),
            None => Outcome::Delivered,
        }
    });
    let running = Running::start(Arc::new(receiver));
    running.put(0..20).await;
    let (last, aside) = until_given_up(&running, &received, 20).await;
    assert!(aside.contains("status 404") && aside.contains(&event(POISON)), "{aside}");
    let expected: Vec<_> = (0..last).filter(|place| *place != POISON).collect();
    assert_eq!(*received.lock().unwrap(), expected);
    running.end().await;
}

/// Those that came first were refused by a receiver that took nothing then.
#[tokio::test]
async fn what_was_refused_before_anything_was_taken_is_tried_again() {
    for refusals in 1..20 {
        let (asked, received) = (std::sync::atomic::AtomicUsize::new(0), Received::default());
        let noted = Arc::clone(&received);
        let receiver = Receiver::played(move |events| {
            if asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < refusals {
                return Outcome::Refused { reason: "status 400".to_owned() };
            }
            noted.lock().unwrap().extend(events.iter().map(id));
            Outcome::Delivered
        });
        let running = Running::start(Arc::new(receiver));
        running.put(0..10).await;
        running.until("they are taken", |running| waiting(running) == 0).await;
        let mut received = received.lock().unwrap().clone();
        received.sort_unstable();
        assert_eq!(received, (0..10).collect::<Vec<_>>(), "{refusals}");
        running.end().await;
    }
}
