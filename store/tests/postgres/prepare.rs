//! From an empty database to ready.

use std::collections::BTreeMap;

use end_to_end::postgres::TestCluster;
use event_schemas::SUPABASE_SOURCES;
use sqlx::{Connection, PgConnection};
use store::{EndpointKey, Readiness, SourceKey};

use crate::fixture::{Fixture, eventually, launch, run, settings, start};

#[tokio::test]
async fn an_empty_database_gets_supabases_sources_and_endpoints() {
    let url = TestCluster::shared().database().await;
    let mut settings = settings(&url);
    settings.seed_supabase = true;
    let running = start(settings).await;
    assert_eq!(running.store.readiness(), Readiness::Ready);
    assert!(running.store.ready_since().is_some());

    let names: Vec<_> = running.store.sources().iter().map(|source| source.name.clone()).collect();
    let expected: Vec<_> = SUPABASE_SOURCES.iter().map(|source| source.name).collect();
    assert_eq!(names, expected);
    for source in SUPABASE_SOURCES.iter() {
        let found = running.store.source(SourceKey::Name(source.name)).unwrap();
        assert_eq!(*found.schema, source.schema);
        assert_eq!(running.store.source(SourceKey::Token(found.token)).unwrap().id, found.id);
    }
    for name in [
        "logs.all",
        "usage.api-counts",
        "usage.api-requests-count",
        "functions.combined-stats",
        "service-health",
        "auth.metrics",
    ] {
        let endpoint = running.store.endpoint(EndpointKey::Name(name)).unwrap();
        assert!(endpoint.sandboxable && endpoint.enable_auth, "{name}");
        assert_eq!((endpoint.max_limit, endpoint.language.as_str()), (1000, "bq_sql"), "{name}");
    }
    meant_sources_are_known(&running.store);
    assert!(running.store.endpoint(EndpointKey::Name("logs.ALL")).is_none());
}

/// Endpoints know the sources that they name, so that these may be renamed.
fn meant_sources_are_known(store: &store::Store) {
    for (name, sources) in
        [("logs.all", 9), ("usage.api-requests-count", 1), ("functions.combined-stats", 2)]
    {
        let endpoint = store.endpoint(EndpointKey::Name(name)).unwrap();
        assert_eq!(endpoint.source_mapping.len(), sources, "{name}");
        for (source, token) in &endpoint.source_mapping {
            assert_eq!(store.source(SourceKey::Name(source)).unwrap().token, *token, "{name}");
        }
    }
}

