"""Value sets as lists: whole pages of them, and suggestions while a person types."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kontinuum.fhir.search.text import normalise
from kontinuum.store.terminology import concepts, suggesting
from kontinuum.store.terminology.artifacts import ArtifactRow
from kontinuum.store.terminology.concepts import ConceptRow
from kontinuum.store.terminology.suggesting import Hit, Wanted
from kontinuum.terminology.answers import Branch, Coded, Expansion, NotKnown, Refused
from kontinuum.terminology.displays import coded
from kontinuum.terminology.selecting import Chosen, Definition, choose, definition, keys_for, name_of
from kontinuum.terminology.words import compact, tokens

MOST_AT_ONCE = 10_000
"""The largest expansion without paging; beyond it $expand says too-costly, as the specification has it."""
MOST_SUGGESTED = 1000
SHORT = 3


@dataclass(frozen=True, slots=True)
class Page:
    """What of a value set is wanted. `contexts` say whose habits order suggestions, such as a care unit's."""

    filter: str | None = None
    offset: int = 0
    count: int | None = None
    active_only: bool = False
    language: str | None = None
    nested: bool = False
    contexts: tuple[str, ...] = ()


async def expand(connection: Any, value_set: str | Definition, page: Page) -> Expansion | NotKnown | Refused:
    """http://hl7.org/fhir/R4/valueset-operation-expand.html."""
    found = await definition(connection, value_set) if isinstance(value_set, str) else value_set
    if not isinstance(found, Definition):
        return found
    above = (found.url,) if found.url else ()
    chosen = await choose(connection, found.compose, above)
    if not isinstance(chosen, Chosen):
        return chosen
    if page.filter and tokens(page.filter):
        return await _filtered(connection, found, chosen, page)
    return await _page(connection, found, chosen, page)


async def _page(
    connection: Any, found: Definition, chosen: Chosen, page: Page
) -> Expansion | NotKnown | Refused:
    sizes: dict[int, int] = {}
    keys: dict[int, dict[str, int]] = {}
    for key, selection in chosen.parts.items():
        resting = await keys_for(connection, chosen.artifacts[key], selection)
        if isinstance(resting, NotKnown):
            return resting
        keys[key] = resting
        sizes[key] = await concepts.count(connection, key, selection, resting, active_only=page.active_only)
    total = sum(sizes.values()) + len(chosen.literals)
    count = page.count if page.count is not None else total
    if min(count, total - page.offset) > MOST_AT_ONCE:
        return Refused(
            "too-costly",
            f"The value set has {total:,} concepts; at most {MOST_AT_ONCE:,} are given at once. "
            "Ask for pages by count and offset, or narrow it by filter.",
        )
    left, skip = count, page.offset
    rows: list[tuple[ConceptRow, ArtifactRow]] = []
    for key, selection in chosen.parts.items():
        if left > 0 and skip < sizes[key]:
            got = await concepts.page(
                connection, key, selection, keys[key], active_only=page.active_only, offset=skip, limit=left
            )
            rows += ((each, chosen.artifacts[key]) for each in got)
            left -= len(got)
        skip = max(0, skip - sizes[key])
    branches = [(row, Branch(_shown(chosen, row, artifact, page))) for row, artifact in rows]
    nested = _nested(branches) if page.nested else [branch for _, branch in branches]
    nested += [Branch(each) for each in list(chosen.literals.values())[skip : skip + max(0, left)]]
    return _expansion(found, chosen, nested, total, page.offset)


def _shown(chosen: Chosen, row: ConceptRow, artifact: ArtifactRow, page: Page, uses: int = 0) -> Coded:
    answer = coded(row, artifact, page.language, uses)
    own = chosen.displays.get((artifact.key, row.code)) if page.language is None else None
    return answer if own is None else replace(answer, display=own)


def _nested(branches: Sequence[tuple[ConceptRow, Branch]]) -> list[Branch]:
    """Each concept below its first parent that is in the expansion too."""
    there = {row.key for row, _ in branches}
    below: dict[int | None, list[int]] = {}
    by_key = {row.key: branch for row, branch in branches}
    for row, _ in branches:
        parent = next((key for key in row.parents if key in there), None)
        below.setdefault(parent, []).append(row.key)

    def grown(key: int) -> Branch:
        return replace(by_key[key], below=tuple(grown(child) for child in below.get(key, ())))

    return [grown(key) for key in below.get(None, [])]


