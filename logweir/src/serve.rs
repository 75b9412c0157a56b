//! The server from its start to its end.

use std::{io::Write as _, net::SocketAddr, sync::Arc, time::Duration};

use drains::Drains;
use hyper_util::service::TowerToHyperService;
use metrics_exporter_prometheus::{BuildError, PrometheusHandle};
use sink::Sink;
use store::{ConfigKeys, InvalidServer, PostgresServer, Store};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
    task::JoinHandle,
};
use warp::{Filter as _, filters::BoxedFilter, reply::Response};

use crate::{
    app,
    authorities::{self, AuthoritiesError},
    config_keys,
    data_dir::{DataDir, DataDirError},
    durability::{Durability, DurabilityError, InstanceLock},
    embedded_postgres::{self, EmbeddedPostgres},
    health::{Condition, Health},
    metrics, open_files,
    server::{self, BindError, BodyTimes, Limits, Served, WithGrpc},
    settings::{DEFAULT_GRPC_PORT, Databases, Settings},
    tokens::{Tokens, TokensError},
};

/// For the first request of a connection to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// For the next ones: longer than clients keep connections that they do not use.
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);

/// For a request's body to arrive. Senders are on the same network, and Vector itself gives up
/// after 60 s.
const BODY_TIMES: BodyTimes = BodyTimes {
    quiet: Duration::from_secs(10),
    whole: Duration::from_secs(60),
    trickles_after: Duration::from_secs(10),
};

/// In the data folder: what waits to be sent on.
const DRAINS: &str = "drains";

/// The same of a program that takes no events, which may share the folder with one that does: what
/// alerts tell.
const ALERT_DRAINS: &str = "alert-drains";

/// Files that are open beside connections: the databases' connections, the spool, the logs.
const OTHER_FILES: u64 = 256;

