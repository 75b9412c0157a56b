//! Fields of objects. A name may come twice; the last one counts.

use std::borrow::Cow;

use event_schemas::Value;

/// An object's fields in the order of the text.
pub(crate) type Fields<'a> = Vec<(Cow<'a, str>, Value<'a>)>;

/// A field, where there is one.
pub(crate) fn get<'v, 'a>(
    fields: &'v [(Cow<'a, str>, Value<'a>)],
    name: &str,
) -> Option<&'v Value<'a>> {
    fields.iter().rev().find(|(field, _)| field == name).map(|(_, value)| value)
}

/// A field that is a string.
pub(crate) fn text<'v>(fields: &'v [(Cow<'_, str>, Value<'_>)], name: &str) -> Option<&'v str> {
    match get(fields, name)? {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// Removes a field.
pub(crate) fn take<'a>(fields: &mut Fields<'a>, name: &str) -> Option<Value<'a>> {
    let place = fields.iter().rposition(|(field, _)| field == name)?;
    let (_, value) = fields.remove(place);
    fields.retain(|(field, _)| field != name);
    Some(value)
}

/// A field that lies deeper; None also where something on the way is no object.
pub(crate) fn deep<'v, 'a>(
    fields: &'v [(Cow<'a, str>, Value<'a>)],
    path: &[&str],
) -> Option<&'v Value<'a>> {
    let (first, rest) = path.split_first()?;
    match (get(fields, first)?, rest) {
        (value, []) => Some(value),
        (Value::Object(inner), rest) => deep(inner, rest),
        _ => None,
    }
}

/// A value as people read it: a string without quotes, nothing for null, else JSON.
pub(crate) fn shown<'v>(value: Option<&'v Value<'_>>) -> Cow<'v, str> {
    match value {
        None | Some(Value::Null) => Cow::Borrowed(""),
        Some(Value::String(text)) => Cow::Borrowed(text),
        Some(other) => Cow::Owned(other.to_json()),
    }
}

/// A field with a name that is known when this is compiled.
pub(crate) fn named<'a>(name: &'static str, value: Value<'a>) -> (Cow<'a, str>, Value<'a>) {
    (Cow::Borrowed(name), value)
}

/// A string of our own making.
pub(crate) fn string<'a>(text: impl Into<Cow<'a, str>>) -> Value<'a> {
    Value::String(text.into())
}

/// A value that borrows nothing.
pub(crate) fn owned<'a>(value: Value<'_>) -> Value<'a> {
    match value {
        Value::Null => Value::Null,
        Value::Bool(value) => Value::Bool(value),
        Value::Number(number) => Value::Number(Cow::Owned(number.into_owned())),
        Value::String(text) => Value::String(Cow::Owned(text.into_owned())),
        Value::Array(elements) => Value::Array(elements.into_iter().map(owned).collect()),
        Value::Object(fields) => Value::Object(
            fields.into_iter().map(|(name, v)| (Cow::Owned(name.into_owned()), owned(v))).collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use event_schemas::parse;

    use super::*;

    fn object(text: &str) -> Fields<'_> {
        let Value::Object(fields) = parse(text).unwrap() else { panic!("{text}") };
        fields
    }

    #[test]
    fn the_last_of_a_name_counts() {
        let mut fields = object(r#"{"a":1,"b":{"c":["x"]},"a":"2"}"#);
        assert_eq!(text(&fields, "a"), Some("2"));
        assert_eq!(text(&fields, "b"), None);
        assert_eq!(shown(deep(&fields, &["b", "c"])), r#"["x"]"#);
        assert_eq!(shown(deep(&fields, &["a", "c"])), "");
        assert_eq!(take(&mut fields, "a"), Some(string("2")));
        assert_eq!(Value::Object(fields).to_json(), r#"{"b":{"c":["x"]}}"#);
    }
}
