-- A draft that was handed to a colleague names those who wrote it before, as authors of the note it becomes.
set local lock_timeout = '4s';
set local statement_timeout = '5s';

-- A JSON array of FHIR references, with names, the first writer first.
alter table draft add column writers text not null default '[]';
