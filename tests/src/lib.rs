//! What tests of the whole program share: a throw-away Postgres and the program itself.

pub mod figures;
pub mod postgres;
pub mod program;
