-- Requests and logs of an edge function, and what it took, for the function's page: by minute for up to
-- an hour, by hour for up to a day. Without a function these are all. Lines of the stock edge runtime
-- name their function in the text only.
with requests as (
  select
    t.timestamp,
    1 as request,
    response.status_code,
    m.execution_time_ms,
    0 as log,
    cast(null as string) as level,
    cast(null as float64) as cpu_time_used,
    cast(null as float64) as memory_total,
    cast(null as float64) as memory_heap,
    cast(null as float64) as memory_external
  from `deno-relay-logs` as t
  cross join unnest(t.metadata) as m
  cross join unnest(m.response) as response
  where m.project_ref = @project
    and m.function_id is not null
    and (coalesce(@function_id, '') = '' or m.function_id = @function_id)
    and t.timestamp > case @interval
      when '15min' then timestamp_sub(current_timestamp(), interval 15 minute)
      when '1hr' then timestamp_sub(current_timestamp(), interval 1 hour)
      when '3hr' then timestamp_sub(current_timestamp(), interval 3 hour)
      else timestamp_sub(current_timestamp(), interval 1 day)
    end
),
lines as (
  select
    t.timestamp,
    0 as request,
    cast(null as int64) as status_code,
    cast(null as float64) as execution_time_ms,
    1 as log,
    cast(null as string) as level,
    cast(null as float64) as cpu_time_used,
    cast(null as float64) as memory_total,
    cast(null as float64) as memory_heap,
    cast(null as float64) as memory_external
  from `deno-relay-logs` as t
  cross join unnest(t.metadata) as m
  where m.project_ref = @project
    and m.function_id is null
    and (coalesce(@function_id, '') = '' or ends_with(t.event_message, concat('/functions/', @function_id)))
    and t.timestamp > case @interval
      when '15min' then timestamp_sub(current_timestamp(), interval 15 minute)
      when '1hr' then timestamp_sub(current_timestamp(), interval 1 hour)
      when '3hr' then timestamp_sub(current_timestamp(), interval 3 hour)
      else timestamp_sub(current_timestamp(), interval 1 day)
    end
),
logs as (
  select
    t.timestamp,
    0 as request,
    cast(null as int64) as status_code,
    cast(null as float64) as execution_time_ms,
    1 as log,
    lower(cast(m.level as string)) as level,
    safe_cast(m.cpu_time_used as float64) as cpu_time_used,
    safe_cast(memory_used.total as float64) as memory_total,
    safe_cast(memory_used.heap as float64) as memory_heap,
    safe_cast(memory_used.external as float64) as memory_external
  from `deno-subhosting-events` as t
  cross join unnest(t.metadata) as m
  left join unnest(m.memory_used) as memory_used
  where m.project_ref = @project
    and (coalesce(@function_id, '') = '' or m.function_id = @function_id)
    and t.timestamp > case @interval
      when '15min' then timestamp_sub(current_timestamp(), interval 15 minute)
      when '1hr' then timestamp_sub(current_timestamp(), interval 1 hour)
      when '3hr' then timestamp_sub(current_timestamp(), interval 3 hour)
      else timestamp_sub(current_timestamp(), interval 1 day)
    end
),
everything as (
  select * from requests union all select * from lines union all select * from logs
),
stats as (
  select
    if(@interval in ('15min', '1hr'), timestamp_trunc(e.timestamp, minute), timestamp_trunc(e.timestamp, hour)) as timestamp,
    sum(e.request) as requests_count,
    sum(e.log) as log_count,
    countif(e.log = 1 and coalesce(e.level, '') not in ('warn', 'warning', 'error', 'fatal')) as log_info_count,
    countif(e.level in ('warn', 'warning')) as log_warn_count,
    countif(e.level in ('error', 'fatal')) as log_error_count,
    countif(e.status_code between 200 and 299) as success_count,
    countif(e.status_code between 300 and 399) as redirect_count,
    countif(e.status_code between 400 and 499) as client_err_count,
    countif(e.status_code >= 500) as server_err_count,
    coalesce(avg(e.cpu_time_used), 0) as avg_cpu_time_used,
    coalesce(max(e.cpu_time_used), 0) as max_cpu_time_used,
    coalesce(avg(e.execution_time_ms), 0) as avg_execution_time,
    coalesce(max(e.execution_time_ms), 0) as max_execution_time,
    -- In MiB.
    coalesce(avg(e.memory_total), 0) / 1048576 as avg_memory_used,
    coalesce(avg(e.memory_heap), 0) / 1048576 as avg_heap_memory_used,
    coalesce(avg(e.memory_external), 0) / 1048576 as avg_external_memory_used
  from everything as e
  group by timestamp
)
select
  timestamp, requests_count, log_count, log_info_count, log_warn_count, log_error_count, success_count,
  redirect_count, client_err_count, server_err_count, avg_cpu_time_used, avg_memory_used,
  avg_execution_time, max_execution_time, avg_heap_memory_used, avg_external_memory_used,
  max_cpu_time_used
from stats
order by timestamp
