"""One problem with all that is recorded of it; how it is ended, reopened, struck, set at a contact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kontinuum.care.problems import writing
from kontinuum.care.problems.form import Around, around
from kontinuum.care.problems.model import Condition
from kontinuum.care.problems.views import Row, row_of
from kontinuum.care.problems.writing import MAIN, SECONDARY
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.authoring import read_date
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import (
    ActionRequest,
    Moved,
    NotFound,
    PageRequest,
    Refused,
    ResourceVersion,
    View,
)

_GONE: Final = message("There is no such problem in this patient's record.")
_NONE: Final = message("The problem is not in this patient's record, or it is struck and stays so.")
_NO_DATE: Final = message("Write the date as 2019, 2019-05 or 2019-05-02, and not a day to come.")
_NOT_BEFORE: Final = message("A problem cannot end before it begins.")
_NOT_YOURS: Final = message("It is recorded by another care provider, who is the one to change it.")
_NO_REASON: Final = message("Write why. Whoever reads it later must understand why it was struck.")
_NO_CONTACT: Final = message("Choose one of your unit's contacts.")

Read = tuple[Condition, ResourceVersion]


@dataclass(frozen=True, slots=True)
class Typed:
    """What stood in a form that was refused, to be filled in again: which form, and its field."""

    deed: str = ""
    text: str = ""
    alert: str = ""


async def show(request: PageRequest) -> View | NotFound:
    """Answer GET `problems/one`: a problem with its registrations, contacts and deeds."""
    found = await around(request)
    chosen = found.read.get(request.parameters.get("id", ""))
    return NotFound(_GONE) if chosen is None else _view(request, found, chosen, Typed())


def _view(request: PageRequest | ActionRequest, found: Around, chosen: Read, typed: Typed) -> View:
    chart = request.chart
    condition, entry = chosen
    registered = [one for one in found.read.values() if one[0].key == condition.key]
    at = {one.id: one for one in found.contacts if condition.id in one.conditions}
    values: dict[str, object] = {
        "row": row_of(chart, *chosen),
        "condition": condition,
        "version": entry.version,
        "own": entry.provider == request.principal.assignment.provider,
        "registrations": [_registration(request, *one) for one in registered if one[0].id != condition.id],
        "contacts": found.contacts,
        "at": [(one.label, one.main == condition.id) for one in at.values()],
        "today": local(chart.now).date().isoformat(),
        "typed": typed,
    }
    return View("problems/one.html", values)


def _registration(
    request: PageRequest | ActionRequest, condition: Condition, entry: ResourceVersion
) -> tuple[str, Row]:
    return condition.id, row_of(request.chart, condition, entry)


async def _found(request: ActionRequest) -> tuple[Around, Read] | None:
    """The problem that a form is about; None where there is none, or where it is struck for good."""
    found = await around(request)
    chosen = found.read.get(request.one("id"))
    return None if chosen is None or not chosen[0].stands else (found, chosen)


def _answer(
    request: ActionRequest, found: Around, chosen: Read, deed: str, text: str, refused: Refused | None
) -> View | Moved:
    if refused is None:
        return Moved(f"{request.chart.path()}#problems")
    alert = refused.told(request.chart.translator)
    return _view(request, found, chosen, Typed(deed, text, alert))


async def end(request: ActionRequest) -> View | NotFound | Moved:
    """Answer POST `problems/end`: the problem is over, with every registration of it that still goes on."""
    opened = await _found(request)
    if opened is None:
        return NotFound(_NONE)
    found, chosen = opened
    gettext = request.chart.translator.gettext
    typed = request.one("day")
    day = read_date(typed, local(request.chart.now).date())
    if day is None:
        return _view(request, found, chosen, Typed("end", typed, gettext(_NO_DATE)))
    going_on = [
        (one, entry)
        for one, entry in found.read.values()
        if one.key == chosen[0].key and one.active and one.stands
    ]
    if any(_before(day, one.began) for one, _ in going_on):
        return _view(request, found, chosen, Typed("end", typed, gettext(_NOT_BEFORE)))
    own = [one for one in going_on if one[1].provider == request.principal.assignment.provider]
    if not own:
        return _view(request, found, chosen, Typed("end", typed, gettext(_NOT_YOURS)))
    return _answer(
        request,
        found,
        chosen,
        "end",
        typed,
        await _rewrite(request, own, lambda one: writing.ended(one, day)),
    )


def _before(day: str, began: str) -> bool:
    """Whether a day lies before another, as far as both are known."""
    known = min(len(day), len(began[:10]))
    return day[:known] < began[:known]


async def reopen(request: ActionRequest) -> View | NotFound | Moved:
    """Answer POST `problems/reopen`: the problem goes on after all, or (`again`) has come back."""
    opened = await _found(request)
    if opened is None:
        return NotFound(_NONE)
    found, chosen = opened
    again = bool(request.one("again"))
    done = await _rewrite(request, [chosen], lambda one: writing.reopened(one, again=again))
    return _answer(request, found, chosen, "reopen", "", done)


async def _rewrite(request: ActionRequest, chosen: list[Read], change: Any) -> Refused | None:
    """Write the changed versions of what was read, all or none; the one on the page as it was shown."""
    written: list[Mapping[str, Any]] = []
    versions: dict[str, int] = {}
    shown = request.one("id")
    for condition, entry in chosen:
        written.append(change(fhir_json.loads(entry.body or b"{}")))
        versions[f"Condition/{condition.id}"] = request.version() if condition.id == shown else entry.version
    return await request.writer.write(written, versions)


async def strike(request: ActionRequest) -> View | NotFound | Moved:
    """Answer POST `problems/strike`: it should never have been written, or (`refuted`) was never so."""
    opened = await _found(request)
    if opened is None:
        return NotFound(_NONE)
    found, chosen = opened
    reason, version = request.one("reason"), request.version()
    if not reason.strip():
        alert = request.chart.translator.gettext(_NO_REASON)
        return _view(request, found, chosen, Typed("strike", reason, alert))
    identity = chosen[0].id
    if request.one("refuted"):
        refuted = writing.refuted(fhir_json.loads(chosen[1].body or b"{}"))
        done = await request.writer.correct(refuted, reason, version)
    else:
        done = await request.writer.withdraw("Condition", identity, reason, version)
    return _answer(request, found, chosen, "strike", reason, done)


async def at_contact(request: ActionRequest) -> View | NotFound | Moved:
    """Answer POST `problems/contact`: the problem as main or other diagnosis of a contact."""
    opened = await _found(request)
    if opened is None:
        return NotFound(_NONE)
    found, chosen = opened
    contact = found.contact(request.one("contact"))
    if contact is None:
        alert = request.chart.translator.gettext(_NO_CONTACT)
        return _view(request, found, chosen, Typed("contact", "", alert))
    role = MAIN if request.one("role") == MAIN else SECONDARY
    made = writing.diagnosed(contact.resource, chosen[0].id, role)
    done = await request.writer.write([made], {f"Encounter/{contact.id}": contact.version})
    return _answer(request, found, chosen, "contact", "", done)
