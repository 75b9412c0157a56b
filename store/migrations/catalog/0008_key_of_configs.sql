-- The key that encrypts backends' configs, by a fingerprint from which nobody finds it: processes
-- with another key notice. Null until one has made its key that of the catalog.
create table logweir_config_key (
    fingerprint bytea
);
insert into logweir_config_key values (null);
