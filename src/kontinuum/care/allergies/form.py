"""Adding a hypersensitivity or an alert, and correcting one; saying that none is known.

What contradicts what somebody else has said is asked about before it is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from kontinuum.care.allergies import writing
from kontinuum.care.allergies.kinds import CATEGORIES, HYPERSENSITIVITY, KINDS, SEVERITIES
from kontinuum.care.allergies.model import Alert, Allergy, AllergyIntolerance, Flag, read_allergy
from kontinuum.care.allergies.rules import Findings, findings
from kontinuum.care.allergies.views import ANCHOR, queries, row_of, today_of
from kontinuum.care.allergies.writing import PATIENT, About, Sensitivity, Warned
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.authoring import author, form_id, new_token, read_date
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

_GONE: Final = message("There is no such alert in this patient's record.")
_STRUCK: Final = message("It is struck, and stays so. Write it anew if it holds after all.")
_UNKNOWN_CODE: Final = message("The code is not known here any more. Choose another one, or keep the words.")
_NO_TEXT: Final = message("Write what is to be noticed.")
_CHOOSE: Final = message("Choose a code, or keep the words as free text.")
_NO_DATE: Final = message("Write the date as 2019, 2019-05 or 2019-05-02.")
_NOT_BEFORE: Final = message("An alert cannot end before it begins.")
_NO_REASON: Final = message("Write why it is corrected. What stood there before stays readable.")
_DENIED: Final = message("Somebody has said that none is known. Is that so no more?")
_KNOWN: Final = message("It stands there already.")
_NATURES: Final = ("allergy", "intolerance")


@dataclass(frozen=True, slots=True)
class Filled:
    """The form as it is filled in. `of` is the id of the entry that is corrected, empty for a new one."""

    token: str
    kind: str
    of: str = ""
    version: int = 0
    text: str = ""
    code: str = ""
    free: bool = False
    category: str = ""
    nature: str = ""
    severity: str = ""
    suspected: bool = False
    reaction: str = ""
    source: str = PATIENT
    comment: str = ""
    start: str = ""
    until: str = ""
    reason: str = ""


async def read(request: PageRequest | ActionRequest) -> Findings:
    """The patient's hypersensitivity and alerts."""
    pages = await request.record.find_many(queries(request.chart))
    return findings(pages[0].matches, pages[1].matches, today_of(request.chart))


async def show(request: PageRequest) -> View | NotFound:
    """Answer GET `allergies/add`: the kinds, the form of one, or with `of` that of an entry to correct."""
    found = await read(request)
    of = request.parameters.get("of", "")
    entry = found.find(of) if of else None
    if of and entry is None:
        return NotFound(_GONE)
    if entry is not None:
        resource = fhir_json.loads(entry[1].body or b"{}")
        return await _view(request, found, _as_it_stands(entry[0], resource, entry[1].version))
    kind = request.parameters.get("kind", "")
    if kind not in KINDS:
        return View("allergies/choose.html", {"kinds": KINDS})
    return await _view(request, found, Filled(new_token(), kind, start=today_of(request.chart)))


def _as_it_stands(entry: AllergyIntolerance | Flag, resource: Mapping[str, Any], version: int) -> Filled:
    code = entry.code.code()
    filled = Filled(
        new_token(),
        entry.kind or "unstructured",
        of=entry.id,
        version=version,
        text=entry.code.label,
        code=code,
        free=not code,
    )
    if isinstance(entry, Flag):
        period = entry.period
        start = (period.start or "")[:10] if period else ""
        return replace(filled, start=start, until=(period.end or "")[:10] if period else "")
    asserter = entry.asserter.reference if entry.asserter else None
    return replace(
        filled,
        category=entry.category[0] if entry.category else "",
        nature=entry.type or "",
        severity=entry.severity,
        suspected=entry.unconfirmed,
        reaction=writing.reaction_of(resource),
        source=PATIENT if (asserter or "").startswith("Patient/") else "staff",
        comment=writing.comment_of(resource),
    )


