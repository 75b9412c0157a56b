//! Management API and queries over HTTP.
//!
//! What can be asked for is declared as [operations](operation): method, path, who may, what it
//! takes and gives, and a function that does the work and knows nothing of HTTP's statuses. One
//! filter (`routes`) finds the operation of a request, one place (`answer`) makes answers.

mod answer;
mod answers;
mod backends;
mod call;
mod catalog_sources;
mod cors;
mod direct_query;
mod endpoints;
mod openapi;
mod operation;
mod operations;
mod parameters;
mod plan;
mod query;
mod redaction;
mod refusal;
mod resource;
mod routes;
mod rules;
mod sources;
mod time;

pub use routes::routes;
