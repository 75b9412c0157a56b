//! Sends events on to other systems (log drains).
//!
//! ```text
//! ingest ─ put ─▶ spool of the drain, fsynced ─▶ answer
//!                        │
//!                     worker: take ─ batch ─ receiver's form ─ send ─ done
//!                        └── again, ever later, while the receiver is away
//! ```
//!
//! Each backend has a [spool] and a worker of its own, so that one that fails, is slow or is away
//! delays neither ingest nor the others. What was put is sent at least once, in its order but for what
//! a receiver refuses, fails at or takes in part. What it does not take while it takes others is put
//! aside.

mod axiom;
mod batching;
mod clickhouse;
mod config;
mod datadog;
mod declared;
mod delivery;
mod drain;
mod drains;
mod elastic;
mod event;
mod failing;
mod gone;
mod http;
mod kind;
mod loki;
mod mask;
mod measures;
mod otlp;
mod outcome;
mod overdue;
mod pace;
mod postgres;
mod postgres_url;
mod put_aside;
mod receiver;
mod record;
mod room;
mod s3;
mod sentry;
mod syslog;
mod test_event;
mod webhook;
mod worker;

pub use config::{ConfigErrors, checked};
pub use drains::{Drains, Settings};
pub use kind::{Kind, UnknownKind};
pub use mask::{masked, noted};
pub use record::Copies;
pub use test_event::test;
