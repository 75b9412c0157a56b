-- What each process has counted of a source's events; the API tells what comes of them together.
create table logweir_source_figures (
    source_id bigint not null references logweir_sources (id) on delete cascade,
    -- The process, by the number that it keeps.
    owner integer not null,
    -- Events that were stored, and that were not because something is wrong with them.
    inserts bigint not null,
    rejected bigint not null,
    -- When the latest was stored, microseconds since 1970; 0 for never.
    latest bigint not null,
    -- Of the last seconds, the last minute, and of the second with most.
    rate double precision not null,
    recent bigint not null,
    max_rate bigint not null,
    -- Events that wait to be written.
    buffer bigint not null,
    noted_at timestamptz not null default now(),
    primary key (source_id, owner)
) with (fillfactor = 50);

-- Of how many events of a source people were told, and when. A process that tells them changes the
-- row first, so that no other one does.
create table logweir_source_notices (
    source_id bigint primary key references logweir_sources (id) on delete cascade,
    told bigint not null,
    told_at timestamptz not null default 'epoch'
);
