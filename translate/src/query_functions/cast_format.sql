-- CAST … FORMAT between BYTES and STRING.

create or replace function logweir.safe_ascii(value bytea) returns text
language sql immutable parallel safe
return case
  when encode(value, 'escape') ~ '^[\x01-\x7f]*$' and encode(value, 'hex') !~ '^(..)*([89a-f].|00)'
    then convert_from(value, 'UTF8')
end;

create or replace function logweir.ascii_text(value bytea) returns text
language plpgsql immutable parallel safe as $$
declare result text := logweir.safe_ascii(value);
begin
  if result is null and value is not null then
    raise exception 'Failed to decode invalid ASCII string' using errcode = '22021';
  end if;
  return result;
end $$;

create or replace function logweir.safe_ascii_bytes(value text) returns bytea
language sql immutable parallel safe
return case when octet_length(value) = char_length(value) then convert_to(value, 'UTF8') end;

create or replace function logweir.ascii_bytes(value text) returns bytea
language plpgsql immutable parallel safe as $$
declare result bytea := logweir.safe_ascii_bytes(value);
begin
  if result is null and value is not null then
    raise exception 'Failed to decode invalid ASCII string' using errcode = '22021';
  end if;
  return result;
end $$;

-- An odd number of digits has a 0 before it.
create or replace function logweir.safe_hex_bytes(value text) returns bytea
language sql immutable parallel safe
return case
  when value ~ '^[0-9a-fA-F]*$'
    then decode(case when char_length(value) % 2 = 1 then '0' else '' end || value, 'hex')
end;

create or replace function logweir.hex_bytes(value text) returns bytea
language plpgsql immutable parallel safe as $$
declare result bytea := logweir.safe_hex_bytes(value);
begin
  if result is null and value is not null then
    raise exception 'Failed to decode invalid hexadecimal string: %', left(value, 100)
      using errcode = '22023';
  end if;
  return result;
end $$;

create or replace function logweir.base64_bytes(value text) returns bytea
language plpgsql immutable parallel safe as $$
declare result bytea := logweir.safe_base64(value);
begin
  if result is null and value is not null then
    raise exception 'Failed to decode invalid base64 string: %', left(value, 100)
      using errcode = '22023';
  end if;
  return result;
end $$;
