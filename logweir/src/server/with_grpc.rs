//! One port for HTTP and gRPC: whoever speaks gRPC says so in the content-type.

use std::pin::Pin;

use http_body_util::Either;
use hyper::{
    HeaderMap, Response,
    header::{CONTENT_TYPE, HeaderValue},
    service::Service,
};

use super::{Asked, BoxError, Served, answer_body::AnswerBody, connections::RequestInWork};

/// The status by which a client of gRPC knows that it may send the same again.
const UNAVAILABLE: HeaderValue = HeaderValue::from_static("14");

pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE);
    content_type.is_some_and(|name| name.as_bytes().starts_with(b"application/grpc"))
}

/// For a message that did not come in time.
pub(super) fn too_late<B>(request: RequestInWork) -> Response<AnswerBody<B>> {
    let mut response = Response::new(AnswerBody::empty(request));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", UNAVAILABLE);
    let message = HeaderValue::from_static("the message did not come in time; send it again");
    headers.insert("grpc-message", message);
    response
}

/// A service, and one of gRPC in front of it.
#[derive(Debug, Clone)]
pub(crate) struct WithGrpc<H, G> {
    pub(crate) http: H,
    /// None: gRPC is left to the other, which does not know it.
    pub(crate) grpc: Option<G>,
}

impl<H, G> Service<Asked> for WithGrpc<H, G>
where
    H: Served,
    G: Served,
{
    type Response = Response<Either<H::Body, G::Body>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn call(&self, request: Asked) -> Self::Future {
        let is_grpc = is_grpc(request.headers());
        match &self.grpc {
            Some(grpc) if is_grpc => {
                let answer = grpc.call(request);
                Box::pin(async { Ok(answer.await.map_err(Into::into)?.map(Either::Right)) })
            }
            _ => {
                let answer = self.http.call(request);
                Box::pin(async { Ok(answer.await.map_err(Into::into)?.map(Either::Left)) })
            }
        }
    }
}
