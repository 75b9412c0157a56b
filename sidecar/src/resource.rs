//! Things that are managed as declarations: their fields, what may be set, and what it may be.
//!
//! One declaration reads what people send, and documents it.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::refusal::{FieldErrors, Refusal};

/// A kind of thing: a source, an endpoint …
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    /// Its name in the documentation: `Source`.
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [Field],
}

/// A field of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) access: Access,
    /// What it says; where it is not given, what then holds.
    pub(crate) doc: &'static str,
    /// A value that can be given, as JSON, where not any one can; empty without.
    pub(crate) example: &'static str,
}

impl Field {
    /// The same with an example: JSON.
    pub(crate) const fn such_as(self, example: &'static str) -> Self {
        Self { example, ..self }
    }

    /// The same with another access.
    pub(crate) const fn with(self, access: Access) -> Self {
        Self { access, ..self }
    }
}

/// What a field's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text of at most so many bytes; what surrounds it in blanks is cut off.
    Text(usize),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A number from … to …
    Integer(i64, i64),
    /// Number of another thing. Where there is none, that is not found.
    Id,
    /// Numbers of other things, at most so many, never `null`.
    Ids(usize),
    /// `true` or `false`.
    Bool,
    /// A UUID as text.
    Uuid,
    /// An RFC 3339 time.
    Time,
    /// A JSON object.
    Object,
    /// A JSON array of these things; what each of them is, is not looked at here.
    ListOf(&'static Resource),
    /// A JSON array of text, numbers, `true` and `false`, at most so many.
    Texts(usize),
    /// A JSON array of text.
    Strings,
    /// A JSON array of objects with these fields, all of which may be missing. Where there is one it
    /// may stand without the array.
    Objects(&'static [Field]),
    /// Any JSON.
    Any,
}

/// Who may set a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nobody: what is given is passed over.
    Shown,
    /// Anybody who manages; `null` takes it away.
    Set,
    /// The same, and it has to be there.
    Required,
    /// The same as `Set`, but only when the thing is made.
    SetOnce,
    /// It may be set and is never shown.
    Secret,
    /// As `Shown`, where there is something to show.
    AtTimes,
}

/// A field that anybody who manages may set.
pub(crate) const fn set(name: &'static str, kind: Kind, doc: &'static str) -> Field {
    field(name, kind, Access::Set, doc)
}

/// A field that has to be there.
pub(crate) const fn required(name: &'static str, kind: Kind, doc: &'static str) -> Field {
    field(name, kind, Access::Required, doc)
}

/// A field that is only shown.
pub(crate) const fn shown(name: &'static str, kind: Kind, doc: &'static str) -> Field {
    field(name, kind, Access::Shown, doc)
}

/// A field that may be set when the thing is made.
pub(crate) const fn set_once(name: &'static str, kind: Kind, doc: &'static str) -> Field {
    field(name, kind, Access::SetOnce, doc)
}

const fn field(name: &'static str, kind: Kind, access: Access, doc: &'static str) -> Field {
    Field { name, kind, access, doc, example: "" }
}

/// Most bytes of text where nothing else is said.
pub(crate) const TEXT: Kind = Kind::Text(1 << 16);

/// Most bytes of an object or a list, as JSON.
const MAX_JSON: usize = 256 << 10;

/// Largest number where nothing else is said.
pub(crate) const COUNT: Kind = Kind::Integer(0, i32::MAX as i64);

/// Whether a thing is made or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    Creation,
    Update,
}

impl Resource {
    /// What of `given` may be set, every value of its kind. Fields that nobody knows, or that may not
    /// be set, are passed over, as in Logflare.
    pub(crate) fn read(
        &self,
        given: &Map<String, Value>,
        what_for: For,
    ) -> Result<Map<String, Value>, Refusal> {
        let mut read = Map::new();
        let mut errors = FieldErrors::default();
        for field in self.fields {
            match (field.access, what_for) {
                (Access::Shown | Access::AtTimes, _) | (Access::SetOnce, For::Update) => continue,
                _ => {}
            }
            let is_required = field.access == Access::Required;
            let Some(value) = given.get(field.name) else {
                if is_required && what_for == For::Creation {
                    errors.add(field.name, "can't be blank");
                }
                continue;
            };
            match field.kind.read(value) {
                Ok(Value::Null) if is_required => errors.add(field.name, "can't be blank"),
                Ok(value) => drop(read.insert(field.name.to_owned(), value)),
                Err(text) => errors.add(field.name, text),
            }
        }
        errors.into_result().map(|()| read)
    }
}

