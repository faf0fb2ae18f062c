"""The life of a version: sent to review, approved by somebody else, taken into use, rolled back, retired."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from kontinuum.fhir.questionnaire import phrasing
from kontinuum.fhir.questionnaire.life import LIFE, OFFERED, Step, step_extension, writers
from kontinuum.fhir.questionnaire.use import CONTEXT_TYPES, VENUE
from kontinuum.kernel.i18n import local, message
from kontinuum.record.outcome import Refusal
from kontinuum.sweden import systems
from kontinuum.web.workspace.entries.difference import Piece, words
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.studio import differences, editor, exchange, listing, shelf
from kontinuum.web.workspace.studio.elements import Element
from kontinuum.web.workspace.studio.remarks import remarks
from kontinuum.web.workspace.studio.shelf import State, Version

_NO_ACT: Final = message("This cannot be done with the template as it is now. Reload the page.")
_FAULTS: Final = message("Correct what is wrong before the template is sent to review.")
_OWN_REVIEW: Final = message(
    "Whoever wrote the template does not review it. Ask a colleague who has the right to change templates."
)
_NO_NOTE: Final = message("Say what is to be changed.")
_NO_DAY: Final = message("Give the day from which the template is in use, today or later.")
_FOREIGN: Final = message("Choose among the units of your own care provider.")
_NAME_TAKEN: Final = message("There is another phrase of that name in use at: %(units)s.")
_ACTIVE: Final = frozenset({State.APPROVED, State.LATER, State.IN_USE, State.EARLIER, State.STOPPED})

Form = Mapping[str, Sequence[str]]


async def show(page: Page) -> Response:
    """Answer GET `/templates/{id}`: the editor of a draft, the page of a version."""
    found = await shelf.one(page, page.request.path_params["id"])
    if found is None:
        return listing.gone(page)
    version, family = found
    if version.state is State.DRAFT and listing.may_change(page):
        return await editor.editor_page(page, version)
    return await version_page(page, version, family)


async def version_page(
    page: Page, version: Version, family: Sequence[Version], problems: Sequence[str] = (), status: int = 200
) -> Response:
    """A version: how it looks, what became another, what was done with it and what can be done."""
    others = sorted((one for one in family if one.id != version.id), key=lambda one: -one.number)
    asked = page.request.query_params.get("with", "")
    before = next((one for one in others if one.id == asked), None)
    before = before or next((one for one in others if one.number < version.number), None)
    frozen, noted = await remarks(page, exchange.content(version.questionnaire))
    units = await shelf.units(page)
    await listing.learn_names(page, [place for one in family for place in one.venues])
    own = any(one.id == version.id for one in family)
    me = page.session.principal.actor.id
    values: dict[str, Any] = {
        "version": version,
        "others": others,
        "before": before,
        "changes": _changes(page, before, version) if before else (),
        "pieces": _pieces(before, version) if before else (),
        "remarks": noted if version.state is State.REVIEW else (),
        "preview": editor.preview(page, frozen, {}),
        "units": units,
        "unit": page.services.directory.unit,
        "unit_name": dict(units).get,
        "states": listing.STATES,
        "steps": shelf.STEPS,
        "may": listing.may_change(page),
        "own": own,
        "may_review": me not in writers(version.steps),
        "may_begin": own and not any(_is_open(one) for one in family),
        "may_roll_back": own and _may_roll_back(version, family),
        "today": local(page.services.clock.now()).date().isoformat(),
        "here": page.session.principal.assignment.unit,
        "problems": problems,
    }
    return page.render("studio/version.html", values, status)


def _changes(page: Page, before: Version, version: Version) -> list[str]:
    gettext = page.translator.gettext
    made = []
    texts_apart = version.kind == phrasing.KIND
    for one in differences.differences(before.questionnaire, version.questionnaire):
        if texts_apart and one.sentence is not differences.TITLE:
            continue
        what = gettext(differences.PROPERTY_NAMES[one.what]) if one.what else ""
        words = {"label": one.label, "before": one.before or "–", "after": one.after or "–", "what": what}
        made.append(gettext(one.sentence) % words)
    return made


def _pieces(before: Version, version: Version) -> Sequence[Piece]:
    """What became of the words of a phrase; nothing for what is no phrase or has the same text."""
    texts = [phrasing.text_of(one.questionnaire) for one in (before, version)]
    return words(*texts) if version.kind == phrasing.KIND and texts[0] != texts[1] else ()


def _is_open(version: Version) -> bool:
    return version.state in (State.DRAFT, State.REVIEW, State.APPROVED)


def _may_roll_back(version: Version, family: Sequence[Version]) -> bool:
    """An earlier version that was reviewed, while a newer one is in use."""
    newer = any(one.number > version.number and one.state is State.IN_USE for one in family)
    reviewed = version.state in (State.EARLIER, State.STOPPED, State.RETIRED, State.IN_USE)
    return newer and reviewed and not any(_is_open(one) for one in family)


@dataclass(frozen=True, slots=True)
class Asked:
    """A step that is asked for."""

    page: Page
    version: Version
    family: list[Version]
    form: Form

    def text(self, name: str) -> str:
        """A field, without space around it."""
        return next(iter(self.form.get(name, ())), "").strip()

    def say(self, text: str) -> str:
        """A text in the reader's language."""
        return self.page.translator.gettext(text)


