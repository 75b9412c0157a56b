//! Events of what answers HTTP: the gateway and edge functions.

use serde_json::{Value, json};

use super::events::{Number, Recipe};

pub(super) const RECIPES: &[&Recipe] = &[
    &Recipe { name: "edge_logs", source: "cloudflare.logs.prod", event: edge },
    &Recipe { name: "function_edge_logs", source: "deno-relay-logs", event: function_edge },
    &Recipe { name: "function_logs", source: "deno-subhosting-events", event: function },
];

const METHODS: [&str; 9] =
    ["GET", "GET", "GET", "POST", "POST", "PATCH", "DELETE", "PUT", "OPTIONS"];
const STATUSES: [i64; 16] =
    [200, 200, 200, 200, 201, 204, 206, 304, 400, 401, 404, 409, 429, 500, 503, 504];
const PATHS: [&str; 16] = [
    "/rest/v1/orders",
    "/rest/v1/orders",
    "/rest/v1/users",
    "/rest/v1/rpc/search",
    "/auth/v1/token",
    "/auth/v1/signup",
    "/auth/v1/admin",
    "/auth/v1/user",
    "/storage/v1/object/public/a/avatar.png",
    "/storage/v1/object/sign/b/c.pdf",
    "/storage/v1/render/image/a.png",
    "/realtime/v1/websocket",
    "/graphql/v1",
    "/functions/v1/hello",
    "/functions/v1/FUNCTION_NAME",
    "/",
];
const SEARCHES: [Option<&str>; 4] = [None, None, Some("?select=*"), Some("?limit=10&offset=0")];
const AGENTS: [&str; 3] =
    ["Mozilla/5.0 (X11; Linux x86_64) mozilla", "curl/8.14.1", "supabase-js/2.84"];
const COUNTRIES: [&str; 4] = ["DE", "US", "FR", "JP"];
const CACHE: [&str; 9] = [
    "HIT",
    "HIT",
    "STALE",
    "REVALIDATED",
    "UPDATING",
    "MISS",
    "NONE/UNKNOWN",
    "EXPIRED",
    "DYNAMIC",
];
const REGIONS: [&str; 3] = ["eu-west-1", "us-east-1", "ap-south-1"];
const FUNCTIONS: [&str; 3] = [
    "5d4f0e0a-2f3d-4d7e-8d45-1f7d2c9f3a10",
    "0b1e7e3c-3a47-4a39-9d3e-1f0a6f4b2c11",
    "77777777-3a47-4a39-9d3e-1f0a6f4b2c11",
];

/// The ray of a request: those of `auth_logs` name the same.
pub(super) fn ray(n: Number) -> String {
    format!("9{:014x}-FRA", n.random(77) % 60)
}

fn edge(n: Number) -> Value {
    let mut method = n.pick(1, &METHODS);
    let mut status = n.pick(2, &STATUSES);
    let mut path = n.pick(3, &PATHS);
    if n.every(11) {
        // What a page's filters ask for all at once.
        (method, status, path) = ("post", 503, "/rest/v1/orders");
    }
    let search = n.pick(4, &SEARCHES);
    let ip = format!("203.0.113.{}", n.random(5) % 20);
    let text = match () {
        () if n.every(22) => "it's a 12 503 path".to_owned(),
        () if n.every(43) => "GET | 200 | avatar.png".to_owned(),
        () => format!(
            "{method} | {status} | {ip} | {} | https://example.supabase.co{path} | agent",
            ray(n)
        ),
    };
    let mut event = json!({
        "event_message": text,
        "project": "default",
        "identifier": n.pick(6, &["default", "replica"]),
        "metadata": {
            "request": {
                "method": method,
                "path": path,
                "host": n.pick(7, &["example.supabase.co", "other.example.com"]),
                "protocol": "https:",
                "url": format!("https://example.supabase.co{path}{}", search.unwrap_or_default()),
                "headers": {
                    "user_agent": n.pick(8, &AGENTS),
                    "cf_connecting_ip": ip,
                    "x_real_ip": ip,
                    "content_length": (n.random(9) % 5000).to_string(),
                    "cf_ipcountry": n.pick(10, &COUNTRIES),
                    "referer": "http://localhost:3000/",
                    "x_client_info": "supabase-js/2.84",
                },
                "cf": {
                    "country": n.pick(10, &COUNTRIES),
                    "city": n.pick(11, &["Berlin", "Boston", "Paris"]),
                    "continent": "EU",
                    "region": "some",
                },
                "sb": {
                    "auth_user": n.pick(12, &["0f3c2b8e-6b7c-4f43-9d0c-5a9d7f0f8f11", "SOME_USER_ID"]),
                    "apikey": {"apikey": {"prefix": n.pick(13, &["sb_secret_ab", "sb_publishable_c"]), "hash": "h"}},
                    "jwt": {
                        "apikey": {"payload": {
                            "role": n.pick(14, &["anon", "service_role", "authenticated"]),
                            "algorithm": n.pick(15, &["HS256", "HS256", "ES256"]),
                            "issuer": n.pick(16, &["supabase", "elsewhere"]),
                            "signature_prefix": "abc",
                            "expires_at": 1_900_000_000,
                        }},
                        "authorization": {"payload": {
                            "role": n.pick(17, &["anon", "authenticated"]),
                            "algorithm": "HS256",
                            "subject": "0f3c2b8e-6b7c-4f43-9d0c-5a9d7f0f8f11",
                        }},
                    },
                },
            },
            "response": {
                "status_code": status,
                // Also whole numbers.
                "origin_time": f64::from(u32::try_from(n.random(18) % 6000).unwrap_or_default()) / 4.0,
                "headers": {
                    "cf_ray": ray(n),
                    "cf_cache_status": n.pick(19, &CACHE),
                    "content_length": (n.random(20) % 90_000).to_string(),
                    "content_type": "application/json",
                    "proxy_status": n.pick(22, &["PostgREST; error=PGRST301", "the_relevant_status_code"]),
                    "x_sb_error_code": n.pick(21, &["otp_expired", "invalid_credentials"]),
                },
            },
        },
    });
    if let Some(search) = search {
        event["metadata"]["request"]["search"] = json!(search);
    }
    // Senders leave parts out.
    if n.every(37) {
        event["metadata"] = json!({"request": {"method": method}});
    }
    event
}

