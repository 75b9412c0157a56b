//! What a request says besides its body.

use std::fmt;

use store::{AccessTokens, SourceKey};
use uuid::Uuid;
use warp::http::HeaderMap;

/// Bytes of a name that are shown.
const SHOWN: usize = 200;

/// Where events go, as the request says it.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Route {
    /// `source_name` or `collection_name`.
    name: Option<String>,
    /// `source`, `collection`, or the headers of those names: a token, or a name.
    token_or_name: Option<String>,
}

impl Route {
    /// The route that named values give; what is empty names nothing.
    pub(crate) fn of<'a>(value: impl Fn(&str) -> Option<&'a str>) -> Self {
        let first = |names: [&str; 2]| {
            names.into_iter().filter_map(&value).find(|value| !value.is_empty()).map(str::to_owned)
        };
        Self {
            name: first(["source_name", "collection_name"]),
            token_or_name: first(["source", "collection"]),
        }
    }

    /// The route to a source of which the token is known.
    pub(crate) fn to(token: Uuid) -> Self {
        Self { name: None, token_or_name: Some(token.to_string()) }
    }

    /// This one where it leads anywhere, else the other.
    pub(crate) fn or(self, other: Self) -> Self {
        if self == Self::default() { other } else { self }
    }

    /// Its parts as text, empty where they are not given.
    pub(crate) fn parts(&self) -> [&str; 2] {
        [&self.name, &self.token_or_name].map(|part| part.as_deref().unwrap_or_default())
    }

    /// What to look up. A name that is given as such wins, also where there is no such source.
    pub(crate) fn key(&self) -> Option<SourceKey<'_>> {
        if let Some(name) = &self.name {
            return Some(SourceKey::Name(name));
        }
        let source = self.token_or_name.as_deref()?;
        Some(Uuid::try_parse(source).map_or(SourceKey::Name(source), SourceKey::Token))
    }
}

/// A name may be as long as the body that it comes in, and this goes into the log.
impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |part: &Option<String>| {
            part.as_deref().map(|name| match name.len() {
                0..=SHOWN => name.to_owned(),
                bytes => {
                    let start = name.get(..name.floor_char_boundary(SHOWN)).unwrap_or_default();
                    format!("{start}… ({bytes} bytes)")
                }
            })
        };
        f.debug_struct("Route")
            .field("name", &shown(&self.name))
            .field("token_or_name", &shown(&self.token_or_name))
            .finish()
    }
}

/// Parameters of a URL's query string.
#[derive(Debug, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a query string.
    pub(crate) fn read(text: &str) -> Self {
        Self(url::form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The first value of a parameter, where it is not empty.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// The source that the query string names, else the one in the path, else the one in a header.
    pub(crate) fn route(&self, in_path: Option<String>, headers: &HeaderMap) -> Route {
        let in_path = Route { name: None, token_or_name: in_path };
        Route::of(|name| self.value(name)).or(in_path).or(Route::of(|name| match name {
            "source_name" => header(headers, "x-source-name"),
            "collection_name" => header(headers, "x-collection-name"),
            "source" => header(headers, "x-source"),
            "collection" => header(headers, "x-collection"),
            _ => None,
        }))
    }

    /// The token that the request presents.
    pub(crate) fn token<'a>(&'a self, headers: &'a HeaderMap) -> Option<&'a str> {
        let authorization = header(headers, "authorization");
        AccessTokens::presented(authorization, header(headers, "x-api-key"), self.value("api_key"))
    }
}

/// What the `content-type` says. Bodies are known by what is in them; this counts only where that
/// leaves a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    /// `text/plain`
    Text,
    /// One JSON value per line.
    Lines,
    /// A form's fields, as in a URL. What curl says where it is told nothing.
    Form,
    /// A form in parts.
    Multipart,
    /// A browser's report of a violated content security policy.
    CspReport,
    /// JSON of some kind.
    Json,
    /// Anything else, or nothing.
    Other,
}

impl Media {
    /// Reads the `content-type` header.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let text = header(headers, "content-type").unwrap_or_default();
        let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "text/plain" => Self::Text,
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/x-jsonl"
            | "application/jsonlines"
            | "application/x-jsonlines" => Self::Lines,
            "application/x-www-form-urlencoded" => Self::Form,
            "application/csp-report" => Self::CspReport,
            "application/json" | "text/json" => Self::Json,
            _ if essence.starts_with("application/") && essence.ends_with("+json") => Self::Json,
            _ if essence.starts_with("multipart/") => Self::Multipart,
            _ => Self::Other,
        }
    }
}

