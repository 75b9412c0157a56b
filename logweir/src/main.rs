//! The program: reads settings, starts what it was asked for, and reports why it could not.

mod answer;
mod app;
mod authorities;
mod check_bigquery;
mod cli;
mod config_keys;
mod data_dir;
mod durability;
mod embedded_postgres;
mod health;
mod logging;
mod memory;
mod metric_totals;
mod metrics;
mod open_files;
mod request_id;
mod serve;
mod server;
mod settings;
mod tokens;
mod translation;
mod validate;

use std::{process::ExitCode, time::Duration};

use clap::Parser as _;

use cli::{Cli, Command};
use serve::Role;
use settings::Settings;

/// Requests allocate many small pieces that end together.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let done = match Cli::parse().command.unwrap_or_default() {
        Command::Serve => serve(Role::Both),
        Command::Sink => serve(Role::Sink),
        Command::Sidecar => serve(Role::Sidecar),
        Command::CheckBigquery => check_bigquery::run(),
        Command::Translate { query, source } => translation::print(query, source.as_deref()),
        Command::Validate(arguments) => return validate::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("logweir: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(role: Role) -> Result<(), Box<dyn std::error::Error>> {
    let settings = Settings::from_environment()?;
    logging::start(&settings.logging);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(serve::run(settings, role));
    // Whatever still runs had its time to finish in the drain.
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(served?)
}
