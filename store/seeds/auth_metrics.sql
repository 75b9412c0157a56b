-- What the auth service has done in the last interval and in the one before it, a row for each. The
-- interval is a day where none is given.
with bounds as (
  select
    case @interval
      when '15min' then 15
      when '30min' then 30
      when '1hr' then 60
      when '3hr' then 180
      when '3day' then 4320
      when '7day' then 10080
      else 1440
    end as minutes
),
gateway as (
  select
    if(t.timestamp > timestamp_sub(current_timestamp(), interval b.minutes minute), 'current', 'previous') as period,
    response.status_code
  from bounds as b
  cross join `cloudflare.logs.prod` as t
  cross join unnest(t.metadata) as m
  cross join unnest(m.request) as request
  cross join unnest(m.response) as response
  where t.project = @project
    -- Twice the longest interval: days before it are not read.
    and t.timestamp > timestamp_sub(current_timestamp(), interval 14 day)
    and t.timestamp > timestamp_sub(current_timestamp(), interval 2 * b.minutes minute)
    and starts_with(request.path, '/auth/v1')
),
auth as (
  select
    if(t.timestamp > timestamp_sub(current_timestamp(), interval b.minutes minute), 'current', 'previous') as period,
    m.request_id,
    safe_cast(m.status as int64) as status,
    coalesce(auth_event.actor_id, m.user_id) as user_id,
    auth_event.action
  from bounds as b
  cross join `gotrue.logs.prod` as t
  cross join unnest(t.metadata) as m
  left join unnest(m.auth_event) as auth_event
  where t.project = @project
    and t.timestamp > timestamp_sub(current_timestamp(), interval 14 day)
    and t.timestamp > timestamp_sub(current_timestamp(), interval 2 * b.minutes minute)
),
requests as (
  select period, count(*) as total, countif(status_code >= 400) as errors from gateway group by period
),
events as (
  select
    period,
    count(distinct user_id) as users,
    -- A request that fails is logged more than once.
    count(distinct if(status is not null, request_id, null)) as total,
    count(distinct if(status >= 400, request_id, null)) as errors,
    countif(action = 'user_recovery_requested') as resets,
    countif(action = 'user_signedup') as sign_ups
  from auth
  group by period
),
periods as (
  select 'current' as period union all select 'previous'
)
select
  p.period,
  coalesce(e.users, 0) as active_users,
  coalesce(r.errors, 0) as api_error_requests,
  coalesce(r.total, 0) as api_total_requests,
  coalesce(e.errors, 0) as auth_total_errors,
  coalesce(e.total, 0) as auth_total_requests,
  coalesce(e.resets, 0) as password_reset_requests,
  coalesce(e.sign_ups, 0) as sign_up_count
from periods as p
left join requests as r on r.period = p.period
left join events as e on e.period = p.period
order by p.period
