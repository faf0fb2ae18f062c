-- What changed, in an order that loses nothing, for those who follow it; and the subscriptions of the FHIR API.
-- docs/decisions/0022-subscriptions.md says why it is so.
set local lock_timeout = '4s';
set local statement_timeout = '5s';

-- Which types somebody follows. A writer looks here, so that what nobody follows costs it nothing more.
create table feed_watch (
    type      smallint not null,
    consumer  text collate "C" not null,
    primary key (type, consumer)
);
create index feed_watch_consumer on feed_watch (consumer);

-- Who follows, and how far: everything up to `position` is done with.
create table feed_consumer (
    name      text collate "C" primary key,
    position  bigint not null
);

-- Changes as they are committed, in the transaction that made them. `place` is the order of writing: a transaction
-- that is still under way may have taken a lower one.
create table outbox (
    place    bigint generated always as identity primary key,
    moment   bigint not null,                     -- time of writing, in microseconds
    version  integer not null,
    type     smallint not null,
    change   text collate "C" not null check (change in ('c', 'u', 'd')),
    id       text collate "C" not null
);

-- The same in their order for ever: who sees a position sees every lower one.
create table feed (
    position  bigint generated always as identity primary key,
    moment    bigint not null,
    version   integer not null,
    type      smallint not null,
    change    text collate "C" not null,
    id        text collate "C" not null
);
create index feed_type on feed (type, position);
create index feed_moment on feed (moment);

create function tell_of_change() returns trigger language plpgsql as $$
begin
    perform pg_notify('feed', '');
    return null;
end
$$;
-- For each row, as one for each statement fires without a row; equal notices of a transaction are one.
create trigger outbox_told after insert on outbox for each row execute function tell_of_change();

-- A Subscription at work: for whom, and how far it has come. `number` names it to locks and to the feed.
create table subscription (
    number     integer generated always as identity primary key,
    id         text collate "C" not null unique,
    owner      text collate "C" not null,
    principal  jsonb   not null,                  -- whose rights decide about each event
    status     text collate "C" not null check (status in ('requested', 'active', 'error', 'off')),
    channel    text collate "C" not null,
    sent       bigint  not null default 0,        -- the last event number that may have left
    accepted   bigint  not null default 0,        -- the last event number that was received
    failures   integer not null default 0,
    due        bigint  not null,                  -- not to be tried before, in microseconds
    beat       bigint,                            -- when the next heartbeat falls due
    ends       bigint,
    error      text,
    written    integer not null default 1,        -- how often its client has written it
    settling   xid8                               -- everything older than this must have ended before it begins
);
create index subscription_owner on subscription (owner);

-- Events that have a number, for repetition. What may not be read any more is left out when they are asked for.
create table subscription_event (
    subscription  integer  not null references subscription (number) on delete cascade,
    number        bigint   not null,
    moment        bigint   not null,
    version       integer  not null,
    type          smallint not null,
    change        text collate "C" not null,
    id            text collate "C" not null,
    primary key (subscription, number)
);
create index subscription_event_moment on subscription_event (moment);

-- What a websocket shows to be given the events of its subscriptions.
create table subscription_binding (
    secret         bytea  primary key,            -- SHA-256
    subscriptions  text[] collate "C" not null,
    expires        bigint not null
);

-- Whether somebody still holds a token is asked for each delivery.
create index token_principal on token using hash (principal);
