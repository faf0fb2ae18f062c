-- The log: one row for every access, sealed in hash-chained blocks, append-only.
set local lock_timeout = '4s';
set local statement_timeout = '5s';

-- A block is what one writer committed at once. Its hash covers the previous block's hash and the
-- exact bytes of its entries, so that a changed, missing or inserted entry breaks the chain.
create table audit_block (
    writer    bigint   not null,
    block     bigint   not null,
    sealed    bigint   not null,                 -- microseconds
    entries   integer  not null,
    previous  bytea    not null,
    hash      bytea    not null,
    primary key (writer, block)
);

create table audit_entry (
    writer      bigint   not null,
    block       bigint   not null,
    ord         integer  not null,
    recorded    bigint   not null,               -- microseconds
    actor       text collate "C" not null,
    assignment  text collate "C" not null,
    unit        text collate "C" not null,
    provider    text collate "C" not null,
    action      text collate "C" not null,
    patients    text[] collate "C" not null,
    content     bytea    not null,               -- the whole entry as canonical JSON; what the hash covers
    primary key (writer, block, ord)
);
create index audit_entry_recorded on audit_entry using brin (recorded);
create index audit_entry_patients on audit_entry using gin (patients);

create function audit_refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the log is append-only: % on % is refused', tg_op, tg_table_name;
end
$$;
create trigger audit_block_append_only before update or delete or truncate on audit_block
    for each statement execute function audit_refuse_change();
create trigger audit_entry_append_only before update or delete or truncate on audit_entry
    for each statement execute function audit_refuse_change();

-- Each connection that writes the log has a chain of its own.
create sequence audit_writer;
