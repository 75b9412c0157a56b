//! `http` sinks: where they send, and as what.

use std::collections::BTreeMap;

use chrono::format::{Item, StrftimeItems};
use serde_json::{Map, Value as Json};
use vrl::value::Value;

use crate::{
    configuration::{Component, text},
    encoding::{Codec, Encoding},
    template::Template,
};

/// A sink that sends to an analytics server.
#[derive(Debug)]
pub(crate) struct HttpSink {
    pub(crate) uri: Template,
    /// By their names in lower case.
    pub(crate) headers: BTreeMap<String, Template>,
    pub(crate) encoding: Encoding,
}

/// Where an event goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Destination {
    /// A source by its name.
    Source(String),
    /// A source by its token: which one it is only the server knows.
    Token(String),
    /// The request names no source.
    Unnamed,
    /// The event lacks a field that the request needs: Vector drops it.
    Unrendered,
}

/// What an `http` sink may be told; anything else is an error.
const OPTIONS: [&str; 19] = [
    "acknowledgements",
    "auth",
    "batch",
    "buffer",
    "compression",
    "dangerously_allow_unconfined_template_resolution",
    "encoding",
    "framing",
    "graph",
    "headers",
    "healthcheck",
    "healthcheck_uri",
    "method",
    "payload_prefix",
    "payload_suffix",
    "proxy",
    "request",
    "retry_strategy",
    "tls",
];

impl HttpSink {
    /// Reads a sink; `None` where it sends to something else than an analytics server.
    ///
    /// # Errors
    /// What Vector would refuse.
    pub(crate) fn new(component: &Component) -> Result<Option<Self>, String> {
        if component.kind != "http" {
            return Ok(None);
        }
        let options = &component.options;
        if let Some(name) =
            options.keys().find(|name| *name != "uri" && !OPTIONS.contains(&name.as_str()))
        {
            return Err(format!("unknown field `{name}`"));
        }
        let uri = text(options.get("uri")).ok_or("missing field `uri`")?;
        // Vector reads `%` as the beginning of a part of the time, and has no way to write it.
        if StrftimeItems::new(&uri).any(|item| item == Item::Error) {
            return Err(format!("`uri`: invalid strftime item in {uri:?}"));
        }
        let encoding = Encoding::new(options)?;
        if !is_analytics(&uri) {
            return Ok(None);
        }
        let headers = headers(options);
        Ok(Some(Self { uri: Template::new(uri), headers, encoding }))
    }

    /// Which source an event goes to. As the server reads a request: the query string comes first,
    /// then the path, then the headers.
    pub(crate) fn destination(&self, event: &Value) -> Destination {
        let Some(uri) = self.uri.rendered(event) else { return Destination::Unrendered };
        let mut headers = BTreeMap::new();
        for (name, value) in &self.headers {
            let Some(value) = value.rendered(event) else { return Destination::Unrendered };
            headers.insert(name.as_str(), value);
        }
        let Ok(url) = url::Url::parse(&uri) else { return Destination::Unnamed };
        let query: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        let asked = |name: &str| query.get(name).cloned();
        let header = |name: &str| headers.get(name).cloned();
        let first =
            |named: [Option<String>; 2]| named.into_iter().flatten().find(|v| !v.is_empty());
        let named = first(["source_name", "collection_name"].map(asked));
        let given = first(["source", "collection"].map(asked)).or_else(|| in_path(url.path()));
        let route = named.map(Destination::Source).or(given.map(name_or_token));
        let route = route
            .or_else(|| {
                first(["x-source-name", "x-collection-name"].map(header)).map(Destination::Source)
            })
            .or_else(|| first(["x-source", "x-collection"].map(header)).map(name_or_token));
        route.unwrap_or(Destination::Unnamed)
    }

    /// Where all events go, when that does not depend on them.
    pub(crate) fn fixed_destination(&self) -> Option<Destination> {
        let templated = self.uri.has_fields() || self.headers.values().any(Template::has_fields);
        (!templated).then(|| self.destination(&Value::Null))
    }

    /// What cannot be told of what it sends.
    pub(crate) fn note(&self) -> Option<String> {
        match &self.encoding.codec {
            Codec::Other(name) => {
                Some(format!("codec `{name}` is not executed: what it sends is not checked"))
            }
            Codec::Json { .. } | Codec::NativeJson | Codec::Native | Codec::Text => None,
        }
    }
}

fn name_or_token(text: String) -> Destination {
    let is_token = text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    if is_token { Destination::Token(text) } else { Destination::Source(text) }
}

