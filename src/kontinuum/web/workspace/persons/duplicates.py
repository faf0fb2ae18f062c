"""Records that may be one person's: shown in pairs, linked or dismissed by somebody, never by themselves."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from kontinuum.record.outcome import Refusal
from kontinuum.record.persons.duplicates import Pair
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.persons import editing
from kontinuum.web.workspace.persons.linking import Row, side_by_side
from kontinuum.web.workspace.persons.person import said
from kontinuum.web.workspace.persons.shared import (
    NO_REASON,
    Standing,
    done,
    form_of,
    record_of,
    refuse,
    standing,
    when,
    wrong,
)

COMPARED_AT_ONCE = 200
SHOWN = 20


@dataclass(frozen=True, slots=True)
class ShownPair:
    """Two records, side by side, why they may be one person's, and who has said that they are not."""

    pair: Pair
    one: Standing
    other: Standing
    rows: list[Row]
    reasons: tuple[str, ...]


async def show_duplicates(page: Page) -> Response:
    """Answer GET `/duplicates`: compare what is new, and show what is open; or what was dismissed."""
    persons = record_of(page).persons
    scanned = await persons.find_duplicates(COMPARED_AT_ONCE)
    dismissed = page.request.query_params.get("show") == "dismissed"
    pairs = await persons.duplicates(dismissed=dismissed, limit=SHOWN + 1)
    if isinstance(scanned, Refusal):
        return refuse(page, scanned)
    if isinstance(pairs, Refusal):
        return refuse(page, pairs)
    shown = [each for pair in pairs[:SHOWN] if (each := await _shown(page, pair)) is not None]
    values = {
        "pairs": shown,
        "more": len(pairs) > SHOWN,
        "left": scanned.left,
        "dismissed": dismissed,
        "when": when(page),
    }
    return page.render("persons/duplicates.html", values)


async def _shown(page: Page, pair: Pair) -> ShownPair | None:
    one, other = await standing(page, pair.one), await standing(page, pair.other)
    if isinstance(one, Refusal) or isinstance(other, Refusal):
        return None
    await page.services.directory.learn(record_of(page), [one.stored.unit, other.stored.unit])
    protected = one.person if one.person.protection else other.person
    return ShownPair(pair, one, other, side_by_side(page, one, other), said(page, protected, pair.reasons))


async def dismiss(page: Page) -> Response:
    """Answer POST `/duplicates/dismiss`."""
    form = await form_of(page)
    reason = editing.text(form, "reason")
    if not reason:
        return wrong(page, NO_REASON)
    refused = await record_of(page).persons.dismiss(form.get("one", ""), form.get("other", ""), reason=reason)
    return refuse(page, refused) if refused is not None else done("/duplicates")


async def reopen(page: Page) -> Response:
    """Answer POST `/duplicates/reopen`."""
    form = await form_of(page)
    refused = await record_of(page).persons.reopen(form.get("one", ""), form.get("other", ""))
    return refuse(page, refused) if refused is not None else done("/duplicates?show=dismissed")
