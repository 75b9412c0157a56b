-- PARSE_NUMERIC and PARSE_BIGNUMERIC.

create or replace function logweir.safe_parse_numeric(value text) returns numeric
language sql immutable parallel safe
return logweir.safe_to_numeric(logweir.plain_number(value)::numeric);

create or replace function logweir.safe_parse_bignumeric(value text) returns numeric
language sql immutable parallel safe
return logweir.safe_to_bignumeric(logweir.plain_number(value)::numeric);

create or replace function logweir.parse_numeric(value text) returns numeric
language sql immutable parallel safe
return case
  when value is not null and logweir.safe_parse_numeric(value) is null then logweir.fail(
    'Invalid input to PARSE_NUMERIC: "' || left(value, 100) || '"', null::numeric
  )
  else logweir.safe_parse_numeric(value)
end;

create or replace function logweir.parse_bignumeric(value text) returns numeric
language sql immutable parallel safe
return case
  when value is not null and logweir.safe_parse_bignumeric(value) is null then logweir.fail(
    'Invalid input to PARSE_BIGNUMERIC: "' || left(value, 100) || '"', null::numeric
  )
  else logweir.safe_parse_bignumeric(value)
end;
