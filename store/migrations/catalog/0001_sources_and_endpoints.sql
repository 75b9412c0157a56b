-- The prefix keeps these apart from Logflare's own tables, which may live in the same schema.

create table logweir_sources (
    id bigint generated always as identity primary key,
    -- Public id; the source's event table is named after it.
    token uuid not null unique,
    -- What senders put into `source_name`.
    name text not null unique,
    description text,
    -- Days to keep events; null keeps them for the default time.
    retention_days integer check (retention_days > 0),
    created_at timestamptz not null default now()
);

create table logweir_endpoints (
    id bigint generated always as identity primary key,
    token uuid not null unique,
    name text not null unique,
    description text,
    query text not null,
    language text not null default 'bq_sql',
    -- Whether callers may bring SQL of their own over the query's CTEs.
    sandboxable boolean not null default false,
    cache_duration_seconds integer not null default 3600,
    proactive_requerying_seconds integer not null default 1800,
    -- Largest number of rows in an answer.
    max_limit integer not null default 1000 check (max_limit between 1 and 10000),
    enable_auth boolean not null default true,
    created_at timestamptz not null default now()
);
