-- What becomes of events that break their source's schema.
alter table logweir_sources
    add column validation text not null default 'quarantine'
        check (validation in ('quarantine', 'reject', 'off'));

-- What events carried that the source's own schema does not declare. Rows are only added, so that
-- processes never undo what others have learned.
create table logweir_source_fields (
    source_id bigint not null references logweir_sources (id) on delete cascade,
    -- `metadata.context[].host`
    path text not null,
    -- bool, int64, float64, string, object, array; several where events disagree.
    kind text not null,
    first_seen_at timestamptz not null default now(),
    primary key (source_id, path, kind)
);

-- One row that changes with every change of the catalog, so that processes see that there was one.
create table logweir_changes (
    number bigint not null
);
insert into logweir_changes values (0);
