//! The power is cut after any change on disk, again and again: what was confirmed is there, what
//! comes was appended, and the order holds.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use proptest::prelude::*;
use tempfile::tempdir;

use crate::{
    Position, Settings, Spool,
    disk::Disk,
    trial::{Kind, Trial},
};

/// What is done to a spool.
#[derive(Debug, Clone)]
enum Step {
    /// Appends a record of about so many bytes.
    Append(usize),
    /// Takes about so many bytes, and deals with them.
    Drain(usize),
    Fail(Kind),
    /// Fails once: what comes after seems to go well.
    FailOnce(Kind),
    FillUp(usize),
    Heal,
}

fn step() -> impl Strategy<Value = Step> {
    use Kind::{Create, Remove, Rename, Sync, SyncFolder, Truncate, Write};
    let kind =
        prop::sample::select(vec![Create, Write, Sync, Truncate, SyncFolder, Rename, Remove]);
    prop_oneof![
        10 => (0..60_usize).prop_map(Step::Append),
        4 => (0..120_usize).prop_map(Step::Drain),
        1 => kind.clone().prop_map(Step::Fail),
        2 => kind.prop_map(Step::FailOnce),
        1 => (0..100_usize).prop_map(Step::FillUp),
        3 => Just(Step::Heal),
    ]
}

/// One life of a spool, up to the power cut.
#[derive(Debug, Default)]
struct Life {
    /// Records that must be there, by number, and the change after which they must.
    confirmed: BTreeMap<usize, usize>,
    /// Records that may be gone, and the change after which they may.
    drained: BTreeMap<usize, usize>,
}

fn record(number: usize, padding: usize) -> Vec<u8> {
    format!("{number} {}", "x".repeat(padding)).into_bytes()
}

fn number(record: &[u8]) -> usize {
    std::str::from_utf8(record).unwrap().split(' ').next().unwrap().parse().unwrap()
}

fn waiting(spool: &Spool) -> Vec<(Position, usize)> {
    let mut waiting = Vec::new();
    spool.scan(|position, bytes| waiting.push((position, number(bytes)))).unwrap();
    waiting
}

impl Life {
    async fn live(&mut self, spool: &Spool, trial: &Trial, steps: &[Step], next: &mut usize) {
        for step in steps {
            match *step {
                Step::Append(padding) => {
                    *next += 1;
                    if spool.append(record(*next, padding)).await.is_ok() {
                        self.confirmed.insert(*next, trial.changes());
                    }
                }
                Step::Drain(bytes) if spool.depth().records > 0 => {
                    spool.rewind();
                    let taken = spool.take(bytes).await;
                    let changes = trial.changes();
                    self.drained.extend(taken.iter().map(|taken| (number(&taken.bytes), changes)));
                    spool.done(taken.last().unwrap().position).await;
                }
                Step::Drain(_) => {}
                Step::Fail(kind) => trial.fail(kind),
                Step::FailOnce(kind) => trial.fail_once(kind),
                Step::FillUp(room) => trial.fill_up(room),
                Step::Heal => trial.heal(),
            }
            assert!(spool.depth().bytes <= MAX_BYTES);
        }
    }

    /// What must be there after so many changes.
    fn required(&self, changes: usize) -> impl Iterator<Item = usize> {
        let drained = move |number| self.drained.get(number).is_some_and(|&from| from <= changes);
        let confirmed = self.confirmed.iter().filter(move |&(_, &from)| from <= changes);
        confirmed.map(|(number, _)| number).filter(move |number| !drained(number)).copied()
    }
}

const MAX_BYTES: u64 = 800;

fn write(folder: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) {
    for (name, bytes) in files {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_was_confirmed_is_there(
        lives in prop::collection::vec(
            (prop::collection::vec(step(), 1..25), any::<prop::sample::Index>()), 1..5
        ),
        mut luck in any::<u64>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let mut files = BTreeMap::new();
        let mut next = 0;
        for (steps, cut) in lives {
            let folder = tempdir().unwrap();
            write(folder.path(), &files);
            let disk = Disk::default();
            let trial = disk.trial.clone();
            let settings = Settings { dir: folder.path().into(), max_bytes: MAX_BYTES, segment_bytes: 150 };
            let (spool, _) = Spool::open_on(disk, settings).unwrap();
            let found = waiting(&spool);
            prop_assert!(found.is_sorted(), "{:?}", found);
            let mut life = Life::default();
            // What was found is as good as confirmed.
            life.confirmed.extend(found.iter().map(|&(_, number)| (number, 0)));
            runtime.block_on(life.live(&spool, &trial, &steps, &mut next));
            let changes = cut.index(trial.changes() + 1);
            files = trial.after_power_cut(files, changes, |below| {
                luck = luck.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                usize::try_from(luck >> 33).unwrap() % below
            });
            trial.heal();
            runtime.block_on(spool.close());

            let left = tempdir().unwrap();
            write(left.path(), &files);
            let (spool, _) = Spool::open(Settings::new(left.path(), MAX_BYTES)).unwrap();
            let found: Vec<usize> = waiting(&spool).into_iter().map(|(_, number)| number).collect();
            prop_assert!(found.is_sorted_by(|a, b| a < b), "twice or out of order: {:?}", found);
            let there: BTreeSet<_> = found.iter().copied().collect();
            for number in life.required(changes) {
                prop_assert!(there.contains(&number), "{number} is lost: {:?}", found);
            }
            runtime.block_on(spool.close());
        }
    }
}
