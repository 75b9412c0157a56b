//! Management API and queries over HTTP.
//!
//! A route is three pieces: a filter that takes a request apart (`routes`), a function that does
//! the work and knows nothing of HTTP (`query`), and one place that makes answers (`answer`).

mod answer;
mod parameters;
mod query;
mod routes;

pub use routes::{Settings, routes};
