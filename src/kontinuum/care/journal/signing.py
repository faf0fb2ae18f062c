"""What a note becomes in the record: the response, the document that is read, and what follows from it. Pure.

http://hl7.org/fhir/R4/questionnaireresponse.html, http://hl7.org/fhir/R4/composition.html. All of
them have ids that follow from the draft's, so that a note that is written twice by mistake stands there once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kontinuum.care.journal.scores import told
from kontinuum.fhir.authoring import author
from kontinuum.fhir.questionnaire import Problem, State, extract, sections
from kontinuum.kernel.principal import Principal


@dataclass(frozen=True, slots=True)
class Written:
    """What a note says of itself: its id, patient and contact, when it was written and by whom.

    `moment` is in Swedish time, with its zone; `contact` is the id of an Encounter, empty for none.
    """

    id: str
    patient: str
    contact: str
    moment: str
    principal: Principal


def resources(state: State, note: Written, *, signed: bool) -> list[dict[str, Any]] | list[Problem]:
    """What is written in one transaction; or why the answers cannot be written as what they should become.

    An unsigned note is kept as it stands, and nothing follows from it yet.
    """
    identity, written = note.id, note.moment
    subject, writer = {"reference": f"Patient/{note.patient}"}, author(note.principal)
    contact = {"encounter": {"reference": f"Encounter/{note.contact}"}} if note.contact else {}
    response: dict[str, Any] = {
        **state.response,
        "id": identity,
        "status": "completed" if signed else "in-progress",
        "subject": subject,
        **contact,
        "authored": written,
        "author": writer,
    }
    extracted: list[dict[str, Any]] = []
    if signed:
        bundle = extract(state.form, response, state.context)
        if isinstance(bundle, list):
            return bundle
        extracted = told(state, identity, [entry["resource"] for entry in bundle.get("entry") or ()])
    about = {"subject": subject, **contact}
    document = _composition(state, identity, about, written, writer, signed=signed)
    return [_ordered(response), document, *extracted]


def attested(document: Mapping[str, Any], moment: str, principal: Principal) -> dict[str, Any]:
    """An unsigned note with a signature, and nothing else changed: what was read is what is signed."""
    signature = {"mode": "legal", "time": moment, "party": author(principal)}
    return {**document, "status": "final", "attester": [*document.get("attester", ()), signature]}


def _ordered(response: Mapping[str, Any]) -> dict[str, Any]:
    names = (
        "resourceType",
        "id",
        "questionnaire",
        "status",
        "subject",
        "encounter",
        "authored",
        "author",
        "item",
    )
    return {name: response[name] for name in names if name in response}


def _composition(
    state: State,
    identity: str,
    about: Mapping[str, Any],
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
        **about,
        "date": written,
        "author": [writer],
        "title": state.form.title,
    }
    if signed:
        made["attester"] = [{"mode": "legal", "time": written, "party": writer}]
    return {**made, "section": parts} if parts else made
