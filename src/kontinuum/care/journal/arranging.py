"""The unit's order of templates for a patient: what fits the contact that is going on stands first."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from kontinuum.care.journal.library import Template
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.questionnaire import arranging
from kontinuum.fhir.questionnaire.arranging import Place, Situation
from kontinuum.kernel.module import Chart, ResultPage
from kontinuum.sweden import systems

_ORDER: Final = f"Library?type=urn:kontinuum:codes:library|{arranging.KIND}&status=active"


def queries(chart: Chart) -> tuple[str, ...]:
    """The contacts that are going on; at a unit its order, and what the reader is there."""
    ongoing = f"Encounter?patient={chart.patient}&status=in-progress,arrived,triaged,onleave&_count=5"
    if not chart.places:
        return (ongoing,)
    unit = quote(f"{systems.HSA_ID}|{chart.places[0]}", safe="|")
    reader = quote(chart.reader or "Practitioner/none", safe="/")
    return (
        ongoing,
        f"{_ORDER}&context={unit}",
        f"PractitionerRole?practitioner={reader}&active=true&_count=20",
    )


def arranged(
    chart: Chart, templates: Sequence[Template], pages: Sequence[ResultPage]
) -> tuple[list[Template], list[Template], str]:
    """The templates that fit, the others, and the contact's reason or kind in words."""
    ongoing, *at_unit = pages
    contact = _contact(chart, ongoing)
    if not at_unit:
        return [], list(templates), ""
    order, roles = at_unit
    situation = Situation(contact, _professions(roles))
    first, rest = arranging.arranged(templates, lambda one: one.url, _places(chart, order), situation)
    return first, rest, ", ".join(arranging.said_of(contact or {})[:2])


def _contact(chart: Chart, page: ResultPage) -> dict[str, Any] | None:
    """The contact at the own unit that began last."""
    own = [fhir_json.loads(one.body) for one in page.matches if one.body and one.unit in chart.places[:1]]
    found: list[dict[str, Any]] = sorted(own, key=lambda one: str(one.get("period", {}).get("start", "")))
    return found[-1] if found else None


def _places(chart: Chart, page: ResultPage) -> tuple[Place, ...]:
    """The order that the unit has decided; another care provider's word for it counts for nothing."""
    for one in page.matches:
        if one.body and one.provider in chart.places:
            library = fhir_json.loads(one.body)
            data = (library.get("content") or [{}])[0].get("data", "")
            content = fhir_json.loads(base64.b64decode(data) or b"{}")
            return arranging.read(content) if isinstance(content, dict) else ()
    return ()


def _professions(page: ResultPage) -> tuple[str, ...]:
    roles = [fhir_json.loads(one.body) for one in page.matches if one.body]
    return tuple(text for role in roles for code in role.get("code") or () for text in arranging.told(code))
