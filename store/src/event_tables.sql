-- Makes an event table and its partitions. One statement, hence one transaction and one round trip;
-- {schema}, {table} and {days} are put in by event_tables.rs.
do $event_tables$
declare
    schema_name constant text := '{schema}';
    table_name constant text := '{table}';
    parent constant text := format('%I.%I', schema_name, table_name);
    others constant text := format('%I.%I', schema_name, table_name || '_default');
    columns constant text := 'id, body, event_message, "timestamp"';
    day date;
    part text;
begin
    -- A statement that waits for a lock makes those that come later wait too.
    perform set_config('lock_timeout', '2s', true);
    perform pg_advisory_xact_lock(hashtextextended('logweir ' || parent, 0));

    if to_regclass(parent) is null then
        execute format(
            'create table %s (id text not null, body jsonb not null, event_message text,'
            ' "timestamp" timestamp not null) partition by range ("timestamp")', parent);
        -- BigQuery's order, in which the newest rows are asked for: NULLs last when descending.
        execute format('create index on %s ("timestamp" desc nulls last)', parent);
        execute format('create index on %s using hash (id)', parent);
    end if;
    if to_regclass(others) is null then
        execute format('create table %s partition of %s default', others, parent);
    end if;

    foreach day in array array[{days}]::date[] loop
        part := format('%I.%I', schema_name, table_name || '_p' || to_char(day, 'YYYYMMDD'));
        continue when to_regclass(part) is not null;
        -- A table of a longer time that somebody attached takes the day's events, or most of them.
        continue when exists (
            select from (
                select pg_get_expr(partitions.relpartbound, partitions.oid) as bound
                from pg_inherits
                join pg_class as partitions on partitions.oid = pg_inherits.inhrelid
                where pg_inherits.inhparent = to_regclass(parent)) as bounds
            where bound <> 'DEFAULT'
                and coalesce(substring(bound from $re$FROM \('([^']+)'\)$re$)::timestamp,
                    '-infinity') < day + 1
                and coalesce(substring(bound from $re$TO \('([^']+)'\)$re$)::timestamp,
                    'infinity') > day);
        -- Attaching leaves the parent readable and writable; only the default partition, which may
        -- hold rows of the new day, has to stand still.
        execute format('lock table %s in access exclusive mode', others);
        execute format('create table %s (like %s)', part, parent);
        execute format(
            'with moved as (delete from %s where "timestamp" >= %L and "timestamp" < %L'
            ' returning %4$s) insert into %5$s (%4$s) select %4$s from moved',
            others, day, day + 1, columns, part);
        execute format(
            'alter table %s attach partition %s for values from (%L) to (%L)',
            parent, part, day, day + 1);
    end loop;

    -- Readers see the event tables, through the parent, and nothing else.
    if exists (select from pg_roles where rolname = 'logweir_reader')
        and not has_table_privilege('logweir_reader', parent, 'SELECT')
    then
        execute format('grant select on %s to logweir_reader', parent);
    end if;
end
$event_tables$
