-- Windows.

create or replace function logweir.percentile_cont(elements double precision[], part double precision)
returns double precision
language sql immutable parallel safe
return (
  select percentile_cont(part) within group (order by element) from unnest(elements) as e(element)
);
