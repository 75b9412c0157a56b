-- Time zones, and times in them.

-- The names that this server knows, as a function: looking them up each time would read its files.
do $do$ begin
  execute format(
    'create or replace function logweir.is_time_zone(name text) returns boolean '
    'language sql immutable parallel safe return name = any(%L::text[])',
    array(
      select name from pg_timezone_names where name !~ '^(posix|right)/|^(localtime|posixrules|Factory)$'
      order by name
    )
  );
end $do$;

-- The name by which PostgreSQL knows a zone. '+05:30' is east of Greenwich; PostgreSQL reads such a
-- text the other way round.
create or replace function logweir.time_zone(name text) returns text
language plpgsql immutable parallel safe as $$
declare parts text[];
begin
  if name is null or logweir.is_time_zone(name) then return name; end if;
  parts := regexp_match(name, '^(?:UTC)?([+-])([0-9]{1,2}):?([0-9]{2})?$');
  if parts[2]::int * 60 + coalesce(parts[3], '0')::int <= 840 and coalesce(parts[3], '0') < '60' then
    return translate(parts[1], '+-', '-+') || parts[2] || ':' || coalesce(parts[3], '00');
  end if;
  if name = '' then raise exception 'Invalid empty time zone' using errcode = '22023'; end if;
  raise exception 'Invalid time zone: %', left(name, 100) using errcode = '22023';
end $$;

-- The same; NULL where there is no such zone.
create or replace function logweir.safe_time_zone(name text) returns text
language plpgsql immutable parallel safe as $$
declare parts text[] := regexp_match(name, '^(?:UTC)?([+-])([0-9]{1,2}):?([0-9]{2})?$');
begin
  if logweir.is_time_zone(name) or (
    parts[2]::int * 60 + coalesce(parts[3], '0')::int <= 840 and coalesce(parts[3], '0') < '60'
  ) then
    return name;
  end if;
  return null;
end $$;

-- BigQuery's times lie in the years 1 to 9999.
create or replace function logweir.in_range(value timestamp, what text default 'timestamp')
returns timestamp
language sql immutable parallel safe
return case
  when value between '0001-01-01' and '9999-12-31 23:59:59.999999' then value
  when value is not null then logweir.fail('Out of range ' || what || ': ' || value, value)
end;

create or replace function logweir.safe_in_range(value timestamp) returns timestamp
language sql immutable parallel safe
return case when value between '0001-01-01' and '9999-12-31 23:59:59.999999' then value end;

-- What clocks in a zone show at a time.
create or replace function logweir.local_time(value timestamp, zone text) returns timestamp
language sql immutable parallel safe
return logweir.in_range(
  value at time zone 'UTC' at time zone logweir.time_zone(zone), 'time in this zone'
);

-- The time at which clocks in a zone show this: the earlier one where they are put back, and as if
-- they had not been put forward where they skip it.
create or replace function logweir.from_local_time(value timestamp, zone text) returns timestamp
language plpgsql immutable parallel safe as $$
declare
  name text := logweir.time_zone(zone);
  later timestamp := value at time zone name at time zone 'UTC';
  before timestamp := later - interval '1 day';
  earlier timestamp := value - (before at time zone 'UTC' at time zone name - before);
begin
  if earlier <> later and earlier at time zone 'UTC' at time zone name = value then
    later := earlier;
  end if;
  return logweir.in_range(later);
end $$;

-- Parts shorter than a day, of which each has the same length.
create or replace function logweir.truncate_in_zone(value timestamp, part text, zone text)
returns timestamp
language plpgsql immutable parallel safe as $$
declare local_time timestamp := logweir.local_time(value, zone);
begin
  return value - (local_time - date_trunc(part, local_time));
end $$;
