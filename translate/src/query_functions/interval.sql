-- Intervals.

create or replace function logweir.make_interval(
  years bigint default 0, months bigint default 0, days bigint default 0,
  hours bigint default 0, minutes bigint default 0, seconds bigint default 0
) returns interval
language sql immutable parallel safe
return make_interval(
  months => (coalesce(years, 0) * 12 + coalesce(months, 0))::int,
  days => coalesce(days, 0)::int,
  hours => coalesce(hours, 0)::int,
  mins => coalesce(minutes, 0)::int,
  secs => coalesce(seconds, 0)::double precision
);
