//! What the operator decided, typed.
//!
//! The variables are Logflare's where it has one, so that its image can be swapped in a compose
//! file; our own begin with `LOGWEIR_`. This is the only module that reads the environment. It
//! reads everything before it complains, so that one start shows every mistake.

mod bigquery;
mod databases;
mod encryption;
mod logging;
mod variables;

use std::{collections::BTreeMap, fmt, net::IpAddr, path::PathBuf, time::Duration};

pub(crate) use databases::Databases;
pub(crate) use encryption::{ChosenKeys, Key, decoded as decoded_key};
pub(crate) use logging::Logging;
use sink::RateLimits;
use variables::Variables;

/// A folder of the system, for a program that runs as root: the unprivileged user that runs
/// PostgreSQL cannot enter root's home.
const SYSTEM_DATA_DIR: &str = "/var/lib/logweir";

/// Logflare's port for gRPC.
pub(crate) const DEFAULT_GRPC_PORT: u16 = 50051;

/// Everything that the environment decides.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Where to listen (`PHX_HTTP_IP`); none means every address of the machine.
    pub(crate) ip: Option<IpAddr>,
    /// Where to listen (`PHX_HTTP_PORT`, 4000); 0 takes any free port.
    pub(crate) port: u16,
    /// Where to listen for gRPC (`LOGFLARE_GRPC_PORT`); 0 takes any free port, none means
    /// [`DEFAULT_GRPC_PORT`] if nobody else has it.
    pub(crate) grpc_port: Option<u16>,
    /// Where events and the catalog are stored; with BigQuery what is not the events themselves.
    pub(crate) databases: Databases,
    /// Where events are stored, if that is BigQuery.
    pub(crate) bigquery: Option<store::bigquery::Settings>,
    /// The tokens that the operator chose.
    pub(crate) tokens: ChosenTokens,
    /// Whether the Supabase sources and endpoints are seeded (`LOGFLARE_SUPABASE_MODE`, true).
    pub(crate) seed_supabase: bool,
    /// Where the program keeps what it makes itself (`LOGWEIR_DATA_DIR`); absolute.
    pub(crate) data_dir: PathBuf,
    /// Largest request body, before and after decompression (`LOGWEIR_MAX_BODY_BYTES`).
    pub(crate) max_body_bytes: usize,
    /// Memory for request bodies that are worked on at a time (`LOGWEIR_INGEST_MEMORY_BYTES`).
    pub(crate) ingest_memory_bytes: usize,
    /// Events that may come in a minute (`LOGWEIR_SOURCE_EVENTS_PER_MINUTE`,
    /// `LOGWEIR_TOKEN_EVENTS_PER_MINUTE`).
    pub(crate) rate_limits: RateLimits,
    /// Largest spool (`LOGWEIR_SPOOL_MAX_BYTES`); 0 means none.
    pub(crate) spool_max_bytes: u64,
    /// Largest spool of each drain (`LOGWEIR_DRAIN_MAX_BYTES`).
    pub(crate) drain_max_bytes: u64,
    /// Largest spools of all drains together (`LOGWEIR_ALL_DRAINS_MAX_BYTES`).
    pub(crate) all_drains_max_bytes: u64,
    /// PEM of authorities that are trusted besides the system's (`LOGWEIR_CA_FILE`).
    pub(crate) ca_file: Option<PathBuf>,
    /// With what configs of backends are encrypted.
    pub(crate) encryption: ChosenKeys,
    /// Connections at a time (`LOGWEIR_MAX_CONNECTIONS`); one more takes the place of one that waits
    /// for a request.
    pub(crate) max_connections: usize,
    /// Days that events are kept of sources where nobody has set it
    /// (`LOGWEIR_DEFAULT_RETENTION_DAYS`); none keeps them for ever.
    pub(crate) default_retention_days: Option<u32>,
    /// Longest run of one query (`LOGWEIR_QUERY_TIMEOUT_SECS`).
    pub(crate) query_timeout: Duration,
    /// Database connections that write events (`LOGWEIR_INGEST_CONNECTIONS`).
    pub(crate) ingest_connections: u32,
    /// Database connections that run queries (`LOGWEIR_QUERY_CONNECTIONS`).
    pub(crate) query_connections: u32,
    /// What is logged and how.
    pub(crate) logging: Logging,
    /// Whether everybody is shown the figures of each source and backend (`LOGWEIR_METRICS_OPEN`).
    pub(crate) metrics_open: bool,
    /// The name of this node in `/health` (`LOGFLARE_NODE_HOST`).
    pub(crate) node_host: String,
    /// Where programs are searched (`PATH`).
    pub(crate) program_dirs: Vec<PathBuf>,
    /// Where short-lived files go (`TMPDIR`).
    pub(crate) temp_dir: PathBuf,
}

