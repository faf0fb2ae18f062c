-- What the law asks about a patient: relations, choices, consents, openings, blocks, lifts, representatives.
-- Every row lies in the patient's bucket, so that a search's scope never leaves the patient's shard. Times are
-- in microseconds, [low, high). `key` is that of the FHIR resource a row was projected from, else one of its own.
set local lock_timeout = '4s';
set local statement_timeout = '5s';

-- A patient's care relation with a unit, or with one person there ('' is everybody at the unit).
create table care_relation (
    key       bigint   not null,
    low       bigint   not null,
    high      bigint   not null,
    bucket    smallint not null,
    ord       smallint not null,
    patient   text collate "C" not null,
    unit      text collate "C" not null,
    provider  text collate "C" not null,
    person    text collate "C" not null,
    basis     text collate "C" not null,         -- booking, visit, admission, referral, listing, team,
                                                 -- documentation, stated
    source    text collate "C" not null,         -- the reference projected from, else who stated it
    reason    text,
    primary key (bucket, key, ord)
);
create index care_relation_patient on care_relation (bucket, patient, unit, high);

-- A deliberate step of one person at one unit, past the existence of another unit's data to its content.
create table active_choice (
    key       bigint   not null,
    low       bigint   not null,
    high      bigint   not null,
    bucket    smallint not null,
    patient   text collate "C" not null,
    person    text collate "C" not null,
    unit      text collate "C" not null,
    target    text collate "C" not null,         -- the unit whose content is chosen
    primary key (bucket, key)
);
create index active_choice_patient on active_choice (bucket, patient, person, unit, high);

-- Consent to read other care providers' data, given to a provider, a unit ('' all) or a person ('' all).
create table consent (
    key       bigint   not null,
    low       bigint   not null,
    high      bigint   not null,
    bucket    smallint not null,
    ord       smallint not null,
    patient   text collate "C" not null,
    provider  text collate "C" not null,
    unit      text collate "C" not null,
    person    text collate "C" not null,
    source    text collate "C" not null,
    unable    boolean  not null,                 -- the patient could not consent; the attitude was clarified
    primary key (bucket, key, ord)
);
create index consent_patient on consent (bucket, patient, provider, high);

-- An emergency opening by one person at one unit: at danger to life or health, with a reason, for some hours.
create table opening (
    key       bigint   not null,
    low       bigint   not null,
    high      bigint   not null,
    bucket    smallint not null,
    patient   text collate "C" not null,
    person    text collate "C" not null,
    unit      text collate "C" not null,
    provider  text collate "C" not null,
    reason    text     not null,
    reviewed  bigint,
    primary key (bucket, key)
);
create index opening_patient on opening (bucket, patient, person, unit, high);

-- A block: [low, high) is the clinical time of what it covers; it holds until it is annulled.
create table block (
    key       bigint   not null,
    low       bigint   not null,
    high      bigint   not null,
    bucket    smallint not null,
    ord       smallint not null,
    level     text collate "C" not null,         -- inner: against other units; outer: against other providers
    patient   text collate "C" not null,
    provider  text collate "C" not null,
    unit      text collate "C" not null,         -- '' in an outer block: every unit of the provider
    kept      smallint[] not null,               -- resource types that stay visible
    source    text collate "C" not null,
    primary key (bucket, key, ord)
);
create index block_patient on block (bucket, patient);

-- A block lifted for one unit, for one person there or for all staff ('').
create table lift (
    key       bigint   not null,
    low       bigint   not null,
    high      bigint   not null,
    block     bigint   not null,                 -- key of the block
    bucket    smallint not null,
    patient   text collate "C" not null,
    unit      text collate "C" not null,
    person    text collate "C" not null,
    ground    text collate "C" not null,         -- consent, emergency
    reason    text     not null,
    requester text collate "C" not null,
    primary key (bucket, key)
);
create index lift_block on lift (bucket, patient, block, unit, high);

-- Who may act for a patient on the patient's own pages; a decision is about a child's own or a guardian's access.
create table representative (
    key       bigint   not null,
    low       bigint   not null,
    high      bigint   not null,
    bucket    smallint not null,
    ord       smallint not null,
    patient   text collate "C" not null,
    person    text collate "C" not null,         -- id of the Patient who acts
    kind      text collate "C" not null,         -- guardian, proxy, decision
    kept      smallint[] not null,               -- resource types in a proxy's scope; empty is all
    source    text collate "C" not null,
    primary key (bucket, key, ord)
);
create index representative_patient on representative (bucket, patient, person, high);

-- What the law asks about the person: born as yyyymmdd (the latest day that a partial date allows).
create table person_fact (
    key        bigint   not null,
    bucket     smallint not null,
    born       integer,
    deceased   boolean  not null,
    protection smallint not null,                -- 0 none, 1 confidentiality mark, 2 protected registration
    patient    text collate "C" not null,
    primary key (bucket, patient)
);

-- Relations whose unit is known by an Organization's id only, until that Organization is written.
create index care_relation_unresolved on care_relation (unit) where unit like 'Organization/%';

-- How far the tables above have been made from the resources that were there before them: up to (bucket, key).
-- Until it is complete the decision is no. An empty record has nothing to make them from.
create table law_projection (
    one      boolean  primary key default true check (one),
    complete boolean  not null,
    bucket   smallint not null,
    key      bigint   not null
);
insert into law_projection (complete, bucket, key)
select empty, case when empty then 1024 else -1 end, 0
  from (select not exists (select 1 from resource) as empty) found;
