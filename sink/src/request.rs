//! What a request says besides its body.

use warp::http::HeaderMap;

/// Where events go, as the request says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Route {
    /// `source_name` or `collection_name`.
    pub(crate) name: Option<String>,
    /// `source`, `collection`, or the headers of those names: a token, or a name.
    pub(crate) token_or_name: Option<String>,
}

/// Parameters of a URL's query string.
#[derive(Debug, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a query string.
    pub(crate) fn read(text: &str) -> Self {
        Self(url::form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    fn first(&self, names: [&str; 2]) -> Option<&str> {
        let value =
            |name: &str| self.0.iter().find(|(key, value)| key == name && !value.is_empty());
        value(names[0]).or_else(|| value(names[1])).map(|(_, value)| value.as_str())
    }

    /// The source that the URL names, else the one that a header does.
    pub(crate) fn route(&self, headers: &HeaderMap) -> Route {
        let name = self.first(["source_name", "collection_name"]).map(str::to_owned);
        let token_or_name = self
            .first(["source", "collection"])
            .or_else(|| header(headers, "x-source"))
            .or_else(|| header(headers, "x-collection"))
            .map(str::to_owned);
        Route { name, token_or_name }
    }

    /// The token, the first that is there: `Authorization: Bearer …`, `X-API-KEY`, `api_key`.
    pub(crate) fn token<'a>(&'a self, headers: &'a HeaderMap) -> Option<&'a str> {
        header(headers, "authorization")
            .and_then(|value| value.strip_prefix("Bearer "))
            .or_else(|| header(headers, "x-api-key"))
            .or_else(|| self.first(["api_key", "api_key"]))
    }
}

/// A header's value, where it is text and not empty.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let header = |&(name, value): &(&'static str, &'static str)| {
            (warp::http::HeaderName::from_static(name), warp::http::HeaderValue::from_static(value))
        };
        pairs.iter().map(header).collect()
    }

    #[test]
    fn finds_the_source() {
        let given = headers(&[("x-collection", "c"), ("x-source", "s")]);
        let route = Parameters::read("source_name=postgres.logs&source=x&other=y").route(&given);
        assert_eq!(
            route,
            Route { name: Some("postgres.logs".to_owned()), token_or_name: Some("x".to_owned()) }
        );
        let route = Parameters::read("collection_name=a+b").route(&given);
        assert_eq!(
            route,
            Route { name: Some("a b".to_owned()), token_or_name: Some("s".to_owned()) }
        );
        assert_eq!(Parameters::read("source_name=").route(&HeaderMap::new()), Route::default());
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