/// The tokens that the operator chose; one that is missing is generated.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct ChosenTokens {
    /// Ingest (`LOGFLARE_PUBLIC_ACCESS_TOKEN`, formerly `LOGFLARE_API_KEY`).
    pub(crate) public: Option<String>,
    /// Queries and management (`LOGFLARE_PRIVATE_ACCESS_TOKEN`).
    pub(crate) private: Option<String>,
}

impl fmt::Debug for ChosenTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChosenTokens")
            .field("public", &self.public.is_some())
            .field("private", &self.private.is_some())
            .finish()
    }
}

/// Every setting that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) struct WrongSettings {
    /// In the order in which the variables are read.
    problems: Vec<Problem>,
}

impl fmt::Display for WrongSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the program cannot start with these environment variables:")?;
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n  {}: {}", problem.variable, problem.text))
    }
}

/// What is wrong with one variable.
#[derive(Debug, PartialEq, Eq)]
struct Problem {
    variable: &'static str,
    text: String,
}

/// The environment as text.
pub(crate) fn environment() -> BTreeMap<String, String> {
    // `vars_os`, because `vars` panics when any variable is not UTF-8.
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect()
}

impl Settings {
    /// Reads the environment of this process.
    ///
    /// # Errors
    /// Every variable that cannot be used, with what was expected.
    pub(crate) fn from_environment() -> Result<Self, WrongSettings> {
        Self::from_variables(&environment(), rustix::process::geteuid().is_root())
    }

    /// Reads settings from variables; an empty one counts as unset.
    pub(crate) fn from_variables(
        variables: &BTreeMap<String, String>,
        is_root: bool,
    ) -> Result<Self, WrongSettings> {
        let mut variables = Variables::new(variables);
        refuse_several_tenants(&mut variables);
        let settings = Self {
            ip: variables.parsed("PHX_HTTP_IP", "an IP address"),
            port: variables.number("PHX_HTTP_PORT", 4000, 0..=u16::MAX),
            grpc_port: read_grpc_port(&mut variables),
            databases: Databases::read(&mut variables),
            bigquery: bigquery::read(&mut variables),
            tokens: read_tokens(&mut variables),
            seed_supabase: variables.flag("LOGFLARE_SUPABASE_MODE").unwrap_or(true),
            data_dir: read_data_dir(&mut variables, is_root),
            max_body_bytes: variables.number("LOGWEIR_MAX_BODY_BYTES", 32 << 20, 1024..=1 << 30),
            ingest_memory_bytes: variables.number(
                "LOGWEIR_INGEST_MEMORY_BYTES",
                128 << 20,
                1 << 20..=1 << 40,
            ),
            rate_limits: read_rate_limits(&mut variables),
            spool_max_bytes: variables.number("LOGWEIR_SPOOL_MAX_BYTES", 1 << 30, 0..=1 << 50),
            drain_max_bytes: variables.number(
                "LOGWEIR_DRAIN_MAX_BYTES",
                1 << 30,
                1 << 20..=1 << 50,
            ),
            all_drains_max_bytes: variables.number(
                "LOGWEIR_ALL_DRAINS_MAX_BYTES",
                4 << 30,
                1 << 20..=1 << 50,
            ),
            ca_file: variables.text("LOGWEIR_CA_FILE").map(Into::into),
            encryption: ChosenKeys::read(&mut variables),
            max_connections: variables.number("LOGWEIR_MAX_CONNECTIONS", 10_000, 1..=1_000_000),
            default_retention_days: read_retention(&mut variables),
            query_timeout: Duration::from_secs(variables.number(
                "LOGWEIR_QUERY_TIMEOUT_SECS",
                25,
                1..=3600,
            )),
            ingest_connections: variables.number("LOGWEIR_INGEST_CONNECTIONS", 4, 1..=100),
            query_connections: variables.number("LOGWEIR_QUERY_CONNECTIONS", 4, 1..=100),
            logging: Logging::read(&mut variables),
            metrics_open: variables.flag("LOGWEIR_METRICS_OPEN").unwrap_or(false),
            node_host: variables.text("LOGFLARE_NODE_HOST").unwrap_or("127.0.0.1").to_owned(),
            program_dirs: variables
                .text("PATH")
                .map(|path| std::env::split_paths(path).collect())
                .unwrap_or_default(),
            temp_dir: variables.text("TMPDIR").unwrap_or("/tmp").into(),
        };
        variables.finish(settings)
    }
}

