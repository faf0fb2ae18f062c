"""One drug of the list with all that is recorded of it; how it is stopped, taken up again, struck."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kontinuum.care.medication import writing
from kontinuum.care.medication.around import Around, around
from kontinuum.care.medication.filled import LONGEST, TOO_LONG
from kontinuum.care.medication.form import ANCHOR
from kontinuum.care.medication.rules import Read, renewable
from kontinuum.care.medication.views import row_of
from kontinuum.fhir import json as fhir_json
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import ActionRequest, Moved, NotFound, PageRequest, Refused, View
from kontinuum.kernel.principal import PRESCRIBING

_GONE: Final = message("There is no such prescription in this patient's record.")
_NOT_YOURS: Final = message("It is recorded by another care provider, who is the one to change it.")
_NOT_GOING_ON: Final = message("It does not go on, so it cannot be stopped.")
_NOT_STOPPED: Final = message("It is not stopped.")
_NO_REASON: Final = message("Write why. Whoever reads it later must understand why it was changed.")


@dataclass(frozen=True, slots=True)
class Typed:
    """What stood in a form that was refused, to be filled in again."""

    deed: str = ""
    text: str = ""
    alert: str = ""


async def show(request: PageRequest) -> View | NotFound:
    """Answer GET `medication/one`: a prescription, those before it, and its deeds."""
    found = await around(request)
    chosen = found.prescription(request.parameters.get("id", ""))
    return NotFound(_GONE) if chosen is None else _view(request, found, chosen, Typed())


def _view(request: PageRequest | ActionRequest, found: Around, chosen: Read, typed: Typed) -> View:
    chart = request.chart
    medication, entry = chosen
    problems = [
        found.problem((each.reference or "").rpartition("/")[2]) for each in medication.reason_reference
    ]
    values: dict[str, object] = {
        "row": row_of(chart, medication, entry),
        "version": entry.version,
        "own": entry.provider == request.principal.assignment.provider,
        "prescribes": PRESCRIBING in request.principal.assignment.rights,
        "renewable": renewable(medication, entry, found.today.isoformat()),
        "stopped": medication.status == "stopped",
        "problems": [each.code.label for each in problems if each],
        "before": [row_of(chart, *each) for each in _earlier(found, chosen)],
        "typed": typed,
    }
    return View("medication/one.html", values)


def _earlier(found: Around, chosen: Read) -> list[Read]:
    """The prescriptions that it replaces, the latest first."""
    earlier: list[Read] = []
    at = found.prescription(chosen[0].prior) if chosen[0].prior else None
    while at is not None and at not in earlier and at is not chosen:
        earlier.append(at)
        at = found.prescription(at[0].prior) if at[0].prior else None
    return earlier


async def _change(request: ActionRequest, deed: str) -> View | NotFound | Moved:
    found = await around(request)
    chosen = found.prescription(request.one("id"))
    if chosen is None:
        return NotFound(_GONE)
    reason = request.one("reason")
    fault = _fault(request, deed, chosen, reason)
    if fault:
        alert = request.chart.translator.gettext(fault)
        return _view(request, found, chosen, Typed(deed, reason, alert))
    refused = await _carry_out(request, deed, chosen, reason)
    if refused is None:
        return Moved(f"{request.chart.path()}#{ANCHOR}")
    return _view(request, found, chosen, Typed(deed, reason, refused.told(request.chart.translator)))


def _fault(request: ActionRequest, deed: str, chosen: Read, reason: str) -> str:
    medication, entry = chosen
    if entry.provider != request.principal.assignment.provider:
        return _NOT_YOURS
    if deed == "stop" and medication.status not in ("active", "on-hold"):
        return _NOT_GOING_ON
    if deed == "reopen" and medication.status != "stopped":
        return _NOT_STOPPED
    if not reason.strip():
        return _NO_REASON
    return TOO_LONG if len(reason) > LONGEST else ""


async def _carry_out(request: ActionRequest, deed: str, chosen: Read, reason: str) -> Refused | None:
    medication, entry = chosen
    version = request.version()
    if deed == "strike":
        return await request.writer.withdraw("MedicationRequest", medication.id, reason, version)
    resource = fhir_json.loads(entry.body or b"{}")
    if deed == "reopen":
        return await request.writer.correct(writing.back(resource), reason, version)
    moment = local(request.chart.now).isoformat(timespec="seconds")
    ended = writing.over(resource, "stopped", reason, moment)
    return await request.writer.write([ended], {f"MedicationRequest/{medication.id}": version})


async def stop(request: ActionRequest) -> View | NotFound | Moved:
    """Answer POST `medication/stop`: the patient takes it no more, and why."""
    return await _change(request, "stop")


async def reopen(request: ActionRequest) -> View | NotFound | Moved:
    """Answer POST `medication/reopen`: it was stopped by mistake."""
    return await _change(request, "reopen")


async def strike(request: ActionRequest) -> View | NotFound | Moved:
    """Answer POST `medication/strike`: it should never have been written here."""
    return await _change(request, "strike")