fn function_edge(n: Number) -> Value {
    let status = n.pick(2, &[200, 200, 201, 301, 400, 401, 404, 500, 503, 504, 546]);
    let method = n.pick(1, &METHODS);
    let name = n.pick(3, &["FUNCTION_NAME", "YOUR_FUNCTION_NAME", "hello", "induce-504"]);
    let pathname = format!("/functions/v1/{name}");
    json!({
        "event_message": format!("{method} | {status} | https://example.supabase.co{pathname}"),
        "metadata": {
            "project_ref": "default",
            "function_id": n.pick(4, &FUNCTIONS),
            "execution_id": format!("execution-{}", n.random(5) % 40),
            "request_id": format!("request-{}", n.random(6) % 80),
            "deployment_id": "default_1",
            "version": n.pick(7, &["11", "12"]),
            "execution_time_ms": n.random(8) % 3000,
            "request": {
                "method": method,
                "pathname": pathname,
                "path": pathname,
                "host": "example.supabase.co",
                "url": format!("https://example.supabase.co{pathname}"),
                "search": "?a=1",
                "headers": {"user_agent": n.pick(9, &AGENTS), "content_length": "27"},
                "sb": {"jwt": {"authorization": {"payload": {"algorithm": "HS256", "role": "anon"}}}},
            },
            "response": {
                "status_code": status,
                "origin_time": n.random(10) % 2000,
                "headers": {"x_sb_edge_region": n.pick(11, &REGIONS), "content_length": "312"},
            },
        },
    })
}

fn function(n: Number) -> Value {
    let event_type =
        n.pick(1, &["Boot", "Log", "Log", "Log", "Shutdown", "UncaughtException", "BootFailure"]);
    let text = match event_type {
        "Boot" => "booted (boot time: 29ms)",
        "UncaughtException" => "TypeError: Error: x at handler file:///src/index.ts:7:23",
        "Shutdown" => "shutdown",
        "BootFailure" => "worker boot error: failed",
        _ => n.pick(2, &["hello world.", "cron job 1 done", "duplicate key"]),
    };
    json!({
        "event_message": text,
        "metadata": {
            "project_ref": "default",
            "event_type": event_type,
            "level": n.pick(3, &["log", "info", "debug", "warn", "warning", "error", "error", "fatal"]),
            "function_id": n.pick(4, &FUNCTIONS),
            "execution_id": format!("execution-{}", n.random(5) % 40),
            "request_id": format!("request-{}", n.random(6) % 80),
            "deployment_id": "default_1",
            "version": n.pick(7, &["11", "12"]),
            "region": n.pick(8, &REGIONS),
            "reason": n.pick(9, &["Memory", "CPUTime", "EarlyDrop"]),
            "timestamp": "2026-03-01T00:10:00.051Z",
        },
    })
}
