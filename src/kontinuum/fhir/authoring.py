"""What is common to resources that a person writes in a form: author, codes, dates, ids. Pure."""

from __future__ import annotations

import re
import uuid
from datetime import date
from typing import Any, Final

from kontinuum.kernel.principal import Principal

HL7: Final = "http://terminology.hl7.org/CodeSystem"

_IDS: Final = uuid.UUID("5a9c4a0e-7b58-4c0b-9d9a-2f4f3c1f6f0d")
_CONTACTS: Final = uuid.UUID("0b9f2a3e-52b0-4f7e-8f7c-6d1f0a4b9c21")
_PRECISIONS: Final = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")


def author(principal: Principal) -> dict[str, Any]:
    """The writer, as resources name an author (http://hl7.org/fhir/R4/references.html#Reference)."""
    named = {"display": principal.signature}
    reference = principal.actor.reference
    return {"reference": reference, **named} if reference else named


def hl7(system: str, code: str) -> dict[str, Any]:
    """A CodeableConcept of one of HL7's own code systems."""
    return {"coding": [{"system": f"{HL7}/{system}", "code": code}]}


def coded(system: str, code: str, display: str, text: str = "") -> dict[str, Any]:
    """A CodeableConcept of one code, in the words that were used; without words the display stands."""
    return {"coding": [{"system": system, "code": code, "display": display}], "text": text or display}


def form_id(principal: Principal, patient: str, token: str) -> str:
    """The id of what a form writes: the same form sent twice writes once, and nobody else's entry."""
    return str(uuid.uuid5(_IDS, f"{principal.actor.id}/{patient}/{token}"))


def contact_of(booking: str) -> str:
    """The id of the contact that comes of a booking: however often a patient is let in, it is one."""
    return str(uuid.uuid5(_CONTACTS, f"Appointment/{booking}"))


def new_token() -> str:
    """What tells a form from every other."""
    return uuid.uuid4().hex


def read_date(text: str, today: date, *, ahead: bool = False) -> str | None:
    """A FHIR date as precise as it was given, `2019`, `2019-05` or `2019-05-02`; None for what is none.

    A date that is still to come is one only where it may lie `ahead` (http://hl7.org/fhir/R4/datatypes.html#date).
    """
    text = text.strip()
    if not _PRECISIONS.fullmatch(text):
        return None
    try:
        first = date.fromisoformat(text + "0000-01-01"[len(text) :])
    except ValueError:
        return None
    return text if ahead or first <= today else None
