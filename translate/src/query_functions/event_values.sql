-- Readers of values inside events (int64, bool …): they never fail, what does not fit is NULL.

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

create or replace function logweir.numeric(value jsonb) returns numeric
language sql immutable parallel safe
return case jsonb_typeof(value)
  when 'number' then logweir.safe_to_numeric(value::numeric)
  when 'string' then logweir.safe_numeric(value #>> '{}')
end;

create or replace function logweir.bignumeric(value jsonb) returns numeric
language sql immutable parallel safe
return case jsonb_typeof(value)
  when 'number' then logweir.safe_to_bignumeric(value::numeric)
  when 'string' then logweir.safe_bignumeric(value #>> '{}')
end;

create or replace function logweir.bytes(value jsonb) returns bytea
language sql immutable parallel safe
return case
  when jsonb_typeof(value) = 'string' then logweir.safe_base64(value #>> '{}')
end;

create or replace function logweir.time(value jsonb) returns time
language sql immutable parallel safe
return case when jsonb_typeof(value) = 'string' then logweir.safe_time(value #>> '{}') end;

create or replace function logweir.interval(value jsonb) returns interval
language sql immutable parallel safe
return case when jsonb_typeof(value) = 'string' then logweir.safe_interval(value #>> '{}') end;

-- The text of what is neither an object nor a list.
create or replace function logweir.scalar_text(value jsonb) returns text
language sql immutable parallel safe
return case when jsonb_typeof(value) not in ('object', 'array') then value #>> '{}' end;

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