fn refuse_several_tenants(variables: &mut Variables<'_>) {
    const NAME: &str = "LOGFLARE_SINGLE_TENANT";
    if variables.flag(NAME) == Some(false) {
        variables.problem(
            NAME,
            "`false` is not supported: this program serves one Supabase installation. \
             Remove the variable, or set it to `true`",
        );
    }
}

fn read_rate_limits(variables: &mut Variables<'_>) -> RateLimits {
    let usual = RateLimits::default();
    let mut limit = |name, usual| variables.number(name, usual, 1..=u64::MAX);
    RateLimits {
        source: limit("LOGWEIR_SOURCE_EVENTS_PER_MINUTE", usual.source),
        token: limit("LOGWEIR_TOKEN_EVENTS_PER_MINUTE", usual.token),
    }
}

/// Unset is for ever: what somebody else's program has kept is not removed unasked.
fn read_retention(variables: &mut Variables<'_>) -> Option<u32> {
    const NAME: &str = "LOGWEIR_DEFAULT_RETENTION_DAYS";
    variables.text(NAME)?;
    Some(variables.number(NAME, 1, 1..=36_500))
}

fn read_grpc_port(variables: &mut Variables<'_>) -> Option<u16> {
    const ENCRYPTED: &str = "LOGFLARE_ENABLE_GRPC_SSL";
    const NAME: &str = "LOGFLARE_GRPC_PORT";
    if variables.flag(ENCRYPTED) == Some(true) {
        variables.problem(
            ENCRYPTED,
            "`true` is not supported: gRPC is served without TLS. Remove the variable, and put a \
             proxy that speaks TLS in front",
        );
    }
    variables.text(NAME)?;
    Some(variables.number(NAME, DEFAULT_GRPC_PORT, 0..=u16::MAX))
}

fn read_tokens(variables: &mut Variables<'_>) -> ChosenTokens {
    let public = read_token(variables, "LOGFLARE_PUBLIC_ACCESS_TOKEN");
    let former = read_token(variables, "LOGFLARE_API_KEY");
    let private = read_token(variables, "LOGFLARE_PRIVATE_ACCESS_TOKEN");
    ChosenTokens { public: public.or(former), private }
}

/// A token travels in a header, so one with a stray line end could never match.
fn read_token(variables: &mut Variables<'_>, name: &'static str) -> Option<String> {
    let token = variables.text(name)?;
    if token.trim() != token || token.contains(char::is_control) {
        variables.problem(
            name,
            "expected a token without control characters and without white space around it \
             (a line end from a secrets file?)",
        );
        return None;
    }
    Some(token.to_owned())
}

fn read_data_dir(variables: &mut Variables<'_>, is_root: bool) -> PathBuf {
    const NAME: &str = "LOGWEIR_DATA_DIR";
    if let Some(chosen) = variables.text(NAME) {
        return std::path::absolute(chosen).unwrap_or_else(|error| {
            variables.problem(NAME, format!("expected a folder: {error}"));
            chosen.into()
        });
    }
    if is_root {
        return SYSTEM_DATA_DIR.into();
    }
    // The specification of XDG_DATA_HOME says that a relative path must be ignored.
    let of_user = variables.text("XDG_DATA_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
    let of_home = || Some(PathBuf::from(variables.text("HOME")?).join(".local/share"));
    of_user.or_else(of_home).map_or_else(|| SYSTEM_DATA_DIR.into(), |dir| dir.join("logweir"))
}

#[cfg(test)]
mod tests;
