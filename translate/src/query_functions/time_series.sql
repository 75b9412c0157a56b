-- Series of dates and times, and buckets of time.

create or replace function logweir.generate_times(
  first timestamp, last timestamp, step interval
) returns timestamp[]
language plpgsql immutable parallel safe as $$
begin
  if first is null or last is null or step is null then return null; end if;
  if step = interval '0' then
    raise exception 'Sequence step cannot be 0.' using errcode = '22023';
  end if;
  return array(select generate_series(first, last, step));
end $$;

create or replace function logweir.generate_dates(first date, last date, step interval)
returns date[]
language sql immutable parallel safe
return logweir.generate_times(first::timestamp, last::timestamp, step)::date[];

-- The begin of the bucket that a time lies in; one bucket begins at `origin`.
create or replace function logweir.bucket(value timestamp, width interval, origin timestamp)
returns timestamp
language plpgsql immutable parallel safe as $$
declare
  months bigint := extract(year from width) * 12 + extract(month from width);
  days bigint := extract(day from width);
  micros bigint := extract(epoch from width - make_interval(months => months::int, days => days::int))
    * 1000000;
  apart bigint;
  result timestamp;
begin
  if value is null or width is null or origin is null then return null; end if;
  if months = 0 and days = 0 and micros = 0 then
    raise exception 'Zero bucket width INTERVAL is not allowed' using errcode = '22023';
  elsif (months <> 0)::int + (days <> 0)::int + (micros <> 0)::int > 1 then
    raise exception 'Exactly one non-zero INTERVAL part in bucket width is required'
      using errcode = '22023';
  elsif months < 0 or days < 0 or micros < 0 then
    raise exception 'Negative bucket width INTERVAL is not allowed' using errcode = '22023';
  end if;
  if months > 0 then
    apart := (extract(year from value) - extract(year from origin)) * 12
      + extract(month from value) - extract(month from origin);
    apart := floor(apart::numeric / months) * months;
    result := origin + make_interval(months => apart::int);
    if result > value then result := origin + make_interval(months => (apart - months)::int); end if;
  else
    micros := micros + days * 86400000000;
    apart := extract(epoch from value - origin) * 1000000;
    apart := apart % micros;
    result := value - case when apart < 0 then apart + micros else apart end
      * interval '1 microsecond';
  end if;
  return logweir.in_range(result);
end $$;

create or replace function logweir.timestamp_bucket(
  value timestamp, width interval, origin timestamp default '1950-01-01'
) returns timestamp
language plpgsql immutable parallel safe as $$
begin
  if extract(year from width) <> 0 or extract(month from width) <> 0 then
    raise exception 'Bucket width INTERVAL with non-zero MONTH part is not allowed'
      using errcode = '22023';
  end if;
  return logweir.bucket(value, width, origin);
end $$;

create or replace function logweir.datetime_bucket(
  value timestamp, width interval, origin timestamp default '1950-01-01'
) returns timestamp
language sql immutable parallel safe
return logweir.bucket(value, width, origin);

create or replace function logweir.date_bucket(
  value date, width interval, origin date default '1950-01-01'
) returns date
language plpgsql immutable parallel safe as $$
begin
  if width <> date_trunc('day', width) then
    raise exception 'Only MONTH and DAY parts are allowed in bucket width INTERVAL'
      using errcode = '22023';
  end if;
  return logweir.bucket(value::timestamp, width, origin::timestamp)::date;
end $$;
