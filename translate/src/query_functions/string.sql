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

-- Without anything between the parts, each character is one.
create or replace function logweir.split(value text, separator text default ',') returns text[]
language sql immutable parallel safe
return case
  when value is null or separator is null then null
  when value = '' then array['']
  when separator = '' then regexp_split_to_array(value, '')
  else string_to_array(value, separator)
end;
