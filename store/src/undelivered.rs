//! Which requests on the spool may be sent again, kept on disk for the next life of this process.
//!
//! A small file beside the spool's segments says it: of the records up to some place all are
//! answered and delivered, but for some. What it says stays true however old it is, as what is
//! delivered stays so. Where it says nothing, as of the last seconds before a crash, a request counts
//! as undelivered that came so shortly before the end that its sender may still come again.

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use spool::{Position, Spool};
use uuid::Uuid;

use crate::{Delivery, spooled, store::Inner};

const FILE: &str = "undelivered.json";
const NEW_FILE: &str = "undelivered.json.new";

/// How often it is written while something waits on the spool.
const PERIOD: Duration = Duration::from_secs(2);

/// At the end a disk that hangs is not waited for longer: the file of before will do.
const LAST_WRITE: Duration = Duration::from_secs(2);

/// Most requests that the file names: it is written anew each time, and beside what the spool may
/// take. Where there are more, that of before stays.
const MOST: usize = 20_000;

/// In ms: a sender gives up after a minute (Vector), and comes again within half a minute.
const COMES_AGAIN: i64 = 90_000;

/// What the file holds.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    /// The number of the last record of which it knows.
    through: u64,
    /// When it was written, in ms since 1970.
    at: i64,
    /// Requests that may be sent again.
    undelivered: HashSet<Uuid>,
}

/// The file that is written.
#[derive(Debug, Default)]
pub(crate) struct UndeliveredFile(Arc<Mutex<Writing>>);

#[derive(Debug, Default)]
struct Writing {
    /// What the file says.
    written: Note,
    /// Whether the last attempt failed.
    failing: bool,
}

/// What is known of how a former life of this process has ended.
#[derive(Debug)]
pub(crate) struct FormerLife {
    note: Note,
    now: i64,
    /// When it was still alive, at least.
    alive_at: i64,
}

/// Whether the sender of a request may come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MayCome {
    Yes,
    No,
    /// It may, where the former life ended soon after this time (ms since 1970).
    ByThen(i64),
}

impl FormerLife {
    /// Reads the file of a spool's folder. This blocks.
    pub(crate) fn read(folder: &Path) -> Self {
        let note = std::fs::read(folder.join(FILE)).ok();
        let note = note.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self::told_by(note.unwrap_or_default(), spooled::now())
    }

    fn told_by(note: Note, now: i64) -> Self {
        // Clocks go wrong: what is of the future tells nothing.
        let alive_at = if note.at <= now { note.at } else { 0 };
        Self { note, now, alive_at }
    }

    /// What is known of a request that went on the spool at that time (ms since 1970).
    pub(crate) fn may_come(
        &mut self,
        position: Position,
        request: Uuid,
        since: Option<i64>,
    ) -> MayCome {
        if self.note.undelivered.contains(&request) {
            return MayCome::Yes;
        }
        // A file that is older than the record knows another one by this number.
        let is_known = position.number() <= self.note.through
            && since.is_none_or(|since| since <= self.note.at);
        match since {
            _ if is_known => MayCome::No,
            // A program of before has written it, and no file.
            None => MayCome::Yes,
            Some(since) => {
                if since <= self.now {
                    self.alive_at = self.alive_at.max(since);
                }
                MayCome::ByThen(since)
            }
        }
    }

    /// Whether the end came soon after this time, as far as one knows by now.
    pub(crate) fn ended_soon_after(&self, since: i64) -> bool {
        since > self.alive_at - COMES_AGAIN
    }
}

/// Keeps the file true, for as long as the future is polled.
pub(crate) async fn keep_noted(inner: &Inner, spool: &Spool) {
    let mut noted = None;
    loop {
        tokio::time::sleep(PERIOD).await;
        let known_to = inner.on_spool.known_to();
        if spool.depth().records > 0 || known_to != noted {
            inner.undelivered.note(inner, spool, Instant::now()).await;
            noted = known_to;
        }
    }
}

/// Notes it a last time: nothing more is heard of the senders.
pub(crate) async fn note_at_the_end(inner: &Inner, spool: &Spool) {
    let all_heard = Instant::now() + Delivery::GRACE;
    let noted = inner.undelivered.note(inner, spool, all_heard);
    if tokio::time::timeout(LAST_WRITE, noted).await.is_err() {
        tracing::warn!("the disk does not take what is known of the requests on the spool");
    }
}

