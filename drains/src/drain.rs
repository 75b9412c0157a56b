//! One drain: the spool of a backend, and the worker that empties it.

use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use spool::Spool;
use store::Backend;
use tokio::{
    sync::{OnceCell, watch},
    task::JoinHandle,
};

use crate::{
    gone,
    kind::Kind,
    measures::{Dropped, Figures, now},
    overdue::{Overdue, Patience},
    put_aside::PutAside,
    receiver::Receiver,
    record::Copies,
    worker::{State, Target, Worker},
};

/// Time between two lines of the log about events that are dropped.
const LOG_PAUSE: Duration = Duration::from_secs(10);

/// Why nothing is put into a drain that was closed.
const ENDED: &str = "the backend was removed, or the program ends";

/// The spool of a backend, and the worker that empties it.
#[derive(Debug)]
pub(crate) struct Drain {
    backend: Mutex<Arc<Backend>>,
    dir: PathBuf,
    max_bytes: u64,
    spool: OnceCell<Spool>,
    target: watch::Sender<Target>,
    stop: watch::Sender<bool>,
    figures: Arc<Figures>,
    patience: Patience,
    worker: Mutex<Option<JoinHandle<()>>>,
    /// When it was told last that events are dropped, and how many were since.
    told: Mutex<(Option<Instant>, usize)>,
    /// The end of whoever had the folder before.
    before: Option<watch::Receiver<()>>,
}

impl Drain {
    /// A drain that is not opened yet. `overdue` is what waits for the disks of all drains.
    pub(crate) fn new(
        backend: &Arc<Backend>,
        dir: PathBuf,
        max_bytes: u64,
        overdue: &Overdue,
    ) -> Self {
        Self {
            backend: Mutex::new(Arc::clone(backend)),
            dir,
            max_bytes,
            spool: OnceCell::new(),
            target: watch::Sender::new(target(backend)),
            stop: watch::Sender::new(false),
            figures: Arc::new(Figures::new(backend.token)),
            patience: overdue.patience(),
            worker: Mutex::default(),
            told: Mutex::default(),
            before: None,
        }
    }

    /// One that is opened only when whoever has the folder has left it.
    pub(crate) fn after(self, before: Option<watch::Receiver<()>>) -> Self {
        Self { before, ..self }
    }

    fn name(&self) -> String {
        let backend = self.backend.lock().unwrap_or_else(PoisonError::into_inner);
        format!("{} ({})", backend.name, backend.token)
    }

    /// Sends as the backend says from now on.
    pub(crate) fn update(&self, backend: &Arc<Backend>) {
        let mut known = self.backend.lock().unwrap_or_else(PoisonError::into_inner);
        if *known != *backend {
            let is_other = known.config != backend.config || known.kind != backend.kind;
            *known = Arc::clone(backend);
            drop(known);
            if is_other {
                drop(self.target.send_replace(target(backend)));
            }
        }
    }

    /// Opens the spool and begins to send, once; not after the end.
    pub(crate) async fn open(&self) -> Result<&Spool, String> {
        let opened = self.spool.get_or_try_init(|| async {
            let mut stop = self.stop.subscribe();
            if let Some(mut before) = self.before.clone() {
                tokio::select! {
                    // Nothing is said but that it is there no more.
                    _ = before.changed() => {}
                    // Its sender is here.
                    _ = stop.wait_for(|stop| *stop) => {}
                }
            }
            if *stop.borrow() {
                return Err(ENDED.to_owned());
            }
            let settings = spool::Settings::new(&self.dir, self.max_bytes);
            let opening = tokio::task::spawn_blocking(move || {
                create_private(&settings.dir)?;
                Spool::open(settings).map_err(|error| error.to_string())
            });
            let opened = opening.await.map_err(|error| error.to_string())?;
            let (spool, recovery) = opened?;
            if *stop.borrow() {
                spool.close().await;
                return Err(ENDED.to_owned());
            }
            if recovery.records > 0 {
                let (backend, records) = (self.name(), recovery.records);
                tracing::info!(backend, records, "the drain holds events that wait to be sent on");
            }
            let worker = Worker {
                name: self.name(),
                spool: spool.clone(),
                target: self.target.subscribe(),
                stop: self.stop.subscribe(),
                figures: Arc::clone(&self.figures),
                put_aside: PutAside::new(&self.dir),
                state: State::default(),
            };
            let task = tokio::spawn(worker.run());
            *self.worker.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
            Ok::<_, String>(spool)
        });
        opened.await
    }