def _filled(request: ActionRequest) -> Filled:
    given = {name: values[0] for name, values in request.fields.items() if values}
    version = given.get("version", "")
    kind = given.get("kind", HYPERSENSITIVITY)
    return Filled(
        token=given.get("token") or new_token(),
        kind=kind if kind in KINDS else "unstructured",
        of=given.get("of", ""),
        version=whole(version),
        text="" if given.get("choice") else given.get("text", ""),
        code=given.get("choice") or given.get("code", ""),
        free=given.get("free") == "1",
        category=given["category"] if given.get("category") in CATEGORIES else "",
        nature=given["nature"] if given.get("nature") in _NATURES else "",
        severity=given["severity"] if given.get("severity") in SEVERITIES else "",
        suspected=given.get("certainty") == "suspected",
        reaction=given.get("reaction", ""),
        source=PATIENT if given.get("source", PATIENT) == PATIENT else "staff",
        comment=given.get("comment", ""),
        start=given.get("start", ""),
        until=given.get("until", ""),
        reason=given.get("reason", ""),
    )


async def fill(request: ActionRequest) -> View | NotFound | Moved:
    """Answer POST `allergies/add`: the form with a code, or write it.

    `do` is save; or replace, which ends what says that none is known; or both, which lets that stand.
    """
    found = await read(request)
    filled = _filled(request)
    do = (request.fields.get("do") or ("",))[0]
    corrected = found.find(filled.of) if filled.of else None
    if filled.of and corrected is None:
        return NotFound(_GONE)
    if corrected is not None and corrected[0].entered_in_error:
        return NotFound(_STRUCK)
    if do == "free":
        filled = replace(filled, free=True, code="")
    if do == "begin":
        filled = Filled(new_token(), HYPERSENSITIVITY, text=filled.text, code=filled.code, free=filled.free)
    if do not in ("save", "replace", "both"):
        return await _view(request, found, filled)
    return await _save(request, found, filled, do)


async def _term(request: PageRequest | ActionRequest, found: Findings, filled: Filled) -> Term | None:
    """The code of the form; one that the entry has had may be of a system that is not loaded here."""
    where = KINDS[filled.kind].where
    if not filled.code:
        return None
    known = await request.terms.find(where, filled.code) if where else None
    entry = found.find(filled.of) if filled.of else None
    if known is not None or entry is None:
        return known
    had = next((one for one in entry[0].code.coding if one.code == filled.code and one.system), None)
    return Term(had.system or "", filled.code, had.display or filled.code) if had else None


async def _save(request: ActionRequest, found: Findings, filled: Filled, do: str) -> View | Moved:
    chart = request.chart
    gettext = chart.translator.gettext
    term = await _term(request, found, filled)
    fault = await _fault(request, filled, term)
    if fault:
        return await _view(request, found, filled, alert=gettext(fault))
    identity = filled.of or form_id(request.principal, chart.patient, filled.token)
    done = Moved(f"{chart.path()}#{ANCHOR}")
    if not filled.of and found.find(identity) is not None:
        return done  # an earlier press of the same button wrote it
    made = _made(request, found, filled, term, identity)
    if filled.of:
        refused = await request.writer.correct(made, filled.reason, filled.version)
    else:
        same = _same(found, filled, term)
        if same is not None and do == "save":
            return await _view(request, found, filled, alert=gettext(_KNOWN), asks=[same])
        denied = found.denied_by(read_allergy(made)) if filled.kind == HYPERSENSITIVITY else []
        if denied and do == "save":
            alert = gettext(_DENIED)
            return await _view(request, found, filled, alert=alert, asks=denied, denies=True)
        refused = await _write(request, made, denied if do == "replace" else [])
    if refused is not None:
        alert = refused.told(request.chart.translator)
        return await _view(request, found, filled, alert=alert)
    if term is not None:
        await request.terms.chose(KINDS[filled.kind].where, term.code)
    return done


