//! The store on a real Postgres.

#[cfg(test)]
mod append;
#[cfg(test)]
mod config_key;
#[cfg(test)]
mod drain;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod manage;
#[cfg(test)]
mod orphans;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod prepare;
#[cfg(test)]
mod query;
mod receipts;
#[cfg(test)]
mod refused_rows;
