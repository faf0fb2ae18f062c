"""One value: its source, its correction, and what it does to the score that was reckoned from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote

from kontinuum.care.vitals import reading, resources, responding
from kontinuum.care.vitals.around import CHANGED, WHY, Around, around, say
from kontinuum.care.vitals.entry import AIR_WITH_FLOW, check
from kontinuum.care.vitals.flowsheet import address_of, flag_of, is_stale, risk_of, who
from kontinuum.care.vitals.form import value_text
from kontinuum.care.vitals.kinds import CHOICES, KINDS
from kontinuum.care.vitals.reading import Reading
from kontinuum.care.vitals.rules import AIR, RISKS, Scale, Score, news2, score
from kontinuum.kernel.i18n import Phrase, local, message
from kontinuum.kernel.ids import is_id
from kontinuum.kernel.module import ActionRequest, Moved, NotFound, PageRequest, Refused, Told, View

Request = PageRequest | ActionRequest
_IN_A_SET: Final = (*KINDS, *CHOICES, "pressure", *Scale)
NONE: Final = message("There is no such measurement.")
_SAME: Final = message("Nothing was changed.")


@dataclass(frozen=True, slots=True)
class Input:
    """A field of the correction; `answers` as in the form."""

    key: str
    title: str
    unit: str
    mode: str
    value: str
    problem: str
    answers: tuple[tuple[str, str, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Changed:
    """What a correction writes, with the versions that were read; `problems` when the new value cannot be."""

    body: dict[str, Any]
    problems: Mapping[str, Phrase]


async def value(request: PageRequest) -> View | NotFound:
    """Answer `vitals/value?id=`: one value with its source, and the form that corrects it."""
    found = await find(request, request.parameters.get("id", ""))
    return NotFound(NONE) if found is None else await page_of(request, found)


async def correct(request: ActionRequest) -> View | NotFound | Moved | Told:
    """Answer `vitals/correct`: another value, or (`do=withdraw`) entered in error; the score follows."""
    found = await find(request, _one(request, "id"))
    if found is None or found.wrong or not _keys(found):
        return NotFound(NONE)
    reason, gettext = _one(request, "reason"), request.chart.translator.gettext
    if not reason.strip():
        return await page_of(request, found, alert=gettext(WHY))
    if _one(request, "version") != str(found.version):
        return await page_of(request, found, alert=gettext(CHANGED))
    there = await around(request.record, request.chart, request.principal)
    if _one(request, "do") == "withdraw":
        changed = Changed({**found.body, "status": reading.ERROR}, {})
    else:
        changed = _changed(request, found, there)
    if changed.problems:
        return await page_of(request, found, problems=changed.problems)
    if changed.body == found.body:
        return await page_of(request, found, alert=gettext(_SAME))
    writes, versions = [changed.body], {f"Observation/{found.id}": found.version}
    for one in await scores_of(request, [found]):
        writes.append(await _again(request, there, one, changed.body))
        versions[f"Observation/{one.id}"] = one.version
    asks, known = await _asks(request, there, found, changed.body)
    writes, versions = [*writes, *asks], {**versions, **known}
    refused = await request.writer.correct_together(writes, reason, versions)
    if refused is not None:
        return await page_of(request, found, alert=reasons(refused, gettext(CHANGED)))
    return Moved(request.chart.path("vitals", "flowsheet"))


def reasons(refused: Refused, changed: str) -> str:
    """Why it was not written, in words."""
    return changed if refused.conflict else " ".join(refused.reasons)


async def find(request: Request, identity: str) -> Reading | None:
    """A measurement of this patient."""
    if not is_id(identity):
        return None
    found = await by_ids(request, [identity])
    return found[0] if found else None


async def by_ids(request: Request, ids: Sequence[str]) -> list[Reading]:
    """Measurements of this patient."""
    wanted = [one for one in ids if is_id(one)]
    if not wanted:
        return []
    query = f"Observation?patient={request.chart.patient}&_id={','.join(wanted)}&_count={len(wanted)}"
    (page,) = await request.record.find_many([query])
    return reading.read(page.matches)


async def scores_of(request: Request, parts: Sequence[Reading]) -> list[Reading]:
    """The scores that were reckoned from values, and stand."""
    named = quote(",".join(f"Observation/{one.id}" for one in parts), safe="/,")
    query = f"Observation?patient={request.chart.patient}&derived-from={named}&_count=20"
    (page,) = await request.record.find_many([query])
    return [one for one in reading.read(page.matches) if one.key in list(Scale) and not one.wrong]


async def _again(
    request: ActionRequest, there: Around, one: Reading, changed: dict[str, Any]
) -> dict[str, Any]:
    """A score reckoned again with a part changed; withdrawn where a part is missing now."""
    parts = await by_ids(request, list(one.parts))
    now = [_with(part, changed) if part.id == changed["id"] else part for part in parts]
    measured = reading.measured(now)
    if one.key == Scale.NEWS2:
        made: Any = news2(measured, second=one.second)
    else:
        made = score(measured, there.born, one.at.date(), second=False)
    if not isinstance(made, Score) or made.scale != one.key or made.total is None:
        return {**one.body, "status": reading.ERROR}
    return {**one.body, "status": "corrected", **resources.reckoned(made)}


async def _asks(
    request: ActionRequest, there: Around, found: Reading, changed: dict[str, Any]
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """What the set of a value asks for after its correction, unless another was measured since."""
    if not (identity := set_of(found)):
        return [], {}
    every = await by_ids(request, _ids(identity))
    later = [one for one in there.readings if one.is_score and not one.wrong and one.at > found.at]
    asked = await responding.asked_of(request)
    if later or any(one.since > found.at for one in asked):
        return [], {}
    second = next((one.second for one in every if one.is_score), there.second)
    now = [_with(one, changed) if one.id == changed["id"] else one for one in every]
    made = score(reading.measured(now), there.born, found.at.date(), second=second)
    if not isinstance(made, Score):
        return [], {}
    contact = found.body.get("encounter", {}).get("reference", "").removeprefix("Encounter/")
    written = local(request.chart.now).isoformat(timespec="seconds")
    taken = resources.Taken(
        identity,
        request.chart.patient,
        contact,
        found.at.isoformat(timespec="seconds"),
        written,
        request.principal,
        there.intervals(found.at),
    )
    mine = await responding.of_set(request, identity)
    return responding.corrected(made, taken, mine, asked, request.settings)


def _ids(identity: str) -> list[str]:
    return [f"{identity}-{key}" for key in _IN_A_SET]


async def members(request: Request, found: Reading) -> list[Reading]:
    """What was entered together with a value and stands, the score first; empty where not entered here."""
    identity = set_of(found)
    every = [one for one in await by_ids(request, _ids(identity)) if not one.wrong] if identity else []
    return sorted(every, key=lambda one: (not one.is_score, _IN_A_SET.index(one.key)))


def seen(every: Sequence[Reading]) -> str:
    """The versions of a set, as the form names them."""
    return " ".join(f"{one.key}={one.version}" for one in every)


def set_of(found: Reading) -> str:
    """The id of the set that a value was entered with; empty for what was not entered here."""
    identity = found.id.removesuffix(f"-{found.key}")
    return identity if identity != found.id and is_id(f"{identity}{responding.RESPONSE}") else ""


def _with(part: Reading, body: dict[str, Any]) -> Reading:
    return Reading(part.key, body, part.version, part.unit, part.updated)


def _changed(request: ActionRequest, found: Reading, there: Around) -> Changed:
    """The value as corrected; how it lies in the range of its age is judged again."""
    numbers, problems = _typed(request, found)
    if problems:
        return Changed({}, problems)
    ranges = there.intervals(found.at)
    body = {key: kept for key, kept in found.body.items() if key not in ("interpretation", "referenceRange")}
    if found.key == "pressure":
        if not numbers:
            return Changed({}, {"systolic": Phrase(_NONE_LEFT)})
        if numbers.get("diastolic", Decimal(0)) >= numbers.get("systolic", Decimal(1000)):
            return Changed({}, {"diastolic": Phrase(_UPSIDE_DOWN)})
        new: dict[str, Any] = {"component": resources.pressures(numbers, ranges)}
        same = numbers == found.numbers
    elif found.key in CHOICES:
        code, flow = _one(request, found.key), numbers.get("flow")
        if code == AIR and flow is not None:
            return Changed({}, {"flow": Phrase(AIR_WITH_FLOW)})
        if code not in {one for one, *_ in CHOICES[found.key].answers}:
            return Changed({}, {found.key: Phrase(_NOT_CHOSEN)})
        if found.key == "inspired":
            new = resources.inspired(code, flow)
        else:
            choice = CHOICES[found.key]
            new = {"valueCodeableConcept": resources.chosen(choice, code)}
        same = code == found.choice and numbers == {
            k: v for k, v in found.numbers.items() if v or code != AIR
        }
        body = {
            key: kept for key, kept in body.items() if key not in ("valueQuantity", "valueCodeableConcept")
        }
    else:
        kind = KINDS[found.key]
        number = numbers[found.key]
        new = {"valueQuantity": resources.quantity(kind, number)}
        new |= resources.judged(kind, number, ranges.get(found.key))
        same = str(number) == str(found.numbers.get(found.key))
    return Changed(dict(found.body) if same else {**body, "status": "corrected", **new}, {})


_NONE_LEFT: Final = message("Nothing is left: mark it as wrong instead")
_UPSIDE_DOWN: Final = message("The diastolic pressure cannot be as high as the systolic")
_NOT_CHOSEN: Final = message("Choose one")


def _keys(found: Reading) -> tuple[str, ...]:
    """The fields in which a value is corrected; none for what is not known here."""
    if found.key == "pressure":
        return "systolic", "diastolic"
    if found.key == "inspired":
        return "inspired", "flow"
    return (found.key,) if found.key in KINDS or found.key in CHOICES else ()


def _typed(request: ActionRequest, found: Reading) -> tuple[dict[str, Decimal], dict[str, Phrase]]:
    numbers: dict[str, Decimal] = {}
    problems: dict[str, Phrase] = {}
    for key in _keys(found):
        text = _one(request, key).strip()
        if key not in KINDS or (not text and len(_keys(found)) > 1):
            continue
        read = check(KINDS[key], text)
        if isinstance(read, Phrase):
            problems[key] = read
        else:
            numbers[key] = read
    return numbers, problems


async def page_of(
    request: Request, found: Reading, *, alert: str = "", problems: Mapping[str, Phrase] | None = None
) -> View:
    """The page of a value, with what there is to say about what was sent."""
    chart, words = request.chart, request.chart.translator
    parts = sorted(await by_ids(request, list(found.parts)), key=lambda one: one.label)
    known = {one.id: one for one in parts}
    told = {key: say(words, text) for key, text in (problems or {}).items()}
    risk = risk_of(found)
    body = found.body
    every = [] if found.wrong else await members(request, found)
    position = [each.get("valueCodeableConcept", {}).get("text", "") for each in body.get("extension", ())]
    how = [body.get("method", {}).get("text", ""), body.get("device", {}).get("display", ""), *position]
    values = {
        "label": found.label,
        "value": value_text(found, words),
        "flag": flag_of(found),
        "risk": words.gettext(RISKS[risk]) if risk else "",
        "id": found.id,
        "version": found.version,
        "measured": words.moment(found.at),
        "written": words.moment(body.get("issued")),
        "late": found.late,
        "wrong": found.wrong,
        "corrected": found.corrected,
        "stale": found.key in list(Scale) and is_stale(found, known),
        "by": who(chart, found),
        "unit": chart.directory.unit(found.unit),
        "how": [one for one in how if one],
        "asked": await _told(request, found),
        "parts": [(one.label, value_text(one, words), address_of(chart, one)) for one in parts],
        "inputs": [] if found.wrong else [_input(request, found, key, told) for key in _keys(found)],
        "reason": _one(request, "reason") if isinstance(request, ActionRequest) else "",
        "whole": [(one.label, value_text(one, words)) for one in every] if len(every) > 1 else [],
        "seen": seen(every),
        "history": chart.path("entry", "Observation", found.id),
        "alert": alert or " ".join(told[key] for key in told if key not in _keys(found)),
    }
    return View("vitals/value.html", values)


async def _told(request: Request, found: Reading) -> tuple[str, str, str] | None:
    """What the set of a value asked for: the address of the Task, its words, and why it was taken back."""
    asked = await responding.of_set(request, set_of(found)) if set_of(found) else None
    if asked is None:
        return None
    task = asked.resource
    address = request.chart.path("entry", "Task", task["id"])
    return address, task.get("description", ""), task.get("statusReason", {}).get("text", "")


def _input(request: Request, found: Reading, key: str, told: Mapping[str, str]) -> Input:
    words = request.chart.translator
    typed = (
        request.fields.get(key, ("",))[0]
        if isinstance(request, ActionRequest) and key in request.fields
        else None
    )
    if key in CHOICES:
        choice = CHOICES[key]
        now = typed if typed is not None else found.choice
        answers = tuple((code, words.gettext(title), code == now) for code, title, _ in choice.answers)
        return Input(key, words.gettext(choice.title), "", "", now, told.get(key, ""), answers)
    kind = KINDS[key]
    number = found.numbers.get(key)
    text = typed if typed is not None else "" if number is None else words.number(number)
    mode = "decimal" if kind.decimals else "numeric"
    return Input(key, words.gettext(kind.title), kind.unit, mode, text, told.get(key, ""))


def _one(request: Request, name: str) -> str:
    if isinstance(request, PageRequest):
        return request.parameters.get(name, "")
    return next(iter(request.fields.get(name, ())), "")
