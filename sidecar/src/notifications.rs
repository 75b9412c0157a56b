//! People are told of new events: numbers of them are posted to a webhook, or to Slack.
//!
//! It is done beside the management API, where people ask for it: ingest waits for nobody's
//! server. Of several processes the one tells that was first to note so in the catalog.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
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
    let webhook = settings.webhook_notification_url.as_deref();
    let slack = settings.slack_hook_url.as_deref();
    let told = [
        webhook.map(|url| (url, message(&source, events).to_string())),
        slack.map(|url| (url, slack_message(&source, events).to_string())),
    ];
    tell_all(&hooks, &source.name, told.into_iter().flatten()).await;
}

/// Tells each URL its message, at the same time: one that hangs is in no other's way.
async fn tell_all<'u>(hooks: &Hooks, source: &str, told: impl Iterator<Item = (&'u str, String)>) {
    let tell = async |(url, message): (&str, String)| {
        if let Err(error) = hooks.tell(url, message).await {
            tracing::warn!(source, %error, "new events could not be told of");
        }
    };
    join_all(told.map(tell)).await;
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
    use tokio::{io::AsyncReadExt as _, net::TcpListener, time::timeout};

    use super::*;

    #[tokio::test]
    async fn who_does_not_answer_delays_nobody_else() {
        let [silent, other] =
            [TcpListener::bind("127.0.0.1:0").await, TcpListener::bind("127.0.0.1:0").await]
                .map(Result::unwrap);
        let url = |listener: &TcpListener| format!("http://{}/", listener.local_addr().unwrap());
        let (silent, other_url) = (url(&silent), url(&other));
        let hooks = Hooks::new().unwrap();
        let told =
            [(silent.as_str(), "first".to_owned()), (other_url.as_str(), "second".to_owned())];
        let received = async {
            let (mut stream, _) = other.accept().await.unwrap();
            let mut text = Vec::new();
            while !text.ends_with(b"second") {
                assert_ne!(stream.read_buf(&mut text).await.unwrap(), 0);
            }
        };
        tokio::select! {
            () = tell_all(&hooks, "a", told.into_iter()) => panic!("nobody answers"),
            // Much less than the time for which an answer is waited for.
            in_time = timeout(Duration::from_secs(10), received) => in_time.unwrap(),
        }
    }

    #[test]
    fn texts_say_how_many() {
        assert_eq!(text("a", 1), "1 new event in a");
        assert_eq!(text(&escaped("<!channel> & b"), 2), "2 new events in &lt;!channel&gt; &amp; b");
    }
}
