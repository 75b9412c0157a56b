use event_schemas::{Event, parse};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn event(json: &str) -> Event<'_> {
    Event::normalise(parse(json).unwrap(), 0).unwrap()
}

fn body(event: &Event<'_>) -> Value {
    let mut body = Vec::new();
    event.write_body(&mut body);
    serde_json::from_slice(&body).unwrap()
}

/// What becomes of an event, and whether it was changed.
fn applied(repair: &Repair, given: &Value) -> (Value, Result<bool, Failed>) {
    let text = given.to_string();
    let mut event = event(&text);
    let done = repair.apply(&mut event);
    (body(&event), done)
}

/// Whether a value has all that another one has.
fn holds(after: &Value, before: &Value) -> bool {
    match (after, before) {
        (Value::Object(after), Value::Object(before)) => before
            .iter()
            .all(|(name, value)| after.get(name).is_some_and(|after| holds(after, value))),
        _ => after == before,
    }
}

fn program(source: &str) -> Repair {
    Repair::compile(source).unwrap()
}

#[test]
fn every_program_compiles_and_cannot_fail() {
    for source in SUPABASE_SOURCES.iter() {
        let Some(text) = repair_program(source.name) else {
            assert!(of_source(source.name).is_none(), "{}", source.name);
            continue;
        };
        let repair = Repair::compile(text).unwrap_or_else(|e| panic!("{}: {e}", source.name));
        assert!(repair.is_infallible(), "{}", source.name);
        assert!(of_source(source.name).is_some(), "{}", source.name);
    }
    assert!(of_source("my.own").is_none());
}

/// What is filled of an event that a stock pipeline sends, and that once is enough.
fn check_filled(source: &str, event: &Value, expected: &Value) {
    let (after, done) = applied(of_source(source).unwrap(), event);
    assert_eq!(done, Ok(true), "{source}: {event}");
    assert_eq!(&after["metadata"], expected, "{source}: {event}");
    let (again, done) = applied(of_source(source).unwrap(), &after);
    assert_eq!((again, done), (after, Ok(false)), "{source}: once is enough");
}

#[test]
fn what_the_gateways_lines_say_is_filled() {
    let agent = "Mozilla/5.0 (X11)";
    let access = |request: &str| {
        json!({
            "project": "default",
            "event_message": format!(
                "172.18.0.1 - - [20/Nov/2026:12:00:00 +0000] \"{request}\" 200 793 \"-\" \"{agent}\""
            ),
            "metadata": {
                "request": {
                    "headers": {"cf_connecting_ip": "172.18.0.1", "referer": "-", "user_agent": agent},
                    "method": null, "path": null, "protocol": null,
                },
                "response": {"status_code": 200},
            },
        })
    };
    let headers = json!({
        "cf_connecting_ip": "172.18.0.1", "referer": "-", "user_agent": agent, "x_real_ip": "172.18.0.1",
    });
    for (event, expected) in [
        (
            access("GET /rest/v1/todos?select=*&limit=10 HTTP/1.1"),
            json!({
                "request": {
                    "method": "GET", "path": "/rest/v1/todos?select=*&limit=10",
                    "search": "?select=*&limit=10", "protocol": "HTTP/1.1", "headers": headers,
                },
                "response": {"status_code": 200},
            }),
        ),
        (
            access("PATCH /storage/v1/object/a.png HTTP/2.0"),
            json!({
                "request": {
                    "method": "PATCH", "path": "/storage/v1/object/a.png", "protocol": "HTTP/2.0",
                    "headers": headers,
                },
                "response": {"status_code": 200},
            }),
        ),
        (
            json!({
                "severity": "error",
                "event_message": "2026/11/20 12:00:01 [error] 1410#0: *17 upstream timed out, client: 172.18.0.1, \
                    server: kong, request: \"GET /rest/v1/slow?a=b HTTP/1.1\", host: \"localhost:8000\"",
                "metadata": {"request": {"method": "GET", "path": "/rest/v1/slow?a=b", "protocol": "HTTP/1.1"},
                    "response": {"status_code": 200}},
            }),
            json!({
                "request": {
                    "method": "GET", "path": "/rest/v1/slow?a=b", "search": "?a=b",
                    "protocol": "HTTP/1.1",
                    "headers": {"cf_connecting_ip": "172.18.0.1", "x_real_ip": "172.18.0.1"},
                },
                "response": {"status_code": 200},
            }),
        ),
    ] {
        check_filled("cloudflare.logs.prod", &event, &expected);
    }
}

#[test]
fn what_postgres_lines_say_is_filled() {
    for (event, expected) in [
        (
            json!({
                "event_message": "172.18.0.9 2026-11-20 12:00:07.123 UTC [558] supabase_admin@postgres ERROR:  LOG: x",
                "metadata": {"host": "db-default", "parsed": {"error_severity": "LOG"}},
            }),
            json!({"host": "db-default", "parsed": {
                "error_severity": "LOG", "process_id": 558, "user_name": "supabase_admin",
                "database_name": "postgres", "connection_from": "172.18.0.9",
            }}),
        ),
        (
            json!({"event_message": " 2026-11-20 12:00:07.500 UTC [27] WARNING:  x"}),
            json!({"parsed": {"error_severity": "WARNING", "process_id": 27}}),
        ),
        (
            json!({"event_message": "2026-11-20 12:00:07.500 UTC [27] STATEMENT:  select 1"}),
            json!({"parsed": {"process_id": 27}}),
        ),
    ] {
        check_filled("postgres.logs", &event, &expected);
    }
}

