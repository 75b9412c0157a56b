//! Another system, as a drain sees it.

use std::fmt;

use outbound::HttpVersion;
use reqwest::Client;
use serde_json::{Map, Value};

use crate::{
    axiom::Axiom,
    batching::Batching,
    clickhouse::Clickhouse,
    datadog::Datadog,
    elastic::Elastic,
    event::Event,
    http::{Answer, Request},
    kind::Kind,
    loki::Loki,
    otlp::Otlp,
    outcome::Outcome,
    postgres::Postgres,
    s3::S3,
    sentry::Sentry,
    syslog::Syslog,
    webhook::Webhook,
};

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
    Postgres(Postgres),
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
            Self::Postgres(_) => "Postgres",
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
            Kind::Sentry => Box::new(Sentry::new(config)?),
            Kind::Syslog => return Syslog::new(config).map(Self::Syslog),
            Kind::Postgres => return Postgres::new(config).map(Self::Postgres),
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
            Self::Syslog(_) | Self::Postgres(_) => Batching::default(),
            #[cfg(test)]
            Self::Played(_) => {
                let age = std::time::Duration::from_millis(20);
                Batching { age, ..Batching::default() }
            }
        }
    }

    /// Sends at least one event.
    pub(crate) async fn send(&self, events: &[Event<'_>]) -> Outcome {
        let (form, client) = match self {
            Self::Http { form, client } => (form, client),
            Self::Syslog(syslog) => return syslog.send(events).await,
            Self::Postgres(postgres) => return postgres.send(events).await,
            #[cfg(test)]
            Self::Played(Played(answer)) => return answer(events),
        };
        let request = form.request(events);
        let answer = match request.send(client).await {
            Ok(answer) => answer,
            Err(none) => return none.later(),
        };
        let Some(remedy) = form.remedy(&answer) else { return form.outcome(&answer, events) };
        // A person has to look after it; nothing of it is the events' fault.
        let later = |reason| Outcome::Later { reason, after: None, of_events: false };
        match remedy.send(client).await {
            Err(none) => later(none.reason),
            Ok(answer) if !matches!(answer.outcome(), Outcome::Delivered) => later(answer.reason()),
            Ok(_) => match form.request(events).send(client).await {
                Ok(answer) => form.outcome(&answer, events),
                Err(none) => none.later(),
            },
        }
    }
}
