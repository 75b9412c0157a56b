-- Text.

create or replace function logweir.substr(
  value text, place bigint, length bigint default 9223372036854775807
) returns text
language plpgsql immutable parallel safe as $$
declare
  characters int := char_length(value);
begin
  if value is null or place is null or length is null then return null; end if;
  if length < 0 then
    raise exception 'Third argument in SUBSTR() cannot be negative' using errcode = '22011';
  end if;
  if place > characters then return ''; end if;
  place := case when place > 0 then place when place = 0 then 1 else greatest(characters + place + 1, 1) end;
  return substring(value from place::int for least(length, characters)::int);
end $$;

create or replace function logweir.safe_substr(
  value text, place bigint, length bigint default 9223372036854775807
) returns text
language sql immutable parallel safe
return case when length >= 0 then logweir.substr(value, place, length) end;

-- Without anything between the parts, each character is one.
create or replace function logweir.split(value text, separator text default ',') returns text[]
language sql immutable parallel safe
return case
  when value is null or separator is null then null
  when value = '' then array['']
  when separator = '' then string_to_array(value, null)
  else string_to_array(value, separator)
end;

-- PostgreSQL takes a negative length for what to leave out.
create or replace function logweir.safe_left(value text, length bigint) returns text
language sql immutable parallel safe
return case when length >= 0 then left(value, least(length, 2147483647)::int) end;

create or replace function logweir.left(value text, length bigint) returns text
language sql immutable parallel safe
return case
  when length < 0 and value is not null then logweir.fail('Second argument in LEFT() cannot be negative: ' || length, value)
  else logweir.safe_left(value, length)
end;

create or replace function logweir.safe_right(value text, length bigint) returns text
language sql immutable parallel safe
return case when length >= 0 then right(value, least(length, 2147483647)::int) end;

create or replace function logweir.right(value text, length bigint) returns text
language sql immutable parallel safe
return case
  when length < 0 and value is not null then logweir.fail('Second argument in RIGHT() cannot be negative: ' || length, value)
  else logweir.safe_right(value, length)
end;

-- Where the text is found for the n-th time, from a place on; from the end where it is negative.
create or replace function logweir.safe_instr(
  value text, part text, place bigint default 1, occurrence bigint default 1
) returns bigint
language plpgsql immutable parallel safe as $$
declare
  last int := char_length(value) - char_length(part) + 1;
  at int;
  step int;
  length int := char_length(part);
begin
  if value is null or part is null or place = 0 or occurrence <= 0 or place is null or occurrence is null then
    return null;
  end if;
  if length = 0 and value <> '' then
    -- An empty text is everywhere; what BigQuery finds of it at the end is not known.
    if place > 0 and place + occurrence - 1 <= char_length(value) then return place + occurrence - 1; end if;
    raise exception 'INSTR of an empty text there is not supported' using errcode = '0A000';
  end if;
  if length = 0 or last < 1 or abs(place) > char_length(value) then return 0; end if;
  if place > 0 then
    at := place - 1;
    loop
      step := strpos(substr(value, at + 1), part);
      if step = 0 then return 0; end if;
      at := at + step;
      occurrence := occurrence - 1;
      if occurrence = 0 then return at; end if;
    end loop;
  end if;
  for at in reverse least(char_length(value) + place + 1, last) .. 1 loop
    if substr(value, at, length) = part then
      occurrence := occurrence - 1;
      if occurrence = 0 then return at; end if;
    end if;
  end loop;
  return 0;
end $$;

create or replace function logweir.instr(
  value text, part text, place bigint default 1, occurrence bigint default 1
) returns bigint
language sql immutable parallel safe
return case
  when value is null or part is null or place is null or occurrence is null then null
  when place = 0 then logweir.fail('Position must be non-zero, not ' || place, place)
  when occurrence <= 0
    then logweir.fail('Occurrence must be positive, not ' || occurrence, place)
  else logweir.safe_instr(value, part, place, occurrence)
end;

-- How long a text may become.
create or replace function logweir.safe_lpad(value text, length bigint, pad text default ' ') returns text
language sql immutable parallel safe
return case when length between 0 and 1048576 and pad <> '' then lpad(value, length::int, pad) end;

create or replace function logweir.safe_rpad(value text, length bigint, pad text default ' ') returns text
language sql immutable parallel safe
return case when length between 0 and 1048576 and pad <> '' then rpad(value, length::int, pad) end;

-- What is wrong with the arguments of LPAD and RPAD.
create or replace function logweir.check_pad(length bigint, pad text) returns text
language sql immutable parallel safe
return case
  when length < 0
    then 'Second argument (output size) for LPAD/RPAD cannot be negative: ' || length
  when pad = '' then 'Third argument (pad pattern) for LPAD/RPAD cannot be empty' || pad
  when length > 1048576 then 'Output of LPAD/RPAD exceeds max allowed output size of 1MB: ' || length
