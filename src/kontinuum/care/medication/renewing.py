"""Prescriptions that go on: one or several renewed at once, each with the dosage that it has."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kontinuum.care.medication import warned, writing
from kontinuum.care.medication.around import Around, around
from kontinuum.care.medication.checks import Asked, Checked
from kontinuum.care.medication.dosing import dosing_of
from kontinuum.care.medication.filled import LONGEST, TOO_LONG, YEAR
from kontinuum.care.medication.form import ANCHOR, HEAR, WRITE_WHY, advised, heard_of
from kontinuum.care.medication.rules import Read
from kontinuum.care.medication.views import Row, row_of
from kontinuum.care.medication.warned import Told
from kontinuum.care.medication.writing import About
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.authoring import author, form_id, new_token
from kontinuum.kernel.around import Advice
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import ActionRequest, Moved, PageRequest, View

_NOTHING: Final = message("Mark what is to be renewed.")
_CHANGED: Final = message("Something that was marked cannot be renewed any more. This is what stands now.")


@dataclass(frozen=True, slots=True)
class Renewable:
    """A prescription that can be renewed; `own` says that it ends when its renewal is signed."""

    row: Row
    version: int
    marked: bool
    own: bool
    told: Told


async def show(request: PageRequest) -> View:
    """Answer GET `medication/renew`: what can be renewed, with `id` marked."""
    found = await around(request)
    marked = {request.parameters.get("id", "")}
    return await _view(request, found, marked, new_token())


async def renew(request: ActionRequest) -> View | Moved:
    """Answer POST `medication/renew`: renew all that is marked, in one transaction."""
    found = await around(request)
    chart = request.chart
    token = request.one("token") or new_token()
    marked = dict.fromkeys(request.fields.get("of", ()))
    done = Moved(f"{chart.path()}#{ANCHOR}")
    if marked and all(found.prescription(_id(request, token, each)) is not None for each in marked):
        return done  # an earlier press of the same button wrote them
    chosen = [each for each in found.renewable() if each[0].id in marked]
    why = request.one("why")
    if request.one("do") != "sign":
        return await _view(request, found, marked, token, why)
    fault = _NOTHING if not marked else _CHANGED if len(chosen) < len(marked) else ""
    fault = fault or (TOO_LONG if len(why) > LONGEST else "")
    checks = {each[0].id: _checked(found, each) for each in chosen}
    if not fault and any(each.stops for each in checks.values()) and not why.strip():
        fault = WRITE_WHY
    if fault:
        return await _view(request, found, marked, token, why, alert=chart.translator.gettext(fault))
    made = [_renewed(request, found, each, token, warned.kept(checks[each[0].id], why)) for each in chosen]
    advice = await advised(request, "order-sign", made)
    if heard_of(advice) not in ("", request.one("heard")):
        alert = chart.translator.gettext(HEAR)
        return await _view(request, found, marked, token, why, alert=alert, advice=advice)
    refused = await _write(request, chosen, made)
    if refused is None:
        return done
    return await _view(request, found, marked, token, why, alert=refused.told(chart.translator))


async def _write(request: ActionRequest, chosen: Sequence[Read], made: Sequence[dict[str, Any]]) -> Any:
    """Write the renewals, and the end of what they replace where it is the own care provider's."""
    provider = request.principal.assignment.provider
    own = [each for each in chosen if each[1].provider == provider]
    moment = made[0]["authoredOn"]
    ended = [
        writing.over(fhir_json.loads(entry.body or b"{}"), "completed", writing.RENEWED, moment)
        for _, entry in own
    ]
    versions = {f"MedicationRequest/{each.id}": request.version(f"version-{each.id}") for each, _ in own}
    return await request.writer.write([*made, *ended], versions)


def _id(request: PageRequest | ActionRequest, token: str, of: str) -> str:
    """The id of what renews a prescription: the same form sent twice renews once."""
    return form_id(request.principal, request.chart.patient, f"{token}/{of}")


def _renewed(
    request: PageRequest | ActionRequest, found: Around, chosen: Read, token: str, why: str = ""
) -> dict[str, Any]:
    moment = local(request.chart.now).isoformat(timespec="seconds")
    identity = _id(request, token, chosen[0].id)
    about = About(identity, request.chart.patient, moment, author(request.principal))
    before = fhir_json.loads(chosen[1].body or b"{}")
    return writing.renewed(before, about, (found.today + YEAR).isoformat(), why)


def _checked(found: Around, chosen: Read) -> Checked:
    medication, entry = chosen
    dosing = dosing_of(fhir_json.loads(entry.body or b"{}").get("dosageInstruction") or [])
    asked = Asked(medication.concept.label, medication.atc, dosing.a_day, dosing.unit)
    return found.check(asked, {medication.id})


async def _view(
    request: PageRequest | ActionRequest,
    found: Around,
    marked: Collection[str],
    token: str,
    why: str = "",
    *,
    alert: str = "",
    advice: Sequence[Advice] | None = None,
) -> View:
    chart = request.chart
    provider = request.principal.assignment.provider
    if advice is None:
        drafts = [_renewed(request, found, each, token) for each in found.renewable() if each[0].id in marked]
        advice = await advised(request, "order-select", drafts)
    rows = []
    for each in found.renewable(provider):
        told = warned.told(chart.translator, _checked(found, each))
        own = each[1].provider == provider
        rows.append(Renewable(row_of(chart, *each), each[1].version, each[0].id in marked, own, told))
    rows.sort(key=lambda one: not one.marked)
    values: dict[str, object] = {
        "rows": rows,
        "token": token,
        "why": why,
        "until": chart.translator.day((found.today + YEAR).isoformat()),
        "stops": any(one.marked and one.told.stops for one in rows),
        "advice": warned.told(chart.translator, Checked(), advice) if advice else None,
        "heard": heard_of(advice),
        "alert": alert,
    }
    return View("medication/renew.html", values)
