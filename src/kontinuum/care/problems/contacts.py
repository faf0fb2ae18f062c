"""The contacts that a diagnosis can be set at: those of one's own unit, the latest first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from kontinuum.care.problems.writing import is_main
from kontinuum.fhir import json as fhir_json
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Chart, ResourceVersion
from kontinuum.kernel.principal import Principal

_LATEST: Final = 10
_NEVER: Final = frozenset({"planned", "cancelled", "entered-in-error"})
_CONTACT: Final = message("Contact")
_ONGOING: Final = message("ongoing")


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact to choose; `usual` while it goes on. `main` is the id of its main diagnosis, or empty."""

    id: str
    label: str
    usual: bool
    main: str
    conditions: tuple[str, ...]
    version: int
    resource: Mapping[str, Any]


def query(chart: Chart) -> str:
    """The search that `contacts_of` reads."""
    return f"Encounter?patient={chart.patient}&_sort=-date&_count=50"


def contacts_of(chart: Chart, principal: Principal, entries: Iterable[ResourceVersion]) -> list[Contact]:
    """The contacts of the own unit among those found; what another unit has is that unit's to change."""
    read = [(fhir_json.loads(one.body), one) for one in entries if one.body]
    return [
        _contact(chart, resource, entry.version)
        for resource, entry in read
        if entry.unit == principal.assignment.unit and resource["status"] not in _NEVER
    ][:_LATEST]


def _contact(chart: Chart, resource: dict[str, Any], version: int) -> Contact:
    gettext = chart.translator.gettext
    period = resource.get("period") or {}
    ongoing = resource["status"] not in ("finished", "unknown") and not period.get("end")
    named = [*resource.get("type", ()), resource.get("serviceType") or {}]
    kind = next((text for one in named if (text := one.get("text"))), "")
    kind = kind or (resource.get("class") or {}).get("display") or gettext(_CONTACT)
    parts = [chart.translator.moment(period.get("start")), kind, gettext(_ONGOING) if ongoing else ""]
    diagnoses = resource.get("diagnosis") or ()
    ids = [(one["condition"].get("reference") or "").rpartition("/")[2] for one in diagnoses]
    main = next((name for name, one in zip(ids, diagnoses, strict=True) if is_main(one)), "")
    label = " · ".join(part for part in parts if part)
    return Contact(resource["id"], label, ongoing, main, tuple(ids), version, resource)
