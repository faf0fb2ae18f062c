-- What the law says of one Patient holds for every Patient that is the same person; whether data are offered to
-- other care providers; guardians who are known by their number.
set local lock_timeout = '4s';
set local statement_timeout = '60s';

create index representative_person on representative (person);

-- A row that is there because its Patient is linked to another one: it repeats what is said of `origin`.
-- A repeated row has the key of the one that it repeats, so that both go together.
alter table care_relation  add column origin text collate "C";
alter table active_choice  add column origin text collate "C";
alter table consent        add column origin text collate "C";
alter table opening        add column origin text collate "C";
alter table block          add column origin text collate "C";
alter table lift           add column origin text collate "C";
alter table representative add column origin text collate "C";
alter table person_fact    add column origin text collate "C";

alter table care_relation  drop constraint care_relation_pkey,  add primary key (bucket, key, ord, patient);
alter table active_choice  drop constraint active_choice_pkey,  add primary key (bucket, key, patient);
alter table consent        drop constraint consent_pkey,        add primary key (bucket, key, ord, patient);
alter table opening        drop constraint opening_pkey,        add primary key (bucket, key, patient);
alter table block          drop constraint block_pkey,          add primary key (bucket, key, ord, patient);
alter table lift           drop constraint lift_pkey,           add primary key (bucket, key, patient);
alter table representative drop constraint representative_pkey, add primary key (bucket, key, ord, patient, person);
alter table person_fact    drop constraint person_fact_pkey,    add primary key (bucket, patient, key);

-- That a care provider has told a patient about coherent records: from then on its data are offered to others.
create table informed (
    key       bigint   not null,
    low       bigint   not null,
    bucket    smallint not null,
    patient   text collate "C" not null,
    provider  text collate "C" not null,         -- who told the patient
    source    text collate "C" not null,
    origin    text collate "C",
    primary key (bucket, key, patient)
);
create index informed_patient on informed (bucket, patient, provider);

-- Care providers whose general information to everybody does not hold from the usual day; `since` in
-- microseconds. Follows the setting `informed_generally`.
create table offering (
    provider  text collate "C" primary key,
    since     bigint not null
);

-- A guardian who is known by number: `person` is the Patient with it, and empty as long as there is none.
alter table representative add column number text collate "C";
create index representative_number on representative (number) where number is not null;

-- What the record says of guardians is read once more; what is known stays known meanwhile.
update law_projection set bucket = -1, key = 0 where exists (select from resource);
