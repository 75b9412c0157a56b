//! A stand-in for BigQuery's two services, in memory: it refuses what the real one refuses, and
//! fails as it is told to.

pub mod columns;
pub mod decimals;
pub mod proto_row;
pub mod rest;
pub mod services;
pub mod storage;
pub mod tables;
