//! Processes with different keys for backends' configs, on one catalog.

use std::sync::Arc;

use end_to_end::postgres::TestCluster;
use serde_json::{Map, json};
use sqlx::{Connection as _, PgConnection};
use store::{Actor, Backend, BackendToBe, ChangeError, ConfigKeys, Holder, SourceKey, Store};

use crate::fixture::{Running, eventually, run, settings, start};

fn actor() -> Actor {
    Actor { holder: Holder::Private, request_id: None }
}

async fn start_with(url: &str, keys: ConfigKeys) -> Running {
    let mut settings = settings(url);
    settings.config_keys = keys;
    start(settings).await
}

/// A process with a key, and with the one of before.
async fn with_key(url: &str, key: u8, retired: Option<u8>) -> Running {
    let keys = ConfigKeys::new([key; 32], retired.map(|retired| [retired; 32]));
    start_with(url, keys.unwrap()).await
}

fn backend() -> BackendToBe {
    BackendToBe {
        name: "b".to_owned(),
        description: None,
        kind: "webhook".to_owned(),
        config: Map::from_iter([("url".to_owned(), json!("http://h"))]),
        shown_config: Map::new(),
        metadata: Map::new(),
        default_ingest: false,
    }
}

async fn make(store: &Store) -> Result<Arc<Backend>, ChangeError> {
    store.create_backend(&actor(), &backend()).await
}

async fn change(store: &Store, made: &Backend) -> Result<Arc<Backend>, ChangeError> {
    let to_be = |_| Ok::<_, ChangeError>(backend());
    store.update_backend(&actor(), made.token, to_be).await
}

/// Whether it was refused because of the key, with what to do.
fn is_of_keys<T>(changed: &Result<T, ChangeError>) -> bool {
    matches!(changed, Err(ChangeError::ConfigKey(text))
        if text.contains("LOGFLARE_DB_ENCRYPTION_KEY"))
}

fn has_trouble(running: &Running) -> bool {
    running.store.troubles().iter().any(|trouble| trouble.contains("key"))
}

fn reads(running: &Running, made: &Backend) -> bool {
    running.store.backend(made.token).is_some_and(|backend| backend.config.is_ok())
}

/// Makes a source in such a way that processes hear of it only when they look at the catalog.
async fn make_source_unheard(admin: &mut PgConnection, name: &str) {
    let sql = format!(
        "insert into _analytics.logweir_sources (token, name) values (gen_random_uuid(), '{name}');
         update _analytics.logweir_changes set number = number + 1"
    );
    run(admin, &sql).await;
}

async fn looks_at_catalog(running: &Running, admin: &mut PgConnection, name: &str) {
    make_source_unheard(admin, name).await;
    let found = async || running.store.source(SourceKey::Name(name)).is_some();
    eventually("it looks at the catalog", found).await;
}

