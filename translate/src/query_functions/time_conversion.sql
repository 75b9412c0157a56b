-- Text to times: safe_… gives NULL, to_… fails.

create or replace function logweir.safe_timestamp(value text) returns timestamp
language plpgsql immutable parallel safe as $$
declare
  -- Regular expressions with groups cost ten times as much.
  place int := strpos(translate(value, 'Tt', '  '), ' ');
  day text := case when place > 0 then left(value, place - 1) else value end;
  clock text := case when place > 0 then substr(value, place + 1) else '0:0:0' end;
  zone text;
  fraction text := '';
  second text;
  result timestamp;
begin
  if value is null or day !~ '^[0-9]{4,5}-[0-9]{1,2}-[0-9]{1,2}$'
    or clock !~ '^[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}([.][0-9]{1,9})?([^0-9.]|$)'
  then
    return null;
  end if;
  zone := substr(clock, 3 + char_length(split_part(clock, ':', 1) || split_part(clock, ':', 2)));
  second := substring(zone from '^[0-9]+');
  zone := substr(zone, 1 + char_length(second));
  if left(zone, 1) = '.' then
    fraction := substring(substr(zone, 2) from '^[0-9]+');
    zone := substr(zone, 2 + char_length(fraction));
  end if;
  result := logweir.safe_make_datetime(
    split_part(day, '-', 1)::bigint, split_part(day, '-', 2)::bigint,
    split_part(day, '-', 3)::bigint, split_part(clock, ':', 1)::bigint,
    split_part(clock, ':', 2)::bigint, second::bigint
  );
  if fraction <> '' then
    result := result + left(rpad(fraction, 6, '0'), 6)::int * interval '1 microsecond';
  end if;
  if zone in ('', 'Z', 'z', ' UTC') then return result; end if;
  if zone ~ '^[+-]' then
    zone := logweir.safe_time_zone(zone);
  elsif zone ~ '^ [A-Za-z]' then
    zone := logweir.safe_time_zone(substr(zone, 2));
  else
    return null;
  end if;
  if result not between '0001-01-02' and '9999-12-30 23:59:59' then
    -- What is out of range in UTC is no error here.
    return logweir.safe_in_range(result at time zone logweir.time_zone(zone) at time zone 'UTC');
  end if;
  return logweir.from_local_time(result, zone);
end $$;

create or replace function logweir.to_timestamp(value text) returns timestamp
language plpgsql immutable parallel safe as $$
declare result timestamp := logweir.safe_timestamp(value);
begin
  if result is null and value is not null then
    raise exception 'Invalid timestamp: ''%''', left(value, 100) using errcode = '22007';
  end if;
  return result;
end $$;

create or replace function logweir.safe_datetime(value text) returns timestamp
language plpgsql immutable parallel safe as $$
begin
  if value ~ '^[0-9]{4,5}-[0-9]{1,2}-[0-9]{1,2}([ Tt][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}([.][0-9]{1,9})?)?$'
  then
    return logweir.safe_timestamp(value);
  end if;
  return null;
end $$;

-- Of a text and the zone that it is meant in.
create or replace function logweir.safe_timestamp(value text, zone text) returns timestamp
language sql immutable parallel safe
return logweir.from_local_time(logweir.safe_datetime(value), logweir.safe_time_zone(zone));

create or replace function logweir.to_timestamp(value text, zone text) returns timestamp
language plpgsql immutable parallel safe as $$
begin
  if value is null or zone is null then return null; end if;
  if logweir.safe_datetime(value) is null and logweir.safe_timestamp(value) is not null then
    raise exception 'Timezone is not allowed in "%"', left(value, 100) using errcode = '22007';
  elsif logweir.safe_datetime(value) is null then
    raise exception 'Invalid timestamp: ''%''', left(value, 100) using errcode = '22007';
  end if;
  return logweir.from_local_time(logweir.safe_datetime(value), zone);
end $$;

create or replace function logweir.to_datetime(value text) returns timestamp
language plpgsql immutable parallel safe as $$
declare result timestamp := logweir.safe_datetime(value);
begin
  if result is null and value is not null then
    raise exception 'Invalid datetime string "%"', left(value, 100) using errcode = '22007';
  end if;
  return result;
end $$;

