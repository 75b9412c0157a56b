-- Windows. What is collected is sorted once for a window, not for each of its rows: NULLs first,
-- then NaN.

create or replace function logweir.sorted(elements anycompatiblearray) returns anycompatiblearray
language sql immutable parallel safe as $$
  select array(
    select element from unnest(elements) as list(element)
    order by element is not null, element::text <> 'NaN', element
  )
$$;

create or replace aggregate logweir.collect_sorted(anycompatible) (
  sfunc = array_append, stype = anycompatiblearray, initcond = '{}', finalfunc = logweir.sorted
);

create or replace function logweir.between_neighbours(
  before double precision, after double precision, weight double precision
) returns double precision
language sql immutable parallel safe
return case
  when before is null or before = after then after
  else before * (1 - weight) + after * weight
end;

create or replace function logweir.between_neighbours(before numeric, after numeric, weight numeric)
returns numeric
language sql immutable parallel safe
return case
  when before is null or before = after then after
  else before * (1 - weight) + after * weight
end;

create or replace function logweir.percentile_cont(elements double precision[], part double precision)
returns double precision
language plpgsql immutable parallel safe as $$
declare
  place double precision := part * (cardinality(elements) - 1);
begin
  return logweir.between_neighbours(
    elements[floor(place)::int + 1], elements[ceil(place)::int + 1], place - floor(place)
  );
end $$;

create or replace function logweir.percentile_cont(elements numeric[], part numeric) returns numeric
language plpgsql immutable parallel safe as $$
declare
  place numeric := part * (cardinality(elements) - 1);
begin
  return logweir.between_neighbours(
    elements[floor(place)::int + 1], elements[ceil(place)::int + 1], place - floor(place)
  );
end $$;

create or replace function logweir.percentile_disc(elements anyarray, part double precision)
returns anyelement
language plpgsql immutable parallel safe as $$
begin
  return elements[greatest(1, ceil(part * cardinality(elements))::int)];
end $$;
