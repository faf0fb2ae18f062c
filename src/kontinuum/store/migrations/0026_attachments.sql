-- Files beside a draft: pictures and documents that go with the note when it is signed, and dictated sound.
set local lock_timeout = '4s';
set local statement_timeout = '5s';

-- `draft` is set while somebody writes: a draft that is removed leaves no file behind. Sound that was handed
-- over to be written out has none any more, and goes when it `expires` after the note was signed.
create table draft_file (
    id          uuid   primary key,
    draft       uuid   references draft (id) on delete cascade,
    note        uuid   not null,
    kind        text   collate "C" not null check (kind in ('attachment', 'dictation')),
    owner       text   collate "C" not null,
    provider    text   collate "C" not null,
    unit        text   collate "C" not null,
    patient     text   collate "C" not null,
    name        text   not null,
    media_type  text   collate "C" not null,
    heading     text   not null,
    description text   not null,
    added       bigint not null,
    expires     bigint,
    size        integer not null,
    content     bytea  not null
);

create index draft_file_of_draft on draft_file (draft) where draft is not null;
create index draft_file_of_note on draft_file (note);
create index draft_file_expires on draft_file (expires) where expires is not null;
create index draft_file_of_patient on draft_file (patient, provider);
-- Already compressed: trying again costs time at every reading.
alter table draft_file alter column content set storage external;