    /// Keeps events until they are sent; returns when they are durable, or dropped. A disk that
    /// takes long holds up nobody: they are kept when it goes on.
    pub(crate) async fn put(self: &Arc<Self>, source: &str, copies: Copies) {
        let events = copies.len();
        let record = copies.into_record(source, now());
        let (bytes, drain) = (record.len(), Arc::clone(self));
        let keeping = async move {
            let kept = async {
                let spool = drain.open().await?;
                spool.append(record).await.map_err(|error| error.to_string())
            };
            if let Err(reason) = kept.await {
                let why = if *drain.stop.borrow() { Dropped::Removed } else { Dropped::Full };
                drain.dropped(why, events, &reason);
            }
        };
        if self.patience.wait_for(keeping, bytes).await.is_err() {
            let reason = "the disk takes too long, and no more is kept in memory";
            self.dropped(Dropped::Full, events, reason);
        }
    }

    /// Bytes that it has on disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.spool.get().map_or(0, |spool| spool.depth().bytes)
    }

    /// Events are not kept: the queues of all drains are full.
    pub(crate) fn has_no_room(&self, events: usize) {
        let reason = "the queues of all backends together take LOGWEIR_ALL_DRAINS_MAX_BYTES";
        self.dropped(Dropped::Full, events, reason);
    }

    /// Events are not kept, for some reason.
    pub(crate) fn dropped(&self, why: Dropped, events: usize, reason: &str) {
        self.figures.dropped(why, events);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.1 += events;
        let now = Instant::now();
        if told.0.is_none_or(|at| now.duration_since(at) >= LOG_PAUSE) {
            let events = std::mem::take(&mut told.1);
            told.0 = Some(now);
            drop(told);
            let backend = self.name();
            tracing::error!(backend, events, reason, "events are not sent on: they cannot be kept");
        }
    }

    pub(crate) fn refresh(&self) {
        if let Some(spool) = self.spool.get() {
            self.figures.refresh(spool.depth());
        }
    }

    /// Ends the worker and closes the spool; whoever opens it now is not waited for.
    pub(crate) async fn close(&self) {
        self.stop.send_replace(true);
        let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(worker) = worker
            && let Err(error) = worker.await
        {
            tracing::error!(backend = self.name(), %error, "a drain was not ended in order");
        }
        if let Some(spool) = self.spool.get() {
            spool.clone().close().await;
        }
    }

    /// The same, and waits for whoever opens it now: nobody uses its folder after.
    pub(crate) async fn end(&self) {
        self.close().await;
        // Who opens it meanwhile sees that, or is seen here.
        if self.spool.get_or_try_init(|| async { Err(()) }).await.is_ok() {
            self.close().await;
        }
    }

    /// Tells that what waits is left: the backend is gone, and may come back.
    pub(crate) fn leave(&self, reason: &str) {
        let (backend, dir) = (self.name(), self.dir.display());
        tracing::warn!(
            backend,
            reason,
            %dir,
            "the catalog does not know a backend any more; its events wait for it here. Delete the \
             folder if it is gone for good"
        );
    }

    /// Ends it and deletes what waits: the backend was removed.
    pub(crate) async fn remove(&self) {
        self.end().await;
        let waiting = self.spool.get().map_or(0, |spool| spool.depth().records);
        self.figures.gone();
        gone::delete(&self.dir).await;
        if waiting > 0 {
            let backend = self.name();
            tracing::warn!(backend, waiting, "the backend was removed with events that waited");
        }
    }
}

/// Makes a folder and those above it, which only their owner may enter.
fn create_private(dir: &Path) -> Result<(), String> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|error| format!("{} cannot be made: {error}", dir.display()))
}

/// What a backend's events are sent to. Where nothing can be, they wait.
fn target(backend: &Backend) -> Target {
    let made = match (&backend.config, backend.kind.parse::<Kind>()) {
        (Err(error), _) => Err(error.to_string()),
        (_, Err(error)) => Err(format!("its type {} {error}", backend.kind)),
        (Ok(config), Ok(kind)) => Receiver::new(kind, config),
    };
    made.map(Arc::new).map_err(|reason| {
        let (name, token) = (&backend.name, backend.token);
        tracing::error!(backend = %format!("{name} ({token})"), reason, "nothing can be sent on");
        reason.into()
    })
}
