//! What jobs in BigQuery are told apart by on bills.

use std::collections::BTreeMap;

use store::Endpoint;

use crate::parameters::Parameters;

/// Labels that a caller gives: `key=value`, by commas.
pub(crate) const HEADER: &str = "lf-endpoint-labels";

/// The labels of an endpoint's job: what its own `labels` say, which are `key=value`,
/// `key=@parameter`, or `key` whose value the caller gives in the [`HEADER`].
pub(crate) fn of(
    endpoint: &Endpoint,
    parameters: &Parameters,
    header: Option<&str>,
) -> BTreeMap<String, String> {
    let given: BTreeMap<&str, &str> =
        pairs(header.unwrap_or_default()).filter_map(|(key, value)| Some((key, value?))).collect();
    let value = |(key, value): (&str, Option<&str>)| {
        let value = match value {
            None => given.get(key).copied(),
            Some(fixed) => match fixed.strip_prefix('@') {
                Some(parameter) => parameters.get(parameter),
                None => Some(fixed),
            },
        };
        Some((key.to_owned(), value?.to_owned()))
    };
    let mut labels: BTreeMap<String, String> =
        pairs(endpoint.labels.as_deref().unwrap_or_default()).filter_map(value).collect();
    labels.insert("managed_by".to_owned(), "logweir".to_owned());
    labels.insert("endpoint_id".to_owned(), endpoint.id.to_string());
    labels
}

fn pairs(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let pair = |part| match str::split_once(part, '=') {
        Some((key, value)) => (key.trim(), Some(value.trim())),
        None => (part.trim(), None),
    };
    text.split(',').map(pair).filter(|(key, _)| !key.is_empty())
}