create or replace function logweir.safe_date(value text) returns date
language plpgsql immutable parallel safe as $$
declare parts text[] := regexp_match(value, '^([0-9]{4,5})-([0-9]{1,2})-([0-9]{1,2})$');
begin
  return logweir.safe_make_date(parts[1]::bigint, parts[2]::bigint, parts[3]::bigint);
end $$;

create or replace function logweir.to_date(value text) returns date
language plpgsql immutable parallel safe as $$
declare result date := logweir.safe_date(value);
begin
  if result is null and value is not null then
    raise exception 'Invalid date: ''%''', left(value, 100) using errcode = '22007';
  end if;
  return result;
end $$;

create or replace function logweir.safe_time(value text) returns time
language plpgsql immutable parallel safe as $$
declare
  parts text[] := regexp_match(
    value, '^([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.]([0-9]{1,9}))?$'
  );
begin
  return logweir.safe_make_time(parts[1]::bigint, parts[2]::bigint, parts[3]::bigint)
    + left(rpad(coalesce(parts[4], ''), 6, '0'), 6)::int * interval '1 microsecond';
end $$;

create or replace function logweir.to_time(value text) returns time
language plpgsql immutable parallel safe as $$
declare result time := logweir.safe_time(value);
begin
  if result is null and value is not null then
    raise exception 'Invalid time string "%"', left(value, 100) using errcode = '22007';
  end if;
  return result;
end $$;

-- `years-months days hours:minutes:seconds`, or some of the three, or ISO 8601's `P1Y2M3DT4H5M6S`.
create or replace function logweir.safe_interval(value text) returns interval
language plpgsql immutable parallel safe as $$
declare
  parts text[];
  months numeric := 0;
  days numeric := 0;
  micros numeric := 0;
begin
  parts := regexp_match(value,
    '^(?:([-+]?)([0-9]{1,9})-([0-9]{1,9}))?'
    '(?:(?:^| )([-+]?[0-9]{1,9}))?'
    '(?:(?:^| )([-+]?)([0-9]{1,9}):([0-9]{1,9}):([0-9]{1,12}(?:[.][0-9]{1,9})?))?$');
  if parts is not null and num_nonnulls(parts[2], parts[4], parts[6]) > 0 then
    -- A number alone could be of anything.
    if num_nonnulls(parts[2], parts[6]) = 0 then return null; end if;
    months := (coalesce(parts[2], '0')::numeric * 12 + coalesce(parts[3], '0')::numeric)
      * case when parts[1] = '-' then -1 else 1 end;
    days := coalesce(parts[4], '0')::numeric;
    micros := trunc((coalesce(parts[6], '0')::numeric * 3600 + coalesce(parts[7], '0')::numeric * 60
      + coalesce(parts[8], '0')::numeric) * 1000000) * case when parts[5] = '-' then -1 else 1 end;
  else
    parts := regexp_match(value,
      '^P(?:([-+]?[0-9]{1,9})Y)?(?:([-+]?[0-9]{1,9})M)?(?:([-+]?[0-9]{1,9})W)?'
      '(?:([-+]?[0-9]{1,9})D)?(?:T(?:([-+]?[0-9]{1,9})H)?(?:([-+]?[0-9]{1,9})M)?'
      '(?:([-+]?[0-9]{1,12}(?:[.][0-9]{1,9})?)S)?)?$');
    if parts is null or value ~ '[PT]$' then return null; end if;
    months := coalesce(parts[1], '0')::numeric * 12 + coalesce(parts[2], '0')::numeric;
    days := coalesce(parts[3], '0')::numeric * 7 + coalesce(parts[4], '0')::numeric;
    micros := trunc((coalesce(parts[5], '0')::numeric * 3600 + coalesce(parts[6], '0')::numeric * 60
      + coalesce(parts[7], '0')::numeric) * 1000000);
  end if;
  if abs(months) > 120000 or abs(days) > 3660000 or abs(micros) > 316224000000000000 then
    return null;
  end if;
  return make_interval(months => months::int, days => days::int)
    + (micros::bigint / 1000000) * interval '1 second'
    + (micros::bigint % 1000000) * interval '1 microsecond';
end $$;

create or replace function logweir.to_interval(value text) returns interval
language plpgsql immutable parallel safe as $$
declare result interval := logweir.safe_interval(value);
begin
  if result is null and value is not null then
    raise exception 'Invalid INTERVAL value ''%''', left(value, 100) using errcode = '22007';
  end if;
  return result;
end $$;
