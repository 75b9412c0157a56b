//! The keys with which configs of backends are encrypted.

use std::fmt;

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use store::CONFIG_KEY_BYTES;

use super::variables::Variables;

/// A key as it is used.
pub(crate) type Key = [u8; CONFIG_KEY_BYTES];

/// The keys that the operator chose.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ChosenKeys {
    /// Encrypts (`LOGFLARE_DB_ENCRYPTION_KEY`); one that is missing is made and kept.
    pub(crate) current: Option<Key>,
    /// Decrypts what was encrypted before (`LOGFLARE_DB_ENCRYPTION_KEY_RETIRED`).
    pub(crate) retired: Option<Key>,
}

impl ChosenKeys {
    pub(super) fn read(variables: &mut Variables<'_>) -> Self {
        Self {
            current: read_key(variables, "LOGFLARE_DB_ENCRYPTION_KEY"),
            retired: read_key(variables, "LOGFLARE_DB_ENCRYPTION_KEY_RETIRED"),
        }
    }
}

fn read_key(variables: &mut Variables<'_>, name: &'static str) -> Option<Key> {
    let key = decoded(variables.text(name)?);
    if key.is_none() {
        variables.problem(
            name,
            "expected 32 random bytes in base64, as `openssl rand -base64 32` prints them",
        );
    }
    key
}

/// The key that a text in base64 stands for, with or without padding.
pub(crate) fn decoded(text: &str) -> Option<Key> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&STANDARD, config).decode(text.trim()).ok()?.try_into().ok()
}

impl fmt::Debug for ChosenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChosenKeys")
            .field("current", &self.current.is_some())
            .field("retired", &self.retired.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_32_bytes_in_base64() {
        let text = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        let key: Key = std::array::from_fn(|place| place as u8);
        for text in [text, text.trim_end_matches('='), &format!(" {text}\n")] {
            assert_eq!(decoded(text), Some(key), "{text:?}");
        }
        for text in ["", "AAEC", "not base64 at all", &text.repeat(2)] {
            assert_eq!(decoded(text), None, "{text:?}");
        }
    }
}
