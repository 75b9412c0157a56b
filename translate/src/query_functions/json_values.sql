-- Values to JSON and back.

-- A text in quotes; what ends a line in JavaScript is escaped too.
create or replace function logweir.json_string(value text) returns text
language sql immutable parallel safe
return replace(
  replace(to_json(value)::text, U&'\2028', '\u2028'), U&'\2029', '\u2029'
);

create or replace function logweir.json_int64(value bigint) returns text
language sql immutable parallel safe
return case
  when value between -9007199254740992 and 9007199254740992 then value::text
  else '"' || value || '"'
end;

create or replace function logweir.json_float64(value double precision) returns text
language sql immutable parallel safe
return case
  when logweir.is_finite(value) then logweir.text(value)
  else '"' || value::text || '"'
end;

-- With a point, to tell it from whole numbers.
create or replace function logweir.json_double(value double precision) returns text
language sql immutable parallel safe
return case
  when not logweir.is_finite(value) then '"' || value::text || '"'
  when abs(value) < 1e19 and value = trunc(value) then trim_scale(logweir.exact(value))::text || '.0'
  else value::text
end;

create or replace function logweir.json_decimal_text(value numeric) returns text
language sql immutable parallel safe
return case
  when value % 1 = 0 and abs(value) <= 9007199254740992 then trim_scale(value)::text
  else '"' || trim_scale(value) || '"'
end;

create or replace function logweir.json_decimal(value numeric, wide_as_text boolean) returns text
language sql immutable parallel safe
return case
  when value is null then null
  when value % 1 = 0 and value between -9223372036854775808 and 18446744073709551615
    then trim_scale(value)::text
  when value::double precision::text::numeric = value then trim_scale(value)::text
  when wide_as_text then '"' || trim_scale(value) || '"'
  else logweir.fail(
    'Failed to convert NUMERIC to JSON: Input number: ' || trim_scale(value)
      || ' cannot round-trip through string representation',
    ''::text
  )
end;

-- An INTERVAL as ISO 8601 has it: `P1Y2M3DT4H5M6.5S`.
create or replace function logweir.json_interval(value interval) returns text
language sql immutable parallel safe
return (
  select '"P' || case
    when value is null then null
    when months = 0 and days = 0 and micros = 0 then '0Y'
    else case when months / 12 <> 0 then months / 12 || 'Y' else '' end
      || case when months % 12 <> 0 then months % 12 || 'M' else '' end
      || case when days <> 0 then days || 'D' else '' end
      || case when micros <> 0 then 'T' else '' end
      || case when micros / 3600000000 <> 0 then micros / 3600000000 || 'H' else '' end
      || case when micros / 60000000 % 60 <> 0 then micros / 60000000 % 60 || 'M' else '' end
      || case
        when micros % 60000000 <> 0 then trim_scale((micros % 60000000) / 1000000::numeric) || 'S'
        else ''
      end
  end || '"'
  from (
    select
      (extract(year from value) * 12 + extract(month from value))::bigint as months,
      extract(day from value)::bigint as days,
      (extract(hour from value) * 3600000000 + extract(minute from value) * 60000000
        + extract(microseconds from value))::bigint as micros
  ) as parts
);

create or replace function logweir.json_name(name text) returns text
language plpgsql immutable parallel safe as $$
begin
  if name is null then
    raise exception 'JSON_OBJECT cannot have a NULL key' using errcode = '22004';
  end if;
  return to_json(name)::text;
end $$;

create or replace function logweir.json_object(names text[], list jsonb) returns jsonb
language plpgsql immutable parallel safe as $$
begin
  if names is null or list = 'null' then return null; end if;
  if cardinality(names) <> jsonb_array_length(list) then
    raise exception 'The number of keys and values must match' using errcode = '22023';
  end if;
  return coalesce((
    select jsonb_object_agg(name, value)
    from (
      select distinct on (name) name, list -> (place - 1)::int as value
      from (
        select name, place, logweir.json_name(name) from unnest(names) with ordinality as n(name, place)
      ) as named
      order by name, place
    ) as members
  ), '{}');
end $$;

