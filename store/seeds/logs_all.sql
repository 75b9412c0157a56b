-- What Studio's log pages and the logs explorer ask: their SQL runs over these tables. A bound that is
-- empty or not given does not bind; the start is exclusive, the end inclusive. `identifier` and
-- `project` are columns on the hosted platform that Studio's filters name. IF keeps the planner from
-- taking the project for a rare value: self-hosted, every row has the same.
with edge_logs as (
  select t.timestamp, t.id, t.event_message, t.metadata, t.identifier, t.project
  from `cloudflare.logs.prod` as t
  where if(t.project = @project, true, false)
    and (coalesce(@iso_timestamp_start, '') = '' or t.timestamp > cast(@iso_timestamp_start as timestamp))
    and (coalesce(@iso_timestamp_end, '') = '' or t.timestamp <= cast(@iso_timestamp_end as timestamp))
),
postgres_logs as (
  select t.timestamp, t.id, t.event_message, t.metadata, t.identifier, t.project
  from `postgres.logs` as t
  where if(t.project = @project, true, false)
    and (coalesce(@iso_timestamp_start, '') = '' or t.timestamp > cast(@iso_timestamp_start as timestamp))
    and (coalesce(@iso_timestamp_end, '') = '' or t.timestamp <= cast(@iso_timestamp_end as timestamp))
),
function_edge_logs as (
  select t.timestamp, t.id, t.event_message, t.metadata, t.identifier, t.project
  from `deno-relay-logs` as t cross join unnest(t.metadata) as m
  where if(m.project_ref = @project, true, false)
    and (coalesce(@iso_timestamp_start, '') = '' or t.timestamp > cast(@iso_timestamp_start as timestamp))
    and (coalesce(@iso_timestamp_end, '') = '' or t.timestamp <= cast(@iso_timestamp_end as timestamp))
),
function_logs as (
  select t.timestamp, t.id, t.event_message, t.metadata, t.identifier, t.project
  from `deno-subhosting-events` as t cross join unnest(t.metadata) as m
  where if(m.project_ref = @project, true, false)
    and (coalesce(@iso_timestamp_start, '') = '' or t.timestamp > cast(@iso_timestamp_start as timestamp))
    and (coalesce(@iso_timestamp_end, '') = '' or t.timestamp <= cast(@iso_timestamp_end as timestamp))
),
auth_logs as (
  select t.timestamp, t.id, t.event_message, t.metadata, t.identifier, t.project
  from `gotrue.logs.prod` as t
  where if(t.project = @project, true, false)
    and (coalesce(@iso_timestamp_start, '') = '' or t.timestamp > cast(@iso_timestamp_start as timestamp))
    and (coalesce(@iso_timestamp_end, '') = '' or t.timestamp <= cast(@iso_timestamp_end as timestamp))
),
realtime_logs as (
  select t.timestamp, t.id, t.event_message, t.metadata, t.identifier, t.project
  from `realtime.logs.prod` as t cross join unnest(t.metadata) as m
  where if(m.project = @project, true, false)
    and (coalesce(@iso_timestamp_start, '') = '' or t.timestamp > cast(@iso_timestamp_start as timestamp))
    and (coalesce(@iso_timestamp_end, '') = '' or t.timestamp <= cast(@iso_timestamp_end as timestamp))
),
storage_logs as (
  select t.timestamp, t.id, t.event_message, t.metadata, t.identifier, t.project
  from `storage.logs.prod.2` as t cross join unnest(t.metadata) as m
  where if(m.project = @project, true, false)
    and (coalesce(@iso_timestamp_start, '') = '' or t.timestamp > cast(@iso_timestamp_start as timestamp))
    and (coalesce(@iso_timestamp_end, '') = '' or t.timestamp <= cast(@iso_timestamp_end as timestamp))
),
postgrest_logs as (
  select t.timestamp, t.id, t.event_message, t.metadata, t.identifier, t.project
  from `postgREST.logs.prod` as t
  where if(t.project = @project, true, false)
    and (coalesce(@iso_timestamp_start, '') = '' or t.timestamp > cast(@iso_timestamp_start as timestamp))
    and (coalesce(@iso_timestamp_end, '') = '' or t.timestamp <= cast(@iso_timestamp_end as timestamp))
),
pgbouncer_logs as (
  select t.timestamp, t.id, t.event_message, t.metadata, t.identifier, t.project
  from `pgbouncer.logs.prod` as t
  where if(t.project = @project, true, false)
    and (coalesce(@iso_timestamp_start, '') = '' or t.timestamp > cast(@iso_timestamp_start as timestamp))
    and (coalesce(@iso_timestamp_end, '') = '' or t.timestamp <= cast(@iso_timestamp_end as timestamp))
)
select id, timestamp, event_message, metadata from edge_logs order by timestamp desc limit 100
