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

-- What a function gives, or its error: it gave NULL of what is none.
create or replace function logweir.float_result(
  result double precision, name text, argument double precision
) returns double precision
language sql immutable parallel safe
return case
  when result is null and argument is not null
    then logweir.fail(
      'Floating point error in function: ' || name || '(' || logweir.text(argument) || ')', argument
    )
  else result
end;

create or replace function logweir.float_result(
  result double precision, name text, one double precision, other double precision
) returns double precision
language sql immutable parallel safe
return case
  when result is null and one is not null and other is not null
    then logweir.fail(
      'Floating point error in function: ' || name || '(' || logweir.text(one) || ', '
        || logweir.text(other) || ')',
      one
    )
  else result
end;

create or replace function logweir.is_finite(value double precision) returns boolean
language sql immutable parallel safe
return value not in ('NaN', 'Infinity', '-Infinity');

create or replace function logweir.safe_sqrt(value double precision) returns double precision
language sql immutable parallel safe
return case when value >= 0 then sqrt(value) end;

create or replace function logweir.sqrt(value double precision) returns double precision
language sql immutable parallel safe
return case
  when value < 0
    then logweir.fail('Argument to SQRT cannot be negative: ' || logweir.text(value), value)
  else sqrt(value)
end;

create or replace function logweir.safe_ln(value double precision) returns double precision
language sql immutable parallel safe
return case when value = '-Infinity' then 'NaN'::double precision when value > 0 then ln(value) end;

create or replace function logweir.safe_log10(value double precision) returns double precision
language sql immutable parallel safe
return case when value = '-Infinity' then 'NaN'::double precision when value > 0 then log(value) end;

create or replace function logweir.safe_log(value double precision, base double precision)
returns double precision
language sql immutable parallel safe
return case
  when value = 'NaN' or base = 'NaN' then 'NaN'
  when value = '-Infinity' or base = '-Infinity' or (base = 'Infinity' and value > 0) then 'NaN'
  when value > 0 and base > 0 and base <> 1 then ln(value) / ln(base)
end;

create or replace function logweir.safe_exp(value double precision) returns double precision
language sql immutable parallel safe
return case
  when not logweir.is_finite(value) then exp(value)
  when value < -745.13 then 0
  when value <= 709.782712893384 then exp(value)
end;

-- PostgreSQL fails of what is too small as well.
create or replace function logweir.safe_pow(base double precision, exponent double precision)
returns double precision
language sql immutable parallel safe
return case
  when base is null or exponent is null then null
  when base = 1 or exponent = 0 then 1
  when base = '-Infinity' and exponent <> trunc(exponent) then power('Infinity', exponent)
  when not logweir.is_finite(base) or not logweir.is_finite(exponent) then power(base, exponent)
  when base = 0 then case when exponent > 0 then power(base, exponent) end
  when base < 0 and exponent <> trunc(exponent) then null
  when exponent::numeric * ln(abs(base))::numeric > 709.7827128933841 then null
  when exponent::numeric * ln(abs(base))::numeric < -745.13 then 0
  else power(base, exponent)
end;

-- The root of the library is off by one place at times: 3.0000000000000004 of 27.
create or replace function logweir.cbrt(value double precision) returns double precision
language sql immutable parallel safe
return case
  when abs(value) between 1e-90 and 1e90
    then cbrt(value) - (cbrt(value) * cbrt(value) * cbrt(value) - value) / (3 * cbrt(value) * cbrt(value))
  else cbrt(value)
end;

create or replace function logweir.sin(value double precision) returns double precision
language sql immutable parallel safe
return case when logweir.is_finite(value) then sin(value) else value - value end;

create or replace function logweir.cos(value double precision) returns double precision
language sql immutable parallel safe
return case when logweir.is_finite(value) then cos(value) else value - value end;

create or replace function logweir.tan(value double precision) returns double precision
language sql immutable parallel safe
return case when logweir.is_finite(value) then tan(value) else value - value end;

create or replace function logweir.safe_asin(value double precision) returns double precision
language sql immutable parallel safe
return case
  when not logweir.is_finite(value) then 'NaN'::double precision
  when abs(value) <= 1 then asin(value)
