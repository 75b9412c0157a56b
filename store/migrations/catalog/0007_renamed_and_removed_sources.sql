-- The name by which a source's fields are declared: the one that it was made with. Null is its name.
alter table logweir_sources add column declared_as text;
update logweir_sources set declared_as = name;

-- What the seeded endpoints mean by the names of their sources, which may be renamed.
update logweir_endpoints as endpoint
set source_mapping = coalesce(
    (
        select jsonb_object_agg(source.name, source.token) from logweir_sources as source
        where strpos(endpoint.query, '`' || source.name || '`') > 0
    ),
    '{}'
)
where source_mapping = '{}' and name in (select name from logweir_seeded_endpoints);

-- Sources that were removed: their tables stay, and their events are still kept for as long as was
-- said of them. Null is the default of the settings.
create table logweir_removed_sources (
    token uuid primary key,
    retention_days integer check (retention_days > 0),
    removed_at timestamptz not null default now()
);
