-- What queries run as and what they may call. One statement, hence one transaction; {schema} is put
-- in by readers.rs. Roles belong to the whole cluster, so another database's process may make the
-- same one at the same time.
do $readers$
declare
    -- Postgres 16 tells membership from the right to SET ROLE.
    may_set constant text :=
        case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end;
begin
    -- Two processes that grant at once fail with "tuple concurrently updated".
    perform pg_advisory_xact_lock(hashtextextended('logweir reader', 0));
    if not exists (select from pg_roles where rolname = 'logweir_reader') then
        begin
            create role logweir_reader nologin;
        exception when duplicate_object or unique_violation then
            null;
        end;
    end if;
    if not pg_has_role(current_user, 'logweir_reader', may_set) then
        begin
            execute format('grant logweir_reader to %I', current_user);
        exception when duplicate_object or unique_violation then
            null;
        end;
    end if;
    if not has_schema_privilege('logweir_reader', '{schema}', 'usage') then
        -- Without the right to grant, this only warns.
        grant usage on schema "{schema}" to logweir_reader;
    end if;
    if not has_schema_privilege('logweir_reader', '{schema}', 'usage') then
        raise insufficient_privilege using message =
            'schema {schema} cannot be opened to logweir_reader: it belongs to another role';
    end if;
    if not has_schema_privilege('logweir_reader', 'logweir', 'usage') then
        grant usage on schema logweir to logweir_reader;
    end if;
    -- Functions are executable by everybody unless somebody has changed that default.
    if exists (
        select from pg_proc
        where pronamespace = 'logweir'::regnamespace
            and not has_function_privilege('logweir_reader', oid, 'execute')
    ) then
        grant execute on all functions in schema logweir to logweir_reader;
    end if;
end
$readers$
