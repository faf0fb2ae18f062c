"""How a template looks and works before anybody uses it: filled in for a made-up patient. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from kontinuum.care.journal import fields as typed_fields
from kontinuum.care.journal.pane import pane, problems_by_field
from kontinuum.care.journal.sources import NOTHING_TO_COPY
from kontinuum.care.journal.surroundings import Moment
from kontinuum.fhir.questionnaire import Context, Form, Item, compile_form, evaluate, phrasing, prefill, use
from kontinuum.fhir.questionnaire.drawing import queries
from kontinuum.kernel.i18n import local
from kontinuum.kernel.module import Chart, View

PATIENT: Final[Mapping[str, Any]] = {
    "resourceType": "Patient",
    "id": "made-up",
    "identifier": [{"system": "urn:oid:1.2.752.129.2.1.3.1", "value": "191212121212"}],
    "name": [{"given": ["Tolvan"], "family": "Tolvansson", "text": "Tolvan Tolvansson"}],
    "gender": "male",
    "birthDate": "1912-12-12",
}
"""The patient of every preview: of Skatteverket's test numbers, and in no record."""

_USER: Final[Mapping[str, Any]] = {
    "resourceType": "Practitioner",
    "id": "made-up",
    "name": [{"text": "Test Testsson"}],
}
_ENCOUNTER: Final[Mapping[str, Any]] = {
    "resourceType": "Encounter",
    "id": "made-up",
    "status": "in-progress",
    "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
    "reasonCode": [{"text": "Hosta"}],
}
_VARIABLES: Final = {"patient": PATIENT, "user": _USER, "encounter": _ENCOUNTER}
_MEASURED: Final = (
    {"29463-7": ("72", "kg")},
    {"8302-2": ("175", "cm")},
    {"39156-5": ("23.5", "kg/m²")},
    {"8480-6": ("128", "mmHg"), "8462-4": ("76", "mmHg")},
    {"8867-4": ("68", "/min")},
    {"8310-5": ("36.8", "°C")},
    {"2708-6": ("98", "%")},
    {"9279-1": ("14", "/min")},
)
"""What phrases take of the made-up patient: each measurement by its codes."""

_EXAMPLES: Final = {"boolean": True, "integer": 72, "decimal": 72, "quantity": 72}
_NOTHING_TOLD: Final[Mapping[str, Any]] = {
    "template": None,
    "taken": {},
    "sources": {},
    **NOTHING_TO_COPY,
    "notices": {},
}


def preview(questionnaire: Mapping[str, Any], tried: Mapping[str, Sequence[str]], chart: Chart) -> View:
    """The pane and the text of a template, with what was tried in its fields.

    A form that cannot be used is shown as nothing: its faults are told elsewhere.
    """
    if use.kind(questionnaire) == phrasing.KIND:
        return _phrase(questionnaire, chart)
    form = compile_form(questionnaire)
    if not isinstance(form, Form):
        return View("journal/preview.html", {"pane": None, **_NOTHING_TOLD})
    context = _context(form, chart)
    fields = {name: list(values) for name, values in tried.items()}
    fields = {
        name: values for name, values in fields.items() if name not in typed_fields.strangers(form, fields)
    }
    if not fields:
        begun = prefill(form, context)
        fields = typed_fields.from_state(evaluate(form, begun.response, context))
    response, unread = typed_fields.to_response(form, fields)
    state = evaluate(form, response, context)
    problems = problems_by_field(state, unread, chart.translator, finished=False)
    made = pane(state, fields, problems, chart.translator)
    return View("journal/preview.html", {"pane": made, **_NOTHING_TOLD})


def _phrase(questionnaire: Mapping[str, Any], chart: Chart) -> View:
    """A phrase as it is put in, and what of it is then filled in."""
    text = phrasing.text_of(questionnaire)
    when = local(chart.now).isoformat(timespec="seconds")
    known = [_measured(parts, when) for parts in _MEASURED]
    filled = phrasing.fill(text, Context(_VARIABLES, Moment(chart), known))
    fields = list(dict.fromkeys(phrasing.BRACES.findall(filled.text)))
    offered = [(one, phrasing.choices(one)) for one in fields]
    pieces = [(place % 2 == 1, piece) for place, piece in enumerate(phrasing.BRACES.split(filled.text))]
    return View("journal/phrase.html", {"pieces": pieces, "fields": offered, "missing": filled.missing})


def _measured(parts: Mapping[str, tuple[str, str]], when: str) -> dict[str, Any]:
    components = [
        {
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "valueQuantity": {"value": Decimal(value), "unit": unit},
        }
        for code, (value, unit) in parts.items()
    ]
    return {"id": "made-up", "status": "final", "effectiveDateTime": when, "component": components}


def _context(form: Form, chart: Chart) -> Context:
    when = local(chart.now).isoformat(timespec="seconds")
    known = [_observed(item, when) for item in form.items.values() if item.link_period and item.code]
    # The made-up patient has nothing that a query would find.
    nothing: dict[str, Any] = {name: [] for name in queries(form)}
    return Context({**_VARIABLES, **nothing}, Moment(chart), known)


def _observed(item: Item, when: str) -> dict[str, Any]:
    """A measurement that the made-up patient has, for what is taken from the record."""
    low, high = (
        next(iter(one.values())) if one else None for one in (item.limits.min_value, item.limits.max_value)
    )
    value = (low + high) // 2 if low is not None and high is not None else _EXAMPLES["quantity"]
    unit = item.unit or (item.unit_options[0] if item.unit_options else {})
    measured = {
        "value": value,
        "system": unit.get("system"),
        "code": unit.get("code"),
        "unit": unit.get("display"),
    }
    return {
        "resourceType": "Observation",
        "id": "made-up",
        "status": "final",
        "code": {"coding": list(item.code)},
        "subject": {"reference": "Patient/made-up"},
        "effectiveDateTime": when,
        "valueQuantity": {key: one for key, one in measured.items() if one is not None},
    }
