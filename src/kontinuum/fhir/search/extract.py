"""From a resource to the values by which a search finds it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias

from kontinuum.fhir.search.clinical import clinical_date_parameter
from kontinuum.fhir.search.emit import Collector, KnownText
from kontinuum.fhir.search.plan import Plan, plan_for
from kontinuum.fhir.search.prose import prose
from kontinuum.fhir.search.query import MICROS_MIN

__all__ = ["DateRow", "IndexValues", "NumberRow", "StringRow", "clinical_date_parameter", "extract"]

StringRow: TypeAlias = tuple[int, str, list[int] | None, int]
"""(parameter code, normalised text, tags, ordinal)"""
DateRow: TypeAlias = tuple[int, int, int, list[int] | None, int]
"""(parameter code, low, high, tags, ordinal): half-open [low, high) in microseconds since 1970 UTC"""
NumberRow: TypeAlias = tuple[int, Decimal, Decimal, list[int], list[int] | None, int]
"""(parameter code, low, high, unit hashes, tags, ordinal): closed [low, high], ±Infinity for an open end"""


@dataclass(slots=True)
class IndexValues:
    """Everything about one resource that a search can ask for.

    `tags` of a row are the hashes of the exact components beside it in a composite parameter (None for
    a row of an ordinary parameter); rows of one composite value share an `ordinal`.
    """

    hashes: list[int] = field(default_factory=list)
    """Signed 64-bit, sorted, each once: token, reference, uri, exact string, exact composite, presence."""
    strings: list[StringRow] = field(default_factory=list)
    dates: list[DateRow] = field(default_factory=list)
    numbers: list[NumberRow] = field(default_factory=list)
    hot: list[int] = field(default_factory=list)
    """For the covering index: the type hash, and of `code`, `category`, `encounter` the any-system or
    reference hashes (those are in `hashes` as well)."""
    texts: list[KnownText] = field(default_factory=list)
    """Texts and addresses of which the hashes are among `hashes`, to be found by a part or a beginning."""
    narrative: str = ""
    """The narrative's text, for `_text` and `_content`."""
    prose: str = ""
    """Other free text, for `_content`."""
    sort: int | None = None
    """The clinical date, in microseconds since 1970 UTC."""
    patient: str | None = None
    """The logical id of the patient in whose compartment the resource lies."""


def extract(resource: dict[str, Any]) -> IndexValues:
    """The index values of a valid resource, by every search parameter of its type.

    https://hl7.org/fhir/R4/search.html. `_id` and `_lastUpdated` are left to the store's columns, contained
    resources are not indexed. Raises ValueError when `resourceType` is no type of R4.
    """
    type_name = resource.get("resourceType", "")
    try:
        plan = plan_for(type_name)
    except KeyError:
        raise ValueError(f"{type_name!r} is no resource type of FHIR R4") from None
    out = Collector(resource)
    members = plan.by_member
    for member, value in resource.items():
        for visit in members.get(member, ()):
            visit(value, out)
    for visit in plan.whole:
        visit(resource, out)
    if plan.hot_type is not None:
        out.hot.add(plan.hot_type)
    narrative, written = prose(resource)
    return IndexValues(
        hashes=sorted(out.hashes),
        strings=out.strings,
        dates=out.dates,
        numbers=out.numbers,
        hot=sorted(out.hot),
        texts=sorted(out.texts),
        narrative=narrative,
        prose=written,
        sort=_clinical_date(plan.sort_param, out.dates),
        patient=_patient(plan, resource),
    )


def _clinical_date(param: int | None, dates: list[DateRow]) -> int | None:
    """The earliest beginning; of a period without one, its end."""
    moments = [high if low == MICROS_MIN else low for code, low, high, _, _ in dates if code == param]
    return min(moments, default=None)


def _patient(plan: Plan, resource: dict[str, Any]) -> str | None:
    for way in plan.patients:
        patient = way(resource)
        if patient is not None:
            return patient
    return None
