-- The number of requests to the API, of the last day where no bounds are given.
with requests as (
  select t.id
  from `cloudflare.logs.prod` as t
  where t.project = @project
    and (coalesce(@iso_timestamp_start, '') != '' or t.timestamp > timestamp_sub(current_timestamp(), interval 1 day))
    and (coalesce(@iso_timestamp_start, '') = '' or t.timestamp > cast(@iso_timestamp_start as timestamp))
    and (coalesce(@iso_timestamp_end, '') = '' or t.timestamp <= cast(@iso_timestamp_end as timestamp))
)
select count(*) as count from requests
