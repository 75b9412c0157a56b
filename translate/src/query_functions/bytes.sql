-- Bytes.

-- Bytes as text, one character for each, so that what works on text works on bytes: byte n is the
-- character 256 + n.
create or replace function logweir.spread(value bytea) returns text
language sql immutable parallel safe
return case
  when value is not null then coalesce(
    (
      select string_agg(chr(256 + get_byte(value, place)), '' order by place)
      from generate_series(0, octet_length(value) - 1) as places(place)
    ),
    ''
  )
end;

create or replace function logweir.gather(value text) returns bytea
language sql immutable parallel safe
return case
  when value is not null then coalesce(
    (
      select decode(string_agg(lpad(to_hex(ascii(c) - 256), 2, '0'), '' order by place), 'hex')
      from unnest(string_to_array(value, null)) with ordinality as characters(c, place)
    ),
    ''
  )
end;

create or replace function logweir.gather(parts text[]) returns bytea[]
language sql immutable parallel safe
return case
  when parts is not null then array(
    select logweir.gather(part) from unnest(parts) with ordinality as list(part, place) order by place
  )
end;

create or replace function logweir.substr(value bytea, place bigint, length bigint)
returns bytea
language sql immutable parallel safe
return case
  when length < 0
    then logweir.fail('Third argument in SUBSTR() cannot be negative: ' || length, value)
  when length is null or place is null or value is null then null
  when place > octet_length(value) then ''
  else substring(
    value
    from case
      when place > 0 then place when place = 0 then 1 else greatest(octet_length(value) + place + 1, 1)
    end::int
    for least(length, octet_length(value))::int
  )
end;

-- The letters of ASCII in the other case, all else as it is.
create or replace function logweir.upper(value bytea) returns bytea
language sql immutable parallel safe
return logweir.gather(translate(
  logweir.spread(value), logweir.spread('abcdefghijklmnopqrstuvwxyz'), logweir.spread('ABCDEFGHIJKLMNOPQRSTUVWXYZ')
));

create or replace function logweir.lower(value bytea) returns bytea
language sql immutable parallel safe
return logweir.gather(translate(
  logweir.spread(value), logweir.spread('ABCDEFGHIJKLMNOPQRSTUVWXYZ'), logweir.spread('abcdefghijklmnopqrstuvwxyz')
));

create or replace function logweir.safe_hex(value text) returns bytea
language sql immutable parallel safe
return case
  when value ~ '^[0-9A-Fa-f]*$'
    then decode(case when char_length(value) % 2 = 1 then '0' else '' end || value, 'hex')
end;

create or replace function logweir.from_hex(value text) returns bytea
language sql immutable parallel safe
return case
  when value is not null and logweir.safe_hex(value) is null
    then logweir.fail('Failed to decode invalid hexadecimal string: ' || left(value, 100), ''::bytea)
  else logweir.safe_hex(value)
end;

-- PostgreSQL breaks the lines.
create or replace function logweir.to_base64(value bytea) returns text
language sql immutable parallel safe
return translate(encode(value, 'base64'), E'\n', '');

-- White space is allowed, padding may be missing.
create or replace function logweir.lenient_base64(value text) returns bytea
language sql immutable parallel safe
return (
  select case
    when digits ~ '^[A-Za-z0-9+/]*$' and char_length(digits) % 4 <> 1
      and (padding = 0 or (char_length(digits) + padding) % 4 = 0)
      then decode(digits || repeat('=', -char_length(digits) & 3), 'base64')
  end
  from (
    select rtrim(packed, '=') as digits, char_length(packed) - char_length(rtrim(packed, '=')) as padding
    from (select translate(value, E' \t\n\r\f\v', '') as packed) as trimmed
  ) as parts
);

create or replace function logweir.from_base64(value text) returns bytea
language sql immutable parallel safe
return case
  when value is not null and logweir.lenient_base64(value) is null
    then logweir.fail('Failed to decode invalid base64 string: ' || left(value, 100), ''::bytea)
  else logweir.lenient_base64(value)
end;

-- Five bits a digit.
create or replace function logweir.to_base32(value bytea) returns text
language sql immutable parallel safe
return case
  when octet_length(value) = 0 then ''
  else (
    select rpad(
      string_agg(
        substr('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', substring(bits from place for 5)::bit(5)::int + 1, 1),
        '' order by place
      ),
      (octet_length(value) + 4) / 5 * 8, '='
    )
    from (
      select rpad(bits, (char_length(bits) + 4) / 5 * 5, '0') as bits
      from (select ltrim(right(('x' || encode(value, 'hex'))::varbit::text, octet_length(value) * 8)) as bits) as plain
    ) as padded, generate_series(1, char_length(bits), 5) as places(place)
  )
end;

create or replace function logweir.safe_base32(value text) returns bytea
language sql immutable parallel safe
return case
  when value = '' then ''
  when value ~ '^([A-Z2-7]{8})*([A-Z2-7]{8}|[A-Z2-7]{2}======|[A-Z2-7]{4}====|[A-Z2-7]{5}===|[A-Z2-7]{7}=)$'
    then (
      select decode(
        string_agg(
          lpad(to_hex(substring(bits from place for 8)::bit(8)::int), 2, '0'), '' order by place
        ),
        'hex'
      )
      from (
        select string_agg(
          (strpos('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', digit) - 1)::bit(5)::text, '' order by place
        ) as bits
        from unnest(string_to_array(rtrim(value, '='), null)) with ordinality as digits(digit, place)
      ) as plain, generate_series(1, char_length(bits) - 7, 8) as places(place)
    )
end;

create or replace function logweir.from_base32(value text) returns bytea
language sql immutable parallel safe
return case
  when value is not null and logweir.safe_base32(value) is null
    then logweir.fail('Failed to decode invalid base32 string: ' || left(value, 100), ''::bytea)
  else logweir.safe_base32(value)
end;

-- Every byte that is no part of UTF-8 becomes U+FFFD.
create or replace function logweir.lenient_bytes_text(value bytea) returns text
language plpgsql immutable parallel safe as $$
declare
  result text := '';
  place int := 0;
  size int := octet_length(value);
  lead int;
  length int;
  -- How many bytes of the sequence are there.
  good int;
begin
  if value is null then return null; end if;
  while place < size loop
    lead := get_byte(value, place);
    if lead = 0 then
      raise exception 'A text cannot hold the character U+0000 here' using errcode = '22021';
    end if;
    length := case
      when lead < 128 then 1
      when lead between 194 and 223 then 2
      when lead between 224 and 239 then 3
      when lead between 240 and 244 then 4
      else 0
    end;
    good := 1;
    -- The second byte has a range of its own after some first ones.
    if length > 1 and place + 1 < size and get_byte(value, place + 1) between
      (case lead when 224 then 160 when 240 then 144 else 128 end)
      and (case lead when 237 then 159 when 244 then 143 else 191 end)
    then
      good := 2;
      while good < length and place + good < size and get_byte(value, place + good) between 128 and 191 loop
        good := good + 1;
      end loop;
    end if;
    result := result || case
      when good = length then convert_from(substring(value from place + 1 for length), 'UTF8')
      else U&'\FFFD'
    end;
    place := place + case when good = length then length else 1 end;
  end loop;
  return result;
end $$;
