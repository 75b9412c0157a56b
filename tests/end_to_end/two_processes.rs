//! `logweir sink` takes events and `logweir sidecar` does all else, on one Postgres: as one `serve`.

use std::{
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use end_to_end::{
    postgres::TestCluster,
    program::{Program, eventually},
};

use crate::api::{Receiver, ask, manage};

/// A key of configs that tests choose.
const KEY: (&str, &str) =
    ("LOGFLARE_DB_ENCRYPTION_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");

/// A day, in microseconds.
const DAY: u128 = 86_400_000_000;

struct Both {
    sink: Program,
    sidecar: Program,
}

impl Both {
    async fn start() -> Self {
        let database = TestCluster::shared().database().await;
        let settings = [("POSTGRES_BACKEND_URL", database.as_str()), KEY];
        let sidecar = Program::start(&["sidecar"], &settings);
        let sink = Program::start(&["sink"], &settings);
        sidecar.ready().await;
        sink.ready().await;
        Self { sink, sidecar }
    }

    /// The one is ready before the other one is started; they log to `sink.log` and `sidecar.log`.
    async fn one_after_the_other(first: &str, settings: &[(&str, &str)], folder: &Path) -> Self {
        let start = async |role: &str| {
            let log = folder.join(format!("{role}.log"));
            let program = Program::start_with_log(&[role], settings, &log);
            program.ready().await;
            program
        };
        if first == "sink" {
            let sink = start("sink").await;
            Self { sidecar: start("sidecar").await, sink }
        } else {
            let sidecar = start("sidecar").await;
            Self { sink: start("sink").await, sidecar }
        }
    }

    /// Makes a thing; gives what is shown of it.
    async fn made(&self, path: &str, given: Value) -> Value {
        let (status, made) = manage(&self.sidecar, Method::POST, path, &given).await;
        assert_eq!(status, StatusCode::CREATED, "{path}: {made}");
        made
    }

    async fn changed(&self, path: &str, given: Value) {
        let (status, answer) = manage(&self.sidecar, Method::PATCH, path, &given).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{path}: {answer}");
    }

    async fn found(&self, path: &str) -> Value {
        let (status, found) = manage(&self.sidecar, Method::GET, path, &Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{path}: {found}");
        found
    }

    /// The number that a query gives; None where it fails.
    async fn number(&self, sql: &str) -> Option<u64> {
        let request = self.sidecar.client.get(self.sidecar.url("/api/query"));
        let request = request.header("x-api-key", end_to_end::program::PRIVATE);
        let response = request.query(&[("sql", sql)]).send().await.expect("it answers");
        let answer: Value = response.json().await.expect("JSON");
        answer["result"][0]["n"].as_u64()
    }

    /// Sends events with a token; gives the status.
    async fn send(&self, source: &str, token: &str, events: &Value) -> StatusCode {
        let request = self.sink.client.post(self.sink.url("/api/logs"));
        let request = request.query(&[("source_name", source)]).bearer_auth(token).json(events);
        request.send().await.expect("it answers").status()
    }
}

fn path_of(kind: &str, thing: &Value) -> String {
    format!("/api/{kind}/{}", thing["token"].as_str().expect("a token"))
}

/// A sender that is told 401 drops its events for good.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_other_has_just_made_may_send() {
    let both = Both::start().await;
    let shop = both.made("/api/sources", json!({"name": "shop"})).await;
    let given = json!({"scopes": format!("ingest:source:{}", shop["id"])});
    for _ in 0..5 {
        let token = both.made("/api/access-tokens", given.clone()).await;
        let key = token["token"].as_str().expect("a token");
        assert_eq!(both.send("shop", key, &json!([{}])).await, StatusCode::OK);
    }
    let none = json!([{}]);
    let wrong = (0..50).map(|_| both.send("shop", "wrong", &none));
    let answers = futures_util::future::join_all(wrong).await;
    assert!(answers.iter().all(|status| *status == StatusCode::UNAUTHORIZED), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_managed_in_one_holds_in_the_other() {
    let both = Both::start().await;
    let shop = both.made("/api/sources", json!({"name": "shop"})).await;
    let errors = both.made("/api/sources", json!({"name": "errors"})).await;
    let given = json!({"scopes": format!("ingest:source:{}", shop["id"]), "description": "shop"});
    let token = both.made("/api/access-tokens", given).await;
    let key = token["token"].as_str().expect("a token").to_owned();
    let rule =
        json!({"source_id": shop["id"], "lql_string": "level:error", "sink": errors["token"]});
    both.made("/api/rules", rule).await;
    let receiver = Receiver::start(0).await;
    let config = json!({"url": receiver.url("/shop"), "gzip": false});
    let backend =
        both.made("/api/backends", json!({"name": "b", "type": "webhook", "config": config})).await;
    let attached = format!(
        "{}/backends/{}",
        path_of("sources", &shop),
        backend["token"].as_str().expect("a token")
    );
    both.made(&attached, Value::Null).await;

    // The newest of it is known in the sink: all of it is.
    eventually("the sink forwards", async || {
        let probe = json!([{"event_message": "probe"}]);
        both.send("shop", &key, &probe).await == StatusCode::OK
            && receiver.taken("/shop").iter().any(|events| events[0]["event_message"] == "probe")
    })
    .await;
    let orders = json!([
        {"event_message": "paid", "level": "info", "cart": {"total": 12.5}},
        {"event_message": "lost", "level": "error", "cart": {"total": 3}},
    ]);
    assert_eq!(both.send("shop", &key, &orders).await, StatusCode::OK);
    let of_shop = "select count(*) as n from shop where event_message in ('paid', 'lost')";
    assert_eq!(both.number(of_shop).await, Some(2));
    assert_eq!(both.number("select count(*) as n from errors").await, Some(1));
    // The token opens this source alone, and no query.
    assert_eq!(both.send("errors", &key, &orders).await, StatusCode::UNAUTHORIZED);
    let query = "/api/endpoints/query/logs.all?sql=select+1";
    let refused = ask(&both.sidecar, &key, Method::GET, query, &Value::Null).await;
    assert_eq!(refused.0, StatusCode::UNAUTHORIZED);
    // What the sink has learned of fields, queries know.
    eventually("the field has its type", async || {
        both.number("select count(*) as n from shop where cart.total > 10").await == Some(1)
            || both.number("select count(*) as n from shop as t where t.cart.total > 10").await
                == Some(1)
    })
    .await;

    // An endpoint outlives the name of its source, and so does the way in.
    let query = "select count(*) as n from shop where level = @level";
    let given = json!({"name": "shop.count", "query": query, "cache_duration_seconds": 0});
    both.made("/api/endpoints", given).await;
    both.changed(&path_of("sources", &shop), json!({"name": "store"})).await;
    eventually("the sink takes events by the new name", async || {
        both.send("store", &key, &json!([{"event_message": "new", "level": "new"}])).await
            == StatusCode::OK
    })
    .await;
    assert_eq!(both.send("shop", &key, &orders).await, StatusCode::UNAUTHORIZED);
    let counted = both.found("/api/endpoints/query/shop.count?level=new").await;
    assert_eq!(counted, json!({"result": [{"n": 1}]}));

    // What is counted and what is rejected in the sink, the sidecar tells.
    let rejected = both.send("store", &key, &json!([5, {"event_message": "ok"}])).await;
    assert_eq!(rejected, StatusCode::OK);
    eventually("it is counted", async || {
        let shown = both.found(&path_of("sources", &shop)).await;
        shown["metrics"]["rejected"] == 1 && shown["has_rejected_events"] == true
    })
    .await;
    let inserts = both.found(&path_of("sources", &shop)).await["metrics"]["inserts"].clone();
    assert_eq!(both.number("select count(*) as n from store").await, inserts.as_u64());
    let metrics = both.sink.client.get(both.sink.url("/metrics"));
    let metrics = metrics.bearer_auth(end_to_end::program::PRIVATE);
    let metrics = metrics.send().await.expect("it answers");
    let metrics = metrics.text().await.expect("text");
    let figure = "logweir_ingest_events_rejected_total{source=\"store\"} 1";
    assert!(metrics.contains(figure), "{metrics}");

    // Nothing comes in with what is revoked.
    let revoked = format!("/api/access-tokens/{}", token["id"]);
    let (status, _) = manage(&both.sidecar, Method::DELETE, &revoked, &Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    eventually("the token is closed", async || {
        both.send("store", &key, &json!([{}])).await == StatusCode::UNAUTHORIZED
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_events_and_old_ones_are_the_same_from_both_sides() {
    let both = Both::start().await;
    let postgres = both.found("/api/sources").await;
    let postgres = postgres.as_array().expect("a list").iter();
    let postgres = postgres.clone().find(|one| one["name"] == "postgres.logs").expect("a source");
    let path = path_of("sources", postgres);

    // Against its schema: a level is a text.
    let broken = json!([{
        "event_message": "later", "project": "default",
        "metadata": {"parsed": {"error_severity": {"no": "text"}}},
    }]);
    both.sink.log("postgres.logs", &broken).await;
    let count = "select count(*) as n from `postgres.logs`";
    assert_eq!(both.number(count).await, Some(0));
    assert_eq!(both.found(&path).await["has_rejected_events"], true);
    let rejected = "/api/sources/postgres.logs/rejected-events";
    let (_, listed) = manage(&both.sink, Method::GET, rejected, &Value::Null).await;
    assert_eq!(listed["rejected_events"][0]["event"]["event_message"], "later", "{listed}");
    both.sink.set_validation("postgres.logs", "off").await;
    let replay = format!("{rejected}/replay");
    let (status, replayed) = manage(&both.sink, Method::POST, &replay, &json!({})).await;
    assert_eq!((status, &replayed["replayed"]), (StatusCode::OK, &json!(1)), "{replayed}");
    assert_eq!(both.number(count).await, Some(1));
    assert_eq!(both.found(&path).await["has_rejected_events"], false);

    // By whichever process looks after the tables.
    let old =
        SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_micros() - 9 * DAY;
    let old = u64::try_from(old).expect("a time of these days");
    both.sink.log("postgres.logs", &json!([{"event_message": "old", "timestamp": old}])).await;
    assert_eq!(both.number(count).await, Some(2));
    both.changed(&path, json!({"retention_days": 3})).await;
    eventually("old events are gone", async || both.number(count).await == Some(1)).await;

    // A source that is removed takes nothing any more.
    let (status, _) = manage(&both.sidecar, Method::DELETE, &path, &Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    eventually("the source is gone", async || {
        let sent = both.sink.ingest("postgres.logs", "[{}]").send().await.expect("it answers");
        sent.status() == StatusCode::UNAUTHORIZED
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_events_are_looked_after_in_either() {
    let both = Both::start().await;
    let shop = both.made("/api/sources", json!({"name": "shop"})).await;
    let path = path_of("sources", &shop);
    let given = json!([5, {"event_message": "ok"}]);
    eventually("the sink knows the source", async || {
        both.send("shop", end_to_end::program::PUBLIC, &given).await == StatusCode::OK
    })
    .await;
    let list = format!("{path}/rejected-events");
    for program in [&both.sidecar, &both.sink] {
        let (status, listed) = manage(program, Method::GET, &list, &Value::Null).await;
        assert_eq!(
            (status, listed["rejected_events"][0]["event"].clone()),
            (StatusCode::OK, json!(5))
        );
        let unknown = ask(program, "wrong", Method::GET, &list, &Value::Null).await;
        assert_eq!(unknown.0, StatusCode::UNAUTHORIZED);
    }
    let validation = format!("{path}/validation");
    let mode = json!({"mode": "off"});
    let set = manage(&both.sidecar, Method::PUT, &validation, &mode).await;
    assert_eq!(set, (StatusCode::OK, mode.clone()));
    eventually("the sink knows it", async || {
        manage(&both.sink, Method::GET, &validation, &Value::Null).await.1 == mode
    })
    .await;
    let replay = format!("{list}/replay");
    let (status, replayed) = manage(&both.sidecar, Method::POST, &replay, &json!({})).await;
    assert_eq!(status, StatusCode::OK, "{replayed}");
    // What is no event stays none.
    assert_eq!(replayed["still_rejected"].as_array().map(Vec::len), Some(1), "{replayed}");
    let ids = json!({"ids": [replayed["still_rejected"][0]["id"]]});
    let removed = manage(&both.sidecar, Method::DELETE, &list, &ids).await;
    assert_eq!(removed, (StatusCode::OK, json!({"removed": 1})));
    // It takes no events.
    let request = both.sidecar.client.post(both.sidecar.url("/api/logs?source_name=shop"));
    let request = request.bearer_auth(end_to_end::program::PUBLIC).json(&given);
    assert_eq!(request.send().await.expect("it answers").status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_one_process_keeps_are_looked_up_by_the_other() {
    let both = Both::start().await;
    let source = json!({ "name": "app", "transform_key_values": "project:org:org.id" });
    both.made("/api/sources", source).await;
    let numbered = async |org: &str| {
        both.number(&format!("select count(*) as n from app where org = '{org}'")).await
    };
    for org in ["first", "second"] {
        let value = json!([{ "key": "p", "value": { "org": { "id": org } } }]);
        both.made("/api/key-values", value).await;
        eventually("it is looked up", async || {
            let events = json!([{ "event_message": "m", "project": "p" }]);
            let status = both.send("app", end_to_end::program::PRIVATE, &events).await;
            assert_eq!(status, StatusCode::OK);
            numbered(org).await.is_some_and(|found| found > 0)
        })
        .await;
    }
}

/// What `/health` and `/ready` of a program that is ready say of backends.
async fn health(program: &Program) -> Value {
    let mut told = Vec::new();
    for path in ["/health", "/ready"] {
        let response = program.client.get(program.url(path)).send().await.expect("it answers");
        assert_eq!(response.status(), StatusCode::OK);
        let report: Value = response.json().await.expect("JSON");
        assert_eq!(report["status"], "ok");
        told.push(report["reasons"].clone());
    }
    assert_eq!(told[0], told[1]);
    told.swap_remove(0)
}

/// What is told to who manages: in the process that came first, and in the other one.
const DISPUTED: &str = "another process that shares the catalog has another encryption key, or none, \
    and could not read the config. Set LOGFLARE_DB_ENCRYPTION_KEY to the same value in all of them, \
    or let them share the `encryption.key` of one data folder";
const ANOTHER: &str = "this process has another encryption key than the one of the catalog's \
    backends. Set LOGFLARE_DB_ENCRYPTION_KEY to the same value in all processes that share the \
    catalog, or let them share the `encryption.key` of one data folder; to change the key, give the \
    former one as LOGFLARE_DB_ENCRYPTION_KEY_RETIRED. Where it is lost, delete the backends that \
    need it, or give the last one of them its whole config anew: then the key of this process takes \
    its place at once";

/// Each makes a key of its own where none is chosen: what one encrypts the other cannot read.
#[tokio::test(flavor = "multi_thread")]
async fn different_keys_are_told_before_anything_is_encrypted() {
    for (first, second) in [("sink", "sidecar"), ("sidecar", "sink")] {
        let database = TestCluster::shared().database().await;
        let folder = std::env::temp_dir().join(format!("logweir-keys-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).expect("a folder can be made");
        let url = ("POSTGRES_BACKEND_URL", database.as_str());
        let log = |role: &str| {
            let log = folder.join(format!("{role}.log"));
            std::fs::read_to_string(log).expect("it can be read")
        };
        let both = Both::one_after_the_other(first, &[url], &folder).await;
        let receiver = Receiver::start(0).await;
        let backend = json!({
            "name": "b", "type": "webhook", "config": {"url": receiver.url("/"), "gzip": false},
        });
        let refused = manage(&both.sidecar, Method::POST, "/api/backends", &backend).await;
        let text = if first == "sidecar" { DISPUTED } else { ANOTHER };
        assert_eq!(refused, (StatusCode::SERVICE_UNAVAILABLE, json!({ "error": text })));
        assert_eq!(both.found("/api/backends").await, json!([]));
        // The second one says what is wrong, once.
        let (of_first, of_second) = match second {
            "sink" => (health(&both.sidecar).await, health(&both.sink).await),
            _ => (health(&both.sink).await, health(&both.sidecar).await),
        };
        let reason = "backends cannot be changed, and those that another key has encrypted get no \
                      events from this process: it has another encryption key than the catalog; the \
                      log says what to do";
        assert_eq!((of_first, of_second), (Value::Null, json!([reason])));
        let advice = "LOGFLARE_DB_ENCRYPTION_KEY to the same value";
        assert_eq!(
            (log(first).matches(advice).count(), log(second).matches(advice).count()),
            (0, 1)
        );
        // All else works.
        let shop = both.made("/api/sources", json!({"name": "shop"})).await;
        let send = async |message: &str| {
            let events = json!([{"event_message": message}]);
            both.send("shop", end_to_end::program::PRIVATE, &events).await
        };
        assert_eq!(send("one").await, StatusCode::OK);
        assert_eq!(both.number("select count(*) as n from shop").await, Some(1));
        drop(both);

        // With one key, chosen or in a folder that both use, backends do too. Nothing was encrypted
        // with the keys of before, so that it takes their place.
        let data = folder.join("data");
        let data = data.to_str().expect("it is a text");
        let key = if first == "sink" { KEY } else { ("LOGWEIR_DATA_DIR", data) };
        let both = Both::one_after_the_other(first, &[url, key], &folder).await;
        let backend = both.made("/api/backends", backend).await;
        let backend = backend["token"].as_str().expect("a token");
        both.made(&format!("{}/backends/{backend}", path_of("sources", &shop)), Value::Null).await;
        eventually("the sink sends on", async || {
            let events = json!([{"event_message": "two"}]);
            both.send("shop", end_to_end::program::PRIVATE, &events).await == StatusCode::OK
                && !receiver.taken("/").is_empty()
        })
        .await;
        assert_eq!(
            (health(&both.sink).await, health(&both.sidecar).await),
            (Value::Null, Value::Null)
        );
        drop(both);
        std::fs::remove_dir_all(&folder).expect("it is there");
    }
}
