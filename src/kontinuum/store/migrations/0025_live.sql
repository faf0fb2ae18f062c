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
