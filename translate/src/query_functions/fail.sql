-- Errors of values. What is said has the values in it, also so that the planner does not evaluate
-- the call ahead of the CASE around it.

create or replace function logweir.fail(message text, value anyelement) returns anyelement
language plpgsql immutable parallel safe as $$
begin
  raise exception '%', message using errcode = '22000';
end $$;

create or replace function logweir.fail_division(dividend anyelement, divisor anyelement)
returns anyelement
language plpgsql immutable parallel safe as $$
begin
  raise exception 'division by zero: % / %', dividend, divisor using errcode = '22012';
end $$;

-- Volatile, so that the planner does not evaluate it ahead of the CASE around it.
create or replace function logweir.error(message text) returns text
language plpgsql volatile parallel safe as $$
begin
  raise exception '%', message using errcode = '22000';
end $$;
