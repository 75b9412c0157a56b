//! The only crate that talks to a database: the catalog (which sources and endpoints there are) and
//! the store of events.
//!
//! A [`Store`] is made from [`Settings`] without connecting. [`Store::keep_ready`], polled for as
//! long as the program runs, prepares both databases and watches them; [`Store::readiness`] tells
//! how far it is. Then events go in as [`Batch`]es and answers come out of [`Store::query`].

mod access_tokens;
mod backend;
mod batch;
mod bigquery_events;
mod bigquery_query;
mod catalog;
mod change;
mod config_key;
mod connections;
mod content_hash;
mod day;
mod delivery;
mod drain;
mod encryption;
mod event_store;
mod event_tables;
mod failure;
mod figures;
mod former_requests;
mod grant;
mod group;
mod held_back;
mod isolation;
mod keep_ready;
mod learning;
mod look_ups;
mod manage;
mod measures;
mod migrate;
mod notices;
mod on_spool;
mod orphans;
mod outside_table;
mod query;
mod readers;
mod receipts;
mod recent;
mod rejected_events;
mod request;
mod retention;
mod rows;
mod server;
mod settings;
mod source_settings;
mod spooled;
mod spooling;
mod state;
mod store;
mod taking;
mod undelivered;
mod writers;

pub use access_tokens::AccessTokens;
pub use backend::{Backend, Outlets, Rule};
pub use batch::Batch;
pub use bigquery;
pub use bigquery_query::BigQueryQuery;
pub use catalog::{Endpoint, EndpointKey, LOGS_ALL, Source, SourceKey, Validation};
pub use change::{Actor, ChangeError, KnownCatalog, UncertainToken};
pub use content_hash::ContentHash;
pub use delivery::{Arrival, Delivery, Peer};
pub use encryption::{CONFIG_KEY_BYTES, ConfigKeys, ConfigUnreadable};
pub use event_store::{Admission, AppendError};
pub use figures::SourceFigures;
pub use grant::{Grant, Holder, NoScope, Scopes};
pub use manage::{
    AccessToken, Alert, AlertToBe, AuditEntry, BackendToBe, EndpointToBe, KeyValue, RuleToBe,
    SourceToBe, Team, TeamToBe, TeamUser, TooManyKeyValues,
};
pub use notices::Notice;
pub use outside_table::{OutsideError, OutsideEvent, OutsideTable};
pub use query::{Column, ColumnKind, Query, QueryError, QueryRows};
pub use rejected_events::{
    KeptEvent, NoRejectedPlace, RejectedEvents, RejectedPage, RejectedPlace, StoreUnavailable,
};
pub use request::Appended;
pub use server::{InvalidServer, PostgresServer};
pub use settings::Settings;
pub use source_settings::SourceSettings;
pub use state::{CatalogChanges, Readiness};
pub use store::Store;
