-- Network addresses, as 4 or 16 bytes, and URLs.

-- The bytes of an address as inet_pton reads it: no zone, no mask, no leading zeros in IPv4. No
-- expression: the planner would read a constant as an address before it knows that it is one.
create or replace function logweir.safe_ip(value text) returns bytea
language plpgsql immutable parallel safe as $$
begin
  if value ~ '^((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(\.(?!$)|$)){4}$' then
    return substring(inet_send(value::inet) from 5);
  end if;
  -- At most one `::`, groups of four digits at most, an IPv4 address in place of the last two.
  if value ~ '^[0-9A-Fa-f:]*:([0-9A-Fa-f]{0,4}|((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(\.(?!$)|$)){4})$'
    and value !~ '::.*::|:::|[0-9A-Fa-f]{5}|^:[^:]|[^:]:$'
    and (
      select case
        when strpos(value, '::') > 0 then count(*) < 8 else count(*) = 8
      end
      from regexp_split_to_table(regexp_replace(value, '[0-9.]+\.[0-9]+$', '0:0'), ':') as part
      where part <> ''
    )
  then
    return substring(inet_send(value::inet) from 5);
  end if;
  return null;
end $$;

create or replace function logweir.ip(value text) returns bytea
language sql immutable parallel safe
return case
  when value is not null and logweir.safe_ip(value) is null
    then logweir.fail('NET.IP_FROM_STRING() encountered an unparseable IP-address: ' || left(value, 100), ''::bytea)
  else logweir.safe_ip(value)
end;

create or replace function logweir.safe_ip_text(value bytea) returns text
language sql immutable parallel safe
return case octet_length(value)
  when 4 then get_byte(value, 0) || '.' || get_byte(value, 1) || '.' || get_byte(value, 2) || '.' || get_byte(value, 3)
  when 16 then host(regexp_replace(encode(value, 'hex'), '(.{4})(?=.)', '\1:', 'g')::inet)
end;

create or replace function logweir.ip_text(value bytea) returns text
language sql immutable parallel safe
return case
  when octet_length(value) not in (4, 16) then logweir.fail(
    'NET.IP_TO_STRING() encountered an invalid IP address. Expected 4 (for IPv4) or 16 (for IPv6) bytes but got '
      || octet_length(value), ''::text
  )
  else logweir.safe_ip_text(value)
end;

create or replace function logweir.safe_ip_mask(length bigint, prefix bigint) returns bytea
language sql immutable parallel safe
return case
  when length in (4, 16) and prefix between 0 and length * 8 then decode(
    (
      select string_agg(
        lpad(to_hex((255 << (8 - least(8, greatest(0, prefix - 8 * place)))::int) & 255), 2, '0'),
        '' order by place
      )
      from generate_series(0, length - 1) as places(place)
    ),
    'hex'
  )
end;

create or replace function logweir.ip_mask(length bigint, prefix bigint) returns bytea
language sql immutable parallel safe
return case
  when length is not null and prefix is not null and logweir.safe_ip_mask(length, prefix) is null
    then logweir.fail(
      case
        when length in (4, 16)
          then 'The second argument of NET.IP_NET_MASK() must be between 0 and the first argument * 8; got ' || prefix
        else 'The first argument of NET.IP_NET_MASK() must be 4 or 16; got ' || length
      end, ''::bytea
    )
  else logweir.safe_ip_mask(length, prefix)
end;

create or replace function logweir.safe_ip_trunc(value bytea, prefix bigint) returns bytea
language sql immutable parallel safe
return case
  when octet_length(value) in (4, 16) and prefix between 0 and octet_length(value) * 8 then (
    select decode(
      string_agg(
        lpad(to_hex(get_byte(value, place) & get_byte(mask, place)), 2, '0'), '' order by place
      ),
      'hex'
    )
    from (select logweir.safe_ip_mask(octet_length(value), prefix) as mask) as masks,
      generate_series(0, octet_length(value) - 1) as places(place)
  )
end;

create or replace function logweir.ip_trunc(value bytea, prefix bigint) returns bytea
language sql immutable parallel safe
return case
  when value is not null and prefix is not null and logweir.safe_ip_trunc(value, prefix) is null
    then logweir.fail(
      case
        when octet_length(value) in (4, 16)
          then 'The second argument of NET.IP_TRUNC() must be between 0 and 8 * LENGTH(first argument); got ' || prefix
        else 'The first argument of NET.IP_TRUNC() must have 4 or 16 bytes; got ' || octet_length(value)
      end,
      ''::bytea
    )
  else logweir.safe_ip_trunc(value, prefix)
end;

create or replace function logweir.safe_ipv4_from_int64(value bigint) returns bytea
language sql immutable parallel safe
return case
  when value between -2147483648 and 4294967295
    then substring(int8send(value) from 5)
end;

create or replace function logweir.ipv4_from_int64(value bigint) returns bytea
language sql immutable parallel safe
return case
  when value not between -2147483648 and 4294967295 then logweir.fail(
    'NET.IPV4_FROM_INT64() encountered an invalid integer IP. Expected range: [-0x80000000, 0xFFFFFFFF]; got ' || value, ''::bytea
  )
  else logweir.safe_ipv4_from_int64(value)
end;

create or replace function logweir.safe_ipv4_to_int64(value bytea) returns bigint
language sql immutable parallel safe
return case
  when octet_length(value) = 4 then get_byte(value, 0) * 16777216::bigint + get_byte(value, 1) * 65536
    + get_byte(value, 2) * 256 + get_byte(value, 3)
end;

create or replace function logweir.ipv4_to_int64(value bytea) returns bigint
language sql immutable parallel safe
return case
  when octet_length(value) <> 4 then logweir.fail(
    'NET.IPV4_TO_INT64() encountered a non-IPv4 address. Expected 4 bytes but got ' || octet_length(value), 0::bigint
  )
  else logweir.safe_ipv4_to_int64(value)
end;

-- What stands for the host: after the scheme and who asks, before the port, the path, the query
-- and the fragment. A backslash is taken for a slash.
create or replace function logweir.host(url text) returns text
language sql immutable parallel safe
return nullif(
  ltrim(
    regexp_replace(
      regexp_replace(
        substring(
          translate(btrim(url, E' \t\n\v\f\r'), '\', '/')
          from '^(?:(?:[^:/?#@]*:)?//)?([^/?#]*)'
        ),
        '^.*@', ''
      ),
      '^(\[[^]]*\]?|[^:]*).*$', '\1'
    ),
    '.'
  ),
  ''
);
