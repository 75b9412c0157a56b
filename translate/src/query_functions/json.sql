-- JSON: texts of it, and BigQuery's type, which jsonb carries.

-- NULL of what is no JSON. Before PostgreSQL 16 only an exception tells, which parallel plans do not
-- allow: what calls it is parallel unsafe then (see the end).
do $do$
begin
  if current_setting('server_version_num')::int >= 160000 then
    execute $body$
      create or replace function logweir.safe_json(value text) returns json
      language plpgsql immutable parallel safe as $$
      begin
        -- No expression: PostgreSQL 18 would read a constant as JSON before it knows that it is some.
        if value is json then return value::json; end if;
        return null;
      end $$
    $body$;
  else
    execute $body$
      create or replace function logweir.safe_json(value text) returns json
      language plpgsql immutable parallel unsafe as $$
      begin
        return value::json;
      exception when others then
        return null;
      end $$
    $body$;
  end if;
end $do$;

-- PostgreSQL counts negative places from the end, and takes a value that is no list for one of itself.
create or replace function logweir.json_element(value jsonb, place bigint) returns jsonb
language sql immutable parallel safe
return case
  when jsonb_typeof(value) = 'array' and place between 0 and 2147483647 then value -> place::int
end;

-- BigQuery reads text in single quotes as well.
create or replace function logweir.lenient_json(value text) returns json
language plpgsql immutable parallel unsafe as $$
declare
  result json := logweir.safe_json(value);
begin
  if result is not null or value is null or strpos(value, '''') = 0 then return result; end if;
  return logweir.safe_json((
    select string_agg(
      case
        when token[1] like '''%''' and length(token[1]) > 1
          then '"' || replace(replace(substr(token[1], 2, length(token[1]) - 2), '\''', ''''), '"', '\"') || '"'
        else token[1]
      end,
      '' order by place
    )
    from regexp_matches(value, '"(?:[^"\\]|\\.)*"|''(?:[^''\\]|\\.)*''|[^"'']+|["'']', 'g')
      with ordinality as tokens(token, place)
  ));
end $$;

