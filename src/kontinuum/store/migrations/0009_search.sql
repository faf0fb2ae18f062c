-- Packed bodies, shared rows, and searching by words (`:text`, `uri:below`, `_text`, `_content`).
--
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

-- Coded texts and addresses, each once: a part of one leads to its hash, and the hash to the resources. Two
-- writers at once may both put one in, which does no harm: nobody waits for the other.
create table known_text (
    hash   bigint  not null,                     -- one of resource.hashes
    param  integer not null,
    text   text collate "C" not null
);
create index known_text_hash    on known_text (hash);
create index known_text_prefix  on known_text (param, left(text, 200));
create index known_text_trigram on known_text using gin (text gin_trgm_ops);

-- The words of free text, in Swedish stems: weight A of the narrative, B of what else was written.
create table search_words (
    key     bigint   not null,
    bucket  smallint not null,
    words   tsvector not null,
    primary key (bucket, key)
);
create index search_words_words on search_words using gin (words);
