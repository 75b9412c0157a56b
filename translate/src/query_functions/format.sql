-- What FORMAT makes of values. `flags` are those of the specifier, as they stand.

-- Fills up with blanks; a negative width fills up at the end, as the flag - does.
create or replace function logweir.format_padded(value text, flags text, width bigint) returns text
language sql immutable parallel safe
return case
  when width is null or char_length(value) >= abs(width) then value
  when abs(width) > 16777216 then logweir.fail('FORMAT: the width is too large: ' || width, value)
  when width < 0 or strpos(flags, '-') > 0 then rpad(value, abs(width)::int)
  else lpad(value, width::int)
end;

-- A negative precision is none.
create or replace function logweir.format_text(value text, flags text, width bigint, digits bigint)
returns text
language sql immutable parallel safe
return logweir.format_padded(
  case when digits >= 0 then left(value, least(digits, 2147483647)::int) else value end, flags, width
);

-- A sign and digits; zeros fill up between them.
create or replace function logweir.format_signed(
  negative boolean, prefix text, digits text, flags text, width bigint, zeros boolean
) returns text
language sql immutable parallel safe
return (
  select case
    when zeros and strpos(flags, '0') > 0 and strpos(flags, '-') = 0 and width <= 16777216
      and char_length(sign || digits) < width
      then sign || lpad(digits, width::int - char_length(sign), '0')
    else logweir.format_padded(sign || digits, flags, width)
  end
  from (
    select case
      when negative then '-' when strpos(flags, '+') > 0 then '+' when strpos(flags, ' ') > 0 then ' '
      else ''
    end || prefix as sign
  ) as parts
);

-- Digits in groups from the end.
create or replace function logweir.format_grouped(digits text, size int, separator text) returns text
language sql immutable parallel safe
return reverse(regexp_replace(
  reverse(digits), '(.{' || size || '})(?=.)', '\1' || separator, 'g'
));

-- d, o, x, X
create or replace function logweir.format_integer(
  value bigint, conversion text, flags text, width bigint, digits bigint
) returns text
language plpgsql immutable parallel safe as $$
declare
  written text;
  prefix text := '';
  rest bigint := value;
