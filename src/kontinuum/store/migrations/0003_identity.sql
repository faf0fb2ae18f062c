-- Who may come in: bearer tokens and browser sessions. Secrets are kept as SHA-256 only.
set local lock_timeout = '4s';
set local statement_timeout = '5s';

create table token (
    secret     bytea  primary key,
    principal  jsonb  not null,
    created    bigint not null,
    expires    bigint not null
);

create table session (
    secret     bytea  primary key,
    csrf       text   not null,
    principal  jsonb  not null,
    created    bigint not null,
    used       bigint not null,
    expires    bigint not null
);

-- Small facts of this installation, such as which writer numbers are taken.
create sequence writer_number minvalue 0 maxvalue 1023 cycle start 0;
