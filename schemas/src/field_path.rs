//! Where a field is: `metadata.context[].host`.

use std::{borrow::Borrow, fmt, str::FromStr};

/// Longest path, in bytes. The catalog has an index over them, and an index takes no more than
/// about 2,700 bytes.
const MAX_BYTES: usize = 1024;

/// The path of a field as text: names of fields with `.` between, `[]` for the elements of a list.
///
/// Names hold letters, digits and `_` only, as those of normalised events do, so that the text says
/// one thing. `a` comes before `a.b` and `a[]` in their order. At most 1,024 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(String);

/// One step of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathStep<'p> {
    /// Into the field of this name.
    Field(&'p str),
    /// Into the elements of a list.
    Element,
}

/// A text that is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the path of a field, write it like metadata.context[].host")]
pub struct NotAPath(String);

impl FieldPath {
    /// The path of these steps. None where they begin with an element, where a name holds other
    /// characters, and where it gets too long.
    pub fn of<'s>(steps: impl IntoIterator<Item = PathStep<'s>>) -> Option<Self> {
        let mut path = String::new();
        for step in steps {
            match step {
                PathStep::Element if path.is_empty() => return None,
                PathStep::Element => path.push_str("[]"),
                PathStep::Field(name) if is_name(name) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(name);
                }
                PathStep::Field(_) => return None,
            }
            if path.len() > MAX_BYTES {
                return None;
            }
        }
        (!path.is_empty()).then_some(Self(path))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The steps from the event down.
    pub fn steps(&self) -> impl Iterator<Item = PathStep<'_>> {
        steps(&self.0)
    }
}

/// The steps of a text, whatever it is.
fn steps(path: &str) -> impl Iterator<Item = PathStep<'_>> {
    path.split('.').flat_map(|part| {
        let name = part.trim_end_matches("[]");
        let elements = (part.len() - name.len()) / 2;
        std::iter::once(PathStep::Field(name))
            .chain(std::iter::repeat_n(PathStep::Element, elements))
    })
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl FromStr for FieldPath {
    type Err = NotAPath;

    fn from_str(text: &str) -> Result<Self, NotAPath> {
        Self::of(steps(text)).ok_or_else(|| NotAPath(text.chars().take(100).collect()))
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for FieldPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::PathStep::{Element, Field};
    use super::*;

    #[test]
    fn is_written_and_read() {
        for (text, steps) in [
            ("a", &[Field("a")][..]),
            (
                "metadata.context[].host",
                &[Field("metadata"), Field("context"), Element, Field("host")],
            ),
            ("_1[][]", &[Field("_1"), Element, Element]),
        ] {
            let path: FieldPath = text.parse().unwrap();
            assert_eq!(path.steps().collect::<Vec<_>>(), steps);
            assert_eq!(FieldPath::of(steps.iter().copied()).unwrap(), path);
            assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn is_nothing_else() {
        for text in
            ["", ".", "a.", ".a", "a..b", "[]", "[].a", "a.[]", "a[", "a[]b", "a[0]", "é", "a b"]
        {
            let error = text.parse::<FieldPath>().unwrap_err().to_string();
            assert_eq!(
                error,
                format!(
                    "`{text}` is not the path of a field, write it like metadata.context[].host"
                )
            );
        }
        assert!("a".repeat(MAX_BYTES).parse::<FieldPath>().is_ok());
        assert!(
            "a".repeat(MAX_BYTES + 1).parse::<FieldPath>().unwrap_err().to_string().len() < 200
        );
        assert_eq!(FieldPath::of([]), None);
        assert_eq!(FieldPath::of([Element]), None);
        assert_eq!(FieldPath::of([Field("a.b")]), None);
    }

    proptest! {
        #[test]
        fn steps_and_text_agree(text in "[a_0.\\[\\]]{0,12}") {
            if let Ok(path) = text.parse::<FieldPath>() {
                prop_assert_eq!(path.as_str(), &text);
                prop_assert_eq!(FieldPath::of(path.steps()), Some(path));
            }
        }

        #[test]
        fn parents_come_first(parent in "[a-zA-Z0_]{1,3}(\\[\\]|[.][a-z]){0,3}", more in "\\[\\]|[.][a-z]") {
            let child: FieldPath = format!("{parent}{more}").parse().unwrap();
            prop_assert!(parent.parse::<FieldPath>().unwrap() < child);
        }
    }
}
