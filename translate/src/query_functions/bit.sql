-- Bits.

create or replace function logweir.shift_left(value bigint, places bigint) returns bigint
language sql immutable parallel safe
return case
  when places < 0 then logweir.fail('Bitwise binary shift by negative offset: ' || places, value)
  when places >= 64 then 0
  else value << places::int
end;

-- The sign is a bit like the others.
create or replace function logweir.shift_right(value bigint, places bigint) returns bigint
language sql immutable parallel safe
return case
  when places < 0 then logweir.fail('Bitwise binary shift by negative offset: ' || places, value)
  when places >= 64 then 0
  else (value::bit(64) >> places::int)::bigint
end;