end;

create or replace function logweir.lpad(value text, length bigint, pad text default ' ') returns text
language sql immutable parallel safe
return case
  when value is not null and length is not null and pad is not null
    and logweir.check_pad(length, pad) is not null
    then logweir.fail(logweir.check_pad(length, pad), value)
  else logweir.safe_lpad(value, length, pad)
end;

create or replace function logweir.rpad(value text, length bigint, pad text default ' ') returns text
language sql immutable parallel safe
return case
  when value is not null and length is not null and pad is not null
    and logweir.check_pad(length, pad) is not null
    then logweir.fail(logweir.check_pad(length, pad), value)
  else logweir.safe_rpad(value, length, pad)
end;

create or replace function logweir.safe_repeat(value text, times bigint) returns text
language sql immutable parallel safe
return case
  when times >= 0 and times * octet_length(value)::numeric <= 1048576
    then repeat(value, case when value <> '' then times::int else 0 end)
end;

create or replace function logweir.repeat(value text, times bigint) returns text
language sql immutable parallel safe
return case
  when value is null or times is null then null
  when times < 0 then logweir.fail('Second argument (repeat count) for REPEAT cannot be negative: ' || times, value)
  when times * octet_length(value)::numeric > 1048576
    then logweir.fail('Output of REPEAT exceeds max allowed output size of 1MB: ' || times || ' times', value)
  else logweir.safe_repeat(value, times)
end;

-- A character that stands twice among those to be replaced has no meaning.
create or replace function logweir.safe_translate(value text, source text, target text) returns text
language sql immutable parallel safe
return case
  when (select count(*) = count(distinct c collate "C") from unnest(string_to_array(source, null)) as list(c))
    then translate(value, source, target)
end;

create or replace function logweir.translate(value text, source text, target text) returns text
language sql immutable parallel safe
return case
  when value is null or source is null or target is null then null
  when logweir.safe_translate(value, source, target) is null
    then logweir.fail('Duplicate character "' || (
      select c from unnest(string_to_array(source, null)) with ordinality as list(c, place)
      group by c having count(*) > 1 order by min(place) limit 1
    ) || '" in TRANSLATE source characters', value)
  else logweir.safe_translate(value, source, target)
end;

-- ICU's lower() and upper() know all of Unicode whatever the server's collation is. What would
-- become more than one character stays.
create or replace function logweir.initcap(
  value text,
  delimiters text default U&' \0009\000A\000B\000C\000D\0085\00A0\1680\2000\2001\2002\2003\2004\2005\2006\2007\2008\2009\200A\2028\2029\202F\205F\3000[](){}/|<>!?@"^#$&~_,.:;*%+-'
) returns text
language sql immutable parallel safe
return case
  when value is null or delimiters is null then null
  else coalesce(
    (
      select string_agg(
        case
          when strpos(delimiters, c) > 0 then c
          when before is null or strpos(delimiters, before) > 0 then
            case when char_length(upper(c collate "und-x-icu")) = 1 then upper(c collate "und-x-icu") else c end
          else left(lower(c collate "und-x-icu"), 1)
        end,
        '' order by place
      )
      from (
        select c, place, lag(c) over (order by place) as before
        from unnest(string_to_array(value, null)) with ordinality as characters(c, place)
      ) as pairs
    ),
    ''
  )
end;

create or replace function logweir.safe_ascii(value text) returns bigint
language sql immutable parallel safe
return case when ascii(value) < 128 then ascii(value)::bigint end;

