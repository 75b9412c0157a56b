//! Events of Postgres, GoTrue and the other services.

use serde_json::{Value, json};

use super::{
    edge_events::ray,
    events::{Number, Recipe},
};

pub(super) const RECIPES: &[&Recipe] = &[
    &Recipe { name: "postgres_logs", source: "postgres.logs", event: postgres },
    &Recipe { name: "auth_logs", source: "gotrue.logs.prod", event: auth },
    &Recipe { name: "storage_logs", source: "storage.logs.prod.2", event: storage },
    &Recipe { name: "realtime_logs", source: "realtime.logs.prod", event: realtime },
    &Recipe { name: "postgrest_logs", source: "postgREST.logs.prod", event: postgrest },
    &Recipe { name: "pgbouncer_logs", source: "pgbouncer.logs.prod", event: pgbouncer },
];

const MESSAGES: [&str; 15] = [
    "extension is present",
    "connection received: host=10.0.0.1 port=12345",
    "connection authenticated: identity=postgres",
    "connection authorized: user=postgres",
    "duration: 1200.5 ms  statement: select 1",
    "duplicate key value violates unique constraint \"todos_pkey\"",
    "canceling statement due to statement timeout",
    "cron job 1 starting: select 1",
    "cron job 2 COMMIT",
    "AUDIT: SESSION,1,1,DDL,CREATE TABLE,TABLE,public.todos,create table todos()",
    "operator does not exist: integer = text",
    "checkpoint complete: wrote 44 buffers",
    "permission denied for table todos",
    "hello world.",
    "PgBouncer started host=pooler",
];
const SEVERITIES: [&str; 9] =
    ["LOG", "LOG", "LOG", "WARNING", "NOTICE", "ERROR", "ERROR", "FATAL", "PANIC"];

fn postgres(n: Number) -> Value {
    let severity = n.pick(1, &SEVERITIES);
    let mut parsed = json!({
        "error_severity": severity,
        "sql_state_code": n.pick(2, &["00000", "42501", "23505", "57014"]),
        "user_name": n.pick(3, &["authenticator", "postgres", "supabase_storage_admin", "supabase_auth_admin", "API_role", "<ROLE>"]),
        "query": n.pick(4, &["select * from todos", "SELECT t FROM function_name()", "create table todos()", "select <function_name>()", "select * <some table>", "select 1 -- source: dashboard"]),
        "application_name": n.pick(5, &["pg_cron", "PostgREST 13.0.5", "psql"]),
        "backend_type": n.pick(6, &["client backend", "checkpointer"]),
        "command_tag": n.pick(7, &["CREATE TABLE", "ALTER TABLE", "DROP TABLE", "SELECT", "INSERT"]),
        "connection_from": "172.18.0.8:41764",
        "database_name": "postgres",
        "process_id": n.random(8) % 900 + 100,
        "query_id": n.random(9) >> 2,
        "session_id": format!("{:x}.{:x}", n.random(10) % 1000, n.random(11) % 100),
        "session_line_num": n.random(12) % 30,
        "session_start_time": "2026-02-28 22:40:18 UTC",
        "timestamp": "2026-03-01 00:10:18.149 UTC",
        "transaction_id": 0,
        "virtual_transaction_id": "3/14",
        "context": "PL/pgSQL function function_name() line 3",
    });
    if severity == "ERROR" {
        parsed["detail"] = json!("Key (id)=(7) already exists.");
        parsed["hint"] = json!("No operator matches");
    }
    let mut event = json!({
        "event_message": n.pick(13, &MESSAGES),
        "project": "default",
        "identifier": n.pick(14, &["default", "replica"]),
        "metadata": {"host": "db-default", "parsed": parsed},
    });
    if n.every(37) {
        event["metadata"] = json!({"host": "db-default"});
    }
    event
}

