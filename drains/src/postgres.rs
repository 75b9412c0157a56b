//! A table in somebody's Postgres.

use serde_json::{Map, Value};
use store::{OutsideError, OutsideEvent, OutsideTable, PostgresServer};
use url::Url;

use crate::{
    event::{Event, Parts},
    http::{number_of, text_of},
    outcome::Outcome,
    postgres_url,
};

#[derive(Debug)]
pub(crate) struct Postgres {
    table: OutsideTable,
}

impl Postgres {
    pub(crate) fn new(config: &Map<String, Value>) -> Result<Self, String> {
        let url = server_url(config)?;
        let schema = Some(text_of(config, "schema")).filter(|schema| !schema.is_empty());
        let server = PostgresServer::parse(&url, schema.as_deref());
        let server = server.map_err(|error| error.to_string())?;
        let table = OutsideTable::new(&server, &text_of(config, "table"));
        Ok(Self { table: table.map_err(|error| error.to_string())? })
    }

    pub(crate) async fn send(&self, events: &[Event<'_>]) -> Outcome {
        let parts: Vec<_> = events.iter().map(Event::parts).collect();
        let rows: Vec<_> = events.iter().zip(&parts).map(row).collect();
        match self.table.insert(&rows).await {
            Ok(()) => Outcome::Delivered,
            Err(error) => outcome(error),
        }
    }
}

fn outcome(error: OutsideError) -> Outcome {
    match error {
        OutsideError::Refused(reason) => Outcome::Refused { reason },
        OutsideError::Failed(reason) => Outcome::Later { reason, after: None, of_events: true },
        OutsideError::Unavailable(reason) => {
            Outcome::Later { reason, after: None, of_events: false }
        }
    }
}

fn row<'a>((event, parts): (&'a Event<'_>, &'a Parts<'_>)) -> OutsideEvent<'a> {
    OutsideEvent {
        id: &parts.id,
        source: event.source,
        timestamp: parts.timestamp,
        event_message: &parts.message,
        body: event.body,
    }
}

/// Where the server is, by a config that is kept.
pub(crate) fn server_url(config: &Map<String, Value>) -> Result<String, String> {
    let url = match text_of(config, "url") {
        url if url.is_empty() => url_of_parts(config)?,
        url => postgres_url::kept(&url)?,
    };
    Ok(postgres_url::with_all_said(url).into())
}

/// The URL of a config that names host, user … apart.
fn url_of_parts(config: &Map<String, Value>) -> Result<Url, String> {
    let host = text_of(config, "hostname");
    if host.contains(['/', '?', '#', '@']) {
        return Err("is no host".to_owned());
    }
    let mut url = Url::parse(&format!("postgresql://{host}"))
        .map_err(|error| format!("is no host: {error}"))?;
    let of = |name| Some(text_of(config, name)).filter(|text| !text.is_empty());
    let invalid = |()| "is no host".to_owned();
    if let Some(user) = of("username") {
        url.set_username(&user).map_err(invalid)?;
    }
    url.set_password(of("password").as_deref()).map_err(invalid)?;
    if let Ok(port @ 1..) = u16::try_from(number_of(config, "port")) {
        url.set_port(Some(port)).map_err(invalid)?;
    }
    url.set_path(&of("database").unwrap_or_default());
    Ok(url)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hosts_and_users_become_a_url() {
        let url = |config: Value| server_url(config.as_object().unwrap());
        let whole = json!({
            "hostname": "db", "port": 6543, "username": "u@x", "password": "p/:", "database": "a b",
        });
        assert!(url(whole).unwrap().starts_with("postgresql://u%40x:p%2F%3A@db:6543/a%20b?"));
        for host in ["a b", "db/d?host=other", "other@db", "db#"] {
            assert!(url(json!({ "hostname": host })).is_err(), "{host}");
        }
    }

    /// Else an event at which a trigger fails would hold up all others for ever.
    #[test]
    fn what_may_come_of_events_is_told_from_a_server_that_is_away() {
        for (error, expected) in [
            (OutsideError::Failed(String::new()), Some(true)),
            (OutsideError::Unavailable(String::new()), Some(false)),
            (OutsideError::Refused(String::new()), None),
        ] {
            let of_events = match outcome(error) {
                Outcome::Later { of_events, .. } => Some(of_events),
                _ => None,
            };
            assert_eq!(of_events, expected);
        }
    }

    /// Nothing of our environment goes to a server of other people, or says how.
    #[test]
    fn what_is_not_given_is_what_it_is_everywhere() {
        let ours = "port=5432&sslmode=prefer&application_name=logweir";
        for (config, expected) in [
            (
                json!({"hostname": "db", "username": "u@x"}),
                format!("postgresql://u%40x@db/u%40x?password=&{ours}"),
            ),
            (
                json!({"url": "postgres://u@db/d"}),
                format!("postgres://u@db/d?password=&{ours}"),
            ),
            (
                json!({"url": "postgres:///?host=/run&user=u"}),
                format!("postgres:///?host=/run&user=u&password=&dbname=u&{ours}"),
            ),
            (
                json!({"url": "postgres://u:p@db:1/d?sslmode=require&application_name=a"}),
                "postgres://u:p@db:1/d?sslmode=require&application_name=a".to_owned(),
            ),
            // As they were kept once.
            (
                json!({"url": "postgres://u@db?password=p&port=1&dbname=d&ssl-mode=allow&x=y"}),
                "postgres://u@db?password=p&port=1&dbname=d&ssl-mode=allow&application_name=logweir"
                    .to_owned(),
            ),
        ] {
            assert_eq!(server_url(config.as_object().unwrap()).unwrap(), expected);
        }
    }

    /// Those that could be given once.
    #[tokio::test]
    async fn what_is_kept_goes_on_being_sent_to() {
        for parameters in [
            "connect_timeout=10",
            "options=-c%20search_path%3Dx",
            "port=6543",
            "dbname=e",
            "password=p",
            "hostaddr=192.0.2.1",
            "host=other",
            "pgbouncer=true",
            "ssl-mode=disable",
        ] {
            let config = json!({"url": format!("postgresql://u:p@h/d?{parameters}"), "table": "t"});
            let made = Postgres::new(config.as_object().unwrap());
            assert!(made.is_ok(), "{parameters}: {made:?}");
        }
        let without_anything = json!({"url": "postgresql:///", "table": "t"});
        assert!(Postgres::new(without_anything.as_object().unwrap()).is_ok());
    }
}
