//! What the sink needs to know, typed.

use crate::rate_limits::RateLimits;

/// What the sink needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Largest body in bytes, compressed or not.
    pub max_body_bytes: usize,
    /// Memory in bytes for all bodies that are worked on at a time. One body may need more than
    /// this, alone.
    pub memory_bytes: usize,
    /// Events that may come in a minute.
    pub rate_limits: RateLimits,
}
