-- The log can be kept, cut short by nobody, searched and reviewed. docs/log.md tells how.
set local lock_timeout = '4s';
set local statement_timeout = '5s';

-- Where a chain began: its first block builds on the anchor that was the newest one then.
create table audit_chain (
    writer       bigint  primary key,
    started      bigint  not null,               -- microseconds
    anchor       bigint  not null,
    anchor_hash  bytea   not null
);

-- An anchor names the newest block of every chain that has grown since the anchor before, and builds on
-- that one: a chain without its end, or a missing chain, disagrees with it.
create table audit_anchor (
    number    bigint   primary key,
    sealed    bigint   not null,                 -- microseconds
    heads     integer  not null,
    previous  bytea    not null,
    hash      bytea    not null
);
create table audit_anchor_head (
    writer  bigint  not null,
    block   bigint  not null,
    anchor  bigint  not null,
    hash    bytea   not null,
    primary key (writer, block)
);
create index audit_anchor_head_anchor on audit_anchor_head (anchor, writer);

-- A decision to remove what has been kept long enough, and the last block of each chain that it removes.
-- Five years are the least that HSLF-FS 2016:40 4:9 allows; no setting can go below them.
create table audit_decision (
    number   bigint   primary key,
    decided  bigint   not null,                  -- microseconds
    before   bigint   not null,                  -- blocks sealed before this are removed
    actor    text     not null,
    reason   text     not null,
    blocks   bigint   not null,
    entries  bigint   not null,
    digest   bytea    not null,                  -- over the decision and its removals; also in the log
    check (before <= decided - 157680000000000)  -- 1,825 days: five years at their shortest
);
create table audit_removal (
    writer    bigint  not null,
    block     bigint  not null,                  -- the last one removed
    decision  bigint  not null references audit_decision (number),
    hash      bytea   not null,
    primary key (writer, block)
);

-- Rows are removed only as whole blocks from the beginning of a chain, and only under a decision.
create function audit_refuse_removal() returns trigger language plpgsql as $$
begin
    if exists (select from gone g
                where not exists (select from audit_removal r
                                   where r.writer = g.writer and r.block >= g.block)) then
        raise exception 'the log is append-only: % on % is refused without a decision', tg_op, tg_table_name;
    end if;
    return null;
end
$$;
drop trigger audit_block_append_only on audit_block;
drop trigger audit_entry_append_only on audit_entry;
create trigger audit_block_append_only before update or truncate on audit_block
    for each statement execute function audit_refuse_change();
create trigger audit_entry_append_only before update or truncate on audit_entry
    for each statement execute function audit_refuse_change();
create trigger audit_block_removal after delete on audit_block referencing old table as gone
    for each statement execute function audit_refuse_removal();
create trigger audit_entry_removal after delete on audit_entry referencing old table as gone
    for each statement execute function audit_refuse_removal();

-- Reading the log: newest first for a provider, a member of staff, a unit.
create index audit_entry_provider on audit_entry (provider, recorded);
create index audit_entry_actor    on audit_entry (actor, recorded);
create index audit_entry_unit     on audit_entry (unit, recorded);

-- A round of review: what was looked at, and the seed by which anybody can draw its sample again.
create table log_round (
    id        bigint  generated always as identity primary key,
    provider  text collate "C" not null,
    since     bigint  not null,                  -- microseconds, inclusive
    until     bigint  not null,                  -- microseconds, exclusive
    seed      text    not null,
    made      bigint  not null,
    actor     text    not null,
    name      text    not null,
    accesses  bigint  not null,                  -- entries about a patient in the period
    pairs     bigint  not null,                  -- persons and patients that met in them
    flagged   bigint  not null                   -- of these pairs, how many showed a pattern
);
create index log_round_provider on log_round (provider, id);

-- What a round puts before the reviewer: one person's accesses to one patient (or, without a patient,
-- one person's accesses altogether), and why.
create table log_finding (
    id        bigint   generated always as identity primary key,
    round     bigint   not null references log_round (id),
    place     integer  not null,                 -- 1 is looked at first
    sample    boolean  not null,
    reasons   text[]   not null,
    score     integer  not null,
    actor     text collate "C" not null,
    name      text     not null,
    unit      text collate "C" not null,
    patient   text collate "C",
    first     bigint   not null,
    last      bigint   not null,
    entries   bigint   not null,
    patients  bigint   not null,
    unique (round, place)
);

-- A review that was made: never changed, a second look is a second row.
create table log_check (
    id          bigint  generated always as identity primary key,
    finding     bigint  not null references log_finding (id),
    checked     bigint  not null,
    actor       text    not null,
    name        text    not null,
    assignment  text    not null,
    outcome     text    not null,
    note        text    not null
);
create index log_check_finding on log_check (finding, id);

create trigger audit_chain_append_only before update or delete or truncate on audit_chain
    for each statement execute function audit_refuse_change();
create trigger audit_anchor_append_only before update or delete or truncate on audit_anchor
    for each statement execute function audit_refuse_change();
create trigger audit_anchor_head_append_only before update or delete or truncate on audit_anchor_head
    for each statement execute function audit_refuse_change();
create trigger audit_decision_append_only before update or delete or truncate on audit_decision
    for each statement execute function audit_refuse_change();
create trigger audit_removal_append_only before update or delete or truncate on audit_removal
    for each statement execute function audit_refuse_change();
create trigger log_round_append_only before update or delete or truncate on log_round
    for each statement execute function audit_refuse_change();
create trigger log_finding_append_only before update or delete or truncate on log_finding
    for each statement execute function audit_refuse_change();
create trigger log_check_append_only before update or delete or truncate on log_check
    for each statement execute function audit_refuse_change();
