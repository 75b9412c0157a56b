//! What people manage, where more than one process or very many things are at work.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::future::join_all;
use serde_json::{Map, Value, json};
use store::{
    Actor, AlertToBe, BackendToBe, ChangeError, EndpointToBe, Holder, RuleToBe, SourceKey,
    SourceSettings, SourceToBe, Store, TeamToBe, TooManyKeyValues, Validation,
};

use crate::fixture::{Fixture, settings, start};

const MINUTE: i64 = 60_000_000;

fn actor() -> Actor {
    Actor { holder: Holder::Private, request_id: None }
}

fn alert() -> AlertToBe {
    AlertToBe {
        name: "a".to_owned(),
        description: None,
        language: "bq_sql".to_owned(),
        query: "select 1".to_owned(),
        cron: "@daily".to_owned(),
        slack_hook_url: None,
        webhook_notification_url: None,
        enabled: true,
        backend_ids: Vec::new(),
        source_mapping: BTreeMap::new(),
    }
}

fn webhook() -> BackendToBe {
    BackendToBe {
        name: String::new(),
        description: None,
        kind: "webhook".to_owned(),
        config: Map::new(),
        shown_config: Map::new(),
        metadata: Map::new(),
        default_ingest: false,
    }
}

fn unchecked<T>(to_be: T) -> Result<T, ChangeError> {
    Ok(to_be)
}

