//! The program, run as its users run it.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use reqwest::{Client, RequestBuilder, StatusCode};
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
    port: u16,
    data_dir: PathBuf,
    /// A client with connections to it.
    pub client: Client,
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
        let port = free_port();
        let data_dir =
            std::env::temp_dir().join(format!("logweir-program-{}-{port}", std::process::id()));
        let child = Command::new(binary())
            .args(arguments)
            .env_clear()
            .env("PATH", path())
            .env("PHX_HTTP_IP", "127.0.0.1")
            .env("PHX_HTTP_PORT", port.to_string())
            .env("LOGFLARE_PUBLIC_ACCESS_TOKEN", PUBLIC)
            .env("LOGFLARE_PRIVATE_ACCESS_TOKEN", PRIVATE)
            .env("LOGWEIR_DATA_DIR", &data_dir)
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .spawn()
            .expect("the program can be started");
        Self { child, port, data_dir, client: Client::new() }
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
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
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
        let _ = std::fs::remove_dir_all(&self.data_dir);
    }
}

/// Waits for a condition, asking again and again.
///
/// # Panics
/// When it does not hold within the [`DEADLINE`].
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
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
        // …/target/debug/deps/this-test
        let own = std::env::current_exe().expect("the test knows its own path");
        let folder = own.ancestors().nth(2).expect("the test lies in a target folder");
        folder.join("logweir")
    })
}

/// A port that nobody listens on now.
///
/// # Panics
/// When there is none.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener.local_addr().expect("a listener has an address").port()
}

#[expect(clippy::disallowed_methods, reason = "the tests are no part of the program")]
fn path() -> String {
    std::env::var("PATH").unwrap_or_default()
}
