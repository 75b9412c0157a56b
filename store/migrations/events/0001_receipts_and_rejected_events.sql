-- A receipt says that a request's events are stored. It is committed with them, and is there for as
-- long as the sender may not know it: until its answer was delivered.
create table logweir_receipts (
    id bigint generated always as identity primary key,
    -- Ours: a request whose commit was lost sight of is written again under the same number.
    request uuid not null unique,
    -- Hash of the bytes that the sender sent; null when nobody will send them again.
    content bytea,
    -- The process that answers the request.
    owner integer not null,
    -- The answer was not delivered: the next request with this content is this one, sent again.
    orphaned boolean not null default false,
    stored_at timestamptz not null default now()
);

create index logweir_orphaned_receipts on logweir_receipts (content) where orphaned;

-- What was sent as an event and is none, or breaks its source's schema.
create table logweir_rejected_events (
    id uuid primary key,
    -- Token of the source.
    source uuid not null,
    rejected_at timestamptz not null default now(),
    -- JSON where it could be read as that, else as it came.
    event text not null,
    -- [{"path": "metadata.level", "reason": "…"}, …]
    reasons jsonb not null
);

create index logweir_rejected_events_of_source on logweir_rejected_events (source, rejected_at);
