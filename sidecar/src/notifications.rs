//! People are told of new events: numbers of them are posted to a webhook, or to Slack.
//!
//! It is done beside the management API, where people ask for it: ingest waits for nobody's
//! server. Of several processes the one tells that was first to note so in the catalog.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use store::{Readiness, Source, Store};

use crate::hooks::{Hooks, escaped};

/// How often it is looked for new events.
const INTERVAL: Duration = Duration::from_secs(1);

/// Tells people of new events, for as long as it is polled. What cannot be told in some attempts is
/// logged: the next message comes with the next events.
pub async fn keep_notifying(store: Store) {
    let hooks = match Hooks::new() {
        Ok(hooks) => hooks,
        Err(error) => return tracing::error!(%error, "nobody is told of new events"),
    };
    store.ready().await;
    loop {
        tokio::time::sleep(INTERVAL).await;
        let sources: Vec<_> =
            store.sources().into_iter().filter(|source| is_told(source)).collect();
        if sources.is_empty() || store.readiness() != Readiness::Ready {
            continue;
        }
        let of_catalog: Vec<&Source> = sources.iter().map(|source| &**source).collect();
        let notices = match store.due_notices(&of_catalog).await {
            Ok(notices) => notices,
            Err(error) => {
                tracing::debug!(%error, "nobody is told of new events now");
                continue;
            }
        };
        for notice in notices {
            if let Some(source) = sources.iter().find(|source| source.id == notice.source) {
                tokio::spawn(tell(hooks.clone(), Arc::clone(source), notice.events));
            }
        }
    }
}

fn is_told(source: &Source) -> bool {
    source.settings.webhook_notification_url.is_some() || source.settings.slack_hook_url.is_some()
}

async fn tell(hooks: Hooks, source: Arc<Source>, events: u64) {
    let settings = &source.settings;
    let webhook =
        settings.webhook_notification_url.as_ref().map(|url| (url, message(&source, events)));
    let slack = settings.slack_hook_url.as_ref().map(|url| (url, slack_message(&source, events)));
    for (url, message) in [webhook, slack].into_iter().flatten() {
        if let Err(error) = hooks.tell(url, &message.to_string()).await {
            tracing::warn!(source = source.name, %error, "new events could not be told of");
        }
    }
}

fn message(source: &Source, events: u64) -> Value {
    json!({
        "text": text(&source.name, events),
        "events": events,
        "source": { "name": source.name, "token": source.token },
    })
}

fn slack_message(source: &Source, events: u64) -> Value {
    json!({ "text": text(&escaped(&source.name), events) })
}

fn text(source: &str, events: u64) -> String {
    let noun = if events == 1 { "event" } else { "events" };
    format!("{events} new {noun} in {source}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_say_how_many() {
        assert_eq!(text("a", 1), "1 new event in a");
        assert_eq!(text(&escaped("<!channel> & b"), 2), "2 new events in &lt;!channel&gt; &amp; b");
    }
}
