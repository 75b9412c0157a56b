//! A private PostgreSQL for those who bring none.
//!
//! The server lives in the data folder, is reached by us alone through a Unix socket, and ends
//! with the program, however that ends:
//! - on an orderly end it is stopped and waited for;
//! - when the program is killed, a companion process notices and stops it;
//! - should both have been killed, the next start finds and stops it ([`leftovers`]).

mod account;
mod binaries;
mod cluster;
mod leftovers;
mod postmaster;
mod socket_dir;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    pin::pin,
    process::ExitStatus,
    time::Duration,
};

use tokio::{
    sync::oneshot,
    time::{Instant, sleep},
};

use crate::data_dir::{DataDir, DataDirError, DataDirLock};
use account::Account;
use binaries::{Installation, Search};
use cluster::Cluster;
use postmaster::Postmaster;
use socket_dir::SocketDir;

/// Where distributions put their versions of PostgreSQL side by side.
const VERSIONS_DIR: &str = "/usr/lib/postgresql";

/// Pause before a server that died is started again; doubled each time it dies at once.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A server that ran this long did not die of its start.
const PROVEN_AFTER: Duration = Duration::from_secs(60);

/// What the server needs to know.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Where its programs are searched first.
    pub(crate) program_dirs: Vec<PathBuf>,
    /// Where the socket goes when the data folder's path is too long for one.
    pub(crate) temp_dir: PathBuf,
    /// Connections that it accepts.
    pub(crate) max_connections: u32,
}

/// The private server of a data folder. Nothing runs before [`EmbeddedPostgres::run`].
#[derive(Debug)]
pub(crate) struct EmbeddedPostgres {
    settings: Settings,
    data_dir: DataDir,
    account: Account,
    cluster: Cluster,
    socket_dir: SocketDir,
    _lock: DataDirLock,
}

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The data folder cannot be used, or another program uses it.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// No programs of any version.
    #[error(
        "no PostgreSQL was found to run. Install one (apt install postgresql, dnf install \
         postgresql-server, or npm, with which it is fetched), or set POSTGRES_BACKEND_URL to a \
         server that already runs. Looked at:{found}"
    )]
    NoBinaries {
        /// What was found and cannot be used, one per line.
        found: String,
    },
    /// The files in the data folder need a version that is not here.
    #[error(
        "the database in the data folder was written by PostgreSQL {major}, and only that version \
         can read it. Install it (apt install postgresql-{major}), or set LOGWEIR_DATA_DIR to \
         another folder. Looked at:{found}"
    )]
    NoBinariesOfMajor {
        /// The version that wrote the files.
        major: u32,
        /// What was found and cannot be used, one per line.
        found: String,
    },
    /// Root runs us, and there is nobody to run the server.
    #[error(
        "PostgreSQL refuses to run as root, and there is neither a user `postgres` nor `nobody`. \
         Make one of them, or run this program as another user than root"
    )]
    NoUser,
    /// Root owns the files, and the server refuses to run as root.
    #[error(
        "{0} belongs to root, and PostgreSQL refuses to run as root. Give it to another user: \
         chown -R postgres: {0}"
    )]
    OwnedByRoot(PathBuf),
    /// The user that runs the server cannot reach it.
    #[error(
        "PostgreSQL refuses to run as root, and the user {user}, who runs it instead, may not \
         enter {folder}. Set LOGWEIR_DATA_DIR to a folder that everybody may pass into, like \
         /var/lib/logweir"
    )]
    MayNotEnter {
        /// Who runs the server.
        user: String,
        /// The data folder.
        folder: PathBuf,
    },
    /// Something else lies where the database files should be.
    #[error(
        "{0} is not a PostgreSQL database. Move it away, or set LOGWEIR_DATA_DIR to another folder"
    )]
    NotACluster(PathBuf),
    /// No place for the socket.
    #[error(
        "the path {0} is too long for a socket. Set LOGWEIR_DATA_DIR or TMPDIR to a shorter one"
    )]
    LongTempDir(PathBuf),
    /// The server of an earlier run does not stop.
    #[error("the server of an earlier run does not stop; end these processes: {pids:?}")]
    Leftover {
        /// Its processes.
        pids: Vec<i32>,
    },
    /// `initdb` failed.
    #[error("the database in {path} could not be made: {text}")]
    Initdb {
        /// The database folder.
        path: PathBuf,
        /// What `initdb` said.
        text: String,
    },
    /// The server ended, and nobody had asked it to.
    #[error("PostgreSQL ended ({status}). It said last:{log}")]
    Ended {
        /// How it ended.
        status: ExitStatus,
        /// Its last lines, one per line.
        log: String,
    },
    /// The operating system refused.
    #[error("{what}: {error}")]
    System {
        /// What we tried.
        what: String,
        /// What the system said.
        error: io::Error,
    },
}