def _made(
    request: ActionRequest, found: Findings, filled: Filled, term: Term | None, identity: str
) -> dict[str, Any]:
    """The resource that the form says."""
    chart = request.chart
    moment = local(chart.now).isoformat(timespec="seconds")
    about = About(identity, chart.patient, moment, author(request.principal))
    entry = found.find(filled.of) if filled.of else None
    before = fhir_json.loads(entry[1].body or b"{}") if entry else {}
    text = filled.text if filled.text.strip() or term is None else term.display
    if filled.kind == HYPERSENSITIVITY:
        drug = "medication" if term is not None and term.system == systems.ATC else ""
        said = Sensitivity(
            text,
            term,
            filled.category or drug,
            filled.nature,
            filled.severity,
            filled.suspected,
            filled.reaction,
            filled.source,
            filled.comment,
        )
        return writing.sensitivity(before, said, about)
    warned = Warned(filled.kind, text, term, filled.start.strip(), filled.until.strip())
    return writing.warning(before, warned, about)


def _same(found: Findings, filled: Filled, term: Term | None) -> Allergy | Alert | None:
    """What stands there already with the same code or words."""
    key = filled.text.strip().casefold()
    standing: list[Allergy | Alert] = [*found.allergies, *found.flags]
    for entry in standing:
        code = entry[0].code
        same = code.code() == term.code if term else code.label.strip().casefold() == key
        if same and entry[0].kind == filled.kind:
            return entry
    return None


async def _write(request: ActionRequest, made: Mapping[str, Any], ending: list[Allergy]) -> Refused | None:
    """Write a new entry, and the end of what it contradicts, together or not at all."""
    today = today_of(request.chart)
    over = [writing.over(fhir_json.loads(entry.body or b"{}"), today) for _, entry in ending]
    versions = {f"AllergyIntolerance/{one.id}": entry.version for one, entry in ending}
    return await request.writer.write([made, *over], versions)


async def _fault(request: ActionRequest, filled: Filled, term: Term | None) -> str:
    """What is wrong with the form; empty when nothing is."""
    where = KINDS[filled.kind].where
    today = local(request.chart.now).date()
    if filled.code and term is None:
        return _UNKNOWN_CODE
    if not filled.code and not filled.text.strip():
        return _NO_TEXT
    unsaid = where and not filled.code and not filled.free
    if unsaid and (await request.terms.suggest(where, filled.text)).terms:
        return _CHOOSE
    dates = [one.strip() for one in (filled.start, filled.until)]
    if any(one and read_date(one, today, ahead=True) is None for one in dates):
        return _NO_DATE
    known = min(map(len, dates))
    if known and dates[1][:known] < dates[0][:known]:
        return _NOT_BEFORE
    if filled.of and not filled.reason.strip():
        return _NO_REASON
    return ""


async def _view(
    request: PageRequest | ActionRequest,
    found: Findings,
    filled: Filled,
    *,
    alert: str = "",
    asks: Sequence[Allergy | Alert] = (),
    denies: bool = False,
) -> View:
    """The form; `asks` are the entries that it asks about, `denies` that they say that none is known."""
    term = await _term(request, found, filled)
    if term is not None and not filled.text.strip():
        filled = replace(filled, text=term.display)
    where = KINDS[filled.kind].where
    suggested: Suggested | None = None
    if where and term is None and not filled.free and filled.text.strip():
        suggested = await request.terms.suggest(where, filled.text)
    values = {
        "filled": filled,
        "kind": KINDS[filled.kind],
        "kinds": KINDS,
        "term": term,
        "suggested": suggested,
        "alert": alert,
        "asks": [row_of(request.chart, *one) for one in asks],
        "denies": denies,
        "severities": {name: title for name, (_, _, title) in SEVERITIES.items()},
        "categories": CATEGORIES,
    }
    return View("allergies/form.html", values)
