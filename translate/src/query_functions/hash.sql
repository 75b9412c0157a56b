-- Hashes that PostgreSQL has not. Numbers of 64 bits are carried as bigint.

create or replace function logweir.sha1(value bytea) returns bytea
language plpgsql immutable parallel safe as $$
declare
  mask constant bigint := 4294967295;
  size int := octet_length(value);
  padded bytea := value || '\x80' || decode(repeat('00', (119 - size % 64) % 64), 'hex') || int8send(size::bigint * 8);
  h0 bigint := 1732584193; h1 bigint := 4023233417; h2 bigint := 2562383102;
  h3 bigint := 271733878; h4 bigint := 3285377520;
  a bigint; b bigint; c bigint; d bigint; e bigint; f bigint; k bigint; word bigint;
  words bigint[];
begin
  if value is null then return null; end if;
  for block in 0 .. octet_length(padded) / 64 - 1 loop
    words := '{}';
    for i in 1 .. 80 loop
      if i <= 16 then
        word := ('x' || encode(substring(padded from block * 64 + i * 4 - 3 for 4), 'hex'))::bit(32)::bigint & mask;
      else
        word := words[i - 3] # words[i - 8] # words[i - 14] # words[i - 16];
        word := ((word << 1) | (word >> 31)) & mask;
      end if;
      words[i] := word;
    end loop;
    a := h0; b := h1; c := h2; d := h3; e := h4;
    for i in 1 .. 80 loop
      if i <= 20 then f := (b & c) | (~b & mask & d); k := 1518500249;
      elsif i <= 40 then f := b # c # d; k := 1859775393;
      elsif i <= 60 then f := (b & c) | (b & d) | (c & d); k := 2400959708;
      else f := b # c # d; k := 3395469782;
      end if;
      word := (((a << 5) | (a >> 27)) & mask) + f + e + k + words[i];
      e := d; d := c; c := ((b << 30) | (b >> 2)) & mask; b := a; a := word & mask;
    end loop;
    h0 := (h0 + a) & mask; h1 := (h1 + b) & mask; h2 := (h2 + c) & mask;
    h3 := (h3 + d) & mask; h4 := (h4 + e) & mask;
  end loop;
  return decode(
    lpad(to_hex(h0), 8, '0') || lpad(to_hex(h1), 8, '0') || lpad(to_hex(h2), 8, '0')
    || lpad(to_hex(h3), 8, '0') || lpad(to_hex(h4), 8, '0'),
    'hex'
  );
end $$;

-- The last 64 bits of a whole number.
create or replace function logweir.wrap64(value numeric) returns bigint
language sql immutable parallel safe
return (
  mod(mod(value, 18446744073709551616) + 18446744073709551616 + 9223372036854775808, 18446744073709551616)
  - 9223372036854775808
)::bigint;

create or replace function logweir.rotate64(value bigint, by int) returns bigint
language sql immutable parallel safe
return ((value >> by) & ((1::bigint << (64 - by)) - 1)) | (value << (64 - by));

create or replace function logweir.shift_mix(value bigint) returns bigint
language sql immutable parallel safe
return value # ((value >> 47) & 131071);

-- Eight bytes from a place on (from 0), the least first.
create or replace function logweir.word64(value bytea, place int) returns bigint
language sql immutable parallel safe
return get_byte(value, place)::bigint
  | (get_byte(value, place + 1)::bigint << 8)
  | (get_byte(value, place + 2)::bigint << 16)
  | (get_byte(value, place + 3)::bigint << 24)
  | (get_byte(value, place + 4)::bigint << 32)
  | (get_byte(value, place + 5)::bigint << 40)
  | (get_byte(value, place + 6)::bigint << 48)
  | (get_byte(value, place + 7)::bigint << 56);

