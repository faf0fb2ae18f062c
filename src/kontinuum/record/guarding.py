"""What must not happen to an entry by an ordinary write: each check gives a refusal that says what to do.

patientdatalagen (2008:355) 3:8 (what the patient says) and 3:14 (corrections), HSLF-FS 2022:42 (what is
kept back).
"""

from __future__ import annotations

from collections import Counter
from enum import Flag, auto
from typing import Any, Final

from kontinuum.access.kept_back import ACT_CODE, LABELLED_WITHIN, labels, may_hold
from kontinuum.fhir import json
from kontinuum.fhir.definitions import RESOURCE_TYPES
from kontinuum.kernel.i18n import phrase
from kontinuum.kernel.principal import ActorKind, Principal
from kontinuum.record.outcome import Refusal, RefusalKind, refuse
from kontinuum.store.resources.rows import ResourceRow

ENTRY_CODES: Final = "urn:kontinuum:codes:entry"
DISSENT: Final = "dissent"
"""Category of the Communication in which a patient says that an entry is wrong."""
OWN_WORDS: Final = "own-words"
"""Category of the Communication in which a patient writes own words to a contact or note."""

CORRECTION_PROVISION: Final = "patientdatalagen (2008:355) 3:14"
DISSENT_PROVISION: Final = "patientdatalagen (2008:355) 3:8"
KEPT_BACK_PROVISION: Final = "HSLF-FS 2022:42"

_SIGNED: Final = {
    "Composition": ("status", frozenset({"final", "amended"})),
    "DiagnosticReport": ("status", frozenset({"final", "amended", "corrected", "appended"})),
    "DocumentReference": ("docStatus", frozenset({"final", "amended"})),
}
"""The types that carry signed text, and the states in which it is signed.

Measured values are not among them: they are corrected where they come from, and every version tells who wrote
it and when.
"""

_SAID_MARKS: Final = tuple(f'"{code}"'.encode() for code in (DISSENT, OWN_WORDS))


class Grounds(Flag):
    """What a write has been given besides the new content."""

    NONE = 0
    REASON = auto()
    """A recorded reason: a signed entry may be changed."""
    LIFT = auto()
    """A decision about what is kept back: its label may go."""
    OWN = auto()
    """The patient's own will: what the patient has said may be changed or taken back."""
    MOVED = auto()
    """The accountable unit's plan to move the patient here: the receiving unit may take the contact over."""


def is_signed(resource: dict[str, Any]) -> bool:
    """Whether an entry is signed or final, so that a change of it is a correction."""
    element, states = _SIGNED.get(resource.get("resourceType", ""), ("", frozenset[str]()))
    return resource.get(element) in states


def is_dissent(resource: dict[str, Any]) -> bool:
    """Whether a resource is a patient's dissent."""
    return said_by_patient(resource) == DISSENT


def said_by_patient(resource: dict[str, Any]) -> str:
    """`DISSENT` or `OWN_WORDS` where a resource is what a patient has said; empty for all else."""
    if resource.get("resourceType") != "Communication":
        return ""
    found = {
        coding.get("code")
        for category in resource.get("category") or ()
        for coding in category.get("coding") or ()
        if coding.get("system") == ENTRY_CODES
    }
    return next((code for code in (DISSENT, OWN_WORDS) if code in found), "")


def veto(
    principal: Principal, grounds: Grounds, resource: dict[str, Any] | None, row: ResourceRow
) -> Refusal | None:
    """Why an existing row may not get this new version (None: a deletion)."""
    if row.body is None:
        return None
    name = RESOURCE_TYPES[row.type - 1]
    reasoned = Grounds.REASON in grounds or principal.actor.kind is not ActorKind.STAFF
    if name in _SIGNED and not reasoned and is_signed(json.loads(row.body)):
        return _without_reason(name, row.id, resource)
    may_be_said = name == "Communication" and any(mark in row.body for mark in _SAID_MARKS)
    if may_be_said and Grounds.OWN not in grounds and (said := said_by_patient(json.loads(row.body))):
        return _not_ones_own(said, f"{name}/{row.id}")
    if Grounds.LIFT not in grounds and may_hold(row.body):
        return _loses_labels(name, row, resource)
    return None


def _not_ones_own(said: str, entry: str) -> Refusal:
    dissent = phrase(
        "%(entry)s is a patient's dissent: only the patient may withdraw it, and nobody may change "
        "it. (%(provision)s)",
        entry=entry,
        provision=DISSENT_PROVISION,
    )
    words = phrase("%(entry)s is a patient's own words: only who wrote them may change them.", entry=entry)
    return refuse(RefusalKind.FORBIDDEN, "business-rule", dissent if said == DISSENT else words)


def _without_reason(name: str, logical_id: str, resource: dict[str, Any] | None) -> Refusal:
    values = {"entry": f"{name}/{logical_id}", "provision": CORRECTION_PROVISION}
    removed = phrase(
        "%(entry)s is signed, so it is not removed without a recorded reason (%(provision)s). Mark it as "
        "entered in error, with a reason.",
        **values,
    )
    changed = phrase(
        "%(entry)s is signed, so it is not changed without a recorded reason (%(provision)s). Correct it "
        "with a reason: on its page, or by the header X-Provenance with `reason`.",
        **values,
    )
    return refuse(RefusalKind.INVALID, "business-rule", removed if resource is None else changed)


def _loses_labels(name: str, row: ResourceRow, resource: dict[str, Any] | None) -> Refusal | None:
    """A new version that forgets what is kept back would show it to the patient."""
    held = Counter(map(json.dumps, labels(json.loads(row.body or b"{}"))))
    lost = held - Counter(map(json.dumps, labels(resource))) if resource is not None else held
    if not lost:
        return None
    return refuse(
        RefusalKind.INVALID,
        "business-rule",
        phrase(
            "%(entry)s has parts that are kept back from the patient, and the new version would lose "
            "%(number)s of the labels that say so (%(provision)s). Keep every label as it is, or lift the "
            "decision first.",
            entry=f"{name}/{row.id}",
            number=sum(lost.values()),
            provision=KEPT_BACK_PROVISION,
        ),
    )


def unmarked(resource: dict[str, Any], body: bytes) -> Refusal | None:
    """A label on a part counts only if the whole says that there is one: searches look there.

    `body` is the resource as it is about to be stored.
    """
    if not may_hold(body):
        return None
    meta = resource.get("meta") or {}
    security = meta.get("security") or ()
    marked = any(each.get("system") == ACT_CODE and each.get("code") == LABELLED_WITHIN for each in security)
    whole = {json.dumps(each) for each in security}
    if marked or all(json.dumps(each) in whole for each in labels(resource)):
        return None
    return refuse(
        RefusalKind.INVALID,
        "business-rule",
        "A part is labelled as kept back from the patient, but meta.security does not hold "
        f"{LABELLED_WITHIN} of {ACT_CODE}, by which such resources are told apart. Add it.",
        f"{resource.get('resourceType')}.meta.security",
    )
