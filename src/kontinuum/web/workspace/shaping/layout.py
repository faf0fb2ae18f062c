"""The overview as a unit has laid it out: which cards, in what order, how wide, folded or not. Pure.

Identity, warnings and the state of access are no cards and cannot be left out; cards that are marked `always`
(alerts among them) are neither hidden nor folded, whatever a layout says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from kontinuum.kernel.i18n import Phrase, Translator, message, phrase
from kontinuum.kernel.module import OverviewCard, Placement

KIND: Final = "layout"

_ORDER: Final = (Placement.TIMELINE, Placement.FINDINGS, Placement.READING, Placement.CARE)
_ALWAYS: Final = message(
    "“%(card)s” is always shown, and open: what warns must not be hidden. The layout was not saved."
)


@dataclass(frozen=True, slots=True)
class Placed:
    """A card in a layout."""

    anchor: str
    wide: bool = False
    folded: bool = False
    shown: bool = True


@dataclass(frozen=True, slots=True)
class Gone:
    """A layout that names cards which the product does not have any more: the standard applies."""

    anchors: tuple[str, ...]


def standard(cards: Sequence[OverviewCard]) -> tuple[Placed, ...]:
    """The cards in the order of the standard overview."""
    ordered = sorted(cards, key=lambda card: (_ORDER.index(card.placement), card.order))
    return tuple(Placed(card.anchor, wide=card.placement is Placement.TIMELINE) for card in ordered)


def content_of(placed: Sequence[Placed]) -> dict[str, Any]:
    """A layout as it is kept."""
    cards = [
        {"anchor": each.anchor, "wide": each.wide, "folded": each.folded, "shown": each.shown}
        for each in placed
    ]
    return {"cards": cards}


def laid_out(content: Mapping[str, Any], cards: Sequence[OverviewCard]) -> tuple[Placed, ...] | Gone:
    """A layout for the cards that there are: new ones stand last, what warns is shown."""
    known = {card.anchor: card for card in cards}
    placed = {}
    held = content.get("cards")
    for one in held if isinstance(held, list) else ():
        if isinstance(one, dict):
            name, wide, folded = str(one.get("anchor")), one.get("wide") is True, one.get("folded") is True
            placed[name] = Placed(name, wide, folded, one.get("shown") is not False)
    gone = tuple(name for name in placed if name not in known)
    if gone or not placed:
        return Gone(gone)
    new = [one for one in standard(cards) if one.anchor not in placed]
    return tuple(
        replace(one, shown=True, folded=False) if known[one.anchor].always else one
        for one in (*placed.values(), *new)
    )


def fault(placed: Sequence[Placed], cards: Sequence[OverviewCard], translator: Translator) -> Phrase | None:
    """Why a layout is not kept: it hides or folds what warns."""
    always = {card.anchor: card.title for card in cards if card.always}
    hidden = next((one for one in placed if one.anchor in always and (one.folded or not one.shown)), None)
    if hidden is None:
        return None
    return phrase(_ALWAYS, card=translator.gettext(always[hidden.anchor]))


def moved(placed: Sequence[Placed], anchor: str, step: int) -> tuple[Placed, ...]:
    """The layout with one card earlier (-1) or later (1)."""
    order = list(placed)
    at = next((number for number, one in enumerate(order) if one.anchor == anchor), None)
    if at is not None and 0 <= at + step < len(order):
        order[at], order[at + step] = order[at + step], order[at]
    return tuple(order)


Card = TypeVar("Card")


def runs(placed: Sequence[Placed], cards: Mapping[str, Card]) -> list[tuple[bool, list[tuple[Placed, Card]]]]:
    """What is shown, in runs of wide cards and of narrow ones that stand in columns."""
    made: list[tuple[bool, list[tuple[Placed, Card]]]] = []
    for one in placed:
        if one.shown and one.anchor in cards:
            if not made or made[-1][0] is not one.wide:
                made.append((one.wide, []))
            made[-1][1].append((one, cards[one.anchor]))
    return made
