-- Text to values: safe_… gives NULL, to_… fails. Idempotent; PostgreSQL 15 to 18.

create or replace function logweir.safe_int64(value text) returns bigint
language sql immutable parallel safe
return case
  when value ~ '^\s*[-+]?[0-9]{1,18}\s*$' then value::bigint
  when value ~ '^\s*[-+]?0*[0-9]{19}\s*$'
    and value::numeric between -9223372036854775808 and 9223372036854775807 then value::bigint
end;

create or replace function logweir.safe_float64(value text) returns double precision
language sql immutable parallel safe
return case
  when value ~ '^\s*[-+]?([0-9]{1,255}(\.[0-9]{0,255})?|\.[0-9]{1,255})([eE][-+]?[0-9]{1,2})?\s*$'
    and abs(value::numeric) <= 1e308 then value::double precision
  when lower(btrim(value)) in ('nan', 'inf', '+inf', '-inf', 'infinity', '+infinity', '-infinity')
    then btrim(value)::double precision
end;

create or replace function logweir.safe_bool(value text) returns boolean
language sql immutable parallel safe
return case lower(value) when 'true' then true when 'false' then false end;

create or replace function logweir.to_int64(value text) returns bigint
language plpgsql immutable parallel safe as $$
declare result bigint := logweir.safe_int64(value);
begin
  if result is null and value is not null then
    raise exception 'Bad int64 value: %', left(value, 100) using errcode = '22P02';
  end if;
  return result;
end $$;

create or replace function logweir.to_float64(value text) returns double precision
language plpgsql immutable parallel safe as $$
declare result double precision := logweir.safe_float64(value);
begin
  if result is null and value is not null then
    raise exception 'Bad double value: %', left(value, 100) using errcode = '22P02';
  end if;
  return result;
end $$;

create or replace function logweir.to_bool(value text) returns boolean
language plpgsql immutable parallel safe as $$
declare result boolean := logweir.safe_bool(value);
begin
  if result is null and value is not null then
    raise exception 'Bad bool value: %', left(value, 100) using errcode = '22P02';
  end if;
  return result;
end $$;

-- A text without a zone is UTC: the session's time zone is. An exception's block is a subtransaction,
-- which parallel plans do not allow.
create or replace function logweir.safe_timestamp(value text) returns timestamp
language plpgsql stable parallel unsafe as $$
begin
  if value is null or value !~ '^\s*[0-9]{1,4}-[0-9]{1,2}-[0-9]{1,2}' then return null; end if;
  return value::timestamptz at time zone 'UTC';
exception when others then
  return null;
end $$;

create or replace function logweir.to_timestamp(value text) returns timestamp
language plpgsql stable parallel unsafe as $$
declare result timestamp := logweir.safe_timestamp(value);
begin
  if result is null and value is not null then
    raise exception 'Invalid timestamp: ''%''', left(value, 100) using errcode = '22007';
  end if;
  return result;
end $$;

create or replace function logweir.safe_datetime(value text) returns timestamp
language plpgsql stable parallel unsafe as $$
begin
  if value is null or value !~ '^\s*[0-9]{1,4}-[0-9]{1,2}-[0-9]{1,2}([T ][0-9:.]+)?\s*$' then return null; end if;
  return value::timestamp;
exception when others then
  return null;
end $$;

create or replace function logweir.to_datetime(value text) returns timestamp
language plpgsql stable parallel unsafe as $$
declare result timestamp := logweir.safe_datetime(value);
begin
  if result is null and value is not null then
    raise exception 'Invalid datetime string "%"', left(value, 100) using errcode = '22007';
  end if;
  return result;
end $$;

create or replace function logweir.to_date(value text) returns date
language plpgsql stable parallel unsafe as $$
declare result date := logweir.safe_datetime(value)::date;
begin
  if result is null and value is not null then
    raise exception 'Invalid date: ''%''', left(value, 100) using errcode = '22007';
  end if;
  return result;
end $$;

create or replace function logweir.safe_time(value text) returns time
language sql immutable parallel safe
return case
  when value ~ '^\s*([01]?[0-9]|2[0-3]):[0-5]?[0-9]:[0-5]?[0-9](\.[0-9]{0,9})?\s*$'
    then make_interval(
      hours => split_part(value, ':', 1)::int,
      mins => split_part(value, ':', 2)::int,
      secs => split_part(value, ':', 3)::double precision
    )::time
end;

create or replace function logweir.to_time(value text) returns time
language sql immutable parallel safe
return case
  when value is not null and logweir.safe_time(value) is null
    then logweir.fail('Invalid time: ''' || left(value, 100) || '''', null::time)
  else logweir.safe_time(value)
end;

-- `years-months days hours:minutes:seconds`
create or replace function logweir.safe_interval(value text) returns interval
language sql immutable parallel safe
return case
  when value ~ '^\s*[-+]?[0-9]{1,5}-[0-9]{1,6} [-+]?[0-9]{1,7} [-+]?[0-9]{1,8}:[0-9]{1,9}:[0-9]{1,11}(\.[0-9]{1,9})?\s*$'
    then (
      select make_interval(
        months => case when p[1] = '-' then -1 else 1 end * (p[2]::int * 12 + p[3]::int),
        days => p[4]::int
      ) + case when p[5] = '-' then -1 else 1 end * (
        p[6]::int * interval '1 hour' + p[7]::int * interval '1 minute'
        + (p[8] || ' seconds')::interval
      )
      from regexp_match(
        value, '^\s*([-+]?)(\d+)-(\d+) ([-+]?\d+) ([-+]?)(\d+):(\d+):(\d+(?:\.\d+)?)\s*$'
      ) as p
    )
end;

create or replace function logweir.to_interval(value text) returns interval
language sql immutable parallel safe
return case
  when value is not null and logweir.safe_interval(value) is null
    then logweir.fail('Invalid INTERVAL value ''' || left(value, 100) || '''', null::interval)
  else logweir.safe_interval(value)
end;

create or replace function logweir.safe_base64(value text) returns bytea
language sql immutable parallel safe
return case
  when value ~ '^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$'
    then decode(value, 'base64')
end;