impl Kind {
    /// The value as this kind; `null` for one that is empty. Else what is wrong with it.
    pub(crate) fn read(self, value: &Value) -> Result<Value, String> {
        let invalid = || Err("is invalid".to_owned());
        match (self, value) {
            (_, Value::Null) => Ok(Value::Null),
            // Before anything is done with each.
            (Self::Ids(most) | Self::Texts(most), Value::Array(elements))
                if elements.len() > most =>
            {
                Err(format!("should have at most {most} item(s)"))
            }
            // PostgreSQL takes none, neither in text nor in JSON.
            (
                Self::Object | Self::ListOf(_) | Self::Texts(_) | Self::Strings | Self::Any,
                value,
            ) if has_nul(value) => Err("must not contain a NUL".to_owned()),
            (Self::Text(max), Value::String(text)) => {
                let text = text.trim();
                match text {
                    "" => Ok(Value::Null),
                    _ if text.contains('\0') => Err("must not contain a NUL".to_owned()),
                    _ if text.len() > max => Err(format!("should be at most {max} byte(s)")),
                    _ => Ok(text.into()),
                }
            }
            (Self::OneOf(words), Value::String(text)) if words.contains(&text.as_str()) => {
                Ok(value.clone())
            }
            (Self::OneOf(words), Value::String(_)) => {
                Err(format!("is invalid; it is one of {}", words.join(", ")))
            }
            (Self::Id, value) => Self::Integer(1, i64::MAX).read(value),
            (Self::Integer(from, to), Value::Number(_) | Value::String(_)) => {
                let number = match value {
                    Value::String(text) => text.trim().parse().ok(),
                    number => number.as_i64(),
                };
                match number {
                    None => invalid(),
                    Some(number) if number < from => {
                        Err(format!("must be greater than or equal to {from}"))
                    }
                    Some(number) if number > to => {
                        Err(format!("must be less than or equal to {to}"))
                    }
                    Some(number) => Ok(number.into()),
                }
            }
            // It is kept whole with each change of the thing.
            (Self::Object, Value::Object(_))
            | (Self::Strings, Value::Array(_))
            | (Self::Objects(_), Value::Array(_) | Value::Object(_))
                if value.to_string().len() > MAX_JSON =>
            {
                Err(format!("should be at most {MAX_JSON} byte(s) of JSON"))
            }
            (Self::Strings, Value::Array(texts)) if !texts.iter().all(Value::is_string) => {
                invalid()
            }
            (Self::Bool, Value::Bool(_)) | (Self::Object, Value::Object(_)) => Ok(value.clone()),
            (Self::Bool, Value::String(text)) => match text.as_str() {
                "true" | "1" => Ok(true.into()),
                "false" | "0" => Ok(false.into()),
                _ => invalid(),
            },
            (Self::Uuid, Value::String(text)) => {
                Uuid::try_parse(text).map_or_else(|_| invalid(), |uuid| Ok(uuid.to_string().into()))
            }
            (Self::ListOf(_) | Self::Texts(_) | Self::Strings | Self::Ids(_), Value::Array(_))
            | (Self::Any, _) => Ok(value.clone()),
            (Self::Objects(fields), Value::Array(objects)) => {
                objects.iter().map(|object| read_object(fields, object)).collect()
            }
            (Self::Objects(fields), Value::Object(_)) => {
                read_object(fields, value).map(|object| Value::Array(vec![object]))
            }
            _ => invalid(),
        }
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| name.contains('\0') || has_nul(value))
        }
        _ => false,
    }
}

