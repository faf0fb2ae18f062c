"""The unit's order of templates for a patient: what fits the contact that is going on stands first."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from kontinuum.care.journal.library import Template
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.questionnaire import arranging
from kontinuum.fhir.questionnaire.arranging import KIND, Place, Situation
from kontinuum.kernel.module import Chart, ResultPage
from kontinuum.sweden import systems

_ORDER: Final = f"Library?type=urn:kontinuum:codes:library|{KIND}&status=active"
_DOCTOR, _NURSE = "läkar", "sköterska"
_USUAL: Final = (
    ("telefonradgivning", "VR", ""),
    ("hembesok", "HH", ""),
    ("akutbesok", "EMER", _DOCTOR),
    ("daganteckning-medicin", "IMP", _DOCTOR),
    ("inskrivning-medicin", "IMP", _DOCTOR),
    ("utskrivning-medicin", "IMP", _DOCTOR),
    ("omvardnadsanteckning", "IMP", _NURSE),
    ("omvardnad-inskrivning", "IMP", _NURSE),
    ("omvardnadsepikris", "IMP", _NURSE),
    ("lakarbesok-primarvard", "", _DOCTOR),
    ("sjukskoterskebesok-mottagning", "", _NURSE),
    ("barnmorska-modrahalsovard", "", "barnmorska"),
    ("fysioterapi-nybesok", "", "fysioterapeut"),
    ("arbetsterapi-nybesok", "", "arbetsterapeut"),
    ("dietist-nybesok", "", "dietist"),
)
"""Which of those that come with the system fit a contact and a profession, if a unit has decided nothing."""


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
    """The templates that fit, the others, and the contact's reason or kind in words.

    The others stand in the unit's order; where it has decided none, what it writes most in comes first.
    """
    ongoing, *at_unit = pages
    contact = _contact(chart, ongoing)
    if not at_unit:
        return [], list(templates), ""
    order, roles = at_unit
    places, situation = _places(chart, order), Situation(contact, _professions(roles))
    if not places:
        templates = sorted(templates, key=lambda one: -chart.habits.get(one.url, 0))
    first, rest = arranging.arranged(templates, lambda one: one.url, places or _usual(), situation)
    if not places:
        left = {one.url for one in rest}
        rest = [one for one in templates if one.url in left]
    return first, rest, ", ".join(arranging.said_of(contact or {})[:2])


def _usual() -> tuple[Place, ...]:
    return tuple(
        Place(f"urn:kontinuum:questionnaire:{name}", contact, (), (profession,) if profession else ())
        for name, contact, profession in _USUAL
    )


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
