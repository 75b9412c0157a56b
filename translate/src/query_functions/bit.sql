-- Bits.

create or replace function logweir.shift_left(value bigint, places bigint) returns bigint
language sql immutable parallel safe
return case
  when places < 0 and value is not null then logweir.fail('Bitwise binary shift by negative offset: ' || places, value)
  when places >= 64 then 0
  when places >= 0 then value << places::int
end;

-- The sign is a bit like the others.
create or replace function logweir.shift_right(value bigint, places bigint) returns bigint
language sql immutable parallel safe
return case
  when places < 0 and value is not null then logweir.fail('Bitwise binary shift by negative offset: ' || places, value)
  when places >= 64 then 0
  when places >= 0 then (value::bit(64) >> places::int)::bigint
end;

-- Bytes have PostgreSQL's operators as strings of bits only.
create or replace function logweir.bits(value bytea) returns varbit
language sql immutable parallel safe
return ('x' || encode(value, 'hex'))::varbit;

create or replace function logweir.bytes_of(value varbit) returns bytea
language plpgsql immutable parallel safe as $$
declare
  result bytea := decode(repeat('00', length(value) / 8), 'hex');
begin
  if value is null then return null; end if;
  for place in 0 .. length(value) / 8 - 1 loop
    result := set_byte(result, place, substring(value from place * 8 + 1 for 8)::bit(8)::int);
  end loop;
  return result;
end $$;

create or replace function logweir.check_equal_length(one bytea, other bytea) returns boolean
language sql immutable parallel safe
return case
  when length(one) <> length(other)
    then logweir.fail(
      'Bitwise binary operator for BYTES requires equal length of the inputs. Got '
        || length(one) || ' bytes on the left hand side and ' || length(other)
        || ' bytes on the right hand side.',
      true
    )
  else length(one) = length(other)
end;

create or replace function logweir.bytes_and(one bytea, other bytea) returns bytea
language sql immutable parallel safe
return case
  when logweir.check_equal_length(one, other)
    then logweir.bytes_of(logweir.bits(one) & logweir.bits(other))
end;

create or replace function logweir.bytes_or(one bytea, other bytea) returns bytea
language sql immutable parallel safe
return case
  when logweir.check_equal_length(one, other)
    then logweir.bytes_of(logweir.bits(one) | logweir.bits(other))
end;

create or replace function logweir.bytes_xor(one bytea, other bytea) returns bytea
language sql immutable parallel safe
return case
  when logweir.check_equal_length(one, other)
    then logweir.bytes_of(logweir.bits(one) # logweir.bits(other))
end;

create or replace function logweir.bytes_not(value bytea) returns bytea
language sql immutable parallel safe
return logweir.bytes_of(~ logweir.bits(value));

create or replace function logweir.shift_left(value bytea, places bigint) returns bytea
language sql immutable parallel safe
return case
  when places < 0 and value is not null then logweir.fail('Bitwise binary shift by negative offset: ' || places, value)
  when places >= 0 then logweir.bytes_of(logweir.bits(value) << least(places, length(value) * 8)::int)
end;

create or replace function logweir.shift_right(value bytea, places bigint) returns bytea
language sql immutable parallel safe
return case
  when places < 0 and value is not null then logweir.fail('Bitwise binary shift by negative offset: ' || places, value)
  when places >= 0 then logweir.bytes_of(logweir.bits(value) >> least(places, length(value) * 8)::int)
end;
