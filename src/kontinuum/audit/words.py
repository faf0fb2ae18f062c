"""The log in words that a patient can judge (patientdatalagen (2008:355) 8:5): when, where, what.

Pure. Accesses that belong together, the same person at the same unit doing the same within half an hour,
are told in one line.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from kontinuum.audit.entry import AuditEntry
from kontinuum.audit.event import AUTHENTICATING
from kontinuum.kernel.i18n import Translator, message
from kontinuum.kernel.principal import ActorKind

TOGETHER_MICROS: Final = 30 * 60 * 1_000_000

_THINGS: Final = {
    "AllergyIntolerance": message("allergies and hypersensitivity"),
    "Appointment": message("bookings"),
    "CarePlan": message("care plans"),
    "Composition": message("notes"),
    "Condition": message("diagnoses"),
    "DiagnosticReport": message("test results"),
    "DocumentReference": message("documents"),
    "Encounter": message("visits"),
    "Flag": message("warnings"),
    "Immunization": message("vaccinations"),
    "MedicationAdministration": message("medicines"),
    "MedicationRequest": message("medicines"),
    "MedicationStatement": message("medicines"),
    "Observation": message("measurements and test results"),
    "Organization": message("units and staff"),
    "Patient": message("personal details"),
    "Practitioner": message("units and staff"),
    "PractitionerRole": message("units and staff"),
    "Procedure": message("treatments"),
    "RelatedPerson": message("close relatives"),
    "ServiceRequest": message("referrals and orders"),
    "Task": message("tasks"),
}
_BESIDE: Final = frozenset({"Provenance"})
"""Who and why, which is written and read beside everything else and says nothing by itself."""
_OTHER: Final = message("other parts of the record")

_SAID: Final = {
    "identity": message("Looked up who the patient is"),
    "read": message("Read: %(things)s"),
    "write": message("Wrote: %(things)s"),
    "delete": message("Removed: %(things)s"),
    "export": message("Gave out a copy of the record"),
    "log": message("Read the log of accesses"),
    "review": message("Reviewed the log of accesses"),
    "refused": message("Tried to get access and was refused"),
    "sign-in": message("Signed in"),
    "sign-out": message("Ended the session"),
    "switch-assignment": message("Changed assignment"),
    "lock": message("Locked the screen"),
    "unlock": message("Unlocked the screen"),
    "take-over": message("Took over the session on another workstation"),
    "mint-token": message("Made a key for a computer system"),
    "sign-in-refused": message("Tried to sign in and was refused"),
    "other": message("Worked with: %(things)s"),
    "emergency-opening": message("Opened the record in an emergency"),
    "close-opening": message("Ended an emergency opening"),
    "state-relation": message("Stated why the record is needed"),
    "active-choice": message("Chose to read other units' information"),
    "inform": message("Told the patient that data are offered to other care providers"),
    "consent": message("Noted a consent to read from other care providers"),
    "block": message("Set a block"),
    "lift": message("Lifted a block for a time"),
    "annul": message("Ended a block, a consent or an appointment"),
    "represent": message("Noted who acts for the patient"),
    "appoint": message("Appointed a proxy"),
    "correct": message("Corrected: %(things)s"),
    "dissent": message("Noted that the patient holds an entry to be wrong"),
    "withdraw-dissent": message("Took back that an entry is wrong"),
    "own-words": message("Wrote own words to the record"),
    "withdraw-own-words": message("Took own words in the record back"),
    "register-destruction": message("Registered a decision to destroy information"),
    "destroy": message("Destroyed information by decision of the authority"),
    "permit-app": message("Permitted an app to read or write"),
    "withdraw-app": message("Withdrew the permission of an app"),
    "ask-service": message("Asked a decision support service of others"),
}

_ACTS: Final = (
    "emergency-opening",
    "close-opening",
    "state-relation",
    "active-choice",
    "consent",
    "block",
    "lift",
    "annul",
    "represent",
    "appoint",
    "dissent",
    "withdraw-dissent",
    "own-words",
    "withdraw-own-words",
    "permit-app",
    "withdraw-app",
    "ask-service",
)
"""What is done by or for the patient; each is told as what it is."""

_KINDS: Final = {
    "read": "read",
    "vread": "read",
    "search": "read",
    "history": "read",
    "notify": "read",
    "create": "write",
    "update": "write",
    "import": "write",
    "transaction": "write",
    "write": "write",
    "delete": "delete",
    "export": "export",
    "export-log": "log",
    "extract-log": "log",
    "read-log": "log",
    "review-log": "review",
    "correct": "correct",
    "register-destruction": "register-destruction",
    "destroy": "destroy",
    "breach-report": "review",
    **{act: act for act in _ACTS},
}


@dataclass(frozen=True, slots=True)
class Line:
    """Accesses told in one line; times in µs. `actor_kind` tells staff from the patient and from systems."""

    first: int
    last: int
    unit: str
    provider: str
    actor: str
    name: str
    actor_kind: str
    said: str
    times: int


def kind_of(entry: AuditEntry) -> str:
    """What sort of access an entry is: a key of what is said about it."""
    if entry.action in AUTHENTICATING:
        return "sign-in-refused" if entry.outcome != "permitted" else entry.action
    if entry.outcome == "refused":
        return "refused"
    kind = _KINDS.get(entry.action, "other")
    types = types_of(entry)
    return "identity" if kind == "read" and types == ("Patient",) and entry.action == "search" else kind


def say(kind: str, things: Collection[str], translator: Translator) -> str:
    """A kind of access and the types of what was accessed, in words."""
    told = [name for name in things if name not in _BESIDE] or list(things)
    words = dict.fromkeys(thing(name, translator) for name in told)
    other = translator.gettext(_OTHER)
    listed = [*sorted(word for word in words if word != other), *([other] if other in words else [])]
    text = translator.gettext(_SAID[kind])
    return text % {"things": ", ".join(listed) or other} if "%(things)s" in text else text


def in_words(entry: AuditEntry, translator: Translator) -> str:
    """One entry in words."""
    return say(kind_of(entry), types_of(entry), translator)


def lines(entries: Sequence[AuditEntry], translator: Translator) -> list[Line]:
    """Entries, newest first, as lines, newest first."""
    found: list[Line] = []
    group: list[AuditEntry] = []
    for entry in entries:
        if group and not _together(group[-1], entry):
            found.append(_line(group, translator))
            group = []
        group.append(entry)
    if group:
        found.append(_line(group, translator))
    return found


def _together(later: AuditEntry, earlier: AuditEntry) -> bool:
    same = (later.actor, later.unit, later.provider, kind_of(later)) == (
        earlier.actor,
        earlier.unit,
        earlier.provider,
        kind_of(earlier),
    )
    return same and later.recorded - earlier.recorded <= TOGETHER_MICROS


def _line(group: Sequence[AuditEntry], translator: Translator) -> Line:
    newest, oldest = group[0], group[-1]
    things = dict.fromkeys(name for entry in group for name in types_of(entry))
    return Line(
        oldest.recorded,
        newest.recorded,
        newest.unit,
        newest.provider,
        newest.actor,
        newest.actor_name or newest.actor,
        newest.actor_kind,
        say(kind_of(newest), things, translator),
        len(group),
    )


def who(line: Line, translator: Translator, *, names: bool, patient: str) -> str:
    """Who is told to have had access; the name of staff only where the provider's setting says so."""
    if line.actor_kind == ActorKind.PATIENT:
        return (
            translator.gettext("You yourself")
            if line.actor == patient
            else translator.gettext("Another person on own behalf")
        )
    if line.actor_kind == ActorKind.SYSTEM:
        return translator.gettext("A computer system")
    return line.name if names else translator.gettext("Staff")


def thing(type_name: str, translator: Translator) -> str:
    """A resource type in words."""
    return translator.gettext(_THINGS.get(type_name, _OTHER))


def types_of(entry: AuditEntry) -> tuple[str, ...]:
    """The types of what was accessed: of references `Type/…` and searches `Type?…`."""
    found = dict.fromkeys(
        what.replace("?", "/", 1).partition("/")[0] for what in entry.what if what[:1].isupper()
    )
    return tuple(name for name in found if name.isalpha())
