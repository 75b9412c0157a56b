-- Endpoints that Logweir has put here once, so that it does not bring back what a person removed.
create table logweir_seeded_endpoints (
    name text primary key
);
-- All that came with the versions before, where a person has not emptied the table.
insert into logweir_seeded_endpoints
select name from (values ('logs.all'), ('usage.api-counts')) as known (name)
where exists (select from logweir_endpoints);
