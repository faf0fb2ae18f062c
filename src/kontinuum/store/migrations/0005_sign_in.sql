-- Sessions that lock, move to another workstation and are ended from elsewhere; steps on the way to one.
set local lock_timeout = '4s';
set local statement_timeout = '5s';

-- `id` names a session to its owner and in the log; it lets nobody in. `origin` is who vouched for the person
-- (a provider's key, or `demo`); `issuer`, `subject` and `sid` are the provider's names for person and session.
alter table session
    add column id             text collate "C" not null default '',
    add column actor          text collate "C" not null default '',
    add column origin         text collate "C" not null default 'demo',
    add column issuer         text collate "C",
    add column subject        text collate "C",
    add column sid            text collate "C",
    add column id_token       text,
    add column acr            text,
    add column authenticated  bigint not null default 0,
    add column locked         bigint,                -- since when; null while it is open
    add column page           text   not null default '/',
    add column agent          text   not null default '',
    add column ended          bigint,                -- when; the row stays until `expires`, to say why
    add column ending         text collate "C";

update session
   set id = encode(substring(secret from 1 for 8), 'hex'), actor = principal -> 'actor' ->> 'id';

create index session_actor   on session (actor);
create index session_subject on session (issuer, subject);

-- What must be remembered between two requests of one who is not signed in yet. Each is used once.
create table sign_in_step (
    secret   bytea  primary key,
    kind     text collate "C" not null,
    content  jsonb  not null,
    expires  bigint not null
);
create index sign_in_step_expires on sign_in_step (expires);