/// A header's value, where it is text and not empty.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Route {
        pub(crate) fn to_name(name: &str) -> Self {
            Self { name: Some(name.to_owned()), token_or_name: None }
        }

        pub(crate) fn to_token_or_name(source: &str) -> Self {
            Self { name: None, token_or_name: Some(source.to_owned()) }
        }
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let header = |&(name, value): &(&'static str, &'static str)| {
            (warp::http::HeaderName::from_static(name), warp::http::HeaderValue::from_static(value))
        };
        pairs.iter().map(header).collect()
    }

    #[test]
    fn the_url_names_the_source_before_headers_do() {
        let given = headers(&[("x-collection", "c"), ("x-source", "s")]);
        for (query, in_path, route) in [
            (
                "collection_name=x&source_name=postgres.logs",
                Some("p"),
                Route::to_name("postgres.logs"),
            ),
            ("collection_name=a+b", None, Route::to_name("a b")),
            ("collection=c&source=t&other=y", Some("p"), Route::to_token_or_name("t")),
            ("source_name=&source=", Some("p"), Route::to_token_or_name("p")),
            ("source_name=&source=", None, Route::to_token_or_name("s")),
            ("", None, Route::to_token_or_name("s")),
        ] {
            let in_path = in_path.map(str::to_owned);
            assert_eq!(Parameters::read(query).route(in_path, &given), route, "{query}");
        }
        let by_headers = |pairs| Parameters::default().route(None, &headers(pairs));
        for (pairs, route) in [
            (&[("x-collection", "c"), ("x-source", "")][..], Route::to_token_or_name("c")),
            (&[("x-collection-name", "c")], Route::to_name("c")),
            (&[("x-collection-name", "c"), ("x-source-name", "n")], Route::to_name("n")),
            (&[], Route::default()),
        ] {
            assert_eq!(by_headers(pairs), route, "{pairs:?}");
        }
    }

    #[test]
    fn a_route_is_looked_up_by_name_or_token() {
        let both = Route { name: Some("n".to_owned()), ..Route::to_token_or_name("t") };
        let token = Uuid::from_u128(7);
        let text = token.to_string();
        for (route, key) in [
            (&both, Some(SourceKey::Name("n"))),
            (&Route::to_name(&text), Some(SourceKey::Name(&text))),
            (&Route::to_token_or_name(&text), Some(SourceKey::Token(token))),
            (&Route::to_token_or_name("postgres.logs"), Some(SourceKey::Name("postgres.logs"))),
            (&Route::default(), None),
        ] {
            assert_eq!(route.key(), key, "{route:?}");
        }
    }

    #[test]
    fn of_a_long_name_only_the_beginning_is_shown() {
        let route = Route::to_name(&format!("{}é{}", "x".repeat(SHOWN - 1), "y".repeat(1 << 20)));
        let shown = format!("{route:?}");
        assert!(shown.contains("x… (1048777 bytes)") && shown.len() < 300, "{shown}");
        let shown = format!("{:?}", Route::to_token_or_name("postgres.logs"));
        assert_eq!(shown, r#"Route { name: None, token_or_name: Some("postgres.logs") }"#);
    }

    #[test]
    fn finds_the_token() {
        let bearer = headers(&[("authorization", "Bearer t"), ("x-api-key", "k")]);
        assert_eq!(Parameters::default().token(&bearer), Some("t"));
        let basic = headers(&[("authorization", "Basic t"), ("x-api-key", "k")]);
        assert_eq!(Parameters::read("api_key=q").token(&basic), Some("k"));
        assert_eq!(Parameters::read("api_key=q").token(&HeaderMap::new()), Some("q"));
        assert_eq!(Parameters::default().token(&HeaderMap::new()), None);
    }

    #[test]
    fn knows_media_types() {
        for (text, media) in [
            ("text/plain; charset=utf-8", Media::Text),
            ("Application/X-NDJSON", Media::Lines),
            ("application/x-www-form-urlencoded", Media::Form),
            ("multipart/form-data; boundary=x", Media::Multipart),
            ("application/csp-report", Media::CspReport),
            ("application/json", Media::Json),
            ("application/cloudevents+json", Media::Json),
            ("application/octet-stream", Media::Other),
            ("nonsense;;;", Media::Other),
            ("", Media::Other),
        ] {
            assert_eq!(Media::of(&headers(&[("content-type", text)])), media, "{text}");
        }
        assert_eq!(Media::of(&HeaderMap::new()), Media::Other);
    }
}