create or replace function logweir.json_texts(list jsonb[]) returns text[]
language sql immutable parallel safe
return case
  when list is not null then array(
    select logweir.json_text(e) from unnest(list) with ordinality as l(e, place) order by place
  )
end;

create or replace function logweir.json_whole(value jsonb) returns bigint
language sql immutable parallel safe
return case
  when jsonb_typeof(value) = 'number' and value::numeric % 1 = 0
    and value::numeric between -9223372036854775808 and 9223372036854775807 then value::bigint
end;

create or replace function logweir.json_to_int64(value jsonb) returns bigint
language sql immutable parallel safe
return case
  when value is not null and logweir.json_whole(value) is null
    then logweir.fail('The provided JSON input is not an integer' || left(value::text, 0), 0::bigint)
  else logweir.json_whole(value)
end;

create or replace function logweir.json_double_of(value jsonb) returns double precision
language sql immutable parallel safe
return case
  when jsonb_typeof(value) = 'number' then logweir.safe_to_float64(value::numeric)
end;

create or replace function logweir.json_to_float64(value jsonb) returns double precision
language sql immutable parallel safe
return case
  when value is not null and logweir.json_double_of(value) is null
    then logweir.fail('The provided JSON input is not a number' || left(value::text, 0), 0::double precision)
  else logweir.json_double_of(value)
end;

-- Only what FLOAT64 holds exactly.
create or replace function logweir.json_exact_double(value jsonb) returns double precision
language sql immutable parallel safe
return case
  when logweir.exact(logweir.json_double_of(value)) = value::numeric
    or logweir.json_double_of(value)::text::numeric = value::numeric
    then logweir.json_double_of(value)
end;

create or replace function logweir.json_to_exact_float64(value jsonb) returns double precision
language sql immutable parallel safe
return case
  when logweir.json_to_float64(value) is not null and logweir.json_exact_double(value) is null
    then logweir.fail(
      'The provided JSON number: ' || value::text || ' cannot be converted to FLOAT64 without loss of precision',
      0::double precision
    )
  else logweir.json_exact_double(value)
end;

create or replace function logweir.json_to_bool(value jsonb) returns boolean
language sql immutable parallel safe
return case
  when jsonb_typeof(value) = 'boolean' then value::boolean
  when value is not null
    then logweir.fail('The provided JSON input is not a boolean' || left(value::text, 0), true)
end;

create or replace function logweir.json_to_string(value jsonb) returns text
language sql immutable parallel safe
return case
  when jsonb_typeof(value) = 'string' then value #>> '{}'
  when value is not null
    then logweir.fail('The provided JSON input is not a string' || left(value::text, 0), ''::text)
end;

create or replace function logweir.lax_float64(value jsonb) returns double precision
language sql immutable parallel safe
return case jsonb_typeof(value)
  when 'number' then logweir.safe_to_float64(value::numeric)
  when 'string' then logweir.safe_float64(value #>> '{}')
end;

create or replace function logweir.lax_int64(value jsonb) returns bigint
language sql immutable parallel safe
return case jsonb_typeof(value)
  when 'boolean' then value::boolean::int
  when 'number' then case
    when round(value::numeric) between -9223372036854775808 and 9223372036854775807
      then round(value::numeric)::bigint
  end
  when 'string' then coalesce(
    logweir.safe_int64(value #>> '{}'),
    logweir.safe_round_to_int64(logweir.safe_float64(value #>> '{}'))
  )
end;

create or replace function logweir.lax_bool(value jsonb) returns boolean
language sql immutable parallel safe
return case jsonb_typeof(value)
  when 'boolean' then value::boolean
  when 'number' then value::numeric <> 0
  when 'string' then logweir.safe_bool(value #>> '{}')
end;

create or replace function logweir.lax_string(value jsonb) returns text
language sql immutable parallel safe
return case jsonb_typeof(value)
  when 'string' then value #>> '{}'
  when 'boolean' then value #>> '{}'
  when 'number' then case
    when scale(value::numeric) = 0 then value #>> '{}'
    else logweir.text(logweir.safe_to_float64(value::numeric))
  end
end;
