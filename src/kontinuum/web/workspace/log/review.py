"""`/log/reviews` and `/log/findings`: rounds of review, what they put first, and what was found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from starlette.responses import RedirectResponse, Response

from kontinuum.audit.patterns import BY_KEY
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import local, message
from kontinuum.record.logbook import Finding, FindingFile, Round
from kontinuum.record.outcome import Refusal
from kontinuum.web.workspace.log.common import field, learn_units, persons, shown_entries, start_of
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.patient import Person

OUTCOMES = {
    "in-order": message("In order"),
    "ask": message("To be asked about"),
    "report": message("Reported onwards"),
}
_NOT_A_PERIOD = message("Write two days, YYYY-MM-DD, the first not after the last, at most a year apart.")
_NOTE_MISSING = message("Write in the note what is to be asked or reported, and to whom.")
_USUAL_DAYS = 30


@dataclass(frozen=True, slots=True)
class ShownRound:
    """A round as a row: its days (the last one inclusive), and how far it has come."""

    number: int
    since: datetime
    until: datetime
    made: datetime
    name: str
    seed: str
    accesses: int
    pairs: int
    flagged: int
    findings: int
    checked: int


@dataclass(frozen=True, slots=True)
class ShownFinding:
    """A finding as a row; `reasons` are (title, explanation)."""

    id: int
    place: int
    sample: bool
    reasons: tuple[tuple[str, str], ...]
    who: str
    unit: str
    patient: Person | None
    patient_id: str
    first: datetime
    last: datetime
    entries: int
    patients: int
    outcome: str


async def show_rounds(page: Page, problem: str = "") -> Response:
    """Answer GET `/log/reviews`."""
    rounds = await page.services.record(page.session.principal).log.rounds()
    if isinstance(rounds, Refusal):
        return page.refuse(rounds)
    today = local(page.services.clock.now()).date()
    values = {
        "rounds": [_shown_round(one) for one in rounds],
        "since": (today - timedelta(days=_USUAL_DAYS)).isoformat(),
        "until": today.isoformat(),
        "problem": problem,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    return page.render("pages/log_reviews.html", values, status)


async def make_round(page: Page) -> Response:
    """Answer POST `/log/reviews`: make a round over the chosen days."""
    form = await page.request.form()
    since, until = start_of(field(form, "since")), start_of(field(form, "until"), timedelta(days=1))
    if not isinstance(since, int) or not isinstance(until, int):
        return await show_rounds(page, page.translator.gettext(_NOT_A_PERIOD))
    made = await page.services.record(page.session.principal).log.review(since, until)
    if isinstance(made, Refusal):
        if made.kind is made.kind.BAD_REQUEST:
            return await show_rounds(page, page.translator.gettext(_NOT_A_PERIOD))
        return page.refuse(made)
    return RedirectResponse(f"/log/reviews/{made}", status_code=303)


async def show_round(page: Page) -> Response:
    """Answer `/log/reviews/{round}`."""
    number = page.request.path_params["round"]
    found = await page.services.record(page.session.principal).log.round(number)
    if isinstance(found, Refusal):
        return _refused(page, found)
    about, findings = found
    people = await persons(page, (one.patient for one in findings if one.patient))
    await learn_units(page, (one.unit for one in findings))
    shown = [_shown_finding(page, one, people.get(one.patient or "")) for one in findings]
    values = {
        "round": _shown_round(about),
        "ranked": [one for one in shown if not one.sample],
        "sample": [one for one in shown if one.sample],
    }
    return page.render("pages/log_round.html", values)


async def show_finding(
    page: Page, problem: str = "", given: tuple[str, str] = ("", ""), status: int = HTTPStatus.OK
) -> Response:
    """Answer GET `/log/findings/{finding}`."""
    found = await page.services.record(page.session.principal).log.finding(
        page.request.path_params["finding"]
    )
    if isinstance(found, Refusal):
        return _refused(page, found)
    return await _render_finding(page, found, problem, given, status)


async def make_check(page: Page) -> Response:
    """Answer POST `/log/findings/{finding}`: document the review, then show the next finding's list."""
    form = await page.request.form()
    outcome, note = field(form, "outcome"), field(form, "note", 10_000)
    log = page.services.record(page.session.principal).log
    done = await log.check(page.request.path_params["finding"], outcome, note)
    if isinstance(done, Refusal):
        if done.kind is done.kind.INVALID:
            problem = page.translator.gettext(_NOTE_MISSING)
            return await show_finding(page, problem, (outcome, note), HTTPStatus.UNPROCESSABLE_ENTITY)
        return _refused(page, done)
    return RedirectResponse(f"/log/reviews/{done.round}#finding-{done.place}", status_code=303)


async def _render_finding(
    page: Page, found: FindingFile, problem: str, given: tuple[str, str], status: int
) -> Response:
    patient = found.finding.patient
    people = await persons(page, [patient] if patient else [])
    await learn_units(page, [found.finding.unit])
    gettext = page.translator.gettext
    values = {
        "round": _shown_round(found.round),
        "finding": _shown_finding(page, found.finding, people.get(patient or "")),
        "entries": await shown_entries(page, found.entries),
        "checks": [
            (gettext(OUTCOMES.get(one.outcome, one.outcome)), one.note, one.name, from_micros(one.checked))
            for one in found.checks
        ],
        "outcomes": [(key, gettext(text)) for key, text in OUTCOMES.items()],
        "problem": problem,
        "given": given,
    }
    return page.render("pages/log_finding.html", values, status)


def _refused(page: Page, refusal: Refusal) -> Response:
    if refusal.kind is refusal.kind.NOT_FOUND:
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext("There is no such page.")])
    return page.refuse(refusal)


def _shown_round(one: Round) -> ShownRound:
    return ShownRound(
        one.id,
        from_micros(one.since),
        from_micros(one.until - 1),
        from_micros(one.made),
        one.name,
        one.seed,
        one.accesses,
        one.pairs,
        one.flagged,
        one.findings,
        one.checked,
    )


def _shown_finding(page: Page, one: Finding, person: Person | None) -> ShownFinding:
    gettext = page.translator.gettext
    reasons = (BY_KEY[key] for key in one.reasons if key in BY_KEY)
    return ShownFinding(
        one.id,
        one.place,
        one.sample,
        tuple((gettext(pattern.title), gettext(pattern.explanation)) for pattern in reasons),
        one.name,
        page.services.directory.unit(one.unit),
        person,
        one.patient or "",
        from_micros(one.first),
        from_micros(one.last),
        one.entries,
        one.patients,
        gettext(OUTCOMES[one.outcome]) if one.outcome in OUTCOMES else "",
    )
