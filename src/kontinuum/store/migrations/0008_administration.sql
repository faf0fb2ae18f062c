-- Settings of care providers with their history; what an assignment's end does to sessions and tokens.
set local lock_timeout = '4s';
set local statement_timeout = '5s';

-- Every decision on a setting; the latest of a name holds. `value` null: the default again.
create table provider_setting (
    number      bigint generated always as identity primary key,
    provider    text collate "C" not null,         -- HSA-id
    name        text collate "C" not null,
    value       jsonb,
    before      jsonb,
    changed     bigint not null,                    -- microseconds
    actor       text collate "C" not null,
    actor_name  text not null,
    assignment  text collate "C" not null,
    reason      text not null
);
create index provider_setting_latest on provider_setting (provider, name, number desc);

create function refuse_change_of_history() returns trigger language plpgsql as $$
begin
    raise exception 'decisions are kept as they were made: % on % is refused', tg_op, tg_table_name;
end
$$;
create trigger provider_setting_append_only before update or delete or truncate on provider_setting
    for each statement execute function refuse_change_of_history();

-- Every process hears of a decision when it is committed, and reads anew.
create function tell_of_setting() returns trigger language plpgsql as $$
begin
    perform pg_notify('kontinuum_changes', 'settings');
    return null;
end
$$;
create trigger provider_setting_told after insert on provider_setting
    for each row execute function tell_of_setting();

-- When an assignment ends. A session or token under it lasts no longer; see store/sessions.py.
create table assignment_end (
    assignment  text collate "C" primary key,       -- id of the PractitionerRole
    ends        bigint not null                     -- microseconds; in the past: it has ended
);
create index session_assignment on session ((principal -> 'assignment' ->> 'id')) where ended is null;

-- A day ends at 23:00 UTC, which is midnight in Sweden in winter: never too early, in summer an hour late.
create function period_end(bound text) returns bigint language plpgsql immutable as $$
begin
    return (extract(epoch from case length(bound)
        when 4  then ((bound || '-01-01')::date + interval '1 year') at time zone '+00' - interval '1 hour'
        when 7  then ((bound || '-01')::date + interval '1 month') at time zone '+00' - interval '1 hour'
        when 10 then (bound::date + interval '1 day') at time zone '+00' - interval '1 hour'
        else bound::timestamptz end) * 1000000)::bigint;
exception when others then
    return 0;                                       -- what cannot be understood gives no rights
end
$$;

-- Follows every assignment, whichever way it is written. An assignment that is deleted, inactive, or changed to
-- give other rights takes its sessions and tokens with it. 109 is the number of PractitionerRole.
create function follow_assignment() returns trigger language plpgsql as $$
declare
    present   bigint := (extract(epoch from clock_timestamp()) * 1000000)::bigint;
    role      jsonb  := convert_from(new.body, 'UTF8')::jsonb;
    earlier   jsonb;
    finish    bigint;
begin
    if role is null or role ->> 'active' = 'false' then
        finish := 0;
    elsif role -> 'period' ->> 'end' is not null then
        finish := period_end(role -> 'period' ->> 'end');
    end if;
    if finish is null then
        delete from assignment_end where assignment = new.id;
    else
        insert into assignment_end values (new.id, finish)
            on conflict (assignment) do update set ends = excluded.ends;
    end if;
    if tg_op = 'INSERT' then
        return null;
    end if;
    earlier := convert_from(old.body, 'UTF8')::jsonb;
    if coalesce(finish, present + 1) > present
       and role -> 'practitioner' -> 'reference' is not distinct from earlier -> 'practitioner' -> 'reference'
       and role -> 'organization' -> 'reference' is not distinct from earlier -> 'organization' -> 'reference'
       and role -> 'extension' is not distinct from earlier -> 'extension' then
        return null;
    end if;
    update session set ended = present, ending = 'assignment'
     where principal -> 'assignment' ->> 'id' = new.id and ended is null;
    update token set expires = least(expires, present) where principal -> 'assignment' ->> 'id' = new.id;
    perform pg_notify('kontinuum_changes', 'assignment');
    return null;
end
$$;
create trigger assignment_written after insert on resource
    for each row when (new.type = 109) execute function follow_assignment();
create trigger assignment_changed after update on resource
    for each row when (new.type = 109 and old.version <> new.version) execute function follow_assignment();

insert into assignment_end (assignment, ends)
select id, case when role ->> 'active' = 'false' then 0 else period_end(role -> 'period' ->> 'end') end
  from (select id, convert_from(body, 'UTF8')::jsonb as role from resource where type = 109 and body is not null) as held
 where role ->> 'active' = 'false' or role -> 'period' ->> 'end' is not null;
