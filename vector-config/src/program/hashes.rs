//! `md5`, `sha1`, `sha2` and `hmac`, which vrl has only together with many ciphers. What they take and
//! make is as there.

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use sha2::{Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};
use vrl::prelude::*;

/// A function that makes a hash of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Md5,
    Sha1,
    Sha2,
    Hmac,
}

impl Hash {
    pub(super) const ALL: [Self; 4] = [Self::Md5, Self::Sha1, Self::Sha2, Self::Hmac];
}

/// Those of `sha2`; the last is meant where none is named.
const VARIANTS: [&str; 6] =
    ["SHA-224", "SHA-256", "SHA-384", "SHA-512", "SHA-512/224", "SHA-512/256"];

/// Those of `hmac`.
const ALGORITHMS: [&str; 5] = ["SHA1", "SHA-224", "SHA-256", "SHA-384", "SHA-512"];

/// What `hmac` takes where none is named.
const ALGORITHM: &str = "SHA-256";

const VALUE: Parameter = Parameter::required("value", kind::BYTES, "What is hashed.");
const VARIANT: Parameter = Parameter::optional("variant", kind::BYTES, "Which SHA-2.");
const KEY: Parameter = Parameter::required("key", kind::BYTES, "The key.");
const HASH: Parameter = Parameter::optional("algorithm", kind::BYTES, "Which hash.");

impl Function for Hash {
    fn identifier(&self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha2 => "sha2",
            Self::Hmac => "hmac",
        }
    }

    fn usage(&self) -> &'static str {
        ""
    }

    fn category(&self) -> &'static str {
        ""
    }

    fn return_kind(&self) -> u16 {
        kind::BYTES
    }

    fn examples(&self) -> &'static [Example] {
        &[]
    }

    fn parameters(&self) -> &'static [Parameter] {
        match self {
            Self::Md5 | Self::Sha1 => &[VALUE],
            Self::Sha2 => &[VALUE, VARIANT],
            Self::Hmac => &[VALUE, KEY, HASH],
        }
    }

    fn compile(
        &self,
        state: &TypeState,
        _: &mut FunctionCompileContext,
        arguments: ArgumentList,
    ) -> Compiled {
        let value = arguments.required("value");
        Ok(match self {
            Self::Md5 => Hashed::Plain(value, |value| hex(&Md5::digest(value))).as_expr(),
            Self::Sha1 => {
                let hash = |value: &[u8]| hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, value).as_ref());
                Hashed::Plain(value, hash).as_expr()
            }
            Self::Sha2 => {
                let variants = VARIANTS.map(Value::from);
                let variant = arguments.optional_enum("variant", &variants, state)?;
                let variant = variant.as_ref().and_then(Value::to_str_lossy);
                Hashed::Plain(value, sha2(variant.as_deref().unwrap_or_default())).as_expr()
            }
            Self::Hmac => Hashed::Keyed {
                value,
                key: arguments.required("key"),
                algorithm: arguments.optional("algorithm"),
            }
            .as_expr(),
        })
    }
}

/// Which hash a variant of `sha2` is.
fn sha2(variant: &str) -> fn(&[u8]) -> String {
    match variant {
        "SHA-224" => |value| hex(&Sha224::digest(value)),
        "SHA-256" => |value| hex(&Sha256::digest(value)),
        "SHA-384" => |value| hex(&Sha384::digest(value)),
        "SHA-512" => |value| hex(&Sha512::digest(value)),
        "SHA-512/224" => |value| hex(&Sha512_224::digest(value)),
        _ => |value| hex(&Sha512_256::digest(value)),
    }
}

