//! What the sink needs to know, typed.

use store::AccessTokens;

use crate::rate_limits::RateLimits;

/// What the sink needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who may send events.
    pub tokens: AccessTokens,
    /// Largest body in bytes, compressed or not.
    pub max_body_bytes: usize,
    /// Memory in bytes for all bodies that are worked on at a time. One body may need more than
    /// this, alone.
    pub memory_bytes: usize,
    /// Events that may come in a minute.
    pub rate_limits: RateLimits,
}
