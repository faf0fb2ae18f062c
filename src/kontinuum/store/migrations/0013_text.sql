-- Decisions that records are destroyed (patientdatalagen (2008:355) 8:4), and what remains of what was: a
-- tombstone without content. Neither holds anything that a destroyed entry said.
set local lock_timeout = '4s';
set local statement_timeout = '5s';

create table destruction (
    number         bigint generated always as identity primary key,
    authority      text   not null,
    case_number    text   not null,
    decided        date   not null,
    patient        text collate "C" not null,
    entries        text[] collate "C" not null,  -- 'Type/id'; empty: everything that the provider holds
    provider       text collate "C" not null,    -- HSA-id of the care provider whose record it is
    requested_by   text   not null,
    registered     bigint not null,              -- microseconds
    registrar      text collate "C" not null,
    registrar_name text   not null,
    executed       bigint,                       -- microseconds; null until carried out
    executor       text collate "C",
    executor_name  text,
    removed        integer,                      -- how many entries
    check (executor is null or executor <> registrar),
    unique (provider, case_number, patient)
);

-- Found by name, as `identity` is: whoever asks for a destroyed entry has nothing but its type and id.
create table tombstone (
    destruction  bigint   not null,
    destroyed    bigint   not null,              -- microseconds
    type         smallint not null,
    id           text collate "C" not null,
    patient      text collate "C",
    unit         text collate "C" not null,
    provider     text collate "C" not null,
    primary key (type, id)
);
create index tombstone_patient on tombstone (patient);
