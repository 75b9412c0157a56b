-- Arrays.

create or replace function logweir.element(elements anyarray, place bigint) returns anyelement
language plpgsql immutable parallel safe as $$
begin
  if elements is null or place is null then return null; end if;
  if place < 0 or place >= cardinality(elements) then
    raise exception 'Array index % is out of bounds', place using errcode = '2202E';
  end if;
  return elements[place + 1];
end $$;

create or replace function logweir.safe_element(elements anyarray, place bigint) returns anyelement
language sql immutable parallel safe
as $$ select case when place between 0 and cardinality(elements) - 1 then elements[place + 1] end $$;

-- Of sorted values: the least, n - 1 in between, the greatest.
create or replace function logweir.quantiles(sorted anyarray, n bigint) returns anyarray
language sql immutable parallel safe as $$
  select case when cardinality(sorted) > 0 then
    array(
      select sorted[greatest(1, ceil(cardinality(sorted)::numeric * k / n)::int)]
      from generate_series(0, n) as places(k) order by k
    )
  end
$$;

create or replace function logweir.array_reverse(elements anyarray) returns anyarray
language sql immutable parallel safe as $$
  select case when elements is not null then
    array(select e from unnest(elements) with ordinality as list(e, place) order by place desc)
  end
$$;

create or replace function logweir.array_first(elements anyarray) returns anyelement
language plpgsql immutable parallel safe as $$
begin
  if cardinality(elements) = 0 then
    raise exception 'ARRAY_FIRST cannot get the first element of an empty array' using errcode = '2202E';
  end if;
  return elements[1];
end $$;

create or replace function logweir.array_last(elements anyarray) returns anyelement
language plpgsql immutable parallel safe as $$
begin
  if cardinality(elements) = 0 then
    raise exception 'ARRAY_LAST cannot get the last element of an empty array' using errcode = '2202E';
  end if;
  return elements[cardinality(elements)];
end $$;

-- Places count from 0, negative ones from the end; those outside are the nearest inside.
create or replace function logweir.array_slice(elements anyarray, first bigint, last bigint)
returns anyarray
language sql immutable parallel safe as $$
  select case when elements is not null and first is not null and last is not null then
    elements[
      least(
        greatest(case when first < 0 then cardinality(elements) + first else first end, 0),
        cardinality(elements)
      ) + 1
      : greatest(
        least(
          case when last < 0 then cardinality(elements) + last else last end,
          cardinality(elements) - 1
        ),
        -1
      ) + 1
    ]
  end
$$;

create or replace function logweir.array_is_distinct(elements anyarray) returns boolean
language sql immutable parallel safe as $$
  select case when elements is not null then
    (select count(*) from (select distinct e from unnest(elements) as list(e)) as kinds)
      = cardinality(elements)
  end
$$;

create or replace function logweir.join_array(
  elements bytea[], delimiter bytea, missing bytea default null
) returns bytea
language sql immutable parallel safe
return case
  when elements is not null and delimiter is not null then (
    select coalesce(string_agg(coalesce(e, missing), delimiter order by place), '')
    from unnest(elements) with ordinality as list(e, place)
  )
end;

create or replace function logweir.check_sequence(step numeric, length numeric) returns boolean
language plpgsql immutable parallel safe as $$
begin
  if step = 0 then raise exception 'Sequence step cannot be 0.' using errcode = '22023'; end if;
  if length > 1048575 then
    raise exception 'Cannot generate arrays with more than 1048575 elements.' using errcode = '22023';
  end if;
  return step is not null and length is not null;
end $$;

create or replace function logweir.generate_array(first numeric, last numeric, step numeric default 1)
returns numeric[]
language sql immutable parallel safe
return case
  when logweir.check_sequence(step, div(last - first, nullif(step, 0)) + 1)
    then array(
      select first + place * step
      from generate_series(0, case
        when (last - first) * step >= 0 then div(last - first, nullif(step, 0)) else -1
      end) as places(place)
    )
end;

create or replace function logweir.generate_array(first bigint, last bigint, step bigint default 1)
returns bigint[]
language sql immutable parallel safe
return logweir.generate_array(first::numeric, last::numeric, step::numeric)::bigint[];

create or replace function logweir.generate_array(
  first double precision, last double precision, step double precision default 1
) returns double precision[]
language sql immutable parallel safe
return case
  when logweir.check_sequence(
    logweir.finite(step),
    trunc(logweir.finite(last) - logweir.finite(first)) / nullif(logweir.finite(step), 0) + 1
  )
    then array(
      select value
      from generate_series(0, ceil((last - first) / nullif(step, 0))::bigint) as places(place),
        lateral (select first + place * step as value) as steps
      where case when step > 0 then value <= last else value >= last end
      order by place
    )
end;

-- NULL where there would be an error.
create or replace function logweir.safe_generate_array(
  first numeric, last numeric, step numeric default 1
) returns numeric[]
language sql immutable parallel safe
return case
  when step <> 0 and (last - first) / nullif(step, 0) < 1048575
    then logweir.generate_array(first, last, step)
end;

create or replace function logweir.safe_generate_array(
  first bigint, last bigint, step bigint default 1
) returns bigint[]
language sql immutable parallel safe
return logweir.safe_generate_array(first::numeric, last::numeric, step::numeric)::bigint[];

create or replace function logweir.safe_generate_array(
  first double precision, last double precision, step double precision default 1
) returns double precision[]
language sql immutable parallel safe
return case
  when logweir.is_finite(first) and logweir.is_finite(last) and logweir.is_finite(step)
    and step <> 0 and (logweir.exact(last) - logweir.exact(first)) / nullif(logweir.exact(step), 0) < 1048575
    then logweir.generate_array(first, last, step)
end;
