-- `{name: token}` of the sources that an alert's query named when it was saved: they may be renamed.
alter table logweir_alerts add column source_mapping jsonb not null default '{}';
-- Of alerts that are there already: those whose names stand in the query. One too many does no harm.
update logweir_alerts as alerts set source_mapping = named.mapping
from (
    select alerts.id, jsonb_object_agg(sources.name, sources.token) as mapping
    from logweir_alerts as alerts
    join logweir_sources as sources on position(sources.name in alerts.query) > 0
    group by alerts.id
) as named
where alerts.id = named.id;

-- A token that opens more than the way in for events is not shown again, so it is not kept.
update logweir_access_tokens set token = null
where token is not null and scopes ~ '(^|\s)(private|query)';

-- What a key and its value take, so that all of them together can be bounded.
alter table logweir_key_values
    add column bytes integer not null
        generated always as (octet_length(key) + octet_length(value::text)) stored;

-- Counts the changes of key-values: who has them need not read them again at other changes.
alter table logweir_changes add column key_values bigint not null default 0;
