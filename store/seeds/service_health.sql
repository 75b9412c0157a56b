-- How well each service does, for the project's home page: by minute, hour or day, of the last day where
-- no bounds are given. What a service says of its events is read as Studio's charts read it. Services
-- that no source is known of have zeros.
with events as (
  select 'postgres_logs' as service, t.timestamp, if(parsed.error_severity in ('ERROR', 'FATAL', 'PANIC'), 'error', if(parsed.error_severity in ('WARNING'), 'warning', 'ok')) as status
  from `postgres.logs` as t
  cross join unnest(t.metadata) as m
  cross join unnest(m.parsed) as parsed
  where t.project = @project
    and (coalesce(@iso_timestamp_start, '') != '' or t.timestamp > timestamp_sub(current_timestamp(), interval 1 day))
    and (coalesce(@iso_timestamp_start, '') = '' or t.timestamp > cast(@iso_timestamp_start as timestamp))
    and (coalesce(@iso_timestamp_end, '') = '' or t.timestamp <= cast(@iso_timestamp_end as timestamp))
  union all
  select 'auth_logs' as service, t.timestamp, case
      when m.level in ('error', 'fatal') or safe_cast(m.status as int64) >= 500 then 'error'
      when m.level = 'warning' or safe_cast(m.status as int64) >= 400 then 'warning'
      else 'ok'
    end as status
  from `gotrue.logs.prod` as t
  cross join unnest(t.metadata) as m
  where t.project = @project
    and (coalesce(@iso_timestamp_start, '') != '' or t.timestamp > timestamp_sub(current_timestamp(), interval 1 day))
    and (coalesce(@iso_timestamp_start, '') = '' or t.timestamp > cast(@iso_timestamp_start as timestamp))
    and (coalesce(@iso_timestamp_end, '') = '' or t.timestamp <= cast(@iso_timestamp_end as timestamp))
  union all
  select 'function_edge_logs' as service, t.timestamp, if(response.status_code >= 500, 'error', if(response.status_code >= 400, 'warning', 'ok')) as status
  from `deno-relay-logs` as t
  cross join unnest(t.metadata) as m
  cross join unnest(m.response) as response
  where m.project_ref = @project
    and (coalesce(@iso_timestamp_start, '') != '' or t.timestamp > timestamp_sub(current_timestamp(), interval 1 day))
    and (coalesce(@iso_timestamp_start, '') = '' or t.timestamp > cast(@iso_timestamp_start as timestamp))
    and (coalesce(@iso_timestamp_end, '') = '' or t.timestamp <= cast(@iso_timestamp_end as timestamp))
  union all
  select 'storage_logs' as service, t.timestamp, if(lower(cast(m.level as string)) in ('error', 'fatal', '50', '60'), 'error', if(lower(cast(m.level as string)) in ('warn', 'warning', '40'), 'warning', 'ok')) as status
  from `storage.logs.prod.2` as t
  cross join unnest(t.metadata) as m
  where m.project = @project
    and (coalesce(@iso_timestamp_start, '') != '' or t.timestamp > timestamp_sub(current_timestamp(), interval 1 day))
    and (coalesce(@iso_timestamp_start, '') = '' or t.timestamp > cast(@iso_timestamp_start as timestamp))
    and (coalesce(@iso_timestamp_end, '') = '' or t.timestamp <= cast(@iso_timestamp_end as timestamp))
  union all
  select 'realtime_logs' as service, t.timestamp, if(lower(cast(m.level as string)) in ('error', 'critical', 'alert', 'emergency'), 'error', if(lower(cast(m.level as string)) in ('warn', 'warning'), 'warning', 'ok')) as status
  from `realtime.logs.prod` as t
  cross join unnest(t.metadata) as m
  where m.project = @project
    and (coalesce(@iso_timestamp_start, '') != '' or t.timestamp > timestamp_sub(current_timestamp(), interval 1 day))
    and (coalesce(@iso_timestamp_start, '') = '' or t.timestamp > cast(@iso_timestamp_start as timestamp))
    and (coalesce(@iso_timestamp_end, '') = '' or t.timestamp <= cast(@iso_timestamp_end as timestamp))
  union all
  select 'postgrest_logs' as service, t.timestamp, 'ok' as status
  from `postgREST.logs.prod` as t
  where t.project = @project
    and (coalesce(@iso_timestamp_start, '') != '' or t.timestamp > timestamp_sub(current_timestamp(), interval 1 day))
    and (coalesce(@iso_timestamp_start, '') = '' or t.timestamp > cast(@iso_timestamp_start as timestamp))
    and (coalesce(@iso_timestamp_end, '') = '' or t.timestamp <= cast(@iso_timestamp_end as timestamp))
  union all
  select 'edge_logs' as service, t.timestamp, if(response.status_code >= 500, 'error', if(response.status_code >= 400, 'warning', 'ok')) as status
  from `cloudflare.logs.prod` as t
  cross join unnest(t.metadata) as m
  cross join unnest(m.response) as response
  where t.project = @project
    and (coalesce(@iso_timestamp_start, '') != '' or t.timestamp > timestamp_sub(current_timestamp(), interval 1 day))
    and (coalesce(@iso_timestamp_start, '') = '' or t.timestamp > cast(@iso_timestamp_start as timestamp))
    and (coalesce(@iso_timestamp_end, '') = '' or t.timestamp <= cast(@iso_timestamp_end as timestamp))
  union all
  select 'function_logs' as service, t.timestamp, if(lower(cast(m.level as string)) in ('error', 'fatal'), 'error', if(lower(cast(m.level as string)) in ('warn', 'warning'), 'warning', 'ok')) as status
  from `deno-subhosting-events` as t
  cross join unnest(t.metadata) as m
  where m.project_ref = @project
    and (coalesce(@iso_timestamp_start, '') != '' or t.timestamp > timestamp_sub(current_timestamp(), interval 1 day))
    and (coalesce(@iso_timestamp_start, '') = '' or t.timestamp > cast(@iso_timestamp_start as timestamp))
    and (coalesce(@iso_timestamp_end, '') = '' or t.timestamp <= cast(@iso_timestamp_end as timestamp))
),
buckets as (
  select
    case @granularity
      when 'minute' then timestamp_trunc(e.timestamp, minute)
      when 'day' then timestamp_trunc(e.timestamp, day)
      else timestamp_trunc(e.timestamp, hour)
    end as bucket,
    struct(
      countif(e.service = 'postgres_logs' and e.status = 'ok') as ok,
      countif(e.service = 'postgres_logs' and e.status = 'warning') as warning,
      countif(e.service = 'postgres_logs' and e.status = 'error') as error,
      countif(e.service = 'postgres_logs') as total
    ) as postgres_logs,
    struct(
      countif(e.service = 'auth_logs' and e.status = 'ok') as ok,
      countif(e.service = 'auth_logs' and e.status = 'warning') as warning,
      countif(e.service = 'auth_logs' and e.status = 'error') as error,
      countif(e.service = 'auth_logs') as total
    ) as auth_logs,
    struct(
      countif(e.service = 'function_edge_logs' and e.status = 'ok') as ok,
      countif(e.service = 'function_edge_logs' and e.status = 'warning') as warning,
      countif(e.service = 'function_edge_logs' and e.status = 'error') as error,
      countif(e.service = 'function_edge_logs') as total
    ) as function_edge_logs,
    struct(
      countif(e.service = 'storage_logs' and e.status = 'ok') as ok,
      countif(e.service = 'storage_logs' and e.status = 'warning') as warning,
      countif(e.service = 'storage_logs' and e.status = 'error') as error,
      countif(e.service = 'storage_logs') as total
    ) as storage_logs,
    struct(
      countif(e.service = 'realtime_logs' and e.status = 'ok') as ok,
      countif(e.service = 'realtime_logs' and e.status = 'warning') as warning,
      countif(e.service = 'realtime_logs' and e.status = 'error') as error,
      countif(e.service = 'realtime_logs') as total
    ) as realtime_logs,
    struct(
      countif(e.service = 'postgrest_logs' and e.status = 'ok') as ok,
      countif(e.service = 'postgrest_logs' and e.status = 'warning') as warning,
      countif(e.service = 'postgrest_logs' and e.status = 'error') as error,
      countif(e.service = 'postgrest_logs') as total
    ) as postgrest_logs,
    struct(
      countif(e.service = 'edge_logs' and e.status = 'ok') as ok,
      countif(e.service = 'edge_logs' and e.status = 'warning') as warning,
      countif(e.service = 'edge_logs' and e.status = 'error') as error,
      countif(e.service = 'edge_logs') as total
    ) as edge_logs,
    struct(0 as ok, 0 as warning, 0 as error, 0 as total) as supavisor_logs,
    struct(
      countif(e.service = 'function_logs' and e.status = 'ok') as ok,
      countif(e.service = 'function_logs' and e.status = 'warning') as warning,
      countif(e.service = 'function_logs' and e.status = 'error') as error,
      countif(e.service = 'function_logs') as total
    ) as function_logs,
    struct(0 as ok, 0 as warning, 0 as error, 0 as total) as etl_replication_logs
  from events as e
  group by bucket
)
select
  cast(bucket as datetime) as timestamp, postgres_logs, auth_logs, function_edge_logs, storage_logs,
  realtime_logs, postgrest_logs, edge_logs, supavisor_logs, function_logs, etl_replication_logs
from buckets
order by bucket
