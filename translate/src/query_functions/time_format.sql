-- FORMAT_… of dates and times: BigQuery's `%` elements.

-- `+05:30`, `+0530`, `UTC+5`: an offset in seconds.
create or replace function logweir.offset_text(seconds int, element text) returns text
language sql immutable parallel safe
return case
  when element = 'Z' and seconds = 0 then 'UTC'
  when element = 'Z' then 'UTC' || case
    when seconds % 3600 = 0 then case when seconds < 0 then '-' else '+' end || abs(seconds) / 3600
    else case when seconds < 0 then '-' else '+' end || lpad((abs(seconds) / 3600)::text, 2, '0')
      || lpad((abs(seconds) / 60 % 60)::text, 2, '0')
  end
  else case when seconds < 0 then '-' else '+' end
    || lpad((abs(seconds) / 3600)::text, 2, '0')
    || case element
      when 'z' then lpad((abs(seconds) / 60 % 60)::text, 2, '0')
      when ':::z' then ''
      else ':' || lpad((abs(seconds) / 60 % 60)::text, 2, '0')
    end
    || case when element in ('E*z', '::z') then ':' || lpad((abs(seconds) % 60)::text, 2, '0')
      else '' end
end;

-- The week of the year that a day lies in; weeks begin on `first_day` (0 is Sunday), and the days
-- before the first one are week 0.
create or replace function logweir.week_of_year(value timestamp, first_day int) returns bigint
language sql immutable parallel safe
return (extract(doy from value)::int + 6 - (extract(dow from value)::int - first_day + 7) % 7) / 7;

-- One element without its `%`; NULL where it is none.
create or replace function logweir.format_element(element text, value timestamp) returns text
language sql stable parallel safe
return case element collate "C"
  when 'Y' then to_char(value, 'FMYYYY')
  when 'E4Y' then to_char(value, 'YYYY')
  when 'y' then to_char(value, 'YY')
  when 'C' then (extract(year from value)::int / 100)::text
  when 'G' then to_char(value, 'FMIYYY')
  when 'g' then to_char(value, 'IY')
  when 'm' then to_char(value, 'MM')
  when 'd' then to_char(value, 'DD')
  when 'e' then lpad(to_char(value, 'FMDD'), 2)
  when 'j' then to_char(value, 'DDD')
  when 'U' then lpad(logweir.week_of_year(value, 0)::text, 2, '0')
  when 'W' then lpad(logweir.week_of_year(value, 1)::text, 2, '0')
  when 'V' then to_char(value, 'IW')
  when 'u' then to_char(value, 'ID')
  when 'w' then extract(dow from value)::int::text
  when 'a' then to_char(value, 'Dy')
  when 'A' then to_char(value, 'FMDay')
  when 'b' then to_char(value, 'Mon')
  when 'h' then to_char(value, 'Mon')
  when 'B' then to_char(value, 'FMMonth')
  when 'D' then to_char(value, 'MM/DD/YY')
  when 'x' then to_char(value, 'MM/DD/YY')
  when 'F' then to_char(value, 'FMYYYY-MM-DD')
  when 'Q' then to_char(value, 'Q')
  when 'H' then to_char(value, 'HH24')
  when 'I' then to_char(value, 'HH12')
  when 'k' then lpad(to_char(value, 'FMHH24'), 2)
  when 'l' then lpad(to_char(value, 'FMHH12'), 2)
  when 'M' then to_char(value, 'MI')
  when 'S' then to_char(value, 'SS')
  when 'p' then to_char(value, 'AM')
  when 'P' then to_char(value, 'am')
  when 'R' then to_char(value, 'HH24:MI')
  when 'T' then to_char(value, 'HH24:MI:SS')
  when 'X' then to_char(value, 'HH24:MI:SS')
  when 'r' then to_char(value, 'HH12:MI:SS AM')
  when 'c' then to_char(value, 'Dy Mon ') || lpad(to_char(value, 'FMDD'), 2)
    || to_char(value, ' HH24:MI:SS FMYYYY')
  when 's' then floor(extract(epoch from value))::bigint::text
  when 'n' then e'\n'
  when 't' then e'\t'
  when '%' then '%'
end;

-- `kind` is the type; an element that it has no use for stays as it is. `value` is UTC, `zone` that of
-- a TIMESTAMP.
create or replace function logweir.format_time(
  format text, value timestamp, kind text, zone text default 'UTC'
) returns text
language plpgsql stable parallel safe as $$
declare
  known constant text := case kind
    when 'DATE' then 'YyCGgmdejUWVuwaAbBhDxFQnt%'
    when 'TIME' then 'HIklMSpPRTrXnt%'
    else 'YyCGgmdejUWVuwaAbBhDxFQHIklMSpPRTrXcsnt%'
  end;
  shown timestamp := case when zone = 'UTC' then value else logweir.local_time(value, zone) end;
  seconds int := extract(epoch from shown - value);
  micros text := lpad((extract(microseconds from value)::bigint % 1000000)::text, 6, '0');
  result text := '';
  place int := 1;
  element text;
  digits text;
begin
  if format is null or value is null or zone is null then return null; end if;
  while place <= char_length(format) loop
    element := (regexp_match(
      substr(format, place, 6), '^%(E4Y|E[0-9*][Sf]|E[*]?z|:{1,3}z|E[cCxXyY]|O[deHImMSuUVwWy]|[^EO:])'
    ))[1];
    if element is null then
      result := result || substr(format, place, 1);
      place := place + 1;
      continue;
    end if;
    place := place + 1 + char_length(element);
    if element ~ '^E[0-9*][Sf]$' and kind <> 'DATE' then
      digits := case substr(element, 2, 1)
        when '*' then rtrim(micros, '0')
        else rpad(left(micros, substr(element, 2, 1)::int), substr(element, 2, 1)::int, '0')
      end;
      result := result || case
        when element like '%f' then case when digits = '' and element = 'E*f' then '0' else digits end
        when digits = '' then to_char(shown, 'SS')
        else to_char(shown, 'SS.') || digits
      end;
    elsif element ~ 'z$|^Z$' and kind = 'TIMESTAMP' then
      result := result || logweir.offset_text(seconds, element);
    elsif element = 'E4Y' and kind <> 'TIME' then
      result := result || logweir.format_element(element, shown);
    elsif element = 's' and strpos(known, 's') > 0 then
      result := result || logweir.format_element(element, value);
    elsif char_length(element) = 1 and strpos(known, element) > 0 then
      result := result || logweir.format_element(element, shown);
    elsif element ~ '^[EO][a-zA-Z]$' and strpos(known, substr(element, 2)) > 0 then
      result := result || logweir.format_element(substr(element, 2), shown);
    else
      result := result || '%' || element;
    end if;
  end loop;
  return result;
end $$;
