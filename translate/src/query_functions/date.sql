-- Dates and times: made of numbers, moved by parts of time.

create or replace function logweir.safe_make_date(year bigint, month bigint, day bigint)
returns date
language plpgsql immutable parallel safe as $$
begin
  if year between 1 and 9999 and month between 1 and 12 and day between 1 and 31 then
    if day <= 28 or day <= extract(
      day from make_date(year::int, month::int, 1) + interval '1 month - 1 day'
    ) then
      return make_date(year::int, month::int, day::int);
    end if;
  end if;
  return null;
end $$;

create or replace function logweir.make_date(year bigint, month bigint, day bigint) returns date
language plpgsql immutable parallel safe as $$
declare result date := logweir.safe_make_date(year, month, day);
begin
  if result is null and year is not null and month is not null and day is not null then
    raise exception 'Input calculates to invalid date: %-%-%', lpad(year::text, 4, '0'),
      lpad(month::text, 2, '0'), lpad(day::text, 2, '0') using errcode = '22008';
  end if;
  return result;
end $$;

-- A leap second is the first one of the next minute.
create or replace function logweir.safe_make_time(hour bigint, minute bigint, second bigint)
returns time
language plpgsql immutable parallel safe as $$
begin
  if hour between 0 and 23 and minute between 0 and 59 and second between 0 and 60 then
    return make_time(hour::int, minute::int, 0) + second * interval '1 second';
  end if;
  return null;
end $$;

create or replace function logweir.make_time(hour bigint, minute bigint, second bigint)
returns time
language plpgsql immutable parallel safe as $$
declare result time := logweir.safe_make_time(hour, minute, second);
begin
  if result is null and hour is not null and minute is not null and second is not null then
    raise exception 'Input calculates to invalid time: %:%:%', lpad(hour::text, 2, '0'),
      lpad(minute::text, 2, '0'), lpad(second::text, 2, '0') using errcode = '22008';
  end if;
  return result;
end $$;

create or replace function logweir.safe_make_datetime(
  year bigint, month bigint, day bigint, hour bigint, minute bigint, second bigint
) returns timestamp
language plpgsql immutable parallel safe as $$
declare result timestamp;
begin
  if hour between 0 and 23 and minute between 0 and 59 and second between 0 and 60 then
    result := logweir.safe_make_date(year, month, day) + make_time(hour::int, minute::int, 0)
      + second * interval '1 second';
    if result <= '9999-12-31 23:59:59.999999' then return result; end if;
  end if;
  return null;
end $$;

create or replace function logweir.make_datetime(
  year bigint, month bigint, day bigint, hour bigint, minute bigint, second bigint
) returns timestamp
language plpgsql immutable parallel safe as $$
declare result timestamp := logweir.safe_make_datetime(year, month, day, hour, minute, second);
begin
  if result is null and num_nulls(year, month, day, hour, minute, second) = 0 then
    raise exception 'Input calculates to invalid datetime: %-%-% %:%:%', lpad(year::text, 4, '0'),
      lpad(month::text, 2, '0'), lpad(day::text, 2, '0'), lpad(hour::text, 2, '0'),
      lpad(minute::text, 2, '0'), lpad(second::text, 2, '0') using errcode = '22008';
  end if;
  return result;
end $$;

-- A date so many days (`unit` 1) or weeks (7) later.
create or replace function logweir.safe_add_days(value date, count bigint, unit bigint) returns date
language plpgsql immutable parallel safe as $$
begin
  if count between (date '0001-01-01' - value) / unit and (date '9999-12-31' - value) / unit then
    return value + (count * unit)::int;
  end if;
  return null;
end $$;

create or replace function logweir.add_days(value date, count bigint, unit bigint, part text)
returns date
language plpgsql immutable parallel safe as $$
declare result date := logweir.safe_add_days(value, count, unit);
begin
  if result is null and value is not null and count is not null then
    raise exception 'Adding % % to date % causes overflow', count, part, value
      using errcode = '22008';
  end if;
  return result;
