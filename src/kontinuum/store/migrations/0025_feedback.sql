-- What staff report of deviations and ideas, and what the unit does about it. A text about a patient is in the
-- record (`filed` is the id of its Communication), and never here.
set local lock_timeout = '4s';
set local statement_timeout = '5s';

create table feedback (
    number        integer generated always as identity primary key,
    provider      text collate "C" not null,
    unit          text collate "C" not null,
    kind          text collate "C" not null check (kind in ('deviation', 'idea')),
    reporter      text collate "C" not null,       -- the id of who reports, also where no name is shown
    about_patient boolean not null,
    attached      text   not null,                 -- JSON: where the person was in the program
    state         text collate "C" not null default 'new'
                  check (state in ('new', 'looked-at', 'decided', 'done', 'not-done')),
    owner         text collate "C" not null default '',   -- the reference of a Practitioner
    owner_name    text   not null default '',
    unread        bigint                            -- since when the reporter has not seen what became of it
);
create index feedback_of_unit on feedback (provider, unit, number);
create index feedback_unread on feedback (reporter, provider) where unread is not null;

-- What was said and done, in order. A row stays; a text that its writer withdraws leaves when and why.
create table feedback_event (
    number     bigint generated always as identity primary key,
    feedback   integer not null references feedback,
    kind       text collate "C" not null check (kind in ('report', 'comment', 'change', 'agree')),
    at         bigint not null,                     -- in microseconds
    person     text collate "C" not null,
    name       text   not null,                     -- as it is shown: empty for a report without a name
    text       text,
    filed      text collate "C",
    state      text collate "C",
    owner_name text,
    withdrawn  bigint,
    reason     text,
    check (text is null or (filed is null and withdrawn is null))
);
create index feedback_event_of on feedback_event (feedback, number);
create unique index feedback_agreed on feedback_event (feedback, person) where kind = 'agree';
create unique index feedback_reported on feedback_event (feedback) where kind = 'report';

-- Who reported is told at once, by whichever process holds that one's line.
create function tell_of_feedback() returns trigger language plpgsql as $$
begin
    perform pg_notify('kontinuum_changes', 'person ' || new.reporter);
    return null;
end
$$;
create trigger feedback_told after update of unread on feedback
    for each row when (old.unread is distinct from new.unread) execute function tell_of_feedback();
