-- Text.

create or replace function logweir.substr(value text, place bigint, length bigint default null)
returns text
language plpgsql immutable parallel safe as $$
declare
  characters int := char_length(value);
begin
  if value is null or place is null then return null; end if;
  if length < 0 then
    raise exception 'Third argument in SUBSTR() cannot be negative' using errcode = '22011';
  end if;
  if place > characters then return ''; end if;
  place := case when place > 0 then place when place = 0 then 1 else greatest(characters + place + 1, 1) end;
  return substring(value from place::int for least(coalesce(length, characters), characters)::int);
end $$;
