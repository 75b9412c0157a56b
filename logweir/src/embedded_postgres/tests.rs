use std::{fs, os::unix::fs::PermissionsExt as _, process::Stdio};

use sqlx::{ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::{task::JoinHandle, time::timeout};

use super::*;

/// Longer than anything here takes, on a slow machine too.
const DEADLINE: Duration = Duration::from_secs(60);

/// A data folder below a temporary one, which the database's user may enter.
struct Home {
    dir: tempfile::TempDir,
    data: PathBuf,
}

/// A database that runs in a task.
struct Running {
    url: String,
    task: JoinHandle<Result<(), Error>>,
    stop: oneshot::Sender<()>,
}

impl Home {
    /// None, loudly, where there is no PostgreSQL to test with.
    async fn new() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let home = Self { data: dir.path().join("data"), dir };
        if let Err(error) = home.installation().await {
            eprintln!("SKIPPED: {error}");
            return None;
        }
        Some(home)
    }

    fn path(&self) -> &Path {
        &self.data
    }

    fn settings() -> Settings {
        // Not from PATH, which the tests do not read; and without npm.
        Settings { program_dirs: Vec::new(), temp_dir: "/tmp".into(), max_connections: 20 }
    }

    async fn prepare(&self) -> Result<EmbeddedPostgres, Error> {
        EmbeddedPostgres::prepare(DataDir::create(self.path())?, Self::settings()).await
    }

    async fn installation(&self) -> Result<Installation, Error> {
        let account = Account::choose(&Cluster::of(self.path()))?;
        let search = Search {
            program_dirs: &[],
            versions_dir: Path::new(VERSIONS_DIR),
            fetched_dir: Path::new("/nonexistent"),
            account: &account,
        };
        search.find(None).await
    }

    /// Starts and waits until it accepts connections.
    async fn start(&self) -> Running {
        let postgres = self.prepare().await.unwrap();
        let url = postgres.url().unwrap();
        let (tell_started, started) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(postgres.run(tell_started, async {
            _ = stopped.await;
        }));
        if timeout(DEADLINE, started).await.expect("it does not start").is_err() {
            panic!("{}", task.await.unwrap().unwrap_err());
        }
        Running { url, task, stop }
    }

    fn postmaster_pid(&self) -> String {
        let file = fs::read_to_string(self.path().join("postgres/postmaster.pid")).unwrap();
        file.lines().next().unwrap().to_owned()
    }
}

impl Running {
    async fn connect(&self) -> PgConnection {
        self.url.parse::<PgConnectOptions>().unwrap().connect().await.unwrap()
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        timeout(DEADLINE, self.task).await.expect("it does not stop").unwrap().unwrap();
    }
}

