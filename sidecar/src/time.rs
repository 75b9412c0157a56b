//! Times as the API shows them.

use jiff::Timestamp;
use serde_json::Value;

/// RFC 3339 in UTC; `null` for what is beyond all calendars.
pub(crate) fn rfc3339(micros_since_1970: i64) -> Value {
    match Timestamp::from_microsecond(micros_since_1970) {
        Ok(time) => Value::String(time.to_string()),
        Err(_) => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_utc() {
        assert_eq!(rfc3339(1_732_536_000_123_456), "2024-11-25T12:00:00.123456Z");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(i64::MAX), Value::Null);
    }
}
