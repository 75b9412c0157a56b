//! Which key encrypts backends' configs in a catalog. What one process encrypts the others have to
//! read, so the catalog keeps the key's fingerprint: a process with another key says so, and
//! encrypts nothing. Living processes show each other which key they have by advisory locks.

use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use uuid::Uuid;

use crate::{
    CONFIG_KEY_BYTES, ChangeError, ConfigKeys,
    catalog::changes,
    manage::{encrypt_anew, of_retired_key},
    server::SchemaName,
};

/// What tells keys apart. Keys are random, so that nobody finds one by trying.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(crate) fn of(key: &[u8; CONFIG_KEY_BYTES]) -> Self {
        let digest = Sha256::new().chain_update("logweir config key\0").chain_update(key);
        Self(digest.finalize().into())
    }

    /// The second key of the advisory lock of those who have it.
    fn lock_key(&self) -> i32 {
        number_of(&self.0).max(1)
    }
}

/// The lock's second key of processes without an encryption key.
const NO_KEY: i32 = 0;

/// What keeps a process from encrypting configs. The texts are for people who manage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyTrouble {
    #[error("there is no key to encrypt the config with; set LOGFLARE_DB_ENCRYPTION_KEY")]
    Missing,
    #[error(
        "this process has another encryption key than the one of the catalog's backends. Set \
         LOGFLARE_DB_ENCRYPTION_KEY to the same value in all processes that share the catalog, or \
         let them share the `encryption.key` of one data folder; to change the key, give the former \
         one as LOGFLARE_DB_ENCRYPTION_KEY_RETIRED. Where it is lost, delete the backends that need \
         it, or give the last one of them its whole config anew: then the key of this process takes \
         its place at once"
    )]
    Another,
    #[error(
        "another process that shares the catalog has another encryption key, or none, and could \
         not read the config. Set LOGFLARE_DB_ENCRYPTION_KEY to the same value in all of them, or \
         let them share the `encryption.key` of one data folder"
    )]
    Disputed,
}

impl KeyTrouble {
    /// The same for anybody.
    pub(crate) fn in_public(self) -> &'static str {
        match self {
            Self::Missing => {
                "backends cannot be used: this process has no encryption key; the log says why"
            }
            Self::Another | Self::Disputed => {
                "backends cannot be changed, and those that another key has encrypted get no events \
                 from this process: it has another encryption key than the catalog; the log says \
                 what to do"
            }
        }
    }
}

impl From<KeyTrouble> for ChangeError {
    fn from(trouble: KeyTrouble) -> Self {
        Self::ConfigKey(trouble.to_string())
    }
}

/// Logs that a process has another key now, or not any more. That it has none was said at the start.
pub(crate) fn tell(before: Option<KeyTrouble>, now: Option<KeyTrouble>) {
    match (before, now) {
        (before, Some(KeyTrouble::Another)) if before != now => {
            tracing::error!(
                "backends cannot be changed, and for those whose config this process cannot read \
                 events wait: {}",
                KeyTrouble::Another
            );
        }
        (Some(KeyTrouble::Another), None) => {
            tracing::info!("backends can be changed: the key of this process is the catalog's now");
        }
        _ => {}
    }
}

/// What keeps this process from reading and encrypting configs, as the catalog is.
pub(crate) async fn trouble(
    connection: &mut PgConnection,
    schema: &SchemaName,
    keys: &ConfigKeys,
) -> Result<Option<KeyTrouble>, sqlx::Error> {
    let Some(own) = keys.fingerprint() else { return Ok(Some(KeyTrouble::Missing)) };
    let is_own = kept(connection, schema, "").await? == Some(own);
    Ok((!is_own).then_some(KeyTrouble::Another))
}

/// Shows other processes which key this one has, for as long as the connection lives.
pub(crate) async fn show(
    connection: &mut PgConnection,
    schema: &SchemaName,
    keys: &ConfigKeys,
) -> Result<(), sqlx::Error> {
    let show = sqlx::query("select pg_advisory_lock_shared($1, $2)");
    show.bind(lock_class(schema)).bind(lock_key(keys)).execute(connection).await.map(|_| ())
}

/// When the key of a process may become that of the catalog.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// The process is made ready: the key that it gives up gives way, also where others have it.
    Start,
    /// Each second. Two that give up each other's key would change it for ever.
    Watch,
    /// Somebody changes backends.
    Change {
        /// The one whose config is given anew, whole if it cannot be read.
        replaced: Option<Uuid>,
    },
}

/// Makes the key of this process that of the catalog, where that takes nothing from others, and
/// encrypts anew what the retired one has encrypted.
pub(crate) async fn agree(
    connection: &mut PgConnection,
    schema: &SchemaName,
    keys: &ConfigKeys,
    occasion: Occasion,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let is_changed = match claim(&mut transaction, schema, keys, occasion).await? {
        Claimed::Now => true,
        Claimed::Before => {
            let configs = of_retired_key(&mut transaction, schema, keys).await?;
            // There seldom are any: else no lock is waited for.
            let is_due = !configs.is_empty() && holds(&mut transaction, schema, keys).await?;
            if is_due {
                encrypt_anew(&mut transaction, schema, keys, configs).await?;
            }
            is_due
        }
        Claimed::Not(_) => false,
    };
    if is_changed {
        changes::count_up(&mut transaction, schema).await?;
    }
    transaction.commit().await
}

