"""Files of drafts: what goes with a note when it is signed, and sound that somebody is to write out.

They are patient data and pass the gate. A picture or document is its author's alone until the note is in the
record, and goes with a draft that is put aside. Dictated sound is working material, not an entry: once handed
over, whoever at the author's unit may read the note may hear it, until it expires after the signature.
"""

from __future__ import annotations

import uuid
from typing import Final

from kontinuum.access import Deny
from kontinuum.kernel import media
from kontinuum.kernel.i18n import phrase
from kontinuum.kernel.provider_settings import ProviderSettings
from kontinuum.record.context import Context, forbidden
from kontinuum.record.drafts import denied, owner_of, readable_note
from kontinuum.record.outcome import Refusal, RefusalKind, refuse
from kontinuum.store import draft_files as rows
from kontinuum.store.draft_files import FileRow

DraftFile = FileRow

ATTACHMENT: Final = "attachment"
DICTATION: Final = "dictation"
MIB: Final = 1024 * 1024
FILES_AT_MOST: Final = 20
WHOLE_AT_MOST: Final = 50 * MIB
"""How much all files of one note may hold: they are written in one transaction."""
LONGEST_NAME: Final = 200
LONGEST_TEXT: Final = 2000


class DraftFiles:
    """The files of one principal's drafts, and the sound that waits at the unit: `record.files`."""

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    async def attach(
        self, patient: str, draft: str, kind: str, name: str, content: bytes
    ) -> DraftFile | Refusal:
        """Keep a file beside the author's open draft."""
        context = self._context
        deny = denied(context, patient)
        if deny is not None:
            return await self._refused(deny, patient)
        settings = await context.settings()
        read = fit(kind, name, content, settings)
        if isinstance(read, Refusal):
            return read
        media_type, kept = read
        if not _is_identity(draft):
            return _missing()
        owner, provider = owner_of(context)
        before = await rows.of_draft(context.pool, draft, owner)
        if len(before) >= FILES_AT_MOST or sum(one.size for one in before) + len(kept) > WHOLE_AT_MOST:
            full = phrase(
                "One note takes at most %(files)s files of together %(size)s MB. "
                "Write another note for the rest.",
                files=FILES_AT_MOST,
                size=WHOLE_AT_MOST // MIB,
            )
            return refuse(RefusalKind.TOO_LARGE, "too-costly", full)
        unit, now = context.principal.assignment.unit, context.now()
        identity = str(uuid.uuid4())
        made = FileRow(
            identity, draft, kind, owner, provider, unit, patient, name, media_type, "", "", now, len(kept)
        )
        await self._noted(made, "attached")
        added = await rows.add(context.pool, draft, made, kept)
        return added if added is not None else _missing()

    async def of_draft(self, patient: str, draft: str) -> list[DraftFile] | Refusal:
        """What the author has attached to a draft; without the bytes, which are logged when they are read."""
        deny = denied(self._context, patient)
        if deny is not None:
            return await self._refused(deny, patient)
        owner, _ = owner_of(self._context)
        found = await rows.of_draft(self._context.pool, draft, owner) if _is_identity(draft) else []
        return [one for one in found if one.patient == patient]

    async def of_note(self, patient: str, note: str) -> list[DraftFile]:
        """The sound that was handed over with a note, for who may hear it."""
        context = self._context
        if await readable_note(context, patient, note) is None:
            return []
        found = await rows.of_note(
            context.pool, note, context.principal.assignment.provider, patient, context.now()
        )
        return [one for one in found if one.unit == context.principal.assignment.unit]

    async def read(self, patient: str, identity: str) -> tuple[DraftFile, bytes] | Refusal:
        """A file with its bytes: the author's own, or sound that waits at the unit."""
        context = self._context
        provider = context.principal.assignment.provider
        found = None
        if _is_identity(identity):
            found = await rows.find(context.pool, identity, provider, patient, context.now())
        if found is None or not await self._may_read(found):
            await context.log("draft", "not-found", "", patients=(patient,), what=(f"file/{identity}",))
            return _missing()
        await self._noted(found, "read")
        return found, await rows.content(context.pool, identity)

    async def content(self, file: DraftFile) -> bytes:
        """The bytes of an author's own file, to be written with the note; the writing is what is logged."""
        return await rows.content(self._context.pool, file.id)

    async def describe(self, patient: str, identity: str, heading: str, text: str) -> DraftFile | Refusal:
        """Say what an attached file shows and under which heading it belongs."""
        if len(text) > LONGEST_TEXT or len(heading) > LONGEST_NAME or _unprintable(text + heading):
            long = phrase("A description is one line of at most %(number)s characters.", number=LONGEST_TEXT)
            return refuse(RefusalKind.INVALID, "value", long)
        owner, _ = owner_of(self._context)
        known = _is_identity(identity)
        changed = (
            await rows.describe(self._context.pool, identity, (owner, patient), heading, text)
            if known
            else None
        )
        return changed if changed is not None else _missing()

    async def remove(self, patient: str, identity: str) -> Refusal | None:
        """Remove a file of the author's draft for good."""
        context = self._context
        owner, provider = owner_of(context)
        known = _is_identity(identity)
        found = await rows.find(context.pool, identity, provider, patient, context.now()) if known else None
        if found is None or found.owner != owner:
            return _missing()
        await self._noted(found, "removed")
        return None if await rows.remove(context.pool, identity, (owner, patient)) else _missing()

    async def _may_read(self, file: DraftFile) -> bool:
        owner, provider = owner_of(self._context)
        if file.owner == owner and file.provider == provider and denied(self._context, file.patient) is None:
            return True
        unit = self._context.principal.assignment.unit
        if file.kind != DICTATION or file.unit != unit:
            return False
        return await readable_note(self._context, file.patient, file.note) is not None

    async def _refused(self, deny: Deny, patient: str) -> Refusal:
        await self._context.log("draft", "refused", deny.rule, patients=(patient,))
        return forbidden(deny)

    async def _noted(self, file: DraftFile, note: str) -> None:
        basis = "own-draft" if file.owner == self._context.principal.actor.id else "same-unit"
        what = (f"draft/{file.note}", f"file/{file.id}")
        await self._context.log("draft", "permitted", basis, patients=(file.patient,), what=what, note=note)