Answer = Response | str | None
"""A page; or why the step was not taken; or None when it was."""


async def take(page: Page) -> Response:
    """Answer POST `/templates/{id}/step`: one step (`do`) in the life of a version."""
    found = await shelf.one(page, page.request.path_params["id"])
    if found is None:
        return listing.gone(page)
    version, family = found
    form: dict[str, list[str]] = {}
    for name, value in (await page.request.form()).multi_items():
        if isinstance(value, str):
            form.setdefault(name, []).append(value)
    asked = Asked(page, version, list(family), form)
    act = _ACTS.get(asked.text("do"))
    own = any(one.id == version.id for one in family)
    if act is None or version.state not in act.states or not (own or act.of_all):
        return await _refused(asked, asked.say(_NO_ACT), HTTPStatus.CONFLICT)
    answer = await act.take(asked)
    if isinstance(answer, Response):
        return answer
    if answer:
        return await _refused(asked, answer, HTTPStatus.UNPROCESSABLE_ENTITY)
    return page.redirect(f"/templates/{version.id}")


async def _refused(asked: Asked, problem: str, status: int) -> Response:
    return await version_page(asked.page, asked.version, asked.family, [problem], status)


def _with(questionnaire: Mapping[str, Any], steps: Sequence[Step]) -> Element:
    others = [one for one in questionnaire.get("extension") or () if one.get("url") != LIFE]
    return {**questionnaire, "extension": [*others, *(step_extension(one) for one in steps)]}


async def _change(asked: Asked, questionnaire: Element, what: str, note: str = "") -> Answer:
    steps = (*asked.version.steps, shelf.step(asked.page, what, note))
    url = f"Questionnaire/{asked.version.id}"
    return _told(
        asked,
        await shelf.write(asked.page, [(url, _with(questionnaire, steps), asked.version.stored)]),
    )


def _told(asked: Asked, done: Refusal | None) -> Answer:
    return None if done is None else " ".join(done.in_words(asked.page.translator))


async def _submit(asked: Asked) -> Answer:
    page, version = asked.page, asked.version
    frozen, noted = await remarks(page, version.questionnaire)
    if any(one.error for one in noted):
        return asked.say(_FAULTS)
    steps = (*version.steps, shelf.step(page, "submit", asked.text("note")))
    sent = {**_with(frozen, steps), "id": version.id, "status": "draft"}
    kept = shelf.library(version, version.questionnaire, "retired")
    changes = [
        (f"Library/{version.id}", kept, version.stored),
        (f"Questionnaire/{version.id}", sent, None),
    ]
    return _told(asked, await shelf.write(page, changes))


async def _back(asked: Asked, what: str) -> Answer:
    """Make the version a draft again."""
    page, version = asked.page, asked.version
    steps = (*version.steps, shelf.step(page, what, asked.text("note")))
    content = exchange.content(version.questionnaire)
    draft = Version(version.id, State.DRAFT, content, 0, version.provider, steps)
    changes: list[tuple[str, Element | None, int | None]] = [
        (f"Questionnaire/{version.id}", None, version.stored),
        (f"Library/{version.id}", shelf.library(draft, content), None),
    ]
    return _told(asked, await shelf.write(page, changes))


async def _withdraw(asked: Asked) -> Answer:
    return await _back(asked, "withdraw")


async def _send_back(asked: Asked) -> Answer:
    return await _back(asked, "send-back") if asked.text("note") else asked.say(_NO_NOTE)


async def _approve(asked: Asked) -> Answer:
    if asked.page.session.principal.actor.id in writers(asked.version.steps):
        return asked.say(_OWN_REVIEW)
    today = local(asked.page.services.clock.now()).date().isoformat()
    reviewed = {**asked.version.questionnaire, "approvalDate": today, "lastReviewDate": today}
    return await _change(asked, reviewed, "approve", asked.text("note"))


def placed(questionnaire: Mapping[str, Any], venues: Sequence[str], start: str) -> Element:
    """A version in use at units from a day; at none of them it rests."""
    others = [
        one for one in questionnaire.get("useContext") or () if one.get("code", {}).get("code") != VENUE
    ]
    contexts = [
        {
            "code": {"system": CONTEXT_TYPES, "code": VENUE},
            "valueCodeableConcept": {"coding": [{"system": systems.HSA_ID, "code": one}]},
        }
        for one in venues
    ]
    period = {**questionnaire.get("effectivePeriod", {}), "start": start}
    return {
        **questionnaire,
        "status": "active",
        "useContext": [*others, *contexts],
        "effectivePeriod": period,
    }