def _expansion(
    found: Definition, chosen: Chosen, branches: Iterable[Branch], total: int | None, offset: int
) -> Expansion:
    used = [chosen.artifacts[key] for key in chosen.parts]
    return Expansion(
        found.url,
        found.version,
        tuple(branches),
        total,
        offset,
        tuple(name_of(each) for each in used),
        tuple(name_of(each) for each in used if each.content != "complete"),
    )


async def _filtered(
    connection: Any, found: Definition, chosen: Chosen, page: Page
) -> Expansion | NotKnown | Refused:
    count = 50 if page.count is None else page.count
    wanted = page.offset + count
    if wanted > MOST_SUGGESTED:
        return Refused("too-costly", f"A filter gives the best {MOST_SUGGESTED:,} at most; narrow it.")
    best = await suggestions(connection, chosen, page, wanted + 1)
    if isinstance(best, NotKnown):
        return best
    total = len(best) if len(best) <= wanted else None
    shown = best[page.offset : wanted]
    return _expansion(found, chosen, [Branch(each) for each in shown], total, page.offset)


async def suggestions(connection: Any, chosen: Chosen, page: Page, limit: int) -> list[Coded] | NotKnown:
    """The concepts that fit best what was typed, the best first.

    Each word typed must begin a word of a name, or be the beginning of the code; where that finds too few,
    the longest may stand in the middle of a word. The order: the exact code; displays that begin with what
    was typed; what is chosen most often; other names that begin so; words of the display before words of
    other names; shorter before longer.
    """
    text = page.filter or ""
    typed = tuple(sorted(dict.fromkeys(tokens(text)), key=len, reverse=True))
    found: list[tuple[tuple[object, ...], Coded]] = []
    for key, selection in chosen.parts.items():
        artifact = chosen.artifacts[key]
        keys = await keys_for(connection, artifact, selection)
        if isinstance(keys, NotKnown):
            return keys
        wanted = Wanted(key, typed, selection, keys, page.active_only)
        for hit in await _hits(connection, wanted, artifact, page, limit, compact(text)):
            answer = _shown(chosen, hit.concept, artifact, page, hit.uses)
            found.append((_order(hit, text), answer))
    for literal in chosen.literals.values():
        if _literal_fits(literal, typed):
            found.append(((True, True, 0, True, 0, 1 << 30, literal.code), literal))
    found.sort(key=lambda each: each[0])
    return [answer for _, answer in found[:limit]]


async def _hits(
    connection: Any, wanted: Wanted, artifact: ArtifactRow, page: Page, limit: int, code: str
) -> list[Hit]:
    hits: dict[int, Hit] = {}

    def add(more: Iterable[Hit]) -> None:
        for hit in more:
            known = hits.get(hit.concept.key)
            # A use says nothing about how well the words fit, so the rank comes from elsewhere if it can.
            uses = max(hit.uses, known.uses) if known else hit.uses
            rank = hit.rank if known is None or known.uses else known.rank
            hits[hit.concept.key] = Hit(hit.concept, rank, uses)

    if page.contexts:
        add(await suggesting.used(connection, wanted, artifact.url, page.contexts, limit))
    if len(wanted.tokens) == 1 and len(wanted.tokens[0]) <= SHORT:
        add(await suggesting.opening(connection, wanted, limit))
    if len(hits) < limit:
        add(await suggesting.beginning(connection, wanted, limit))
    if len(wanted.tokens) > 1 and code.isascii() and any(map(str.isdecimal, code)):
        as_code = replace(wanted, tokens=(code,))
        add(await suggesting.beginning(connection, as_code, limit))
    if len(hits) < limit and len(wanted.tokens[0]) >= SHORT:
        add(await suggesting.middle(connection, wanted, limit))
    return list(hits.values())


def _order(hit: Hit, text: str) -> tuple[object, ...]:
    exact = compact(hit.concept.code) == compact(text)
    typed = normalise(text)
    begins = normalise(hit.concept.display).startswith(typed)
    called = begins or any(normalise(name[2]).startswith(typed) for name in hit.concept.names)
    # Among concepts that are called so, the shorter display is the more general concept.
    length = len(hit.concept.display) if called else 0
    return (not exact, not begins, -hit.uses, not called, length, hit.rank, hit.concept.code)


def _literal_fits(literal: Coded, typed: Sequence[str]) -> bool:
    words = (*tokens(literal.display), *tokens(literal.code), compact(literal.code))
    return all(any(word.startswith(token) for word in words) for token in typed)
