//! Swagger UI: a page on which people read the API's description and try it. Its files are part of
//! the program; nothing is fetched from elsewhere, neither when it is built nor when it runs.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use utoipa_swagger_ui::{Config, SwaggerFile};
use warp::{
    Filter as _,
    filters::BoxedFilter,
    http::{HeaderName, HeaderValue, header},
    path::FullPath,
    reply::Response,
};

const PATH: &str = "/swaggerui";

/// What the page loads; of the rest of Swagger UI's files it needs nothing.
const FILES: &[&str] = &[
    "index.html",
    "index.css",
    "swagger-ui.css",
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "swagger-initializer.js",
    "favicon-16x16.png",
    "favicon-32x32.png",
];

/// The page talks to this server alone, and no other page may hold it in a frame. Swagger UI sets
/// styles of its elements, and its icons are in its style sheet.
const HEADERS: [(HeaderName, &str); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
         img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-cache"),
];

/// The page at `/swaggerui/`, to which `/swaggerui` leads. Other paths are rejected as not found.
pub(crate) fn routes() -> BoxedFilter<(Response,)> {
    // Tokens that people enter are kept no longer than the page is open.
    let config = Config::from("../api/openapi").validator_url("none").persist_authorization(false);
    let config = Arc::new(config);
    // The path first: another one's method is none of its business.
    warp::path::full()
        .and_then(move |path: FullPath| {
            std::future::ready(answer(path.as_str(), &config).ok_or_else(warp::reject::not_found))
        })
        .and(warp::get().or(warp::head()).unify())
        .boxed()
}

fn answer(path: &str, config: &Arc<Config<'static>>) -> Option<Response> {
    let file = match path.strip_prefix(PATH)? {
        "" => return Some(to_the_folder()),
        "/" => "index.html",
        file => file.strip_prefix('/').filter(|file| FILES.contains(file))?,
    };
    match utoipa_swagger_ui::serve(file, Arc::clone(config)) {
        Ok(found) => found.map(shown),
        Err(error) => {
            tracing::error!(%error, file, "Swagger UI cannot be configured");
            None
        }
    }
}

/// Links of the page are relative to its folder, so that it may lie below another path at a proxy.
fn to_the_folder() -> Response {
    let mut response = Response::default();
    *response.status_mut() = warp::http::StatusCode::FOUND;
    let folder = HeaderValue::from_static("swaggerui/");
    response.headers_mut().insert(header::LOCATION, folder);
    response
}

fn shown(file: SwaggerFile<'static>) -> Response {
    let content_type = HeaderValue::try_from(file.content_type);
    // Files as they are in the program are not copied for each who asks.
    let bytes = match file.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    let mut response = Response::new(bytes.into());
    let headers = response.headers_mut();
    if let Ok(content_type) = content_type {
        headers.insert(header::CONTENT_TYPE, content_type);
    }
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(path: &str) -> (u16, warp::http::HeaderMap, String) {
        let response = warp::test::request().path(path).reply(&routes()).await;
        let text = String::from_utf8_lossy(response.body()).into_owned();
        (response.status().as_u16(), response.headers().clone(), text)
    }

    #[tokio::test]
    async fn the_page_has_all_that_it_loads_and_nothing_from_elsewhere() {
        let (status, headers, _) = get("/swaggerui").await;
        assert_eq!((status, &headers[header::LOCATION]), (302, &"swaggerui/".parse().unwrap()));
        let (status, _, page) = get("/swaggerui/").await;
        assert_eq!(status, 200);
        let links = links_of(&page);
        assert!(links.len() >= 6, "{links:?}");
        for link in links {
            let (status, headers, text) = get(&format!("/swaggerui/{link}")).await;
            assert_eq!(status, 200, "{link}");
            assert!(!text.is_empty(), "{link}");
            let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
            assert!(!headers.contains_key(header::SET_COOKIE));
        }
        // The policy lets no script run that stands in the page itself.
        assert!(!page.contains("<script>") && !page.contains("onload="), "{page}");
        let (_, headers, start) = get("/swaggerui/swagger-initializer.js").await;
        assert!(headers[header::CONTENT_TYPE].to_str().unwrap().contains("javascript"));
        assert!(start.contains("\"../api/openapi\"") && start.contains("\"none\""), "{start}");
        for path in ["/swaggerui/oauth2-redirect.html", "/swaggerui/../x", "/swaggeruix", "/"] {
            assert_eq!(get(path).await.0, 404, "{path}");
        }
    }

    /// What `href` and `src` name.
    fn links_of(page: &str) -> Vec<String> {
        let parts = page.split("href=\"").chain(page.split("src=\"")).map(|part| {
            part.split('"').next().unwrap_or_default().trim_start_matches("./").to_owned()
        });
        parts.filter(|link| link.contains('.') && !link.contains(['<', '\n'])).collect()
    }
}
