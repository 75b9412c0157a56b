//! Routes of rejected events and validation, see `rejected`.

use bytes::Bytes;
use futures_util::Stream;
use store::{Actor, Grant};
use warp::{
    Filter as _,
    filters::BoxedFilter,
    http::{HeaderMap, Method},
    path::FullPath,
    reject::Rejection,
    reply::Response,
};

use crate::{
    answer, body,
    error::{IngestError, ManageError},
    pipeline::Pipeline,
    rejected::{self, Action},
    request::Parameters,
};

/// Largest body: some thousand ids.
const MAX_BODY: usize = 256 << 10;

/// All of them; another path is rejected as not found.
pub(crate) fn routes(pipeline: Pipeline) -> BoxedFilter<(Response,)> {
    warp::path::full()
        .and(warp::method())
        .and_then(|path: FullPath, method: Method| std::future::ready(target(&path, &method)))
        .and(warp::query::raw().or(warp::any().map(String::new)).unify())
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .then(move |target: Target, query: String, headers, body| {
            let pipeline = pipeline.clone();
            async move {
                let action = match target.action {
                    Ok(action) => action,
                    Err(allowed) => return answer::only(allowed),
                };
                let parameters = Parameters::read(&query);
                let managed = async {
                    let (actor, grant, body) =
                        admit(&pipeline, &parameters, &headers, body).await?;
                    let parameters = &parameters;
                    let asked = rejected::Asked { action, actor, grant, parameters, body };
                    rejected::manage(&pipeline, &target.source, asked).await
                };
                answer::managed(managed.await)
            }
        })
        .boxed()
}

#[derive(Debug)]
struct Target {
    /// Token or name.
    source: String,
    /// Or else the methods that there are.
    action: Result<Action, &'static str>,
}

fn target(path: &FullPath, method: &Method) -> Result<Target, Rejection> {
    let mut parts = path.as_str().trim_matches('/').split('/');
    let (Some("api"), Some("sources"), Some(source)) = (parts.next(), parts.next(), parts.next())
    else {
        return Err(warp::reject::not_found());
    };
    let action = match (parts.next(), parts.next(), parts.next()) {
        (Some("rejected-events"), None, None) => match *method {
            Method::GET => Ok(Action::List),
            Method::DELETE => Ok(Action::Remove),
            _ => Err("GET, DELETE"),
        },
        (Some("rejected-events"), Some("replay"), None) => match *method {
            Method::POST => Ok(Action::Replay),
            _ => Err("POST"),
        },
        (Some("validation"), None, None) => match *method {
            Method::GET => Ok(Action::ShowValidation),
            Method::PUT => Ok(Action::SetValidation),
            _ => Err("GET, PUT"),
        },
        _ => return Err(warp::reject::not_found()),
    };
    let source = percent_encoding::percent_decode_str(source).decode_utf8_lossy().into_owned();
    Ok(Target { source, action })
}

/// Lets the private token in; gives who asks, what that one may do, and the body.
async fn admit(
    pipeline: &Pipeline,
    parameters: &Parameters,
    headers: &HeaderMap,
    body: impl Stream<Item = Result<impl bytes::Buf, warp::Error>>,
) -> Result<(Actor, Grant, Bytes), ManageError> {
    let grant =
        pipeline.authorise(parameters.token(headers)).await.map_err(|error| match error {
            IngestError::Starting => ManageError::Starting,
            IngestError::UncertainToken => ManageError::UncertainToken,
            _ => ManageError::Unauthorized,
        })?;
    if !grant.may_manage() {
        return Err(ManageError::Unauthorized);
    }
    let length = body::declared_length(headers);
    let request_id = headers.get("x-request-id").and_then(|id| id.to_str().ok());
    let actor = Actor { holder: grant.holder(), request_id: request_id.map(str::to_owned) };
    let body = body::collect(body, length, MAX_BODY, &mut pipeline.share()).await;
    body.map(|body| (actor, grant, Bytes::from(body))).map_err(|error| match error {
        IngestError::TooLarge(limit) => ManageError::TooLarge(limit),
        IngestError::Busy => ManageError::Busy,
        error => ManageError::Body(error.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::managed;

    #[test]
    fn says_what_is_wrong_with_a_body() {
        for (error, status) in [
            (ManageError::TooLarge(MAX_BODY), 413),
            (ManageError::Busy, 429),
            (ManageError::Body("it is none".to_owned()), 400),
        ] {
            let text = error.to_string();
            assert!(!text.contains("LOGWEIR"), "{text}");
            let answer = managed(Err(error));
            assert_eq!(answer.status(), status, "{text}");
            assert_eq!(answer.headers().contains_key("retry-after"), status == 429);
            assert_eq!(answer.headers().contains_key("connection"), status == 413);
        }
    }

    #[tokio::test]
    async fn paths_lead_to_actions() {
        let routes = warp::path::full()
            .and(warp::method())
            .and_then(|path: FullPath, method: Method| std::future::ready(target(&path, &method)))
            .map(|target: Target| format!("{} {:?}", target.source, target.action));
        for (method, path, expected) in [
            ("GET", "/api/sources/a%20b/rejected-events", "a b Ok(List)"),
            ("DELETE", "/api/sources/x/rejected-events?limit=1", "x Ok(Remove)"),
            ("POST", "/api/sources/x/rejected-events/replay", "x Ok(Replay)"),
            ("GET", "/api/sources/x/validation", "x Ok(ShowValidation)"),
            ("PUT", "/api/sources/x/validation/", "x Ok(SetValidation)"),
            ("PATCH", "/api/sources/x/validation", "x Err(\"GET, PUT\")"),
            ("GET", "/api/sources/x/rejected-events/replay", "x Err(\"POST\")"),
        ] {
            let request = warp::test::request().method(method).path(path);
            let answer = request.reply(&routes).await;
            assert_eq!(answer.body(), expected, "{method} {path}");
        }
        for path in ["/", "/api/sources", "/api/sources/x", "/api/sources/x/recent", "/api/x/y/z"] {
            let request = warp::test::request().path(path);
            assert!(request.filter(&routes).await.unwrap_err().is_not_found(), "{path}");
        }
    }
}
