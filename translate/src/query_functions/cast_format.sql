-- CAST … FORMAT between BYTES and STRING, and of numbers as hexadecimal digits.

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

-- A number in so many hexadecimal digits, after a place for its sign.
create or replace function logweir.hexadecimal_text(
  value numeric, digits int, zeros boolean, upper_case boolean
) returns text
language sql immutable parallel safe
return (
  select case
    when value is null then null
    when char_length(found) > digits then ' ' || repeat('#', digits)
    else case
      when zeros then sign || lpad(found, digits, '0') else lpad(btrim(sign) || found, digits + 1)
    end
  end
  from (
    select
      case when upper_case then upper(hex) else hex end as found,
      case when value < 0 then '-' else ' ' end as sign
    from (
      select case
        when abs(round(value)) <= 9223372036854775807 then to_hex(abs(round(value))::bigint)
        else repeat('f', 17)
      end as hex
    ) as digits_of
  ) as number
);

create or replace function logweir.round_to_even(value numeric, decimals int) returns numeric
language sql immutable parallel safe
return case
  when abs(value - trunc(value, decimals)) * 2 = power(10::numeric, -decimals)
    then round(value * 0.5, decimals) * 2
  else round(value, decimals)
end;
