"""SQL for drafts: what an author is writing about a patient and has not signed."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import asyncpg

_COLUMNS = "id::text, patient, template, version, content, updated, writers"
_BEGUN = "id::text, patient, owner, unit, template, updated, writers"

OPEN = f"""
select {_COLUMNS} from draft
 where owner = $1 and provider = $2 and patient = $3 and template = $4 and discarded is null
"""

BY_ID = f"""
select {_COLUMNS} from draft
 where id = $1::uuid and owner = $2 and provider = $3 and patient = $4 and discarded is null
"""

ALL_OPEN = f"""
select {_COLUMNS} from draft
 where owner = $1 and provider = $2 and patient = $3 and discarded is null
 order by updated desc
"""

SAME = """
select owner, version, updated from draft
 where provider = $1 and patient = $2 and template = $3 and discarded is null
"""

OF_OWNER = f"""
select {_BEGUN} from draft
 where owner = $1 and provider = $2 and discarded is null
 order by updated
"""

OF_UNIT = f"""
select {_BEGUN} from draft
 where provider = $1 and unit = $2 and discarded is null
 order by updated
"""

BEGIN = f"""
insert into draft (id, owner, provider, unit, patient, template, version, content, updated)
values ($1::uuid, $2, $3, $4, $5, $6, 1, $7, $8)
    on conflict do nothing
returning {_COLUMNS}
"""

SAVE = f"""
update draft set version = version + 1, content = $5, updated = $6
 where id = $1::uuid and owner = $2 and provider = $3 and version = $4 and discarded is null
returning {_COLUMNS}
"""

AT_UNIT = f"""
select {_BEGUN} from draft
 where id = $1::uuid and provider = $2 and unit = $3 and discarded is null
"""

# The files follow the draft. Whoever has one of the same kind about the patient keeps that.
HAND = """
with handed as (
    update draft set owner = $3, writers = $4, version = version + 1
     where id = $1::uuid and owner = $2 and discarded is null
       and not exists (
           select from draft other
            where other.owner = $3 and other.provider = draft.provider and other.patient = draft.patient
              and other.template = draft.template and other.discarded is null)
    returning id
), files as (
    update draft_file set owner = $3 where draft in (select id from handed)
)
select id::text from handed
"""

DISCARD = f"""
update draft set discarded = $5
 where id = $1::uuid and owner = $2 and provider = $3 and patient = $4 and discarded is null
returning {_COLUMNS}
"""

RESTORE = f"""
update draft set discarded = null
 where id = $1::uuid and owner = $2 and provider = $3 and patient = $4 and discarded >= $5
   and not exists (
       select from draft other
        where other.owner = draft.owner and other.provider = draft.provider and other.patient = draft.patient
          and other.template = draft.template and other.discarded is null)
returning {_COLUMNS}
"""

REMOVE = "delete from draft where id = $1::uuid and owner = $2 and provider = $3 and patient = $4"

PURGE = "delete from draft where discarded < $1"

# What is kept of a form about an entry names that entry, as `form:<page>?id=<entry>`.
DESTROY = """
delete from draft
 where patient = $1 and provider = $2
   and ($3::text[] is null or id::text = any($3)
        or starts_with(template, 'form:') and exists (
            select from unnest($3) gone
             where replace(template, '#', '&') || '&' like '%=' || gone || '&%'))
"""


class DraftRow(NamedTuple):
    """A draft; `content` is what its writer's page needs to go on, `updated` in microseconds."""

    id: str
    patient: str
    template: str
    version: int
    content: bytes
    updated: int
    writers: str = "[]"

    @property
    def authors(self) -> list[dict[str, str]]:
        """Who wrote it before it was handed over, as references, the first first."""
        found: list[dict[str, str]] = json.loads(self.writers)
        return found


async def open_draft(pool: Any, owner: str, provider: str, patient: str, template: str) -> DraftRow | None:
    """The author's open draft of a template for a patient."""
    return _row(await pool.fetchrow(OPEN, owner, provider, patient, template))


