"""What a note becomes in the record: the response, the document that is read, and what follows from it. Pure.

http://hl7.org/fhir/R4/questionnaireresponse.html, http://hl7.org/fhir/R4/composition.html. All of
them have ids that follow from the draft's, so that a note that is written twice by mistake stands there once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kontinuum.fhir.questionnaire import Problem, State, extract, sections
from kontinuum.kernel.principal import Principal


def author(principal: Principal) -> dict[str, Any]:
    """The writer, as resources name an author."""
    named = {"display": f"{principal.actor.name}, {principal.assignment.title}"}
    reference = principal.actor.reference
    return {"reference": reference, **named} if reference else named


def resources(
    state: State, identity: str, patient: str, written: str, principal: Principal, *, signed: bool
) -> list[dict[str, Any]] | list[Problem]:
    """What is written in one transaction; or why the answers cannot be written as what they should become.

    `written` is the moment in Swedish time, with its zone. An unsigned note is kept as it stands, and nothing
    follows from it yet.
    """
    subject, writer = {"reference": f"Patient/{patient}"}, author(principal)
    response: dict[str, Any] = {
        **state.response,
        "id": identity,
        "status": "completed" if signed else "in-progress",
        "subject": subject,
        "authored": written,
        "author": writer,
    }
    extracted: list[dict[str, Any]] = []
    if signed:
        bundle = extract(state.form, response, state.context)
        if isinstance(bundle, list):
            return bundle
        extracted = [entry["resource"] for entry in bundle.get("entry") or ()]
    note = _composition(state, identity, subject, written, writer, signed=signed)
    ordered = _ordered(response)
    return [ordered, note, *extracted]


def _ordered(response: Mapping[str, Any]) -> dict[str, Any]:
    names = ("resourceType", "id", "questionnaire", "status", "subject", "authored", "author", "item")
    return {name: response[name] for name in names if name in response}


def _composition(
    state: State,
    identity: str,
    subject: Mapping[str, Any],
    written: str,
    writer: Mapping[str, Any],
    *,
    signed: bool,
) -> dict[str, Any]:
    parts = sections(state)
    if parts:
        parts[0] = {**parts[0], "entry": [{"reference": f"QuestionnaireResponse/{identity}"}]}
    codes = [dict(coding) for coding in state.form.questionnaire.get("code") or ()]
    kind: dict[str, Any] = (
        {"coding": codes, "text": state.form.title} if codes else {"text": state.form.title}
    )
    made: dict[str, Any] = {
        "resourceType": "Composition",
        "id": identity,
        "status": "final" if signed else "preliminary",
        "type": kind,
        "subject": subject,
        "date": written,
        "author": [writer],
        "title": state.form.title,
    }
    if signed:
        made["attester"] = [{"mode": "legal", "time": written, "party": writer}]
    return {**made, "section": parts} if parts else made
