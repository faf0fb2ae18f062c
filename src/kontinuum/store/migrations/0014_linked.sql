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
