"""Cards: the answer of a decision support service (https://cds-hooks.hl7.org/2.0/#cds-service-response)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

Indicator = Literal["info", "warning", "critical"]
INDICATORS: Final[tuple[Indicator, ...]] = ("critical", "warning", "info")
"""How urgent a card is, the most urgent first."""
_MOST: Final = 50
_LONGEST: Final = 140
_LONGEST_DETAIL: Final = 20_000


@dataclass(frozen=True, slots=True)
class Source:
    """Where the knowledge comes from."""

    label: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """Where more is to be found: a page (`absolute`), or a SMART app, which is told `context`."""

    label: str
    url: str
    kind: Literal["absolute", "smart"]
    context: str | None = None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What the service suggests, and the descriptions of what that would change."""

    label: str
    actions: tuple[str, ...] = ()
    recommended: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """One piece of advice; `detail` is Markdown (GitHub's) and may be empty."""

    summary: str
    indicator: Indicator
    source: Source
    detail: str = ""
    uuid: str | None = None
    suggestions: tuple[Suggestion, ...] = ()
    links: tuple[Link, ...] = ()


def read_cards(answer: Any) -> tuple[list[Card], list[str]]:
    """The cards of an answer, the most urgent first, and what of it could not be read.

    A card that lacks what it must have is left out and told of, so that its silence is not taken for advice.
    """
    found = answer.get("cards") if isinstance(answer, dict) else None
    if not isinstance(found, list):
        return [], ["cards is not a list"]
    wrong = [f"there are more than {_MOST} cards"] if len(found) > _MOST else []
    if answer.get("systemActions"):
        wrong.append("systemActions are not carried out here")
    cards = []
    for number, each in enumerate(found[:_MOST]):
        card = _card(each)
        if isinstance(card, str):
            wrong.append(f"cards[{number}]: {card}")
        else:
            cards.append(card)
    return sorted(cards, key=lambda card: INDICATORS.index(card.indicator)), wrong


def _card(each: Any) -> Card | str:
    if not isinstance(each, dict):
        return "not an object"
    summary, indicator, source = each.get("summary"), each.get("indicator"), each.get("source")
    if not _text(summary):
        return "no summary"
    if indicator not in INDICATORS:
        return "indicator is info, warning or critical"
    if not isinstance(source, dict) or not _text(source.get("label")):
        return "no source.label"
    detail = each.get("detail") or ""
    if not isinstance(detail, str) or len(detail) > _LONGEST_DETAIL:
        return f"detail is not a text of {_LONGEST_DETAIL} characters at most"
    return Card(
        summary=str(summary),
        indicator=cast(Indicator, indicator),
        source=Source(source["label"], source["url"] if _text(source.get("url")) else None),
        detail=detail,
        uuid=each["uuid"] if _text(each.get("uuid")) else None,
        suggestions=tuple(_suggestions(each.get("suggestions"))),
        links=tuple(_links(each.get("links"))),
    )


def _suggestions(found: Any) -> Iterable[Suggestion]:
    for each in _objects(found):
        if _text(each.get("label")):
            actions = (one.get("description") for one in _objects(each.get("actions")))
            texts = tuple(one for one in actions if isinstance(one, str) and one)
            yield Suggestion(each["label"], texts, each.get("isRecommended") is True)


def _links(found: Any) -> Iterable[Link]:
    for each in _objects(found):
        if _text(each.get("label")) and _text(each.get("url")) and each.get("type") in ("absolute", "smart"):
            context = each.get("appContext")
            yield Link(each["label"], each["url"], each["type"], context if _text(context) else None)


def _objects(found: Any) -> list[dict[str, Any]]:
    return [each for each in found[:_MOST] if isinstance(each, dict)] if isinstance(found, list) else []


def _text(value: Any) -> bool:
    return isinstance(value, str) and len(value.strip()) > 0 and len(value) <= 2000


def written(cards: Sequence[Card]) -> dict[str, Any]:
    """Cards as our own services answer them; a summary that is too long is repeated in the detail."""
    return {"cards": [_written(card) for card in cards]}


def _written(card: Card) -> dict[str, Any]:
    summary, detail = card.summary, card.detail
    if len(summary) > _LONGEST:
        summary, detail = summary[: _LONGEST - 1] + "…", "\n\n".join(filter(None, (card.summary, detail)))
    source = {"label": card.source.label, **({"url": card.source.url} if card.source.url else {})}
    told: dict[str, Any] = {"summary": summary, "indicator": card.indicator, "source": source}
    told |= {"uuid": card.uuid} if card.uuid else {}
    return told | ({"detail": detail} if detail else {})
