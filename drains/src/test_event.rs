//! Tries a backend out.

use std::time::Duration;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{event::Event, kind::Kind, measures::now, outcome::Outcome, receiver::Receiver};

const TIMEOUT: Duration = Duration::from_secs(15);

/// Sends one event that says what it is, in the way of all others. `config` was
/// [checked](crate::checked).
///
/// # Errors
/// Why the receiver does not have it.
pub async fn test(kind: Kind, config: &Map<String, Value>) -> Result<(), String> {
    let receiver = Receiver::new(kind, config)?;
    let body = json!({
        "id": Uuid::new_v4(),
        "timestamp": now(),
        "event_message": "Logweir tests whether events arrive here",
    });
    let body = body.to_string();
    let events = [Event { source: "logweir.test", body: &body }];
    match tokio::time::timeout(TIMEOUT, receiver.send(&events)).await {
        Ok(Outcome::Delivered) => Ok(()),
        Ok(
            Outcome::Later { reason, .. }
            | Outcome::Refused { reason }
            | Outcome::Partly { reason, .. },
        ) => Err(reason),
        Err(_) => Err(format!("no answer within {} s", TIMEOUT.as_secs())),
    }
}
