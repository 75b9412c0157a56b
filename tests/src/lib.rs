//! What tests of the whole program share: a throw-away Postgres, the program itself, the crash
//! matrix with the client that counts, and the queries that BigQuery and Studio are the measure of.

pub mod conformance;
pub mod counting_client;
pub mod crash_matrix;
pub mod differential;
pub mod fake_bigquery;
pub mod figures;
pub mod http_exchange;
pub mod ledger;
pub mod postgres;
pub mod postgres_proxy;
pub mod program;
pub mod receiver;
pub mod studio_queries;
pub mod studio_requests;
