-- The planner takes a search value that it has not met for about half as common as the rarest it has: in a large
-- record for thousands of resources, so that it also read every entry of the type to cut them down. With more
-- samples it knows how rare a rare value is.
set local lock_timeout = '4s';
set local statement_timeout = '5s';

alter table resource alter column hashes set statistics 500;
