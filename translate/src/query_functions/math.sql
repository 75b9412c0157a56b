-- Numbers.

-- The exact decimal value: a cast to numeric would keep 15 digits only.
create or replace function logweir.exact(value double precision) returns numeric
language plpgsql immutable parallel safe as $$
declare
  bits bigint := ('x' || encode(float8send(value), 'hex'))::bit(64)::bigint;
  exponent int := ((bits >> 52) & 2047)::int;
  mantissa numeric := (bits & 4503599627370495)::numeric;
begin
  if exponent = 0 then exponent := -1074;
  else mantissa := mantissa + 4503599627370496; exponent := exponent - 1075; end if;
  if bits < 0 then mantissa := -mantissa; end if;
  if exponent >= 0 then return mantissa * (2::numeric ^ exponent); end if;
  -- 2^-k = 5^k * 10^-k
  return mantissa * round(5::numeric ^ (-exponent)) * ('1e' || exponent)::numeric;
end $$;

-- Half away from zero, on the exact value.
create or replace function logweir.round(value double precision, digits bigint default 0)
returns double precision
language sql immutable parallel safe
return case
  when value is null or digits is null then null
  when value in ('NaN', 'Infinity', '-Infinity') or digits > 330 then value
  when digits < -330 then 0
  else round(logweir.exact(value), digits::int)::double precision
end;

create or replace function logweir.round_to_int64(value double precision) returns bigint
language sql immutable parallel safe
return round(logweir.exact(value))::bigint;

create or replace function logweir.safe_round_to_int64(value double precision) returns bigint
language sql immutable parallel safe
return case
  when value > -9223372036854775809::double precision and value < 9223372036854775807::double precision
    then round(logweir.exact(value))::bigint
end;

create or replace function logweir.divide(dividend double precision, divisor double precision)
returns double precision
language sql immutable parallel safe
return case
  when divisor = 0 and dividend is not null then logweir.fail_division(dividend, divisor)
  else dividend / nullif(divisor, 0)
end;

create or replace function logweir.finite(value double precision) returns numeric
language sql immutable parallel safe
return case
  when value in ('NaN', 'Infinity', '-Infinity')
    then logweir.fail('Illegal conversion of non-finite floating point number: ' || value, 0::numeric)
  else logweir.exact(value)
end;

create or replace function logweir.safe_finite(value double precision) returns numeric
language sql immutable parallel safe
return case
  when value not in ('NaN', 'Infinity', '-Infinity') then logweir.exact(value)
end;
