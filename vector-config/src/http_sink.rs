//! `http` sinks: where they send, and as what.

pub(crate) mod options;

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
    /// Where all events go, when that does not depend on them.
    fixed: Option<Destination>,
    /// Vector drops events without a field that one of its headers needs.
    renders: bool,
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

/// Headers that name a source, in the order in which the server looks at them; whether they may hold
/// its token.
const NAMING_HEADERS: [(&str, bool); 4] = [
    ("x-source-name", false),
    ("x-collection-name", false),
    ("x-source", true),
    ("x-collection", true),
];

/// Where an analytics server takes events.
const PLACES: [&str; 3] = ["/logs", "/api/logs", "/api/events"];

/// Where Supabase's gateway passes requests on to it.
const GATEWAY: &str = "/analytics/v1";

/// What follows a place where it is no source, but says how the server understands a body.
const FORMATS: [&str; 12] = [
    "browser/reports",
    "cloud-event",
    "cloudflare",
    "elixir/logger",
    "erlang",
    "github",
    "json",
    "netlify",
    "syslog",
    "typecasts",
    "vector",
    "vercel",
];

/// Others with the meaning of one of these.
const OTHER_FORMATS: [&str; 5] = ["erlang/lager", "erlang/logger", "logplex", "syslogs", "zeit"];

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
        options::check(options)?;
        let uri = text(options.get("uri")).ok_or("missing field `uri`")?;
        // Vector reads `%` as the beginning of a part of the time, and has no way to write it.
        if StrftimeItems::new(&uri).any(|item| item == Item::Error) {
            return Err(format!("`uri`: invalid strftime item in {uri:?}"));
        }
        let encoding = Encoding::new(options)?;
        if after_place(path(&uri)).is_none() {
            return Ok(None);
        }
        let (uri, headers) = (Template::new(uri), headers(options));
        let renders = uri.has_fields() || headers.values().any(Template::has_fields);
        let fixed = fixed_destination(&uri, &headers);
        Ok(Some(Self { uri, headers, encoding, fixed, renders }))
    }

    /// Which source an event goes to. As the server reads a request: the query string comes first,
    /// then the path, then the headers.
    pub(crate) fn destination(&self, event: &Value) -> Destination {
        if let (false, Some(fixed)) = (self.renders, &self.fixed) {
            return fixed.clone();
        }
        let Some(uri) = self.uri.rendered(event) else { return Destination::Unrendered };
        let mut headers = BTreeMap::new();
        for (name, value) in &self.headers {
            let Some(value) = value.rendered(event) else { return Destination::Unrendered };
            headers.insert(name.as_str(), value);
        }
        let in_headers = || {
            NAMING_HEADERS.iter().find_map(|(name, may_be_token)| {
                let value = headers.get(name).filter(|value| !value.is_empty())?;
                Some(named(value.clone(), *may_be_token))
            })
        };
        in_address(&uri).or_else(in_headers).unwrap_or(Destination::Unnamed)
    }

    /// Where all events go, when that does not depend on them.
    pub(crate) fn fixed_destination(&self) -> Option<&Destination> {
        self.fixed.as_ref()
    }

    /// How the server understands its bodies, where they are no events as they are.
    pub(crate) fn format(&self) -> Option<&'static str> {
        let after = after_place(path(self.uri.text()))?;
        FORMATS.into_iter().chain(OTHER_FORMATS).find(|format| *format == after)
    }

    /// What cannot be told of what it sends.
    pub(crate) fn note(&self) -> Option<String> {
        if let Some(format) = self.format() {
            return Some(format!(
                "the server makes events of another shape of what comes at `/{format}`: they are \
                 not checked"
            ));
        }
        match &self.encoding.codec {
            Codec::Other(name) => {
                Some(format!("codec `{name}` is not executed: what it sends is not checked"))
            }
            Codec::Json { .. } | Codec::NativeJson | Codec::Native | Codec::Text => None,
        }
    }
}

/// Where all events of a sink go: where its address names no source, a header may, also one that
/// depends on the event.
fn fixed_destination(uri: &Template, headers: &BTreeMap<String, Template>) -> Option<Destination> {
    if uri.has_fields() {
        return None;
    }
    if let Some(destination) = in_address(uri.text()) {
        return Some(destination);
    }
    for (name, may_be_token) in NAMING_HEADERS {
        match headers.get(name) {
            Some(value) if value.has_fields() => return None,
            Some(value) if !value.text().is_empty() => {
                return Some(named(value.text().to_owned(), may_be_token));
            }
            _ => {}
        }
    }
    Some(Destination::Unnamed)
}

fn named(text: String, may_be_token: bool) -> Destination {
    let is_token = text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    if may_be_token && is_token { Destination::Token(text) } else { Destination::Source(text) }
}