begin
  if value is null then return null; end if;
  if digits > 16777216 then raise exception 'FORMAT: the precision is too large: %', digits; end if;
  -- Of the least number, the digits are those of its complement too.
  if value < 0 and conversion <> 'd' and value > -9223372036854775808 then rest := -value; end if;
  case conversion
    when 'd' then written := ltrim(value::text, '-');
    when 'o' then
      written := '';
      loop
        written := (rest & 7) || written;
        rest := (rest >> 3) & 2305843009213693951;
        exit when rest = 0;
      end loop;
    when 'x' then written := to_hex(rest);
    else written := upper(to_hex(rest));
  end case;
  if digits = 0 and value = 0 then written := ''; end if;
  if digits > char_length(written) then written := lpad(written, digits::int, '0'); end if;
  if strpos(flags, '''') > 0 then
    written := case
      when conversion = 'd' then logweir.format_grouped(written, 3, ',')
      else logweir.format_grouped(written, 4, case when conversion = 'o' then ',' else ':' end)
    end;
  end if;
  if strpos(flags, '#') > 0 then
    if conversion in ('x', 'X') then prefix := '0' || conversion; end if;
    if conversion = 'o' and left(written, 1) <> '0' then written := '0' || written; end if;
  end if;
  return logweir.format_signed(
    value < 0, prefix, written, flags, width, digits is null or digits < 0
  );
end $$;

-- Halves go to the even digit, as they do for numbers of two's powers, or away from zero.
create or replace function logweir.format_rounded(value numeric, digits int, even boolean)
returns numeric
language sql immutable parallel safe
return case
  when even and abs(value - trunc(value, digits)) * 2 = ('1e' || -digits)::numeric
    and (trunc(value, digits) * ('1e' || digits)::numeric) % 2 = 0
    then trunc(value, digits)
  else round(value, digits)
end;

-- f, e and g of a finite number that is not negative, without sign.
create or replace function logweir.format_digits(
  value numeric, conversion text, digits int, even boolean, sharp boolean
) returns text
language plpgsql immutable parallel safe as $$
declare
  exponent int;
  mantissa numeric;
  written text;
begin
  if conversion = 'f' then
    return logweir.format_rounded(value, digits, even)::text
      || case when sharp and digits = 0 then '.' else '' end;
  end if;
  if conversion = 'g' then digits := greatest(digits, 1) - 1; end if;
  if value = 0 then
    exponent := 0;
    mantissa := round(0::numeric, digits);
  else
    -- The place of the first digit that is not 0.
    exponent := case
      when value >= 1 then char_length(trunc(value)::text) - 1
      else -char_length(substring(value::text from '^0\.(0*)')) - 1
    end;
    mantissa := logweir.format_rounded(value * ('1e' || -exponent)::numeric, digits, even);
    if mantissa >= 10 then
      exponent := exponent + 1;
      mantissa := round(mantissa / 10, digits);
    end if;
  end if;
  if conversion = 'g' and exponent between -4 and digits then
    written := logweir.format_rounded(value, digits - exponent, even)::text;
    if sharp then return written || case when digits = exponent then '.' else '' end; end if;
    return case when strpos(written, '.') > 0 then rtrim(rtrim(written, '0'), '.') else written end;
  end if;
  written := mantissa::text;
  if sharp and digits = 0 then written := written || '.'; end if;
  if conversion = 'g' and not sharp and strpos(written, '.') > 0 then
    written := rtrim(rtrim(written, '0'), '.');
  end if;
  return written || 'e' || case when exponent < 0 then '-' else '+' end || lpad(
    abs(exponent)::text, greatest(2, char_length(abs(exponent)::text)), '0'
  );
end $$;

-- f, F, e, E, g, G
create or replace function logweir.format_number(
  value numeric, conversion text, flags text, width bigint, digits bigint,
  even boolean default false, negative boolean default null
) returns text
language plpgsql immutable parallel safe as $$
declare
  written text;
begin
  if value is null then return null; end if;
  if digits > 1000 then raise exception 'FORMAT: the precision is too large: %', digits; end if;
  written := logweir.format_digits(
    abs(value), lower(conversion), case when digits >= 0 then digits else 6 end::int, even,
    strpos(flags, '#') > 0
  );
  if conversion <> lower(conversion) then written := upper(written); end if;
  if strpos(flags, '''') > 0 then
    written := logweir.format_grouped(split_part(written, '.', 1), 3, ',')
      || substr(written, char_length(split_part(written, '.', 1)) + 1);
  end if;
  return logweir.format_signed(coalesce(negative, value < 0), '', written, flags, width, true);
end $$;

create or replace function logweir.format_float(
  value double precision, conversion text, flags text, width bigint, digits bigint
) returns text
language sql immutable parallel safe
return case
  when value = 'NaN' then logweir.format_padded(
    case when conversion = lower(conversion) then 'nan' else 'NAN' end, flags, width
  )
  when value in ('Infinity', '-Infinity') then logweir.format_signed(
    value < 0, '', case when conversion = lower(conversion) then 'inf' else 'INF' end, flags, width, false
  )
  else logweir.format_number(
    logweir.exact(value), conversion, flags, width, digits, true, left(value::text, 1) = '-'
  )
end;

-- A FLOAT64 that can be told from an INT64.
create or replace function logweir.float_text(value double precision) returns text
language sql immutable parallel safe
return case when value::text = '-0' then '-' else '' end || logweir.text(value)
  || case when logweir.text(value) ~ '^-?[0-9]+$' then '.0' else '' end;

create or replace function logweir.float_literal(value double precision) returns text
language sql immutable parallel safe
return case
  when value in ('NaN', 'Infinity', '-Infinity') then 'CAST("' || logweir.text(value) || '" AS FLOAT64)'
  else logweir.float_text(value)
end;

-- The sign that stands around a literal: the one that is not in it, if there is one.
create or replace function logweir.quote_of(value text) returns text
language sql immutable parallel safe
return case when strpos(value, '"') > 0 and strpos(value, '''') = 0 then '''' else '"' end;

-- Text with escapes for what is not printable, the backslash, and `quote`.
create or replace function logweir.escaped(value text, quote text) returns text
language sql immutable parallel safe
return case
  when value is not null then coalesce(
    (
      select string_agg(
        case
          when c = E'\n' then '\n' when c = E'\r' then '\r' when c = E'\t' then '\t'
          when c = '\' then '\\' when c = quote then '\' || c
          when ascii(c) < 32 or ascii(c) = 127 then '\x' || lpad(to_hex(ascii(c)), 2, '0')
          else c
        end,
        '' order by place
      )
      from unnest(string_to_array(value, null)) with ordinality as characters(c, place)
    ),
    ''
  )
end;

create or replace function logweir.text_literal(value text) returns text
language sql immutable parallel safe
return logweir.quote_of(value) || logweir.escaped(value, logweir.quote_of(value)) || logweir.quote_of(value);

-- Bytes with escapes for what is not printable ASCII, the backslash, and each of `quotes`.
create or replace function logweir.escaped(value bytea, quotes text) returns text
language sql immutable parallel safe
return case
  when value is not null then coalesce(
    (
      select string_agg(
        case
          when byte not between 32 and 126 then '\x' || lpad(to_hex(byte), 2, '0')
          when strpos(quotes || '\', chr(byte)) > 0 then '\' || chr(byte)
          else chr(byte)
        end,
        '' order by place
      )
      from (
        select get_byte(value, place) as byte, place
        from generate_series(0, octet_length(value) - 1) as places(place)
      ) as bytes
    ),
    ''
  )
end;

create or replace function logweir.bytes_literal(value bytea) returns text
language sql immutable parallel safe
return (
  select 'b' || quote || logweir.escaped(value, quote) || quote
  from (
    select case when position('\x22'::bytea in value) > 0 and position('\x27'::bytea in value) = 0 then '''' else '"' end as quote
  ) as quotes
);
