-- How the search index was made: which version of the rules, and how far a rebuild under newer rules has come
-- (buckets below `bucket` are done). `kontinuum.store.index` compares it with the rules of the program.
set local lock_timeout = '4s';
set local statement_timeout = '5s';

create table search_index (
    only_row  boolean  primary key default true check (only_row),
    version   integer  not null,
    bucket    smallint not null
);
-- An empty record has nothing to rebuild; any other has an index of the first rules.
insert into search_index (version, bucket)
select case when exists (select from resource) then 1 else 2 end, 0;

-- A limit from above (`value-quantity=gt150`). In a record that has data the rebuild makes this index, beside
-- running writes.
do $$
begin
    if not exists (select from search_number) then
        create index search_number_high on search_number (param, high);
    end if;
end
$$;
