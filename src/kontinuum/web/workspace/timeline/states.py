"""What held on a day, of problems, medication, alerts and hypersensitivity. Pure.

A version that was written before the day's end says what stood then. An entry that came into this record
later, with an import, is judged by its own dates. What has ended without a date cannot be placed: it is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, NamedTuple

from kontinuum.web.workspace.timeline.describing import concept, what_of

Resource = Mapping[str, Any]

_OVER: Final = frozenset(
    {"inactive", "resolved", "remission", "completed", "stopped", "cancelled", "revoked"}
)
_NEVER: Final = frozenset({"entered-in-error", "refuted", "draft", "not-taken", "unknown"})
_FAR: Final = "9999-12-31"


class Held(StrEnum):
    """Whether an entry held on a day."""

    YES = "yes"
    NO = "no"
    NOT_TOLD = "not told"
    """It has ended, and nothing says when."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an entry, the day on which it was written, and where: unit and care provider by HSA-id."""

    written: str
    resource: Resource | None
    unit: str = ""
    provider: str = ""


class Origin(NamedTuple):
    """An entry behind what held, as it stood on the day, and whose it is."""

    resource: Resource
    unit: str
    provider: str


@dataclass(frozen=True, slots=True)
class Item:
    """What held: `key` tells it from others, `text` is what is compared, `origins` are what says so."""

    key: str
    what: str
    text: str
    reference: str
    origins: tuple[Origin, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """How something stood on each of two days; empty where it did not hold."""

    what: str
    before: str
    after: str
    reference: str
    before_from: tuple[Origin, ...] = ()
    after_from: tuple[Origin, ...] = ()

    @property
    def kind(self) -> str:
        """`added`, `ended`, `changed` or `same`."""
        if not self.before:
            return "added"
        if not self.after:
            return "ended"
        return "same" if self.before == self.after else "changed"


def held_on(versions: Sequence[Version], day: str) -> tuple[Held, Resource | None]:
    """Whether an entry held at the end of a day, and how it stood then. `versions` are newest first."""
    then = next((one for one in versions if one.written <= day), None)
    if then is not None:
        resource = then.resource
        if resource is None or _statuses(resource) & (_NEVER | _OVER):
            return Held.NO, None
        return (Held.YES, resource) if _begins(resource) <= day <= _ends(resource) else (Held.NO, None)
    resource = versions[0].resource
    if resource is None or _statuses(resource) & _NEVER or _begins(resource) > day:
        return Held.NO, None
    ends = _ends(resource)
    if _statuses(resource) & _OVER and ends == _FAR:
        return Held.NOT_TOLD, None
    return (Held.YES, resource) if day < ends else (Held.NO, None)


def item_of(resource: Resource, unit: str = "", provider: str = "") -> Item:
    """An entry as it is compared: a medicine by its substance, everything else by itself."""
    reference = f"{resource['resourceType']}/{resource['id']}"
    what = what_of(resource)
    origins = (Origin(resource, unit, provider),)
    if not reference.startswith("Medication"):
        return Item(reference, what, _told(resource) or what, reference, origins)
    codings = (resource.get("medicationCodeableConcept") or {}).get("coding") or ()
    code = next((str(coding["code"]) for coding in codings if coding.get("code")), what.lower())
    dosages = resource.get("dosageInstruction") or resource.get("dosage") or ()
    texts = [str(each.get("text")) for each in dosages if each.get("text")]
    return Item(code, what, " \N{EN DASH} ".join((what, *texts)), reference, origins)


def compared(before: Iterable[Item], after: Iterable[Item]) -> list[Change]:
    """Two days beside each other: what was added, ended and changed first, by name."""
    first, second = _by_key(before), _by_key(after)
    changes = []
    for key in dict.fromkeys((*first, *second)):
        was, now = first.get(key), second.get(key)
        newest = now or was
        assert newest is not None
        old, new = was.text if was else "", now.text if now else ""
        sides = (one.origins if one else () for one in (was, now))
        changes.append(Change(newest.what, old, new, newest.reference, *sides))
    return sorted(changes, key=lambda one: (one.kind == "same", one.what.lower()))


def _by_key(items: Iterable[Item]) -> dict[str, Item]:
    """What held, by its key; a substance that is given in two ways is one with both."""
    found: dict[str, Item] = {}
    for one in sorted(items, key=lambda each: (each.text, each.reference)):
        same = found.get(one.key)
        if same is None:
            found[one.key] = one
            continue
        known = one.text in same.text.split("; ")
        text = same.text if known else f"{same.text}; {one.text}"
        found[one.key] = replace(same, text=text, origins=(*same.origins, *one.origins))
    return found


def _told(resource: Resource) -> str:
    """What an entry says of itself, so that a change of it is seen."""
    codes = [resource.get(name) for name in ("clinicalStatus", "verificationStatus")]
    states = [str(coding.get("code")) for each in codes if each for coding in each.get("coding") or ()]
    ordinary = {"active", "confirmed"}
    notes = [str(each.get("text")) for each in resource.get("note") or ()]
    odd = [state for state in states if state not in ordinary]
    graded = (concept(resource.get("severity")), str(resource.get("criticality") or ""))
    return ", ".join(filter(None, (what_of(resource), *graded, *odd, *notes)))


def _statuses(resource: Resource) -> set[str]:
    codes = [resource.get(name) or {} for name in ("clinicalStatus", "verificationStatus")]
    found = {str(coding.get("code")) for each in codes for coding in each.get("coding") or ()}
    return found | {str(resource.get("status"))}


def _begins(resource: Resource) -> str:
    """The first day that an entry speaks of, else the day on which it was made."""
    periods = (resource.get("period"), resource.get("effectivePeriod"), resource.get("onsetPeriod"))
    names = ("onsetDateTime", "effectiveDateTime", "recordedDate", "authoredOn", "dateAsserted")
    starts = [(each or {}).get("start") for each in periods]
    return str(next((each for each in (*starts, *(resource.get(name) for name in names)) if each), ""))[:10]


def _ends(resource: Resource) -> str:
    """The last day, a later one than any when it has no end."""
    request = resource.get("dispenseRequest") or {}
    over = bool(_statuses(resource) & _OVER)
    periods = (
        resource.get("period"),
        resource.get("effectivePeriod"),
        resource.get("abatementPeriod"),
        # The validity of a prescription says when treatment ended only of one that is over.
        request.get("validityPeriod") if over else None,
    )
    ends = [(each or {}).get("end") for each in periods]
    return str(next((each for each in (resource.get("abatementDateTime"), *ends) if each), _FAR))[:10]
