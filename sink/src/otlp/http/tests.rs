use prost::Message as _;
use warp::http::{HeaderName, HeaderValue};

use super::*;
use crate::otlp::answer::Status;

fn routes_while_starting() -> BoxedFilter<(Response,)> {
    routes(Pipeline::starting())
}

#[tokio::test]
async fn while_starting_nobody_is_turned_away_for_good() {
    let routes = routes_while_starting();
    for (path, content_type, answered_in) in [
        ("/v1/logs", "application/x-protobuf", "application/x-protobuf"),
        ("/v1/traces?source=unknown", "application/json; charset=utf-8", "application/json"),
        ("/api/v1/metrics", "text/plain", "application/json"),
        ("/api/v1/logs", "", "application/json"),
    ] {
        let mut request = warp::test::request().method("POST").path(path).body("nonsense");
        if !content_type.is_empty() {
            request = request.header("content-type", content_type);
        }
        let answer = request.header("x-api-key", "wrong").reply(&routes).await;
        assert_eq!(answer.status(), 503, "{path}");
        assert_eq!(answer.headers()["content-type"], answered_in, "{path}");
        if answered_in == "application/json" {
            let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
            assert_eq!(body["code"], tonic::Code::Unavailable as i32, "{path}");
            assert!(body["message"].as_str().unwrap().contains("starting"), "{path}");
        } else {
            let read = Status::decode(answer.body().as_ref()).unwrap();
            assert_eq!(read.code, tonic::Code::Unavailable as i32, "{path}");
            assert!(read.message.contains("starting"), "{path}");
        }
    }
    let answer = warp::test::request().method("GET").path("/v1/logs").reply(&routes).await;
    assert_eq!(answer.status(), 503);
}

#[tokio::test]
async fn other_paths_are_left_to_others() {
    let routes = routes_while_starting();
    for path in
        ["/v1", "/v1/logs/more", "/v1/profiles", "/api/logs", "/v2/logs", "/api/api/v1/logs"]
    {
        let request = warp::test::request().method("POST").path(path);
        assert!(request.filter(&routes).await.unwrap_err().is_not_found(), "{path}");
    }
}

#[test]
fn the_type_of_a_body_is_declared() {
    for (content_type, format) in [
        ("application/x-protobuf", Format::Protobuf),
        ("Application/X-Protobuf; proto=x", Format::Protobuf),
        ("application/protobuf", Format::Protobuf),
        ("application/json;charset=utf-8", Format::Json),
    ] {
        let value = HeaderValue::from_static(content_type);
        let headers = HeaderMap::from_iter([(HeaderName::from_static("content-type"), value)]);
        assert_eq!(declared(&headers).unwrap(), Some(format), "{content_type}");
    }
    assert_eq!(declared(&HeaderMap::new()).unwrap(), None);
    let value = HeaderValue::from_static("text/plain; charset=utf-8");
    let headers = HeaderMap::from_iter([(HeaderName::from_static("content-type"), value)]);
    let failure = declared(&headers).unwrap_err();
    assert!(matches!(&failure, Failure::MediaType(name) if name == "text/plain"), "{failure}");
}
