//! What is logged, and how.

use tracing_subscriber::EnvFilter;

use super::variables::Variables;

/// What is logged, and how.
#[derive(Debug)]
pub(crate) struct Logging {
    /// Which records are written, as valid directives of an [`EnvFilter`].
    pub(crate) filter: String,
    /// One JSON object per line (`LOGFLARE_LOGGER_JSON`) instead of text for people.
    pub(crate) json: bool,
}

impl Logging {
    pub(super) fn read(variables: &mut Variables<'_>) -> Self {
        let level = read_level(variables);
        let filter = read_filter(variables).unwrap_or_else(|| of_level(level));
        Self { filter, json: variables.flag("LOGFLARE_LOGGER_JSON").unwrap_or(false) }
    }
}

/// The level in our words; Logflare's variable takes all of Elixir's.
fn read_level(variables: &mut Variables<'_>) -> &'static str {
    const NAME: &str = "LOGFLARE_LOG_LEVEL";
    match variables.text(NAME) {
        None | Some("info" | "notice") => "info",
        Some("error" | "critical" | "alert" | "emergency") => "error",
        Some("warn" | "warning") => "warn",
        Some("debug") => "debug",
        Some(other) => {
            let text = format!("expected `error`, `warn`, `info` or `debug`, found `{other}`");
            variables.problem(NAME, text);
            "info"
        }
    }
}

/// A level for us; the libraries below stay quiet, because their debug records drown ours.
fn of_level(level: &str) -> String {
    let libraries = if level == "debug" { "info" } else { level };
    format!("{level},h2={libraries},hyper={libraries},sqlx=warn,warp={libraries}")
}

fn read_filter(variables: &mut Variables<'_>) -> Option<String> {
    const NAME: &str = "LOGWEIR_LOG";
    let directives = variables.text(NAME)?;
    match EnvFilter::try_new(directives) {
        Ok(filter) => Some(filter.to_string()),
        Err(error) => {
            let text = format!("expected filters like `info,store=debug`: {error}");
            variables.problem(NAME, text);
            None
        }
    }
}
