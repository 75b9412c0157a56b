-- What aggregates do with what PostgreSQL's gave.

create or replace function logweir.sum_int64(total numeric) returns bigint
language sql immutable parallel safe
return case
  when total not between -9223372036854775808 and 9223372036854775807
    then logweir.fail('int64 overflow: ' || total, 0::bigint)
  else total::bigint
end;

create or replace function logweir.count_of_different(elements anyarray) returns bigint
language sql immutable parallel safe
as $$ select count(distinct element) from unnest(elements) as list(element) $$;

create or replace function logweir.join_bytes(elements bytea[], delimiter bytea) returns bytea
language sql immutable parallel safe
return (
  select string_agg(element, delimiter order by place)
  from unnest(elements) with ordinality as list(element, place)
);

-- All elements of JSON lists, one after the other.
create or replace function logweir.concat_lists(lists jsonb[]) returns jsonb
language sql immutable parallel safe
return case
  when cardinality(lists) > 0 then (
    select coalesce(jsonb_agg(element order by lists.place, elements.place), '[]')
    from unnest(lists) with ordinality as lists(list, place),
      jsonb_array_elements(list) with ordinality as elements(element, place)
  )
end;

create or replace function logweir.last(elements anyarray) returns anyelement
language sql immutable parallel safe
as $$ select elements[cardinality(elements)] $$;

-- Each element once, in the order in which they are first.
create or replace function logweir.different(elements anyarray) returns anyarray
language sql immutable parallel safe as $$
  select case when elements is not null then
    array(
      select element
      from (
        select distinct on (element) element, place
        from unnest(elements) with ordinality as list(element, place) order by element, place
      ) as firsts
      order by place
    )
  end
$$;
