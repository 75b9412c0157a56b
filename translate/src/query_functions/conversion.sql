-- Text to values: safe_… gives NULL, to_… fails. Idempotent; PostgreSQL 15 to 18.

create or replace function logweir.safe_hexadecimal(sign text, digits text) returns bigint
language sql immutable parallel safe
return (
  select case
    when number >= 0 then case sign when '-' then -number else number end
    when number = -9223372036854775808 and sign = '-' then number
  end
  from (select ('x' || lpad(digits, 16, '0'))::bit(64)::bigint as number) as read
);

create or replace function logweir.safe_int64(value text) returns bigint
language sql immutable parallel safe
return case
  when value ~ '^\s*[-+]?[0-9]{1,18}\s*$' then value::bigint
  when value ~ '^\s*[-+]?0*[0-9]{19}\s*$'
    and value::numeric between -9223372036854775808 and 9223372036854775807 then value::bigint
  when value ~ '^\s*[-+]?0[xX][0-9a-fA-F]{1,16}\s*$' then logweir.safe_hexadecimal(
    substring(value from '[-+]'), substring(value from '[xX]([0-9a-fA-F]+)')
  )
end;

-- A number that is too large is an infinity, one that is too small is 0.
create or replace function logweir.safe_float64(value text) returns double precision
language sql immutable parallel safe
return case
  when value ~ '^\s*[-+]?([0-9]{1,255}([.][0-9]{0,255})?|[.][0-9]{1,255})([eE][-+]?[0-9]{1,3})?\s*$'
    then case
      when abs(value::numeric) > 1.7976931348623158e308
        then case when value::numeric > 0 then 'Infinity' else '-Infinity' end::double precision
      when abs(value::numeric) < 2.4703282292062328e-324 then 0
      else value::double precision
    end
  when value ~ '^\s*[-+]?0[xX][0-9a-fA-F]{1,13}\s*$'
    then logweir.safe_int64(value)::double precision
  when lower(btrim(value)) in ('nan', 'inf', '+inf', '-inf', 'infinity', '+infinity', '-infinity')
    then btrim(value)::double precision
end;

create or replace function logweir.numeric_to_int64(value numeric) returns bigint
language sql immutable parallel safe
return case
  when round(value) between -9223372036854775808 and 9223372036854775807 then round(value)::bigint
  when value is not null
    then logweir.fail('int64 out of range: ' || trim_scale(value), null::bigint)
end;

-- What PARSE_NUMERIC reads: commas between the digits, a sign before or after the number.
create or replace function logweir.plain_number(value text) returns text
language sql immutable parallel safe
return case
  when value ~ '^\s*[-+]?\s*[0-9,]{0,255}([.][0-9]{0,255})?([eE][-+]?[0-9]{1,3})?\s*[-+]?\s*$'
    and value ~ '^[^eE]*[0-9]' and value !~ '^\s*[-+].*[-+]\s*$'
    then case when btrim(value, e' \t\n\r') ~ '^-|-$' then '-' else '' end
      || replace(substring(value from '[0-9.,]+(?:[eE][-+]?[0-9]+)?'), ',', '')
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

create or replace function logweir.safe_base64(value text) returns bytea
language sql immutable parallel safe
return case
  when value ~ '^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$'
    then decode(value, 'base64')
end;
