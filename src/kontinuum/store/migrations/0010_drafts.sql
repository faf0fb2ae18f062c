-- What somebody is writing and has not signed: one open draft for each author, care provider, patient and template.
set local lock_timeout = '4s';
set local statement_timeout = '5s';

-- `version` counts savings, so that two windows notice each other. A discarded draft stays for a day, to be
-- taken back.
create table draft (
    id         uuid   primary key,
    owner      text collate "C" not null,
    provider   text collate "C" not null,
    unit       text collate "C" not null,
    patient    text collate "C" not null,
    template   text collate "C" not null,
    version    integer not null,
    content    bytea   not null,
    updated    bigint  not null,
    discarded  bigint
);

create unique index draft_open on draft (owner, provider, patient, template) where discarded is null;
create index draft_discarded on draft (discarded) where discarded is not null;
