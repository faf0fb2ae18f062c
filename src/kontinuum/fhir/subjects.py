"""Whose a resource is, among search results about several patients. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar

from kontinuum.fhir import json as fhir_json


class HasBody(Protocol):
    """A stored version of a resource."""

    @property
    def body(self) -> bytes | None:
        """The serialised JSON; None for a deletion."""
        ...


E = TypeVar("E", bound=HasBody)


def by_patient(entries: Iterable[E]) -> Mapping[str, list[E]]:
    """Entries by the id of the Patient whom `subject`, `patient` or `for` names, in their order."""
    found: dict[str, list[E]] = {}
    for entry in entries:
        body: dict[str, Any] = fhir_json.loads(entry.body) if entry.body else {}
        named = (body.get("subject") or body.get("patient") or body.get("for") or {}).get("reference", "")
        kind, _, identity = named.rpartition("/")
        if kind.rpartition("/")[2] == "Patient":
            found.setdefault(identity, []).append(entry)
    return found