create or replace function logweir.farm_pair(one bigint, other bigint, mul bigint) returns bigint
language plpgsql immutable parallel safe as $$
declare
  a bigint := logweir.shift_mix(logweir.wrap64((one # other)::numeric * mul));
begin
  return logweir.wrap64(
    logweir.shift_mix(logweir.wrap64((other # a)::numeric * mul))::numeric * mul
  );
end $$;

-- Mixes 32 bytes into two numbers.
create or replace function logweir.farm_weak(value bytea, place int, one bigint, other bigint)
returns bigint[]
language plpgsql immutable parallel safe as $$
declare
  z bigint := logweir.word64(value, place + 24);
  a bigint := logweir.wrap64(one::numeric + logweir.word64(value, place));
  b bigint := logweir.rotate64(logweir.wrap64(other::numeric + a + z), 21);
  c bigint := a;
begin
  a := logweir.wrap64(a::numeric + logweir.word64(value, place + 8) + logweir.word64(value, place + 16));
  b := logweir.wrap64(b::numeric + logweir.rotate64(a, 44));
  return array[logweir.wrap64(a::numeric + z), logweir.wrap64(b::numeric + c)];
end $$;

-- FarmHash's Fingerprint64.
create or replace function logweir.farm_fingerprint(value bytea) returns bigint
language plpgsql immutable parallel safe as $$
declare
  k0 constant bigint := -4348849565147123417;
  k1 constant bigint := -5435081209227447693;
  k2 constant bigint := -7286425919675154353;
  size int := octet_length(value);
  mul bigint := logweir.wrap64(k2::numeric + size * 2);
  a bigint; b bigint; c bigint; d bigint; e bigint; f bigint; g bigint; h bigint;
  x bigint; y bigint; z bigint;
  v bigint[] := '{0,0}';
  w bigint[] := '{0,0}';
  place int := 0;
  last int;
begin
  if value is null then return null; end if;
  if size = 0 then return k2; end if;
  if size < 4 then
    y := get_byte(value, 0) + (get_byte(value, size / 2) << 8);
    z := size + (get_byte(value, size - 1) << 2);
    return logweir.wrap64(
      logweir.shift_mix(logweir.wrap64(y::numeric * k2) # logweir.wrap64(z::numeric * k0))::numeric * k2
    );
  end if;
  if size < 8 then
    a := logweir.word64(value || '\x00000000', 0) & 4294967295;
    b := logweir.word64(value || '\x00000000', size - 4) & 4294967295;
    return logweir.farm_pair(size + (a << 3), b, mul);
  end if;
  if size <= 16 then
    a := logweir.wrap64(logweir.word64(value, 0)::numeric + k2);
    b := logweir.word64(value, size - 8);
    c := logweir.wrap64(logweir.rotate64(b, 37)::numeric * mul + a);
    d := logweir.wrap64((logweir.rotate64(a, 25)::numeric + b) * mul);
    return logweir.farm_pair(c, d, mul);
  end if;
  if size <= 64 then
    a := logweir.wrap64(logweir.word64(value, 0)::numeric * case when size <= 32 then k1 else k2 end);
    b := logweir.word64(value, 8);
    c := logweir.wrap64(logweir.word64(value, size - 8)::numeric * mul);
    d := logweir.wrap64(logweir.word64(value, size - 16)::numeric * k2);
    y := logweir.wrap64(
      logweir.rotate64(logweir.wrap64(a::numeric + b), 43)::numeric + logweir.rotate64(c, 30) + d
    );
    z := logweir.farm_pair(
      y,
      logweir.wrap64(a::numeric + logweir.rotate64(logweir.wrap64(b::numeric + k2), 18) + c),
      mul
    );
    if size <= 32 then return z; end if;
    e := logweir.wrap64(logweir.word64(value, 16)::numeric * mul);
    f := logweir.word64(value, 24);
    g := logweir.wrap64((y::numeric + logweir.word64(value, size - 32)) * mul);
    h := logweir.wrap64((z::numeric + logweir.word64(value, size - 24)) * mul);
    return logweir.farm_pair(
      logweir.wrap64(
        logweir.rotate64(logweir.wrap64(e::numeric + f), 43)::numeric + logweir.rotate64(g, 30) + h
      ),
      logweir.wrap64(e::numeric + logweir.rotate64(logweir.wrap64(f::numeric + a), 18) + g),
      mul
    );
  end if;
  x := 81;
  y := logweir.wrap64(81::numeric * k1 + 113);
  z := logweir.wrap64(logweir.shift_mix(logweir.wrap64(y::numeric * k2 + 113))::numeric * k2);
  x := logweir.wrap64(x::numeric * k2 + logweir.word64(value, 0));
  last := (size - 1) / 64 * 64;
  mul := k1;
  -- All blocks of 64 bytes, then the last 64 bytes once more with another factor.
  loop
    if place = last then
      mul := logweir.wrap64(k1::numeric + ((z & 255) << 1));
      place := size - 64;
      w[1] := logweir.wrap64(w[1]::numeric + ((size - 1) & 63));
      v[1] := logweir.wrap64(v[1]::numeric + w[1]);
      w[1] := logweir.wrap64(w[1]::numeric + v[1]);
      last := -1;
    end if;
    x := logweir.wrap64(
      logweir.rotate64(logweir.wrap64(x::numeric + y + v[1] + logweir.word64(value, place + 8)), 37)::numeric * mul
    );
    y := logweir.wrap64(
      logweir.rotate64(logweir.wrap64(y::numeric + v[2] + logweir.word64(value, place + 48)), 42)::numeric * mul
    );
    if last = -1 then
      x := x # logweir.wrap64(w[2]::numeric * 9);
      y := logweir.wrap64(y::numeric + v[1]::numeric * 9 + logweir.word64(value, place + 40));
    else
      x := x # w[2];
      y := logweir.wrap64(y::numeric + v[1] + logweir.word64(value, place + 40));
    end if;
    z := logweir.wrap64(logweir.rotate64(logweir.wrap64(z::numeric + w[1]), 33)::numeric * mul);
    v := logweir.farm_weak(
      value, place, logweir.wrap64(v[2]::numeric * mul), logweir.wrap64(x::numeric + w[1])
    );
    w := logweir.farm_weak(
      value, place + 32, logweir.wrap64(z::numeric + w[2]),
      logweir.wrap64(y::numeric + logweir.word64(value, place + 16))
    );
    a := z; z := x; x := a;
    exit when last = -1;
    place := place + 64;
  end loop;
  return logweir.farm_pair(
    logweir.wrap64(
      logweir.farm_pair(v[1], w[1], mul)::numeric + logweir.shift_mix(y)::numeric * k0 + z
    ),
    logweir.wrap64(logweir.farm_pair(v[2], w[2], mul)::numeric + x),
    mul
  );
end $$;
