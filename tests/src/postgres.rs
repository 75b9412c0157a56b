//! A throw-away Postgres for tests.
//!
//! Needs `initdb`, `pg_ctl` and `postgres`, found in `$PG_BIN`, in `PATH`, or in the newest
//! `/usr/lib/postgresql/*/bin`. Where a test needs a database and there are none, it fails and says
//! so: a skipped test looks like a passed one.

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Safe only for data that nobody needs: a test's cluster dies with the test.
const SERVER_OPTIONS: &str = "-c listen_addresses='' -c fsync=off -c full_page_writes=off \
                              -c max_connections=200 -c shared_buffers=64MB";

/// For benchmarks and crashes: as safe as a real one. It needs not open every file of every
/// database to recover, which takes half a minute.
const DURABLE_OPTIONS: &str = "-c listen_addresses='' -c shared_buffers=512MB -c max_wal_size=4GB \
                               -c recovery_init_sync_method=syncfs";

/// Waits until it is told to end, also by the death of whoever holds its input, then removes the
/// cluster.
const COMPANION: &str = r#"read -r _; "$1/pg_ctl" -D "$2/data" -m immediate stop; rm -rf "$2""#;

/// A Postgres of its own, on a Unix socket in a temporary folder.
///
/// Its superuser is `postgres`, without a password. It and its folder are gone once it was dropped,
/// and also when the test's process ends in any other way.
#[derive(Debug)]
pub struct TestCluster {
    folder: PathBuf,
    binaries: PathBuf,
    account: Option<Account>,
    options: &'static str,
    databases: AtomicU32,
    companion: Child,
}

/// A user and its group.
#[derive(Debug, Clone, Copy)]
struct Account {
    uid: u32,
    gid: u32,
}

impl TestCluster {
    /// The cluster that all tests of this process share, started when first asked for.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<TestCluster> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts a cluster for one test, which may stop and start it as it likes.
    ///
    /// # Panics
    /// When it cannot be started; the text says why.
    pub fn start() -> Self {
        Self::start_with(SERVER_OPTIONS)
    }

    /// Starts a cluster that keeps what it has confirmed, as a real one does.
    ///
    /// # Panics
    /// When it cannot be started; the text says why.
    pub fn durable() -> Self {
        Self::start_with(DURABLE_OPTIONS)
    }

    fn start_with(options: &'static str) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("logweir-test-{}-{number}", std::process::id()));
        let binaries = find_binaries();
        let account = unprivileged_account();

        // A process of this number may have been killed before its companion was there.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).expect("a folder for the cluster can be made");
        if let Some(Account { uid, gid }) = account {
            chown(&folder, Some(uid), Some(gid)).expect("the folder can be given away");
        }
        let mut companion = command(Path::new("/bin/sh"), account);
        let companion = companion
            .args(["-c", COMPANION, "sh"])
            .args([&binaries, &folder])
            .stdin(Stdio::piped())
            // Ctrl-C ends the test, and only through that the cluster.
            .process_group(0)
            .spawn()
            .expect("sh can be started");

        let databases = AtomicU32::new(0);
        let cluster = Self { folder, binaries, account, options, databases, companion };
        cluster.run(
            "initdb",
            &["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"],
        );
        cluster.start_server();
        cluster
    }

    /// Starts the server again after [`stop_server`](Self::stop_server); returns when it answers.
    pub fn start_server(&self) {
        let options = format!("{} -k '{}'", self.options, self.folder.display());
        let log = self.folder.join("log").display().to_string();
        self.run("pg_ctl", &["start", "--wait", "--log", &log, "--options", &options]);
    }

    /// Stops the server as a shutdown of its machine does: sessions are ended, data is kept.
    pub fn stop_server(&self) {
        self.run("pg_ctl", &["stop", "--wait", "--mode", "fast"]);
    }

    /// Stops the server as a crash does: what was not committed is gone, and the next start has to
    /// recover the rest.
    pub fn crash_server(&self) {
        self.run("pg_ctl", &["stop", "--wait", "--mode", "immediate"]);
    }

    /// The Unix socket that the server listens on while it runs.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(".s.PGSQL.5432")
    }

    /// The URL of a database of this cluster.
    pub fn url(&self, database: &str) -> String {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        format!("postgresql:///{database}?host={folder}&user=postgres")
    }

    /// Makes a database that no other test uses, and returns its URL.
    pub async fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut connection =
            PgConnection::connect(&self.url("postgres")).await.expect("the cluster answers");
        sqlx::raw_sql(AssertSqlSafe(format!("create database {name}")))
            .execute(&mut connection)
            .await
            .expect("a database can be made");
        self.url(&name)
    }

    /// Runs one of Postgres' programs on the data folder.
    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = command(&self.binaries.join(program), self.account);
        command.arg("-D").arg(self.folder.join("data")).args(arguments);
        // To a file: a server would keep a pipe open, and we would wait for its end.
        let output = self.folder.join("output");
        let file = fs::File::create(&output).expect("a file for the output can be made");
        command.stdin(Stdio::null());
        command.stdout(file.try_clone().expect("a file can be shared")).stderr(file);
        let status = command.status().unwrap_or_else(|error| panic!("{program}: {error}"));
        if !status.success() {
            let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
            let log = self.folder.join("log");
            panic!("{program} failed: {}\n{}", read(&output), read(&log));
        }
    }
}

impl Drop for TestCluster {
    fn drop(&mut self) {
        drop(self.companion.stdin.take());
        let _ = self.companion.wait();
    }
}

/// A command that runs as `account`, in a folder that every user may enter.
fn command(program: &Path, account: Option<Account>) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/").stdout(Stdio::null()).stderr(Stdio::null());
    if let Some(Account { uid, gid }) = account {
        command.uid(uid).gid(gid);
    }
    command
}

/// Postgres refuses to run as root: whom it runs as instead, `None` when we are somebody else.
fn unprivileged_account() -> Option<Account> {
    let id = Command::new("id").arg("-u").output().expect("`id` can be run");
    if id.stdout.trim_ascii() != b"0" {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("/etc/passwd can be read");
    let account = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2).map(str::parse);
        Some(Account { uid: numbers.next()?.ok()?, gid: numbers.next()?.ok()? })
    };
    let account = account("postgres").or_else(|| account("nobody"));
    Some(account.expect("a user `postgres` or `nobody` to run Postgres as"))
}

/// The folder that has Postgres' programs.
fn find_binaries() -> PathBuf {
    let chosen = std::env::var_os("PG_BIN").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).filter_map(|folder| {
        // Links in /usr/local/bin lead to the folder where everything is.
        fs::canonicalize(folder.join("postgres")).ok()?.parent().map(Path::to_owned)
    });
    let mut packaged: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    packaged.sort_by_key(|folder| {
        let version = folder.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        std::cmp::Reverse(version.and_then(|version| version.parse::<u32>().ok()))
    });
    chosen
        .into_iter()
        .chain(in_path)
        .chain(packaged)
        .find(|folder| {
            ["initdb", "pg_ctl", "postgres"].iter().all(|program| folder.join(program).is_file())
        })
        .expect("Postgres for the tests: install the package postgresql, or set PG_BIN")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_cluster_answers_restarts_and_vanishes() {
        let cluster = TestCluster::start();
        let url = cluster.database().await;
        cluster.stop_server();
        assert!(PgConnection::connect(&url).await.is_err());
        cluster.start_server();
        assert!(PgConnection::connect(&url).await.is_ok());

        let folder = cluster.folder.clone();
        drop(cluster);
        assert!(!folder.exists());
        assert!(PgConnection::connect(&url).await.is_err());
    }
}