async def _use(asked: Asked) -> Answer:
    page, version = asked.page, asked.version
    venues = list(dict.fromkeys(asked.form.get("unit", ())))
    known = {key for key, _ in await shelf.units(page)} | set(version.venues)
    if not set(venues) <= known:
        return asked.say(_FOREIGN)
    if version.kind == phrasing.KIND and (taken := await _taken(asked, venues)):
        return asked.say(_NAME_TAKEN) % {"units": taken}
    today = local(page.services.clock.now()).date()
    start = asked.text("from") or today.isoformat()
    try:
        day = date.fromisoformat(start)
    except ValueError:
        return asked.say(_NO_DAY)
    if day < today and start != version.starts:
        return asked.say(_NO_DAY)
    names = ", ".join(page.services.directory.unit(one) for one in venues)
    return await _change(
        asked, placed(version.questionnaire, venues, start), "use" if venues else "stop", names
    )


async def _taken(asked: Asked, venues: Sequence[str]) -> str:
    """The units at which another phrase of the name is in use."""
    own, _ = await shelf.shelf(asked.page)
    held = {
        place
        for one in own
        if one.kind == phrasing.KIND and one.title == asked.version.title and one.url != asked.version.url
        if one.state in (State.IN_USE, State.LATER)
        for place in one.venues
    }
    return ", ".join(asked.page.services.directory.unit(one) for one in venues if one in held)


async def _retire(asked: Asked) -> Answer:
    """Take every version of the template out of use: nobody begins a note with it any more."""
    changes: list[tuple[str, Element | None, int | None]] = [
        (
            f"Questionnaire/{one.id}",
            {
                **_with(one.questionnaire, (*one.steps, shelf.step(asked.page, "retire"))),
                "status": "retired",
            },
            one.stored,
        )
        for one in asked.family
        if one.state in _ACTIVE
    ]
    return _told(asked, await shelf.write(asked.page, changes))


async def _discard(asked: Asked) -> Answer:
    kept = shelf.library(asked.version, asked.version.questionnaire, "retired")
    done = await shelf.write(asked.page, [(f"Library/{asked.version.id}", kept, asked.version.stored)])
    return _told(asked, done) or asked.page.redirect(
        "/phrases" if asked.version.kind == phrasing.KIND else "/templates"
    )


async def _next(asked: Asked) -> Answer:
    return await exchange.next_version(asked.page, asked.version, asked.family, "next")


async def _copy(asked: Asked) -> Answer:
    return await exchange.copy_of(asked.page, asked.version)


async def _roll_back(asked: Asked) -> Answer:
    """A new version that is equal to an earlier, reviewed one, in use at once where the newest is."""
    page, version = asked.page, asked.version
    if not _may_roll_back(version, asked.family):
        return asked.say(_NO_ACT)
    newest = max((one for one in asked.family if one.state is State.IN_USE), key=lambda one: one.number)
    if version.kind == phrasing.KIND and (taken := await _taken(asked, newest.venues)):
        return asked.say(_NAME_TAKEN) % {"units": taken}
    number = max(one.number for one in asked.family) + 1
    today = local(page.services.clock.now()).date().isoformat()
    identity = shelf.new_id(page, version.url, number)
    made = placed(version.questionnaire, newest.venues, today)
    steps = (shelf.step(page, "roll-back", str(version.number), version.id),)
    made = {**_with(made, steps), "id": identity, "version": str(number)}
    done = await shelf.write(page, [(f"Questionnaire/{identity}", made, 0)])
    return _told(asked, done) or page.redirect(f"/templates/{identity}")


async def _offer(asked: Asked) -> Answer:
    questionnaire = asked.version.questionnaire
    kept = [one for one in questionnaire.get("extension") or () if one.get("url") != OFFERED]
    if asked.version.offered:
        return await _change(asked, {**questionnaire, "extension": kept}, "offer-end")
    return await _change(
        asked, {**questionnaire, "extension": [*kept, {"url": OFFERED, "valueBoolean": True}]}, "offer"
    )


@dataclass(frozen=True, slots=True)
class _Act:
    """A step, and the states in which it is taken; `of_all` says that also others' templates take it."""

    take: Callable[[Asked], Awaitable[Answer]]
    states: frozenset[State]
    of_all: bool = False


_ACTS: Final[Mapping[str, _Act]] = {
    "submit": _Act(_submit, frozenset({State.DRAFT})),
    "discard": _Act(_discard, frozenset({State.DRAFT})),
    "withdraw": _Act(_withdraw, frozenset({State.REVIEW, State.APPROVED})),
    "approve": _Act(_approve, frozenset({State.REVIEW})),
    "send-back": _Act(_send_back, frozenset({State.REVIEW})),
    "use": _Act(_use, _ACTIVE),
    "retire": _Act(_retire, _ACTIVE - {State.APPROVED}),
    "next": _Act(_next, _ACTIVE | {State.RETIRED}),
    "roll-back": _Act(_roll_back, _ACTIVE | {State.RETIRED}),
    "offer": _Act(_offer, frozenset({State.IN_USE})),
    "copy": _Act(_copy, frozenset(State), of_all=True),
}
