//! Management API and queries over HTTP.
//!
//! What can be asked for is declared as [operations](operation): method, path, who may, what it
//! takes and gives, and a function that does the work and knows nothing of HTTP's statuses. One
//! filter (`routes`) finds the operation of a request, one place (`answer`) makes answers.

mod access_tokens;
mod account;
mod alert_runs;
mod alerts;
mod answer;
mod answers;
mod audit_log;
mod backends;
mod body;
mod call;
mod catalog_sources;
mod config_typos;
mod cors;
mod direct_query;
mod endpoints;
mod hooks;
mod job_labels;
mod key_values;
mod notifications;
mod openapi;
mod operation;
mod operations;
mod other_routes;
mod parameters;
mod plan;
mod query;
mod redaction;
mod refusal;
mod resource;
mod routes;
mod rows;
mod rules;
mod saved_query;
mod schedule;
mod source_fields;
mod source_schema;
mod sources;
mod swagger_ui;
mod teams;
mod time;

pub use alert_runs::keep_alerting;
pub use notifications::keep_notifying;
pub use routes::routes;