impl UndeliveredFile {
    async fn note(&self, inner: &Inner, spool: &Spool, heard_by: Instant) {
        // In this order: whoever comes to the spool from now on is not spoken of.
        let Some(through) = inner.on_spool.known_to() else { return };
        let Some(undelivered) = inner.receipts.undelivered(heard_by, MOST) else { return };
        let (through, at) = (through.number(), spooled::now());
        let (writing, folder) = (Arc::clone(&self.0), spool.folder().to_owned());
        let write = move || {
            let note = Note { through, at, undelivered: undelivered.into_iter().collect() };
            let mut writing = writing.lock().unwrap_or_else(PoisonError::into_inner);
            writing.write(note, &folder);
        };
        // A panic was told by its thread.
        let _ = tokio::task::spawn_blocking(write).await;
    }
}

impl Writing {
    fn write(&mut self, note: Note, folder: &Path) {
        let Note { through, undelivered, .. } = &self.written;
        if (note.through, &note.undelivered) == (*through, undelivered) {
            return;
        }
        let written = replace(&note, folder);
        if let Err((path, error)) = &written
            && !self.failing
        {
            tracing::warn!(
                file = %path.display(), %error,
                "cannot note which requests on the spool are answered: after a crash equal ones may \
                 be taken for those of the last minutes"
            );
        }
        self.failing = written.is_err();
        if written.is_ok() {
            self.written = note;
        }
    }
}

/// Not synced: without it only less is known.
fn replace(note: &Note, folder: &Path) -> Result<(), (PathBuf, io::Error)> {
    let (new, path) = (folder.join(NEW_FILE), folder.join(FILE));
    let bytes = serde_json::to_vec(note).map_err(|error| (path.clone(), error.into()))?;
    std::fs::write(&new, bytes).map_err(|error| (new.clone(), error))?;
    std::fs::rename(&new, &path).map_err(|error| (path, error))
}

#[cfg(test)]
mod tests {
    use event_schemas::{Event, parse};

    use super::*;
    use crate::{Batch, ContentHash, Source, Store, drain, store::tests::store_with};

    fn open(folder: &Path) -> (Store, Spool) {
        let (spool, _) = Spool::open(spool::Settings::new(folder, 1 << 20)).unwrap();
        (store_with(Some(spool.clone())), spool)
    }

    fn content() -> ContentHash {
        ContentHash::of(&[b"heartbeat"])
    }

    async fn send(store: &Store, delivery: &Delivery) -> bool {
        let mut batch = Batch::default();
        let event = Event::normalise(parse(r#"{"message":"alive"}"#).unwrap(), 1).unwrap();
        batch.push(&event);
        let admission = store.admit(content(), delivery).unwrap();
        let source = Source::unknown("events", Uuid::nil());
        let appended = admission.append(&source, batch).await.unwrap();
        appended.duplicates == 0
    }

    /// What a killed process leaves: the files as they are.
    fn killed(folder: &Path) -> tempfile::TempDir {
        let left = tempfile::tempdir().unwrap();
        for file in folder.read_dir().unwrap() {
            let path = file.unwrap().path();
            std::fs::copy(&path, left.path().join(path.file_name().unwrap())).unwrap();
        }
        left
    }

    /// Sends equal requests in the next life; gives which of them are new.
    async fn next_life(folder: &Path, requests: usize) -> Vec<bool> {
        let (store, spool) = open(folder);
        drain::note_spooled(&store.inner, &spool).await;
        let mut are_new = Vec::new();
        for _ in 0..requests {
            are_new.push(send(&store, &Delivery::not_needed()).await);
        }
        are_new
    }

    #[tokio::test]
    async fn after_an_orderly_end_only_what_was_not_delivered_is_claimed() {
        let folder = tempfile::tempdir().unwrap();
        let (store, spool) = open(folder.path());
        drain::note_spooled(&store.inner, &spool).await;
        // Of one nothing was heard yet, and nothing will be.
        let [given, left] = [(); 2].map(|()| Delivery::default());
        for delivery in [Delivery::not_needed(), given.clone(), Delivery::not_needed()] {
            assert!(send(&store, &delivery).await);
        }
        given.give();
        assert!(send(&store, &left).await);
        left.fail();
        store.close().await;
        assert_eq!(next_life(folder.path(), 3).await, [false, true, true]);
    }

    #[tokio::test]
    async fn after_a_crash_what_came_since_the_last_note_may_be_claimed() {
        let folder = tempfile::tempdir().unwrap();
        let (store, spool) = open(folder.path());
        drain::note_spooled(&store.inner, &spool).await;
        for _ in 0..3 {
            send(&store, &Delivery::not_needed()).await;
        }
        let unknown = killed(folder.path());
        store.inner.undelivered.note(&store.inner, &spool, Instant::now()).await;
        let known = killed(folder.path());
        send(&store, &Delivery::not_needed()).await;
        let since = killed(folder.path());
        for (left, claimed) in [(unknown, 3), (known, 0), (since, 1)] {
            let are_new = next_life(left.path(), 5).await;
            let expected: Vec<_> = (0..5).map(|number| number >= claimed).collect();
            assert_eq!(are_new, expected);
        }
    }

    /// What the life before left is noted in the next one too.
    #[tokio::test]
    async fn what_is_in_doubt_stays_so_over_several_lives() {
        let folder = tempfile::tempdir().unwrap();
        let (store, spool) = open(folder.path());
        drain::note_spooled(&store.inner, &spool).await;
        let left = Delivery::default();
        for delivery in [&Delivery::not_needed(), &left] {
            send(&store, delivery).await;
        }
        left.fail();
        store.close().await;
        drop((store, spool));
        let (store, spool) = open(folder.path());
        drain::note_spooled(&store.inner, &spool).await;
        store.close().await;
        assert_eq!(next_life(folder.path(), 2).await, [false, true]);
    }

    /// A part of the spool that was not seen may hold what may come again.
    #[tokio::test]
    async fn nothing_is_noted_before_all_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _spool) = open(folder.path());
        send(&store, &Delivery::not_needed()).await;
        store.close().await;
        assert!(!folder.path().join(FILE).exists());
    }