/// Waits until the process is gone.
async fn gone(pid: &str) {
    let alive = || {
        let status = fs::read_to_string(Path::new("/proc").join(pid).join("stat"));
        status.is_ok_and(|status| !status.contains(") Z "))
    };
    let end = async {
        while alive() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(DEADLINE, end).await.expect("the process stays");
}

#[tokio::test]
async fn data_survives_a_restart_and_only_the_socket_is_open() {
    let Some(home) = Home::new().await else { return };
    let running = home.start().await;
    let mut connection = running.connect().await;
    sqlx::query("create table kept as select 7 as value").execute(&mut connection).await.unwrap();
    let open: (String, String, String) = sqlx::query_as(
        "select current_setting('listen_addresses'), current_setting('fsync'), current_user::text",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert_eq!(open, (String::new(), "on".to_owned(), "logweir".to_owned()));
    for private in ["run", "postgres"] {
        let mode = fs::metadata(home.path().join(private)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{private}");
    }
    // An open connection does not hold the end up.
    running.stop().await;

    let running = home.start().await;
    let mut connection = running.connect().await;
    let kept: i32 =
        sqlx::query_scalar("select value from kept").fetch_one(&mut connection).await.unwrap();
    assert_eq!(kept, 7);
    connection.close().await.unwrap();
    running.stop().await;
}

#[tokio::test]
async fn a_server_that_dies_is_started_again() {
    let Some(home) = Home::new().await else { return };
    let running = home.start().await;
    let first = home.postmaster_pid();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(first.parse().unwrap()).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    let again = async {
        loop {
            let options: PgConnectOptions = running.url.parse().unwrap();
            if let Ok(mut connection) = options.connect().await
                && home.postmaster_pid() != first
            {
                return sqlx::query("select 1").execute(&mut connection).await.unwrap();
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(DEADLINE, again).await.expect("it is not started again");
    running.stop().await;
}

#[tokio::test]
async fn a_second_program_is_refused() {
    let Some(home) = Home::new().await else { return };
    let first = home.prepare().await.unwrap();
    let error = home.prepare().await.unwrap_err();
    assert!(matches!(error, Error::DataDir(DataDirError::InUse { .. })), "{error}");
    drop(first);
    home.prepare().await.unwrap();
}

#[tokio::test]
async fn the_server_of_a_killed_program_is_stopped_by_the_companion() {
    let Some(home) = Home::new().await else { return };
    home.start().await.stop().await;
    let postgres = home.prepare().await.unwrap();
    let mut postmaster = Postmaster::spawn(
        &home.installation().await.unwrap(),
        &postgres.account,
        &postgres.cluster,
        &postgres.socket_dir,
        20,
    )
    .unwrap();
    timeout(DEADLINE, postmaster.ready()).await.unwrap().unwrap();
    postmaster.close_pipe();
    let end = timeout(DEADLINE, postmaster.died()).await.expect("it outlives the program");
    assert!(matches!(end, Error::Ended { status, .. } if status.success()), "{end}");
}

#[tokio::test]
async fn the_server_that_a_killed_program_left_behind_is_stopped_first() {
    let Some(home) = Home::new().await else { return };
    home.start().await.stop().await;
    // A server that nobody watches, as after the death of the program and its companion.
    let postgres = home.prepare().await.unwrap();
    let installation = home.installation().await.unwrap();
    let mut orphan = postgres
        .account
        .command(installation.program("postgres"))
        .arg("-D")
        .arg(postgres.cluster.path())
        .args(["-c", "listen_addresses=", "-c", &postgres.socket_dir.setting()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pid_file = home.path().join("postgres/postmaster.pid");
    let ready = async {
        while !fs::read_to_string(&pid_file).is_ok_and(|text| text.contains("ready")) {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(DEADLINE, ready).await.unwrap();
    drop(postgres);

    let running = home.start().await;
    let ended = timeout(DEADLINE, orphan.wait()).await.expect("it was not stopped").unwrap();
    assert!(ended.success(), "{ended}");
    running.stop().await;
}

#[tokio::test]
async fn giving_up_on_the_program_stops_the_server() {
    let Some(home) = Home::new().await else { return };
    let running = home.start().await;
    let pid = home.postmaster_pid();
    running.task.abort();
    gone(&pid).await;
}

#[tokio::test]
async fn an_interrupted_first_start_is_made_again() {
    let Some(home) = Home::new().await else { return };
    fs::create_dir_all(home.path().join("postgres.new/base")).unwrap();
    fs::write(home.path().join("postgres.new/PG_VERSION"), "15\n").unwrap();
    home.start().await.stop().await;
}

#[tokio::test]
async fn a_folder_that_is_no_database_is_not_touched() {
    let Some(home) = Home::new().await else { return };
    let file = home.path().join("postgres/thesis.txt");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "all my work").unwrap();
    let postgres = home.prepare().await.unwrap();
    let error = postgres.run(oneshot::channel().0, std::future::pending()).await.unwrap_err();
    assert!(matches!(error, Error::NotACluster(_)), "{error}");
    assert_eq!(fs::read_to_string(file).unwrap(), "all my work");
}

#[tokio::test]
async fn a_database_of_a_missing_version_is_explained() {
    let Some(home) = Home::new().await else { return };
    home.start().await.stop().await;
    fs::write(home.path().join("postgres/PG_VERSION"), "12\n").unwrap();
    let postgres = home.prepare().await.unwrap();
    let error = postgres.run(oneshot::channel().0, std::future::pending()).await.unwrap_err();
    assert!(matches!(error, Error::NoBinariesOfMajor { major: 12, .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_never_comes_up_says_why() {
    let Some(home) = Home::new().await else { return };
    home.start().await.stop().await;
    fs::write(home.path().join("postgres/postgresql.conf"), "no_such_setting = 1\n").unwrap();
    let postgres = home.prepare().await.unwrap();
    let error = postgres.run(oneshot::channel().0, std::future::pending()).await.unwrap_err();
    assert!(matches!(error, Error::Ended { .. }), "{error}");
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}

#[tokio::test]
async fn root_is_told_when_the_server_s_user_cannot_reach_the_folder() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root runs the server as another user");
        return;
    }
    let Some(home) = Home::new().await else { return };
    fs::set_permissions(home.dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let error = home.prepare().await.unwrap_err();
    assert!(matches!(error, Error::MayNotEnter { .. }), "{error}");
}

#[tokio::test]
async fn a_data_folder_with_a_long_path_works() {
    let Some(home) = Home::new().await else { return };
    let home = Home { data: home.dir.path().join("x".repeat(100)), ..home };
    let running = home.start().await;
    running.connect().await.close().await.unwrap();
    running.stop().await;
}
