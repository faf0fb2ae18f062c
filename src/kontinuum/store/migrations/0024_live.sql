-- Pages that are told live of what waits: what becomes of a session ends or changes what is told to it at once.
set local lock_timeout = '4s';
set local statement_timeout = '5s';

-- Locked, unlocked, ended or given another assignment, by whichever process: each hears it.
create function tell_of_session() returns trigger language plpgsql as $$
begin
    perform pg_notify('kontinuum_changes', 'session ' || new.id);
    return null;
end
$$;
create trigger session_told after update of locked, ended, secret on session
    for each row when (old.locked is distinct from new.locked or old.ended is distinct from new.ended
                       or old.secret is distinct from new.secret)
    execute function tell_of_session();

-- Who of the staff is away, and who at the unit sees that one's list meanwhile. Both days are included.
create table absence (
    number       integer generated always as identity primary key,
    provider     text collate "C" not null,
    unit         text collate "C" not null,
    person       text collate "C" not null,       -- the reference of the Practitioner who is away
    name         text   not null,
    cover        text collate "C" not null,       -- that of the one who sees the list
    cover_name   text   not null,
    begins       date   not null,
    ends         date   not null check (ends >= begins),
    made         bigint not null,                 -- in microseconds
    ended        bigint                           -- when it was taken back
);
create index absence_cover on absence (provider, unit, cover) where ended is null;
create index absence_person on absence (provider, unit, person) where ended is null;
