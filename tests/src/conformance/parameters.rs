//! Parameters of a query.

use serde_json::Value;
use translate::{OutputType, Parameter, Parameters};

use super::types::Type;

/// The parameters of a case as the translator takes them.
///
/// # Errors
/// What is wrong with the parameters.
pub(super) fn bind(parameters: Option<&Value>) -> Result<Parameters, String> {
    let mut bound = Parameters::default();
    let Some(parameters) = parameters else { return Ok(bound) };
    let positional = parameters.get("mode").and_then(Value::as_str) == Some("positional");
    let list = parameters.get("parameters").and_then(Value::as_array);
    for parameter in list.into_iter().flatten() {
        let ty = parameter.get("type").and_then(Type::of_parameter).and_then(|ty| type_of(&ty));
        let ty = ty.ok_or("a parameter needs a `type`")?;
        let value = parameter.get("value").cloned().unwrap_or(Value::Null);
        let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default();
        if positional {
            bound.positional.push(Parameter { ty, value });
        } else {
            bound.named.insert(name.to_owned(), Parameter { ty, value });
        }
    }
    Ok(bound)
}

fn type_of(ty: &Type) -> Option<OutputType> {
    Some(match ty {
        Type::Bool => OutputType::Bool,
        Type::Int64 => OutputType::Int64,
        Type::Float64 => OutputType::Float64,
        Type::Numeric => OutputType::Numeric,
        Type::BigNumeric => OutputType::BigNumeric,
        Type::String => OutputType::String,
        Type::Bytes => OutputType::Bytes,
        Type::Date => OutputType::Date,
        Type::Datetime => OutputType::Datetime,
        Type::Time => OutputType::Time,
        Type::Timestamp => OutputType::Timestamp,
        Type::Interval => OutputType::Interval,
        Type::Json => OutputType::Json,
        Type::Array(element) => OutputType::Array(Box::new(type_of(element)?)),
        Type::Struct(fields) => {
            let fields = fields.iter().map(|(name, ty)| Some((name.clone(), type_of(ty)?)));
            OutputType::Struct(fields.collect::<Option<_>>()?)
        }
        Type::Other(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_keep_their_types() {
        let named = json!({"mode": "named", "parameters": [
            {"name": "s", "type": "STRING", "value": "x"},
            {"name": "list", "type": {"type": "ARRAY", "arrayType": {"type": "INT64"}}, "value": [1, 2]},
            {"name": "r", "type": {"type": "STRUCT", "structTypes": [{"name": "a", "type": "STRING"}]}, "value": {"a": "é"}},
        ]});
        let bound = bind(Some(&named)).unwrap();
        assert_eq!(bound.named["s"], Parameter::text("x"));
        let list =
            Parameter { ty: OutputType::Array(Box::new(OutputType::Int64)), value: json!([1, 2]) };
        assert_eq!(bound.named["list"], list);
        let ty = OutputType::Struct(vec![("a".to_owned(), OutputType::String)]);
        assert_eq!(bound.named["r"], Parameter { ty, value: json!({"a": "é"}) });
        let positional =
            json!({"mode": "positional", "parameters": [{"type": "DATE", "value": null}]});
        let date = Parameter { ty: OutputType::Date, value: Value::Null };
        assert_eq!(bind(Some(&positional)).unwrap().positional, [date]);
        assert!(bind(Some(&json!({"parameters": [{"value": 1}]}))).is_err());
        assert_eq!(bind(None).unwrap(), Parameters::default());
    }
}