/// For requests in flight to be answered after the end was asked for.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Connections of the embedded database beyond the pools: the store's own, and a person's.
const SPARE_CONNECTIONS: u32 = 46;

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
    /// The spool, or the number of this installation.
    #[error(transparent)]
    Durability(#[from] DurabilityError),
    /// Whom to trust.
    #[error(transparent)]
    Authorities(#[from] AuthoritiesError),
    /// The metrics.
    #[error("metrics cannot be recorded: {0}")]
    Metrics(#[from] BuildError),
    /// The system.
    #[error("{0}")]
    System(#[from] std::io::Error),
}

/// Serves until a signal asks for the end and everything in flight is answered.
pub(crate) async fn run(settings: Settings, role: Role) -> Result<(), Error> {
    let mut signals = Signals::listen()?;
    if let Some(file) = &settings.ca_file {
        authorities::trust(file)?;
    }
    let listener = server::bind(settings.ip, settings.port, "PHX_HTTP_PORT")?;
    let address = listener.local_addr()?;
    let grpc_listener = if role == Role::Sidecar { None } else { bind_grpc(&settings)? };
    let measured = metrics::record()?;
    let tokens = Tokens::resolve(&settings.tokens, &settings.data_dir)?;
    let keys = config_keys::resolve(settings.encryption, &settings.data_dir);
    let mut databases = Running::prepare(&settings, &tokens, keys, role).await?;
    introduce(&tokens, &settings, address);

    let notifying = (role != Role::Sink)
        .then(|| tokio::spawn(sidecar::keep_notifying(databases.store.clone())));
    let drains = &databases.drains.drains;
    let sink = Sink::new(databases.store.clone(), drains.clone(), sink_settings(&settings));
    let alerts = (role != Role::Sink)
        .then(|| tokio::spawn(sidecar::keep_alerting(databases.store.clone(), drains.clone())));
    let routes = routes(&databases, &settings, role, &sink, measured);
    let limits = Limits {
        max_connections: open_files::connections(settings.max_connections, OTHER_FILES),
        head_timeout: HEAD_TIMEOUT,
        idle_timeout: IDLE_TIMEOUT,
        body_times: BODY_TIMES,
        drain_timeout: DRAIN_TIMEOUT,
    };
    tracing::info!(%address, ?role, "listening");
    let grpc = (role != Role::Sidecar).then(|| TowerToHyperService::new(sink.grpc_service()));
    let service =
        WithGrpc { http: TowerToHyperService::new(warp::service(routes)), grpc: grpc.clone() };
    let (stop_grpc, grpc_stopped) = oneshot::channel();
    let grpc = serve_grpc(grpc_listener.zip(grpc), limits.clone(), grpc_stopped);
    let mut failure = None;
    let http = server::serve(listener, service, limits, async {
        tokio::select! {
            () = signals.next() => {}
            error = databases.failed() => failure = Some(error),
        }
        drop(stop_grpc);
        // Whoever asks twice is in a hurry. The embedded database ends by itself.
        tokio::spawn(async move {
            signals.next().await;
            tracing::warn!("ending at once");
            std::process::exit(1);
        });
    });
    tokio::join!(http, grpc);
    if let Some(alerts) = alerts {
        alerts.abort();
    }
    if let Some(notifying) = notifying {
        notifying.abort();
    }
    databases.stop().await;
    failure.map_or(Ok(()), Err)
}

/// Listens for gRPC. Many machines have something on its usual port, so that one is only taken if it
/// is free and nobody chose it.
fn bind_grpc(settings: &Settings) -> Result<Option<TcpListener>, BindError> {
    let port = settings.grpc_port.unwrap_or(DEFAULT_GRPC_PORT);
    match server::bind(settings.ip, port, "LOGFLARE_GRPC_PORT") {
        Err(error) if settings.grpc_port.is_none() => {
            tracing::warn!(%error, "OTLP over gRPC is served on the port of HTTP alone");
            Ok(None)
        }
        bound => bound.map(Some),
    }
}

async fn serve_grpc(
    listener: Option<(TcpListener, impl Served)>,
    limits: Limits,
    stopped: oneshot::Receiver<()>,
) {
    let Some((listener, service)) = listener else { return };
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "listening for gRPC");
    }
    server::serve(listener, service, limits, async {
        // Nothing is sent: the end of the sender says it.
        _ = stopped.await;
    })
    .await;
}

fn sink_settings(settings: &Settings) -> sink::Settings {
    sink::Settings {
        max_body_bytes: settings.max_body_bytes,
        memory_bytes: settings.ingest_memory_bytes,
        rate_limits: settings.rate_limits,
    }
}

fn routes(
    databases: &Running,
    settings: &Settings,
    role: Role,
    sink: &Sink,
    measured: PrometheusHandle,
) -> BoxedFilter<(Response,)> {
    let store = &databases.store;
    let sidecar = || sidecar::routes(store.clone());
    let areas = match role {
        Role::Sink => sink.routes(),
        // Rejected events are sent in again here too.
        Role::Sidecar => sink.management_routes().or(sidecar()).unify().boxed(),
        Role::Both => sink.routes().or(sidecar()).unify().boxed(),
    };
    let refresh = {
        let store = store.clone();
        let drains = databases.drains.drains.clone();
        Arc::new(move || {
            store.refresh_measures();
            drains.refresh_measures();
            if role != Role::Sidecar {
                sink::show_sources(&store);
            }
        })
    };
    let readers = metrics::Readers { store: store.clone(), open: settings.metrics_open };
    let store = store.clone();
    let condition =
        Arc::new(move || Condition { readiness: store.readiness(), reasons: store.troubles() });
    let health = Health::new(&settings.node_host, condition);
    app::routes(health, metrics::routes(measured, refresh, readers), areas)
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
    drains: Following,
    embedded: Option<Embedded>,
    _lock: Option<InstanceLock>,
}

/// The drains, and the task in which they follow the catalog.
#[derive(Debug)]
struct Following {
    drains: Drains,
    task: JoinHandle<()>,
}

impl Following {
    fn begin(settings: &Settings, store: &Store, role: Role) -> Self {
        let folder = match role {
            Role::Both | Role::Sink => DRAINS,
            Role::Sidecar => ALERT_DRAINS,
        };
        let dir = settings.data_dir.join(folder);
        let drains = Drains::new(drains::Settings {
            dir,
            max_bytes: settings.drain_max_bytes,
            max_bytes_of_all: settings.all_drains_max_bytes,
        });
        let (following, store) = (drains.clone(), store.clone());
        let task = tokio::spawn(async move { following.follow(&store).await });
        Self { drains, task }
    }
}

/// The embedded database, in a task of its own.
#[derive(Debug)]
struct Embedded {
    task: JoinHandle<Result<(), embedded_postgres::Error>>,
    stop: oneshot::Sender<()>,
}

impl Running {
    /// Starts to make the store ready; the embedded database first, if that is where it is.
    async fn prepare(
        settings: &Settings,
        tokens: &Tokens,
        keys: ConfigKeys,
        role: Role,
    ) -> Result<Self, Error> {
        let (data_dir, max_bytes) = (settings.data_dir.clone(), settings.spool_max_bytes);
        let opening = move || match role {
            Role::Sidecar => Ok(Durability::not_needed()),
            Role::Both | Role::Sink => Durability::open(&data_dir, max_bytes),
        };
        let Durability { spool, owner, lock } =
            tokio::task::spawn_blocking(opening).await.map_err(std::io::Error::other)??;
        match &settings.databases {
            Databases::Servers { events, catalog } => {
                let (events, catalog) = (events.clone(), catalog.clone());
                let of_store = store_settings(settings, tokens, keys, (events, catalog), owner);
                let store = Store::new(of_store, spool);
                let drains = Following::begin(settings, &store, role);
                let keep_ready = tokio::spawn(keep_ready(store.clone(), None));
                Ok(Self { store, keep_ready, drains, embedded: None, _lock: lock })
            }
            Databases::Embedded { schema } => {
                let postgres = EmbeddedPostgres::prepare(
                    DataDir::create(&settings.data_dir)?,
                    embedded_settings(settings),
                )
                .await?;
                let server = PostgresServer::parse(&postgres.url()?, Some(schema))?;
                let servers = (server.clone(), server);
                let of_store = store_settings(settings, tokens, keys, servers, owner);
                let store = Store::new(of_store, spool);
                let drains = Following::begin(settings, &store, role);
                let (tell_started, started) = oneshot::channel();
                let (stop, stopped) = oneshot::channel::<()>();
                let task = tokio::spawn(postgres.run(tell_started, async {
                    // A sender that is gone means the end as well.
                    _ = stopped.await;
                }));
                let keep_ready = tokio::spawn(keep_ready(store.clone(), Some(started)));
                let embedded = Some(Embedded { task, stop });
                Ok(Self { store, keep_ready, drains, embedded, _lock: lock })
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
        let Following { drains, task } = self.drains;
        task.abort();
        drains.close().await;
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
    tokens: &Tokens,
    config_keys: ConfigKeys,
    (events, catalog): (PostgresServer, PostgresServer),
    owner: i32,
) -> store::Settings {
    store::Settings {
        events,
        catalog,
        bigquery: settings.bigquery.clone(),
        config_keys,
        tokens: tokens.access(),
        seed_supabase: settings.seed_supabase,
        query_timeout: settings.query_timeout,
        ingest_connections: settings.ingest_connections,
        query_connections: settings.query_connections,
        query_functions: translate::QUERY_FUNCTIONS,
        default_retention_days: settings.default_retention_days,
        owner,
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
