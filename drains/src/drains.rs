//! All drains of the program.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use futures_util::future::join_all;
use store::{Backend, Store};
use tokio::{sync::watch, task::JoinSet};
use uuid::Uuid;

use crate::{
    drain::Drain,
    gone::{self, Fate},
    measures::{self, Dropped, Figures},
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
    catalog: OnceLock<Catalog>,
}

/// Whether the catalog has a backend now. It is known since backends are followed.
struct Catalog(Box<dyn Fn(Uuid) -> bool + Send + Sync>);

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Catalog")
    }
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
            catalog: OnceLock::new(),
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
            self.0.catalog.get_or_init(|| {
                let store = store.clone();
                Catalog(Box::new(move |token| store.backend(token).is_some()))
            });
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
                // One that was removed meanwhile is gone when the next change is told.
                let Some(drain) = self.drain(&backend) else { continue };
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
        let Some(drain) = self.drain(backend) else {
            return was_removed(backend, copies.len());
        };
        if self.has_room(&drain, copies.size()) {
            drain.put(source, copies).await;
        } else {
            drain.has_no_room(copies.len());
        }
    }

    /// Counts and logs events that a backend does not get, and why.
    pub fn leave_out(&self, backend: &Arc<Backend>, events: usize, reason: &str) {
        match self.drain(backend) {
            Some(drain) => drain.dropped(Dropped::Full, events, reason),
            None => was_removed(backend, events),
        }
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

    /// The drain of a backend. `None` where the catalog does not have it any more: a request may be
    /// on its way for longer, and must not bring a drain back that was taken away.
    fn drain(&self, backend: &Arc<Backend>) -> Option<Arc<Drain>> {
        let Settings { dir, max_bytes, .. } = &self.0.settings;
        let mut drains = self.drains();
        // Asked while nobody takes drains away: what is gone later is taken away after this one.
        if self.0.catalog.get().is_some_and(|Catalog(has)| !has(backend.token)) {
            return None;
        }
        let drain = drains.entry(backend.token).or_insert_with(|| {
            let dir = dir.join(backend.token.to_string());
            let before = self.leaving().get(&backend.token).cloned();
            Arc::new(Drain::new(backend, dir, *max_bytes, &self.0.overdue).after(before))
        });
        Some(Arc::clone(drain))
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

/// Counts events for a backend that was removed while they were on their way.
fn was_removed(backend: &Backend, events: usize) {
    Figures::new(backend.token).dropped(Dropped::Removed, events);
    let backend = format!("{} ({})", backend.name, backend.token);
    tracing::warn!(backend, events, "events are not sent on: their backend was removed");
}

/// Ends a drain whose backend the catalog does not know any more.
async fn leave(store: &Store, token: Uuid, drain: &Drain) {
    drain.end().await;
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

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    const TOKEN: Uuid = Uuid::from_u128(7);

    /// A backend that is away.
    fn backend() -> Arc<Backend> {
        let config = json!({"url": "http://127.0.0.1:9/", "http": "http1", "gzip": false});
        Arc::new(Backend {
            id: 1,
            token: TOKEN,
            name: "away".to_owned(),
            description: None,
            kind: "webhook".to_owned(),
            config: Ok(Arc::new(config.as_object().unwrap().clone())),
            metadata: Map::new(),
            default_ingest: false,
            created_at: 0,
            updated_at: 0,
        })
    }

    fn copies() -> Copies {
        let mut copies = Copies::default();
        copies.push(br#"{"id":"a","timestamp":1,"event_message":"one"}"#);
        copies
    }

    fn settings(dir: &Path) -> Settings {
        Settings { dir: dir.to_owned(), max_bytes: 1 << 20, max_bytes_of_all: 1 << 20 }
    }

    #[tokio::test]
    async fn a_removed_backend_is_not_brought_back_by_a_request_on_its_way() {
        let dir = tempfile::tempdir().unwrap();
        let drains = Drains::new(settings(dir.path()));
        let catalog = Arc::new(Mutex::new(HashSet::from([TOKEN])));
        let asked = Arc::clone(&catalog);
        let has = Catalog(Box::new(move |token| asked.lock().unwrap().contains(&token)));
        drains.0.catalog.set(has).unwrap();
        let (backend, folder) = (backend(), dir.path().join(TOKEN.to_string()));
        drains.put(&backend, "app", copies()).await;
        assert!(folder.exists());

        catalog.lock().unwrap().clear();
        let drain = drains.drains().remove(&TOKEN).unwrap();
        drain.end().await;
        drain.remove().await;
        drains.put(&backend, "app", copies()).await;
        drains.leave_out(&backend, 1, "too much");
        // It was looked up before.
        drain.put("app", copies()).await;
        assert!(!folder.exists() && drains.drains().is_empty());

        // Back, as after a restore.
        catalog.lock().unwrap().insert(TOKEN);
        drains.put(&backend, "app", copies()).await;
        assert!(folder.exists());
        drains.close().await;
    }

    #[tokio::test]
    async fn a_drain_that_is_not_opened_yet_is_not_after_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(TOKEN.to_string());
        let (_still_there, before) = watch::channel(());
        let drain = Drain::new(&backend(), folder.clone(), 1 << 20, &Overdue::default());
        let drain = Arc::new(drain.after(Some(before)));
        let opening = tokio::spawn({
            let drain = Arc::clone(&drain);
            async move { drain.open().await.map(|_| ()) }
        });
        tokio::task::yield_now().await;
        drain.end().await;
        assert!(opening.await.unwrap().is_err());
        assert!(drain.open().await.is_err() && !folder.exists());
    }
}