/// An emoji in one event would be refused, and its rejected event too.
#[tokio::test]
async fn a_database_that_cannot_hold_all_characters_is_not_used() {
    let cluster = TestCluster::start();
    let mut admin = PgConnection::connect(&cluster.url("postgres")).await.unwrap();
    run(&mut admin, "create database latin encoding 'LATIN1' template template0").await;
    let running = launch(settings(&cluster.url("latin")));
    let tries = "select sessions from pg_stat_database where datname = 'latin'";
    eventually("it tries again", async || {
        sqlx::query_scalar::<_, i64>(tries).fetch_one(&mut admin).await.unwrap() > 2
    })
    .await;
    assert_eq!(running.store.readiness(), Readiness::Starting);
    let mut latin = PgConnection::connect(&cluster.url("latin")).await.unwrap();
    let made = "select count(*) from pg_namespace where nspname = '_analytics'";
    assert_eq!(sqlx::query_scalar::<_, i64>(made).fetch_one(&mut latin).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_at_once_agree() {
    let cluster = TestCluster::shared();
    let (one, other) = (cluster.database().await, cluster.database().await);
    let stores = [&one, &one, &one, &other, &other, &other].map(|url| {
        let mut settings = settings(url);
        settings.seed_supabase = true;
        tokio::spawn(start(settings))
    });
    let mut endpoints = Vec::new();
    for store in stores {
        let running = store.await.unwrap();
        endpoints.push(running.store.endpoint(EndpointKey::Name("logs.all")).unwrap().token);
        assert_eq!(running.store.sources().len(), SUPABASE_SOURCES.len());
    }
    assert_eq!(endpoints[0], endpoints[1]);
    assert_eq!(endpoints[1], endpoints[2]);
    assert_eq!(endpoints[3], endpoints[5]);
    assert_ne!(endpoints[0], endpoints[3]);
}

#[tokio::test]
async fn what_a_person_removed_stays_away() {
    let url = TestCluster::shared().database().await;
    let mut settings = settings(&url);
    settings.seed_supabase = true;
    start(settings.clone()).await;
    let mut admin = PgConnection::connect(&url).await.unwrap();
    run(&mut admin, "delete from _analytics.logweir_endpoints where name = 'usage.api-counts'")
        .await;
    let running = start(settings).await;
    assert!(running.store.endpoint(EndpointKey::Name("logs.all")).is_some());
    assert!(running.store.endpoint(EndpointKey::Name("usage.api-counts")).is_none());
}

/// A catalog of a version that had two endpoints gets the others, and keeps what a person did to it.
#[tokio::test]
async fn an_older_catalog_gets_the_endpoints_that_are_new() {
    let url = TestCluster::shared().database().await;
    let mut settings = settings(&url);
    settings.seed_supabase = true;
    start(settings.clone()).await;
    let mut admin = PgConnection::connect(&url).await.unwrap();
    run(
        &mut admin,
        "drop table _analytics.logweir_seeded_endpoints, _analytics.logweir_source_figures,
                    _analytics.logweir_source_notices, _analytics.logweir_removed_sources,
                    _analytics.logweir_config_key;
         alter table _analytics.logweir_sources drop column declared_as;
         update _analytics.logweir_endpoints set source_mapping = '{}';
         alter table _analytics.logweir_alerts drop column source_mapping;
         alter table _analytics.logweir_key_values drop column bytes;
         alter table _analytics.logweir_changes drop column key_values;
         insert into _analytics.logweir_alerts (token, name, language, query, cron)
         values (gen_random_uuid(), 'a', 'bq_sql', 'select id from `postgres.logs`', '@daily'),
                (gen_random_uuid(), 'b', 'bq_sql', 'select 1', '@daily');
         insert into _analytics.logweir_access_tokens (hash, token, scopes)
         values ('\x01', 'seen', 'ingest public'), ('\x02', 'hidden', 'public private'),
                ('\x03', 'hidden', 'query:endpoint:1 public');
         delete from _analytics.logweir_migrations where version >= 4;
         delete from _analytics.logweir_endpoints where name not in ('logs.all', 'usage.api-counts');
         delete from _analytics.logweir_endpoints where name = 'usage.api-counts';
         insert into _analytics.logweir_endpoints (token, name, query)
         values (gen_random_uuid(), 'service-health', 'select 1 as mine')",
    )
    .await;
    let running = start(settings).await;
    let names: Vec<_> =
        running.store.endpoints().iter().map(|endpoint| endpoint.name.clone()).collect();
    assert_eq!(
        names,
        [
            "logs.all",
            "service-health",
            "usage.api-requests-count",
            "functions.combined-stats",
            "auth.metrics"
        ]
    );
    let mine = running.store.endpoint(EndpointKey::Name("service-health")).unwrap();
    assert_eq!((mine.query.as_str(), mine.source_mapping.len()), ("select 1 as mine", 0));
    meant_sources_are_known(&running.store);
    // Alerts follow the sources that they name, and no token that opens much is kept.
    let source = running.store.source(SourceKey::Name("postgres.logs")).unwrap();
    let alerts = running.store.alerts().await.unwrap();
    let mappings: Vec<_> = alerts.iter().map(|alert| &alert.alert.source_mapping).collect();
    assert_eq!(mappings, [&[(source.name.clone(), source.token)].into(), &BTreeMap::new()]);
    let tokens = running.store.access_tokens().await.unwrap();
    let tokens: Vec<_> = tokens.iter().map(|token| token.token.as_deref()).collect();
    assert_eq!(tokens, [Some("seen"), None, None]);
}

#[tokio::test]
async fn logflares_own_tables_are_left_alone() {
    let url = TestCluster::shared().database().await;
    let mut admin = PgConnection::connect(&url).await.unwrap();
    run(
        &mut admin,
        "create schema _analytics;
         create table _analytics.sources (id bigint, name text);
         create table _analytics.schema_migrations (version bigint);
         create table _analytics.endpoint_queries (id bigint);
         insert into _analytics.sources values (7, 'mine')",
    )
    .await;
    let mut settings = settings(&url);
    settings.seed_supabase = true;
    start(settings).await;
    let kept: (i64, String) = sqlx::query_as("select id, name from _analytics.sources")
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert_eq!(kept, (7, "mine".to_owned()));
}

#[tokio::test]
async fn a_user_that_may_not_make_roles_is_enough() {
    let cluster = TestCluster::shared();
    let mut admin = PgConnection::connect(&cluster.url("postgres")).await.unwrap();
    run(&mut admin, "create role plain login").await;
    let url = cluster.database().await;
    let mut admin = PgConnection::connect(&url).await.unwrap();
    run(
        &mut admin,
        "create schema _analytics authorization plain; create schema logweir authorization plain",
    )
    .await;
    let plain = url.replace("user=postgres", "user=plain");
    let mut settings = settings(&plain);
    settings.seed_supabase = true;
    let running = start(settings).await;

    let columns = [store::Column { name: "v".to_owned(), kind: store::ColumnKind::String }];
    let query = store::Query { sql: "select current_user", columns: &columns };
    let rows = running.store.query(query).await.unwrap();
    assert_eq!(rows.into_json(), r#"[{"v":"plain"}]"#);
}

/// From Postgres 16 on, who makes a role may not at once become it.
#[tokio::test]
async fn a_user_that_may_make_roles_needs_no_superuser() {
    let cluster = TestCluster::start();
    let mut admin = PgConnection::connect(&cluster.url("postgres")).await.unwrap();
    run(&mut admin, "create role maker login createrole").await;
    let url = cluster.database().await;
    let mut admin = PgConnection::connect(&url).await.unwrap();
    run(&mut admin, "grant create on database test_0 to maker").await;
    let running = start(settings(&url.replace("user=postgres", "user=maker"))).await;

    let columns = [store::Column { name: "v".to_owned(), kind: store::ColumnKind::String }];
    let query = store::Query { sql: "select current_user", columns: &columns };
    let rows = running.store.query(query).await.unwrap();
    assert_eq!(rows.into_json(), r#"[{"v":"logweir_reader"}]"#);
}

#[tokio::test]
async fn functions_are_replaced_when_they_change() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.query("select logweir.twice(4)::text").await.unwrap(), r#"[{"v":"8"}]"#);

    let mut settings = settings(&fixture.url);
    settings.query_functions = "create or replace function logweir.twice(number bigint) \
                                returns bigint language sql immutable return number * 2 + 1";
    start(settings).await;
    assert_eq!(fixture.query("select logweir.twice(4)::text").await.unwrap(), r#"[{"v":"9"}]"#);
}

#[tokio::test]
async fn without_a_schema_the_server_decides() {
    let url = TestCluster::shared().database().await;
    let mut settings = settings(&url);
    settings.events = store::PostgresServer::parse(&url, None).unwrap();
    settings.catalog = settings.events.clone();
    settings.seed_supabase = true;
    let running = start(settings).await;
    for source in running.store.sources() {
        assert!(source.table.starts_with("\"public\".\"log_events_"), "{}", source.table);
    }
}
