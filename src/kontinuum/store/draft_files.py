"""SQL for the files of drafts: pictures and documents that wait for the signature, and dictated sound."""

from __future__ import annotations

from typing import Any, NamedTuple

_COLUMNS = """
    id::text, note::text, kind, owner, provider, unit, patient, name, media_type, heading, description, added,
    size
"""

ADD = f"""
insert into draft_file (id, draft, note, kind, owner, provider, unit, patient, name, media_type, heading,
                        description, added, size, content)
select $1::uuid, d.id, $3::uuid, $4, d.owner, d.provider, $5, d.patient, $6, $7, $8, '', $9, $10, $11
  from draft d
 where d.id = $2::uuid and d.owner = $12 and d.provider = $13 and d.patient = $14 and d.discarded is null
returning {_COLUMNS}
"""

OF_DRAFT = f"select {_COLUMNS} from draft_file where draft = $1::uuid and owner = $2 order by added, id"

OF_NOTE = f"""
select {_COLUMNS} from draft_file
 where note = $1::uuid and kind = 'dictation' and draft is null and provider = $2 and patient = $3
   and (expires is null or expires > $4)
 order by added, id
"""

FIND = f"""
select {_COLUMNS} from draft_file where id = $1::uuid and provider = $2 and patient = $3
   and (expires is null or expires > $4)
"""

CONTENT = "select content from draft_file where id = $1::uuid"

DESCRIBE = f"""
update draft_file set heading = $4, description = $5
 where id = $1::uuid and owner = $2 and patient = $3 and draft is not null
returning {_COLUMNS}
"""

REMOVE = "delete from draft_file where id = $1::uuid and owner = $2 and patient = $3 and draft is not null"

OUTLIVE = """
update draft_file set draft = null where draft = $1::uuid and owner = $2 and kind = 'dictation'
"""

WITHOUT_END = """
select distinct note::text, provider from draft_file where draft is null and expires is null
"""

EXPIRE = """
update draft_file set expires = $3
 where note = $1::uuid and provider = $2 and draft is null and expires is null
"""

PURGE = "delete from draft_file where expires <= $1"

DESTROY = """
delete from draft_file where patient = $1 and provider = $2 and ($3::text[] is null or note::text = any($3))
"""


class FileRow(NamedTuple):
    """A file without its bytes; `note` is the id that the note has or will have, `size` in bytes.

    `kind` is "attachment" or "dictation"; `heading` is a linkId of the template, empty for the whole note.
    """

    id: str
    note: str
    kind: str
    owner: str
    provider: str
    unit: str
    patient: str
    name: str
    media_type: str
    heading: str
    description: str
    added: int
    size: int


async def add(pool: Any, draft: str, file: FileRow, content: bytes) -> FileRow | None:
    """Keep a file beside its owner's open draft; None when there is no such draft."""
    return _row(
        await pool.fetchrow(
            ADD,
            file.id,
            draft,
            file.note,
            file.kind,
            file.unit,
            file.name,
            file.media_type,
            file.heading,
            file.added,
            len(content),
            content,
            file.owner,
            file.provider,
            file.patient,
        )
    )


async def of_draft(pool: Any, draft: str, owner: str) -> list[FileRow]:
    """The files of an owner's draft, in the order in which they came."""
    return [FileRow(*record) for record in await pool.fetch(OF_DRAFT, draft, owner)]


async def of_note(pool: Any, note: str, provider: str, patient: str, now: int) -> list[FileRow]:
    """The sound that was handed over with a note and is still kept."""
    return [FileRow(*record) for record in await pool.fetch(OF_NOTE, note, provider, patient, now)]


async def find(pool: Any, identity: str, provider: str, patient: str, now: int) -> FileRow | None:
    """A file about a patient at a provider."""
    return _row(await pool.fetchrow(FIND, identity, provider, patient, now))


async def content(pool: Any, identity: str) -> bytes:
    """The bytes of a file that was found; empty when it has gone since."""
    return await pool.fetchval(CONTENT, identity) or b""


async def describe(
    pool: Any, identity: str, owner: tuple[str, str], heading: str, text: str
) -> FileRow | None:
    """Say what a file shows and where it belongs; `owner` is actor and patient."""
    return _row(await pool.fetchrow(DESCRIBE, identity, *owner, heading, text))


async def remove(pool: Any, identity: str, owner: tuple[str, str]) -> bool:
    """Remove a file of an owner's draft; False when there was none."""
    done: str = await pool.execute(REMOVE, identity, *owner)
    return done != "DELETE 0"


async def outlive(pool: Any, draft: str, owner: str) -> None:
    """Let the sound of a draft outlive it."""
    await pool.execute(OUTLIVE, draft, owner)


async def without_end(pool: Any) -> list[tuple[str, str]]:
    """The notes whose sound was handed over and is kept without end, each with its care provider."""
    return [tuple(record) for record in await pool.fetch(WITHOUT_END)]


async def expire(pool: Any, note: str, provider: str, when: int) -> None:
    """Say until when the sound of a note is kept."""
    await pool.execute(EXPIRE, note, provider, when)


async def purge(pool: Any, now: int) -> None:
    """Remove what is not kept any longer."""
    await pool.execute(PURGE, now)


async def destroy(connection: Any, patient: str, provider: str, notes: list[str] | None) -> None:
    """Remove every file about a patient at a provider; with `notes` only those of these."""
    await connection.execute(DESTROY, patient, provider, notes)


def _row(record: Any) -> FileRow | None:
    return None if record is None else FileRow(*record)