impl Error {
    fn system(what: impl fmt::Display, error: io::Error) -> Self {
        Self::System { what: what.to_string(), error }
    }
}

impl EmbeddedPostgres {
    /// Locks the data folder and prepares what is needed to say where the server will be.
    ///
    /// # Errors
    /// Another program uses the folder, or the server's user cannot.
    pub(crate) async fn prepare(data_dir: DataDir, settings: Settings) -> Result<Self, Error> {
        let lock = data_dir.lock()?;
        let cluster = Cluster::of(data_dir.path());
        let account = Account::choose(&cluster)?;
        account.may_enter(data_dir.path()).await?;
        let socket_dir = SocketDir::create(data_dir.path(), &settings.temp_dir, &account)?;
        Ok(Self { settings, data_dir, account, cluster, socket_dir, _lock: lock })
    }

    /// How to connect, also before the server runs.
    pub(crate) fn url(&self) -> Result<String, url::ParseError> {
        self.socket_dir.url()
    }

    /// Runs the server until `stop` is done, and starts it again when it dies.
    ///
    /// `started` is told when clients may connect for the first time.
    ///
    /// # Errors
    /// The server never came up. Once it did, it is started again for ever.
    pub(crate) async fn run(
        self,
        started: oneshot::Sender<()>,
        stop: impl Future<Output = ()>,
    ) -> Result<(), Error> {
        let mut stop = pin!(stop);
        let installation = tokio::select! {
            biased;
            () = &mut stop => return Ok(()),
            found = self.make_startable() => found?,
        };
        let mut started = Some(started);
        let mut pause = FIRST_PAUSE;
        loop {
            let begun = Instant::now();
            let end = self.run_once(&installation, &mut stop, &mut started).await;
            let Err(error) = end else { return Ok(()) };
            if started.is_some() {
                return Err(error);
            }
            if begun.elapsed() > PROVEN_AFTER {
                pause = FIRST_PAUSE;
            }
            tracing::error!(%error, ?pause, "the database died and is started again");
            tokio::select! {
                biased;
                () = &mut stop => return Ok(()),
                () = sleep(pause) => {}
            }
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }

    /// Finds programs, and makes the database files if there are none.
    async fn make_startable(&self) -> Result<Installation, Error> {
        let major = self.cluster.major()?;
        let search = Search {
            program_dirs: &self.settings.program_dirs,
            versions_dir: Path::new(VERSIONS_DIR),
            fetched_dir: &self.data_dir.path().join("postgres-binaries"),
            account: &self.account,
        };
        let installation = search.find(major).await?;
        if major.is_none() {
            tracing::info!(folder = %self.cluster.path().display(), "making a database");
            self.cluster.create(&installation, &self.account).await?;
        }
        Ok(installation)
    }

    /// Runs the server once: `Ok` when it was stopped, an error when it died.
    async fn run_once(
        &self,
        installation: &Installation,
        mut stop: impl Future<Output = ()> + Unpin,
        started: &mut Option<oneshot::Sender<()>>,
    ) -> Result<(), Error> {
        tokio::select! {
            biased;
            () = &mut stop => return Ok(()),
            stopped = leftovers::stop(&self.cluster) => stopped?,
        }
        let mut postmaster = Postmaster::spawn(
            installation,
            &self.account,
            &self.cluster,
            &self.socket_dir,
            self.settings.max_connections,
        )?;
        let watched = async {
            postmaster.ready().await?;
            tracing::debug!("the database accepts connections");
            if let Some(started) = started.take() {
                // Whoever waited for it may have gone.
                _ = started.send(());
            }
            Err(postmaster.died().await)
        };
        tokio::select! {
            biased;
            () = &mut stop => {}
            died = watched => return died,
        }
        postmaster.stop().await;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
