-- Searches that PostgreSQL's regular expressions cannot do as RE2 does: programs of RE2's, run
-- step by step. PostgreSQL says where a match begins, which both agree on.

-- The first way through a program from a place on (from 0): where its groups begin and end, the
-- whole match as group 0, -1 where one took no part; NULL where there is no way. The first number
-- of `steps` is the place of the first; they are four numbers each: 0 match · 1 try the first, then the second · 2 next, note slot · 3 next, assertion ·
-- 4 next, one character of the ranges from, up to.
create or replace function logweir.re2_at(
  codes int[], steps int[], ranges int[], place int, groups int
) returns int[]
language plpgsql immutable parallel safe as $$
declare
  size int := cardinality(codes);
  width int := size - place + 1;
  visited boolean[];
  -- Steps to try from places; a negative step gives a slot its old value back.
  todo_step int[] := array[steps[1]];
  todo_place int[] := array[place];
  top int := 1;
  slots int[] := array_fill(-1, array[2 * groups + 2]);
  step int;
  at int;
  key int;
  code int;
  holds boolean;
  start constant int := place;
begin
  if cardinality(steps) / 4 * width::bigint > 10000000 then
    raise exception 'This regular expression cannot be searched for in so long a text' using errcode = '54000';
  end if;
  visited := array_fill(false, array[cardinality(steps) / 4 * width]);
  while top > 0 loop
    step := todo_step[top];
    at := todo_place[top];
    top := top - 1;
    if step < 0 then
      slots[-step] := at;
      continue;
    end if;
    loop
      key := step * width + at - start + 1;
      exit when visited[key];
      visited[key] := true;
      key := step * 4 + 2;
      case steps[key]
        when 0 then
          slots[1] := start;
          slots[2] := at;
          return slots;
        when 1 then
          top := top + 1;
          todo_step[top] := steps[key + 2];
          todo_place[top] := at;
          step := steps[key + 1];
        when 2 then
          top := top + 1;
          todo_step[top] := -(steps[key + 2] + 1);
          todo_place[top] := slots[steps[key + 2] + 1];
          slots[steps[key + 2] + 1] := at;
          step := steps[key + 1];
        when 3 then
          holds := case steps[key + 2]
            when 0 then at = 0
            when 1 then at = size
            when 2 then at = 0 or codes[at] = 10
            when 3 then at = size or codes[at + 1] = 10
            else (steps[key + 2] = 4) = (
              logweir.re2_word(case when at > 0 then codes[at] end)
              <> logweir.re2_word(case when at < size then codes[at + 1] end)
            )
          end;
          exit when not holds;
          step := steps[key + 1];
        else
          exit when at >= size;
          code := codes[at + 1];
          holds := false;
          for range in steps[key + 2] .. steps[key + 3] - 1 loop
            if code between ranges[2 * range + 1] and ranges[2 * range + 2] then
              holds := true;
              exit;
            end if;
          end loop;
          exit when not holds;
          at := at + 1;
          step := steps[key + 1];
      end case;
    end loop;
  end loop;
  return null;
end $$;

create or replace function logweir.re2_word(code int) returns boolean
language sql immutable parallel safe
return coalesce(
  code between 48 and 57 or code between 65 and 90 or code between 97 and 122 or code = 95, false
);

-- The code points of a text.
create or replace function logweir.re2_codes(value text) returns int[]
language sql immutable parallel safe
return array(
  select ascii(c) from unnest(string_to_array(value, null)) with ordinality as characters(c, place)
  order by place
);

-- The matches from a place on, `most` of them, of the whole pattern or of a group. One that took
-- no part is an empty text among all of them, NULL where one of them is asked for.
create or replace function logweir.re2_extract_all(
  value text, pattern text, steps int[], ranges int[], groups int, taken int,
  place bigint default 1, most bigint default null, all_of_them boolean default true
) returns text[]
language plpgsql immutable parallel safe as $$
declare
  codes int[];
  size int := char_length(value);
  at int;
  start int;
  slots int[];
  result text[] := '{}';
begin
  if value is null or place is null then return null; end if;
  if place < 1 then raise exception 'Position must be positive, not %', place using errcode = '22023'; end if;
  if most < 1 then raise exception 'Occurrence must be positive, not %', most using errcode = '22023'; end if;
  if place > greatest(size, 1) then return result; end if;
  -- What is before the place is as if it were not there.
  value := substr(value, place::int);
  size := char_length(value);
  at := 0;
  loop
    start := regexp_instr(value, pattern collate "C", at + 1);
    exit when start = 0;
    codes := coalesce(codes, logweir.re2_codes(value));
    slots := logweir.re2_at(codes, steps, ranges, start - 1, groups);
    if slots is null then raise exception 'a regular expression was translated wrongly: %', pattern; end if;
    result := result || case
      when slots[2 * taken + 1] >= 0 and slots[2 * taken + 2] >= 0
        then substr(value, slots[2 * taken + 1] + 1, slots[2 * taken + 2] - slots[2 * taken + 1])
      when all_of_them then ''
    end;
    at := case when slots[2] = slots[1] then slots[2] + 1 else slots[2] end;
    exit when at >= size or cardinality(result) = most;
  end loop;
  return result;
end $$;