/// How many processes show which key they have.
async fn shown(admin: &mut PgConnection) -> i64 {
    let sql = "select count(*) from pg_locks \
               where locktype = 'advisory' and objsubid = 2 and mode = 'ShareLock' and granted";
    sqlx::query_scalar(sql).fetch_one(admin).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_living_processes_disagree_nothing_is_encrypted() {
    let url = TestCluster::shared().database().await;
    let starting = [1, 2, 3].map(|key| {
        let url = url.clone();
        tokio::spawn(async move { with_key(&url, key, None).await })
    });
    let mut all = Vec::new();
    for starting in starting {
        all.push(starting.await.unwrap());
    }
    // One was first.
    let first = all.iter().position(|running| !has_trouble(running)).unwrap();
    assert_eq!(all.iter().filter(|running| has_trouble(running)).count(), 2);
    for running in &all {
        assert!(is_of_keys(&make(&running.store).await));
        assert!(running.store.backends().is_empty());
        // All else goes on.
        let team = store::TeamToBe { name: "t".to_owned(), users: Vec::new() };
        running.store.create_team(&actor(), None, &team).await.unwrap();
    }
    let first = all.swap_remove(first);
    drop(all);
    let mut made = None;
    eventually("nobody disagrees", async || {
        made = make(&first.store).await.ok();
        made.is_some()
    })
    .await;
    // Neither does one that has the same key, nor one in another catalog of the database.
    let same = first.store.backends().len();
    let keys = ConfigKeys::new([9; 32], None).unwrap();
    let server = store::PostgresServer::parse(&url, Some("elsewhere")).unwrap();
    let mut elsewhere = settings(&url);
    (elsewhere.catalog, elsewhere.config_keys) = (server, keys);
    let elsewhere = start(elsewhere).await;
    for running in [&elsewhere, &first] {
        assert!(!has_trouble(running));
        make(&running.store).await.unwrap();
    }
    assert_eq!(first.store.backends().len(), same + 1);
    // One without any key could not read it either.
    let none = start_with(&url, ConfigKeys::missing()).await;
    assert!(has_trouble(&none));
    let made = made.unwrap();
    assert!(
        is_of_keys(&make(&first.store).await) && is_of_keys(&change(&first.store, &made).await)
    );
    assert!(is_of_keys(&make(&none.store).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_takes_over_from_the_one_that_is_given_with_it() {
    let url = TestCluster::shared().database().await;
    let before = with_key(&url, 1, None).await;
    let made = make(&before.store).await.unwrap();
    // Neither a stranger, nor one that gives another key as the former one.
    for retired in [None, Some(3)] {
        let stranger = with_key(&url, 2, retired).await;
        assert!(has_trouble(&stranger) && !reads(&stranger, &made));
        assert!(is_of_keys(&make(&stranger.store).await));
        assert!(is_of_keys(&change(&stranger.store, &made).await));
        // What is not there is not refused for the key.
        let nobody = Backend { token: uuid::Uuid::nil(), ..(*made).clone() };
        assert_eq!(change(&stranger.store, &nobody).await, Err(ChangeError::NotFound));
    }
    assert!(!has_trouble(&before));
    let after = with_key(&url, 2, Some(1)).await;
    assert!(!has_trouble(&after) && reads(&after, &made));
    // The one that still runs with the former key hears of it.
    eventually("it says so", async || has_trouble(&before)).await;
    assert!(is_of_keys(&change(&before.store, &made).await));
    drop(before);
    eventually("it is alone", async || change(&after.store, &made).await.is_ok()).await;
    drop(after);
    let after = with_key(&url, 2, None).await;
    assert!(!has_trouble(&after) && reads(&after, &made));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_key_shuts_nobody_out_for_ever() {
    let url = TestCluster::shared().database().await;
    // Nothing is encrypted: the next one takes its place, once it is gone.
    let lost = with_key(&url, 1, None).await;
    let next = with_key(&url, 2, None).await;
    assert!(has_trouble(&next));
    drop(lost);
    eventually("its place is taken", async || !has_trouble(&next)).await;
    let made = [make(&next.store).await.unwrap(), make(&next.store).await.unwrap()];
    drop(next);
    // Something is, and nobody can read it: not before all of it is deleted.
    let last = with_key(&url, 3, None).await;
    for made in &made {
        assert!(has_trouble(&last) && !reads(&last, made));
        assert!(is_of_keys(&make(&last.store).await));
        last.store.delete_backend(&actor(), made.token).await.unwrap();
    }
    // At once; unless Postgres takes its time to notice that the one before is gone.
    eventually("it takes its place", async || make(&last.store).await.is_ok()).await;
    assert!(!has_trouble(&last) && last.store.backends().iter().all(|made| reads(&last, made)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_lost_key_has_encrypted_is_given_anew() {
    let url = TestCluster::shared().database().await;
    let lost = with_key(&url, 1, None).await;
    let made = [make(&lost.store).await.unwrap(), make(&lost.store).await.unwrap()];
    let own = with_key(&url, 2, None).await;
    let unknown = || Err::<BackendToBe, _>(ChangeError::NotFound);
    drop(lost);
    // While another one needs the key, somebody may come back with it.
    assert!(is_of_keys(&change(&own.store, &made[0]).await));
    own.store.delete_backend(&actor(), made[1].token).await.unwrap();
    // Nothing is given: nothing becomes of it.
    let none = own.store.update_backend(&actor(), made[0].token, |_| unknown()).await;
    assert_eq!(none, Err(ChangeError::NotFound));
    assert!(is_of_keys(&make(&own.store).await) && has_trouble(&own));
    // Postgres may take its time to notice that the one before is gone.
    eventually("it is mended", async || change(&own.store, &made[0]).await.is_ok()).await;
    assert!(!has_trouble(&own) && reads(&own, &made[0]));
    make(&own.store).await.unwrap();
}

/// As where one of them is rolled back.
#[tokio::test(flavor = "multi_thread")]
async fn two_that_give_up_each_others_key_do_not_take_turns() {
    let url = TestCluster::shared().database().await;
    let made = make(&with_key(&url, 2, None).await.store).await.unwrap();
    let before = with_key(&url, 1, Some(2)).await;
    assert!(!has_trouble(&before));
    let after = with_key(&url, 2, Some(1)).await;
    assert!(!has_trouble(&after));
    eventually("it hears of it", async || has_trouble(&before)).await;
    let mut admin = PgConnection::connect(&url).await.unwrap();
    let kept = "select c.fingerprint || b.config \
                from _analytics.logweir_config_key c, _analytics.logweir_backends b";
    let kept = async |admin: &mut PgConnection| -> Vec<u8> {
        sqlx::query_scalar(kept).fetch_one(admin).await.unwrap()
    };
    let first = kept(&mut admin).await;
    for round in 0..3 {
        looks_at_catalog(&before, &mut admin, &format!("before {round}")).await;
        looks_at_catalog(&after, &mut admin, &format!("after {round}")).await;
        assert!(is_of_keys(&change(&before.store, &made).await));
    }
    assert_eq!(kept(&mut admin).await, first);
    assert!(has_trouble(&before) && !has_trouble(&after));
    assert!(reads(&before, &made) && reads(&after, &made));
    drop(after);
    eventually("its place is taken", async || !has_trouble(&before)).await;
    change(&before.store, &made).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_hangs_holds_up_nobody_with_the_same_key() {
    let url = TestCluster::shared().database().await;
    let made = make(&with_key(&url, 1, None).await.store).await.unwrap();
    let mut hung = PgConnection::connect(&url).await.unwrap();
    run(&mut hung, "begin; select from _analytics.logweir_config_key for share").await;
    let running = with_key(&url, 1, Some(2)).await;
    assert!(reads(&running, &made));
    make(&running.store).await.unwrap();
    // Nor with another one, which has to wait for its end anyway.
    let stranger = with_key(&url, 3, None).await;
    assert!(has_trouble(&stranger) && is_of_keys(&make(&stranger.store).await));
}

/// The catalog was away for a moment, and the other database is for hours.
#[tokio::test(flavor = "multi_thread")]
async fn a_living_process_shows_its_key_again() {
    let (of_catalog, of_events) = (TestCluster::start(), TestCluster::start());
    let (catalog, events) = (of_catalog.database().await, of_events.database().await);
    let mut settings = settings(&events);
    settings.catalog = store::PostgresServer::parse(&catalog, Some("_analytics")).unwrap();
    settings.config_keys = ConfigKeys::new([1; 32], None).unwrap();
    let living = start(settings.clone()).await;
    of_events.stop_server();
    let away = async || living.store.readiness() == store::Readiness::Unreachable;
    eventually("it is noticed", away).await;
    of_catalog.stop_server();
    of_catalog.start_server();
    let mut admin = PgConnection::connect(&catalog).await.unwrap();
    eventually("it is shown", async || shown(&mut admin).await == 1).await;
    // Nothing is encrypted, but its key is in use.
    let events = TestCluster::shared().database().await;
    settings.events = store::PostgresServer::parse(&events, Some("_analytics")).unwrap();
    settings.config_keys = ConfigKeys::new([2; 32], None).unwrap();
    let stranger = start(settings).await;
    assert!(has_trouble(&stranger) && is_of_keys(&make(&stranger.store).await));
}

/// Of a version that did not keep it.
#[tokio::test(flavor = "multi_thread")]
async fn in_a_catalog_without_a_key_it_is_that_of_who_can_read() {
    let url = TestCluster::shared().database().await;
    let made = make(&with_key(&url, 1, None).await.store).await.unwrap();
    let mut admin = PgConnection::connect(&url).await.unwrap();
    let forget = "update _analytics.logweir_config_key set fingerprint = null";
    run(&mut admin, forget).await;
    let stranger = with_key(&url, 2, None).await;
    assert!(has_trouble(&stranger));
    let own = with_key(&url, 1, None).await;
    assert!(!has_trouble(&own) && reads(&own, &made));
    assert!(has_trouble(&stranger));
    // Also with the key of before.
    run(&mut admin, forget).await;
    let own = with_key(&url, 4, Some(1)).await;
    assert!(!has_trouble(&own) && reads(&own, &made));
}

/// As a catalog is that two processes have filled before its key was kept.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_key_gives_way_when_all_that_is_left_can_be_read() {
    let url = TestCluster::shared().database().await;
    let lost = make(&with_key(&url, 1, None).await.store).await.unwrap();
    let mut admin = PgConnection::connect(&url).await.unwrap();
    run(
        &mut admin,
        "set search_path = _analytics;
         create table kept_backends as table logweir_backends;
         create table kept_key as table logweir_config_key;
         delete from logweir_backends;
         update logweir_config_key set fingerprint = null",
    )
    .await;
    let own = make(&with_key(&url, 2, None).await.store).await.unwrap();
    run(
        &mut admin,
        "insert into logweir_backends overriding system value select * from kept_backends;
         update logweir_config_key set fingerprint = kept_key.fingerprint from kept_key",
    )
    .await;
    let running = with_key(&url, 2, None).await;
    assert!(has_trouble(&running) && reads(&running, &own) && !reads(&running, &lost));
    assert!(is_of_keys(&change(&running.store, &own).await));
    // Until a change that hangs has ended; its watch goes on.
    let mut hung = PgConnection::connect(&url).await.unwrap();
    run(&mut hung, "begin; select from _analytics.logweir_config_key for share").await;
    running.store.delete_backend(&actor(), lost.token).await.unwrap();
    for name in ["one", "other"] {
        looks_at_catalog(&running, &mut admin, name).await;
    }
    assert!(has_trouble(&running));
    run(&mut hung, "rollback").await;
    eventually("nothing else is needed", async || !has_trouble(&running)).await;
    change(&running.store, &own).await.unwrap();
}
