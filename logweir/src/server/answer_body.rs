//! Bodies of answers, watched to their end.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use hyper::body::{Body, Bytes, Frame, SizeHint};

use super::connections::RequestInWork;

/// The body of an answer, which keeps its request in work until it is complete.
#[derive(Debug)]
pub(super) struct AnswerBody<B> {
    content: Content<B>,
    _request: RequestInWork,
}

#[derive(Debug)]
enum Content<B> {
    Streamed(Pin<Box<B>>),
    /// None once it was sent.
    Whole(Option<Bytes>),
}

impl<B> AnswerBody<B> {
    /// A service's.
    pub(super) fn new(body: B, request: RequestInWork) -> Self {
        Self { content: Content::Streamed(Box::pin(body)), _request: request }
    }

    /// Nothing instead of it.
    pub(super) fn empty(request: RequestInWork) -> Self {
        Self { content: Content::Whole(None), _request: request }
    }

    /// A text instead of it.
    pub(super) fn text(text: impl Into<Bytes>, request: RequestInWork) -> Self {
        Self { content: Content::Whole(Some(text.into())), _request: request }
    }
}

impl<B: Body<Data = Bytes>> Body for AnswerBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match &mut self.content {
            Content::Streamed(body) => body.as_mut().poll_frame(cx),
            Content::Whole(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Streamed(body) => body.is_end_stream(),
            Content::Whole(text) => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Streamed(body) => body.size_hint(),
            Content::Whole(text) => {
                SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64))
            }
        }
    }
}