def fit(kind: str, name: str, content: bytes, settings: ProviderSettings) -> tuple[str, bytes] | Refusal:
    """The media type of a file and what is kept of it; or why it is not taken, with what would be."""
    if not name.strip() or len(name) > LONGEST_NAME or _unprintable(name):
        wrong = phrase("The file needs a name of at most %(number)s characters.", number=LONGEST_NAME)
        return refuse(RefusalKind.INVALID, "value", wrong)
    if not content:
        return refuse(RefusalKind.INVALID, "value", phrase("%(name)s is empty.", name=name))
    if len(content) > settings.attachment_mb * MIB:
        return too_large(name, settings)
    media_type = media.told(content)
    wanted = _wanted(kind, settings)
    if media_type not in wanted.values():
        unknown = phrase(
            "%(name)s is none of the kinds that can be attached here: %(kinds)s. What the file is called "
            "does not count, only what it is.",
            name=name,
            kinds=", ".join(one.upper() for one in wanted),
        )
        return refuse(RefusalKind.INVALID, "not-supported", unknown)
    assert media_type is not None
    kept = media.without_traces(content, media_type)
    if kept is None:
        broken = phrase(
            "%(name)s is damaged and cannot be read. Take or choose the picture again.", name=name
        )
        return refuse(RefusalKind.INVALID, "structure", broken)
    return media_type, kept


def too_large(name: str, settings: ProviderSettings) -> Refusal:
    """The refusal of a file that is larger than the care provider has decided."""
    long = phrase(
        "%(name)s is larger than %(size)s MB, which is the most that a file may be here.",
        name=name,
        size=settings.attachment_mb,
    )
    return refuse(RefusalKind.TOO_LARGE, "too-long", long)


def _wanted(kind: str, settings: ProviderSettings) -> dict[str, str]:
    if kind == DICTATION:
        return dict(media.SOUNDS)
    return {name: media.ATTACHABLE[name] for name in settings.attachment_types}


def _unprintable(text: str) -> bool:
    return any(ord(each) < 32 or ord(each) == 127 for each in text)


def _is_identity(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _missing() -> Refusal:
    return refuse(RefusalKind.NOT_FOUND, "not-found", phrase("There is no such draft or file."))
