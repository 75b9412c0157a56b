-- SAFE. before a call: the call is an SQL text over `$1`, a list of its arguments, and gives a list of
-- its value. What it fails with is a fault of the values; everything else is still told. Of what the
-- reader may not do it can do nothing.

create or replace function logweir.attempt(call text, arguments jsonb) returns jsonb
language plpgsql stable parallel unsafe as $$
declare
  value jsonb;
begin
  execute call into value using arguments;
  return value;
exception when data_exception or program_limit_exceeded then
  return null;
end $$;