create or replace function logweir.re2_extract(
  value text, pattern text, steps int[], ranges int[], groups int, taken int,
  place bigint default 1, occurrence bigint default 1
) returns text
language sql immutable parallel safe
return case
  when occurrence is not null then (
    logweir.re2_extract_all(value, pattern, steps, ranges, groups, taken, place, occurrence, false)
  )[case when occurrence <= 2147483647 then occurrence end]
end;

-- Every match replaced by texts with groups between them: one text more than groups.
create or replace function logweir.re2_replace(
  value text, pattern text, steps int[], ranges int[], groups int, texts text[], taken int[]
) returns text
language plpgsql immutable parallel safe as $$
declare
  codes int[];
  size int := char_length(value);
  at int := 0;
  start int;
  last int := -1;
  slots int[];
  result text := '';
begin
  if value is null then return null; end if;
  while at <= size loop
    start := regexp_instr(value, pattern collate "C", at + 1);
    exit when start = 0;
    codes := coalesce(codes, logweir.re2_codes(value));
    slots := logweir.re2_at(codes, steps, ranges, start - 1, groups);
    if slots is null then raise exception 'a regular expression was translated wrongly: %', pattern; end if;
    result := result || substr(value, at + 1, slots[1] - at);
    if slots[1] = slots[2] and slots[1] = last then
      -- No empty match at the end of the match before.
      result := result || substr(value, slots[1] + 1, 1);
      at := slots[1] + 1;
      continue;
    end if;
    result := result || texts[1];
    for i in 1 .. cardinality(taken) loop
      if slots[2 * taken[i] + 1] >= 0 and slots[2 * taken[i] + 2] >= 0 then
        result := result
          || substr(value, slots[2 * taken[i] + 1] + 1, slots[2 * taken[i] + 2] - slots[2 * taken[i] + 1]);
      end if;
      result := result || texts[i + 1];
    end loop;
    at := slots[2];
    last := slots[2];
  end loop;
  return result || substr(value, at + 1);
end $$;

-- Where the n-th match begins, or what follows it begins; 0 where there is none.
create or replace function logweir.re2_instr(
  value text, pattern text, steps int[], ranges int[], groups int, taken int,
  place bigint default 1, occurrence bigint default 1, after bigint default 0
) returns bigint
language plpgsql immutable parallel safe as $$
declare
  codes int[];
  size int := char_length(value);
  at int;
  start int;
  slots int[];
begin
  if value is null or place is null or occurrence is null or after is null then return null; end if;
  if place < 1 then raise exception 'Position must be positive, not %', place using errcode = '22023'; end if;
  if occurrence < 1 then
    raise exception 'Occurrence must be positive, not %', occurrence using errcode = '22023';
  end if;
  if after not in (0, 1) then
    raise exception 'Invalid return_position_after_match: %', after using errcode = '22023';
  end if;
  if place > greatest(size, 1) then return 0; end if;
  value := substr(value, place::int);
  size := char_length(value);
  at := 0;
  loop
    start := regexp_instr(value, pattern collate "C", at + 1);
    if start = 0 then return 0; end if;
    codes := coalesce(codes, logweir.re2_codes(value));
    slots := logweir.re2_at(codes, steps, ranges, start - 1, groups);
    if slots is null then raise exception 'a regular expression was translated wrongly: %', pattern; end if;
    occurrence := occurrence - 1;
    if occurrence = 0 then
      return case
        when slots[2 * taken + after + 1] >= 0 then slots[2 * taken + after + 1] + place else 0
      end;
    end if;
    at := case when slots[2] = slots[1] then slots[2] + 1 else slots[2] end;
    if at >= size then return 0; end if;
  end loop;
end $$;

-- The same of patterns that PostgreSQL finds as RE2 does.
create or replace function logweir.regexp_extract(
  value text, pattern text, taken int, place bigint, occurrence bigint default 1
) returns text
language sql immutable parallel safe
return case
  when value is null or place is null or occurrence is null then null
  when place < 1 then logweir.fail('Position must be positive, not ' || place, value)
  when occurrence < 1 then logweir.fail('Occurrence must be positive, not ' || occurrence, value)
  when place <= char_length(value) and occurrence <= 2147483647
    then regexp_substr(substr(value, place::int), pattern collate "C", 1, occurrence::int, '', taken)
end;

create or replace function logweir.regexp_extract_all(value text, pattern text) returns text[]
language sql immutable parallel safe
return case
  when value is not null then array(
    select coalesce(found[1], '')
    from regexp_matches(value, pattern collate "C", 'g') with ordinality as matches(found, place)
    order by place
  )
end;

create or replace function logweir.regexp_instr(
  value text, pattern text, taken int,
  place bigint default 1, occurrence bigint default 1, after bigint default 0
) returns bigint
language sql immutable parallel safe
return case
  when value is null or place is null or occurrence is null or after is null then null
  when place < 1 then logweir.fail('Position must be positive, not ' || place, place)
  when occurrence < 1 then logweir.fail('Occurrence must be positive, not ' || occurrence, place)
  when after not in (0, 1) then logweir.fail('Invalid return_position_after_match: ' || after, place)
  when place > char_length(value) or occurrence > 2147483647 then 0
  else (
    select case when found > 0 then found + place - 1 else 0 end
    from (
      select regexp_instr(
        substr(value, place::int), pattern collate "C", 1, occurrence::int, after::int, '', taken
      ) as found
    ) as search
  )
end;
