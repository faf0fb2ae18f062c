-- Code systems, value sets and concept maps, as tables that answer at once. They hold no patient data.
-- docs/terminology.md explains them.
set local lock_timeout = '4s';
set local statement_timeout = '5s';

-- One version of a code system, value set or concept map. `origin` is the resource that it is a projection of
-- ("CodeSystem/id"); empty for what a command has loaded. `about` is what the tables below do not say.
create table terminology_artifact (
    key          integer generated always as identity primary key,
    kind         text collate "C" not null,      -- CodeSystem, ValueSet, ConceptMap
    url          text collate "C" not null,
    version      text collate "C" not null,
    origin       text collate "C" not null,
    content      text collate "C" not null,      -- complete, fragment or example; how far it may be trusted
    concepts     integer not null,
    fingerprint  bytea   not null,               -- of what was loaded, so that the same again changes nothing
    loaded       bigint  not null,               -- microseconds
    about        jsonb   not null
);
create unique index terminology_artifact_name on terminology_artifact (kind, url, version, origin);
create index terminology_artifact_origin on terminology_artifact (origin) where origin <> '';

-- Keys are drawn before they are used, so that a release's concepts can refer to one another before they are written.
create sequence terminology_concept_key as integer;

-- `ancestors` holds the concept itself and all above it, in a system with several parents as well: whether one
-- subsumes another is a look at one row, and all below one is one search in the index.
create table terminology_concept (
    key         integer primary key,
    artifact    integer not null references terminology_artifact on delete cascade,
    ord         integer not null,
    active      boolean not null,
    selectable  boolean not null,
    code        text collate "C" not null,
    display     text not null,
    folded      text collate "C" not null,       -- all its words, without case and accents, a space before each
    names       jsonb not null,                  -- [[language, use, text]]
    properties  jsonb not null,                  -- {"name": [values]}
    parents     integer[] not null,
    ancestors   integer[] not null,
    sets        integer[] not null               -- reference sets that hold it
);
create unique index terminology_concept_code on terminology_concept (artifact, code);
create index terminology_concept_order     on terminology_concept (artifact, ord);
create index terminology_concept_ancestors on terminology_concept using gin (ancestors);
create index terminology_concept_sets      on terminology_concept using gin (sets);
create index terminology_concept_properties
    on terminology_concept using gin (properties jsonb_path_ops);

-- Suggestions as one types: every word of every name, the better hit the lower its rank.
create table terminology_word (
    artifact  integer not null,
    rank      integer not null,
    concept   integer not null,
    word      text collate "C" not null,
    primary key (artifact, word, rank, concept)
);
-- The distinct words, to find one by its middle: `svikt` in `hjartsvikt`.
create table terminology_vocabulary (
    artifact  integer not null,
    uses      integer not null,
    word      text collate "C" not null,
    primary key (artifact, word)
);
create index terminology_vocabulary_trigram on terminology_vocabulary using gin (word gin_trgm_ops);
-- The best of what begins with one to three letters, since those beginnings fit too much to be sorted each time.
create table terminology_opening (
    artifact  integer not null,
    opening   text collate "C" not null,
    concepts  integer[] not null,
    primary key (artifact, opening)
);

-- How often a code was chosen, by context (a care unit, say): what is used most stands first.
create table terminology_use (
    context  text collate "C" not null,
    url      text collate "C" not null,
    code     text collate "C" not null,
    uses     bigint not null,
    primary key (context, url, code)
);
create index terminology_use_most on terminology_use (context, url, uses desc);

create table terminology_mapping (
    artifact       integer not null references terminology_artifact on delete cascade,
    ord            integer not null,
    source         text collate "C" not null,
    source_code    text collate "C" not null,
    target         text collate "C" not null,
    target_code    text collate "C",
    equivalence    text collate "C" not null,
    display        text,
    comment        text,
    primary key (artifact, source, source_code, ord)
);
create index terminology_mapping_reverse on terminology_mapping (artifact, target, target_code);
