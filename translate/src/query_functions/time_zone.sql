-- Time zones.

-- '+05:30' is east of Greenwich; PostgreSQL reads such a text the other way round.
create or replace function logweir.time_zone(name text) returns text
language sql immutable parallel safe
return case
  when name ~ '^[+-]' then translate(left(name, 1), '+-', '-+') || substr(name, 2)
  when name ~* '^utc[+-]' then translate(substr(name, 4, 1), '+-', '-+') || substr(name, 5)
  else name
end;
