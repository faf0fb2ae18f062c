-- Apps by SMART on FHIR: who is registered, what was permitted to whom, and the keys that sign identity tokens.
set local lock_timeout = '4s';
set local statement_timeout = '5s';

-- `authentication` is none (a public client), secret or key. `principal` stands only with a backend service, which
-- acts for nobody but itself. An app that has ended keeps its row: the log and old permissions name it.
create table app (
    id              text   collate "C" primary key,
    name            text   not null,
    provider        text   collate "C" not null,      -- HSA-id of the care provider that registered it
    authentication  text   collate "C" not null check (authentication in ('none', 'secret', 'key')),
    secret          bytea,                            -- SHA-256
    jwks            jsonb,
    jwks_uri        text,
    redirect_uris   text[] not null default '{}',
    launch_url      text,
    scopes          text[] not null,                  -- the most that it may ask for
    principal       jsonb,
    registered      bigint not null,                  -- microseconds
    registrar       text   not null,
    ended           bigint
);

-- What one person permitted one app. Its tokens are one family: revoking it ends them all.
create table app_grant (
    id            text   collate "C" primary key,
    app           text   collate "C" not null references app (id),
    actor         text   collate "C" not null,
    principal     jsonb  not null,
    scopes        text[] not null,
    patient       text   collate "C",
    created       bigint not null,
    expires       bigint not null,
    revoked       bigint,
    code          bytea  unique,                      -- SHA-256 of the authorization code
    code_expires  bigint,
    code_used     bigint,
    challenge     text,                               -- PKCE, S256
    redirect_uri  text,
    nonce         text
);
create index app_grant_actor on app_grant (actor);
create index app_grant_expires on app_grant (expires);

create table app_refresh (
    secret     bytea  primary key,                    -- SHA-256
    app_grant  text   collate "C" not null references app_grant (id),
    expires    bigint not null,
    used       bigint                                 -- seen again after this: stolen
);
create index app_refresh_grant on app_refresh (app_grant);
create index app_refresh_expires on app_refresh (expires);

alter table token add column app_grant text collate "C";
create index token_app_grant on token (app_grant) where app_grant is not null;

create table signing_key (
    kid      text   collate "C" primary key,
    private  jsonb  not null,
    created  bigint not null
);
