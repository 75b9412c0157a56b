//! The command line.

use clap::{Parser, Subcommand};

use crate::validate::ValidateArguments;

/// The analytics server of a self-hosted Supabase.
///
/// Settings are environment variables, those of Logflare and some that begin with LOGWEIR_.
#[derive(Debug, Parser)]
#[command(name = "logweir", version)]
pub(crate) struct Cli {
    /// What to do; `serve` when nothing is said.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What to do.
#[derive(Debug, Default, Subcommand, PartialEq, Eq)]
pub(crate) enum Command {
    /// Take in events and answer queries (the default)
    #[default]
    Serve,
    /// Only take in events
    Sink,
    /// Only answer queries
    Sidecar,
    /// Print the PostgreSQL for a BigQuery query
    Translate {
        /// The query; read from standard input when it is left out
        query: Option<String>,
        /// Read this source itself, by its name, and not the tables of logs.all
        #[arg(long)]
        source: Option<String>,
    },
    /// Try whether BigQuery can be used with the settings, and say what is missing
    CheckBigquery,
    /// Tell what a Vector configuration would send, and what is wrong with it
    Validate(Box<ValidateArguments>),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(arguments: &[&str]) -> Command {
        let arguments = ["logweir"].iter().chain(arguments);
        Cli::try_parse_from(arguments).unwrap().command.unwrap_or_default()
    }

    #[test]
    fn serve_is_the_default() {
        assert_eq!(command(&[]), Command::Serve);
        assert_eq!(command(&["sink"]), Command::Sink);
        assert_eq!(command(&["sidecar"]), Command::Sidecar);
        assert_eq!(command(&["check-bigquery"]), Command::CheckBigquery);
        assert_eq!(
            command(&["translate", "select 1"]),
            Command::Translate { query: Some("select 1".to_owned()), source: None }
        );
        assert!(Cli::try_parse_from(["logweir", "nonsense"]).is_err());
    }
}
