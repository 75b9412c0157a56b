//! The program, run as its users run it.

use std::{
    collections::BTreeSet,
    fs::File,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use reqwest::{Client, RequestBuilder, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// The public access token of programs that tests start.
pub const PUBLIC: &str = "public-token-of-the-test";
/// The private access token of programs that tests start.
pub const PRIVATE: &str = "private-token-of-the-test";

/// Longest wait for anything that a test waits for.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// A running program, ended when it is dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    launch: Launch,
    /// A client with connections to it.
    pub client: Client,
}

/// How a program is started, again and again.
#[derive(Debug)]
struct Launch {
    port: u16,
    data_dir: PathBuf,
    arguments: Vec<String>,
    settings: Vec<(String, String)>,
    /// Where its output is appended to, if not to the test's.
    log: Option<PathBuf>,
}

impl Program {
    /// Starts `logweir serve` on a database and waits until it is ready.
    pub async fn serve(database_url: &str) -> Self {
        let program = Self::start(&["serve"], &[("POSTGRES_BACKEND_URL", database_url)]);
        program.ready().await;
        program
    }

    /// Starts the program with these arguments and settings on a port of its own; its environment
    /// is otherwise empty but for what finds programs.
    ///
    /// # Panics
    /// When it cannot be built or started.
    pub fn start(arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        Self::launch(Launch::new(arguments, settings, None))
    }

    /// Like [`start`](Self::start), its output appended to a file.
    ///
    /// # Panics
    /// When it cannot be built or started.
    pub fn start_with_log(arguments: &[&str], settings: &[(&str, &str)], log: &Path) -> Self {
        Self::launch(Launch::new(arguments, settings, Some(log.to_owned())))
    }

    fn launch(launch: Launch) -> Self {
        Self { child: launch.spawn(), launch, client: client() }
    }

    /// Kills it as the system does when memory is short: nothing of it runs any more.
    ///
    /// # Panics
    /// When its end cannot be waited for.
    pub fn kill(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        self.child.wait().expect("the end of the process can be waited for");
    }

    /// Starts it again after its end, on the same port and with the same data.
    ///
    /// # Panics
    /// When it is still running, or cannot be started.
    pub fn restart(&mut self) {
        let ended = self.child.try_wait().expect("the process can be asked");
        assert!(ended.is_some(), "the program is still running");
        self.child = self.launch.spawn();
        // Connections to the one before are of no use.
        self.client = client();
    }

    /// Something that kills the process that runs now, from wherever it is called.
    ///
    /// # Panics
    /// What is returned does, when the process is gone.
    pub fn killer(&self) -> impl FnOnce() + Send + use<> {
        let process = i32::try_from(self.id()).ok().and_then(Pid::from_raw);
        let process = process.expect("a running process has an id");
        move || kill_process(process, Signal::KILL).expect("the process is there")
    }

    /// Waits until it says that it is ready.
    ///
    /// # Panics
    /// When it is not within the [`DEADLINE`].
    pub async fn ready(&self) {
        eventually("the program is ready", async || self.health().await == Some(StatusCode::OK))
            .await;
    }

    /// The status of `/health`, None where nothing answers.
    pub async fn health(&self) -> Option<StatusCode> {
        let response = self.client.get(self.url("/health")).send().await.ok()?;
        Some(response.status())
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port())
    }

    /// The URL of its database.
    ///
    /// # Panics
    /// When it was started without one.
    pub fn database(&self) -> &str {
        let named = |(name, _): &&(String, String)| name == "POSTGRES_BACKEND_URL";
        let setting = self.launch.settings.iter().find(named);
        setting.map(|(_, url)| url.as_str()).expect("it has a database of its own")
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.launch.port
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port()).into()
    }

    /// Where it keeps what is no database, unless a setting says otherwise.
    pub fn data_dir(&self) -> &Path {
        &self.launch.data_dir
    }

    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The most memory that it has had, in kB.
    #[cfg(target_os = "linux")]
    pub fn peak_kilobytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()));
        let status = status.expect("the program runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
        peak.and_then(|peak| peak.trim().parse().ok()).expect("a number of kB")
    }

    /// A request that logs a JSON body to a source.
    pub fn ingest(&self, source: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.client
            .post(self.url("/api/logs"))
            .query(&[("source_name", source)])
            .header("content-type", "application/json")
            .header("x-api-key", PUBLIC)
            .body(body)
    }

    /// Logs events to a source.
    ///
    /// # Panics
    /// When they are not stored.
    pub async fn log(&self, source: &str, events: &Value) {
        let response = self.ingest(source, events.to_string()).send().await.expect("it answers");
        let status = response.status();
        let text = response.text().await.expect("the answer is complete");
        assert_eq!((status, text.as_str()), (StatusCode::OK, r#"{"message":"Logged!"}"#));
    }

    /// Sets what becomes of a source's events that break its schema.
    ///
    /// # Panics
    /// When it is not set.
    pub async fn set_validation(&self, source: &str, mode: &str) {
        let url = self.url(&format!("/api/sources/{source}/validation"));
        let body = serde_json::json!({ "mode": mode });
        let request = self.client.put(url).header("x-api-key", PRIVATE).json(&body);
        assert_eq!(request.send().await.expect("it answers").status(), StatusCode::OK);
    }

    /// Asks `logs.all` as Studio does; gives the whole answer.
    ///
    /// # Panics
    /// When the answer is not a 200 with JSON.
    pub async fn ask(&self, sql: &str, parameters: &[(&str, &str)]) -> Value {
        let response = self
            .client
            .get(self.url("/api/endpoints/query/logs.all"))
            .query(&[("project", "default"), ("sql", sql)])
            .query(parameters)
            .header("x-api-key", PRIVATE)
            .send()
            .await
            .expect("it answers");
        assert_eq!(response.status(), StatusCode::OK, "{sql}");
        response.json().await.expect("the answer is JSON")
    }

    /// The rows of a query.
    ///
    /// # Panics
    /// When it failed.
    pub async fn rows(&self, sql: &str) -> Vec<Value> {
        let answer = self.ask(sql, &[]).await;
        let Some(Value::Array(rows)) = answer.get("result") else { panic!("{sql}\n{answer}") };
        rows.clone()
    }

    /// The error's text of a query.
    ///
    /// # Panics
    /// When it did not fail.
    pub async fn refusal(&self, sql: &str) -> String {
        let answer = self.ask(sql, &[]).await;
        let Some(Value::String(text)) = answer.get("error") else { panic!("{sql}\n{answer}") };
        text.clone()
    }

    /// Sends it a signal, such as `TERM`.
    ///
    /// # Panics
    /// When `kill` cannot be run.
    pub fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let status =
            Command::new("kill").args(["-s", name, &id]).status().expect("kill can be run");
        assert!(status.success(), "kill -s {name} {id}");
    }

    /// Waits until it ends.
    ///
    /// # Panics
    /// When it does not within the [`DEADLINE`].
    pub async fn ended(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the process can be asked") {
                return status;
            }
            assert!(start.elapsed() < DEADLINE, "the program did not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.launch.data_dir);
    }
}