/// The path of a URI, which may be a template.
fn path(uri: &str) -> &str {
    let after_scheme = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let path = after_scheme.find('/').and_then(|at| after_scheme.get(at..)).unwrap_or("/");
    path.split(['?', '#']).next().unwrap_or(path)
}

/// Whether a path is one that an analytics server takes events at.
fn is_analytics(uri: &str) -> bool {
    let path = path(uri).trim_end_matches('/');
    ["/logs", "/api/logs", "/api/events"].iter().any(|place| {
        path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// The source that a path names: what follows `/api/logs/`.
fn in_path(path: &str) -> Option<String> {
    let path = path.trim_end_matches('/');
    let rest = ["/logs/", "/api/logs/", "/api/events/"]
        .iter()
        .find_map(|place| path.strip_prefix(place))?;
    (!rest.is_empty() && !rest.contains('/')).then(|| {
        let pairs = format!("s={}", rest.replace('+', "%2B"));
        url::form_urlencoded::parse(pairs.as_bytes())
            .next()
            .map_or_else(|| rest.to_owned(), |(_, name)| name.into_owned())
    })
}

fn headers(options: &Map<String, Json>) -> BTreeMap<String, Template> {
    let request = options.get("request").and_then(|request| request.get("headers"));
    let tables = [options.get("headers"), request].into_iter().flatten();
    tables
        .filter_map(Json::as_object)
        .flatten()
        .filter_map(|(name, value)| {
            Some((name.to_ascii_lowercase(), Template::new(value.as_str()?)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use vrl::value;

    use super::*;
    use crate::configuration::Role;

    fn sink(mut options: Json) -> Result<Option<HttpSink>, String> {
        if options.get("encoding").is_none() {
            options["encoding"] = json!({"codec": "json"});
        }
        let Json::Object(options) = options else { panic!("a table") };
        HttpSink::new(&Component {
            id: "it".to_owned(),
            role: Role::Sink,
            kind: "http".to_owned(),
            inputs: Vec::new(),
            options,
        })
    }

    fn source(name: &str) -> Destination {
        Destination::Source(name.to_owned())
    }

    #[test]
    fn a_request_names_its_source_in_many_ways() {
        let token = "0d4fcd3b-6d70-4d9c-8c5d-8a7f2b8a1a11";
        let event = value!({"to": "postgres.logs"});
        for (options, expected) in [
            (
                json!({"uri": "http://a:4000/api/logs?source_name=postgres.logs"}),
                source("postgres.logs"),
            ),
            (json!({"uri": "http://a/logs?collection_name=x"}), source("x")),
            (
                json!({"uri": format!("http://a/api/logs?source={token}")}),
                Destination::Token(token.to_owned()),
            ),
            (json!({"uri": "http://a/api/events?source=x"}), source("x")),
            (json!({"uri": "http://a/api/logs/postgres.logs/"}), source("postgres.logs")),
            (json!({"uri": "http://a/api/logs/{{ to }}"}), source("postgres.logs")),
            (json!({"uri": "http://a/api/logs/x?source_name=y"}), source("y")),
            (
                json!({"uri": "http://a/api/logs",
                "request": {"headers": {"X-Source-Name": "{{ to }}"}}}),
                source("postgres.logs"),
            ),
            (
                json!({"uri": "http://a/api/logs", "request": {"headers": {"x-source": token}}}),
                Destination::Token(token.to_owned()),
            ),
            (json!({"uri": "http://a/api/logs"}), Destination::Unnamed),
            (json!({"uri": "http://a/api/logs/{{ none }}"}), Destination::Unrendered),
        ] {
            let sink = sink(options.clone()).unwrap().unwrap();
            assert_eq!(sink.destination(&event), expected, "{options}");
        }
    }

    #[test]
    fn other_servers_are_left_alone() {
        for uri in ["http://a", "http://a/ingest", "http://a/api/logsx", "http://a/v2/logs"] {
            assert!(sink(json!({"uri": uri})).unwrap().is_none(), "{uri}");
        }
        assert!(sink(json!({"uri": "http://a/api/logs?x"})).unwrap().is_some());
    }

    #[test]
    fn what_vector_refuses_is_refused() {
        for (options, expected) in [
            (json!({}), "missing field `uri`"),
            (json!({"uri": "http://a/logs", "retries": 3}), "unknown field `retries`"),
            (json!({"uri": "http://a/logs", "encoding": {}}), "missing field `codec`"),
            (
                json!({"uri": "http://a/logs?source_name=my%20own"}),
                "`uri`: invalid strftime item in \"http://a/logs?source_name=my%20own\"",
            ),
        ] {
            assert_eq!(sink(options.clone()).err().as_deref(), Some(expected), "{options}");
        }
    }
}
