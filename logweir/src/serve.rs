//! The server from its start to its end.

use std::{io::Write as _, net::SocketAddr, sync::Arc, time::Duration};

use store::{InvalidServer, PostgresServer, Store};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
    task::JoinHandle,
};
use warp::{Filter as _, filters::BoxedFilter, reply::Response};

use crate::{
    app,
    data_dir::{DataDir, DataDirError},
    embedded_postgres::{self, EmbeddedPostgres},
    health::Health,
    server::{self, BindError, Limits},
    settings::{Databases, Settings},
    tokens::{Tokens, TokensError},
};

/// For the head of a request to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// For requests in flight to be answered after the end was asked for.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Connections of the embedded database beyond the pools: the store's own, and a person's.
const SPARE_CONNECTIONS: u32 = 42;

/// Which parts of the API are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Ingest and queries.
    Both,
    /// Ingest.
    Sink,
    /// Queries and management.
    Sidecar,
}

/// Why the server cannot start, or had to end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The address.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The tokens.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// The data folder.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The embedded database.
    #[error(transparent)]
    EmbeddedPostgres(#[from] embedded_postgres::Error),
    /// The address of the embedded database.
    #[error("the embedded database has no usable address: {0}")]
    EmbeddedUrl(#[from] url::ParseError),
    /// The address of the embedded database, as the store sees it.
    #[error("the embedded database has no usable address: {0}")]
    EmbeddedServer(#[from] InvalidServer),
    /// The system.
    #[error("{0}")]
    System(#[from] std::io::Error),
}

/// Serves until a signal asks for the end and everything in flight is answered.
pub(crate) async fn run(settings: Settings, role: Role) -> Result<(), Error> {
    let mut signals = Signals::listen()?;
    let listener = server::bind(settings.ip, settings.port).await?;
    let address = listener.local_addr()?;
    let mut databases = Running::prepare(&settings).await?;
    let tokens = Tokens::resolve(&settings.tokens, &settings.data_dir)?;
    introduce(&tokens, &settings, address);

    let routes = routes(&databases.store, &settings, &tokens, role);
    let limits = Limits {
        max_connections: settings.max_connections,
        head_timeout: HEAD_TIMEOUT,
        drain_timeout: DRAIN_TIMEOUT,
    };
    tracing::info!(%address, ?role, "listening");
    let mut failure = None;
    server::serve(listener, routes, limits, async {
        tokio::select! {
            () = signals.next() => {}
            error = databases.failed() => failure = Some(error),
        }
        // Whoever asks twice is in a hurry. The embedded database ends by itself.
        tokio::spawn(async move {
            signals.next().await;
            tracing::warn!("ending at once");
            std::process::exit(1);
        });
    })
    .await;
    databases.stop().await;
    failure.map_or(Ok(()), Err)
}

fn routes(
    store: &Store,
    settings: &Settings,
    tokens: &Tokens,
    role: Role,
) -> BoxedFilter<(Response,)> {
    let sink = || {
        sink::routes(
            store.clone(),
            sink::Settings { tokens: tokens.access(), max_body_bytes: settings.max_body_bytes },
        )
    };
    let sidecar = || sidecar::routes(store.clone(), sidecar::Settings { tokens: tokens.access() });
    let areas = match role {
        Role::Both => sink().or(sidecar()).unify().boxed(),
        Role::Sink => sink(),
        Role::Sidecar => sidecar(),
    };
    let store = store.clone();
    let health = Health::new(&settings.node_host, Arc::new(move || store.readiness()));
    app::routes(health, areas)
}

/// Shows the tokens that were made now, on standard output: they are not for a log.
fn introduce(tokens: &Tokens, settings: &Settings, address: SocketAddr) {
    let url = if address.ip().is_unspecified() {
        format!("http://localhost:{}", address.port())
    } else {
        format!("http://{address}")
    };
    let Some(text) = tokens.introduction(&url, &settings.data_dir) else { return };
    let mut output = std::io::stdout();
    if let Err(error) = output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        tracing::warn!(%error, "new tokens cannot be shown; they are in the data folder");
    }
}

/// The store, and what keeps it running.
#[derive(Debug)]
struct Running {
    store: Store,
    keep_ready: JoinHandle<()>,
    embedded: Option<Embedded>,
}

/// The embedded database, in a task of its own.
#[derive(Debug)]
struct Embedded {
    task: JoinHandle<Result<(), embedded_postgres::Error>>,
    stop: oneshot::Sender<()>,
}

impl Running {
    /// Starts to make the store ready; the embedded database first, if that is where it is.
    async fn prepare(settings: &Settings) -> Result<Self, Error> {
        match &settings.databases {
            Databases::Servers { events, catalog } => {
                let store = Store::new(store_settings(settings, events.clone(), catalog.clone()));
                let keep_ready = tokio::spawn(keep_ready(store.clone(), None));
                Ok(Self { store, keep_ready, embedded: None })
            }
            Databases::Embedded { schema } => {
                let postgres = EmbeddedPostgres::prepare(
                    DataDir::create(&settings.data_dir)?,
                    embedded_settings(settings),
                )
                .await?;
                let server = PostgresServer::parse(&postgres.url()?, Some(schema))?;
                let store = Store::new(store_settings(settings, server.clone(), server));
                let (tell_started, started) = oneshot::channel();
                let (stop, stopped) = oneshot::channel::<()>();
                let task = tokio::spawn(postgres.run(tell_started, async {
                    // A sender that is gone means the end as well.
                    _ = stopped.await;
                }));
                let keep_ready = tokio::spawn(keep_ready(store.clone(), Some(started)));
                Ok(Self { store, keep_ready, embedded: Some(Embedded { task, stop }) })
            }
        }
    }

    /// Returns when the embedded database cannot run at all; else never.
    async fn failed(&mut self) -> Error {
        if let Some(embedded) = &mut self.embedded {
            match (&mut embedded.task).await {
                Ok(Err(error)) => {
                    self.embedded = None;
                    return error.into();
                }
                ended => {
                    self.embedded = None;
                    let text = format!("the embedded database is no longer watched: {ended:?}");
                    return std::io::Error::other(text).into();
                }
            }
        }
        std::future::pending().await
    }

    /// Closes the store, then stops the database below it.
    async fn stop(self) {
        self.keep_ready.abort();
        self.store.close().await;
        let Some(embedded) = self.embedded else { return };
        // A receiver that is gone has ended already.
        _ = embedded.stop.send(());
        match embedded.task.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the embedded database failed"),
            Err(error) => tracing::error!(%error, "the embedded database is no longer watched"),
        }
    }
}

/// Waits for the embedded database to start, so that the first attempt succeeds at once.
async fn keep_ready(store: Store, started: Option<oneshot::Receiver<()>>) {
    if let Some(started) = started
        && started.await.is_err()
    {
        return;
    }
    store.keep_ready().await;
}

fn store_settings(
    settings: &Settings,
    events: PostgresServer,
    catalog: PostgresServer,
) -> store::Settings {
    store::Settings {
        events,
        catalog,
        seed_supabase: settings.seed_supabase,
        query_timeout: settings.query_timeout,
        ingest_connections: settings.ingest_connections,
        query_connections: settings.query_connections,
        query_functions: translate::QUERY_FUNCTIONS,
    }
}

fn embedded_settings(settings: &Settings) -> embedded_postgres::Settings {
    embedded_postgres::Settings {
        program_dirs: settings.program_dirs.clone(),
        temp_dir: settings.temp_dir.clone(),
        max_connections: settings.ingest_connections
            + settings.query_connections
            + SPARE_CONNECTIONS,
    }
}

/// The signals that ask for the end.
#[derive(Debug)]
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Returns at the next signal.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
