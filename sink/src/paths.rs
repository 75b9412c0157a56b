//! What a path asks for: `/logs`, `/api/logs` and `/api/events`, and what may follow them.

use percent_encoding::percent_decode_str;

/// How the events of a body are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// As they are.
    Events,
    /// Any JSON: kept as metadata, and as text.
    Json,
    /// What browsers report by themselves.
    BrowserReports,
    /// CloudEvents; the attributes are in the headers.
    CloudEvents,
    /// Vercel's log drains.
    Vercel,
    /// Netlify's log drains.
    Netlify,
    /// The loggers for Elixir and Erlang.
    BeamLogger,
    /// Events with a list of values to convert.
    Typecasts,
    /// Syslog, also as Heroku's logplex sends it.
    Syslog,
    /// GitHub's webhooks.
    GitHub,
    /// Vector's events as its sources make them.
    Vector,
    /// Cloudflare's Logpush.
    Cloudflare,
}

impl Format {
    /// A name that tells it from the others.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Json => "json",
            Self::BrowserReports => "browser reports",
            Self::CloudEvents => "cloud events",
            Self::Vercel => "vercel",
            Self::Netlify => "netlify",
            Self::BeamLogger => "beam logger",
            Self::Typecasts => "typecasts",
            Self::Syslog => "syslog",
            Self::GitHub => "github",
            Self::Vector => "vector",
            Self::Cloudflare => "cloudflare",
        }
    }
}

/// What the path of an ingest request says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) format: Format,
    /// The source, where the path names it: a name or a token.
    pub(crate) source: Option<String>,
}

impl Place {
    /// Reads a path; None where it is none of the sink's.
    pub(crate) fn at(path: &str) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        let path = path.strip_suffix('/').unwrap_or(path);
        let mut segments = path.split('/');
        match (segments.next()?, segments.clone().next()) {
            ("logs", _) => {}
            ("api", Some("logs" | "events")) => _ = segments.next(),
            _ => return None,
        }
        let format = match (segments.next(), segments.next(), segments.next()) {
            (None, ..) => Format::Events,
            (Some("json"), None, _) => Format::Json,
            (Some("browser"), Some("reports"), None) => Format::BrowserReports,
            (Some("cloud-event"), None, _) => Format::CloudEvents,
            (Some("vercel" | "zeit"), None, _) => Format::Vercel,
            (Some("netlify"), None, _) => Format::Netlify,
            (Some("elixir"), Some("logger"), None)
            | (Some("erlang"), None | Some("logger" | "lager"), None) => Format::BeamLogger,
            (Some("typecasts"), None, _) => Format::Typecasts,
            (Some("logplex" | "syslogs" | "syslog"), None, _) => Format::Syslog,
            (Some("github"), None, _) => Format::GitHub,
            (Some("vector"), None, _) => Format::Vector,
            (Some("cloudflare"), None, _) => Format::Cloudflare,
            (Some(source), None, _) if !source.is_empty() => {
                let source = percent_decode_str(source).decode_utf8_lossy().into_owned();
                return Some(Self { format: Format::Events, source: Some(source) });
            }
            _ => return None,
        };
        Some(Self { format, source: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_every_route_under_every_prefix() {
        for prefix in ["/logs", "/api/logs", "/api/events"] {
            for (suffix, format) in [
                ("", Format::Events),
                ("/", Format::Events),
                ("/json", Format::Json),
                ("/browser/reports", Format::BrowserReports),
                ("/cloud-event", Format::CloudEvents),
                ("/vercel", Format::Vercel),
                ("/zeit", Format::Vercel),
                ("/netlify", Format::Netlify),
                ("/elixir/logger", Format::BeamLogger),
                ("/erlang", Format::BeamLogger),
                ("/erlang/logger", Format::BeamLogger),
                ("/erlang/lager", Format::BeamLogger),
                ("/typecasts", Format::Typecasts),
                ("/logplex", Format::Syslog),
                ("/syslogs", Format::Syslog),
                ("/syslog", Format::Syslog),
                ("/github", Format::GitHub),
                ("/vector", Format::Vector),
                ("/vector/", Format::Vector),
                ("/cloudflare", Format::Cloudflare),
            ] {
                let place = Place::at(&format!("{prefix}{suffix}"));
                assert_eq!(place, Some(Place { format, source: None }), "{prefix}{suffix}");
            }
            for (suffix, source) in [
                ("/postgres.logs", "postgres.logs"),
                ("/storage.logs.prod.2/", "storage.logs.prod.2"),
                ("/my%20app%2Fweb", "my app/web"),
                ("/%C3%A9", "é"),
                ("/browser", "browser"),
                ("/elixir", "elixir"),
                ("/JSON", "JSON"),
            ] {
                let place = Place::at(&format!("{prefix}{suffix}")).unwrap();
                assert_eq!((place.format, place.source.as_deref()), (Format::Events, Some(source)));
            }
        }
    }

    #[test]
    fn leaves_other_paths_to_others() {
        for path in [
            "",
            "/",
            "/api",
            "/api/",
            "/health",
            "/api/log",
            "/events",
            "/api/logs//",
            "/api/logs/a/b",
            "/api/logs/erlang/logger/x",
            "/api/logs/browser/reports/x",
            "/api/logs/json/x",
            "/v1/logs",
            "/api/sources",
            "/api/endpoints/query/logs.all",
        ] {
            assert_eq!(Place::at(path), None, "{path}");
        }
    }

    /// The API's description names each of these paths once, and no other.
    #[test]
    fn the_description_of_the_api_has_every_path() {
        let description = include_str!("../../docs/openapi.json");
        let description: serde_json::Value = serde_json::from_str(description).unwrap();
        let paths = description["paths"].as_object().unwrap();
        let of_events = paths.iter().filter(|(_, methods)| {
            let body = &methods["post"]["responses"]["200"]["content"]["application/json"];
            body["schema"]["properties"]["message"]["const"] == "Logged!"
        });
        let described: Vec<_> = of_events.map(|(path, _)| path.as_str()).collect();
        let formats = |path: &&str| Place::at(path).map(|place| place.format.name());
        for path in &described {
            let place = Place::at(path).unwrap_or_else(|| panic!("{path}"));
            assert_eq!(place.source.is_some(), path.ends_with("{source}"), "{path}");
        }
        let named: std::collections::BTreeSet<_> = described.iter().filter_map(formats).collect();
        assert_eq!(named.len(), 12, "{named:?}");
        assert!(described.contains(&"/logs") && described.contains(&"/api/events"));
        for path in ["/v1/logs", "/v1/traces", "/v1/metrics"] {
            assert!(paths.contains_key(path), "{path}");
        }
    }
}
