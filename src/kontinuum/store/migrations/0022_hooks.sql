-- Apps at a contact and for as long as a person is signed in; decision support services of others.
set local lock_timeout = '4s';
set local statement_timeout = '5s';

alter table app_grant
    add column encounter  text collate "C",
    add column session    text collate "C";              -- with `online_access`: ends with this session
create index session_id on session (id);

-- Decision support services of others (CDS Hooks) that a care provider lets be asked. `active` says whether it is;
-- one that has ended keeps its row: the log names it.
create table cds_service (
    id           text   collate "C" primary key,
    provider     text   collate "C" not null,         -- HSA-id of the care provider that registered it
    base         text   not null,                     -- the address above /cds-services
    service      text   not null,                     -- its id there
    hook         text   collate "C" not null,
    title        text   not null,
    description  text   not null,
    prefetch     jsonb  not null,                     -- templates by name
    units        text[] not null,                     -- HSA-ids at which it is asked; empty: at all
    scopes       text[] not null,                     -- what may be sent to it, and read by it
    token        boolean not null,                    -- whether it is given an access token
    active       boolean not null,
    registered   bigint not null,                     -- microseconds
    registrar    text   not null,
    ended        bigint
);
create unique index cds_service_once on cds_service (provider, base, service) where ended is null;
