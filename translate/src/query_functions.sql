-- Functions that translated queries call. Idempotent; PostgreSQL 15 to 18.
-- Readers (int64, bool …) take a value inside an event and never fail: what does not fit is NULL.

-- ---- text to values: safe_… gives NULL, to_… fails ------------------------------------------

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

-- ---- values inside events -------------------------------------------------------------------

create or replace function logweir.int64(value jsonb) returns bigint
language sql immutable parallel safe
return case jsonb_typeof(value)
  -- Whole, and within 64 bits, of which one more is negative.
  when 'number' then case
    when value::numeric % 1 = 0 and abs(value::numeric + 0.5) < 9223372036854775808 then value::bigint
  end
  when 'string' then logweir.safe_int64(value #>> '{}')
end;

create or replace function logweir.float64(value jsonb) returns double precision
language sql immutable parallel safe
return case jsonb_typeof(value)
  when 'number' then case when abs(value::numeric) <= 1e308 then value::double precision end
  when 'string' then logweir.safe_float64(value #>> '{}')
end;

create or replace function logweir.bool(value jsonb) returns boolean
language sql immutable parallel safe
return case jsonb_typeof(value)
  when 'boolean' then value::boolean
  when 'string' then logweir.safe_bool(value #>> '{}')
end;

-- A number counts microseconds since 1970.
create or replace function logweir.timestamp(value jsonb) returns timestamp
language sql stable parallel unsafe
return case jsonb_typeof(value)
  when 'number' then case
    when value::numeric between -62135596800000000 and 253402300799999999
      then timestamp '1970-01-01' + value::bigint * interval '1 microsecond'
  end
  when 'string' then logweir.safe_timestamp(value #>> '{}')
end;

-- UNNEST: a list gives its elements, an object itself; a missing value gives one row of NULL.
-- Nearly always there is one object, so that is what is cheap: the elements of NULL cost next to
-- nothing. The bounds of `place` always hold; they tell the planner that there are few elements (it
-- takes 100 for granted, and 1 in 200 for bounds of which it knows nothing). OFFSET 0 keeps it from
-- working out the element again wherever it is used.
create or replace function logweir.unnest_or_null(value jsonb) returns setof jsonb
language sql stable parallel safe rows 1 as $$
  select nullif(case when place is null then value else element end, 'null')
  from (select 1) as one
  left join jsonb_array_elements(case when jsonb_typeof(value) = 'array' then value end)
    with ordinality as elements(element, place) on place between 1 and 9223372036854775807
  where place is not null or jsonb_typeof(value) is distinct from 'array'
  offset 0
$$;

-- The same, but a missing value gives no row.
create or replace function logweir.unnest(value jsonb) returns setof jsonb
language sql stable parallel safe rows 1 as $$
  select nullif(case when place is null then value else element end, 'null')
  from (select 1) as one
  left join jsonb_array_elements(case when jsonb_typeof(value) = 'array' then value end)
    with ordinality as elements(element, place) on place between 1 and 9223372036854775807
  where place is not null or jsonb_typeof(value) not in ('array', 'null')
  offset 0
$$;

-- ---- values to text -------------------------------------------------------------------------

create or replace function logweir.text(value double precision) returns text
language sql immutable parallel safe
return case
  when value = 'NaN' then 'nan'
  when value = 'Infinity' then 'inf'
  when value = '-Infinity' then '-inf'
  when value = 0 then '0'
  else value::text
end;

-- Fractions of a second have 0, 3 or 6 digits.
create or replace function logweir.datetime_text(value timestamp) returns text
language sql immutable parallel safe
return to_char(value, 'YYYY-MM-DD HH24:MI:SS') || case
  when extract(microseconds from value)::bigint % 1000000 = 0 then ''
  when extract(microseconds from value)::bigint % 1000 = 0 then to_char(value, '.MS')
  else to_char(value, '.US')
end;

create or replace function logweir.timestamp_text(value timestamp) returns text
language sql immutable parallel safe
return logweir.datetime_text(value) || '+00';

-- ---- numbers --------------------------------------------------------------------------------

-- The exact decimal value: a cast to numeric would keep 15 digits only.
create or replace function logweir.exact(value double precision) returns numeric
language plpgsql immutable parallel safe as $$
declare
  bits bigint := ('x' || encode(float8send(value), 'hex'))::bit(64)::bigint;
  exponent int := ((bits >> 52) & 2047)::int;
  mantissa numeric := (bits & 4503599627370495)::numeric;
begin
  if exponent = 0 then exponent := -1074;
  else mantissa := mantissa + 4503599627370496; exponent := exponent - 1075; end if;
  if bits < 0 then mantissa := -mantissa; end if;
  if exponent >= 0 then return mantissa * (2::numeric ^ exponent); end if;
  -- 2^-k = 5^k * 10^-k
  return mantissa * round(5::numeric ^ (-exponent)) * ('1e' || exponent)::numeric;
end $$;

-- Half away from zero, on the exact value.
create or replace function logweir.round(value double precision, digits bigint default 0)
returns double precision
language sql immutable parallel safe
return case
  when value is null or digits is null then null
  when value in ('NaN', 'Infinity', '-Infinity') or digits > 330 then value
  when digits < -330 then 0
  else round(logweir.exact(value), digits::int)::double precision
end;

create or replace function logweir.round_to_int64(value double precision) returns bigint
language sql immutable parallel safe
return round(logweir.exact(value))::bigint;

create or replace function logweir.safe_round_to_int64(value double precision) returns bigint
language sql immutable parallel safe
return case
  when value > -9223372036854775809::double precision and value < 9223372036854775807::double precision
    then round(logweir.exact(value))::bigint
end;

-- ---- text -----------------------------------------------------------------------------------

create or replace function logweir.substr(value text, place bigint, length bigint default null)
returns text
language plpgsql immutable parallel safe as $$
declare
  characters int := char_length(value);
begin
  if value is null or place is null then return null; end if;
  if length < 0 then
    raise exception 'Third argument in SUBSTR() cannot be negative' using errcode = '22011';
  end if;
  if place > characters then return ''; end if;
  place := case when place > 0 then place when place = 0 then 1 else greatest(characters + place + 1, 1) end;
  return substring(value from place::int for least(coalesce(length, characters), characters)::int);
end $$;

-- ---- time zones -----------------------------------------------------------------------------

-- '+05:30' is east of Greenwich; PostgreSQL reads such a text the other way round.
create or replace function logweir.time_zone(name text) returns text
language sql immutable parallel safe
return case
  when name ~ '^[+-]' then translate(left(name, 1), '+-', '-+') || substr(name, 2)
  when name ~* '^utc[+-]' then translate(substr(name, 4, 1), '+-', '-+') || substr(name, 5)
  else name
end;

-- ---- arrays ---------------------------------------------------------------------------------

create or replace function logweir.element(elements anyarray, place bigint) returns anyelement
language plpgsql immutable parallel safe as $$
begin
  if elements is null or place is null then return null; end if;
  if place < 0 or place >= cardinality(elements) then
    raise exception 'Array index % is out of bounds', place using errcode = '2202E';
  end if;
  return elements[place + 1];
end $$;

create or replace function logweir.safe_element(elements anyarray, place bigint) returns anyelement
language sql immutable parallel safe
as $$ select case when place between 0 and cardinality(elements) - 1 then elements[place + 1] end $$;

-- Of sorted values: the least, n - 1 in between, the greatest.
create or replace function logweir.quantiles(sorted anyarray, n bigint) returns anyarray
language sql immutable parallel safe as $$
  select case when cardinality(sorted) > 0 then
    array(
      select sorted[greatest(1, ceil(cardinality(sorted)::numeric * k / n)::int)]
      from generate_series(0, n) as places(k) order by k
    )
  end
$$;
