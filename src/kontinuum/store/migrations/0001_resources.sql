-- The record: resources, their superseded versions and the search index.
-- docs/storage.md explains every table with a worked example.
set local lock_timeout = '4s';
set local statement_timeout = '5s';

create extension if not exists pg_trgm;

-- Which care unit and care provider (HSA-ids) are accountable for a resource. One row for each pair.
create table accountable (
    id        integer generated always as identity primary key,
    unit      text collate "C" not null,
    provider  text collate "C" not null,
    unique (provider, unit)
);

-- The current version of every resource. `body` is the JSON as it is sent, null after a deletion.
-- Columns stand in the order of their alignment, the widest first, so that no padding is stored.
create table resource (
    key          bigint   not null,
    sort         bigint   not null,              -- clinical date, else time of writing, in microseconds
    updated      bigint   not null,              -- time of writing, in microseconds
    accountable  integer  not null,
    version      integer  not null,
    bucket       smallint not null,              -- distribution key: a bucket of the patient
    type         smallint not null,
    id           text collate "C" not null,
    patient      text collate "C",               -- id of the Patient whose compartment this is in
    hashes       bigint[] not null,              -- every exact-match search value, 64-bit hashes
    body         bytea,
    primary key (bucket, key)
);
-- Compress bodies within the row (main): a read is one page, never a detour through the TOAST table.
alter table resource alter column body set storage main;
alter table resource alter column hashes set storage main;
alter table resource set (toast_tuple_target = 512);

create index resource_type_sort    on resource (type, sort desc, key desc);
create index resource_type_updated on resource (type, updated, key);
create index resource_hashes       on resource using gin (hashes) with (fastupdate = on, gin_pending_list_limit = 1024);

-- Superseded versions only: a create writes its body once.
create table history (
    key          bigint   not null,
    updated      bigint   not null,
    accountable  integer  not null,
    version      integer  not null,
    bucket       smallint not null,
    type         smallint not null,
    id           text collate "C" not null,
    patient      text collate "C",
    body         bytea,
    primary key (bucket, key, version)
);
alter table history alter column body set storage main;
alter table history set (toast_tuple_target = 512);
create index history_type_updated on history (type, updated, key);

-- Where a resource lives whose id the client chose, or which has moved to another patient's bucket.
create table identity (
    key     bigint   not null,
    bucket  smallint not null,
    type    smallint not null,
    id      text collate "C" not null,
    primary key (type, id)
);

-- Patient-scoped search, newest first, straight from one covering index.
create table hot (
    patient  bigint   not null,                  -- hash of the patient's id
    value    bigint   not null,                  -- one of resource.hashes
    sort     bigint   not null,
    key      bigint   not null,
    bucket   smallint not null,
    primary key (bucket, patient, value, sort, key)
);

-- Values that are searched by range or by prefix. `tags` are the hashes of the exact components of a
-- composite parameter, `ord` tells the occurrences of a composite apart.
create table search_date (
    key     bigint   not null,
    low     bigint   not null,                   -- microseconds, inclusive
    high    bigint   not null,                   -- microseconds, exclusive
    param   integer  not null,
    bucket  smallint not null,
    ord     smallint not null,
    tags    bigint[]
);
create index search_date_resource on search_date (bucket, key, param);
create index search_date_low      on search_date (param, low);
create index search_date_high     on search_date (param, high);
-- The few ranges longer than a day (in units of 2^20 microseconds, as open ends are far apart); all others
-- begin at most a day before they end.
create index search_date_long     on search_date (param, high) where (high >> 20) - (low >> 20) > 82400;

create table search_number (
    key     bigint   not null,
    param   integer  not null,
    bucket  smallint not null,
    ord     smallint not null,
    low     numeric,                            -- inclusive; null: no lower end
    high    numeric,                            -- inclusive; null: no upper end
    units   bigint[] not null,
    tags    bigint[]
);
create index search_number_resource on search_number (bucket, key, param);
create index search_number_low      on search_number (param, low);

create table search_string (
    key     bigint   not null,
    param   integer  not null,
    bucket  smallint not null,
    ord     smallint not null,
    text    text collate "C" not null,
    tags    bigint[]
);
create index search_string_resource on search_string (bucket, key, param);
create index search_string_prefix   on search_string (param, left(text, 200));
create index search_string_trigram  on search_string using gin (text gin_trgm_ops);
