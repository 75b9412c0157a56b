//! One run of the server: started, watched, stopped.

use std::{
    collections::VecDeque,
    fs, io,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStderr},
    task::JoinHandle,
    time::timeout,
};

use super::{Cluster, Error, account::Account, binaries::Installation, socket_dir::SocketDir};

/// What the server always runs with. Durability stays as PostgreSQL has it: an answered request
/// is on the disk.
const SETTINGS: [&str; 16] = [
    // Reached through the socket only.
    "listen_addresses=",
    "port=5432",
    "unix_socket_permissions=0700",
    // A guest on a small machine; the system's cache does the rest.
    "shared_buffers=64MB",
    // Nobody replicates it, and COPY into a new partition may skip the log.
    "wal_level=minimal",
    "max_wal_senders=0",
    "synchronous_commit=on",
    // Compiling a query takes longer than running most of ours.
    "jit=off",
    // A query over all sources and days locks each partition and its indexes.
    "max_locks_per_transaction=256",
    "timezone=UTC",
    "log_timezone=UTC",
    // One line per record on standard error. Failed queries are the store's to report.
    "logging_collector=off",
    "log_destination=stderr",
    "log_line_prefix=",
    "log_min_messages=log",
    "log_min_error_statement=panic",
];

/// Ends the server when we cannot any more: the pipe to it closes with our process, however that
/// ends.
const COMPANION: &str = r#"read -r _; kill -INT "$1""#;

/// How often we look whether the server is ready.
const POLL: Duration = Duration::from_millis(10);

/// How long the last checkpoint may take, before the server is stopped without one.
const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// Lines that are kept to explain an unexpected end.
const KEPT_LINES: usize = 20;

/// A running server.
#[derive(Debug)]
pub(super) struct Postmaster {
    child: Child,
    pid: Pid,
    companion: Child,
    log: Log,
    cluster_pid_file: std::path::PathBuf,
}

impl Postmaster {
    /// Starts the server; it is not ready yet.
    pub(super) fn spawn(
        installation: &Installation,
        account: &Account,
        cluster: &Cluster,
        socket_dir: &SocketDir,
        max_connections: u32,
    ) -> Result<Self, Error> {
        let failed = |error| Error::system("PostgreSQL cannot be started", error);
        let mut command = account.command(installation.program("postgres"));
        command.arg("-D").arg(cluster.path()).stdout(Stdio::null());
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.args(["-c", &socket_dir.setting()]);
        command.args(["-c", &format!("max_connections={max_connections}")]);
        let mut child = command.spawn().map_err(failed)?;
        let log = Log::follow(child.stderr.take());
        let gone = || failed(io::ErrorKind::NotFound.into());
        let pid = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)).ok_or_else(gone)?;

        let companion = account
            .command("/bin/sh")
            .args(["-c", COMPANION, "sh", &pid.as_raw_nonzero().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let companion = match companion {
            Ok(companion) => companion,
            Err(error) => {
                // Without its companion it might outlive us.
                signal(pid, Signal::QUIT);
                return Err(failed(error));
            }
        };
        let cluster_pid_file = cluster.path().join("postmaster.pid");
        Ok(Self { child, pid, companion, log, cluster_pid_file })
    }

    /// Returns when clients may connect; recovery after a crash takes as long as it takes.
    ///
    /// # Errors
    /// The server ended before.
    pub(super) async fn ready(&mut self) -> Result<(), Error> {
        while !self.says_ready() {
            if let Ok(ended) = timeout(POLL, self.child.wait()).await {
                return Err(self.explain(ended).await);
            }
        }
        Ok(())
    }

    /// The eighth line of its `postmaster.pid` is the server's status.
    fn says_ready(&self) -> bool {
        let text = fs::read_to_string(&self.cluster_pid_file).unwrap_or_default();
        let mut lines = text.lines().map(str::trim);
        let pid = lines.next().and_then(|pid| Pid::from_raw(pid.parse().ok()?));
        pid == Some(self.pid) && lines.nth(6) == Some("ready")
    }

    /// Returns when the server has ended by itself, with what it said last.
    pub(super) async fn died(&mut self) -> Error {
        let ended = self.child.wait().await;
        self.explain(ended).await
    }

    async fn explain(&mut self, ended: io::Result<ExitStatus>) -> Error {
        match ended {
            Ok(status) => Error::Ended { status, log: self.log.last_lines().await },
            Err(error) => Error::system("PostgreSQL cannot be watched", error),
        }
    }

    /// Stops the server: open transactions are rolled back, everything is written.
    pub(super) async fn stop(mut self) {
        for (order, patience) in
            [(Signal::INT, STOP_PATIENCE), (Signal::QUIT, Duration::from_secs(10))]
        {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            signal(self.pid, order);
            if timeout(patience, self.child.wait()).await.is_ok() {
                return;
            }
        }
        tracing::error!(pid = ?self.pid, "PostgreSQL does not stop");
    }
}

impl Drop for Postmaster {
    fn drop(&mut self) {
        // While it was not waited for, the number is still its own.
        if matches!(self.child.try_wait(), Ok(None)) {
            signal(self.pid, Signal::INT);
        }
        // From here on the number may become another's. (Dropping it would kill it as well, but
        // its pipe is closed first.)
        if let Err(error) = self.companion.start_kill() {
            tracing::debug!(%error, "the companion of PostgreSQL has gone before");
        }
    }
}

fn signal(pid: Pid, signal: Signal) {
    if let Err(error) = kill_process(pid, signal) {
        tracing::warn!(?pid, ?signal, %error, "PostgreSQL cannot be signalled");
    }
}

/// The server's log on its way into ours.
#[derive(Debug)]
struct Log {
    last_lines: Arc<Mutex<VecDeque<String>>>,
    reader: JoinHandle<()>,
}

impl Log {
    fn follow(stderr: Option<ChildStderr>) -> Self {
        let last_lines = Arc::<Mutex<VecDeque<String>>>::default();
        let kept = Arc::clone(&last_lines);
        let reader = tokio::spawn(async move {
            let Some(stderr) = stderr else { return };
            let mut stderr = BufReader::new(stderr);
            let mut line = Vec::new();
            while stderr.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                forward(&text);
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                if kept.len() == KEPT_LINES {
                    kept.pop_front();
                }
                kept.push_back(text);
                line.clear();
            }
        });
        Self { last_lines, reader }
    }

    /// What the server said last before it ended.
    async fn last_lines(&mut self) -> String {
        // A backend that outlives the postmaster keeps the pipe open.
        _ = timeout(Duration::from_secs(1), &mut self.reader).await;
        let lines = self.last_lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(|line| format!("\n  {line}")).collect()
    }
}

/// Lines look like `LOG:  database system is ready`. FATAL is about one connection only, so it is
/// no error of ours, and what ends the server is reported by [`Postmaster::died`].
fn forward(line: &str) {
    match line.split_once(":  ") {
        Some(("PANIC", text)) => tracing::error!(target: "postgres", "{text}"),
        Some(("WARNING", text)) => tracing::warn!(target: "postgres", "{text}"),
        _ => tracing::debug!(target: "postgres", "{line}"),
    }
}

#[cfg(test)]
impl Postmaster {
    /// Closes the pipe to the companion, as the end of this process would.
    pub(super) fn close_pipe(&mut self) {
        drop(self.companion.stdin.take());
    }
}