/// What keeps this process from encrypting in a change that was begun; until its end nobody else
/// makes a key that of the catalog. To be asked before the change locks anything: all take the
/// catalog's key first.
pub(crate) async fn trouble_in_change(
    connection: &mut PgConnection,
    schema: &SchemaName,
    keys: &ConfigKeys,
    replaced: Option<Uuid>,
) -> Result<Option<KeyTrouble>, sqlx::Error> {
    match claim(connection, schema, keys, Occasion::Change { replaced }).await? {
        Claimed::Not(trouble) => return Ok(Some(trouble)),
        Claimed::Before if !holds(connection, schema, keys).await? => {
            return Ok(Some(KeyTrouble::Another));
        }
        Claimed::Before | Claimed::Now => {}
    }
    let own = lock_key(keys);
    let others = shown(connection, schema).await?.into_iter().any(|shown| shown != own);
    Ok(others.then_some(KeyTrouble::Disputed))
}

/// Whether the catalog's key is that of this process.
enum Claimed {
    /// It was when it was looked at; nothing is locked.
    Before,
    /// It is from the end of the transaction on, until which nobody else makes a key that of the
    /// catalog. To be counted as a change.
    Now,
    Not(KeyTrouble),
}

/// Within a transaction.
async fn claim(
    connection: &mut PgConnection,
    schema: &SchemaName,
    keys: &ConfigKeys,
    occasion: Occasion,
) -> Result<Claimed, sqlx::Error> {
    let Some(own) = keys.fingerprint() else { return Ok(Claimed::Not(KeyTrouble::Missing)) };
    // Looked at first: a process that hangs in a change holds up nobody who would not replace it.
    for locking in ["", "for update"] {
        let kept = kept(connection, schema, locking).await?;
        if kept == Some(own) {
            return Ok(Claimed::Before);
        }
        if !found(connection, schema, keys, kept, occasion).await?.may_be_replaced() {
            return Ok(Claimed::Not(KeyTrouble::Another));
        }
    }
    let sql = format!(r#"update "{}".logweir_config_key set fingerprint = $1"#, schema.as_str());
    sqlx::query(AssertSqlSafe(sql)).bind(&own.0[..]).execute(&mut *connection).await?;
    let configs = of_retired_key(connection, schema, keys).await?;
    encrypt_anew(connection, schema, keys, configs).await?;
    Ok(Claimed::Now)
}

/// Whether the key of this process is the catalog's, which it then is until the transaction's end.
async fn holds(
    connection: &mut PgConnection,
    schema: &SchemaName,
    keys: &ConfigKeys,
) -> Result<bool, sqlx::Error> {
    Ok(kept(connection, schema, "for share").await? == keys.fingerprint())
}

async fn found(
    connection: &mut PgConnection,
    schema: &SchemaName,
    keys: &ConfigKeys,
    kept: Option<Fingerprint>,
    occasion: Occasion,
) -> Result<Found, sqlx::Error> {
    let sql = format!(r#"select token, config from "{}".logweir_backends"#, schema.as_str());
    let backends: Vec<(Uuid, Vec<u8>)> =
        sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&mut *connection).await?;
    let (readable, unreadable): (Vec<_>, Vec<_>) =
        backends.iter().partition(|(token, config)| keys.decrypt(*token, config).is_ok());
    let is_replaced =
        |(token, _): &&(Uuid, Vec<u8>)| occasion == Occasion::Change { replaced: Some(*token) };
    let is_shown = match kept {
        Some(kept) => shown(connection, schema).await?.contains(&kept.lock_key()),
        None => false,
    };
    let is_retired = kept.is_some() && kept == keys.retired_fingerprint();
    Ok(Found {
        readable: readable.len(),
        unreadable: unreadable.len(),
        replaced: unreadable.into_iter().filter(is_replaced).count(),
        key: match (kept, is_retired, is_shown) {
            (None, ..) => FoundKey::None,
            (Some(_), true, true) if occasion != Occasion::Start => FoundKey::RetiredInUse,
            (Some(_), true, _) => FoundKey::Retired,
            (Some(_), false, true) => FoundKey::InUse,
            (Some(_), false, false) => FoundKey::Unused,
        },
    })
}

/// A catalog whose key is another one.
struct Found {
    /// Of how many backends this process can read the config, and of how many it cannot.
    readable: usize,
    unreadable: usize,
    /// How many of the latter are given their whole config now.
    replaced: usize,
    key: FoundKey,
}

/// The catalog's key.
#[derive(Clone, Copy)]
enum FoundKey {
    /// It is of a version that did not keep it, or new.
    None,
    /// It is the one that this process gives up, and its time has come.
    Retired,
    /// It is the one that this process gives up, but a living process has it.
    RetiredInUse,
    /// A living process has it.
    InUse,
    Unused,
}

impl Found {
    /// Whether the key of this process can take the place of the catalog's.
    fn may_be_replaced(&self) -> bool {
        let lost = self.unreadable - self.replaced;
        match self.key {
            FoundKey::Retired => true,
            FoundKey::RetiredInUse => false,
            FoundKey::InUse => self.readable > 0 && self.unreadable == 0,
            FoundKey::Unused => lost == 0,
            // The first one that can read anything.
            FoundKey::None => lost == 0 || self.readable > 0,
        }
    }
}

async fn kept(
    connection: &mut PgConnection,
    schema: &SchemaName,
    locking: &str,
) -> Result<Option<Fingerprint>, sqlx::Error> {
    let schema = schema.as_str();
    let sql = format!(r#"select fingerprint from "{schema}".logweir_config_key {locking}"#);
    let kept: Option<Vec<u8>> =
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(connection).await?;
    Ok(kept.and_then(|kept| kept.try_into().ok()).map(Fingerprint))
}

/// The lock's second keys of the living processes that share the catalog.
async fn shown(
    connection: &mut PgConnection,
    schema: &SchemaName,
) -> Result<Vec<i32>, sqlx::Error> {
    let shown = sqlx::query_scalar(
        "select distinct objid::bigint::integer from pg_locks \
         where locktype = 'advisory' and classid = $1::bigint::oid and objsubid = 2 and granted \
             and database = (select oid from pg_database where datname = current_database())",
    );
    shown.bind(i64::from(lock_class(schema))).fetch_all(connection).await
}

/// The first key of the locks: a database may hold several catalogs.
fn lock_class(schema: &SchemaName) -> i32 {
    let digest = Sha256::new().chain_update("logweir config key of\0");
    number_of(&digest.chain_update(schema.as_str()).finalize().into())
}

fn lock_key(keys: &ConfigKeys) -> i32 {
    keys.fingerprint().map_or(NO_KEY, |own| own.lock_key())
}

/// Not negative, as `pg_locks` shows keys without a sign.
fn number_of(digest: &[u8; 32]) -> i32 {
    let [a, b, c, d, ..] = *digest;
    i32::from_be_bytes([a & 0x7f, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_takes_the_place_of_another_where_that_takes_nothing_from_others() {
        use FoundKey::{InUse, None, Retired, RetiredInUse, Unused};
        for (key, readable, unreadable, replaced, expected) in [
            (None, 0, 0, 0, true),
            (None, 0, 2, 0, false),
            (None, 0, 2, 1, false),
            (None, 0, 1, 1, true),
            (None, 1, 1, 0, true),
            (None, 1, 1, 1, true),
            (Retired, 0, 0, 0, true),
            (Retired, 1, 1, 0, true),
            (RetiredInUse, 0, 0, 0, false),
            (RetiredInUse, 2, 0, 0, false),
            (RetiredInUse, 0, 1, 1, false),
            (InUse, 0, 0, 0, false),
            (InUse, 0, 1, 1, false),
            (InUse, 1, 1, 0, false),
            (InUse, 1, 1, 1, false),
            (InUse, 2, 0, 0, true),
            (Unused, 0, 0, 0, true),
            (Unused, 0, 2, 0, false),
            (Unused, 0, 2, 1, false),
            (Unused, 0, 1, 1, true),
            (Unused, 1, 1, 0, false),
            (Unused, 1, 1, 1, true),
            (Unused, 2, 0, 0, true),
        ] {
            let found = Found { readable, unreadable, replaced, key };
            let number = key as u8;
            let what = format!("{number}: {readable} {unreadable} {replaced}");
            assert_eq!(found.may_be_replaced(), expected, "{what}");
        }
    }

    #[test]
    fn fingerprints_tell_keys_apart_and_stay() {
        let digits = |key| {
            let Fingerprint(digest) = Fingerprint::of(&[key; CONFIG_KEY_BYTES]);
            digest.map(|byte| format!("{byte:02x}")).concat()
        };
        // The catalog keeps it: another one would shut all processes out.
        assert_eq!(digits(7), "e59b32e946f93fba8b25a9821de8f41765cb741d3bd86d2ad0e00f70538cdcb4");
        assert_ne!(digits(7), digits(8));
    }

    #[test]
    fn what_anybody_may_read_names_no_setting() {
        for trouble in [KeyTrouble::Missing, KeyTrouble::Another, KeyTrouble::Disputed] {
            assert!(trouble.to_string().contains("LOGFLARE_DB_ENCRYPTION_KEY"), "{trouble}");
            assert!(!trouble.in_public().contains("LOGFLARE"), "{trouble}");
        }
    }
}
