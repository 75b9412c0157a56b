//! Vector's HTTP sink protocol in, stored events out.
//!
//! ```text
//! bytes ─ body (limits, inflating) ─ decode (forms) ─ formats (senders) ─▶ records
//!                     records ─ normalise, treat, check ─▶ batch ─ store ─▶ answer
//! ```
//!
//! A 200 means stored. `routes` and `paths` take requests apart, `pipeline` does the work and knows
//! nothing of HTTP, `answer` alone knows status codes. Vector drops for good on 4xx and comes again on 503,
//! so what may be transient is a 503.

mod answer;
mod besides;
mod body;
mod budget;
mod collected;
mod connection;
mod cors;
mod decode;
mod error;
mod fields;
mod formats;
mod forwarding;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod inflated;
mod limits;
mod manage_routes;
mod measures;
mod otlp;
mod paths;
mod pipeline;
mod protobuf;
mod rate_limits;
mod records;
mod rejected;
mod request;
mod routes;
mod seldom;
mod settings;
mod sources;
mod treatment;

pub use connection::SenderConnection;
pub use measures::show_sources;
pub use otlp::GrpcService;
pub use rate_limits::RateLimits;
pub use settings::Settings;

use drains::Drains;
pub use store::Peer;
use store::Store;
use warp::{Filter as _, filters::BoxedFilter, reply::Response};

/// The sink. Cheap to clone; clones share their limits.
#[derive(Debug, Clone)]
pub struct Sink {
    pipeline: pipeline::Pipeline,
}

impl Sink {
    /// A sink that stores events in `store`, and gives `drains` what rules and backends ask for.
    pub fn new(store: Store, drains: Drains, settings: Settings) -> Self {
        measures::describe();
        Self { pipeline: pipeline::Pipeline::new(store, drains, settings) }
    }

    /// All routes over HTTP. An unknown path is rejected as not found; nothing else is rejected.
    pub fn routes(&self) -> BoxedFilter<(Response,)> {
        let events = routes::routes(self.pipeline.clone());
        let otlp = otlp::routes(self.pipeline.clone());
        events.or(otlp).unify().or(self.management_routes()).unify().boxed()
    }

    /// Those of them by which people look after rejected events and validation.
    pub fn management_routes(&self) -> BoxedFilter<(Response,)> {
        manage_routes::routes(self.pipeline.clone())
    }

    /// OTLP's services over gRPC, for connections of HTTP/2.
    pub fn grpc_service(&self) -> GrpcService {
        GrpcService::new(self.pipeline.clone())
    }
}