#[test]
fn what_the_other_services_lines_say_is_filled() {
    for (source, event, expected) in [
        (
            "storage.logs.prod.2",
            json!({
                "event_message": "GET | 404 | 172.18.0.1 | req-5 | /object/a.png",
                "metadata": {"level": 30, "tenantId": "default"},
            }),
            json!({
                "level": 30, "tenantId": "default", "reqId": "req-5", "res": {"statusCode": 404},
                "req": {"method": "GET", "url": "/object/a.png", "remoteAddress": "172.18.0.1"},
            }),
        ),
        (
            "realtime.logs.prod",
            json!({
                "event_message": "12:00:04.500 project=p external_id=p [error] Too many channels",
                "metadata": {"external_id": "default"},
            }),
            json!({"external_id": "default", "level": "error"}),
        ),
        (
            "postgREST.logs.prod",
            json!({"project": "default", "event_message": "172.18.0.6 - anon \"GET /todos HTTP/1.1\" 200"}),
            json!({"host": "default"}),
        ),
        (
            "deno-subhosting-events",
            json!({"project": "default", "event_message": "[Error] Uncaught TypeError: x\n  at y"}),
            json!({"project_ref": "default", "event_type": "UncaughtException", "level": "error"}),
        ),
        (
            "deno-subhosting-events",
            json!({"event_message": "[Warning] x", "metadata": {"project_ref": "p"}}),
            json!({"project_ref": "p", "event_type": "Log", "level": "warning"}),
        ),
    ] {
        check_filled(source, &event, &expected);
    }
}

#[test]
fn what_is_no_line_of_the_service_stays_as_it_is() {
    for source in SUPABASE_SOURCES.iter().filter_map(|source| of_source(source.name)) {
        for given in [
            json!({"event_message": 5, "metadata": {"level": "info", "event_type": "Log"}}),
            json!({"metadata": ["x"]}),
        ] {
            let (after, done) = applied(source, &given);
            assert_eq!(done, Ok(false), "{after}");
            assert!(after.get("metadata") == given.get("metadata"), "{after}");
        }
    }
}

#[test]
fn an_error_leaves_no_trace() {
    let failing = program(".made = 1\n.number = to_int!(.text)");
    assert!(!failing.is_infallible());
    let (after, done) = applied(&failing, &json!({"id": "i", "text": "no number"}));
    assert!(done.unwrap_err().to_string().starts_with("the repair failed: "));
    assert_eq!(
        after,
        json!({"id": "i", "timestamp": 0, "event_message": null, "text": "no number"})
    );
    let (after, done) = applied(&failing, &json!({"id": "i", "text": "7"}));
    assert_eq!(done, Ok(true));
    assert_eq!((&after["made"], &after["number"]), (&json!(1), &json!(7)));
}

#[test]
fn times_are_text_as_vector_sends_it() {
    let (after, done) = applied(&program(".at = from_unix_timestamp!(.timestamp)"), &json!({}));
    assert_eq!((done, &after["at"]), (Ok(true), &json!("1970-01-01T00:00:00Z")));
}

#[test]
fn programs_name_fields_only() {
    for (source, named) in
        [(". = {}", "."), (".a = .list[0]", ".list[0]"), (".a = .\"b.c\"", "b.c")]
    {
        match Repair::compile(source) {
            Err(InvalidProgram::NoField(path)) => assert!(path.contains(named), "{path}"),
            other => panic!("{source}: {other:?}"),
        }
    }
    let error = Repair::compile(".a = nonsense(1)").unwrap_err().to_string();
    assert!(error.contains("error[E105]"), "{error}");
}

fn part() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Into::into),
        "[A-Z]{1,4}|2026-11-20 12:00:00.1 UTC \\[5\\] a@b LOG:  x|\\[Error\\] x"
            .prop_map(Into::into),
        Just(json!("1.1.1.1 - - [x] \"GET /a?b HTTP/1.1\" 200 1 \"-\" \"-\"")),
        Just(json!("GET | 200 | 1.1.1.1 | r | /a")),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Into::into),
            proptest::collection::btree_map(
                "event_message|metadata|request|response|parsed|req|res|headers|level|path|method|search",
                inner,
                0..5
            )
            .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_that_was_sent_is_changed(metadata in part(), message in part(), level in part()) {
        let given = json!({"id": "i", "metadata": metadata, "message": message, "severity": level});
        let before = body(&event(&given.to_string()));
        for source in SUPABASE_SOURCES.iter() {
            let Some(repair) = of_source(source.name) else { continue };
            let (after, done) = applied(repair, &given);
            prop_assert!(done.is_ok(), "{}: {:?}", source.name, done);
            prop_assert_eq!(done == Ok(true), after != before);
            // The message is null, not missing, where there is none.
            let mut before = before.clone();
            before.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            prop_assert!(holds(&after, &before), "{}: {} {}", source.name, before, after);
        }
    }
}
