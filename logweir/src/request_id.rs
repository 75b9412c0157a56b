//! The `x-request-id` header: the client's own, or a new one.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

/// The header.
const NAME: HeaderName = HeaderName::from_static("x-request-id");

/// Lengths of a client's id that are echoed, as in Logflare.
const ECHOED: std::ops::RangeInclusive<usize> = 20..=200;

/// What an answer, and what is logged about it, is found again by.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// Takes the client's id if it has a usable length.
    pub(crate) fn of(request: &HeaderMap) -> Self {
        let own = request.get(NAME).filter(|id| ECHOED.contains(&id.len()));
        Self(own.cloned().unwrap_or_else(generate))
    }

    /// For logs.
    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or("(not ASCII)")
    }

    /// Names the id in an answer.
    pub(crate) fn mark(self, answer: &mut HeaderMap) {
        answer.insert(NAME, self.0);
    }
}

fn generate() -> HeaderValue {
    let random: u128 = rand::random();
    // Hexadecimal digits are always a valid value.
    HeaderValue::try_from(format!("{random:032x}"))
        .unwrap_or_else(|_| HeaderValue::from_static("00000000000000000000000000000000"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(own: Option<&str>) -> String {
        let mut request = HeaderMap::new();
        if let Some(own) = own {
            request.insert(NAME, HeaderValue::try_from(own).unwrap());
        }
        let mut answer = HeaderMap::new();
        RequestId::of(&request).mark(&mut answer);
        answer[NAME].to_str().unwrap().to_owned()
    }

    #[test]
    fn a_client_s_id_of_usable_length_is_echoed() {
        for length in [20, 200] {
            let own = "x".repeat(length);
            assert_eq!(id_for(Some(&own)), own);
        }
        for length in [0, 19, 201] {
            let own = "x".repeat(length);
            assert_ne!(id_for(Some(&own)), own);
        }
    }

    #[test]
    fn generated_ids_differ_and_are_themselves_usable() {
        let (one, two) = (id_for(None), id_for(None));
        assert_ne!(one, two);
        assert_eq!(id_for(Some(&one)), one);
    }
}
