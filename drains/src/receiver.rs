//! Another system, as a drain sees it.

use std::{fmt, time::Duration};

use outbound::HttpVersion;
use reqwest::Client;
use serde_json::{Map, Value};

use crate::{
    axiom::Axiom,
    clickhouse::Clickhouse,
    datadog::Datadog,
    elastic::Elastic,
    event::Event,
    http::{Answer, Request},
    kind::Kind,
    loki::Loki,
    otlp::Otlp,
    outcome::Outcome,
    s3::S3,
    syslog::Syslog,
    webhook::Webhook,
};

/// How events are put together for a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Batching {
    /// Most events of a request.
    pub(crate) events: usize,
    /// Bytes of bodies after which a request is closed.
    pub(crate) bytes: usize,
    /// How long the first event waits for others.
    pub(crate) age: Duration,
    /// Whether each source's events come apart.
    pub(crate) by_source: bool,
}

impl Default for Batching {
    fn default() -> Self {
        Self { events: 1000, bytes: 1 << 20, age: Duration::from_secs(1), by_source: false }
    }
}

/// The form that a receiver over HTTP wants.
pub(crate) trait Form: Send + Sync {
    fn batching(&self) -> Batching {
        Batching::default()
    }

    fn http_version(&self) -> HttpVersion {
        HttpVersion::Any
    }

    /// The request for at least one event.
    fn request(&self, events: &[Event<'_>]) -> Request;

    /// What an answer says of the events.
    fn outcome(&self, answer: &Answer, _events: &[Event<'_>]) -> Outcome {
        answer.outcome()
    }

    /// What to ask for first, where the answer says that something is missing.
    fn remedy(&self, _answer: &Answer) -> Option<Request> {
        None
    }
}

/// Another system that can be sent to.
pub(crate) enum Receiver {
    Http {
        form: Box<dyn Form>,
        client: Client,
    },
    Syslog(Syslog),
    #[cfg(test)]
    Played(Played),
}

/// A receiver of a test.
#[cfg(test)]
pub(crate) struct Played(Box<Answering>);

#[cfg(test)]
type Answering = dyn Fn(&[Event<'_>]) -> Outcome + Send + Sync;

/// Without anything of its config, which holds secrets.
impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http { .. } => "Http",
            Self::Syslog(_) => "Syslog",
            #[cfg(test)]
            Self::Played(_) => "Played",
        })
    }
}

impl Receiver {
    /// Of a config that was [checked](crate::checked).
    pub(crate) fn new(kind: Kind, config: &Map<String, Value>) -> Result<Self, String> {
        let form: Box<dyn Form> = match kind {
            Kind::Webhook => Box::new(Webhook::new(config)),
            Kind::Loki => Box::new(Loki::new(config)),
            Kind::Otlp => Box::new(Otlp::new(config)),
            Kind::S3 => Box::new(S3::new(config)?),
            Kind::Clickhouse => Box::new(Clickhouse::new(config)?),
            Kind::Elastic => Box::new(Elastic::new(config)),
            Kind::Datadog => Box::new(Datadog::new(config)),
            Kind::Axiom => Box::new(Axiom::new(config)),
            Kind::Syslog => return Ok(Self::Syslog(Syslog::new(config))),
        };
        let client = outbound::client(form.http_version()).map_err(|error| error.to_string())?;
        Ok(Self::Http { form, client })
    }

    #[cfg(test)]
    pub(crate) fn played(answer: impl Fn(&[Event<'_>]) -> Outcome + Send + Sync + 'static) -> Self {
        Self::Played(Played(Box::new(answer)))
    }

    pub(crate) fn batching(&self) -> Batching {
        match self {
            Self::Http { form, .. } => form.batching(),
            Self::Syslog(_) => Batching::default(),
            #[cfg(test)]
            Self::Played(_) => Batching { age: Duration::from_millis(20), ..Batching::default() },
        }
    }

    /// Sends at least one event.
    pub(crate) async fn send(&self, events: &[Event<'_>]) -> Outcome {
        let later = |reason| Outcome::Later { reason, after: None };
        let (form, client) = match self {
            Self::Http { form, client } => (form, client),
            Self::Syslog(syslog) => return syslog.send(events).await,
            #[cfg(test)]
            Self::Played(Played(answer)) => return answer(events),
        };
        let request = form.request(events);
        let answer = match request.send(client).await {
            Ok(answer) => answer,
            Err(reason) => return later(reason),
        };
        let Some(remedy) = form.remedy(&answer) else { return form.outcome(&answer, events) };
        match remedy.send(client).await {
            Err(reason) => later(reason),
            Ok(answer) if !matches!(answer.outcome(), Outcome::Delivered) => {
                // A person has to look after it; nothing of it is the events' fault.
                later(answer.reason())
            }
            Ok(_) => match form.request(events).send(client).await {
                Ok(answer) => form.outcome(&answer, events),
                Err(reason) => later(reason),
            },
        }
    }
}