fn auth(n: Number) -> Value {
    let path = n.pick(
        1,
        &[
            "/token",
            "/token",
            "/signup",
            "/verify",
            "/user",
            "/logout",
            "/recover",
            "/admin/users",
            "/otp",
            "/callback",
        ],
    );
    let status = n.pick(2, &[200, 200, 200, 204, 302, 400, 401, 403, 422, 429, 500, 504]);
    let level = n.pick(3, &["info", "info", "info", "warning", "error", "fatal"]);
    let action = n.pick(
        4,
        &[
            "login",
            "login",
            "user_signedup",
            "token_refreshed",
            "user_recovery_requested",
            "logout",
        ],
    );
    let provider = n.pick(5, &["google", "email", "github"]);
    let actor = match n.random(6) % 25 {
        0 => "0f3c2b8e-6b7c-4f43-9d0c-5a9d7f0f8f11".to_owned(),
        other => format!("actor-{other}"),
    };
    let duration = n.random(7) % 900_000_000;
    let msg = if status >= 500 { "unhandled request error" } else { "request completed" };
    let mut message = json!({
        "level": level, "msg": msg, "path": path, "status": status, "method": n.pick(8, &["GET", "POST"]),
        "duration": duration, "action": action, "provider": provider, "login_method": n.pick(9, &["password", "pkce"]),
        "grant_type": n.pick(10, &["password", "refresh_token"]), "user_id": actor,
        "auth_event": {"action": action, "actor_id": actor, "traits": {"provider": provider}},
    });
    if n.pick(11, &[true, true, false]) {
        message["metering"] = json!(true);
    }
    if status >= 400 {
        message["error_code"] =
            json!(n.pick(12, &["otp_expired", "over_request_rate_limit", "PGRST301"]));
    }
    let mut metadata = json!({
        "level": level, "msg": msg, "path": path, "status": status, "method": message["method"],
        "request_id": ray(n), "remote_addr": "203.0.113.9", "duration": duration, "component": "api",
        "timestamp": "2026-03-01T00:10:00Z",
    });
    if status >= 400 {
        metadata["error"] = json!(format!("{status}: otp_expired"));
    }
    if n.every(29) {
        metadata =
            json!({"worker_type": "apiworker_index_worker", "level": "info", "msg": "indexed"});
    }
    json!({"event_message": message.to_string(), "project": "default", "metadata": metadata})
}

fn storage(n: Number) -> Value {
    let status = n.pick(1, &[200, 200, 206, 400, 404, 500, 503]);
    let method = n.pick(2, &["GET", "POST", "DELETE"]);
    let file = n.pick(3, &["avatar.png", "Avatar.png", "b.pdf"]);
    let mut event = json!({
        "event_message": format!("{method} | {status} | 203.0.113.7 | req-{} | /object/{file}", n.random(4) % 50),
        "metadata": {
            "project": "default", "tenantId": "default", "level": n.pick(5, &["info", "warn", "error"]),
            "responseTime": n.random(6) % 800,
            "context": [{"host": "5b0d7a1f9c3e", "pid": 1}],
            "req": {"method": method, "url": format!("/object/{file}"), "remoteAddress": n.pick(7, &["IP_ADDRESS", "203.0.113.7"])},
            "res": {"statusCode": status},
        },
    });
    if n.every(3) {
        event["event_message"] = json!(format!("GET /object/{file}"));
    }
    if status >= 400 {
        event["metadata"]["error"] =
            json!({"message": "The resource already exists", "raw": "{\"statusCode\":\"409\"}"});
    }
    event
}

fn realtime(n: Number) -> Value {
    json!({
        "event_message": n.pick(1, &["Tenant is healthy", "Number of connected clients", "COnnecTion lost", "error 503"]),
        "metadata": {
            "project": "default", "external_id": "default", "level": n.pick(2, &["info", "error"]),
            "measurements": {"connected": n.random(3) % 40, "limit": 200},
        },
    })
}

fn postgrest(n: Number) -> Value {
    json!({
        "event_message": n.pick(1, &["Schema cache queried in 18.4 milliseconds", "PGRST301: JWT expired", "Listening on port 3000"]),
        "project": "default",
        "identifier": n.pick(2, &["default", "replica"]),
        "metadata": {"host": "default"},
    })
}

fn pgbouncer(n: Number) -> Value {
    json!({
        "event_message": n.pick(1, &["login attempt: db=postgres user=authenticator", "stats: 12 xacts/s", "closing because: client close request"]),
        "project": "default",
        "file": "/var/log/pgbouncer.log",
        "metadata": {"host": "db-default"},
    })
}
