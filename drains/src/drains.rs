//! All drains of the program.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::join_all;
use store::{Backend, Store};
use tokio::{sync::watch, task::JoinSet};
use uuid::Uuid;

use crate::{
    drain::Drain,
    gone::{self, Fate},
    measures,
    overdue::Overdue,
    record::Copies,
    room,
};

/// What drains need to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder in which each drain has one of its own; made when it is needed.
    pub dir: PathBuf,
    /// Bytes that each drain may keep on disk.
    pub max_bytes: u64,
    /// Bytes that all drains together may keep on disk.
    pub max_bytes_of_all: u64,
}

/// All drains of the program. Cheap to clone; clones are one.
#[derive(Debug, Clone)]
pub struct Drains(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    overdue: Overdue,
    drains: Mutex<HashMap<Uuid, Arc<Drain>>>,
    /// Ends of those that are being left: who has the folder next waits for them.
    leaving: Mutex<HashMap<Uuid, watch::Receiver<()>>>,
}

impl Drains {
    /// No drains yet; they come with the backends of a store.
    pub fn new(settings: Settings) -> Self {
        measures::describe();
        Self(Arc::new(Inner {
            settings,
            overdue: Overdue::default(),
            drains: Mutex::default(),
            leaving: Mutex::default(),
        }))
    }

    /// Sends on what waits, and follows the backends of the catalog, for as long as the future is
    /// polled.
    pub async fn follow(&self, store: &Store) {
        let mut changes = store.catalog_changes();
        let mut is_first = true;
        // A catalog or a disk that does not answer holds up no other backend.
        let mut leaving = JoinSet::new();
        while changes.next().await {
            let backends = store.backends();
            let there_are: HashSet<_> = backends.iter().map(|backend| backend.token).collect();
            let gone: Vec<_> =
                self.drains().extract_if(|token, _| !there_are.contains(token)).collect();
            if std::mem::take(&mut is_first) {
                for (token, folder) in self.strangers(&there_are) {
                    let ended = self.leaves(token);
                    let store = store.clone();
                    leaving.spawn(async move {
                        leave_folder(&store, token, &folder).await;
                        drop(ended);
                    });
                }
            }
            for (token, drain) in gone {
                let ended = self.leaves(token);
                let store = store.clone();
                leaving.spawn(async move {
                    leave(&store, token, &drain).await;
                    drop(ended);
                });
            }
            while leaving.try_join_next().is_some() {}
            for backend in backends {
                let drain = self.drain(&backend);
                drain.update(&backend);
                // Who waited for a disk would not hear of other backends.
                tokio::spawn(async move {
                    if let Err(reason) = drain.open().await {
                        let backend = &backend.name;
                        tracing::error!(backend, reason, "events cannot be kept for a drain");
                    }
                });
            }
        }
    }

    /// Keeps events of a source until they are sent to a backend; returns when they are durable, or
    /// when the disk takes long. What cannot be kept is dropped, counted and logged: other systems
    /// hold up nothing.
    pub async fn put(&self, backend: &Arc<Backend>, source: &str, copies: Copies) {
        if copies.is_empty() {
            return;
        }
        let drain = self.drain(backend);
        if self.has_room(&drain, copies.size()) {
            drain.put(source, copies).await;
        } else {
            drain.has_no_room(copies.len());
        }
    }

    /// Counts and logs events that a backend does not get, and why.
    pub fn leave_out(&self, backend: &Arc<Backend>, events: usize, reason: &str) {
        self.drain(backend).dropped(events, reason);
    }

    /// Whether a drain may keep so many bytes more, for all that the others have.
    fn has_room(&self, drain: &Drain, bytes: usize) -> bool {
        let adding = u64::try_from(bytes).unwrap_or(u64::MAX);
        let queues: Vec<_> = self.drains().values().map(|drain| drain.bytes()).collect();
        room::may_grow(drain.bytes(), &queues, adding, self.0.settings.max_bytes_of_all)
    }

    /// Brings the figures up to date that are only worked out when metrics are asked for.
    pub fn refresh_measures(&self) {
        self.drains().values().for_each(|drain| drain.refresh());
    }

    /// Ends all workers; what is not sent is at the next start.
    pub async fn close(&self) {
        let drains: Vec<_> = self.drains().values().cloned().collect();
        join_all(drains.iter().map(|drain| drain.close())).await;
    }

    fn drain(&self, backend: &Arc<Backend>) -> Arc<Drain> {
        let Settings { dir, max_bytes, .. } = &self.0.settings;
        let mut drains = self.drains();
        let drain = drains.entry(backend.token).or_insert_with(|| {
            let dir = dir.join(backend.token.to_string());
            let before = self.leaving().get(&backend.token).cloned();
            Arc::new(Drain::new(backend, dir, *max_bytes, &self.0.overdue).after(before))
        });
        Arc::clone(drain)
    }

    fn drains(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Drain>>> {
        self.0.drains.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leaving(&self) -> MutexGuard<'_, HashMap<Uuid, watch::Receiver<()>>> {
        self.0.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a folder is being left, until what is given is dropped.
    fn leaves(&self, token: Uuid) -> watch::Sender<()> {
        let (ended, left) = watch::channel(());
        let mut leaving = self.leaving();
        leaving.retain(|_, left| left.has_changed().is_ok());
        leaving.insert(token, left);
        ended
    }

    /// Folders of backends that the catalog does not know.
    fn strangers(&self, known: &HashSet<Uuid>) -> Vec<(Uuid, PathBuf)> {
        let Ok(folders) = self.0.settings.dir.read_dir() else { return Vec::new() };
        let of_strangers = folders.flatten().filter_map(|folder| {
            let token = Uuid::try_parse(folder.file_name().to_str()?).ok()?;
            (!known.contains(&token)).then(|| (token, folder.path()))
        });
        of_strangers.collect()
    }
}

/// Ends a drain whose backend the catalog does not know any more.
async fn leave(store: &Store, token: Uuid, drain: &Drain) {
    drain.close().await;
    match fate(store, token).await {
        Fate::Removed => drain.remove().await,
        Fate::Unknown => drain.leave("the catalog does not say that it was removed"),
        Fate::Back => {}
    }
}

/// The same of one that was gone when the program was started.
async fn leave_folder(store: &Store, token: Uuid, folder: &Path) {
    let shown = folder.display();
    match fate(store, token).await {
        Fate::Removed => {
            tracing::warn!(
                folder = %shown,
                "a backend was removed while this program was not there; what waited for it goes"
            );
            gone::delete(folder).await;
        }
        Fate::Unknown => tracing::warn!(
            folder = %shown,
            "events wait here for a backend that the catalog does not know; delete the folder if it \
             is gone for good"
        ),
        Fate::Back => {}
    }
}

async fn fate(store: &Store, token: Uuid) -> Fate {
    let is_back = || store.backend(token).is_some();
    gone::fate(is_back, || store.backend_was_deleted(token)).await
}
