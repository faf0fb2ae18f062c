"""What the gate answers: stored resources, pages of them, results of writes, or a refusal.

Refusals are values. Whoever calls the gate branches on `isinstance(answer, Refusal)`; an exception
from the gate is a fault of the system, never a decision.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

import msgspec

from kontinuum.fhir.issues import Issue
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import Phrase, Translator


class Stored(msgspec.Struct, frozen=True):
    """One version of a resource as it stands in the store.

    `body` is the serialised JSON, returned verbatim, and None when this version is a deletion.
    `updated` is in microseconds since 1970. `unit` and `provider` are the HSA-ids accountable for it.
    """

    type: str
    id: str
    version: int
    updated: int
    body: bytes | None
    unit: str
    provider: str

    def with_body(self, body: bytes | None) -> Stored:
        """The same version with what may be shown of it."""
        return msgspec.structs.replace(self, body=body)

    @property
    def deleted(self) -> bool:
        """Whether this version records a deletion."""
        return self.body is None

    @property
    def last_updated(self) -> datetime:
        """When this version was written, in UTC."""
        return from_micros(self.updated)

    @property
    def reference(self) -> str:
        """The literal reference `Type/id`."""
        return f"{self.type}/{self.id}"


class Change(Enum):
    """What a write did."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Written:
    """The result of a write: what happened and the version that now is current.

    `remarks` tell what could be better in what was written; none of them stood in the way.
    """

    change: Change
    stored: Stored
    remarks: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of a search; `next` is the cursor of the following page, None on the last."""

    matches: tuple[Stored, ...]
    included: tuple[Stored, ...] = ()
    total: int | None = None
    next: str | None = None


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """One page of history, newest first; `next` is the cursor of the following page."""

    entries: tuple[Stored, ...]
    next: str | None = None


class RefusalKind(Enum):
    """Why the gate refused; each has one HTTP status (http://hl7.org/fhir/R4/http.html)."""

    BAD_REQUEST = 400
    FORBIDDEN = 403
    NOT_FOUND = 404
    NOT_ALLOWED = 405
    CONFLICT = 409
    GONE = 410
    PRECONDITION_FAILED = 412
    TOO_LARGE = 413
    INVALID = 422


@dataclass(frozen=True, slots=True)
class Refusal:
    """A decision not to do what was asked, in words a person understands.

    `provision` cites the statute when the law refused. `stored` is set for GONE: the deletion.
    """

    kind: RefusalKind
    issues: tuple[Issue, ...]
    provision: str | None = None
    stored: Stored | None = field(default=None)

    def in_words(self, translator: Translator) -> tuple[str, ...]:
        """Why, in the reader's language."""
        return tuple(
            translator.say(each.phrase) if each.phrase else translator.gettext(each.message)
            for each in self.issues
        )


def refuse(kind: RefusalKind, code: str, message: str | Phrase, location: str | None = None) -> Refusal:
    """A refusal with a single issue; what people may come to read on a page is a Phrase."""
    told = message if isinstance(message, Phrase) else None
    return Refusal(kind, (Issue("error", code, str(message), location, told),))
