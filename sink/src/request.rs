//! What a request says besides its body.

use store::{AccessTokens, SourceKey};
use uuid::Uuid;
use warp::http::HeaderMap;

/// Where events go, as the request says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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

    /// This one where it leads anywhere, else the other.
    pub(crate) fn or(self, other: Self) -> Self {
        if self == Self::default() { other } else { self }
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

/// Parameters of a URL's query string.
#[derive(Debug, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a query string.
    pub(crate) fn read(text: &str) -> Self {
        Self(url::form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// The source that the URL names, else the one that a header does.
    pub(crate) fn route(&self, headers: &HeaderMap) -> Route {
        Route::of(|name| self.value(name)).or(Route::of(|name| match name {
            "source" => header(headers, "x-source"),
            "collection" => header(headers, "x-collection"),
            // Names have no header in the contract; `x-source` takes them too.
            _ => None,
        }))
    }

    /// The token that the request presents.
    pub(crate) fn token<'a>(&'a self, headers: &'a HeaderMap) -> Option<&'a str> {
        let authorization = header(headers, "authorization");
        AccessTokens::presented(authorization, header(headers, "x-api-key"), self.value("api_key"))
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
        for (query, route) in [
            ("collection_name=x&source_name=postgres.logs", Route::to_name("postgres.logs")),
            ("collection_name=a+b", Route::to_name("a b")),
            ("collection=c&source=t&other=y", Route::to_token_or_name("t")),
            ("source_name=&source=", Route::to_token_or_name("s")),
            ("", Route::to_token_or_name("s")),
        ] {
            assert_eq!(Parameters::read(query).route(&given), route, "{query}");
        }
        let collection = headers(&[("x-collection", "c"), ("x-source", "")]);
        assert_eq!(Parameters::default().route(&collection), Route::to_token_or_name("c"));
        assert_eq!(Parameters::default().route(&HeaderMap::new()), Route::default());
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
    fn finds_the_token() {
        let bearer = headers(&[("authorization", "Bearer t"), ("x-api-key", "k")]);
        assert_eq!(Parameters::default().token(&bearer), Some("t"));
        let basic = headers(&[("authorization", "Basic t"), ("x-api-key", "k")]);
        assert_eq!(Parameters::read("api_key=q").token(&basic), Some("k"));
        assert_eq!(Parameters::read("api_key=q").token(&HeaderMap::new()), Some("q"));
        assert_eq!(Parameters::default().token(&HeaderMap::new()), None);
    }
}
