//! Names of fields: what a column of BigQuery may be called.

use std::borrow::Cow;

/// Longest name, in bytes; longer ones are cut and marked.
const MAX_BYTES: usize = 128;

/// Beginnings that BigQuery keeps for itself.
const RESERVED: [&str; 9] = [
    "_TABLE_",
    "_FILE_",
    "_PARTITION",
    "_ROW_TIMESTAMP",
    "__ROOT__",
    "_COLIDENTIFIER",
    "_CHANGE_SEQUENCE_NUMBER",
    "_CHANGE_TYPE",
    "_CHANGE_TIMESTAMP",
];

/// Whether a name can stay as it is.
pub(crate) fn is_fit(key: &str) -> bool {
    // A name that was cut is one byte longer, and is not cut again when its event comes again.
    let most = MAX_BYTES + usize::from(key.starts_with('_'));
    !key.is_empty()
        && key.len() <= most
        && !key.as_bytes()[0].is_ascii_digit()
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !(key.starts_with('_') && is_reserved(key))
}

/// Makes a name of `[A-Za-z0-9_]` only, as Logflare does, so that queries find the same names:
/// every other character becomes `_`, and one more `_` goes in front for each kind of repair.
pub(crate) fn sanitise(key: Cow<'_, str>) -> Cow<'_, str> {
    if is_fit(&key) {
        return key;
    }
    let reserved = is_reserved(&key);
    let dash = key.contains('-');
    let digit = key.starts_with(|c: char| c.is_ascii_digit()) && !reserved && !dash;
    let other = key.chars().any(|c| !c.is_ascii_alphanumeric() && c != '_' && c != '-');
    let mut name = "_".repeat(
        usize::from(reserved) + usize::from(dash) + usize::from(digit) + usize::from(other),
    );
    name.extend(key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }));
    if name.is_empty() {
        name.push('_');
    }
    if name.len() > MAX_BYTES {
        // Only ASCII is left.
        name.truncate(MAX_BYTES);
        name.insert(0, '_');
    }
    // Where the repair itself made such a beginning: `.ROOT__`.
    if is_reserved(&name) {
        name.insert(0, '_');
        name.truncate(MAX_BYTES + 1);
    }
    Cow::Owned(name)
}

fn is_reserved(key: &str) -> bool {
    let begins = |prefix: &&str| {
        key.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    RESERVED.iter().any(begins)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn follows_the_contract() {
        for (key, name) in [
            ("plain", "plain"),
            ("a-b", "_a_b"),
            ("x.y", "_x_y"),
            ("1key", "_1key"),
            ("1key!", "__1key_"),
            ("1-key", "_1_key"),
            ("a-b!", "__a_b_"),
            ("_TABLE_-foo", "___TABLE__foo"),
            ("é", "__"),
            ("", "_"),
            ("_private", "_private"),
            (".ROOT__", "___ROOT__"),
        ] {
            assert_eq!(sanitise(key.into()), name, "{key}");
        }
        let long = sanitise("k".repeat(300).into());
        assert_eq!(long, format!("_{}", "k".repeat(128)));
    }

    proptest! {
        #[test]
        fn gives_names_that_stay(
            key in "[-._1]{0,2}(ROOT__|TABLE_|PARTITION)?[a-z.é-]{0,4}|[_.-]?(ROOT__)?[a-z]{110,200}|.{0,200}"
        ) {
            let name = sanitise(key.into());
            prop_assert!(!name.is_empty() && name.len() <= 129);
            prop_assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
            prop_assert!(is_fit(&name), "{}", name);
        }
    }
}
