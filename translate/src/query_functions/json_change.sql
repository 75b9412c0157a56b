-- Changes to JSON. A path is a JSON list of names and places.

create or replace function logweir.json_keys(
  value jsonb, depth bigint, mode text, prefix text, in_list boolean
) returns setof text
language plpgsql immutable parallel safe as $$
declare
  name text;
  path text;
  member jsonb;
begin
  if jsonb_typeof(value) = 'object' and depth > 0 then
    for name, member in select m.key, m.value from jsonb_each(value) as m loop
      path := prefix || case
        when name ~ '^[A-Za-z_][A-Za-z0-9_]*$' then name
        else '"' || replace(replace(name, '\', '\\'), '"', '\"') || '"'
      end;
      return next path;
      return query select logweir.json_keys(member, depth - 1, mode, path || '.', false);
    end loop;
  elsif jsonb_typeof(value) = 'array' and (mode = 'lax recursive' or (mode = 'lax' and not in_list)) then
    for member in select e.value from jsonb_array_elements(value) as e loop
      return query select logweir.json_keys(member, depth, mode, prefix, true);
    end loop;
  end if;
end $$;

create or replace function logweir.json_keys(
  value jsonb, depth bigint default null, mode text default null
) returns text[]
language plpgsql immutable parallel safe as $$
begin
  if depth < 1 then
    raise exception 'max_depth must be positive.' using errcode = '22023';
  end if;
  if mode not in ('strict', 'lax', 'lax recursive') then
    raise exception 'Invalid JSON mode specified: %', mode using errcode = '22023';
  end if;
  if value is null then return null; end if;
  return array(
    select distinct path collate "C" from logweir.json_keys(
      value, coalesce(depth, 1000000), coalesce(mode, 'strict'), '', false
    ) as paths(path) order by path collate "C"
  );
end $$;

create or replace function logweir.json_flatten(value jsonb) returns jsonb[]
language plpgsql immutable parallel safe as $$
begin
  if jsonb_typeof(value) is distinct from 'array' then
    return case when value is not null then array[value] end;
  end if;
  return array(
    select flat.element
    from jsonb_array_elements(value) with ordinality as e(value, place),
      unnest(logweir.json_flatten(e.value)) with ordinality as flat(element, inner_place)
    order by e.place, flat.inner_place
  );
end $$;

-- What is not there is made, lists with nulls up to the place; what is in the way stays.
create or replace function logweir.json_set(value jsonb, path jsonb, part jsonb, makes boolean)
returns jsonb
language plpgsql immutable parallel safe as $$
declare
  step jsonb := path -> 0;
  name text := path ->> 0;
  place int;
  missing int;
begin
  if value is null or path is null then return value; end if;
  if step is null then return part; end if;
  if jsonb_typeof(step) = 'string' then
    if jsonb_typeof(value) = 'null' and makes then value := '{}'; end if;
    if jsonb_typeof(value) <> 'object' or not (value ? name or makes) then return value; end if;
    return value
      || jsonb_build_object(name, logweir.json_set(coalesce(value -> name, 'null'), path - 0, part, makes));
  end if;
  place := name::int;
  if jsonb_typeof(value) = 'null' and makes then value := '[]'; end if;
  if jsonb_typeof(value) <> 'array' then return value; end if;
  missing := place - jsonb_array_length(value);
  if missing >= 0 and not makes then return value; end if;
  if missing > 100000 then
    raise exception 'JSON lists are not made so long: %', missing using errcode = '22023';
  end if;
  if missing > 0 then value := value || to_jsonb(array_fill('null'::jsonb, array[missing])); end if;
  if missing >= 0 then
    return value || jsonb_build_array(logweir.json_set('null', path - 0, part, makes));
  end if;
  return jsonb_set(
    value, array[name], logweir.json_set(value -> place, path - 0, part, makes)
  );
end $$;

-- The value at a path, NULL where there is none.
create or replace function logweir.json_get(value jsonb, path jsonb) returns jsonb
language plpgsql immutable parallel safe as $$
begin
  for place in 0 .. jsonb_array_length(path) - 1 loop
    value := case
      when jsonb_typeof(path -> place) = 'string' then
        case when jsonb_typeof(value) = 'object' then value -> (path ->> place) end
      else case when jsonb_typeof(value) = 'array' then value -> (path ->> place)::int end
    end;
  end loop;
  return value;
end $$;

create or replace function logweir.json_remove(value jsonb, path jsonb) returns jsonb
language sql immutable parallel safe
return case
  when path is null or logweir.json_get(value, path) is null then value
  else value #- array(select jsonb_array_elements_text(path))
end;

-- Elements after the last of a list.
create or replace function logweir.json_array_append(value jsonb, path jsonb, elements jsonb)
returns jsonb
language sql immutable parallel safe
return case
  when path is null or elements is null then value
  when jsonb_typeof(logweir.json_get(value, path)) = 'array'
    then logweir.json_set(value, path, logweir.json_get(value, path) || elements, false)
  when jsonb_typeof(logweir.json_get(value, path)) = 'null'
    then logweir.json_set(value, path, elements, false)
  else value
end;

-- Elements before the place that a path ends in; a list is made long enough.
create or replace function logweir.json_array_insert(value jsonb, path jsonb, elements jsonb)
returns jsonb
language plpgsql immutable parallel safe as $$
declare
  place int := (path ->> -1)::int;
  list jsonb := logweir.json_get(value, path - -1);
  missing int;
begin
  if value is null or path is null or elements is null or list is null then return value; end if;
  if jsonb_typeof(list) = 'null' then list := '[]'; end if;
  if jsonb_typeof(list) <> 'array' then return value; end if;
  missing := place - jsonb_array_length(list);
  if missing > 100000 then
    raise exception 'JSON lists are not made so long: %', missing using errcode = '22023';
  end if;
  if missing > 0 then list := list || to_jsonb(array_fill('null'::jsonb, array[missing])); end if;
  list := (
    select coalesce(jsonb_agg(e order by part, number), '[]')
    from (
      select case when l.number <= place then 0 else 2 end as part, l.number, l.e
      from jsonb_array_elements(list) with ordinality as l(e, number)
      union all
      select 1, n.number, n.e from jsonb_array_elements(elements) with ordinality as n(e, number)
    ) as parts
  );
  return logweir.json_set(value, path - -1, list, false);
end $$;

-- NULL of what is to be left out.
create or replace function logweir.json_without_nulls(value jsonb, in_lists boolean, of_empty boolean)
returns jsonb
language plpgsql immutable parallel safe as $$
declare
  result jsonb;
begin
  case jsonb_typeof(value)
    when 'null' then return null;
    when 'object' then
      result := coalesce((
        select jsonb_object_agg(key, kept)
        from (
          select m.key, logweir.json_without_nulls(m.value, in_lists, of_empty) as kept
          from jsonb_each(value) as m
        ) as members
        where kept is not null
      ), '{}');
    when 'array' then
      result := coalesce((
        select jsonb_agg(coalesce(kept, e) order by place)
        from (
          select e.value as e, e.place, logweir.json_without_nulls(e.value, in_lists, of_empty) as kept
          from jsonb_array_elements(value) with ordinality as e(value, place)
        ) as elements
        where kept is not null or not in_lists
      ), '[]');
    else return value;
  end case;
  return case when not of_empty or result not in ('{}', '[]') then result end;
end $$;

create or replace function logweir.json_strip_nulls(
  value jsonb, path jsonb, in_lists boolean, of_empty boolean
) returns jsonb
language plpgsql immutable parallel safe as $$
declare
  part jsonb := logweir.json_get(value, path);
begin
  if part is null then return value; end if;
  return logweir.json_set(
    value, path, coalesce(logweir.json_without_nulls(part, in_lists, of_empty), 'null'), false
  );
end $$;
