-- Comparisons that PostgreSQL makes otherwise.

create or replace function logweir.float_equal(one float8, other float8) returns boolean
language sql immutable parallel safe
return case
  when one <> 'NaN' and other <> 'NaN' then one = other
  when one is not null and other is not null then false
end;

create or replace function logweir.float_less(one float8, other float8) returns boolean
language sql immutable parallel safe
return case
  when one <> 'NaN' and other <> 'NaN' then one < other
  when one is not null and other is not null then false
end;

create or replace function logweir.float_less_or_equal(one float8, other float8) returns boolean
language sql immutable parallel safe
return case
  when one <> 'NaN' and other <> 'NaN' then one <= other
  when one is not null and other is not null then false
end;

-- Whether a STRUCT is among others, with a NULL in it as the answer where that decides.
create or replace function logweir.struct_in(one jsonb, others jsonb[]) returns boolean
language sql immutable parallel safe
return (
  select case
    when bool_or(found.equal) then true
    when bool_or(found.equal is null) then null
    else false
  end
  from (select logweir.structs_equal(one, other) as equal from unnest(others) as other) as found
);

-- The time from one to another, in hours and less, as BigQuery counts it.
create or replace function logweir.time_between(earlier timestamp, later timestamp) returns interval
language sql immutable parallel safe
return (
  select extract(day from span) * interval '24 hours'
    + (span - extract(day from span) * interval '1 day')
  from (select later - earlier as span) as difference
);

-- An event as an object: its body with the columns that it has beside it.
create or replace function logweir.event(
  body jsonb, id text, happened timestamp, message text
)
returns jsonb
language sql immutable parallel safe
return coalesce(body, '{}') || jsonb_build_object(
  'id', id,
  'timestamp', (extract(epoch from happened) * 1000000)::bigint,
  'event_message', message
);

-- Types with parameters: NUMERIC(10, 2), STRING(5).
create or replace function logweir.safe_limit_digits(value numeric, digits bigint, decimals bigint)
returns numeric
language sql immutable parallel safe
return case
  when abs(round(value, decimals::int)) < 10::numeric ^ (digits - decimals)
    then trim_scale(round(value, decimals::int))
end;

create or replace function logweir.limit_digits(value numeric, digits bigint, decimals bigint)
returns numeric
language sql immutable parallel safe
return case
  when abs(round(value, decimals::int)) >= 10::numeric ^ (digits - decimals)
    then logweir.fail('numeric out of range: ' || value, value)
  else logweir.safe_limit_digits(value, digits, decimals)
end;

create or replace function logweir.limit_characters(value text, most bigint) returns text
language sql immutable parallel safe
return case
  when char_length(value) > most
    then logweir.fail('maximum length ' || most || ' exceeded: ' || value, value)
  else value
end;

create or replace function logweir.limit_bytes(value bytea, most bigint) returns bytea
language sql immutable parallel safe
return case
  when octet_length(value) > most
    then logweir.fail('maximum length ' || most || ' exceeded: ' || octet_length(value), value)
  else value
end;