/// How many of these stores may run the alert for that time.
async fn claims(stores: &[&Store], id: i64, due_at: i64) -> usize {
    let asked = stores.iter().map(|store| store.claim_alert(id, due_at));
    let claimed = join_all(asked).await;
    claimed.into_iter().filter(|claimed| *claimed == Ok(true)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_runs_an_alert_for_each_time() {
    let fixture = Fixture::new().await;
    let other = start(settings(&fixture.url)).await;
    let store = fixture.store();
    let stores = [store, &other.store, store, &other.store];
    let made = store.create_alert(&actor(), &alert()).await.unwrap();
    // It becomes due from when it was made on.
    let due_at = made.last_due_at + MINUTE;
    assert_eq!(claims(&stores, made.id, made.last_due_at - MINUTE).await, 0);
    assert_eq!(claims(&stores, made.id, due_at).await, 1);
    assert_eq!(claims(&stores, made.id, due_at).await, 0);
    assert_eq!(claims(&stores, made.id, due_at + MINUTE).await, 1);
    let found = store.alert(made.token).await.unwrap();
    assert_eq!(found.last_due_at, due_at + MINUTE);

    // Another name leaves its times alone; other times begin now.
    let renamed = AlertToBe { name: "b".to_owned(), ..alert() };
    let renamed = store.update_alert(&actor(), made.token, |_| unchecked(renamed)).await.unwrap();
    assert_eq!(renamed.last_due_at, due_at + MINUTE);
    let off = AlertToBe { enabled: false, ..alert() };
    let off = store.update_alert(&actor(), made.token, |_| unchecked(off)).await.unwrap();
    assert!(off.last_due_at < due_at + MINUTE);
    assert_eq!(claims(&stores, made.id, due_at + 2 * MINUTE).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn backends_of_an_alert_are_linked_by_number() {
    let mut fixture = Fixture::new().await;
    for name in ["one", "two"] {
        let sql = format!(
            "insert into _analytics.logweir_backends (token, name, type, config) \
             values (gen_random_uuid(), '{name}', 'webhook', '')"
        );
        crate::fixture::run(&mut fixture.admin, &sql).await;
    }
    let with = |backend_ids: &[i64]| AlertToBe { backend_ids: backend_ids.to_vec(), ..alert() };
    let store = fixture.store();
    let made = store.create_alert(&actor(), &with(&[2, 1, 2])).await.unwrap();
    assert_eq!(made.alert.backend_ids, [1, 2]);
    let one = store.update_alert(&actor(), made.token, |_| unchecked(with(&[2]))).await.unwrap();
    assert_eq!(one.alert.backend_ids, [2]);
    let unknown = store.update_alert(&actor(), made.token, |_| unchecked(with(&[3]))).await;
    assert_eq!(unknown, Err(store::ChangeError::NotFound));
    assert_eq!(store.alert(made.token).await.unwrap(), one);
}

/// Each adds one letter to what it finds, all at once.
#[tokio::test(flavor = "multi_thread")]
async fn no_process_undoes_what_another_changes_at_the_same_time() {
    const CHANGES: usize = 8;
    let mut fixture = Fixture::new().await;
    let other_source = fixture.other_source("other").await.token;
    let other = start(settings(&fixture.url)).await;
    let store = fixture.store();
    let actor = actor();
    let stores = || [store, &other.store].into_iter().cycle().take(CHANGES);

    let made = store.create_endpoint(&actor, None, &EndpointToBe::default()).await.unwrap();
    let changes = stores().map(|store| {
        store.update_endpoint(&actor, made.token, |mut endpoint| {
            endpoint.name.push('x');
            unchecked(endpoint)
        })
    });
    assert!(join_all(changes).await.iter().all(Result::is_ok));
    store.catch_up().await.unwrap();
    let found = store.endpoint(store::EndpointKey::Token(made.token)).unwrap();
    assert_eq!(found.name, "x".repeat(CHANGES));

    let made = store.create_backend(&actor, &webhook()).await.unwrap();
    let changes = stores().enumerate().map(|(n, store)| {
        store.update_backend(&actor, made.token, move |backend| {
            let mut config = (*backend.config.unwrap()).clone();
            config.insert(n.to_string(), Value::Null);
            unchecked(BackendToBe { name: backend.name + "x", config, ..webhook() })
        })
    });
    assert!(join_all(changes).await.iter().all(Result::is_ok));
    store.catch_up().await.unwrap();
    let backend = store.backend(made.token).unwrap();
    assert_eq!(backend.name, "x".repeat(CHANGES));
    assert_eq!(backend.config.as_ref().unwrap().len(), CHANGES);

    let source_id = fixture.source.id;
    let to_be = RuleToBe {
        source_id,
        lql_string: String::new(),
        backend_id: None,
        sink: Some(other_source),
    };
    let made = store.create_rule(&actor, &to_be).await.unwrap();
    let changes = stores().map(|store| {
        store.update_rule(&actor, made.token, |rule| {
            let lql_string = rule.lql_string + "x";
            unchecked(RuleToBe { source_id, lql_string, backend_id: None, sink: rule.sink })
        })
    });
    assert!(join_all(changes).await.iter().all(Result::is_ok));
    store.catch_up().await.unwrap();
    assert_eq!(store.rule(made.token).unwrap().lql_string, "x".repeat(CHANGES));

    let made = store.create_alert(&actor, &alert()).await.unwrap();
    let changes = stores().enumerate().map(|(n, store)| {
        let backend = backend.id;
        store.update_alert(&actor, made.token, move |mut alert| {
            alert.name.push('x');
            if n == 0 {
                alert.backend_ids.push(backend);
            }
            unchecked(alert)
        })
    });
    assert!(join_all(changes).await.iter().all(Result::is_ok));
    let found = store.alert(made.token).await.unwrap().alert;
    assert_eq!(found.name, "a".to_owned() + &"x".repeat(CHANGES));
    assert_eq!(found.backend_ids, [backend.id]);

    let made = store.create_team(&actor, None, &TeamToBe::default()).await.unwrap();
    let changes = stores().map(|store| {
        store.update_team(&actor, made.token, |mut team| {
            team.name.push('x');
            unchecked(team)
        })
    });
    assert!(join_all(changes).await.iter().all(Result::is_ok));
    assert_eq!(store.team(made.token).await.unwrap().team.name, "x".repeat(CHANGES));

    // What one has made, the other attaches at once.
    let made = store.create_backend(&actor, &webhook()).await.unwrap();
    let attached = other.store.attach_backend(&actor, fixture.source.token, made.token).await;
    assert_eq!(attached.unwrap().id, source_id);
    let unknown = other.store.attach_backend(&actor, made.token, made.token).await;
    assert_eq!(unknown.map(drop), Err(ChangeError::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_keys_than_there_may_be_are_refused_and_nothing_is_kept() {
    let fixture = Fixture::new().await;
    let store = fixture.store();
    let keys = |from: i64, to: i64| -> Map<String, Value> {
        (from..to).map(|n| (format!("{n:06}"), Value::Object(Map::new()))).collect()
    };
    let most = Store::MOST_KEY_VALUES;
    assert_eq!(store.put_key_values(&actor(), keys(0, most)).await, Ok(most.unsigned_abs()));
    let refused = store.put_key_values(&actor(), keys(most - 1, most + 1)).await;
    assert_eq!(refused, Err(TooManyKeyValues::Limit(most)));
    assert_eq!(refused.unwrap_err().to_string(), "Key-value limit of 100000 exceeded");
    assert!(store.key_values(Some(&format!("{most:06}"))).await.unwrap().is_empty());
    // In the place of others there is room.
    assert_eq!(store.put_key_values(&actor(), keys(0, 10)).await, Ok(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn key_values_are_bounded_in_bytes_and_read_again_only_when_they_are_others() {
    let mut fixture = Fixture::new().await;
    let lookup = "update _analytics.logweir_sources \
                  set settings = '{\"transform_key_values\": \"project:org\"}'; \
                  update _analytics.logweir_changes set number = number + 1";
    crate::fixture::run(&mut fixture.admin, lookup).await;
    let store = fixture.store();
    let large = |key: &str, bytes: usize| -> Map<String, Value> {
        [(key.to_owned(), json!({ "text": "x".repeat(bytes) }))].into_iter().collect()
    };
    store.put_key_values(&actor(), large("a", 20 << 20)).await.unwrap();
    let refused = store.put_key_values(&actor(), large("b", 20 << 20)).await;
    assert!(matches!(refused, Err(TooManyKeyValues::Bytes(bytes)) if bytes > 40 << 20));
    assert!(store.key_values(Some("b")).await.unwrap().is_empty());
    store.put_key_values(&actor(), large("b", 1 << 20)).await.unwrap();
    store.put_key_values(&actor(), large("a", 1 << 20)).await.unwrap();

    let before = store.loaded_key_values();
    assert_ne!(*before, Default::default());
    store.create_team(&actor(), None, &TeamToBe::default()).await.unwrap();
    assert!(Arc::ptr_eq(&before, &store.loaded_key_values()));
    store.delete_keys(&actor(), &["a".to_owned()]).await.unwrap();
    assert!(!Arc::ptr_eq(&before, &store.loaded_key_values()));
    // What is there all the same is not read: nobody has room for it.
    let huge = "insert into _analytics.logweir_key_values (key, value) \
                select 'h' || n, to_jsonb(repeat('x', 20 << 20)) from generate_series(1, 9) as n; \
                update _analytics.logweir_changes \
                set number = number + 1, key_values = key_values + 1";
    crate::fixture::run(&mut fixture.admin, huge).await;
    let store = fixture.store();
    store.catch_up().await.unwrap();
    let shown = format!("{:?}", store.loaded_key_values());
    assert!(shown.len() > 20 << 20 && shown.len() < 32 << 20, "{}", shown.len());
}

/// Another source says what this program cannot read, so that the catalog cannot be read at all.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_is_told_also_where_the_catalog_cannot_be_read_again() {
    let mut fixture = Fixture::new().await;
    let spoiled = "insert into _analytics.logweir_sources (token, name, settings) \
                   values (gen_random_uuid(), 'of a newer version', '\"settings\"')";
    crate::fixture::run(&mut fixture.admin, spoiled).await;
    let (store, actor) = (fixture.store(), actor());

    let to_be = SourceToBe {
        name: "made".to_owned(),
        retention_days: Some(3),
        settings: SourceSettings::default(),
    };
    let source = store.create_source(&actor, None, &to_be).await.unwrap();
    assert_eq!((source.name.as_str(), source.retention_days), ("made", Some(3)));
    assert!(source.table.contains(&source.token.to_string().replace('-', "_")));
    // It is not seen here yet.
    assert!(store.source(SourceKey::Token(source.token)).is_none());
    let renamed = SourceToBe { name: "renamed".to_owned(), ..to_be };
    let changed = store.update_source(&actor, source.token, |_| unchecked(renamed)).await.unwrap();
    assert_eq!((changed.id, changed.name.as_str()), (source.id, "renamed"));

    let to_be = EndpointToBe { name: "made".to_owned(), ..EndpointToBe::default() };
    let made = store.create_endpoint(&actor, None, &to_be).await.unwrap();
    assert_eq!(made.name, "made");
    let to_be = EndpointToBe { name: "renamed".to_owned(), ..to_be };
    let changed = store.update_endpoint(&actor, made.token, |_| unchecked(to_be)).await.unwrap();
    assert_eq!((changed.id, changed.name.as_str()), (made.id, "renamed"));

    let backend = store.create_backend(&actor, &webhook()).await.unwrap();
    let to_be = BackendToBe { name: "renamed".to_owned(), ..webhook() };
    let changed = store.update_backend(&actor, backend.token, |_| unchecked(to_be)).await.unwrap();
    assert_eq!((changed.id, changed.name.as_str()), (backend.id, "renamed"));
    for attached in [
        store.attach_backend(&actor, source.token, backend.token).await,
        store.detach_backend(&actor, source.token, backend.token).await,
    ] {
        assert_eq!(attached.unwrap().name, "renamed");
    }

    let to_be = RuleToBe {
        source_id: source.id,
        lql_string: "x".to_owned(),
        backend_id: Some(backend.id),
        sink: None,
    };
    let made = store.create_rule(&actor, &to_be).await.unwrap();
    let to_be = RuleToBe { lql_string: "y".to_owned(), ..to_be };
    let changed = store.update_rule(&actor, made.token, |_| unchecked(to_be)).await.unwrap();
    assert_eq!((changed.id, changed.lql_string.as_str()), (made.id, "y"));

    let made = store.create_alert(&actor, &alert()).await.unwrap();
    let to_be = AlertToBe { backend_ids: vec![backend.id], ..alert() };
    let changed = store.update_alert(&actor, made.token, |_| unchecked(to_be)).await.unwrap();
    assert_eq!((changed.id, changed.alert.backend_ids), (made.id, vec![backend.id]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_postgres_cannot_hold_is_no_fault_of_the_catalog() {
    let fixture = Fixture::new().await;
    let store = fixture.store();
    assert_eq!(store.key_values(Some("a\0")).await, Ok(Vec::new()));
    let team = TeamToBe { name: "a\0".to_owned(), users: Vec::new() };
    let refused = store.create_team(&actor(), None, &team).await.unwrap_err();
    assert!(matches!(refused, ChangeError::Malformed(_)), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_changed_a_sources_validation_is_in_the_audit_log() {
    let fixture = Fixture::new().await;
    let (store, token) = (fixture.store(), fixture.source.token);
    store.set_validation(&actor(), token, Validation::Reject).await.unwrap();
    assert_eq!(store.source(SourceKey::Token(token)).unwrap().validation, Validation::Reject);
    let details = serde_json::json!({ "removed": 3 });
    store.note_action(&actor(), "remove rejected events", token, &details).await.unwrap();
    let log = store.audit_log(10, None).await.unwrap();
    let log: Vec<_> = log.iter().map(|entry| (&*entry.action, &*entry.subject)).collect();
    let token = token.to_string();
    assert_eq!(log, [("remove rejected events", &*token), ("set validation", &*token)]);
    let unknown = store.set_validation(&actor(), uuid::Uuid::nil(), Validation::Off).await;
    assert_eq!(unknown, Err(ChangeError::NotFound));
}

/// Older versions have noted whole things: a page of the log is bounded in bytes too.
#[tokio::test]
async fn a_page_of_the_audit_log_is_bounded() {
    let mut fixture = Fixture::new().await;
    crate::fixture::run(
        &mut fixture.admin,
        "insert into _analytics.logweir_audit_log (actor, action, subject, details) \
         select 'a', 'b', n::text, \
                jsonb_build_object('text', repeat('x', case n when 1 then 9000000 else 1500000 end)) \
         from generate_series(1, 5) as n",
    )
    .await;
    let mut pages = Vec::new();
    let mut before = None;
    loop {
        let page = fixture.store().audit_log(1000, before).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.id);
        pages.push(page.iter().map(|entry| entry.subject.clone()).collect::<Vec<_>>());
    }
    assert_eq!(pages, [vec!["5", "4"], vec!["3", "2"], vec!["1"]]);
    assert_eq!(fixture.store().audit_log(1, None).await.unwrap().len(), 1);
}
