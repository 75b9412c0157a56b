//! Vector's HTTP sink protocol in, stored events out.
//!
//! ```text
//! bytes ─ body (limits, inflating) ─▶ text ─ decode ─▶ values ─ normalise ─▶ batch ─ store ─▶ answer
//! ```
//!
//! A 200 means stored. `routes` takes requests apart, `ingest` does the work and knows nothing of
//! HTTP, `answer` alone knows status codes. Vector drops for good on 4xx and comes again on 503,
//! so what may be transient is a 503.

mod answer;
mod body;
mod decode;
mod error;
mod ingest;
mod request;
mod routes;

pub use routes::{Settings, routes};
