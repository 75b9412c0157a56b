//! Receivers in TLS whose certificates only we know, and a Postgres of one's own.

use std::time::Duration;

use end_to_end::{
    postgres::TestCluster,
    program::{Program, eventually, within},
    receiver::{AUTHORITY, Receiver, Reply, tls_acceptor},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use tokio::{io::AsyncReadExt as _, net::TcpListener};

use crate::{
    drains::{attached, event, manage, source, text},
    program,
};

async fn tested(program: &Program, backend: &Value) -> Value {
    let path = format!("/api/backends/{}/test", text(&backend["token"]));
    let (status, tested) = manage(program, Method::POST, &path, Value::Null).await;
    assert_eq!(status, StatusCode::OK, "{tested}");
    tested
}

#[tokio::test]
async fn a_webhook_in_tls_is_trusted_by_an_authority_of_ones_own() {
    let receiver = Receiver::start_tls(|_, _| Reply::status(200)).await;
    let file = std::env::temp_dir().join(format!("logweir-authority-{}.pem", std::process::id()));
    std::fs::write(&file, AUTHORITY).expect("a file can be written");
    let config = json!({ "url": receiver.url("/hook") });
    // A system that trusts nobody else, and one that does not know the authority.
    for trusts in [true, false] {
        let database = TestCluster::shared().database().await;
        let mut settings = vec![("POSTGRES_BACKEND_URL", database.as_str())];
        if trusts {
            settings.push(("LOGWEIR_CA_FILE", file.to_str().expect("UTF-8")));
        }
        let program = Program::start(&["serve"], &settings);
        program.ready().await;
        let app = source(&program, "app").await;
        let backend = attached(&program, &app, "webhook", config.clone()).await;
        let tested = tested(&program, &backend).await;
        if !trusts {
            assert_eq!(tested["connected?"], false);
            assert!(text(&tested["reason"]).contains("certificate"), "{tested}");
            continue;
        }
        assert_eq!(tested, json!({ "connected?": true }));
        program.log("app", &event("encrypted")).await;
        eventually("it arrives", async || {
            receiver.messages().iter().any(|message| message == "encrypted")
        })
        .await;
    }
    std::fs::remove_file(&file).expect("it is there");
}

#[tokio::test]
async fn syslog_goes_in_tls_to_whom_its_config_trusts() {
    let program = program().await;
    let app = source(&program, "app").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let port = listener.local_addr().expect("it has one").port();
    let receiving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("it connects");
        let mut stream = tls_acceptor().accept(stream).await.expect("it trusts us");
        let mut received = Vec::new();
        while !received.ends_with(b"}") {
            assert!(stream.read_buf(&mut received).await.expect("it is read") > 0);
        }
        String::from_utf8(received).expect("text")
    });
    let config = json!({
        "host": "localhost", "port": port, "tls": true, "ca_cert": AUTHORITY,
        "structured_data": "[token@41058 key=\"the-secret\"]",
    });
    let backend = attached(&program, &app, "syslog", config).await;
    assert_eq!(backend["config"]["structured_data"], "REDACTED");
    program.log("app", &event("encrypted")).await;
    let received = receiving.await.expect("it arrives");
    assert!(received.contains("[token@41058 key=\"the-secret\"] {"), "{received}");
    assert!(received.contains("encrypted"), "{received}");
}

#[tokio::test]
async fn an_event_that_a_trigger_in_a_postgres_does_not_take_holds_up_no_other() {
    let program = program().await;
    let app = source(&program, "app").await;
    let url = TestCluster::shared().database().await;
    let mut postgres = PgConnection::connect(&url).await.expect("it is there");
    let table = "create table logweir_events (id text, source text, \"timestamp\" timestamp,
            event_message text, body jsonb);
        create function check_event() returns trigger language plpgsql as $$ begin
            if new.event_message = 'poison' then raise 'no poison here'; end if;
            return new;
        end $$;
        create trigger check_event before insert on logweir_events
            for each row execute function check_event()";
    sqlx::raw_sql(table).execute(&mut postgres).await.expect("it is made");
    attached(&program, &app, "postgres", json!({ "url": url })).await;
    let events: Vec<_> =
        ["one", "poison", "two"].map(|text| json!({ "event_message": text })).into();
    program.log("app", &json!(events)).await;
    let mut messages: Vec<String> = Vec::new();
    within(Duration::from_secs(120), "the others are there", async || {
        let sql = "select event_message from logweir_events where source = 'app' order by ctid";
        messages = sqlx::query_scalar(sql).fetch_all(&mut postgres).await.expect("it is there");
        messages.len() == 2
    })
    .await;
    assert_eq!(messages, ["one", "two"]);
}

#[tokio::test]
async fn events_are_sent_on_to_a_postgres_once() {
    let program = program().await;
    let app = source(&program, "app").await;
    let url = TestCluster::shared().database().await;
    let backend = attached(&program, &app, "postgres", json!({ "url": url })).await;
    assert_eq!(tested(&program, &backend).await, json!({ "connected?": true }));
    let events = json!([
        { "id": "e-1", "event_message": "hello", "timestamp": 1_795_495_200_000_001_i64,
          "metadata": { "level": "error" } },
        { "id": "e-2", "event_message": "world", "timestamp": 1_795_495_200_000_002_i64 },
    ]);
    // The second time it is known, here and there.
    for _ in 0..2 {
        program.log("app", &events).await;
    }
    let mut postgres = PgConnection::connect(&url).await.expect("it is there");
    let mut rows: Vec<String> = Vec::new();
    eventually("the events are there", async || {
        let sql = "select format('%s %s %s %s %s', id, source, \"timestamp\", event_message, \
                   body #>> '{metadata,level}') from logweir_events where source = 'app' order by id";
        rows = sqlx::query_scalar(sql).fetch_all(&mut postgres).await.unwrap_or_default();
        rows.len() == 2
    })
    .await;
    let expected = [
        "e-1 app 2026-11-24 04:40:00.000001 hello error",
        "e-2 app 2026-11-24 04:40:00.000002 world ",
    ];
    assert_eq!(rows, expected);
}