/// The fields of an object within a field; what is wrong with the first that cannot be.
fn read_object(fields: &[Field], object: &Value) -> Result<Value, String> {
    let Value::Object(object) = object else { return Err("is invalid".to_owned()) };
    let mut read = Map::new();
    for field in fields {
        let Some(value) = object.get(field.name) else { continue };
        let value = field.kind.read(value).map_err(|error| format!("{} {error}", field.name));
        read.insert(field.name.to_owned(), value?);
    }
    Ok(Value::Object(read))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    static THING: Resource = Resource {
        name: "Thing",
        fields: &[
            required("name", Kind::Text(5), ""),
            set("count", Kind::Integer(1, 10), ""),
            set("on", Kind::Bool, ""),
            set("word", Kind::OneOf(&["a", "b"]), ""),
            set("extra", Kind::Object, ""),
            set_once("token", Kind::Uuid, ""),
            set("parts", Kind::Objects(&[set("size", COUNT, "")]), ""),
            shown("id", COUNT, ""),
        ],
    };

    fn read(given: &Value, what_for: For) -> Result<Value, Value> {
        match THING.read(given.as_object().unwrap(), what_for) {
            Ok(read) => Ok(Value::Object(read)),
            Err(Refusal::Fields(errors)) => Err(json!(errors.0)),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn fields_are_read_as_what_they_are() {
        let token = "0123456789abcdef0123456789abcdef";
        let given = json!({
            "name": " ab ", "count": "7", "on": "true", "word": "b", "token": token, "id": 5,
            "other": 1,
        });
        let with_hyphens = "01234567-89ab-cdef-0123-456789abcdef";
        let mut expected =
            json!({"name": "ab", "count": 7, "on": true, "word": "b", "token": with_hyphens});
        assert_eq!(read(&given, For::Creation), Ok(expected.clone()));
        expected.as_object_mut().unwrap().remove("token");
        assert_eq!(read(&given, For::Update), Ok(expected));
        assert_eq!(read(&json!({"count": null}), For::Update), Ok(json!({"count": null})));
    }

    #[test]
    fn each_field_says_what_is_wrong() {
        let blank = json!({"name": ["can't be blank"]});
        assert_eq!(read(&json!({}), For::Creation), Err(blank.clone()));
        assert_eq!(read(&json!({}), For::Update), Ok(json!({})));
        for name in [json!(""), json!("  "), Value::Null] {
            assert_eq!(read(&json!({"name": name}), For::Update), Err(blank.clone()));
        }
        let given = json!({"name": "abcdef", "count": 11, "on": 1, "word": "c", "token": "x"});
        let expected = json!({
            "name": ["should be at most 5 byte(s)"],
            "count": ["must be less than or equal to 10"],
            "on": ["is invalid"],
            "word": ["is invalid; it is one of a, b"],
            "token": ["is invalid"],
        });
        assert_eq!(read(&given, For::Creation), Err(expected));
        for (parts, expected) in [
            (json!([{"size": 1, "x": 2}, {}]), Ok(json!({"parts": [{"size": 1}, {}]}))),
            (json!([{"size": -1}]), Err("size must be greater than or equal to 0")),
            (json!([1]), Err("is invalid")),
            (json!({"size": 1}), Ok(json!({"parts": [{"size": 1}]}))),
            (json!("x"), Err("is invalid")),
        ] {
            let expected = expected.map_err(|text| json!({"parts": [text]}));
            assert_eq!(read(&json!({"parts": parts}), For::Update), expected);
        }
        for count in [json!(1.5), json!("x"), json!([1]), json!(1e30)] {
            let given = json!({"count": count});
            assert_eq!(read(&given, For::Update), Err(json!({"count": ["is invalid"]})));
        }
        for (field, large) in [
            ("extra", json!({"a": "x".repeat(MAX_JSON)})),
            ("parts", json!(vec![json!({}); MAX_JSON])),
        ] {
            let expected = json!({field: ["should be at most 262144 byte(s) of JSON"]});
            assert!(read(&json!({field: large}), For::Update) == Err(expected), "{field}");
        }
        for (people, is_right) in [
            (json!(["a", "b"]), true),
            (json!([]), true),
            (json!(["a", 5]), false),
            (json!([{"x": 1}]), false),
            (json!("a"), false),
        ] {
            assert_eq!(Kind::Strings.read(&people).is_ok(), is_right, "{people}");
        }
        for kind in [Kind::Texts(2), Kind::Ids(2)] {
            assert!(kind.read(&json!([1, 2])).is_ok(), "{kind:?}");
            let refused = kind.read(&json!([1, 2, 3]));
            assert_eq!(refused, Err("should have at most 2 item(s)".to_owned()), "{kind:?}");
        }
        let given = json!({"count": 0, "name": "a\u{0}b", "extra": {"a": [{"\u{0}": 1}]}});
        let expected = json!({
            "count": ["must be greater than or equal to 1"],
            "name": ["must not contain a NUL"],
            "extra": ["must not contain a NUL"],
        });
        assert_eq!(read(&given, For::Update), Err(expected));
    }
}
