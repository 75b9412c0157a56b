//! What each type's config may hold, as declarations.

use Need::{Optional, Required};
use Shape::{
    Dsn, Flag, Headers, HttpUrl, Identifier, Labels, Number, OneOf, Pem, PostgresUrl, Text,
};

use crate::kind::Kind;

/// One setting of a config.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) need: Need,
    /// Shown as a mask only.
    pub(crate) secret: bool,
}

/// What a setting's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Any text that fits into a line.
    Text,
    /// `http://…` or `https://…`
    HttpUrl,
    /// The same, of Sentry: its user is all that it takes to post.
    Dsn,
    /// `postgres://…` or `postgresql://…`
    PostgresUrl,
    /// Certificates or a key, in PEM.
    Pem,
    /// Letters, digits and `_`, no digit first.
    Identifier,
    /// `true` or `false`
    Flag,
    /// A number from … to …
    Number(i64, i64),
    /// Names of headers and their values.
    Headers,
    /// Names of labels and their values.
    Labels,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// What Logflare knows and is not built here: passed over, it would be left out in silence.
    NotBuilt,
}

/// Whether a setting has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Required,
    Optional,
    /// This text, number or flag where it is not given.
    Default(&'static str),
}

const fn required(name: &'static str, shape: Shape) -> Setting {
    Setting { name, shape, need: Need::Required, secret: false }
}

const fn optional(name: &'static str, shape: Shape) -> Setting {
    Setting { name, shape, need: Need::Optional, secret: false }
}

const fn usually(name: &'static str, shape: Shape, default: &'static str) -> Setting {
    Setting { name, shape, need: Need::Default(default), secret: false }
}

const fn secret(name: &'static str, need: Need) -> Setting {
    Setting { name, shape: Shape::Text, need, secret: true }
}

const fn secret_pem(name: &'static str) -> Setting {
    Setting { name, shape: Shape::Pem, need: Need::Optional, secret: true }
}

const fn not_built(name: &'static str) -> Setting {
    Setting { name, shape: Shape::NotBuilt, need: Need::Optional, secret: true }
}

const WEBHOOK: &[Setting] = &[
    required("url", HttpUrl),
    optional("headers", Headers),
    usually("http", OneOf(&["http1", "http2"]), "http2"),
    usually("gzip", Flag, "true"),
];

const LOKI: &[Setting] = &[
    required("url", HttpUrl),
    optional("headers", Headers),
    optional("labels", Labels),
    optional("username", Text),
    secret("password", Optional),
];

const OTLP: &[Setting] = &[
    required("endpoint", HttpUrl),
    usually("protocol", OneOf(&["http/protobuf", "http/json"]), "http/protobuf"),
    usually("gzip", Flag, "true"),
    optional("headers", Headers),
    usually("flatten_to_attributes", Flag, "false"),
];

const S3: &[Setting] = &[
    required("s3_bucket", Text),
    required("storage_region", Text),
    required("access_key_id", Text),
    secret("secret_access_key", Required),
    optional("endpoint", HttpUrl),
    optional("prefix", Text),
    usually("gzip", Flag, "true"),
    usually("batch_timeout", Number(100, 600_000), "5000"),
];

const CLICKHOUSE: &[Setting] = &[
    required("url", HttpUrl),
    required("database", Identifier),
    required("port", Number(1, 65_535)),
    optional("username", Text),
    secret("password", Optional),
    usually("table", Identifier, "logweir_events"),
];

const ELASTIC: &[Setting] = &[
    required("url", HttpUrl),
    optional("username", Text),
    secret("password", Optional),
    secret("api_key", Optional),
    usually("index", Text, "logweir"),
];

const DATADOG: &[Setting] = &[
    secret("api_key", Required),
    required("region", OneOf(&["US1", "US3", "US5", "EU", "AP1", "AP2", "US1-FED"])),
    optional("url", HttpUrl),
];

const AXIOM: &[Setting] = &[
    required("dataset_name", Text),
    secret("api_token", Required),
    usually("domain", Text, "api.axiom.co"),
];

const SYSLOG: &[Setting] = &[
    required("host", Text),
    required("port", Number(1, 65_535)),
    usually("tls", Flag, "false"),
    not_built("cipher_key"),
    optional("ca_cert", Pem),
    optional("client_cert", Pem),
    secret_pem("client_key"),
    // Hosted receivers know their customers by a token in it.
    secret("structured_data", Optional),
    usually("max_message_bytes", Number(480, 1 << 20), "50000"),
];

const SENTRY: &[Setting] = &[required("dsn", Dsn)];

const POSTGRES: &[Setting] = &[
    optional("url", PostgresUrl),
    optional("hostname", Text),
    optional("port", Number(1, 65_535)),
    optional("database", Text),
    optional("username", Text),
    secret("password", Optional),
    optional("schema", Identifier),
    usually("table", Identifier, "logweir_events"),
];

impl Kind {
    /// What its config may hold. Anything else is passed over, as in Logflare.
    pub(crate) fn settings(self) -> &'static [Setting] {
        match self {
            Self::Webhook => WEBHOOK,
            Self::Loki => LOKI,
            Self::Otlp => OTLP,
            Self::S3 => S3,
            Self::Clickhouse => CLICKHOUSE,
            Self::Elastic => ELASTIC,
            Self::Datadog => DATADOG,
            Self::Axiom => AXIOM,
            Self::Syslog => SYSLOG,
            Self::Sentry => SENTRY,
            Self::Postgres => POSTGRES,
        }
    }
}