end $$;

-- A time so many months (`unit` 1), quarters (3) or years (12) later; the day is the last of its
-- month where that month is too short.
create or replace function logweir.safe_add_months(value timestamp, count bigint, unit bigint)
returns timestamp
language plpgsql immutable parallel safe as $$
begin
  if count between -120000 and 120000 then
    return logweir.safe_in_range(value + make_interval(months => (count * unit)::int));
  end if;
  return null;
end $$;

create or replace function logweir.add_months(
  value timestamp, count bigint, unit bigint, part text, what text
) returns timestamp
language plpgsql immutable parallel safe as $$
declare result timestamp := logweir.safe_add_months(value, count, unit);
begin
  if result is null and value is not null and count is not null then
    raise exception 'Adding % % to % % causes overflow', count, part, what,
      case when what = 'date' then value::date::text else value::text end using errcode = '22008';
  end if;
  return result;
end $$;

-- A time so many units of so many microseconds later. Days are counted apart: PostgreSQL
-- multiplies an interval in floating point.
create or replace function logweir.safe_add(value timestamp, count bigint, unit bigint)
returns timestamp
language plpgsql immutable parallel safe as $$
declare
  in_a_day constant bigint := 86400000000 / unit;
begin
  if count / in_a_day between -3652059 and 3652059 then
    return logweir.safe_in_range(
      value + make_interval(days => (count / in_a_day)::int)
      + (count % in_a_day * unit) * interval '1 microsecond'
    );
  end if;
  return null;
end $$;

create or replace function logweir.add(
  value timestamp, count bigint, unit bigint, part text, what text
) returns timestamp
language plpgsql immutable parallel safe as $$
declare result timestamp := logweir.safe_add(value, count, unit);
begin
  if result is null and value is not null and count is not null then
    raise exception 'Adding % % to % % causes overflow', count, part, what,
      value || case what when 'timestamp' then '+00' else '' end using errcode = '22008';
  end if;
  return result;
end $$;

-- A time of day goes round at midnight.
create or replace function logweir.add_to_time(value time, count bigint, unit bigint) returns time
language sql immutable parallel safe
return value + (count % (86400000000 / unit) * unit) * interval '1 microsecond';

-- Since 1970.
create or replace function logweir.safe_from_unix(count bigint, unit bigint) returns timestamp
language sql immutable parallel safe
return logweir.safe_add('1970-01-01', count, unit);

create or replace function logweir.from_unix(count bigint, unit bigint) returns timestamp
language plpgsql immutable parallel safe as $$
declare result timestamp := logweir.safe_add('1970-01-01', count, unit);
begin
  if result is null and count is not null then
    raise exception 'Input value % cannot be converted into a TIMESTAMP, because it would be out of the allowed range between -62135596800000000 to 253402300799999999 (microseconds)', count
      using errcode = '22008';
  end if;
  return result;
end $$;

create or replace function logweir.date_from_unix(days bigint) returns date
language sql immutable parallel safe
return case
  when days between -719162 and 2932896 then date '1970-01-01' + days::int
  when days is not null then logweir.fail(
    'DATE_FROM_UNIX_DATE range is -719162 to 2932896 but saw ' || days, null::date
  )
end;

-- The last day of a part of time, of which this is the first day of the next one.
create or replace function logweir.last_day(next_begins timestamp, value timestamp) returns date
language sql immutable parallel safe
return case
  when next_begins <= '10000-01-01' then next_begins::date - 1
  when next_begins is not null then logweir.fail(
    'Last day of date ' || value::date || ' is out of range', value::date
  )
end;

create or replace function logweir.safe_last_day(next_begins timestamp) returns date
language sql immutable parallel safe
return case when next_begins <= '10000-01-01' then next_begins::date - 1 end;
