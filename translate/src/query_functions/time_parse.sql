-- PARSE_… of dates and times: BigQuery's `%` elements.

-- A number of at most so many digits at the start of a text, within bounds; else NULL.
create or replace function logweir.leading_number(
  value text, digits int, lowest bigint, highest bigint
) returns text
language plpgsql immutable parallel safe as $$
declare number text := substring(left(value, digits) from '^[0-9]+');
begin
  if number::bigint between lowest and highest then return number; end if;
  return null;
end $$;

-- What the element at the start of a format stands for in others.
create or replace function logweir.expand_format(format text) returns text
language sql immutable parallel safe
return replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(
  replace(format, '%%', e'%\x01'), '%c', '%a %b %e %H:%M:%S %Y'), '%D', '%m/%d/%y'),
  '%x', '%m/%d/%y'), '%F', '%Y-%m-%d'), '%T', '%H:%M:%S'), '%X', '%H:%M:%S'), '%R', '%H:%M'),
  '%r', '%I:%M:%S %p'), '%n', ' '), '%t', ' ');

-- `kind` is the type of the result. The result of a TIME is that time on 1970-01-01; that of a
-- TIMESTAMP is UTC, and a text without a zone is meant in `zone`.
create or replace function logweir.parse_time(
  format text, input text, kind text, zone text default 'UTC'
) returns timestamp
language plpgsql immutable parallel safe as $$
declare
  blank constant text := e' \t\n\r\f\x0b';
  failure constant text := 'Failed to parse input string "' || left(input, 100) || '"';
  months constant text[] := array['january', 'february', 'march', 'april', 'may', 'june', 'july',
    'august', 'september', 'october', 'november', 'december'];
  days constant text[] := array['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday',
    'saturday'];
  rest text := ltrim(input, blank);
  pattern text := logweir.expand_format(format);
  element text;
  found text;
  names text[];
  year int; century int; short_year int; month int; day int; day_of_year int; quarter int;
  week int; week_begins int; weekday boolean := false; iso_year int; iso_week boolean := false;
  hour int; half_hour int; afternoon boolean; minute int; second int; fraction int := 0;
  epoch bigint; seconds_east int; zone_name text;
  result timestamp;
