//! One port for HTTP and gRPC: whoever speaks gRPC says so in the content-type.

use std::pin::Pin;

use http_body_util::Either;
use hyper::{Response, header::CONTENT_TYPE, service::Service};

use super::{Asked, BoxError, Served};

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
        let content_type = request.headers().get(CONTENT_TYPE);
        let is_grpc =
            content_type.is_some_and(|name| name.as_bytes().starts_with(b"application/grpc"));
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
