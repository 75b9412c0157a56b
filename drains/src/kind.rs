//! Types of backends.

use std::str::FromStr;

/// A type of backend that events can be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A JSON array posted to a URL.
    Webhook,
    /// Grafana Loki's push API.
    Loki,
    /// OpenTelemetry over HTTP.
    Otlp,
    /// Objects in a bucket.
    S3,
    /// ClickHouse's HTTP interface.
    Clickhouse,
    /// Elasticsearch's bulk API.
    Elastic,
    /// Datadog's intake of logs.
    Datadog,
    /// Axiom's ingest API.
    Axiom,
    /// RFC 5424 over TCP, or TLS.
    Syslog,
    /// Sentry's logs.
    Sentry,
    /// A table in another Postgres.
    Postgres,
}

/// A type that nothing can be sent to; the text is read after the field's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnknownKind(String);

impl Kind {
    /// All that are built.
    pub const ALL: [Self; 11] = [
        Self::Webhook,
        Self::Loki,
        Self::Otlp,
        Self::S3,
        Self::Clickhouse,
        Self::Elastic,
        Self::Datadog,
        Self::Axiom,
        Self::Syslog,
        Self::Sentry,
        Self::Postgres,
    ];

    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Loki => "loki",
            Self::Otlp => "otlp",
            Self::S3 => "s3",
            Self::Clickhouse => "clickhouse",
            Self::Elastic => "elastic",
            Self::Datadog => "datadog",
            Self::Axiom => "axiom",
            Self::Syslog => "syslog",
            Self::Sentry => "sentry",
            Self::Postgres => "postgres",
        }
    }

    /// Names of the settings that its config may hold.
    pub fn setting_names(self) -> impl Iterator<Item = &'static str> {
        self.settings().iter().map(|setting| setting.name)
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        if let Some(kind) = Self::ALL.into_iter().find(|kind| kind.name() == name) {
            return Ok(kind);
        }
        let there_are = Self::ALL.map(Self::name).join(", ");
        let why = match name {
            "bigquery" | "incidentio" => "is not built yet",
            "last9" => "is not built yet: its endpoint for OpenTelemetry is a backend of type otlp",
            _ => "is unknown",
        };
        Err(UnknownKind(format!("{why}. There are {there_are}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_built_says_what_is() {
        for kind in Kind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        for name in ["bigquery", "incidentio", "last9", "Webhook", ""] {
            let text = name.parse::<Kind>().unwrap_err().to_string();
            assert!(
                text.ends_with(
                    "There are webhook, loki, otlp, s3, clickhouse, elastic, datadog, axiom, \
                     syslog, sentry, postgres"
                ),
                "{text}"
            );
        }
    }
}
