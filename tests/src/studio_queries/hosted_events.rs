//! Events of tables that only the hosted platform has.

use serde_json::{Value, json};

use super::events::{Number, Recipe};

pub(super) const RECIPES: &[&Recipe] = &[
    &Recipe { name: "supavisor_logs", source: "supavisor.logs", event: supavisor },
    &Recipe { name: "auth_audit_logs", source: "auth.audit.logs", event: auth_audit },
    &Recipe { name: "pg_upgrade_logs", source: "pg_upgrade.logs", event: pg_upgrade },
    &Recipe { name: "etl_replication_logs", source: "etl.replication.logs", event: etl },
    &Recipe { name: "multigres_logs", source: "multigres.logs", event: multigres },
    &Recipe { name: "supamonitor_logs", source: "supamonitor.logs", event: supamonitor },
    &Recipe { name: "workflow_run_logs", source: "workflow_run.logs", event: workflow_run },
];

fn supavisor(n: Number) -> Value {
    json!({
        "event_message": n.pick(1, &["ClientHandler: terminating", "connection received", "Too many clients"]),
        "project": "default",
        "metadata": {
            "project": n.pick(2, &["default", "default-read-replica", "other"]),
            "level": n.pick(3, &["info", "warning", "error"]), "region": "eu-west-1", "db_name": "postgres",
        },
    })
}

fn auth_audit(n: Number) -> Value {
    let action = n.pick(1, &["login", "logout", "user_signedup"]);
    json!({
        "event_message": format!("{action} by someone"),
        "project": "default",
        "metadata": {"auth_audit_event": {"action": action, "actor_name": "someone"}, "level": "info"},
    })
}

fn pg_upgrade(n: Number) -> Value {
    json!({
        "event_message": n.pick(1, &["Performing Consistency Checks", "ok", "Upgrade Complete"]),
        "project": "default",
        "metadata": {"host": "db-default"},
    })
}

fn etl(n: Number) -> Value {
    json!({
        "event_message": n.pick(1, &["table copied", "batch flushed", "error: connection lost"]),
        "project": "default",
        "pipeline_id": n.pick(2, &[7, 8]),
        "metadata": {"level": n.pick(3, &["info", "error"])},
    })
}

fn multigres(n: Number) -> Value {
    let level = n.pick(1, &["INFO", "INFO", "WARN", "WARNING", "ERROR", "FATAL", "PANIC"]);
    json!({
        "event_message": json!({"level": level, "msg": "pooler says something"}).to_string(),
        "project": "default",
        "level": level,
        "metadata": {"cell": "a"},
    })
}

fn supamonitor(n: Number) -> Value {
    let time = |salt| f64::from(u32::try_from(n.random(salt) % 4000).unwrap_or_default()) / 8.0;
    json!({
        "event_message": n.pick(1, &["log", "log", "heartbeat"]),
        "project": "default",
        "metadata": {"supamonitor": {
            "application_name": n.pick(2, &["PostgREST", "psql"]), "calls": n.random(3) % 20,
            "database_name": "postgres", "query": n.pick(4, &["select 1", "select 2"]), "query_id": n.pick(4, &[11, 12]),
            "total_exec_time": time(5), "total_plan_time": time(6), "user_name": n.pick(7, &["authenticator", "postgres"]),
        }},
    })
}

fn workflow_run(n: Number) -> Value {
    json!({
        "event_message": n.pick(1, &["cloning", "migrating", "seeding"]),
        "project": "default",
        "workflow_run": n.pick(2, &["run-1", "run-2"]),
        "metadata": {"step": "x"},
    })
}