async def open_drafts(pool: Any, owner: str, provider: str, patient: str) -> list[DraftRow]:
    """The author's open drafts for a patient, the latest first."""
    return [DraftRow(*record) for record in await pool.fetch(ALL_OPEN, owner, provider, patient)]


async def same(pool: Any, provider: str, patient: str, template: str) -> list[tuple[str, int, int]]:
    """Everybody's open drafts of a template for a patient: owner, version and when it was saved."""
    return [tuple(record) for record in await pool.fetch(SAME, provider, patient, template)]


async def by_id(pool: Any, identity: str, owner: tuple[str, str], patient: str) -> DraftRow | None:
    """An open draft of the author, by its id."""
    return _row(await pool.fetchrow(BY_ID, identity, *owner, patient))


class BegunRow(NamedTuple):
    """That somebody has begun to write, without what; `updated` in microseconds."""

    id: str
    patient: str
    owner: str
    unit: str
    template: str
    updated: int
    writers: str

    @property
    def authors(self) -> list[dict[str, str]]:
        """Who wrote it before it was handed over, as references, the first first."""
        found: list[dict[str, str]] = json.loads(self.writers)
        return found


async def of_owner(pool: Any, owner: str, provider: str) -> list[BegunRow]:
    """An author's open drafts about any patient, the oldest first."""
    return [BegunRow(*record) for record in await pool.fetch(OF_OWNER, owner, provider)]


async def of_unit(pool: Any, provider: str, unit: str) -> list[BegunRow]:
    """The open drafts that were begun at a unit, the oldest first."""
    return [BegunRow(*record) for record in await pool.fetch(OF_UNIT, provider, unit)]


async def at_unit(pool: Any, identity: str, provider: str, unit: str) -> BegunRow | None:
    """One that was begun at a unit."""
    record = await pool.fetchrow(AT_UNIT, identity, provider, unit)
    return None if record is None else BegunRow(*record)


async def hand(pool: Any, identity: str, owner: str, to: str, writers: str) -> bool:
    """Give a draft with its files another owner; false when it is gone, or that one has one of the same."""
    try:
        return await pool.fetchval(HAND, identity, owner, to, writers) is not None
    except asyncpg.UniqueViolationError:  # begun there at this moment
        return False


async def begin(pool: Any, identity: str, owner: tuple[str, str, str], draft: DraftRow) -> DraftRow | None:
    """Keep a new draft of an owner (actor, provider, unit); None when one was begun meanwhile."""
    actor, provider, unit = owner
    return _row(
        await pool.fetchrow(
            BEGIN,
            identity,
            actor,
            provider,
            unit,
            draft.patient,
            draft.template,
            draft.content,
            draft.updated,
        )
    )


async def save(pool: Any, owner: str, provider: str, draft: DraftRow) -> DraftRow | None:
    """Save over the version that `draft` carries; None when that is not the current one."""
    return _row(
        await pool.fetchrow(SAVE, draft.id, owner, provider, draft.version, draft.content, draft.updated)
    )


async def discard(
    pool: Any, identity: str, owner: tuple[str, str], patient: str, now: int
) -> DraftRow | None:
    """Put a draft aside; None when there is none."""
    return _row(await pool.fetchrow(DISCARD, identity, *owner, patient, now))


async def restore(
    pool: Any, identity: str, owner: tuple[str, str], patient: str, since: int
) -> DraftRow | None:
    """Take a draft back that was discarded since a time; None when it is gone or another one is open."""
    return _row(await pool.fetchrow(RESTORE, identity, *owner, patient, since))


async def remove(pool: Any, identity: str, owner: tuple[str, str], patient: str) -> None:
    """Remove a draft for good: what it held is signed."""
    await pool.execute(REMOVE, identity, *owner, patient)


async def purge(pool: Any, before: int) -> None:
    """Remove what was discarded before a time."""
    await pool.execute(PURGE, before)


async def destroy(connection: Any, patient: str, provider: str, identities: list[str] | None) -> None:
    """Remove every author's drafts about a patient at a provider; with `identities` only those of them."""
    await connection.execute(DESTROY, patient, provider, identities)


def _row(record: Any) -> DraftRow | None:
    return None if record is None else DraftRow(*record)
