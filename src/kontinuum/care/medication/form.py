"""A new prescription, and another dosage for one: checked while it is written, signed in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

from kontinuum.care.medication import filled as forms
from kontinuum.care.medication import warned, writing
from kontinuum.care.medication.around import Around, around
from kontinuum.care.medication.checks import Asked, Checked
from kontinuum.care.medication.dosing import EVERY, ROUTES, UNITS, WHEN, Dosing
from kontinuum.care.medication.filled import Filled
from kontinuum.care.medication.rules import Read
from kontinuum.care.medication.usual import everything, usual_for
from kontinuum.care.medication.writing import About, Said
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.authoring import author, form_id
from kontinuum.kernel.around import Advice
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import (
    ActionRequest,
    Moved,
    NotFound,
    PageRequest,
    Refused,
    View,
)
from kontinuum.kernel.numbers import whole
from kontinuum.kernel.terms import Suggested, Term
from kontinuum.sweden import systems

SUBSTANCE: Final = "substance"
ANCHOR: Final = "medication"

_GONE: Final = message("There is no such prescription in this patient's record.")
_OVER: Final = message("The prescription does not go on any more. Write a new one.")
_NOT_YOURS: Final = message("It is recorded by another care provider, who is the one to change it.")
_NO_DRUG: Final = message("Write which drug it is, or choose a substance.")
_CHOOSE: Final = message("Choose a substance, or keep the words as free text.")
_UNKNOWN_CODE: Final = message("The code is not known here any more. Choose another one, or keep the words.")
_NO_PROBLEM: Final = message("The problem is not among the patient's any more. Choose another one, or none.")
WRITE_WHY: Final = message("It is dangerous. If it is prescribed all the same, write why: it is kept.")
HEAR: Final = message(
    "Decision support warns, or was not heard. Read what it says, and sign once more if it is to stand."
)


async def show(request: PageRequest) -> View | NotFound:
    """Answer GET `medication/add`: the empty form, or with `of` that of another dosage."""
    found = await around(request)
    of = request.parameters.get("of", "")
    if not of:
        return await _view(request, found, forms.empty(found.today))
    chosen = found.prescription(of)
    if chosen is None:
        return NotFound(_GONE)
    medication, entry = chosen
    resource = fhir_json.loads(entry.body or b"{}")
    label = medication.concept.label
    filled = forms.as_it_stands(resource, label, medication.atc, entry.version, found.today)
    return await _view(request, found, filled)


async def fill(request: ActionRequest) -> View | NotFound | Moved:
    """Answer POST `medication/add`: the form with a drug, or with a usual dosage; or (`do=sign`) write it."""
    found = await around(request)
    filled = forms.filled_of(request.fields)
    if filled.of and found.prescription(filled.of) is None:
        return NotFound(_GONE)
    do = request.one("do")
    if do == "begin":
        # The card sends what was chosen and nothing else: the rest is as in an empty form.
        begun = forms.empty(found.today)
        filled = replace(begun, text=filled.text, code=filled.code, free=filled.free)
    if do == "free":
        filled = replace(filled, free=True, code="")
    if do == "sign":
        return await _sign(request, found, filled)
    usual = everything().get(request.one("usual"))
    if usual is None and (do in ("begin", "choose") or request.one("choice")):
        usual = next(iter(usual_for(filled.code)), None)
    if usual is not None:
        filled = forms.with_usual(filled, usual, found.problems)
    return await _view(request, found, filled)


async def _sign(request: ActionRequest, found: Around, filled: Filled) -> View | NotFound | Moved:
    chart = request.chart
    prior = found.prescription(filled.of) if filled.of else None
    term = await _term(request, prior, filled)
    identity = form_id(request.principal, chart.patient, filled.token)
    done = Moved(f"{chart.path()}#{ANCHOR}")
    if found.prescription(identity) is not None:
        return done  # an earlier press of the same button wrote it
    dosing = forms.read_dosing(filled, found.today)
    fault = await _fault(request, found, filled, term, prior) or (dosing if isinstance(dosing, str) else "")
    if fault or isinstance(dosing, str):
        return await _view(request, found, filled, alert=fault)
    checked = found.check(_asked(filled, dosing), {filled.of})
    if checked.stops and not filled.why.strip():
        return await _view(request, found, filled, alert=WRITE_WHY)
    made = _made(request, found, filled, term, dosing, identity, checked)
    advice = await advised(request, "order-sign", [made])
    if heard_of(advice) not in ("", filled.heard):
        return await _view(request, found, filled, alert=HEAR, advice=advice)
    refused = await _write(request, made, prior, filled.version)
    if refused is not None:
        return await _view(request, found, filled, refused=refused)
    if term is not None:
        await request.terms.chose(SUBSTANCE, term.code)
    return done


async def _write(
    request: ActionRequest, made: dict[str, Any], prior: Read | None, version: int
) -> Refused | None:
    """Write a prescription, and the end of the one that it replaces, together or not at all."""
    if prior is None:
        return await request.writer.write([made])
    before = fhir_json.loads(prior[1].body or b"{}")
    ended = writing.over(before, "stopped", writing.CHANGED, made["authoredOn"])
    return await request.writer.write([made, ended], {f"MedicationRequest/{prior[0].id}": version})


async def _term(request: PageRequest | ActionRequest, prior: Read | None, filled: Filled) -> Term | None:
    """The substance of the form; the one that a prescription has may be of an edition that is not loaded."""
    if not filled.code:
        return None
    known = await request.terms.find(SUBSTANCE, filled.code)
    if known is not None or prior is None or prior[0].atc != filled.code:
        return known
    had = next(each for each in prior[0].concept.coding if each.system == systems.ATC)
    return Term(systems.ATC, filled.code, had.display or prior[0].concept.label)


async def _fault(
    request: ActionRequest, found: Around, filled: Filled, term: Term | None, prior: Read | None
) -> str:
    if prior is not None:
        if prior not in found.renewable():
            return _OVER
        if prior[1].provider != request.principal.assignment.provider:
            return _NOT_YOURS
    if filled.code and term is None:
        return _UNKNOWN_CODE
    if not filled.text.strip():
        return _NO_DRUG
    if not filled.chosen:
        offered = (await request.terms.suggest(SUBSTANCE, filled.text)).terms
        return _CHOOSE if offered else _NO_DRUG
    if filled.problem and found.problem(filled.problem) is None:
        return _NO_PROBLEM
    return forms.fault_of(filled, found.today)


def _asked(filled: Filled, dosing: Dosing | str) -> Asked:
    if isinstance(dosing, str):
        return Asked(filled.text, filled.code)
    return Asked(filled.text, filled.code, dosing.a_day, dosing.unit)


def _made(
    request: PageRequest | ActionRequest,
    found: Around,
    filled: Filled,
    term: Term | None,
    dosing: Dosing,
    identity: str,
    checked: Checked,
) -> dict[str, Any]:
    """The resource that the form says."""
    chart = request.chart
    problem = found.problem(filled.problem)
    about = About(
        identity,
        chart.patient,
        local(chart.now).isoformat(timespec="seconds"),
        author(request.principal),
    )
    said = Said(
        name=filled.text,
        term=term,
        dosing=dosing,
        problem=(problem.id, problem.code.label) if problem else ("", ""),
        reason=filled.reason,
        pack=forms.read_pack(filled.pack),
        draws=whole(filled.draws, 1),
        until=filled.until.strip(),
        exchange=filled.exchange,
        inpatient=filled.inpatient,
        comment=filled.comment,
        why=warned.kept(checked, filled.why),
    )
    return writing.prescribed(about, said, filled.of)


async def advised(
    request: PageRequest | ActionRequest, hook: str, orders: Sequence[dict[str, Any]]
) -> Sequence[Advice]:
    """What the services of others say of what is about to be signed."""
    return await request.advisers.ask(hook, orders) if request.advisers and orders else ()


def heard_of(advice: Sequence[Advice]) -> str:
    """What tells what must be seen before signing: critical cards, and services that were not heard.

    Empty where there is none.
    """
    cards = [f"{one.service}: {text}" for one in advice for tone, text in one.cards if tone == "critical"]
    said = sorted([*cards, *(f"{one.service}: {one.fault}" for one in advice if one.fault)])
    return sha256("\n".join(said).encode()).hexdigest() if said else ""


async def _view(
    request: PageRequest | ActionRequest,
    found: Around,
    filled: Filled,
    *,
    alert: str = "",
    refused: Refused | None = None,
    advice: Sequence[Advice] | None = None,
) -> View:
    chart = request.chart
    prior = found.prescription(filled.of) if filled.of else None
    term = await _term(request, prior, filled)
    if term is not None and not filled.text.strip():
        filled = replace(filled, text=term.display)
    suggested: Suggested | None = None
    if term is None and not filled.free and filled.text.strip():
        suggested = await request.terms.suggest(SUBSTANCE, filled.text)
    dosing = forms.read_dosing(filled, found.today)
    checked = found.check(_asked(filled, dosing), {filled.of}) if filled.chosen else None
    if advice is None and checked is not None:
        plain = dosing if isinstance(dosing, Dosing) else Dosing(words=filled.words)
        identity = form_id(request.principal, chart.patient, filled.token)
        draft = _made(request, found, filled, term, plain, identity, checked)
        advice = await advised(request, "order-select", [draft])
    values: dict[str, object] = {
        "filled": replace(filled, heard=heard_of(advice or ())),
        "term": term,
        "suggested": suggested,
        "usual": usual_for(filled.code) if not filled.of else [],
        "problems": found.problems,
        "text": "" if isinstance(dosing, str) else dosing.text,
        "told": warned.told(chart.translator, checked, advice or ()) if checked else None,
        "alert": refused.told(chart.translator)
        if refused
        else chart.translator.gettext(alert)
        if alert
        else "",
        "before": prior[0] if prior else None,
        "units": UNITS,
        "every": {key: title for key, (_, _, _, title) in EVERY.items()},
        "whens": {key: title for key, (_, title) in WHEN.items()},
        "routes": {key: title for key, (_, title) in ROUTES.items()},
    }
    return View("medication/form.html", values)
