//! Encryption of backends' configs at rest: they hold passwords of other systems.

use std::{fmt, sync::Arc};

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom as _, SystemRandom},
};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::config_key::Fingerprint;

/// Bytes of a key.
pub const CONFIG_KEY_BYTES: usize = 32;

/// The first byte of what is encrypted: AES-256-GCM, with the backend's token as what belongs to it.
const VERSION: u8 = 1;

/// The keys with which backends' configs are encrypted, where there are any.
#[derive(Clone)]
pub struct ConfigKeys(Option<Arc<Keys>>);

struct Keys {
    current: LessSafeKey,
    /// Those of before, which only decrypt.
    retired: Option<LessSafeKey>,
    fingerprint: Fingerprint,
    retired_fingerprint: Option<Fingerprint>,
}

/// A config that cannot be decrypted. What needs it does not work until it is given anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "its config cannot be decrypted: give every process the LOGFLARE_DB_ENCRYPTION_KEY with which \
     it was saved (or as LOGFLARE_DB_ENCRYPTION_KEY_RETIRED); where that is lost, give the backend \
     its whole config anew, once the others that need that key are deleted"
)]
pub struct ConfigUnreadable;

impl ConfigKeys {
    /// The key that encrypts, and one that was used before. `None` where the system has no random
    /// numbers or the library no such cipher.
    pub fn new(
        current: [u8; CONFIG_KEY_BYTES],
        retired: Option<[u8; CONFIG_KEY_BYTES]>,
    ) -> Option<Self> {
        let fingerprint = Fingerprint::of(&current);
        let retired_fingerprint = retired.as_ref().map(Fingerprint::of);
        let retired = match retired {
            Some(retired) => Some(key(&retired)?),
            None => None,
        };
        let current = key(&current)?;
        Some(Self(Some(Arc::new(Keys { current, retired, fingerprint, retired_fingerprint }))))
    }

    /// No keys: no backend can be made, and what is kept of others cannot be read.
    pub fn missing() -> Self {
        Self(None)
    }

    /// That of the key that encrypts.
    pub(crate) fn fingerprint(&self) -> Option<Fingerprint> {
        Some(self.0.as_ref()?.fingerprint)
    }

    /// That of the key of before.
    pub(crate) fn retired_fingerprint(&self) -> Option<Fingerprint> {
        self.0.as_ref()?.retired_fingerprint
    }

    /// `None` without keys, and where the system has no random numbers.
    pub(crate) fn encrypt(&self, token: Uuid, config: &Map<String, Value>) -> Option<Vec<u8>> {
        let keys = self.0.as_ref()?;
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let mut text = serde_json::to_vec(config).ok()?;
        let nonce_of_text = Nonce::assume_unique_for_key(nonce);
        let of = Aad::from(token.into_bytes());
        keys.current.seal_in_place_append_tag(nonce_of_text, of, &mut text).ok()?;
        let mut bytes = Vec::with_capacity(1 + NONCE_LEN + text.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&text);
        Some(bytes)
    }

    /// The config, and whether the current key has encrypted it.
    pub(crate) fn decrypt(
        &self,
        token: Uuid,
        bytes: &[u8],
    ) -> Result<(Map<String, Value>, bool), ConfigUnreadable> {
        let keys = self.0.as_ref().ok_or(ConfigUnreadable)?;
        let rest = bytes.strip_prefix(&[VERSION]).ok_or(ConfigUnreadable)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or(ConfigUnreadable)?;
        let keys = [(Some(&keys.current), true), (keys.retired.as_ref(), false)];
        for (key, is_current) in keys {
            let Some(key) = key else { continue };
            let mut sealed = sealed.to_vec();
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let opened = key.open_in_place(nonce, Aad::from(token.into_bytes()), &mut sealed);
            if let Some(config) = opened.ok().and_then(|text| serde_json::from_slice(text).ok()) {
                return Ok((config, is_current));
            }
        }
        Err(ConfigUnreadable)
    }
}

fn key(bytes: &[u8; CONFIG_KEY_BYTES]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, bytes).ok().map(LessSafeKey::new)
}

impl fmt::Debug for ConfigKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigKeys").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_encrypted_is_read_with_its_key_alone() {
        let keys = |current, retired: Option<u8>| {
            ConfigKeys::new([current; 32], retired.map(|retired| [retired; 32])).unwrap()
        };
        let token = Uuid::from_u128(7);
        let config = json!({"password": "very secret"});
        let config = config.as_object().unwrap();
        let bytes = keys(1, None).encrypt(token, config).unwrap();
        assert!(!bytes.windows(6).any(|six| six == b"secret" || six == b"passwo"));
        assert_ne!(Some(&bytes), keys(1, None).encrypt(token, config).as_ref());
        for (current, retired, expected) in [
            (1, None, Ok((config.clone(), true))),
            (2, Some(1), Ok((config.clone(), false))),
            (2, Some(3), Err(ConfigUnreadable)),
        ] {
            assert_eq!(keys(current, retired).decrypt(token, &bytes), expected);
        }
        assert_eq!(ConfigKeys::missing().decrypt(token, &bytes), Err(ConfigUnreadable));
        assert_eq!(ConfigKeys::missing().encrypt(token, config), None);
        // Nor as another backend's, nor when it was changed.
        let keys = keys(1, None);
        assert_eq!(keys.decrypt(Uuid::from_u128(8), &bytes), Err(ConfigUnreadable));
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert_eq!(keys.decrypt(token, &changed), Err(ConfigUnreadable));
            assert_eq!(keys.decrypt(token, &bytes[..place]), Err(ConfigUnreadable));
        }
    }
}
