"""SQL for apps, what was permitted to them, and the keys that sign. Times are in microseconds."""

from __future__ import annotations

from typing import Any, NamedTuple

_APP = """id, name, provider, authentication, secret, jwks::text, jwks_uri, redirect_uris, launch_url, scopes,
       principal::text, registered, registrar, ended"""


class AppRow(NamedTuple):
    """A registered app, its fields in the order of the table; `jwks` and `principal` are JSON."""

    id: str
    name: str
    provider: str
    authentication: str
    secret: bytes | None
    jwks: str | None
    jwks_uri: str | None
    redirect_uris: list[str]
    launch_url: str | None
    scopes: list[str]
    principal: str | None
    registered: int
    registrar: str
    ended: int | None


INSERT_APP = """
insert into app (id, name, provider, authentication, secret, jwks, jwks_uri, redirect_uris, launch_url,
                 scopes, principal, registered, registrar, ended)
values ($1, $2, $3, $4, $5, $6::text::jsonb, $7, $8, $9, $10, $11::text::jsonb, $12, $13, $14)
on conflict (id) do nothing
returning true
"""


async def insert_app(connection: Any, row: AppRow) -> bool:
    """Keep a new app; false when its id is taken."""
    return bool(await connection.fetchval(INSERT_APP, *row))


APP = f"select {_APP} from app where id = $1"


async def app(connection: Any, identity: str) -> AppRow | None:
    """The app with this id, also when it has ended."""
    record = await connection.fetchrow(APP, identity)
    return None if record is None else AppRow(*record)


APPS = f"select {_APP} from app where ended is null and ($1::text is null or provider = $1) order by name, id"


async def apps(connection: Any, provider: str | None) -> list[AppRow]:
    """The apps of a care provider (None: of all) that have not ended."""
    return [AppRow(*record) for record in await connection.fetch(APPS, provider)]


END_APP = """
update app set ended = $2
 where id = $1 and ended is null and ($3::text is null or provider = $3)
returning true
"""


async def end_app(connection: Any, identity: str, now: int, provider: str | None) -> bool:
    """End an app of a care provider (None: of any); its tokens end with it. False when there is none."""
    return bool(await connection.fetchval(END_APP, identity, now, provider))


class GrantRow(NamedTuple):
    """What somebody permitted an app; `principal` is JSON. The fields stand in the order of `_GRANT`."""

    id: str
    app: str
    actor: str
    principal: str
    scopes: list[str]
    patient: str | None
    created: int
    expires: int
    revoked: int | None
    code: bytes | None = None
    code_expires: int | None = None
    code_used: int | None = None
    challenge: str | None = None
    redirect_uri: str | None = None
    nonce: str | None = None
    encounter: str | None = None
    session: str | None = None


# When a session ends, also by itself; 0 when nothing is known of it any more. Null where it does not matter.
ENDED_WITH_SESSION = """case when g.session is not null then coalesce(
         (select coalesce(s.ended, s.expires) from session s where s.id = g.session), 0) end"""

# A permission lasts no longer than the assignment under which it was given, and than its app; one that is
# bound to a session no longer than that.
_GRANT = f"""g.id, g.app, g.actor, g.principal::text, g.scopes, g.patient, g.created,
       least(g.expires, (select ends from assignment_end
                          where assignment = g.principal -> 'assignment' ->> 'id'),
             {ENDED_WITH_SESSION}),
       coalesce(g.revoked, a.ended), g.code, g.code_expires, g.code_used, g.challenge, g.redirect_uri,
       g.nonce, g.encounter, g.session"""

INSERT_GRANT = """
insert into app_grant (id, app, actor, principal, scopes, patient, created, expires, revoked,
                       code, code_expires, code_used, challenge, redirect_uri, nonce, encounter, session)
values ($1, $2, $3, $4::text::jsonb, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
"""


async def insert_grant(connection: Any, row: GrantRow) -> None:
    """Keep what was permitted."""
    await connection.execute(INSERT_GRANT, *row)


GRANT = f"select {_GRANT} from app_grant g join app a on a.id = g.app where g.id = $1"

BY_CODE = f"select {_GRANT} from app_grant g join app a on a.id = g.app where g.code = $1"

