-- STRUCTs are JSON lists of their fields.

-- The elements of a JSON list as text, in which every type can be cast.
create or replace function logweir.texts(list jsonb) returns text[]
language sql immutable parallel safe
return case
  when jsonb_typeof(list) = 'array' then array(
    select element #>> '{}'
    from jsonb_array_elements(case when jsonb_typeof(list) = 'array' then list end)
      with ordinality as elements(element, place)
    order by place
  )
end;

-- The elements of a JSON list.
create or replace function logweir.elements(list jsonb) returns jsonb[]
language sql immutable parallel safe
return case
  when jsonb_typeof(list) = 'array' then array(
    select nullif(element, 'null')
    from jsonb_array_elements(case when jsonb_typeof(list) = 'array' then list end)
      with ordinality as elements(element, place)
    order by place
  )
end;

-- JSON values as a list in which each stands in a list of its own, and back: a NULL is no JSON null.
create or replace function logweir.wrapped(elements jsonb[]) returns jsonb
language sql immutable parallel safe
return case
  when elements is not null then (
    select coalesce(
      jsonb_agg(case when e is not null then jsonb_build_array(e) end order by place), '[]'
    )
    from unnest(elements) with ordinality as list(e, place)
  )
end;

create or replace function logweir.unwrapped(list jsonb) returns jsonb[]
language sql immutable parallel safe
return case
  when jsonb_typeof(list) = 'array' then array(
    select nullif(element, 'null') -> 0
    from jsonb_array_elements(case when jsonb_typeof(list) = 'array' then list end)
      with ordinality as elements(element, place)
    order by place
  )
end;

-- Field by field: a difference decides, else a NULL does.
create or replace function logweir.structs_equal(one jsonb, other jsonb) returns boolean
language plpgsql immutable parallel safe as $$
begin
  return case
  when one is null or other is null then null
  else (
    select case
      when bool_or(fields.equal = false) then false
      when bool_or(fields.equal is null) then null
      else true
    end
    from (
      select case
        when a.field = 'null' or b.field = 'null' then null
        when jsonb_typeof(a.field) = 'array' and jsonb_typeof(b.field) = 'array'
          then logweir.structs_equal(a.field, b.field)
        else a.field = b.field
      end as equal
      from jsonb_array_elements(one) with ordinality as a(field, place)
      join jsonb_array_elements(other) with ordinality as b(field, place) using (place)
    ) as fields
  )
  end;
end $$;
