"""What each process of an import does with a piece: read, link, and hand to the gate."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from kontinuum.app.commands import acting
from kontinuum.app.commands.sources import Owner, Piece
from kontinuum.app.commands.unpack import Item, link, named, unpack
from kontinuum.app.services import Services
from kontinuum.fhir import json
from kontinuum.fhir.issues import Issue
from kontinuum.fhir.search import SearchQuery, matches, parse_search
from kontinuum.kernel.clock import to_micros
from kontinuum.record import Incoming, Record, Refusal, RefusalKind, Written
from kontinuum.record.references import condition, references

CLIENT = "kontinuum import"
ATTEMPTS = 6

# Looked for in the text as it came, which is far quicker than walking through every resource.
_CONDITION = re.compile(rb'"[A-Z][A-Za-z]+\?|"ifNoneExist"')
_UUID = re.compile(rb'"(urn:uuid:[^"]*)"')
REMEMBERED = 100_000


@dataclass(frozen=True, slots=True)
class Refused:
    """A resource that was not taken in: its entry or line, itself as far as it could be read, and why."""

    entry: int
    resource: Any
    issues: tuple[Issue, ...]


@dataclass(slots=True)
class Outcome:
    """What a piece came to: how many of each (type, change), and what was refused.

    `deferred`: nothing was written, because what it refers to by condition may still come.
    """

    changes: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)
    deferred: bool = False

    def refuse(self, item: Item, issues: Iterable[Issue]) -> None:
        """Count and keep a refusal."""
        self.changes[item.type, "refused"] += 1
        self.refused.append(Refused(item.number, item.resource, tuple(issues)))


@dataclass(frozen=True, slots=True)
class Importing:
    """The job: `place` is accountable for what has no owner of its own."""

    place: acting.Place
    found: dict[str, str] = field(default_factory=dict, compare=False)
    """Conditional references that were resolved in this process: text to `Type/id`."""

    async def carry_out(self, services: Services, piece: Piece) -> Outcome:
        """Take a piece in, or defer it."""
        if piece.owners is not None:
            return await _restore(services, piece, piece.owners)
        principal = acting.system("import", self.place, client=CLIENT, rights=acting.OPERATOR_RIGHTS)
        return await self.take(services.gate.record(principal), piece)

    async def take(self, record: Record, piece: Piece) -> Outcome:
        """Take a piece in, or defer it, as whom the record is bound to."""
        outcome = Outcome()
        items = _items(piece, outcome)
        names: dict[str, str] | None = {}
        if _CONDITION.search(piece.data):
            names = await self._resolve(record, items, final=piece.final)
        if names is None:
            return Outcome(deferred=True)
        link(items, names, _UUID.findall(piece.data))
        _keep_refusals(items, outcome)
        await _take_in(record, items, outcome)
        return outcome

    async def _resolve(self, record: Record, items: list[Item], *, final: bool) -> dict[str, str] | None:
        """Find what conditional references and creates mean; None to wait for the rest of the delivery."""
        asked = _asked(items)
        if not asked:
            return {}
        meant = await self._find(record, items, asked)
        names: dict[str, str] = {}
        for item in items:
            if item.refusal is None and item.criteria is not None:
                _apply_criteria(item, meant[f"{item.type}?{item.criteria}"])
        for item in items:
            if item.refusal is not None:
                continue
            for text, location in references(item.resource, item.type):
                answer = meant.get(text)
                if isinstance(answer, str):
                    names[text] = answer
                elif isinstance(answer, Issue):
                    item.refusal = Issue(answer.severity, answer.code, answer.message, location)
                elif text in meant:
                    if not final:
                        return None
                    reason = f"The conditional reference '{text}' finds nothing, in the record or beside it."
                    item.refusal = Issue("error", "not-found", reason, location)
        return names

    async def _find(
        self, record: Record, items: list[Item], asked: dict[str, tuple[str, str]]
    ) -> dict[str, str | Issue | None]:
        """What each condition means: one reference, an issue where it is faulty, None where it finds none."""
        answers: dict[str, str | Issue | None] = {}
        queries: dict[str, SearchQuery] = {}
        for text, (type_name, criteria) in asked.items():
            if text in self.found:
                answers[text] = self.found[text]
                continue
            query = parse_search(type_name, parse_qsl(criteria, keep_blank_values=True))
            if not isinstance(query, SearchQuery):
                answers[text] = query[0]
            elif not query.criteria and query.ids is None:
                answers[text] = Issue("error", "incomplete", f"'{text}' has no criterion.")
            else:
                queries[text] = query
        pages = await record.find_many([f"{text}&_count=2" for text in queries]) if queries else []
        for (text, query), page in zip(queries.items(), pages, strict=True):
            hits = {stored.reference for stored in page.matches}
            hits |= {f"{i.type}/{i.id}" for i in items if i.criteria is None and _meets(query, i)}
            if len(hits) > 1:
                reason = f"More than one resource meets '{text}': {', '.join(sorted(hits))}."
                answers[text] = Issue("error", "multiple-matches", reason)
            else:
                answers[text] = next(iter(hits), None)
            if len(page.matches) == 1 and len(hits) == 1 and len(self.found) < REMEMBERED:
                self.found[text] = page.matches[0].reference
        return answers


def _items(piece: Piece, outcome: Outcome) -> list[Item]:
    """The resources of a piece; what is no JSON is refused."""
    items: list[Item] = []
    if piece.kind == "document":
        texts: Iterable[tuple[int, bytes]] = [(0, piece.data)]
    else:
        texts = enumerate(piece.data.split(b"\n"), start=piece.first)
    for number, text in texts:
        if not text.strip():
            if piece.kind == "document":
                _unreadable(outcome, number, "The file is empty.")
            continue
        try:
            document = json.loads(text)
        except json.JsonError as error:
            _unreadable(outcome, number, str(error))
            continue
        if (
            piece.kind == "resources"
            and isinstance(document, dict)
            and document.get("resourceType") == "Bundle"
        ):
            reason = "A line holds one resource. A Bundle is sent to the base of the API."
            outcome.refuse(Item(number, document), [Issue("error", "not-supported", reason)])
            continue
        items += unpack(document, number, text)
    return items


def _unreadable(outcome: Outcome, number: int, reason: str) -> None:
    outcome.refuse(Item(number, None), [Issue("fatal", "structure", reason)])


def _asked(items: list[Item]) -> dict[str, tuple[str, str]]:
    """Every condition in some items: its text, and the (type, criteria) that it consists of."""
    asked: dict[str, tuple[str, str]] = {}
    for item in items:
        if item.refusal is not None:
            continue
        if item.criteria is not None:
            asked[f"{item.type}?{item.criteria}"] = (item.type, item.criteria)
        for text, _ in references(item.resource, ""):
            found = condition(text)
            if found is not None:
                asked[text] = found
    return asked


def _apply_criteria(item: Item, answer: str | Issue | None) -> None:
    if isinstance(answer, Issue):
        item.refusal = answer
    elif answer is not None:
        item.id = answer.partition("/")[2]


def _meets(query: SearchQuery, item: Item) -> bool:
    """Whether a resource that is not validated yet meets a condition; what is misshapen does not."""
    if item.refusal is not None or item.type != query.type:
        return False
    try:
        return matches(query, named(item))
    except (TypeError, ValueError, AttributeError, KeyError):
        return False


async def _take_in(
    record: Record, items: Sequence[Item], outcome: Outcome, *, restored: bool = False
) -> None:
    """Write items that are not refused; in the order of ids, so that two processes never block each other."""
    good = sorted((item for item in items if item.refusal is None), key=lambda item: (item.type, item.id))
    incoming = [
        Incoming(item.resource, written_as(item.resource)) if restored else Incoming(named(item))
        for item in good
    ]
    for item, result in zip(good, await _insist(record, incoming), strict=True):
        if isinstance(result, Refusal):
            outcome.refuse(item, result.issues)
        else:
            outcome.changes[item.type, result.change.value] += 1


async def _insist(record: Record, incoming: list[Incoming]) -> list[Written | Refusal]:
    """Take resources in, and try again when other processes write the same ones at the moment."""
    results: list[Written | Refusal] = []
    for attempt in range(ATTEMPTS if incoming else 0):
        results = await record.take_in(incoming)
        if not all(isinstance(each, Refusal) and each.kind is RefusalKind.CONFLICT for each in results):
            break
        await asyncio.sleep(random.uniform(0.02, 0.1) * 2**attempt)  # noqa: S311 - only spreads writers
    return results


async def _restore(services: Services, piece: Piece, owners: Iterable[Owner]) -> Outcome:
    """Take in what an export has written: with its versions, times and accountable units."""
    outcome = Outcome()
    by_line = {item.number: item for item in _items(piece, outcome)}
    by_owner: dict[tuple[str, str], list[Item]] = {}
    line = piece.first
    for count, unit, provider in owners:
        mine = by_owner.setdefault((unit, provider), [])
        mine += [by_line[number] for number in range(line, line + count) if number in by_line]
        line += count
    for (unit, provider), mine in sorted(by_owner.items()):
        place = acting.Place(unit, unit, provider, provider)
        record = services.gate.record(
            acting.system("import", place, client=CLIENT, rights=acting.OPERATOR_RIGHTS)
        )
        await _take_in(record, mine, outcome, restored=True)
    _keep_refusals(by_line.values(), outcome)
    return outcome


def _keep_refusals(items: Iterable[Item], outcome: Outcome) -> None:
    for item in items:
        if item.refusal is not None:
            outcome.refuse(item, [item.refusal])


def written_as(resource: Any) -> tuple[int, int] | None:
    """The (version, microseconds) that the server wrote into a resource's meta, None if it did not."""
    meta = resource.get("meta") if isinstance(resource, dict) else None
    if not isinstance(meta, dict):
        return None
    try:
        return int(meta["versionId"]), to_micros(datetime.fromisoformat(meta["lastUpdated"]))
    except (KeyError, TypeError, ValueError):
        return None
