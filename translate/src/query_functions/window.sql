-- Windows: of what array_agg collected. NULLs are first, then NaN.

create or replace function logweir.percentile_cont(elements double precision[], part double precision)
returns double precision
language sql immutable parallel safe
return (
  select case
    when before is null then after
    when before = after then before
    else before * (1 - weight) + after * weight
  end
  from (
    select
      sorted[floor(place)::int + 1] as before, sorted[ceil(place)::int + 1] as after,
      place - floor(place) as weight
    from (
      select
        array_agg(element order by element is not null, element <> 'NaN', element) as sorted,
        part * (count(*) - 1) as place
      from unnest(elements) as list(element)
    ) as sorting
  ) as neighbours
);

create or replace function logweir.percentile_cont(elements numeric[], part numeric)
returns numeric
language sql immutable parallel safe
return (
  select case
    when before is null then after
    when before = after then before
    else before * (1 - weight) + after * weight
  end
  from (
    select
      sorted[floor(place)::int + 1] as before, sorted[ceil(place)::int + 1] as after,
      place - floor(place) as weight
    from (
      select
        array_agg(element order by element nulls first) as sorted,
        part * (count(*) - 1) as place
      from unnest(elements) as list(element)
    ) as sorting
  ) as neighbours
);

create or replace function logweir.percentile_disc(elements anyarray, part double precision)
returns anyelement
language sql immutable parallel safe as $$
  select (array_agg(element order by element::text <> 'NaN' nulls first, element))
    [greatest(1, ceil(part * count(*)))::int]
  from unnest(elements) as list(element)
$$;
