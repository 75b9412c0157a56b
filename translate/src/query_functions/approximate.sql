-- Aggregates over what array_agg collected.

-- Of lists of one value: lists of a value and its number, the most frequent first.
create or replace function logweir.top_count(elements jsonb[], most bigint) returns jsonb[]
language sql immutable parallel safe
return case
  when elements is not null then array(
    select jsonb_build_array(element -> 0, count(*))
    from unnest(elements) as e(element)
    group by element
    order by count(*) desc, element
    limit most
  )
end;

-- Of lists of one value and its weights: lists of a value and their sum, the greatest first.
create or replace function logweir.top_sum(elements jsonb[], weights numeric[], most bigint)
returns jsonb[]
language sql immutable parallel safe
return case
  when elements is not null then array(
    select jsonb_build_array(element -> 0, sum(weight))
    from unnest(elements, weights) as e(element, weight)
    group by element
    order by sum(weight) desc nulls last, element
    limit most
  )
end;

create or replace function logweir.top_sum(
  elements jsonb[], weights double precision[], most bigint
) returns jsonb[]
language sql immutable parallel safe
return case
  when elements is not null then array(
    select jsonb_build_array(element -> 0, sum(weight))
    from unnest(elements, weights) as e(element, weight)
    group by element
    order by sum(weight) desc nulls last, element
    limit most
  )
end;
