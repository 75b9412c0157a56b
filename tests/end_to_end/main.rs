//! The program as its users meet it: one server for the tests that only read and write, servers of
//! their own for those that stop things.

mod access_tokens;
mod alerts;
mod answers;
mod api;
mod availability;
mod bigquery_queries;
mod bigquery_writes;
mod bodies;
mod bqemulator;
mod conformance;
mod connections;
mod constructs;
mod corpus;
mod crashes;
mod drain_trouble;
mod drains;
mod endpoints;
mod forms;
mod functions;
mod health;
mod ingest;
mod key_values;
mod logflare_cases;
mod lql;
mod memory_of_copies;
mod metrics;
mod otlp;
mod our_pipeline;
mod out_of_reach;
mod plans;
mod private_receivers;
mod published_reference;
mod queries;
mod rate_limits;
mod refusals;
mod repair;
mod replay;
mod seeded_endpoints;
mod slow_readers;
mod sources;
mod studio;
mod studio_answers;
mod teams;
mod text_functions;
mod times;
mod two_processes;
mod unknown_things;
mod value_functions;
mod vector;

use end_to_end::{postgres::TestCluster, program::Program};

/// A program on a database of its own.
async fn program() -> Program {
    Program::serve(&TestCluster::shared().database().await).await
}
