-- Whether the end of a session is in the log. Who ends one by hand logs it at once; what ends by its time or with
-- its assignment is told by the application afterwards, once.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

alter table session add column told boolean not null default false;

update session set told = true where ended is not null;

create index session_untold on session (ended) where not told;
