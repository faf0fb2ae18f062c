"""What is written of a contact, as resources. Pure.

http://hl7.org/fhir/R4/encounter.html, http://hl7.org/fhir/R4/appointment.html,
http://hl7.org/fhir/R4/procedure.html
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from kontinuum.care.contacts.kinds import (
    ACT_CODE,
    ADMISSION,
    CANCELLATION,
    CANCELLED_BY,
    DESTINATIONS,
    DISPOSITION,
    KINDS,
    SYSTEM,
)
from kontinuum.fhir.authoring import coded, contact_of
from kontinuum.fhir.stays import placed, unplanned
from kontinuum.kernel.terms import Term

Reference = Mapping[str, Any]
_TEAMS: Final = uuid.UUID("3d6a1d0e-4f53-4a5b-9f0e-2b7c8f1a6e35")
_MEETING: Final = "http://terminology.hl7.org/CodeSystem/v2-0276"


@dataclass(frozen=True, slots=True)
class Placing:
    """Where a patient lies: references of the ward, if it is known, and of the bed, if there is one."""

    ward: Reference | None
    bed: Reference | None

    @property
    def here(self) -> list[Reference]:
        """The places."""
        return [one for one in (self.ward, self.bed) if one is not None]


@dataclass(frozen=True, slots=True)
class Booking:
    """What is booked: `staff` with reference and display; `reason` letter for letter or empty."""

    kind: str
    start: datetime
    end: datetime
    staff: Reference
    reason: str


def begun(
    identity: str, patient: str, kind: str, moment: str, author: Reference, unit: Reference, reason: str = ""
) -> dict[str, Any]:
    """A contact that begins now, under way."""
    made: dict[str, Any] = {
        "resourceType": "Encounter",
        "id": identity,
        "status": "in-progress",
        **_kind(kind),
        "subject": {"reference": f"Patient/{patient}"},
        "participant": [{"individual": dict(author)}],
        "period": {"start": moment},
        "serviceProvider": dict(unit),
    }
    return with_reason(made, reason)


def _kind(kind: str) -> dict[str, Any]:
    one = KINDS[kind]
    return {
        "class": {"system": ACT_CODE, "code": one.code, "display": one.display},
        "type": [coded(SYSTEM, kind, one.swedish)],
    }


def with_reason(resource: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """A contact or booking for a reason in words; other words than before take the codes with them."""
    made = dict(resource)
    before = [one.get("text", "") for one in resource.get("reasonCode") or ()]
    if reason.strip() and ", ".join(before) != reason:
        made["reasonCode"] = [{"text": reason}]
    elif not reason.strip():
        made.pop("reasonCode", None)
    return made


def arrived(
    booking: Mapping[str, Any], kind: str, patient: str, moment: str, unit: Reference
) -> dict[str, Any]:
    """The contact that comes of a booking, planned until a step is taken."""
    staff = [
        {"individual": one["actor"]}
        for one in booking.get("participant") or ()
        if (one.get("actor") or {}).get("reference", "").startswith(("Practitioner/", "PractitionerRole/"))
    ]
    made: dict[str, Any] = {
        "resourceType": "Encounter",
        "id": contact_of(booking["id"]),
        "status": "planned",
        **_kind(kind),
        "subject": {"reference": f"Patient/{patient}"},
        "appointment": [{"reference": f"Appointment/{booking['id']}"}],
        "period": {"start": booking.get("start") or moment},
        "serviceProvider": dict(unit),
    }
    named = (booking.get("serviceType") or [{}])[0].get("text")
    if named and kind == "visit":
        made["type"] = [{**made["type"][0], "text": named}]
    if staff:
        made["participant"] = staff
    if booking.get("reasonCode"):
        made["reasonCode"] = booking["reasonCode"]
    return made


def booked(
    identity: str, patient: str, what: Booking, moment: str, before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A booking; `before` is the one that gets another time, whose other elements stay."""
    staff = {"actor": dict(what.staff), "status": "accepted"}
    whose = {"actor": {"reference": f"Patient/{patient}"}, "status": "accepted"}
    kept = [
        one
        for one in (before or {}).get("participant") or ()
        if not (one.get("actor") or {})
        .get("reference", "")
        .startswith(("Patient/", "Practitioner/", "PractitionerRole/"))
    ]
    made: dict[str, Any] = {
        "created": moment,
        "appointmentType": {"coding": [{"system": _MEETING, "code": "FOLLOWUP"}]},
        **(before or {}),
        "resourceType": "Appointment",
        "id": identity,
        "status": "booked",
        "serviceType": [coded(SYSTEM, what.kind, KINDS[what.kind].swedish)],
        "start": what.start.isoformat(timespec="seconds"),
        "end": what.end.isoformat(timespec="seconds"),
        "participant": [whose, staff, *kept],
    }
    if before is not None and _kind_of(before) == what.kind:
        made["serviceType"] = before["serviceType"]
    for gone in ("text", "minutesDuration", "cancelationReason", "slot"):
        made.pop(gone, None)
    return with_reason(made, what.reason)


