"""An entry of the log as a FHIR AuditEvent (http://hl7.org/fhir/R4/auditevent.html).

The id tells the entry's place in the log, `log-<writer>-<block>-<number>`, so that an event leads back to
the sealed block that proves it.
"""

from __future__ import annotations

import base64
import re
from typing import Any, Final

from kontinuum.audit.entry import AuditEntry
from kontinuum.kernel.clock import instant
from kontinuum.kernel.principal import ActorKind, Purpose
from kontinuum.sweden import systems

_ID: Final = re.compile(r"log-(0|[1-9]\d{0,17})-([1-9]\d{0,17})-(0|[1-9]\d{0,8})")
_REFERENCE: Final = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}(/_history/[A-Za-z0-9\-.]{1,64})?")

_REST: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/audit-event-type",
    "code": "rest",
    "display": "RESTful Operation",
}
_AUTHENTICATION: Final = {
    "system": "http://dicom.nema.org/resources/ontology/DCM",
    "code": "110114",
    "display": "User Authentication",
}
_INTERACTION: Final = "http://hl7.org/fhir/restful-interaction"
_ACTIONS: Final = "urn:kontinuum:codesystem:audit-action"
_ENTITY_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ENTITY_ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"
_REASON: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_PURPOSES: Final = "urn:kontinuum:codesystem:purpose"

INTERACTIONS: Final = {
    "read": ("read", "R"),
    "vread": ("vread", "R"),
    "history": ("history", "R"),
    "search": ("search", "E"),
    "create": ("create", "C"),
    "import": ("create", "C"),
    "update": ("update", "U"),
    "delete": ("delete", "D"),
    "transaction": ("transaction", "E"),
    "batch": ("batch", "E"),
}
"""What FHIR calls our actions, and whether they create, read, update, delete or execute."""

AUTHENTICATING: Final = frozenset(
    ("sign-in", "switch-assignment", "lock", "unlock", "take-over", "sign-out", "authenticate", "mint-token")
)
"""Actions by which somebody comes in, goes, or tries to."""

OUTCOMES: Final = {"permitted": "0", "not-found": "4", "refused": "8", "failed": "12"}
"""http://hl7.org/fhir/R4/valueset-audit-event-outcome.html: success, minor, serious, major failure."""

_REASONS: Final = {
    Purpose.CARE: ("TREAT", "treatment"),
    Purpose.ADMINISTRATION: ("HOPERAT", "healthcare operations"),
    Purpose.QUALITY: ("HQUALIMP", "health quality improvement"),
    Purpose.SUPERVISION: ("HSYSADMIN", "health system administration"),
    Purpose.STATISTICS: ("HOUTCOMS", "health outcome measure"),
    Purpose.PATIENT: ("PATRQT", "patient requested"),
    Purpose.SYSTEM: ("HOPERAT", "healthcare operations"),
}


def event_id(writer: int, block: int, number: int) -> str:
    """The id of the AuditEvent at a place in the log."""
    return f"log-{writer}-{block}-{number}"


def place_of(logical_id: str) -> tuple[int, int, int] | None:
    """The place (writer, block, number) that an id names; None for an id of another form."""
    found = _ID.fullmatch(logical_id)
    return None if found is None else (int(found[1]), int(found[2]), int(found[3]))


def to_event(entry: AuditEntry, logical_id: str) -> dict[str, Any]:
    """The entry as an AuditEvent."""
    interaction, code = INTERACTIONS.get(entry.action, (None, "E"))
    subtype = [{"system": _ACTIONS, "code": entry.action}]
    if interaction is not None:
        subtype.insert(0, {"system": _INTERACTION, "code": interaction})
    event: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": logical_id,
        "type": _AUTHENTICATION if entry.action in AUTHENTICATING else _REST,
        "subtype": subtype,
        "action": code,
        "recorded": instant(entry.recorded),
        "outcome": OUTCOMES[entry.outcome],
        "agent": list(_agents(entry)),
        "source": {"site": entry.client or "kontinuum", "observer": {"display": "Kontinuum"}},
    }
    if entry.purpose:  # nobody known has none
        event["purposeOfEvent"] = [_purpose(entry.purpose)]
    if entry.note:
        event["outcomeDesc"] = entry.note
    entities = [*_patients(entry), *_objects(entry)]
    if entities:
        event["entity"] = entities
    return event


def _purpose(purpose: str) -> dict[str, Any]:
    codings = [{"system": _PURPOSES, "code": purpose}]
    if purpose in _REASONS:
        code, display = _REASONS[Purpose(purpose)]
        codings.insert(0, {"system": _REASON, "code": code, "display": display})
    return {"coding": codings}


def _agents(entry: AuditEntry) -> list[dict[str, Any]]:
    """The person or system, then the unit and provider under which it acted."""
    who: dict[str, Any] = {"identifier": {"value": entry.actor}, "display": entry.actor_name or entry.actor}
    if not entry.actor:
        who = {"display": entry.actor_name or "Unknown"}
    elif entry.actor_kind == ActorKind.STAFF and _REFERENCE.fullmatch(f"Practitioner/{entry.actor}"):
        who = {"reference": f"Practitioner/{entry.actor}", "display": entry.actor_name or entry.actor}
    elif entry.actor_kind == ActorKind.PATIENT and _REFERENCE.fullmatch(f"Patient/{entry.actor}"):
        who = {"reference": f"Patient/{entry.actor}"}
    agent: dict[str, Any] = {"who": who, "requestor": True}
    if entry.assignment:
        agent["altId"] = entry.assignment
    if entry.basis:
        agent["policy"] = [f"urn:kontinuum:basis:{entry.basis.replace(' ', '-')}"]
    agents = [agent]
    for role, hsa_id in (("unit", entry.unit), ("provider", entry.provider)):
        if hsa_id:
            identifier = {"system": systems.HSA_ID, "value": hsa_id}
            organization = {"type": "Organization", "identifier": identifier}
            agents.append({"role": [{"text": role}], "who": organization, "requestor": False})
    return agents


def _patients(entry: AuditEntry) -> list[dict[str, Any]]:
    return [
        {
            "what": {"reference": f"Patient/{patient}"},
            "type": {"system": _ENTITY_TYPE, "code": "1", "display": "Person"},
            "role": {"system": _ENTITY_ROLE, "code": "1", "display": "Patient"},
        }
        for patient in entry.patients
    ]


def _objects(entry: AuditEntry) -> list[dict[str, Any]]:
    """What was accessed: references as references, a search as the query that was asked."""
    found: list[dict[str, Any]] = []
    for what in entry.what:
        thing: dict[str, Any] = {
            "type": {"system": _ENTITY_TYPE, "code": "2", "display": "System Object"},
        }
        if _REFERENCE.fullmatch(what):
            thing["what"] = {"reference": what}
            thing["role"] = {"system": _ENTITY_ROLE, "code": "4", "display": "Domain Resource"}
        elif "?" in what:
            thing["role"] = {"system": _ENTITY_ROLE, "code": "24", "display": "Query"}
            thing["query"] = base64.b64encode(what.encode()).decode()
        elif what.strip("/ "):
            thing["name"] = what
        else:
            continue
        found.append(thing)
    if entry.count is not None:
        if not found:
            found.append({"type": {"system": _ENTITY_TYPE, "code": "2", "display": "System Object"}})
        found[0]["detail"] = [{"type": "count", "valueString": str(entry.count)}]
    return found
