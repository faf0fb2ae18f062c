"""Signing a note that stands unsigned in the record: what was read is signed, what follows is written."""

from __future__ import annotations

from typing import Any, Final

from kontinuum.care.journal.attaching import earlier_signed
from kontinuum.care.journal.fields import from_state
from kontinuum.care.journal.library import answered
from kontinuum.care.journal.reopening import written_since
from kontinuum.care.journal.scores import told
from kontinuum.care.journal.signing import attested
from kontinuum.care.journal.surroundings import surroundings
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.questionnaire import evaluate, extract
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import ActionRequest, Refused, ResourceVersion
from kontinuum.record.keeping_back import labelled_as
from kontinuum.record.tasks import OPEN, SIGN, WORK_CODES

_GONE: Final = message("The note cannot be read just now, or is no longer there.")
_SIGNED: Final = message("The note is signed already.")
_CHANGED: Final = message("The note was changed after it was shown. Read it again and sign it.")
_INCOMPLETE: Final = message("Something that must be filled in is missing. Open the note and sign it there.")


async def sign(request: ActionRequest) -> Refused | None:
    """Sign the note named in `note` in the version that was read, `version`."""
    chart = request.chart
    gettext = chart.translator.gettext
    identity, version = request.fields["note"][0], int(request.fields["version"][0])
    notes, responses, tasks = await request.record.find_many(
        [
            f"Composition?patient={chart.patient}&_id={identity}",
            f"QuestionnaireResponse?patient={chart.patient}&_id={identity}",
            f"Task?patient={chart.patient}&focus=Composition/{identity}"
            f"&code={WORK_CODES}|{SIGN}&status={','.join(OPEN)}",
        ]
    )
    if not notes.matches or not notes.matches[0].body:
        return Refused((gettext(_GONE),))
    document = fhir_json.loads(notes.matches[0].body)
    if document["status"] != "preliminary":
        return Refused((gettext(_SIGNED),), conflict=True)
    if notes.matches[0].version != version:
        return Refused((gettext(_CHANGED),), conflict=True)
    moment = local(chart.now).isoformat(timespec="seconds")
    writes = [attested(document, moment, request.principal)]
    versions = {f"Composition/{identity}": version}
    if responses.matches and responses.matches[0].body:
        follows = await _follows(request, fhir_json.loads(responses.matches[0].body), document)
        if isinstance(follows, Refused):
            return follows
        writes += follows
        versions[f"QuestionnaireResponse/{identity}"] = responses.matches[0].version
    writes += await earlier_signed(request, document)
    writes += [_done(one) for one in tasks.matches if one.body]
    refused = await request.writer.write(writes, versions)
    if refused is None:
        await request.writer.remove_draft(identity)
    elif refused.conflict:
        return Refused((gettext(_CHANGED),), conflict=True)
    return refused


async def _follows(
    request: ActionRequest, response: dict[str, Any], note: dict[str, Any]
) -> list[dict[str, Any]] | Refused:
    """The completed response and the resources that its answers become, kept back as the note is."""
    completed = {**response, "status": "completed"}
    form = await answered(request.record, str(response.get("questionnaire", "")))
    if form is None:
        return [completed]
    contact = str(response.get("encounter", {}).get("reference", "")).rpartition("/")[2]
    around = await surroundings(request.record, request.chart, form, request.principal, contact)
    state = evaluate(form, response, around.context(contact))
    more = await written_since(request, str(note["id"]), from_state(state))
    if more is not None:
        return more
    bundle = extract(form, completed, state.context)
    if state.problems or isinstance(bundle, list):
        return Refused((request.chart.translator.gettext(_INCOMPLETE),))
    made = [entry["resource"] for entry in bundle.get("entry") or ()]
    return [completed, *labelled_as(note, response, told(state, response["id"], made))]


def _done(task: ResourceVersion) -> dict[str, Any]:
    return {**fhir_json.loads(task.body or b"{}"), "status": "completed"}
