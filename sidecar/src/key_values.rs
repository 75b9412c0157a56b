//! Values by key, with which events are enriched: listed, put, removed.

use serde_json::{Map, Value, json};
use store::{KeyValue, Store, TooManyKeyValues};
use warp::http::Method;

use crate::{
    answer::Answer,
    call::Call,
    operation::{Needs, Operation, Shape},
    refusal::Refusal,
    resource::{COUNT, For, Kind, Resource, TEXT, required, set, shown},
};

static KEY_VALUE: Resource = Resource {
    name: "KeyValue",
    fields: &[
        shown("id", COUNT, "Number of the key."),
        required("key", Kind::Text(1024), "The key. Unique."),
        required("value", Kind::Object, "The value."),
    ],
};

/// Most keys, or values, that are named at once: as many as there may be.
const MOST_SELECTED: usize = 100_000;

static SELECTION: Resource = Resource {
    name: "KeyValueSelection",
    fields: &[
        set("keys", Kind::Texts(MOST_SELECTED), "Keys to remove, or"),
        set(
            "values",
            Kind::Texts(MOST_SELECTED),
            "values to remove the keys of, as text or numbers;",
        ),
        set("accessor", Kind::Text(1024), "then the path at which they stand: `organization.id`."),
    ],
};

static INSERTED: Resource = Resource {
    name: "KeyValuesInserted",
    fields: &[required("inserted_count", COUNT, "How many keys were given.")],
};

static DELETED: Resource = Resource {
    name: "KeyValuesDeleted",
    fields: &[required("deleted_count", COUNT, "How many keys were removed.")],
};

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        method: Method::GET,
        path: "/api/key-values",
        needs: Needs::Management,
        summary: "List key-values, at most 500",
        parameters: &[set("key", TEXT, "Only this key")],
        body: Shape::Nothing,
        answers: &[(200, Shape::List(&KEY_VALUE))],
        run: |call| Box::pin(list(call)),
    },
    Operation {
        method: Method::POST,
        path: "/api/key-values",
        needs: Needs::Management,
        summary: "Put key-values, at most 100,000 and 32 MiB in all",
        parameters: &[],
        body: Shape::List(&KEY_VALUE),
        answers: &[(201, Shape::One(&INSERTED))],
        run: |call| Box::pin(put(call)),
    },
    Operation {
        method: Method::DELETE,
        path: "/api/key-values",
        needs: Needs::Management,
        summary: "Remove key-values by their keys, or by what their values hold",
        parameters: &[],
        body: Shape::One(&SELECTION),
        answers: &[(200, Shape::One(&DELETED))],
        run: |call| Box::pin(delete(call)),
    },
];

async fn list(call: Call) -> Result<Answer, Refusal> {
    // As the keys are kept.
    let key = call.parameters.get("key").map(str::trim);
    let found = call.store.key_values(key).await?;
    let shown =
        |KeyValue { id, key, value }: KeyValue| json!({ "id": id, "key": key, "value": value });
    Ok(Answer::Found(found.into_iter().map(shown).collect()))
}

async fn put(call: Call) -> Result<Answer, Refusal> {
    let Value::Array(given) = call.json()? else {
        return Err(Refusal::Body("it is not a JSON array".to_owned()));
    };
    let mut values = Map::new();
    for (at, element) in given.iter().enumerate() {
        let Value::Object(fields) = element else {
            return Err(Refusal::Body(format!("element {at} is not a JSON object")));
        };
        let mut fields = KEY_VALUE.read(fields, For::Creation)?;
        if let (Some(Value::String(key)), Some(value)) =
            (fields.remove("key"), fields.remove("value"))
        {
            values.insert(key, value);
        }
    }
    let most = usize::try_from(Store::MOST_KEY_VALUES).unwrap_or(usize::MAX);
    let count = match values.len() {
        0 => 0,
        // Postgres need not be asked.
        count if count > most => {
            return Err(TooManyKeyValues::Limit(Store::MOST_KEY_VALUES).into());
        }
        _ => call.store.put_key_values(&call.actor()?, values).await?,
    };
    Ok(Answer::Created(json!({ "inserted_count": count })))
}

async fn delete(call: Call) -> Result<Answer, Refusal> {
    let given = SELECTION.read(&call.object()?, For::Update)?;
    let (store, actor) = (&call.store, call.actor()?);
    let accessor = given.get("accessor").and_then(Value::as_str);
    let count = match (texts(&given, "keys")?, texts(&given, "values")?, accessor) {
        (Some(keys), None, _) => {
            let keys: Vec<_> = keys.iter().map(|key| key.trim().to_owned()).collect();
            store.delete_keys(&actor, &keys).await?
        }
        (None, Some(values), Some(accessor)) => {
            store.delete_keys_with(&actor, &path(accessor), &values).await?
        }
        (None, Some(_), None) => {
            let text = "`values` need an `accessor`: the path at which they stand";
            return Err(Refusal::Request(text.to_owned()));
        }
        _ => {
            let text = "give either `keys`, or `values` with an `accessor`";
            return Err(Refusal::Request(text.to_owned()));
        }
    };
    Ok(Answer::Found(json!({ "deleted_count": count })))
}

/// `organization.id`, also as JSONPath writes it: `$.organization.id`
fn path(accessor: &str) -> Vec<&str> {
    accessor.strip_prefix("$.").unwrap_or(accessor).split('.').collect()
}

/// A list of text, of numbers and the like as their text.
fn texts(given: &Map<String, Value>, field: &str) -> Result<Option<Vec<String>>, Refusal> {
    let Some(Value::Array(values)) = given.get(field) else { return Ok(None) };
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        _ => Err(Refusal::Request(format!("`{field}` holds something other than text"))),
    };
    values.iter().map(text).collect::<Result<_, _>>().map(Some)
}

impl From<TooManyKeyValues> for Refusal {
    fn from(error: TooManyKeyValues) -> Self {
        match error {
            TooManyKeyValues::Limit(_) | TooManyKeyValues::Bytes(_) => {
                Self::Request(error.to_string())
            }
            TooManyKeyValues::Change(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_keys_can_be_named_at_once() {
        assert_eq!(i64::try_from(MOST_SELECTED), Ok(Store::MOST_KEY_VALUES));
    }

    #[test]
    fn accessors_are_paths() {
        assert_eq!(path("a"), ["a"]);
        assert_eq!(path("a.b.c"), ["a", "b", "c"]);
        assert_eq!(path("$.a.b"), ["a", "b"]);
    }
}
