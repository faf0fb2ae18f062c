"""One hypersensitivity or alert, and what is done to it; and the statement that none is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from kontinuum.care.allergies import writing
from kontinuum.care.allergies.form import read
from kontinuum.care.allergies.kinds import DENIALS
from kontinuum.care.allergies.model import Alert, Allergy, read_allergy
from kontinuum.care.allergies.rules import Findings
from kontinuum.care.allergies.views import ANCHOR, row_of, today_of
from kontinuum.care.allergies.writing import PATIENT, About
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.authoring import author, form_id, new_token
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import ActionRequest, Chart, Moved, NotFound, PageRequest, Refused, View

_GONE: Final = message("There is no such alert in this patient's record.")
_STRUCK: Final = message("It is struck, and stays so. Write it anew if it holds after all.")
_NO_REASON: Final = message("Write why. Whoever reads it later must understand why it was changed.")
_THERE_ARE: Final = message(
    "There are entries that say otherwise. End them or strike them first, if they do not hold any more."
)


@dataclass(frozen=True, slots=True)
class Typed:
    """What stood in a form that was refused, to be filled in again."""

    deed: str = ""
    text: str = ""
    alert: str = ""


async def show(request: PageRequest) -> View | NotFound:
    """Answer GET `allergies/one`: an entry and its deeds."""
    found = await read(request)
    entry = found.find(request.parameters.get("id", ""))
    return NotFound(_GONE) if entry is None else _view(request, found, entry, Typed())


def _view(
    request: PageRequest | ActionRequest, found: Findings, entry: Allergy | Alert, typed: Typed
) -> View:
    standing = any(entry is one for one in (*found.allergies, *found.denials, *found.flags))
    values: dict[str, object] = {
        "row": row_of(request.chart, *entry),
        "standing": standing,
        "version": entry[1].version,
        "own": entry[1].provider == request.principal.assignment.provider,
        "typed": typed,
    }
    return View("allergies/one.html", values)


async def change(request: ActionRequest, deed: str) -> View | NotFound | Moved:
    """End an entry, take it up again or strike it; every one of them has a reason."""
    found = await read(request)
    entry = found.find(request.one("id"))
    if entry is None:
        return NotFound(_GONE)
    if entry[0].entered_in_error:
        return NotFound(_STRUCK)
    gettext = request.chart.translator.gettext
    reason, version = request.one("reason"), request.version()
    if not reason.strip():
        return _view(request, found, entry, Typed(deed, reason, gettext(_NO_REASON)))
    resource = fhir_json.loads(entry[1].body or b"{}")
    refused = await _carry_out(request, deed, resource, reason, version)
    if refused is None:
        return Moved(f"{request.chart.path()}#{ANCHOR}")
    alert = refused.told(request.chart.translator)
    return _view(request, found, entry, Typed(deed, reason, alert))


async def _carry_out(
    request: ActionRequest, deed: str, resource: dict[str, Any], reason: str, version: int
) -> Refused | None:
    if deed == "strike":
        kind, identity = resource["resourceType"], resource["id"]
        return await request.writer.withdraw(kind, identity, reason, version)
    if deed == "reopen":
        return await request.writer.correct(writing.back(resource), reason, version)
    refuted = bool(request.one("refuted"))
    ended = writing.over(resource, today_of(request.chart), refuted=refuted)
    return await request.writer.correct(ended, reason, version)


async def end(request: ActionRequest) -> View | NotFound | Moved:
    """Answer POST `allergies/end`: it holds no more, or (`refuted`) turned out never to have held."""
    return await change(request, "end")


async def reopen(request: ActionRequest) -> View | NotFound | Moved:
    """Answer POST `allergies/reopen`: it holds after all."""
    return await change(request, "reopen")


async def strike(request: ActionRequest) -> View | NotFound | Moved:
    """Answer POST `allergies/strike`: it should never have been written."""
    return await change(request, "strike")


async def show_none(request: PageRequest) -> View:
    """Answer GET `allergies/none`: what it is that is not known."""
    found = await read(request)
    return _none(request.chart, found, new_token(), "any", "")


def _none(chart: Chart, found: Findings, token: str, scope: str, alert: str) -> View:
    values: dict[str, object] = {
        "token": token,
        "scope": scope,
        "scopes": {name: title for name, (_, _, title, _) in DENIALS.items()},
        "alert": alert,
        "allergies": [row_of(chart, *one) for one in found.allergies],
        "denials": [row_of(chart, *one) for one in found.denials],
    }
    return View("allergies/none.html", values)


async def say_none(request: ActionRequest) -> View | Moved:
    """Answer POST `allergies/none`: say that none is known. An earlier statement of the same ends by it."""
    chart = request.chart
    gettext = chart.translator.gettext
    found = await read(request)
    scope = request.one("scope")
    scope = scope if scope in DENIALS else "any"
    token = request.one("token") or new_token()
    if request.one("do") != "save":
        return _none(chart, found, token, scope, "")
    identity = form_id(request.principal, chart.patient, token)
    done = Moved(f"{chart.path()}#{ANCHOR}")
    if found.find(identity) is not None:
        return done  # an earlier press of the same button wrote it
    moment = local(chart.now).isoformat(timespec="seconds")
    about = About(identity, chart.patient, moment, author(request.principal))
    made = writing.denial(scope, about, by_patient=request.one("source") == PATIENT)
    statement = read_allergy(made)
    if any(one.contradicts(statement) for one, _ in found.allergies):
        return _none(chart, found, token, scope, gettext(_THERE_ARE))
    provider = request.principal.assignment.provider
    earlier = [one for one in found.denials if one[0].scope == scope and one[1].provider == provider]
    over = [writing.over(fhir_json.loads(entry.body or b"{}"), today_of(chart)) for _, entry in earlier]
    versions = {f"AllergyIntolerance/{one.id}": entry.version for one, entry in earlier}
    refused = await request.writer.write([made, *over], versions)
    if refused is None:
        return done
    alert = refused.told(request.chart.translator)
    return _none(chart, found, token, scope, alert)
