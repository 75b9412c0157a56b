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

-- The quotient without its fraction.
create or replace function logweir.div(dividend numeric, divisor numeric) returns numeric
language sql immutable parallel safe
return case
  when divisor = 0 and dividend is not null then logweir.fail_division(dividend, divisor)
  else div(dividend, nullif(divisor, 0))
end;

create or replace function logweir.mod(dividend numeric, divisor numeric) returns numeric
language sql immutable parallel safe
return case
  when divisor = 0 and dividend is not null then logweir.fail_division(dividend, divisor)
  else mod(dividend, nullif(divisor, 0))
end;

create or replace function logweir.trunc(value numeric, digits bigint default 0) returns numeric
language sql immutable parallel safe
return case
  when digits is null then null
  when digits > 38 then value
  when digits < -40 then 0
  else trunc(value, digits::int)
end;

create or replace function logweir.round(value numeric, digits bigint, mode text) returns numeric
language sql immutable parallel safe
return case
  when mode = 'ROUND_HALF_AWAY_FROM_ZERO' then logweir.round(value, digits)
  when mode = 'ROUND_HALF_EVEN' then case
    -- Only what lies half between two differs.
    when digits between -40 and 38
      and abs(value - logweir.trunc(value, digits)) * 2 = ('1e' || - digits)::numeric
      and mod(logweir.trunc(value, digits) / ('1e' || - digits)::numeric, 2) = 0
      then logweir.trunc(value, digits)
    else logweir.round(value, digits)
  end
  when mode is not null and value is not null
    then logweir.fail('Invalid rounding_mode: ' || mode, value)
end;

-- Roots, powers and logarithms: as many digits as `digits` are right. NULL where there is none.
create or replace function logweir.safe_sqrt(value numeric, digits int) returns numeric
language sql immutable parallel safe
return case when value >= 0 then sqrt(round(value, digits)) end;

create or replace function logweir.cbrt(value numeric, digits int) returns numeric
language sql immutable parallel safe
return case
  when value = 0 then value
  else sign(value) * power(round(abs(value), digits), round(1, digits) / 3)
end;

create or replace function logweir.safe_ln(value numeric, digits int) returns numeric
language sql immutable parallel safe
return case when value > 0 then ln(round(value, digits)) end;

create or replace function logweir.safe_log(value numeric, base numeric, digits int) returns numeric
language sql immutable parallel safe
return case
  when value > 0 and base > 0 and base <> 1 then ln(round(value, digits)) / ln(round(base, digits))
end;

create or replace function logweir.safe_exp(value numeric, digits int) returns numeric
language sql immutable parallel safe
return case when value < -200 then 0 when value < 120 then exp(round(value, digits)) end;

create or replace function logweir.safe_pow(base numeric, exponent numeric, digits int)
returns numeric
language sql immutable parallel safe
return case
  when base is null or exponent is null then null
  when exponent = 0 or base = 1 then 1
  when base = 0 then case when exponent > 0 then 0 end
  when base < 0 and exponent <> trunc(exponent) then null
  when exponent * ln(abs(base)) > 120 then null
  when exponent * ln(abs(base)) < -200 then 0
  else power(round(base, digits), round(exponent, digits))
end;

-- What a function gives, or its error: it gave NULL of what is none.
create or replace function logweir.numeric_result(result numeric, name text, argument numeric)
returns numeric
language sql immutable parallel safe
return case
  when result is null and argument is not null
    then logweir.fail(
      name || ' is undefined or out of range: ' || name || '(' || trim_scale(argument) || ')',
      argument
    )
  else result
end;

create or replace function logweir.numeric_result(
  result numeric, name text, one numeric, other numeric
) returns numeric
language sql immutable parallel safe
return case
  when result is null and one is not null and other is not null
    then logweir.fail(
      name || ' is undefined or out of range: ' || name || '(' || trim_scale(one) || ', '
        || trim_scale(other) || ')',
      one
    )
  else result
end;
