//! Operations of the API as declarations: what is served, and what its documentation says.

use futures_util::future::BoxFuture;
use warp::http::Method;

use crate::{
    answer::Answer,
    call::Call,
    refusal::Refusal,
    resource::{Field, Resource},
};

/// One thing that can be asked for.
pub(crate) struct Operation {
    pub(crate) method: Method,
    /// `/api/sources/{token}`: what stands in braces is captured.
    pub(crate) path: &'static str,
    pub(crate) needs: Needs,
    /// What it does, in a few words.
    pub(crate) summary: &'static str,
    /// Parameters of the query string; none has to be there, and an empty one is none.
    pub(crate) parameters: &'static [Field],
    /// What the body holds.
    pub(crate) body: Shape,
    /// What it answers when all is well: status, body.
    pub(crate) answers: &'static [(u16, Shape)],
    pub(crate) run: Run,
}

/// Does the work: `|call| Box::pin(list(call))`.
pub(crate) type Run = fn(Call) -> BoxFuture<'static, Result<Answer, Refusal>>;

/// What a caller needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// A token that may manage.
    Management,
    /// A token that may query the endpoint that is captured first, unless that is open to all.
    Endpoint,
    /// Nothing.
    Nothing,
}

/// Most things of one kind that are made at once: each is a change of the catalog of its own.
pub(crate) const MOST_AT_ONCE: usize = 1000;

/// What a body is, for the documentation.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// There is none.
    Nothing,
    /// A JSON object with these fields.
    One(&'static Resource),
    /// A JSON array of them.
    List(&'static Resource),
    /// Either, at most [`MOST_AT_ONCE`]. When several are made, what is made and what is wrong with the
    /// others is answered.
    OneOrSeveral(&'static Resource),
    /// Parameters of a query: a JSON object or a form, which may be missing.
    Parameters,
    /// `{"result": [rows]}` or `{"error": "text"}`
    Rows,
    /// Any JSON.
    Any,
}

impl Shape {
    /// What there is one of, or several.
    pub(crate) fn resource(self) -> Option<&'static Resource> {
        match self {
            Self::One(resource) | Self::List(resource) | Self::OneOrSeveral(resource) => {
                Some(resource)
            }
            Self::Nothing | Self::Parameters | Self::Rows | Self::Any => None,
        }
    }
}

impl Operation {
    /// What the path captures, if it is this operation's.
    pub(crate) fn captures(&self, path: &str) -> Option<Vec<String>> {
        let mut captured = Vec::new();
        let mut given = path.trim_matches('/').split('/');
        for part in self.path.trim_matches('/').split('/') {
            let given = given.next()?;
            if part.starts_with('{') {
                let decoded = percent_encoding::percent_decode_str(given).decode_utf8().ok()?;
                captured.push(decoded.into_owned());
            } else if part != given {
                return None;
            }
        }
        given.next().is_none().then_some(captured)
    }
}
