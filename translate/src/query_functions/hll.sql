-- Sketches of different values: JSON lists of them.

create or replace function logweir.sketch(elements jsonb[]) returns bytea
language sql immutable parallel safe
return convert_to(to_jsonb(elements)::text, 'UTF8');

create or replace function logweir.sketch_size(sketch bytea) returns bigint
language sql immutable parallel safe
return coalesce(jsonb_array_length(convert_from(sketch, 'UTF8')::jsonb), 0);

create or replace function logweir.merge_sketches(sketches bytea[]) returns bytea
language sql immutable parallel safe
return logweir.sketch((
  select array_agg(distinct element)
  from unnest(sketches) as list(sketch),
    jsonb_array_elements(convert_from(sketch, 'UTF8')::jsonb) as elements(element)
));
