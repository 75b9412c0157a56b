//! All drains of the program.

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::join_all;
use store::{Backend, Store};
use uuid::Uuid;

use crate::{drain::Drain, measures, overdue::Overdue, record::Copies, room};

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
}

impl Drains {
    /// No drains yet; they come with the backends of a store.
    pub fn new(settings: Settings) -> Self {
        measures::describe();
        let overdue = Overdue::default();
        Self(Arc::new(Inner { settings, overdue, drains: Mutex::default() }))
    }

    /// Sends on what waits, and follows the backends of the catalog, for as long as the future is
    /// polled.
    pub async fn follow(&self, store: &Store) {
        let mut changes = store.catalog_changes();
        let mut is_first = true;
        while changes.next().await {
            let backends = store.backends();
            let there_are: HashSet<_> = backends.iter().map(|backend| backend.token).collect();
            if std::mem::take(&mut is_first) {
                self.tell_strangers(&there_are);
            }
            let gone: Vec<_> =
                self.drains().extract_if(|token, _| !there_are.contains(token)).collect();
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
            join_all(gone.iter().map(|(token, drain)| leave(store, *token, drain))).await;
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
            Arc::new(Drain::new(backend, dir, *max_bytes, &self.0.overdue))
        });
        Arc::clone(drain)
    }

    fn drains(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Drain>>> {
        self.0.drains.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Folders of backends that are gone are left alone: this may be the wrong database.
    fn tell_strangers(&self, known: &HashSet<Uuid>) {
        let Ok(folders) = self.0.settings.dir.read_dir() else { return };
        for folder in folders.flatten() {
            let token = folder.file_name().to_str().and_then(|name| Uuid::try_parse(name).ok());
            if token.is_some_and(|token| !known.contains(&token)) {
                let folder = folder.path();
                tracing::warn!(
                    folder = %folder.display(),
                    "events wait here for a backend that the catalog does not know; delete the \
                     folder if it is gone for good"
                );
            }
        }
    }
}

/// Ends a drain whose backend the catalog does not know any more. What waits is deleted only if
/// somebody has removed the backend: otherwise this may be the wrong database, or an older one.
async fn leave(store: &Store, token: Uuid, drain: &Drain) {
    match store.backend_was_deleted(token).await {
        Ok(true) => drain.remove().await,
        Ok(false) => drain.leave("the catalog does not say that it was removed").await,
        Err(error) => drain.leave(&error.to_string()).await,
    }
}
