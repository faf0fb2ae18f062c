-- Packages of profiles (implementation guides) that an operator has loaded, and what they define. They hold no
-- patient data. docs/api/profiles.md explains them.
set local lock_timeout = '4s';
set local statement_timeout = '5s';

-- `unused` tells how many resources of which types are in the package and nothing here works by.
create table profile_package (
    key           integer generated always as identity primary key,
    name          text collate "C" not null,
    version       text collate "C" not null,
    title         text   not null,
    dependencies  jsonb  not null,               -- {"name": "version"}
    unused        jsonb  not null,               -- {"type": number}
    fingerprint   bytea  not null,               -- of what was loaded, so that the same again changes nothing
    loaded        bigint not null                -- microseconds
);
create unique index profile_package_name on profile_package (name, version);

-- `origin` is the resource in the record ("StructureDefinition/id") that this is a copy of: several packages may
-- bring the same one.
create table profile_definition (
    package  integer not null references profile_package on delete cascade,
    ord      integer not null,
    kind     text collate "C" not null,          -- StructureDefinition, ValueSet, CodeSystem
    origin   text collate "C" not null,
    body     bytea not null,
    primary key (package, ord)
);
create index profile_definition_origin on profile_definition (origin);