begin
  if format is null or input is null or zone is null then return null; end if;
  if format ~ '(^|[^%])(%%)*%$' then
    raise exception 'Format string cannot end with a single ''%%''' using errcode = '22007';
  end if;
  while pattern <> '' loop
    element := (regexp_match(pattern, '^%(E4Y|E[0-9*]S|Ez|[EO]?.)'))[1];
    if element is null then
      if strpos(blank, left(pattern, 1)) > 0 then
        rest := ltrim(rest, blank);
      elsif left(rest, 1) = left(pattern, 1) then
        rest := substr(rest, 2);
      else
        raise exception '%', failure using errcode = '22007';
      end if;
      pattern := substr(pattern, 2);
      continue;
    end if;
    pattern := substr(pattern, 2 + char_length(element));
    if element ~ '^[EO][a-zA-Z]$' and element <> 'Ez' then element := substr(element, 2); end if;
    if (kind = 'DATE' and element ~ '^(E[0-9*]S|Ez|[HIklMSpPzZs])$')
      or (kind = 'TIME' and element ~ '^(E4Y|Ez|[YyCGgmdejUWVuwaAbBhQzZs])$')
      or (kind = 'DATETIME' and element ~ '^(Ez|[zZ])$')
    then
      raise exception 'Invalid format: %%% is not allowed for the % type.', element, kind
        using errcode = '22007';
    end if;
    if element in ('e', 'k', 'l') then rest := ltrim(rest, blank); end if;
    case
      when element = e'\x01' then
        found := case when left(rest, 1) = '%' then '%' end;
      when element = 'Y' or element = 'G' then
        -- Where another number follows at once, it has four digits.
        found := logweir.leading_number(
          rest, case when pattern ~ '^%[YyCGgmdejUWVuwHIklMSQs]' then 4 else 5 end, 0, 99999
        );
        if element = 'Y' then year := found; century := null; short_year := null;
        else iso_year := found; end if;
      when element = 'E4Y' then
        found := substring(rest from '^[0-9]{4}');
        year := found;
      when element = 'y' then
        found := logweir.leading_number(rest, 2, 0, 99);
        short_year := found;
      when element = 'g' then
        found := logweir.leading_number(rest, 2, 0, 99);
        iso_year := found::int + case when found::int < 69 then 2000 else 1900 end;
      when element = 'C' then
        found := logweir.leading_number(rest, 2, 0, 99);
        century := found;
      when element = 'm' then
        found := logweir.leading_number(rest, 2, 1, 12);
        month := found;
      when element in ('d', 'e') then
        found := logweir.leading_number(rest, 2, 1, 31);
        day := found;
      when element = 'j' then
        found := logweir.leading_number(rest, 3, 1, 366);
        day_of_year := found;
      when element = 'Q' then
        found := logweir.leading_number(rest, 1, 1, 4);
        quarter := found;
      when element in ('U', 'W') then
        found := logweir.leading_number(rest, 2, 0, 53);
        week := found;
        week_begins := case element when 'U' then 0 else 1 end;
      when element = 'V' then
        found := logweir.leading_number(rest, 2, 1, 53);
        iso_week := true;
      when element in ('u', 'w') then
        found := logweir.leading_number(
          rest, 1, case element when 'u' then 1 else 0 end, case element when 'u' then 7 else 6 end
        );
        weekday := true;
      when element in ('b', 'B', 'h', 'a', 'A') then
        names := case when element in ('a', 'A') then days else months end;
        -- The full name, or its first three letters.
        select coalesce(
            max(name) filter (where lower(left(rest, char_length(name))) = name),
            max(left(name, 3)) filter (where lower(left(rest, 3)) = left(name, 3))
          ) into found from unnest(names) as name;
        if element in ('b', 'B', 'h') then
          select place into month from unnest(months) with ordinality as m(name, place)
            where left(name, 3) = left(found, 3);
        end if;
      when element in ('H', 'k') then
        found := logweir.leading_number(rest, 2, 0, 23);
        hour := found;
        half_hour := null;
      when element in ('I', 'l') then
        found := logweir.leading_number(rest, 2, 1, 12);
        half_hour := found;
        hour := null;
      when element in ('p', 'P') then
        found := substring(rest from '^(?:[AaPp][Mm])');
        afternoon := lower(found) = 'pm';
      when element = 'M' then
        found := logweir.leading_number(rest, 2, 0, 59);
        minute := found;
      when element = 'S' then
        found := logweir.leading_number(rest, 2, 0, 60);
        second := found;
      when element ~ '^E[0-9*]S$' then
        found := logweir.leading_number(rest, 2, 0, 60);
        second := found;
        rest := substr(rest, 1 + char_length(found));
        found := coalesce(substring(rest from (
          '^[.][0-9]{1,' || case substr(element, 2, 1)
            when '*' then '255' when '0' then '1' else substr(element, 2, 1) end || '}'
        )), case when second is not null then '' end);
        if element = 'E0S' then found := left(found, 0); end if;
        fraction := left(rpad(substr(found, 2), 6, '0'), 6);
      when element = 's' then
        found := substring(rest from '^-?[0-9]{1,18}');
        epoch := found;
      when element in ('z', 'Ez') then
        found := substring(rest from case element
          when 'z' then '^[-+][0-9]{2}(?:[0-9]{2})?'
          else '^(?:[Zz]|[-+][0-9]{2}(?::?[0-9]{2})?)'
        end);
        seconds_east := 0;
        if found !~ '^[Zz]' then
          seconds_east := case when left(found, 1) = '-' then -1 else 1 end * (
            substr(found, 2, 2)::int * 3600
            + coalesce(nullif(replace(substr(found, 4), ':', ''), ''), '0')::int * 60
          );
        end if;
        if abs(seconds_east) > 50400 then
          raise exception 'Timezone offset out of valid range -14:00 to +14:00: %', found
            using errcode = '22007';
        end if;
      when element = 'Z' then
        found := substring(rest from '^[^ \t\n\r\f]+');
        zone_name := found;
        perform logweir.time_zone(zone_name);
      else
        found := null;
    end case;
    if found is null then raise exception '%', failure using errcode = '22007'; end if;
    rest := substr(rest, 1 + char_length(found));
  end loop;
  if ltrim(rest, blank) <> '' then raise exception '%', failure using errcode = '22007'; end if;

  if epoch is not null then
    return logweir.in_range(logweir.safe_from_unix(epoch, 1000000));
  end if;
  if iso_year is not null and iso_week then
    raise exception 'ISO parse elements are not supported yet' using errcode = '0A000';
  elsif week is not null and weekday then
    raise exception 'Weekday parse elements are not supported yet' using errcode = '0A000';
  end if;
  year := coalesce(
    year,
    century * 100 + coalesce(short_year, 0),
    short_year + case when short_year < 69 then 2000 else 1900 end,
    iso_year,
    1970
  );
  if year not between 1 and 9999 then
    raise exception 'Invalid result from parsing function' using errcode = '22008';
  end if;
  if day_of_year is not null then
    result := make_date(year, 1, 1) + day_of_year - 1;
    if extract(year from result) <> year then
      raise exception 'Year % has 365 days, but the specified day of year was 366', year
        using errcode = '22008';
    end if;
  elsif week is not null and month is null then
    -- The first day of that week.
    result := make_date(year, 1, 1);
    result := result + ((7 - (extract(dow from result)::int - week_begins + 7) % 7) % 7
      + (week - 1) * 7) * interval '1 day';
    if extract(year from result) <> year then result := make_date(year, 1, 1); end if;
  else
    result := logweir.safe_make_date(
      year, coalesce(month, quarter * 3 - 2, 1), coalesce(day, 1)
    );
    if result is null then
      raise exception 'Out-of-range datetime field in parsing function' using errcode = '22008';
    end if;
  end if;
  result := result + make_interval(
    hours => coalesce(hour, half_hour % 12 + case when afternoon then 12 else 0 end, 0),
    mins => coalesce(minute, 0), secs => coalesce(second, 0)
  ) + fraction * interval '1 microsecond';
  if kind = 'TIMESTAMP' then
    result := case
      when seconds_east is not null then result - seconds_east * interval '1 second'
      else logweir.from_local_time(result, coalesce(zone_name, zone))
    end;
  end if;
  if result not between '0001-01-01' and '9999-12-31 23:59:59.999999' then
    raise exception 'Invalid result from parsing function' using errcode = '22008';
  end if;
  return result;
end $$;

-- NULL where the other fails. Its block is a subtransaction, which parallel plans do not allow.
create or replace function logweir.safe_parse_time(
  format text, input text, kind text, zone text default 'UTC'
) returns timestamp
language plpgsql immutable parallel unsafe as $$
begin
  return logweir.parse_time(format, input, kind, zone);
exception when others then
  return null;
end $$;
