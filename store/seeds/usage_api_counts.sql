-- Requests to each part of the API, for the project's home page: by minute for the last hour, by hour
-- for the last day, by day for the last week. Studio says 1hr, 1day, 7day (and some in between),
-- Logflare's own contract minutely, hourly, daily.
with counts as (
  select
    case
      when @interval in ('15min', '30min', '1hr', 'minutely') then timestamp_trunc(t.timestamp, minute)
      when @interval in ('3hr', '1day', 'hourly') then timestamp_trunc(t.timestamp, hour)
      else timestamp_trunc(t.timestamp, day)
    end as timestamp,
    countif(starts_with(request.path, '/auth/v1/')) as total_auth_requests,
    countif(starts_with(request.path, '/storage/v1/')) as total_storage_requests,
    countif(starts_with(request.path, '/rest/v1/') or starts_with(request.path, '/graphql/v1')) as total_rest_requests,
    countif(starts_with(request.path, '/realtime/v1/')) as total_realtime_requests
  from `cloudflare.logs.prod` as t
  cross join unnest(t.metadata) as m
  cross join unnest(m.request) as request
  where t.project = @project
    and t.timestamp > case @interval
      when '15min' then timestamp_sub(current_timestamp(), interval 15 minute)
      when '30min' then timestamp_sub(current_timestamp(), interval 30 minute)
      when '1hr' then timestamp_sub(current_timestamp(), interval 1 hour)
      when 'minutely' then timestamp_sub(current_timestamp(), interval 1 hour)
      when '3hr' then timestamp_sub(current_timestamp(), interval 3 hour)
      when '1day' then timestamp_sub(current_timestamp(), interval 1 day)
      when 'hourly' then timestamp_sub(current_timestamp(), interval 1 day)
      when '3day' then timestamp_sub(current_timestamp(), interval 3 day)
      else timestamp_sub(current_timestamp(), interval 7 day)
    end
  group by timestamp
)
select timestamp, total_auth_requests, total_storage_requests, total_rest_requests, total_realtime_requests
from counts
order by timestamp
