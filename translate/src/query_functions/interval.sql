-- Intervals: months, days and microseconds, each with a range of its own.

create or replace function logweir.safe_check_interval(value interval) returns interval
language sql immutable parallel safe
return case
  when abs(extract(year from value) * 12 + extract(month from value)) <= 120000
    and abs(extract(day from value)) <= 3660000
    and abs(
      extract(hour from value) * 3600000000 + extract(minute from value) * 60000000
      + extract(microseconds from value)
    ) <= 316224000000000000
    then value
end;

create or replace function logweir.check_interval(value interval) returns interval
language plpgsql immutable parallel safe as $$
begin
  if value is not null and logweir.safe_check_interval(value) is null then
    raise exception 'Interval is out of range: %', logweir.interval_text(value)
      using errcode = '22015';
  end if;
  return value;
end $$;

-- `months`, `days` and `micros` are each what one of `count` is. PostgreSQL multiplies an interval in
-- floating point.
create or replace function logweir.interval_of(
  count bigint, months bigint, days bigint, micros bigint
) returns interval
language plpgsql immutable parallel safe as $$
declare
  of_months numeric := count::numeric * months;
  of_days numeric := count::numeric * days;
  of_micros numeric := count::numeric * micros;
begin
  if abs(of_months) > 120000 then
    raise exception 'Interval field months ''%'' is out of range -120000 to 120000', of_months
      using errcode = '22015';
  elsif abs(of_days) > 3660000 then
    raise exception 'Interval field days ''%'' is out of range -3660000 to 3660000', of_days
      using errcode = '22015';
  elsif abs(of_micros) > 316224000000000000 then
    raise exception
      'Interval field microseconds ''%'' is out of range -316224000000000000 to 316224000000000000',
      of_micros using errcode = '22015';
  end if;
  return make_interval(months => of_months::int, days => of_days::int)
    + (of_micros::bigint / 1000000) * interval '1 second'
    + (of_micros::bigint % 1000000) * interval '1 microsecond';
end $$;

create or replace function logweir.make_interval(
  years bigint default 0, months bigint default 0, days bigint default 0,
  hours bigint default 0, minutes bigint default 0, seconds bigint default 0
) returns interval
language sql immutable parallel safe
return logweir.interval_of(years, 12, 0, 0) + logweir.interval_of(months, 1, 0, 0)
  + logweir.interval_of(days, 0, 1, 0) + logweir.interval_of(hours, 0, 0, 3600000000)
  + logweir.interval_of(minutes, 0, 0, 60000000) + logweir.interval_of(seconds, 0, 0, 1000000);

-- A TIMESTAMP's days have 24 hours, and it knows no months.
create or replace function logweir.timestamp_plus(value timestamp, addend interval)
returns timestamp
language sql immutable parallel safe
return case
  when value is null then null
  when extract(year from addend) <> 0 or extract(month from addend) <> 0 then logweir.fail(
    'TIMESTAMP +/- INTERVAL is not supported for intervals with non-zero MONTH or YEAR part.'
      || left(addend::text, 0),
    value
  )
  else logweir.in_range(value + addend)
end;

create or replace function logweir.multiply_interval(value interval, factor bigint)
returns interval
language plpgsql immutable parallel safe as $$
begin
  return logweir.interval_of(
      factor, (extract(year from value) * 12 + extract(month from value))::bigint, 0, 0
    ) + logweir.interval_of(factor, 0, extract(day from value)::bigint, 0)
    + logweir.interval_of(
      factor, 0, 0,
      (extract(hour from value) * 3600000000 + extract(minute from value) * 60000000
        + extract(microseconds from value))::bigint
    );
end $$;

-- What is left of months goes to days of 30 a month, what is left of days to hours of 24 a day; parts
-- of a microsecond are dropped.
create or replace function logweir.divide_interval(value interval, divisor bigint)
returns interval
language plpgsql immutable parallel safe as $$
declare
  months bigint := extract(year from value) * 12 + extract(month from value);
  days bigint := extract(day from value);
  micros bigint := extract(hour from value) * 3600000000 + extract(minute from value) * 60000000
    + extract(microseconds from value);
begin
  if value is null or divisor is null then return null; end if;
  if divisor = 0 then
    raise exception 'Interval division by zero' using errcode = '22012';
  end if;
  days := days + months % divisor * 30;
  micros := trunc((micros::numeric + (days % divisor)::numeric * 86400000000) / divisor);
  return make_interval(months => (months / divisor)::int, days => (days / divisor)::int)
    + (micros / 1000000) * interval '1 second' + (micros % 1000000) * interval '1 microsecond';
end $$;

-- 24 hours are a day, 30 days a month, and both have the same sign then.
create or replace function logweir.justify(value interval, of_days boolean, of_hours boolean)
returns interval
language plpgsql immutable parallel safe as $$
declare
  months bigint := extract(year from value) * 12 + extract(month from value);
  days bigint := extract(day from value);
  micros bigint := extract(hour from value) * 3600000000 + extract(minute from value) * 60000000
    + extract(microseconds from value);
  whole numeric;
begin
  if value is null then return null; end if;
  if of_days and of_hours then
    whole := (months * 30 + days)::numeric * 86400000000 + micros;
    months := trunc(whole / 2592000000000);
    days := trunc((whole % 2592000000000) / 86400000000);
    micros := whole % 86400000000;
  elsif of_days then
    days := months * 30 + days;
    months := days / 30;
    days := days % 30;
  elsif of_hours then
    whole := days::numeric * 86400000000 + micros;
    days := trunc(whole / 86400000000);
    micros := whole % 86400000000;
  end if;
  return make_interval(months => months::int, days => days::int)
    + (micros / 1000000) * interval '1 second' + (micros % 1000000) * interval '1 microsecond';
end $$;
