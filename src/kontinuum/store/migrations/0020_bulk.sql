-- Exports and imports in bulk: what was ordered by whom, how far it has come, and what came of it.
set local lock_timeout = '4s';
set local statement_timeout = '5s';

-- A worker that has a job holds an advisory lock with its number: a job under way whose lock is free was
-- interrupted. The files of a job lie in a folder of its id, below the data directory.
create table bulk_job (
    number     integer generated always as identity primary key,
    id         text    collate "C" not null unique,    -- cannot be guessed: stands in addresses
    kind       text    collate "C" not null check (kind in ('export', 'import')),
    state      text    collate "C" not null check (state in ('waiting', 'running', 'done', 'failed', 'cancelled')),
    owner      text    collate "C" not null,           -- actor, assignment and client: who may ask for it
    principal  jsonb   not null,
    request    text    not null,                       -- the address that ordered it
    wanted     jsonb   not null,
    ordered    bigint  not null,                       -- microseconds
    ended      bigint,
    expires    bigint,                                 -- when job and files are removed
    attempts   integer not null default 0,
    progress   jsonb   not null default '{}',
    result     jsonb
);
create index bulk_job_owner on bulk_job (owner) where state in ('waiting', 'running');
