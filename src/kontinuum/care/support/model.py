"""What the services read of resources that may come from anywhere; what does not fit is told, not guessed.

http://hl7.org/fhir/R4/allergyintolerance.html, …/medicationrequest.html, …/flag.html, …/patient.html
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from kontinuum.fhir.datatypes import CodeableConcept, Element, Meta
from kontinuum.sweden import systems


class Alert(Element, frozen=True):
    """Flag."""

    status: str = ""
    code: CodeableConcept = CodeableConcept()


class Person(Element, frozen=True):
    """Patient: never who it is."""

    deceased_boolean: bool | None = None
    deceased_date_time: str | None = None
    meta: Meta = Meta()

    @property
    def protected(self) -> bool:
        """Whether the identity is protected."""
        return any(one.system == systems.SECURITY_LABEL for one in self.meta.security)


T = TypeVar("T", bound=Element)


def read(resources: list[dict[str, Any]], view: type[T]) -> tuple[list[T], int]:
    """Resources as a view, and how many were not of its form."""
    found, wrong = [], 0
    for one in resources:
        try:
            found.append(msgspec.convert(one, view))
        except msgspec.ValidationError:
            wrong += 1
    return found, wrong