fn hex(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A call of such a function.
#[derive(Debug, Clone)]
enum Hashed {
    Plain(Box<dyn Expression>, fn(&[u8]) -> String),
    Keyed {
        value: Box<dyn Expression>,
        key: Box<dyn Expression>,
        algorithm: Option<Box<dyn Expression>>,
    },
}

impl FunctionExpression for Hashed {
    fn resolve(&self, context: &mut Context<'_>) -> Resolved {
        match self {
            Self::Plain(value, hash) => {
                let value = value.resolve(context)?.try_bytes()?;
                Ok(Value::from(hash(&value)))
            }
            Self::Keyed { value, key, algorithm } => {
                let value = value.resolve(context)?.try_bytes()?;
                let key = key.resolve(context)?.try_bytes()?;
                let algorithm =
                    algorithm.map_resolve_with_default(context, || Value::from(ALGORITHM))?;
                let algorithm = algorithm.try_bytes_utf8_lossy()?.to_uppercase();
                keyed(&algorithm, &key, &value).map(|code| Value::from(Bytes::from(code)))
            }
        }
    }

    fn type_def(&self, state: &TypeState) -> TypeDef {
        let may_fail = match self {
            Self::Plain(..) | Self::Keyed { algorithm: None, .. } => false,
            Self::Keyed { algorithm: Some(algorithm), .. } => {
                let named = algorithm.resolve_constant(state);
                let named = named.as_ref().and_then(Value::to_str_lossy);
                !named.is_some_and(|name| ALGORITHMS.contains(&name.to_uppercase().as_str()))
            }
        };
        TypeDef::bytes().maybe_fallible(may_fail)
    }
}

fn keyed(algorithm: &str, key: &[u8], value: &[u8]) -> Result<Vec<u8>, ExpressionError> {
    match algorithm {
        "SHA1" => {
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
            Ok(ring::hmac::sign(&key, value).as_ref().to_vec())
        }
        "SHA-224" => code::<Hmac<Sha224>>(key, value),
        "SHA-256" => code::<Hmac<Sha256>>(key, value),
        "SHA-384" => code::<Hmac<Sha384>>(key, value),
        "SHA-512" => code::<Hmac<Sha512>>(key, value),
        other => Err(format!("Invalid algorithm: {other}").into()),
    }
}

fn code<M: Mac + KeyInit>(key: &[u8], value: &[u8]) -> Result<Vec<u8>, ExpressionError> {
    let mut code = <M as KeyInit>::new_from_slice(key).map_err(|error| error.to_string())?;
    code.update(value);
    Ok(code.finalize().into_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::super::{NotCompiled, Program};
    use crate::event::LogEvent;

    use super::*;

    fn compiled(source: &str) -> Result<Program, NotCompiled> {
        Program::compile(source, &Kind::object(Collection::any()), false)
    }

    fn made(source: &str) -> String {
        let program = compiled(&format!(".a = {source}")).unwrap();
        let mut event = LogEvent::new(vrl::value!({"m": "foo"}), 1);
        program.run(&mut event, TimeZone::Local).unwrap();
        event.value.as_object().unwrap()["a"].to_string_lossy().into_owned()
    }

    /// By `openssl dgst -hmac key`.
    const CODES: [(&str, &str); 5] = [
        ("\"SHA1\"", "9fc254126c2b1b7f106abacae0cb77e73411fad7"),
        ("\"sha-224\"", "bf7b39e119a94d290d3032e9056ac2532c27ffb0fba6155d54710492"),
        ("", "6ea1d9f5e93a8f3ade026261ffe5d72a1c90804ed94404a69892a163b8a35497"),
        (
            "\"SHA-384\"",
            "19bbb932aad49e9f118e05a2aaaf7f1ed4846bec41669226dfce26b0e84cdf3d570af257fe4e12b7438580cf2e260a6d",
        ),
        (
            "algorithm: \"SHA-512\"",
            "d6c2877f9012abfd6b035312aca184b26a4dcfcf47eaac9d86435c6accaf48a49db30d25a10582759c081f9629ce8a1a346621b5d6ad16167a4424e4b4012fc6",
        ),
    ];

    /// By `md5sum`, `sha1sum`, `sha256sum` …
    #[test]
    fn hashes_are_those_of_other_programs() {
        for (source, expected) in [
            ("md5!(.m)", "acbd18db4cc2f85cedef654fccc4a4d8"),
            ("md5(\"foo\")", "acbd18db4cc2f85cedef654fccc4a4d8"),
            ("sha1!(.m)", "0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33"),
            ("sha2!(.m)", "d58042e6aa5a335e03ad576c6a9e43b41591bfd2077f72dec9df7930e492055d"),
            ("sha2!(.m, \"SHA-224\")", "0808f64e60d58979fcb676c96ec938270dea42445aeefcd3a4e6f8db"),
            (
                "sha2!(.m, variant: \"SHA-256\")",
                "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
            ),
            (
                "sha2!(.m, \"SHA-384\")",
                "98c11ffdfdd540676b1a137cb1a22b2a70350c9a44171d6b1180c6be5cbb2ee3f79d532c8a1dd9ef2e8e08e752a3babb",
            ),
            (
                "sha2!(.m, \"SHA-512\")",
                "f7fbba6e0636f890e56fbbf3283e524c6fa3204ae298382d624741d0dc6638326e282c41be5e4254d8820772c5518a2c5a8c0c7f7eda19594a7eb539453e1ed7",
            ),
            (
                "sha2!(.m, \"SHA-512/224\")",
                "d68f258d37d670cfc1ec1001a0394784233f88f056994f9a7e5e99be",
            ),
        ] {
            assert_eq!(made(source), expected, "{source}");
        }
    }

    #[test]
    fn codes_are_those_of_other_programs() {
        for (algorithm, expected) in CODES {
            let source = format!("encode_base16(hmac!(.m, \"key\", {algorithm}))");
            let source = source.replace(", )", ")");
            assert_eq!(made(&source), expected, "{algorithm}");
        }
    }

    #[test]
    fn calls_fail_where_those_of_vector_do() {
        let code = |source: &str| match compiled(source) {
            Ok(_) => 0,
            Err(NotCompiled::Faults(faults)) => faults.first().unwrap().code,
            Err(other) => panic!("{other:?}"),
        };
        assert_eq!(code(".a = md5(\"x\")"), 0);
        assert_eq!(code(".a = hmac(\"x\", \"k\")"), 0);
        assert_eq!(code(".a = hmac(\"x\", \"k\", algorithm: \"sha-512\")"), 0);
        assert_ne!(code(".a = md5(.m)"), 0, "what is hashed may be no text");
        assert_ne!(code(".a = md5(5)"), 0);
        assert_ne!(code(".a = hmac(\"x\", \"k\", algorithm: .b)"), 0);
        assert_ne!(code(".a = sha2(\"x\", variant: \"SHA-3\")"), 0);
        let program = compiled(".a = hmac!(\"x\", \"k\", algorithm: \"MD5\")").unwrap();
        let mut event = LogEvent::new(vrl::value!({}), 1);
        assert!(program.run(&mut event, TimeZone::Local).is_err());
    }
}