-- The value at a path in a text of JSON. Of members of one name PostgreSQL takes the last, BigQuery
-- the first: where there may be several, each step is looked for.
create or replace function logweir.json_at(value text, path text[]) returns json
language plpgsql immutable parallel unsafe as $$
declare
  result json := logweir.lenient_json(value);
  repeated boolean := strpos(value, '\') > 0 or strpos(value, '''') > 0;
  step text;
  name text;
begin
  if result is null or path is null then return null; end if;
  foreach step in array path loop
    exit when repeated;
    name := '"' || step || '"';
    repeated := strpos(substr(value, strpos(value, name) + length(name)), name) > 0;
  end loop;
  if not repeated then return result #> path; end if;
  foreach step in array path loop
    case json_typeof(result)
      when 'object' then
        result := (select m.value from json_each(result) as m where m.key = step limit 1);
      when 'array' then
        result := case when step ~ '^[0-9]{1,9}$' then result -> step::int end;
      else return null;
    end case;
  end loop;
  return result;
end $$;

-- JSON without blanks, its text otherwise as it is.
create or replace function logweir.compact_json(value json) returns text
language plpgsql immutable parallel safe as $$
declare
  whole text := value::text;
begin
  if strpos(whole, '\') = 0 then
    if whole !~ '\s' then return whole; end if;
    return regexp_replace(whole, '("[^"]*")|\s+', '\1', 'g');
  end if;
  return case json_typeof(value)
    when 'object' then '{' || coalesce((
      select string_agg(to_json(m.key)::text || ':' || logweir.compact_json(m.value), ',' order by place)
      from json_each(value) with ordinality as m(key, value, place)
    ), '') || '}'
    when 'array' then '[' || coalesce((
      select string_agg(logweir.compact_json(e.value), ',' order by place)
      from json_array_elements(value) with ordinality as e(value, place)
    ), '') || ']'
    when 'string' then to_json(value #>> '{}')::text
    else btrim(whole, E' \t\r\n')
  end;
end $$;

create or replace function logweir.json_value(value text, path text[]) returns text
language plpgsql immutable parallel unsafe as $$
declare
  result json := logweir.json_at(value, path);
begin
  return case when json_typeof(result) in ('string', 'number', 'boolean') then result #>> '{}' end;
end $$;

create or replace function logweir.json_query(value text, path text[]) returns text
language plpgsql immutable parallel unsafe as $$
declare
  result json := logweir.json_at(value, path);
begin
  return case when json_typeof(result) <> 'null' then logweir.compact_json(result) end;
end $$;

create or replace function logweir.json_query_array(value text, path text[]) returns text[]
language plpgsql immutable parallel unsafe as $$
declare
  result json := logweir.json_at(value, path);
begin
  if json_typeof(result) is distinct from 'array' then return null; end if;
  return array(
    select logweir.compact_json(e.value)
    from json_array_elements(result) with ordinality as e(value, place) order by place
  );
end $$;

create or replace function logweir.json_value_array(value text, path text[]) returns text[]
language plpgsql immutable parallel unsafe as $$
declare
  result json := logweir.json_at(value, path);
begin
  if json_typeof(result) is distinct from 'array' or exists (
    select from json_array_elements(result) as e where json_typeof(e.value) in ('object', 'array')
  ) then
    return null;
  end if;
  return array(
    select e.value #>> '{}'
    from json_array_elements(result) with ordinality as e(value, place) order by place
  );
end $$;

-- A number as BigQuery writes it: one with a fraction, or beyond 64 bits, is a FLOAT64.
create or replace function logweir.json_number(value numeric) returns text
language sql immutable parallel safe
return case
  when scale(value) = 0 and value between -9223372036854775808 and 18446744073709551615
    then value::text
  when abs(value) > 1.7976931348623157e308 then value::text
  when value::double precision::text ~ '^-?[0-9]+$' then value::double precision::text || '.0'
  else value::double precision::text
end;

-- JSON as text: members sorted by name, no blanks.
create or replace function logweir.json_text(value jsonb) returns text
language plpgsql immutable parallel safe as $$
begin
  return case jsonb_typeof(value)
    when 'object' then '{' || coalesce((
      select string_agg(
        to_json(m.key)::text || ':' || logweir.json_text(m.value), ',' order by m.key collate "C"
      )
      from jsonb_each(value) as m
    ), '') || '}'
    when 'array' then '[' || coalesce((
      select string_agg(logweir.json_text(e.value), ',' order by place)
      from jsonb_array_elements(value) with ordinality as e(value, place)
    ), '') || ']'
    when 'number' then logweir.json_number(value::numeric)
    else value::text
  end;
end $$;

-- A text of JSON with line breaks and two blanks for each level.
create or replace function logweir.pretty_json(value json, margin text default '') returns text
language plpgsql immutable parallel safe as $$
begin
  return case json_typeof(value)
    when 'object' then '{' || coalesce((
      select E'\n' || string_agg(
        margin || '  ' || to_json(m.key)::text || ': ' || logweir.pretty_json(m.value, margin || '  '),
        E',\n' order by place
      ) || E'\n' || margin
      from json_each(value) with ordinality as m(key, value, place)
    ), '') || '}'
    when 'array' then '[' || coalesce((
      select E'\n' || string_agg(
        margin || '  ' || logweir.pretty_json(e.value, margin || '  '), E',\n' order by place
      ) || E'\n' || margin
      from json_array_elements(value) with ordinality as e(value, place)
    ), '') || ']'
    else value::text
  end;
end $$;

create or replace function logweir.json_value(value jsonb, path text[]) returns text
language sql immutable parallel safe
return case jsonb_typeof(value #> path)
  when 'number' then logweir.json_number((value #> path)::numeric)
  when 'string' then value #>> path
  when 'boolean' then value #>> path
end;

create or replace function logweir.json_query_array(value jsonb, path text[]) returns jsonb[]
language sql immutable parallel safe
return case
  when jsonb_typeof(value #> path) = 'array' then array(
    select e.value
    from jsonb_array_elements(case when jsonb_typeof(value #> path) = 'array' then value #> path end)
      with ordinality as e(value, place)
    order by place
  )
end;

create or replace function logweir.json_value_array(value jsonb, path text[]) returns text[]
language sql immutable parallel safe
return case
  when jsonb_typeof(value #> path) = 'array'
    and not jsonb_path_exists(value #> path, 'strict $[*] ? (@.type() == "object" || @.type() == "array")')
    then array(
      select logweir.json_value(e.value, '{}')
      from jsonb_array_elements(case when jsonb_typeof(value #> path) = 'array' then value #> path end)
        with ordinality as e(value, place)
      order by place
    )
end;

-- JSON of BigQuery's type: of members of one name the first stays. A number that FLOAT64 cannot hold
-- fails where it must be exact.
create or replace function logweir.json_of(value json, exact boolean) returns jsonb
language plpgsql immutable parallel safe as $$
declare
  number numeric;
  rounded numeric;
begin
  case json_typeof(value)
    when 'object' then
      return coalesce((
        select jsonb_object_agg(key, logweir.json_of(member, exact))
        from (
          select distinct on (key) key, member
          from json_each(value) with ordinality as m(key, member, place) order by key, place
        ) as members
      ), '{}');
    when 'array' then
      return to_jsonb(array(
        select logweir.json_of(e.value, exact)
        from json_array_elements(value) with ordinality as e(value, place) order by place
      ));
    when 'number' then
      if value::text ~ '[eE][-+]?[0-9]{4}' then
        perform logweir.fail('Invalid input to PARSE_JSON: Input number: ' || value::text || ' is out of range', 0);
      end if;
      number := value::text::numeric;
      if value::text !~ '[.eE]' and number between -9223372036854775808 and 18446744073709551615 then
        return to_jsonb(number);
      end if;
      if abs(number) >= 1.7976931348623158e308 then
        perform logweir.fail('Invalid input to PARSE_JSON: Input number: ' || value::text || ' is out of range', 0);
      end if;
      rounded := case when abs(number) < 1e-323 then 0 else number::double precision::text::numeric end;
      if exact and rounded <> number then
        perform logweir.fail(
          'Invalid input to PARSE_JSON: Input number: ' || btrim(value::text)
            || ' cannot round-trip through string representation',
          0
        );
      end if;
      return to_jsonb(case when scale(trim_scale(rounded)) = 0 then round(rounded, 1) else trim_scale(rounded) end);
    else return value::jsonb;
  end case;
end $$;

create or replace function logweir.parse_json(value text, mode text default 'exact') returns jsonb
language plpgsql immutable parallel unsafe as $$
begin
  if value is null or mode is null then return null; end if;
  if mode not in ('exact', 'round') then
    raise exception 'Invalid `wide_number_mode` specified: %', mode using errcode = '22023';
  end if;
  if logweir.safe_json(value) is null then
    raise exception 'Invalid input to PARSE_JSON: syntax error while parsing value: %', left(value, 100)
      using errcode = '22P02';
  end if;
  return logweir.json_of(value::json, mode = 'exact');
end $$;

create or replace function logweir.safe_parse_json(value text, mode text default 'exact') returns jsonb
language plpgsql immutable parallel unsafe as $$
begin
  return logweir.parse_json(value, mode);
exception when others then
  return null;
end $$;

do $do$
begin
  if current_setting('server_version_num')::int >= 160000 then
    alter function logweir.lenient_json(text) parallel safe;
    alter function logweir.json_at(text, text[]) parallel safe;
    alter function logweir.json_value(text, text[]) parallel safe;
    alter function logweir.json_query(text, text[]) parallel safe;
    alter function logweir.json_query_array(text, text[]) parallel safe;
    alter function logweir.json_value_array(text, text[]) parallel safe;
    alter function logweir.parse_json(text, text) parallel safe;
  end if;
end $do$;