impl Launch {
    fn new(arguments: &[&str], settings: &[(&str, &str)], log: Option<PathBuf>) -> Self {
        let port = free_port();
        let data_dir =
            std::env::temp_dir().join(format!("logweir-program-{}-{port}", std::process::id()));
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            port,
            data_dir,
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            settings: settings.iter().map(owned).collect(),
            log,
        }
    }

    fn spawn(&self) -> Child {
        let mut command = Command::new(binary());
        command
            .args(&self.arguments)
            .env_clear()
            .env("PATH", path())
            .env("PHX_HTTP_IP", "127.0.0.1")
            .env("PHX_HTTP_PORT", self.port.to_string())
            // Its usual port is one for all.
            .env("LOGFLARE_GRPC_PORT", "0")
            .env("LOGFLARE_PUBLIC_ACCESS_TOKEN", PUBLIC)
            .env("LOGFLARE_PRIVATE_ACCESS_TOKEN", PRIVATE)
            .env("LOGWEIR_DATA_DIR", &self.data_dir)
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        if let Some(log) = &self.log {
            let file = File::options().create(true).append(true).open(log);
            let file = file.expect("a log file can be written");
            command.stdout(file.try_clone().expect("a file can be shared")).stderr(file);
        }
        command.spawn().expect("the program can be started")
    }
}

/// Waits for a condition, asking again and again.
///
/// # Panics
/// When it does not hold within the [`DEADLINE`].
pub async fn eventually(what: &str, holds: impl AsyncFnMut() -> bool) {
    within(DEADLINE, what, holds).await;
}

/// The same with a deadline of its own.
///
/// # Panics
/// When it does not hold by then.
pub async fn within(deadline: Duration, what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < deadline, "not within {deadline:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The program's binary, built once as this crate was: tests try the debug one, benchmarks the
/// optimised one.
///
/// # Panics
/// When it cannot be built.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let mut build = Command::new(env!("CARGO"));
        // Build scripts are run again where it differs from what cargo has set itself.
        build.env_remove("CARGO_MANIFEST_DIR");
        build.current_dir(env!("CARGO_MANIFEST_DIR")).args([
            "build",
            "--quiet",
            "--package",
            "logweir",
        ]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        assert!(build.status().expect("cargo can be run").success(), "the program cannot be built");
        // …/target/debug/deps/this-test or …/target/debug/this-program
        let own = std::env::current_exe().expect("the test knows its own path");
        let folders = own.ancestors().skip(1).find(|folder| !folder.ends_with("deps"));
        folders.expect("the test lies in a target folder").join("logweir")
    })
}

fn client() -> Client {
    outbound::client(outbound::HttpVersion::Any).expect("a client can be made")
}

/// A port that nobody listens on now. Each is given once, and none that the system gives to
/// connections: until a program listens on it, somebody else would take it.
///
/// # Panics
/// When there is none.
pub fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let is_free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let mut tries = (0..10_000).map(|_| rand::random_range(20_000..32_000));
    let port = tries.find(|port| !given.contains(port) && is_free(*port));
    let port = port.expect("a port is free");
    given.insert(port);
    port
}

#[expect(clippy::disallowed_methods, reason = "the tests are no part of the program")]
fn path() -> String {
    std::env::var("PATH").unwrap_or_default()
}