end;

create or replace function logweir.safe_acos(value double precision) returns double precision
language sql immutable parallel safe
return case
  when not logweir.is_finite(value) then 'NaN'::double precision
  when abs(value) <= 1 then acos(value)
end;

create or replace function logweir.safe_acosh(value double precision) returns double precision
language sql immutable parallel safe
return case
  when value = '-Infinity' then 'NaN'::double precision
  when value >= 1 then acosh(value)
end;

create or replace function logweir.safe_atanh(value double precision) returns double precision
language sql immutable parallel safe
return case
  when not logweir.is_finite(value) then 'NaN'::double precision
  when abs(value) < 1 then atanh(value)
end;

create or replace function logweir.safe_sinh(value double precision) returns double precision
language sql immutable parallel safe
return case
  when not logweir.is_finite(value) or logweir.is_finite(sinh(value)) then sinh(value)
end;

create or replace function logweir.safe_cosh(value double precision) returns double precision
language sql immutable parallel safe
return case
  when not logweir.is_finite(value) or logweir.is_finite(cosh(value)) then cosh(value)
end;

create or replace function logweir.safe_reciprocal(value double precision) returns double precision
language sql immutable parallel safe
return case when value <> 0 then 1 / value end;

create or replace function logweir.sign(value double precision) returns double precision
language sql immutable parallel safe
return case when value = 'NaN' then value else sign(value) end;

create or replace function logweir.trunc(value double precision, digits bigint default 0)
returns double precision
language sql immutable parallel safe
return case
  when value is null or digits is null then null
  when not logweir.is_finite(value) or digits > 330 then value
  when digits < -330 then 0
  else trunc(logweir.exact(value), digits::int)::double precision
end;

create or replace function logweir.abs(value bigint) returns bigint
language sql immutable parallel safe
return case
  when value = -9223372036854775808
    then logweir.fail('int64 overflow: ABS(' || value || ')', value)
  else abs(value)
end;

create or replace function logweir.div(dividend bigint, divisor bigint) returns bigint
language sql immutable parallel safe
return case
  when divisor = 0 and dividend is not null then logweir.fail_division(dividend, divisor)
  when divisor = -1 and dividend = -9223372036854775808
    then logweir.fail('int64 overflow: ' || dividend || ' / ' || divisor, dividend)
  else dividend / nullif(divisor, 0)
end;

create or replace function logweir.mod(dividend bigint, divisor bigint) returns bigint
language sql immutable parallel safe
return case
  when divisor = 0 and dividend is not null then logweir.fail_division(dividend, divisor)
  else mod(dividend, nullif(divisor, 0))
end;

create or replace function logweir.safe_add(one bigint, other bigint) returns bigint
language sql immutable parallel safe
return case
  when one::numeric + other between -9223372036854775808 and 9223372036854775807 then one + other
end;

create or replace function logweir.safe_subtract(one bigint, other bigint) returns bigint
language sql immutable parallel safe
return case
  when one::numeric - other between -9223372036854775808 and 9223372036854775807 then one - other
end;

create or replace function logweir.safe_multiply(one bigint, other bigint) returns bigint
language sql immutable parallel safe
return case
  when one::numeric * other between -9223372036854775808 and 9223372036854775807 then one * other
end;

-- Halves of sums do not exceed.
create or replace function logweir.safe_add(one double precision, other double precision)
returns double precision
language sql immutable parallel safe
return case
  when not logweir.is_finite(one) or not logweir.is_finite(other)
    or abs(one) < 1e-290 or abs(other) < 1e-290 or abs(one / 2 + other / 2) <= 8.988465674311579e307 then one + other
end;

create or replace function logweir.safe_subtract(one double precision, other double precision)
returns double precision
language sql immutable parallel safe
return logweir.safe_add(one, - other);

-- The greatest number and half of the step to what would be the next.
create or replace function logweir.safe_to_float64(value numeric) returns double precision
language sql immutable parallel safe
return case
  when abs(value) < 2.4703282292062328e-324 then 0
  when abs(value) < 179769313486231580793e288 then value::double precision
end;

