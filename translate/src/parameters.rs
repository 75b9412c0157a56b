//! What a query is given for `@name` and `?`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::OutputType;

/// The parameters of a query. A named one that is not here is a NULL of type STRING.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parameters {
    /// For `@name`, in any case.
    pub named: BTreeMap<String, Parameter>,
    /// For each `?`, in order.
    pub positional: Vec<Parameter>,
}

/// A parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// BigQuery's type.
    pub ty: OutputType,
    /// The value as BigQuery's REST interface takes it: numbers and truth values may be text, BYTES
    /// are base64, an ARRAY is a list, a STRUCT an object or a list, all others are text.
    pub value: Value,
}

impl Parameter {
    /// A STRING.
    pub fn text(text: impl Into<String>) -> Self {
        Self { ty: OutputType::String, value: Value::String(text.into()) }
    }
}

impl Parameters {
    pub(crate) fn named(&self, name: &str) -> Option<&Parameter> {
        self.named.get(name).or_else(|| {
            let mut all = self.named.iter();
            all.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        })
    }
}

impl FromIterator<(String, String)> for Parameters {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(texts: I) -> Self {
        let named = texts.into_iter().map(|(name, text)| (name, Parameter::text(text)));
        Self { named: named.collect(), positional: Vec::new() }
    }
}

impl From<&BTreeMap<String, String>> for Parameters {
    fn from(texts: &BTreeMap<String, String>) -> Self {
        texts.iter().map(|(name, text)| (name.clone(), text.clone())).collect()
    }
}