    #[tokio::test]
    async fn the_end_is_told_by_the_note_and_the_last_record() {
        let folder = tempfile::tempdir().unwrap();
        let (_store, spool) = open(folder.path());
        let mut positions = Vec::new();
        for _ in 0..4 {
            positions.push(spool.append(vec![1]).await.unwrap());
        }
        let [listed, other] = [1, 2].map(Uuid::from_u128);
        let minute = 60_000;
        let now = 100 * minute;
        let note = |at| Note { through: positions[1].number(), at, undelivered: [listed].into() };
        let mut life = FormerLife::told_by(note(10 * minute), now);
        for (place, request, since, expected) in [
            (0, other, Some(minute), MayCome::No),
            (1, other, None, MayCome::No),
            (0, listed, Some(minute), MayCome::Yes),
            (3, listed, None, MayCome::Yes),
            (2, other, None, MayCome::Yes),
            (2, other, Some(minute), MayCome::ByThen(minute)),
            // Another one had this number.
            (1, other, Some(11 * minute), MayCome::ByThen(11 * minute)),
        ] {
            assert_eq!(life.may_come(positions[place], request, since), expected);
        }
        assert!(life.ended_soon_after(10 * minute) && !life.ended_soon_after(9 * minute));
        life.may_come(positions[3], other, Some(20 * minute));
        assert!(life.ended_soon_after(19 * minute) && !life.ended_soon_after(18 * minute));
        // By a clock that was wrong: the others tell the end.
        let wrong = 1000 * minute;
        for mut life in [life, FormerLife::told_by(note(wrong), now)] {
            assert_eq!(life.may_come(positions[3], other, Some(wrong)), MayCome::ByThen(wrong));
            assert_eq!(
                life.may_come(positions[3], other, Some(20 * minute)),
                MayCome::ByThen(20 * minute)
            );
            assert!(life.ended_soon_after(wrong));
            assert!(life.ended_soon_after(19 * minute) && !life.ended_soon_after(18 * minute));
        }
    }

    /// What was noted before stays true, and each of these would be some megabytes.
    #[tokio::test]
    async fn no_more_are_noted_than_can_be_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (store, spool) = open(folder.path());
        drain::note_spooled(&store.inner, &spool).await;
        send(&store, &Delivery::not_needed()).await;
        let noted = async || {
            store.inner.undelivered.note(&store.inner, &spool, Instant::now()).await;
            FormerLife::read(folder.path()).note
        };
        let note = noted().await;
        assert!(note.undelivered.is_empty());
        send(&store, &Delivery::not_needed()).await;
        for number in 0..=MOST {
            store.inner.receipts.note_spooled(content(), Uuid::from_u128(number as u128));
        }
        assert_eq!(noted().await, note);
        store.inner.receipts.note_drained(content(), Uuid::nil());
        store.inner.receipts.forget(&[Uuid::nil()]);
        let later = noted().await;
        assert_eq!((later.undelivered.len(), later.through), (MOST, note.through + 1));
    }

    #[test]
    fn a_damaged_file_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let note = Note { through: 7, at: 9, undelivered: [Uuid::nil()].into() };
        replace(&note, folder.path()).unwrap();
        assert_eq!(FormerLife::read(folder.path()).note, note);
        for bytes in [&b""[..], b"{\"through\":7", b"[]", &[0; 90]] {
            std::fs::write(folder.path().join(FILE), bytes).unwrap();
            assert_eq!(FormerLife::read(folder.path()).note, Note::default());
        }
    }
}
