"""Adding a problem, and correcting one: the same form, which asks before it writes the same thing twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from kontinuum.care.problems import contacts as places
from kontinuum.care.problems import writing
from kontinuum.care.problems.contacts import Contact
from kontinuum.care.problems.model import Condition, read_conditions
from kontinuum.care.problems.rules import Problem, Problems, split
from kontinuum.care.problems.writing import MAIN, SECONDARY, Wording
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.authoring import author, form_id, new_token, read_date
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import (
    ActionRequest,
    Chart,
    Moved,
    NotFound,
    PageRequest,
    Refused,
    ResourceVersion,
    View,
)
from kontinuum.kernel.numbers import whole
from kontinuum.kernel.terms import Suggested, Term

AT_MOST: Final = 200
DIAGNOSIS: Final = "diagnosis"

_GONE: Final = message("There is no such problem in this patient's record.")
_STRUCK: Final = message("It is struck, and stays so. Write it anew if it holds after all.")
_UNKNOWN_CODE: Final = message("The code is not known here any more. Choose another one, or keep the words.")
_NO_TEXT: Final = message("Write what the problem is, or choose a code.")
_CHOOSE: Final = message("Choose a code, or keep the words as free text.")
_NO_DATE: Final = message("Write the date as 2019, 2019-05 or 2019-05-02, and not a day to come.")
_NO_REASON: Final = message("Write why it is corrected. What stood there before stays readable.")
_OTHER_CONTACT: Final = message("The contact is not one of your unit's. Choose another one, or none.")


@dataclass(frozen=True, slots=True)
class Filled:
    """The form as it is filled in. `of` is the id of the problem that is corrected, empty for a new one."""

    token: str
    of: str = ""
    version: int = 0
    text: str = ""
    code: str = ""
    free: bool = False
    suspected: bool = False
    onset: str = ""
    lasting: bool = True
    contact: str = ""
    role: str = ""
    comment: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Around:
    """What the form stands in: the patient's problems, and the contacts to choose from."""

    problems: Problems
    read: dict[str, tuple[Condition, ResourceVersion]]
    contacts: list[Contact]

    def contact(self, identity: str) -> Contact | None:
        """A contact by its id."""
        return next((one for one in self.contacts if one.id == identity), None)


def query(chart: Chart) -> str:
    """The patient's conditions, the latest recorded first."""
    return f"Condition?patient={chart.patient}&_sort=-recorded-date&_count={AT_MOST}"


async def around(request: PageRequest | ActionRequest) -> Around:
    """Read what the form stands in."""
    chart = request.chart
    pages = await request.record.find_many([query(chart), places.query(chart)])
    read = read_conditions(pages[0].matches)
    contacts = places.contacts_of(chart, request.principal, pages[1].matches)
    return Around(split(read), {one.id: (one, entry) for one, entry in read}, contacts)


async def show(request: PageRequest) -> View | NotFound:
    """Answer GET `problems/add`: the empty form, or with `of` that of a problem to correct."""
    found = await around(request)
    of = request.parameters.get("of", "")
    if not of:
        return await _view(request, found, _empty(found, request.parameters.get("contact", "")))
    if of not in found.read:
        return NotFound(_GONE)
    return await _view(request, found, _as_it_stands(*found.read[of]))


def _empty(found: Around, contact: str = "") -> Filled:
    usual = found.contact(contact) or next((one for one in found.contacts if one.usual), None)
    role = "" if usual is None else SECONDARY if usual.main else MAIN
    return Filled(new_token(), contact=usual.id if usual else "", role=role)


def _as_it_stands(condition: Condition, entry: ResourceVersion) -> Filled:
    resource = fhir_json.loads(entry.body or b"{}")
    return Filled(
        new_token(),
        of=condition.id,
        version=entry.version,
        text=condition.code.label,
        code=condition.code.code(),
        free=not condition.code.code(),
        suspected=condition.unconfirmed,
        onset=(condition.onset_date_time or "")[:10],
        lasting=not any(one.has("encounter-diagnosis") for one in condition.category),
        comment=writing.comment_of(resource),
    )


def _filled(request: ActionRequest) -> Filled:
    given = {name: values[0] for name, values in request.fields.items() if values}
    version = given.get("version", "")
    return Filled(
        token=given.get("token") or new_token(),
        of=given.get("of", ""),
        version=whole(version),
        text="" if given.get("choice") else given.get("text", ""),
        code=given.get("choice") or given.get("code", ""),
        free=given.get("free") == "1",
        suspected=given.get("certainty") == "suspected",
        onset=given.get("onset", ""),
        lasting=given.get("kind") != "contact",
        contact=given.get("contact", ""),
        role=given.get("role", "") if given.get("role") in (MAIN, SECONDARY) else SECONDARY,
        comment=given.get("comment", ""),
        reason=given.get("reason", ""),
    )


async def fill(request: ActionRequest) -> View | NotFound | Moved:
    """Answer POST `problems/add`: the form with a code, or (`do=save`, `do=again`) write it."""
    found = await around(request)
    do = (request.fields.get("do") or ("",))[0]
    filled = _filled(request)
    if filled.of and filled.of not in found.read:
        return NotFound(_GONE)
    if filled.of and not found.read[filled.of][0].stands:
        return NotFound(_STRUCK)
    if do == "free":
        filled = replace(filled, free=True, code="")
    if do == "begin":
        # The card sends what was chosen and nothing else: the rest is as in an empty form.
        begun = _empty(found)
        filled = replace(begun, text=filled.text, code=filled.code, free=filled.free)
    if do not in ("save", "again", "existing"):
        return await _view(request, found, filled)
    return await _save(request, found, filled, do)


