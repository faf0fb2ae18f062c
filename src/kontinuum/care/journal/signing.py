"""What a note becomes in the record: the response, the document that is read, and what follows from it. Pure.

http://hl7.org/fhir/R4/questionnaireresponse.html, http://hl7.org/fhir/R4/composition.html. All of
them have ids that follow from the draft's, so that a note that is written twice by mistake stands there once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from kontinuum.care.journal.scores import told
from kontinuum.fhir.authoring import author
from kontinuum.fhir.questionnaire import Problem, State, extract, sections
from kontinuum.kernel.principal import Principal

Files = Mapping[str, Sequence[str]]
Marks = Mapping[str, Sequence[dict[str, Any]]]

_FILES: Final = "Bilagor"
"""The heading of files that belong to the whole note; notes are in Swedish whoever reads them."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a note says of itself: its id, patient and contact, when it was written and by whom.

    `moment` is in Swedish time, with its zone; `contact` is the id of an Encounter, empty for none. A note
    that stands in the record unsigned keeps its `date` and its author, `writer`, whoever writes it out.
    `others` have written on it before it was handed over, and are named beside the author.
    """

    id: str
    patient: str
    contact: str
    moment: str
    principal: Principal
    date: str = ""
    writer: Mapping[str, Any] | None = None
    others: Sequence[Mapping[str, Any]] = ()


def resources(
    state: State,
    note: Written,
    *,
    signed: bool,
    files: Files = MappingProxyType({}),
    marks: Marks = MappingProxyType({}),
) -> list[dict[str, Any]] | list[Problem]:
    """What is written in one transaction; or why the answers cannot be written as what they should become.

    An unsigned note is kept as it stands, and nothing follows from it yet. `files` are references of
    documents by the heading under which they stand, empty for the whole note; `marks` are extensions of
    headings, such as what under them is copied.
    """
    identity, written = note.id, note.moment
    subject, writer = {"reference": f"Patient/{note.patient}"}, note.writer or author(note.principal)
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
    parts = _sections(state, identity, files, marks)
    document = _composition(state, note, about, writer, parts, signed=signed)
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


def _sections(state: State, identity: str, files: Files, marks: Marks) -> list[dict[str, Any]]:
    """The headings with their text and files; the answers behind them are the first one's."""
    parts = sections(state, entries=files, extensions=marks)
    if files.get(""):
        parts.append({"title": _FILES, "entry": [{"reference": one} for one in files[""]]})
    if parts:
        answers = {"reference": f"QuestionnaireResponse/{identity}"}
        parts[0] = {**parts[0], "entry": [answers, *parts[0].get("entry", ())]}
    return parts


def _composition(
    state: State,
    note: Written,
    about: Mapping[str, Any],
    writer: Mapping[str, Any],
    parts: list[dict[str, Any]],
    *,
    signed: bool,
) -> dict[str, Any]:
    codes = [dict(coding) for coding in state.form.questionnaire.get("code") or ()]
    kind: dict[str, Any] = (
        {"coding": codes, "text": state.form.title} if codes else {"text": state.form.title}
    )
    made: dict[str, Any] = {
        "resourceType": "Composition",
        "id": note.id,
        "status": "final" if signed else "preliminary",
        "type": kind,
        **about,
        "date": note.date or note.moment,
        "author": [writer, *note.others],
        "title": state.form.title,
    }
    if signed:
        made["attester"] = [{"mode": "legal", "time": note.moment, "party": writer}]
    return {**made, "section": parts} if parts else made
