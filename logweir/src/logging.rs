//! Sends log records to standard error; standard output is for what a person asked for.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use crate::settings::Logging;

/// Starts logging, for the rest of the process.
pub(crate) fn start(logging: &Logging) {
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(&logging.filter))
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    if logging.json {
        subscriber.json().init();
    } else {
        subscriber.init();
    }
}
