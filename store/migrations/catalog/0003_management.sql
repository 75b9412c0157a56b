-- What people set of a source beside its name: see `SourceSettings`.
alter table logweir_sources
    drop column description,
    add column settings jsonb not null default '{}',
    add column updated_at timestamptz not null default now();

create table logweir_backends (
    id bigint generated always as identity primary key,
    token uuid not null unique,
    name text not null,
    description text,
    -- webhook, loki …
    type text not null,
    -- Encrypted JSON: it holds passwords of other systems.
    config bytea not null,
    metadata jsonb not null default '{}',
    -- Whether sources take it by themselves.
    default_ingest boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

-- Backends that get all events of a source.
create table logweir_source_backends (
    source_id bigint not null references logweir_sources (id) on delete cascade,
    backend_id bigint not null references logweir_backends (id) on delete cascade,
    primary key (source_id, backend_id)
);

-- Events of a source that match are also sent to a backend, or to another source.
create table logweir_rules (
    id bigint generated always as identity primary key,
    token uuid not null unique,
    source_id bigint not null references logweir_sources (id) on delete cascade,
    lql_string text not null,
    backend_id bigint references logweir_backends (id) on delete cascade,
    -- Token of the other source.
    sink uuid,
    created_at timestamptz not null default now()
);

alter table logweir_endpoints
    add column redact_pii boolean not null default false,
    add column enable_dynamic_reservation boolean not null default false,
    add column labels text,
    add column backend_id bigint references logweir_backends (id) on delete set null,
    -- `{name: token}` of the sources that the query named when it was saved: they may be renamed.
    add column source_mapping jsonb not null default '{}',
    add column updated_at timestamptz not null default now();

create table logweir_teams (
    id bigint generated always as identity primary key,
    token uuid not null unique,
    name text not null,
    -- [{"email": …, "name": …}]
    team_users jsonb not null default '[]',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create table logweir_access_tokens (
    id bigint generated always as identity primary key,
    -- SHA-256 of the token.
    hash bytea not null unique,
    -- The token itself, of those that are shown again.
    token text,
    -- Separated by blanks.
    scopes text not null,
    description text,
    created_at timestamptz not null default now(),
    revoked_at timestamptz
);

create table logweir_alerts (
    id bigint generated always as identity primary key,
    token uuid not null unique,
    name text not null,
    description text,
    language text not null,
    query text not null,
    cron text not null,
    slack_hook_url text,
    webhook_notification_url text,
    enabled boolean not null default true,
    -- When it last became due: no process runs it again for that time.
    last_due_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create table logweir_alert_backends (
    alert_id bigint not null references logweir_alerts (id) on delete cascade,
    backend_id bigint not null references logweir_backends (id) on delete cascade,
    primary key (alert_id, backend_id)
);

create table logweir_key_values (
    id bigint generated always as identity primary key,
    key text not null unique,
    value jsonb not null
);

-- Who has changed what. Rows are only added.
create table logweir_audit_log (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    -- Which token: `private`, or the id of an access token.
    actor text not null,
    request_id text,
    -- `create source` …
    action text not null,
    -- Token or id of what was changed.
    subject text not null,
    -- What was given; no secrets.
    details jsonb not null default '{}'
);
