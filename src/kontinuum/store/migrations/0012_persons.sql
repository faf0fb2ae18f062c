-- The patient index: Patients that are one person, reserve numbers given out, pairs that may be one person.
set local lock_timeout = '4s';
set local statement_timeout = '5s';

-- Each time that one Patient was said to be another one. A row is never removed: undoing it fills `ended`.
create table patient_link (
    id              bigint   primary key,
    replaced        text collate "C" not null,   -- id of the Patient whose identity was provisional or double
    survivor        text collate "C" not null,   -- id of the Patient that the person is known by
    made            bigint   not null,           -- microseconds
    made_by         text     not null,
    made_name       text     not null,
    made_unit       text collate "C" not null,
    made_provider   text collate "C" not null,
    reason          text     not null,
    confirmed       text[]   not null,           -- what spoke against it and was confirmed all the same
    labelled        jsonb    not null,           -- labels of protected identity that it put on a Patient
    ended           bigint,
    ended_by        text,
    ended_name      text,
    ended_unit      text collate "C",
    ended_provider  text collate "C",
    ended_reason    text
);
-- A Patient is replaced by one other at most.
create unique index patient_link_in_force on patient_link (replaced) where ended is null;
create index patient_link_replaced on patient_link (replaced);
create index patient_link_survivor on patient_link (survivor);

-- What the links in force come to: every Patient that has others beside it, under the one it is known by.
-- A Patient without links has no row, so that asking for it is one probe of the primary key.
create table linked_patient (
    patient  text collate "C" primary key,
    person   text collate "C" not null
);
create index linked_patient_person on linked_patient (person);

-- The last number that each series of reserve numbers has given out.
create table reserve_series (
    system  text collate "C" primary key,
    last    bigint not null
);

-- Two Patients that may be one person. `one` < `other`.
create table duplicate_pair (
    one             text collate "C" not null,
    other           text collate "C" not null,
    reasons         text[]   not null,
    found           bigint   not null,           -- microseconds
    dismissed       bigint,
    dismissed_by    text,
    dismissed_name  text,
    dismissed_unit  text collate "C",
    dismissal       text,
    primary key (one, other)
);
create index duplicate_pair_other on duplicate_pair (other);
create index duplicate_pair_open  on duplicate_pair (found) where dismissed is null;

-- How far Patients have been compared with the others: the position of the last one, by time of writing.
create table duplicate_scan (
    only_row  boolean primary key default true check (only_row),
    updated   bigint  not null,
    key       bigint  not null
);