/// The source that an address names.
fn in_address(uri: &str) -> Option<Destination> {
    // The host counts for nothing; it may be the name of a variable, and none.
    let url = url::Url::parse(&format!("http://host{}", below_host(uri))).ok()?;
    let query: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    let first = |names: [&str; 2]| {
        names
            .into_iter()
            .filter_map(|name| query.get(name))
            .find(|value| !value.is_empty())
            .cloned()
    };
    let name = first(["source_name", "collection_name"]).map(Destination::Source);
    let given = || first(["source", "collection"]).or_else(|| in_path(url.path()));
    name.or_else(|| Some(named(given()?, true)))
}

/// What follows the host of a URI, which may be a template: its path and its query.
fn below_host(uri: &str) -> &str {
    let after_scheme = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let below = after_scheme.find(['/', '?', '#']).and_then(|at| after_scheme.get(at..));
    below.unwrap_or("/")
}

/// The user that a URI names before its host, which Vector presents by basic authentication.
pub(crate) fn user_of(uri: &str) -> Option<&str> {
    let after_scheme = uri.split_once("://")?.1;
    let host = after_scheme.split(['/', '?', '#']).next()?;
    host.rsplit_once('@').map(|(user, _)| user)
}

/// The path of a URI, which may be a template.
fn path(uri: &str) -> &str {
    let below = below_host(uri);
    below.split(['?', '#']).next().unwrap_or(below)
}

/// What follows the place in a path at which an analytics server takes events; `None` where it is
/// none. A gateway may stand before it.
fn after_place(path: &str) -> Option<&str> {
    let path = path.trim_end_matches('/');
    let after = |path: &str, place: &str| {
        let rest = path.strip_prefix(place)?;
        (rest.is_empty() || rest.starts_with('/')).then_some(place.len())
    };
    let direct = path.strip_prefix(GATEWAY).unwrap_or(path);
    if let Some(end) = PLACES.iter().find_map(|place| after(direct, place)) {
        return direct.get(end..).map(|rest| rest.trim_start_matches('/'));
    }
    let gateways = path.match_indices("/api/").filter_map(|(at, _)| path.get(at..));
    gateways
        .filter_map(|inner| {
            let end = PLACES.iter().skip(1).find_map(|place| after(inner, place))?;
            inner.get(end..).map(|rest| rest.trim_start_matches('/'))
        })
        .next()
}

/// The source that a path names: what follows `/api/logs/`, where it says no format.
fn in_path(path: &str) -> Option<String> {
    let rest = after_place(path)?;
    let is_format = FORMATS.into_iter().chain(OTHER_FORMATS).any(|format| format == rest);
    (!rest.is_empty() && !rest.contains('/') && !is_format).then(|| {
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
            (json!({"uri": "http://kong:8000/analytics/v1/api/logs?source_name=x"}), source("x")),
            (json!({"uri": "https://a/proxy/api/logs/x"}), source("x")),
            (json!({"uri": "http://${HOST}:4000/api/logs/x"}), source("x")),
            (json!({"uri": "http://a/api/logs/vector?source_name=x"}), source("x")),
            (json!({"uri": "http://a/logs/json"}), Destination::Unnamed),
            (json!({"uri": "http://a/api/events/elixir/logger"}), Destination::Unnamed),
        ] {
            let sink = sink(options.clone()).unwrap().unwrap();
            assert_eq!(sink.destination(&event), expected, "{options}");
        }
    }

    #[test]
    fn a_destination_is_fixed_where_nothing_that_names_it_depends_on_the_event() {
        for (options, expected) in [
            (json!({"uri": "http://a/api/logs/x"}), Some(source("x"))),
            (json!({"uri": "http://a/api/logs/{{ to }}"}), None),
            (
                json!({"uri": "http://a/api/logs/x", "request": {"headers": {"x-trace": "{{ id }}"}}}),
                Some(source("x")),
            ),
            (
                json!({"uri": "http://a/api/logs/x", "request": {"headers": {"x-source": "{{ id }}"}}}),
                Some(source("x")),
            ),
            (
                json!({"uri": "http://a/api/logs", "request": {"headers": {"x-source": "{{ id }}"}}}),
                None,
            ),
            (
                json!({"uri": "http://a/api/logs", "request": {"headers": {"x-trace": "{{ id }}"}}}),
                Some(Destination::Unnamed),
            ),
        ] {
            let sink = sink(options.clone()).unwrap().unwrap();
            assert_eq!(sink.fixed_destination(), expected.as_ref(), "{options}");
        }
    }

    #[test]
    fn formats_are_no_sources() {
        for (uri, format) in [
            ("http://a/logs/vector", Some("vector")),
            ("http://a/api/logs/cloudflare?source=x", Some("cloudflare")),
            ("http://a/api/events/erlang/lager/", Some("erlang/lager")),
            ("http://a/api/logs/postgres.logs", None),
            ("http://a/api/logs/browser", None),
        ] {
            let sink = sink(json!({"uri": uri})).unwrap().unwrap();
            assert_eq!(sink.format(), format, "{uri}");
            assert_eq!(sink.note().is_some(), format.is_some(), "{uri}");
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
