"""The files of a note: shown while it is written, and what they become with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from kontinuum.care.journal.signing import Written
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.attachments import File, all_references, binary, document
from kontinuum.fhir.authoring import author
from kontinuum.fhir.questionnaire import Form, State
from kontinuum.kernel.files import DraftFile
from kontinuum.kernel.media import ATTACHABLE
from kontinuum.kernel.module import ActionRequest, PageRequest, Refused

ATTACHMENT: Final = "attachment"
DICTATION: Final = "dictation"
WHOLE: Final = ""
"""The heading of what belongs to the whole note."""


def headings(form: Form) -> list[tuple[str, str]]:
    """The main headings of a template, under which a file can stand: linkId and text."""
    return [(one.link_id, one.text) for one in form.children if one.text and not one.hidden]


def kinds_taken(request: PageRequest | ActionRequest) -> dict[str, Any]:
    """What may be attached here, for the page: media types, names, and the largest size in MB."""
    names = request.settings.attachment_types
    return {
        "accept": ",".join(ATTACHABLE[name] for name in names),
        "names": ", ".join(name.upper() for name in names),
        "most": request.settings.attachment_mb,
    }


async def files_of(request: PageRequest | ActionRequest, draft: str) -> Sequence[DraftFile]:
    """The files beside a draft; none where there is no draft yet."""
    found = await request.writer.files(draft) if draft else ()
    return () if isinstance(found, Refused) else found


def shown(request: PageRequest | ActionRequest, files: Sequence[DraftFile]) -> list[dict[str, Any]]:
    """The files as the pane's script shows them."""
    return [
        {
            "id": one.id,
            "kind": one.kind,
            "name": one.name,
            "size": one.size,
            "picture": _file(one).is_picture,
            "address": request.chart.path("draft-file", one.id),
            "heading": one.heading,
            "text": one.description,
        }
        for one in files
    ]


def entries(state: State, files: Sequence[DraftFile]) -> dict[str, list[str]]:
    """The references of the files by the linkId of their heading; what has none belongs to the whole."""
    known = {link for link, _ in headings(state.form)}
    found: dict[str, list[str]] = {}
    for one in files:
        if one.kind == ATTACHMENT:
            heading = one.heading if one.heading in known else WHOLE
            found.setdefault(heading, []).append(f"DocumentReference/{one.id}")
    return found


async def file_resources(
    request: ActionRequest, files: Sequence[DraftFile], note: Written, *, signed: bool
) -> list[dict[str, Any]]:
    """The documents that the files become, each with its content."""
    about: dict[str, Any] = {
        "subject": {"reference": f"Patient/{note.patient}"},
        "docStatus": "final" if signed else "preliminary",
    }
    if note.contact:
        about["encounter"] = {"reference": f"Encounter/{note.contact}"}
    made: list[dict[str, Any]] = []
    for one in files:
        if one.kind == ATTACHMENT:
            content = await request.writer.file_content(one)
            file, writer = _file(one), author(note.principal)
            made.append(document(file, content, about, writer, note.moment, f"Composition/{note.id}"))
            made.append(binary(file, content, note.patient))
    return made


def with_earlier(
    state: State, before: Mapping[str, Any], beside: Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    """The references with those that the note has in the record already, each under its heading."""
    found = {link: list(each) for link, each in beside.items()}
    links = {text: link for link, text in headings(state.form)}
    for section in before.get("section") or ():
        link = links.get(section.get("title", ""), WHOLE)
        there = [f"DocumentReference/{one}" for one in all_references([section])]
        found[link] = list(dict.fromkeys([*there, *found.get(link, ())])) if there else found.get(link, [])
    return {link: each for link, each in found.items() if each}


async def withdrawn(
    request: ActionRequest, before: Mapping[str, Any], beside: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    """The documents of the note as it stood unsigned that were removed since, marked as in error."""
    kept = {one for each in beside.values() for one in each}
    gone = [one for one in all_references(before.get("section")) if f"DocumentReference/{one}" not in kept]
    return [{**one, "status": "entered-in-error"} for one in await _documents(request, gone)]


async def earlier_signed(request: ActionRequest, before: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The documents that stood with the unsigned note, signed with it."""
    found = await _documents(request, list(all_references(before.get("section"))))
    return [{**one, "docStatus": "final"} for one in found if one.get("docStatus") == "preliminary"]


async def _documents(request: ActionRequest, wanted: Sequence[str]) -> list[dict[str, Any]]:
    if not wanted:
        return []
    url = f"DocumentReference?patient={request.chart.patient}&_id={','.join(sorted(wanted))}&_count=100"
    (page,) = await request.record.find_many([url])
    return [fhir_json.loads(one.body) for one in page.matches if one.body]


def _file(one: DraftFile) -> File:
    return File(one.id, one.name, one.description, one.media_type, one.size, one.id)