create or replace function logweir.safe_multiply(one double precision, other double precision)
returns double precision
language sql immutable parallel safe
return case
  when one = 0 or other = 0 or not logweir.is_finite(one) or not logweir.is_finite(other)
    or (abs(one) between 1e-150 and 1e150 and abs(other) between 1e-150 and 1e150) then one * other
  else logweir.safe_to_float64(logweir.exact(one) * logweir.exact(other))
end;

create or replace function logweir.safe_divide(one double precision, other double precision)
returns double precision
language sql immutable parallel safe
return case
  when other = 0 then null
  when one = 0 or not logweir.is_finite(one) or not logweir.is_finite(other)
    or (abs(one) between 1e-150 and 1e150 and abs(other) between 1e-150 and 1e150) then one / other
  else logweir.safe_to_float64(
    round(logweir.exact(one), 1500) / logweir.exact(other)
  )
end;

create or replace function logweir.ieee_divide(dividend double precision, divisor double precision)
returns double precision
language sql immutable parallel safe
return case
  when dividend is null or divisor is null then null
  when divisor = 0 and (dividend = 0 or dividend = 'NaN') then 'NaN'
  when divisor = 0 and (dividend > 0) = (divisor::text = '0') then 'Infinity'
  when divisor = 0 then '-Infinity'
  else coalesce(
    logweir.safe_divide(dividend, divisor),
    case when (dividend > 0) = (divisor > 0) then 'Infinity'::double precision else '-Infinity' end
  )
end;

create or replace function logweir.greatest(variadic elements double precision[])
returns double precision
language sql immutable parallel safe
return (
  select case when bool_or(e is null) then null else max(e) end from unnest(elements) as list(e)
);

create or replace function logweir.least(variadic elements double precision[])
returns double precision
language sql immutable parallel safe
return (
  select case
    when bool_or(e is null) then null
    when bool_or(e = 'NaN') then 'NaN'
    else min(e)
  end
  from unnest(elements) as list(e)
);

create or replace function logweir.range_bucket(point anycompatible, bounds anycompatiblearray)
returns bigint
language plpgsql immutable parallel safe as $$
declare
  bucket bigint := 0;
begin
  if point is null or bounds is null or point::text = 'NaN' then return null; end if;
  for place in 1 .. cardinality(bounds) loop
    if bounds[place] is null then
      raise exception 'Elements in input array to RANGE_BUCKET must not be NULL' using errcode = '22000';
    end if;
    if place > 1 and bounds[place] < bounds[place - 1] then
      raise exception 'Elements in input array to RANGE_BUCKET must be in ascending order'
        using errcode = '22000';
    end if;
    if bounds[place] <= point then bucket := place; end if;
  end loop;
  return bucket;
end $$;

-- The sums over two vectors that distances are made of.
create or replace function logweir.check_vectors(one double precision[], other double precision[])
returns boolean
language plpgsql immutable parallel safe as $$
begin
  if one is null or other is null then return null; end if;
  if cardinality(one) <> cardinality(other) then
    raise exception 'Array length mismatch: % and %.', cardinality(one), cardinality(other)
      using errcode = '22000';
  end if;
  if array_position(one, null) is not null or array_position(other, null) is not null then
    raise exception 'NULL array element' using errcode = '22000';
  end if;
  return true;
end $$;

create or replace function logweir.euclidean_distance(
  one double precision[], other double precision[]
) returns double precision
language sql immutable parallel safe
return case
  when logweir.check_vectors(one, other) then (
    select coalesce(sqrt(sum((a - b) * (a - b))), 0) from unnest(one, other) as pairs(a, b)
  )
end;

create or replace function logweir.cosine_distance(
  one double precision[], other double precision[]
) returns double precision
language sql immutable parallel safe
return case
  when logweir.check_vectors(one, other) then (
    select case
      when coalesce(sum(a * a), 0) = 0 or coalesce(sum(b * b), 0) = 0
        then logweir.fail(
          'Cannot compute cosine distance against zero vector.' || left(sum(a)::text, 0), sum(a)
        )
      else 1 - sum(a * b) / (sqrt(sum(a * a)) * sqrt(sum(b * b)))
    end
    from unnest(one, other) as pairs(a, b)
  )
end;