create or replace function logweir.ascii(value text) returns bigint
language sql immutable parallel safe
return case
  when ascii(value) >= 128
    then logweir.fail('Argument to ASCII is not a structurally valid ASCII string: ''' || left(value, 100) || '''', 0::bigint)
  else ascii(value)::bigint
end;

-- A text has no place for the character 0: BigQuery's has.
create or replace function logweir.safe_chr(code bigint) returns text
language sql immutable parallel safe
return case
  when code between 1 and 55295 or code between 57344 and 1114111 then chr(code::int)
end;

create or replace function logweir.chr(code bigint) returns text
language sql immutable parallel safe
return case
  when code = 0 then logweir.fail('A text cannot hold the character U+0000 here: ' || code, ''::text)
  when code is not null and logweir.safe_chr(code) is null
    then logweir.fail('Invalid codepoint ' || code, ''::text)
  else logweir.safe_chr(code)
end;

create or replace function logweir.code_points(value text) returns bigint[]
language sql immutable parallel safe
return case
  when value is not null then array(
    select ascii(c)::bigint
    from unnest(string_to_array(value, null)) with ordinality as characters(c, place)
    order by place
  )
end;

create or replace function logweir.code_points(value bytea) returns bigint[]
language sql immutable parallel safe
return case
  when value is not null then array(
    select get_byte(value, place)::bigint
    from generate_series(0, octet_length(value) - 1) as places(place)
    order by place
  )
end;

create or replace function logweir.safe_code_points_to_string(codes bigint[]) returns text
language sql immutable parallel safe
return case
  when codes is null then null
  when codes = '{}' then ''
  else (
    select case when count(*) = count(logweir.safe_chr(code)) then string_agg(logweir.safe_chr(code), '' order by place) end
    from unnest(codes) with ordinality as list(code, place)
  )
end;

create or replace function logweir.code_points_to_string(codes bigint[]) returns text
language sql immutable parallel safe
return case
  when codes is null or array_position(codes, null) is not null then null
  when logweir.safe_code_points_to_string(codes) is null then logweir.fail(
    'Invalid codepoint ' || (
      select code from unnest(codes) with ordinality as list(code, place)
      where logweir.safe_chr(code) is null order by place limit 1
    ),
    ''::text
  )
  else logweir.safe_code_points_to_string(codes)
end;

create or replace function logweir.safe_code_points_to_bytes(codes bigint[]) returns bytea
language sql immutable parallel safe
return case
  when codes = '{}' then ''
  when array_position(codes, null) is null and 0 <= all (codes) and 255 >= all (codes) then (
    select decode(string_agg(lpad(to_hex(code), 2, '0'), '' order by place), 'hex')
    from unnest(codes) with ordinality as list(code, place)
  )
end;

create or replace function logweir.code_points_to_bytes(codes bigint[]) returns bytea
language sql immutable parallel safe
return case
  when codes is null or array_position(codes, null) is not null then null
  when logweir.safe_code_points_to_bytes(codes) is null then logweir.fail(
    'Invalid ASCII value ' || (
      select code from unnest(codes) with ordinality as list(code, place)
      where code not between 0 and 255 order by place limit 1
    ),
    ''::bytea
  )
  else logweir.safe_code_points_to_bytes(codes)
end;

-- The first letter, and digits for the consonants after it, each but once in a row.
create or replace function logweir.soundex(value text) returns text
language plpgsql immutable parallel safe as $$
declare
  result text := '';
  c text;
  digit text;
  last text := '';
begin
  if value is null then return null; end if;
  foreach c in array string_to_array(value, null) loop
    continue when c !~ '^[A-Za-z]$';
    digit := translate(upper(c), 'BFPVCGJKQSXZDTLMNRAEIOUYHW', '11112222222233455600000000');
    if result = '' then
      result := c;
      last := digit;
    -- Letters without a digit do not keep equal ones apart.
    elsif digit <> '0' and digit <> last then
      result := result || digit;
      last := digit;
      exit when char_length(result) = 4;
    end if;
  end loop;
  return case when result = '' then '' else rpad(result, 4, '0') end;
end $$;

-- How many characters must be put in, left out or replaced to make one text the other; not more
-- than `most`, where that is given.
create or replace function logweir.safe_edit_distance(one text, other text, most bigint default null)
returns bigint
language plpgsql immutable parallel safe as $$
declare
  a text[] := string_to_array(one, null);
  b text[] := string_to_array(other, null);
  previous int[];
  row_ int[];
  least_ int;
begin
  if one is null or other is null or most < 0 then return null; end if;
  if one = '' or other = '' then
    return least(char_length(one) + char_length(other), coalesce(most, 2147483647));
  end if;
  previous := array(select generate_series(0, cardinality(b)));
  for i in 1 .. cardinality(a) loop
    row_ := array_fill(i, array[cardinality(b) + 1]);
    least_ := i;
    for j in 1 .. cardinality(b) loop
      row_[j + 1] := least(
        row_[j] + 1, previous[j + 1] + 1, previous[j] + case when a[i] = b[j] then 0 else 1 end
      );
      least_ := least(least_, row_[j + 1]);
    end loop;
    if least_ >= most then return most; end if;
    previous := row_;
  end loop;
  return least(previous[cardinality(b) + 1], coalesce(most, 2147483647));
end $$;

create or replace function logweir.edit_distance(one text, other text, most bigint default null)
returns bigint
language sql immutable parallel safe
return case
  when most < 0 and one is not null and other is not null
    then logweir.fail('Max distance must be non-negative, not ' || most, most)
  else logweir.safe_edit_distance(one, other, most)
end;
