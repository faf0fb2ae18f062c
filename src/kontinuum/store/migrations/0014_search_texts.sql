-- Searching by words: `:text`, `uri:below`, `_text` and `_content`.
set local lock_timeout = '4s';
set local statement_timeout = '5s';

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

-- An empty record has nothing to index anew.
update search_index set version = 3 where not exists (select from resource);