def _kind_of(booking: Mapping[str, Any]) -> str:
    types = booking.get("serviceType") or ()
    codes = (one for each in types for one in each.get("coding") or ())
    known = next(
        (one["code"] for one in codes if one.get("system") == SYSTEM and one.get("code") in KINDS), ""
    )
    return known or "visit"


kind_of_booking = _kind_of


def put(booking: Mapping[str, Any], status: str, by: str = "") -> dict[str, Any]:
    """A booking in another state; `by` says who cancelled it, a key of `CANCELLED_BY`."""
    made = {**booking, "status": status}
    made.pop("cancelationReason", None)
    made.pop("text", None)
    if by:
        made["cancelationReason"] = coded(CANCELLATION, by, CANCELLED_BY[by][1])
    return made


def discharged(encounter: Mapping[str, Any], destination: str, moment: str) -> dict[str, Any]:
    """An admission with where the patient went; the bed is left."""
    left = placed(unplanned(encounter), (), moment)
    stay = {**(encounter.get("hospitalization") or {})}
    stay["dischargeDisposition"] = coded(DISPOSITION, destination, DESTINATIONS[destination][1])
    return {**left, "hospitalization": stay}


def admitted(
    identity: str, patient: str, moment: str, author: Reference, unit: Reference, reason: str, where: Placing
) -> dict[str, Any]:
    """An admission that begins now."""
    return placed(begun(identity, patient, ADMISSION, moment, author, unit, reason), where.here, moment)


def shared_id(contact: str, unit: str) -> str:
    """The id of what says that a unit and another one share a contact: one, whoever plans the move."""
    return str(uuid.uuid5(_TEAMS, f"{contact}/{unit}"))


def sharing(
    identity: str, patient: str, contact: str, units: Sequence[Reference], span: tuple[str, str]
) -> dict[str, Any]:
    """That the units between which a patient moves both take part in the care, the one from which first.

    http://hl7.org/fhir/R4/careteam.html: with one unit alone the move was taken back.
    """
    made: dict[str, Any] = {
        "resourceType": "CareTeam",
        "id": identity,
        "status": "active" if len(units) > 1 else "inactive",
        "name": "Överflyttning",
        "subject": {"reference": f"Patient/{patient}"},
        "encounter": {"reference": f"Encounter/{contact}"},
        "period": {"start": span[0], "end": span[1]},
        "participant": [{"member": dict(one)} for one in units],
        "managingOrganization": [dict(units[0])],
    }
    return made


def measured(
    identity: str, patient: str, contact: str, term: Term, moment: str, author: Reference
) -> dict[str, Any]:
    """A measure that was taken at a contact (KVÅ)."""
    return {
        "resourceType": "Procedure",
        "id": identity,
        "status": "completed",
        "code": coded(term.system, term.code, term.display),
        "subject": {"reference": f"Patient/{patient}"},
        "encounter": {"reference": f"Encounter/{contact}"},
        "performedDateTime": moment,
        "recorder": dict(author),
    }
