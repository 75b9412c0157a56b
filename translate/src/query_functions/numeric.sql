-- NUMERIC has 38 digits, 9 of them after the point; BIGNUMERIC 76 and a part of one more, 38 of
-- them after the point. Both are carried as numeric.

create or replace function logweir.to_numeric(value numeric) returns numeric
language sql immutable parallel safe
return case
  when abs(round(value, 9)) >= 1e29 then logweir.fail('numeric overflow: ' || value, value)
  else round(value, 9)
end;

create or replace function logweir.to_bignumeric(value numeric) returns numeric
language sql immutable parallel safe
return case
  when abs(round(value, 38)) > 578960446186580977117854925043439539266.34992332820282019728792003956564819968
    then logweir.fail('BIGNUMERIC overflow: ' || value, value)
  else round(value, 38)
end;

create or replace function logweir.safe_to_numeric(value numeric) returns numeric
language sql immutable parallel safe
return case when abs(round(value, 9)) < 1e29 then round(value, 9) end;

create or replace function logweir.safe_to_bignumeric(value numeric) returns numeric
language sql immutable parallel safe
return case
  when abs(round(value, 38)) <= 578960446186580977117854925043439539266.34992332820282019728792003956564819968
    then round(value, 38)
end;

-- The scale of a quotient is that of its operands: more digits than are kept.
create or replace function logweir.divide_numeric(dividend numeric, divisor numeric) returns numeric
language sql immutable parallel safe
return case
  when divisor = 0 and dividend is not null then logweir.fail_division(dividend, divisor)
  else logweir.to_numeric(round(dividend, 20) / nullif(divisor, 0))
end;

create or replace function logweir.divide_bignumeric(dividend numeric, divisor numeric)
returns numeric
language sql immutable parallel safe
return case
  when divisor = 0 and dividend is not null then logweir.fail_division(dividend, divisor)
  else logweir.to_bignumeric(round(dividend, 60) / nullif(divisor, 0))
end;

create or replace function logweir.safe_numeric(value text) returns numeric
language sql immutable parallel safe
return case
  when value ~ '^\s*[-+]?([0-9]{1,80}(\.[0-9]{0,80})?|\.[0-9]{1,80})([eE][-+]?[0-9]{1,2})?\s*$'
    then logweir.safe_to_numeric(value::numeric)
end;

create or replace function logweir.safe_bignumeric(value text) returns numeric
language sql immutable parallel safe
return case
  when value ~ '^\s*[-+]?([0-9]{1,80}(\.[0-9]{0,80})?|\.[0-9]{1,80})([eE][-+]?[0-9]{1,2})?\s*$'
    then logweir.safe_to_bignumeric(value::numeric)
end;

create or replace function logweir.text_to_numeric(value text) returns numeric
language sql immutable parallel safe
return case
  when value is not null and logweir.safe_numeric(value) is null
    then logweir.fail('Invalid NUMERIC value: ' || left(value, 100), null::numeric)
  else logweir.safe_numeric(value)
end;

create or replace function logweir.text_to_bignumeric(value text) returns numeric
language sql immutable parallel safe
return case
  when value is not null and logweir.safe_bignumeric(value) is null
    then logweir.fail('Invalid BIGNUMERIC value: ' || left(value, 100), null::numeric)
  else logweir.safe_bignumeric(value)
end;

-- Half away from zero.
create or replace function logweir.round(value numeric, digits bigint default 0) returns numeric
language sql immutable parallel safe
return case
  when digits is null then null
  when digits > 38 then value
  when digits < -40 then 0
  else round(value, digits::int)
end;
