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