async def _save(request: ActionRequest, found: Around, filled: Filled, do: str) -> View | Moved:
    term = await request.terms.find(DIAGNOSIS, filled.code) if filled.code else None
    problem = await _faults(request, found, filled, term)
    if problem:
        return await _view(request, found, filled, alert=problem)
    wording = Wording(
        filled.text if filled.text.strip() or term is None else term.display,
        term or _kept(found, filled),
        filled.suspected,
        filled.onset.strip(),
        filled.lasting,
        filled.comment,
    )
    done = f"{request.chart.path()}#problems"
    if filled.of:
        refused = await _correct(request, found, filled, wording)
    else:
        identity = form_id(request.principal, request.chart.patient, filled.token)
        if identity in found.read:
            return Moved(done)  # an earlier press of the same button wrote it
        same = found.problems.named(wording.key)
        if same is not None and do == "save":
            return await _view(request, found, filled, asks=same)
        existing = same.latest.id if same is not None and do == "existing" else ""
        refused = await _write(request, found, filled, wording, existing or identity, new=not existing)
    if refused is not None:
        alert = refused.told(request.chart.translator)
        return await _view(request, found, filled, alert=alert)
    if term is not None:
        await request.terms.chose(DIAGNOSIS, term.code)
    return Moved(done)


async def _faults(request: ActionRequest, found: Around, filled: Filled, term: Term | None) -> str:
    gettext = request.chart.translator.gettext
    today = local(request.chart.now).date()
    if filled.code and term is None and _kept(found, filled) is None:
        return gettext(_UNKNOWN_CODE)
    if not filled.code and not filled.text.strip():
        return gettext(_NO_TEXT)
    if not filled.code and not filled.free and (await request.terms.suggest(DIAGNOSIS, filled.text)).terms:
        return gettext(_CHOOSE)
    if filled.onset.strip() and read_date(filled.onset, today) is None:
        return gettext(_NO_DATE)
    if filled.of and not filled.reason.strip():
        return gettext(_NO_REASON)
    if filled.contact and found.contact(filled.contact) is None:
        return gettext(_OTHER_CONTACT)
    return ""


def _kept(found: Around, filled: Filled) -> Term | None:
    """The code that the problem has had: it may be of a system that is not loaded here."""
    if not filled.of or not filled.code:
        return None
    codings = found.read[filled.of][0].code.coding
    return next(
        (
            Term(one.system or "", filled.code, one.display or filled.code)
            for one in codings
            if one.code == filled.code and one.system
        ),
        None,
    )


async def _correct(request: ActionRequest, found: Around, filled: Filled, wording: Wording) -> Refused | None:
    stored = fhir_json.loads(found.read[filled.of][1].body or b"{}")
    return await request.writer.correct(writing.worded(stored, wording), filled.reason, filled.version)


async def _write(
    request: ActionRequest, found: Around, filled: Filled, wording: Wording, identity: str, *, new: bool
) -> Refused | None:
    """Write the Condition where it is new, and its place at the contact where one is chosen."""
    chart = request.chart
    resources: list[Mapping[str, Any]] = []
    versions: dict[str, int] = {}
    if new:
        moment = local(chart.now).isoformat(timespec="seconds")
        writer = author(request.principal)
        resources.append(writing.begun(identity, chart.patient, wording, moment, writer, filled.contact))
    contact = found.contact(filled.contact)
    if contact is not None:
        resources.append(writing.diagnosed(contact.resource, identity, filled.role))
        versions[f"Encounter/{contact.id}"] = contact.version
    return await request.writer.write(resources, versions) if resources else None


async def _view(
    request: PageRequest | ActionRequest,
    found: Around,
    filled: Filled,
    *,
    alert: str = "",
    asks: Problem | None = None,
) -> View:
    chart = request.chart
    term = await request.terms.find(DIAGNOSIS, filled.code) if filled.code else None
    term = term or _kept(found, filled)
    if term is not None and not filled.text.strip():
        filled = replace(filled, text=term.display)
    suggested: Suggested | None = None
    if term is None and not filled.free and filled.text.strip():
        suggested = await request.terms.suggest(DIAGNOSIS, filled.text)
    key = term.code if term else filled.text.strip().casefold()
    known = asks or (found.problems.named(key) if key and not filled.of else None)
    values = {
        "filled": filled,
        "term": term,
        "suggested": suggested,
        "alert": alert,
        "asks": asks is not None,
        "known": _known(chart, known) if known else None,
        "contacts": found.contacts,
        "mains": {one.id: _main(found, one) for one in found.contacts if one.main},
    }
    return View("problems/form.html", values)


def _known(chart: Chart, problem: Problem) -> dict[str, str]:
    """The current problem of the same code or words, as the form tells of it."""
    condition = problem.latest
    return {
        "id": condition.id,
        "label": condition.code.label,
        "since": chart.translator.day(problem.since),
        "unit": chart.directory.unit(problem.entry.unit),
    }


def _main(found: Around, contact: Contact) -> str:
    """What the main diagnosis of a contact is called; empty for one that is not shown."""
    read = found.read.get(contact.main)
    return read[0].code.label if read else ""
