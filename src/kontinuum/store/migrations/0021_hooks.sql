-- Apps at a contact and for as long as a person is signed in.
set local lock_timeout = '4s';
set local statement_timeout = '5s';

alter table app_grant
    add column encounter  text collate "C",
    add column session    text collate "C";              -- with `online_access`: ends with this session
create index session_id on session (id);
