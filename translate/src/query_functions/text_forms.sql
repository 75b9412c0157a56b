-- Values to text, in BigQuery's forms.

-- A FLOAT64 with 17 digits, as BigQuery writes it where 15 do not say which one it is. PostgreSQL
-- writes as few digits as do.
create or replace function logweir.text_of_17_digits(value double precision) returns text
language plpgsql immutable parallel safe as $$
declare
  digits text := btrim(to_char(logweir.exact(value), '9.9999999999999999EEEE'));
  exponent int := split_part(digits, 'e', 2)::int;
begin
  if exponent between -4 and 16 then
    return trim_scale(round(logweir.exact(value), 16 - exponent))::text;
  end if;
  return trim_scale(split_part(digits, 'e', 1)::numeric)::text || 'e'
    || case when exponent < 0 then '-' else '+' end
    || case when abs(exponent) < 10 then '0' else '' end || abs(exponent);
end $$;

create or replace function logweir.text(value double precision) returns text
language sql immutable parallel safe
return case
  when value = 'NaN' then 'nan'
  when value = 'Infinity' then 'inf'
  when value = '-Infinity' then '-inf'
  when value = 0 then '0'
  when length(ltrim(translate(split_part(value::text, 'e', 1), '-.', ''), '0')) > 15
    then logweir.text_of_17_digits(value)
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

-- In a zone: `2024-01-02 03:04:05+05:30`
create or replace function logweir.timestamp_text(value timestamp, zone text) returns text
language plpgsql immutable parallel safe as $$
declare
  shown timestamp := logweir.local_time(value, zone);
  seconds int := extract(epoch from shown - value);
begin
  return logweir.datetime_text(shown) || case when seconds < 0 then '-' else '+' end
    || lpad((abs(seconds) / 3600)::text, 2, '0')
    || case when seconds % 3600 = 0 then '' else ':' || lpad((abs(seconds) / 60 % 60)::text, 2, '0')
      end;
end $$;

create or replace function logweir.text(value numeric) returns text
language sql immutable parallel safe
return trim_scale(value)::text;

create or replace function logweir.time_text(value time) returns text
language sql immutable parallel safe
return to_char(value::interval, 'HH24:MI:SS') || case
  when extract(microseconds from value)::bigint % 1000000 = 0 then ''
  when extract(microseconds from value)::bigint % 1000 = 0 then to_char(value::interval, '.MS')
  else to_char(value::interval, '.US')
end;

-- `years-months days hours:minutes:seconds`
create or replace function logweir.interval_text(value interval) returns text
language sql immutable parallel safe
return (
  select
    case when months < 0 then '-' else '' end || abs(months) / 12 || '-' || abs(months) % 12
    || ' ' || days || ' '
    || case when micros < 0 then '-' else '' end || abs(micros) / 3600000000
    || ':' || abs(micros) / 60000000 % 60 || ':' || abs(micros) / 1000000 % 60
    || case
      when micros % 1000000 = 0 then ''
      when micros % 1000 = 0 then '.' || lpad((abs(micros) / 1000 % 1000)::text, 3, '0')
      else '.' || lpad((abs(micros) % 1000000)::text, 6, '0')
    end
  from (
    select
      (extract(year from value) * 12 + extract(month from value))::bigint as months,
      extract(day from value)::bigint as days,
      (extract(hour from value) * 3600000000 + extract(minute from value) * 60000000
        + extract(microseconds from value))::bigint as micros
  ) as parts
);

-- Of bytes that are UTF-8.
create or replace function logweir.bytes_text(value bytea) returns text
language sql immutable parallel safe
return convert_from(value, 'UTF8');

create or replace function logweir.safe_bytes_text(value bytea) returns text
language plpgsql immutable parallel unsafe as $$
begin
  return convert_from(value, 'UTF8');
exception when others then
  return null;
end $$;
