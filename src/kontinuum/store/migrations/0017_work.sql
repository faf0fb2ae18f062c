-- What waits for somebody: the open drafts of a person at a care provider, and of a unit.
set local lock_timeout = '4s';
set local statement_timeout = '30s';

create index draft_of_owner on draft (owner, provider, updated) where discarded is null;
create index draft_of_unit on draft (provider, unit, updated) where discarded is null;