GRANTS = f"""
select {_GRANT}
  from app_grant g
  join app a on a.id = g.app
 where g.actor = $1 and g.expires > $2 and g.revoked is null and a.ended is null and g.code_used is not null
 order by g.created desc
"""


async def grant(connection: Any, identity: str) -> GrantRow | None:
    """A permission by its id."""
    record = await connection.fetchrow(GRANT, identity)
    return None if record is None else GrantRow(*record)


async def grant_of_code(connection: Any, code: bytes) -> GrantRow | None:
    """The permission that an authorization code stands for."""
    record = await connection.fetchrow(BY_CODE, code)
    return None if record is None else GrantRow(*record)


async def grants(connection: Any, actor: str, now: int) -> list[GrantRow]:
    """What somebody has permitted and apps have made use of, the newest first."""
    return [GrantRow(*record) for record in await connection.fetch(GRANTS, actor, now)]


USE_CODE = "update app_grant set code_used = $2 where code = $1 and code_used is null returning true"


async def use_code(connection: Any, code: bytes, now: int) -> bool:
    """Use an authorization code up; false when it was used before."""
    return bool(await connection.fetchval(USE_CODE, code, now))


REVOKE = """
update app_grant set revoked = $2 where id = $1 and revoked is null and ($3::text is null or actor = $3)
returning true
"""


async def revoke(connection: Any, identity: str, now: int, actor: str | None = None) -> bool:
    """End a permission with all its tokens, of one actor where one is named; false when there is none."""
    return bool(await connection.fetchval(REVOKE, identity, now, actor))


# What came of a permission never lasts longer than it.
FORGET = """
with spent as (delete from app_refresh where expires <= $1)
delete from app_grant where expires <= $1
"""


async def forget(connection: Any, now: int) -> None:
    """Remove permissions whose time is over, with their tokens."""
    await connection.execute(FORGET, now)


INSERT_REFRESH = "insert into app_refresh (secret, app_grant, expires) values ($1, $2, $3)"

REFRESH = "select app_grant, expires, used from app_refresh where secret = $1"

USE_REFRESH = "update app_refresh set used = $2 where secret = $1 and used is null returning true"


class RefreshRow(NamedTuple):
    """A refresh token: of which permission, until when, and when it was used."""

    grant: str
    expires: int
    used: int | None


async def insert_refresh(connection: Any, secret: bytes, identity: str, expires: int) -> None:
    """Keep a refresh token of a permission."""
    await connection.execute(INSERT_REFRESH, secret, identity, expires)


async def refresh(connection: Any, secret: bytes) -> RefreshRow | None:
    """The refresh token with this hashed secret."""
    record = await connection.fetchrow(REFRESH, secret)
    return None if record is None else RefreshRow(*record)


async def use_refresh(connection: Any, secret: bytes, now: int) -> bool:
    """Use a refresh token up; false when somebody was faster."""
    return bool(await connection.fetchval(USE_REFRESH, secret, now))


END_TOKEN = "delete from token where secret = $1 and app_grant = $2"


async def end_token(connection: Any, secret: bytes, identity: str) -> None:
    """End one access token of a permission."""
    await connection.execute(END_TOKEN, secret, identity)


_KEY_LOCK = 0x4B53  # makers of signing keys
LOCK_KEYS = f"select pg_advisory_xact_lock({_KEY_LOCK}, 0)"
KEYS = "select kid, private::text, created from signing_key where created > $1 order by created desc"
INSERT_KEY = "insert into signing_key (kid, private, created) values ($1, $2::text::jsonb, $3)"


class KeyRow(NamedTuple):
    """A signing key; `private` is its JWK."""

    kid: str
    private: str
    created: int


async def keys(connection: Any, since: int) -> list[KeyRow]:
    """The keys made since then, the newest first."""
    return [KeyRow(*record) for record in await connection.fetch(KEYS, since)]


async def lock_keys(connection: Any) -> None:
    """Let nobody else make a key until this transaction ends."""
    await connection.execute(LOCK_KEYS)


async def insert_key(connection: Any, row: KeyRow) -> None:
    """Keep a new key."""
    await connection.execute(INSERT_KEY, *row)
