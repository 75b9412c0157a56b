//! What kind of value was met at a path.

use std::{fmt, str::FromStr};

use crate::Value;

/// A kind of value, as events carry them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum FieldKind {
    /// `true`, `false`
    Bool,
    /// A number written as a whole one that fits 64 bits.
    Int64,
    /// Any other number.
    Float64,
    /// A string.
    String,
    /// An object.
    Object,
    /// A list.
    Array,
}

/// A name that no kind has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no kind of value, write one of bool, int64, float64, string, object, array")]
pub struct UnknownKind(String);

impl FieldKind {
    /// All of them, in their order.
    pub const ALL: [Self; 6] =
        [Self::Bool, Self::Int64, Self::Float64, Self::String, Self::Object, Self::Array];

    /// The kind of a value, None for null.
    pub fn of(value: &Value<'_>) -> Option<Self> {
        Some(match value {
            Value::Null => return None,
            Value::Bool(_) => Self::Bool,
            Value::Number(number) if is_int64(number) => Self::Int64,
            Value::Number(_) => Self::Float64,
            Value::String(_) => Self::String,
            Value::Object(_) => Self::Object,
            Value::Array(_) => Self::Array,
        })
    }

    /// Its name: `bool`, `int64`, `float64`, `string`, `object`, `array`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int64 => "int64",
            Self::Float64 => "float64",
            Self::String => "string",
            Self::Object => "object",
            Self::Array => "array",
        }
    }
}

fn is_int64(number: &str) -> bool {
    // As most numbers are: shorter than the longest.
    (number.len() <= 18 && number.bytes().all(|byte| byte.is_ascii_digit()))
        || number.parse::<i64>().is_ok()
}

impl fmt::Display for FieldKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for FieldKind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        let kind = Self::ALL.into_iter().find(|kind| kind.as_str() == name);
        kind.ok_or_else(|| UnknownKind(name.chars().take(100).collect()))
    }
}

/// A set of kinds.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Kinds(u8);

impl Kinds {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const ALL: Self = Self(0b11_1111);

    pub(crate) const fn of(kind: FieldKind) -> Self {
        Self(1 << kind as u8)
    }

    pub(crate) const fn and(self, kind: FieldKind) -> Self {
        Self(self.0 | Self::of(kind).0)
    }

    pub(crate) const fn without(self, kind: FieldKind) -> Self {
        Self(self.0 & !Self::of(kind).0)
    }

    pub(crate) const fn contains(self, kind: FieldKind) -> bool {
        self.0 & Self::of(kind).0 != 0
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// In their order.
    pub(crate) fn iter(self) -> impl Iterator<Item = FieldKind> {
        FieldKind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }

    /// The one kind, where there is only one.
    pub(crate) fn single(self) -> Option<FieldKind> {
        let mut kinds = self.iter();
        kinds.next().filter(|_| kinds.next().is_none())
    }
}

impl fmt::Debug for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    #[test]
    fn values_have_kinds() {
        for (text, kind) in [
            ("true", "bool"),
            ("0", "int64"),
            ("-9223372036854775808", "int64"),
            ("9223372036854775807", "int64"),
            ("9223372036854775808", "float64"),
            ("5.0", "float64"),
            ("1e3", "float64"),
            ("-1E400", "float64"),
            ("\"5\"", "string"),
            ("{}", "object"),
            ("[]", "array"),
        ] {
            let found = FieldKind::of(&parse(text).unwrap()).unwrap();
            assert_eq!(found.to_string(), kind, "{text}");
            assert_eq!(kind.parse(), Ok(found));
        }
        assert_eq!(FieldKind::of(&Value::Null), None);
        let error = "Int64".parse::<FieldKind>().unwrap_err();
        assert!(error.to_string().starts_with("`Int64` is no kind of value"));
    }

    #[test]
    fn sets_of_kinds() {
        use FieldKind::{Array, Bool, Int64, String};

        let all = FieldKind::ALL.into_iter().fold(Kinds::NONE, Kinds::and);
        assert_eq!(all, Kinds::ALL);
        let kinds = Kinds::of(String).and(Bool).and(Array).without(Array);
        assert_eq!(kinds.iter().collect::<Vec<_>>(), [Bool, String]);
        assert!(kinds.contains(Bool) && !kinds.contains(Int64) && !kinds.is_empty());
        assert_eq!((kinds.single(), kinds.without(Bool).single()), (None, Some(String)));
        assert_eq!(Kinds::NONE.single(), None);
    }
}
