"""Modifiers that need to know codes: `:in`, `:not-in`, `:above` and `:below` of a token.

They become the plain tokens that they mean: those of R4's own value sets, and what the terminology holds.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

from kontinuum.fhir.definitions import value_set_codes
from kontinuum.fhir.search.query import Criterion, SearchQuery, TokenValue, UriValue
from kontinuum.record.outcome import Refusal, RefusalKind, refuse
from kontinuum.terminology import NotKnown, Refused, covering

MAX_CODES = 5_000
"""How many codes one modifier may stand for."""

_NEED_TERMS = ("in", "not-in", "above", "below")


class Unanswerable(NamedTuple):
    """Why it cannot be said which codes are meant; `code` is from FHIR's issue types."""

    message: str
    code: str = "not-supported"


Codes = Collection[tuple[str, str]] | Unanswerable


class Terms(Protocol):
    """What is known of codes, as (system, code). `connection` is that of the search that asks."""

    async def codes_of(self, connection: Any, value_set: str) -> Codes:
        """The codes of a value set."""
        ...

    async def related(self, connection: Any, system: str, code: str, *, below: bool) -> Codes:
        """A code and all below (or above) it."""
        ...


class LoadedTerms:
    """The value sets with which R4 itself binds elements, and what the terminology holds."""

    async def codes_of(self, connection: Any, value_set: str) -> Codes:
        """R4's own by their address with or without version, any other as the terminology has it."""
        own = value_set_codes(value_set.partition("|")[0])
        return _answer(await covering.every_code(connection, value_set)) if own is None else own

    async def related(self, connection: Any, system: str, code: str, *, below: bool) -> Codes:
        """By the hierarchy of the code system; under the address that was asked for and under our own."""
        ask = covering.below if below else covering.above
        found = _answer(await ask(connection, system, code))
        if isinstance(found, Unanswerable):
            return found
        return [(name, each) for own, each in found for name in dict.fromkeys((system, own))]


def _answer(found: covering.Pairs | NotKnown | Refused) -> Codes:
    if isinstance(found, NotKnown):
        return Unanswerable(found.message)
    return Unanswerable(found.message, found.code) if isinstance(found, Refused) else found


async def expand(connection: Any, query: SearchQuery, terms: Terms) -> SearchQuery | Refusal:
    """The same search with plain tokens in place of what needs to be looked up."""
    if not any(_needs(criterion) for criterion in query.criteria):
        return query
    criteria: list[Criterion] = []
    for criterion in query.criteria:
        plain = await _expanded(connection, criterion, terms) if _needs(criterion) else criterion
        if isinstance(plain, Refusal):
            return plain
        criteria.append(plain)
    return replace(query, criteria=tuple(criteria))


def _needs(criterion: Criterion) -> bool:
    return criterion.parameter.type == "token" and criterion.modifier in _NEED_TERMS


async def _expanded(connection: Any, criterion: Criterion, terms: Terms) -> Criterion | Refusal:
    codes: dict[tuple[str, str], None] = {}
    for value in criterion.values:
        if isinstance(value, UriValue):
            found = await terms.codes_of(connection, value.uri)
        else:
            assert isinstance(value, TokenValue)
            assert value.system
            assert value.code
            below = criterion.modifier == "below"
            found = await terms.related(connection, value.system, value.code, below=below)
        if isinstance(found, Unanswerable):
            name = f"{criterion.parameter.name}:{criterion.modifier}"
            message = f"{name} cannot be answered. {found.message}"
            return refuse(RefusalKind.BAD_REQUEST, found.code, message)
        codes.update(dict.fromkeys(found))
    if len(codes) > MAX_CODES:
        return refuse(
            RefusalKind.BAD_REQUEST,
            "too-costly",
            f"{criterion.parameter.name}:{criterion.modifier} stands for {len(codes):,} codes; at most "
            f"{MAX_CODES:,} are searched at once.",
        )
    modifier = "not" if criterion.modifier == "not-in" else None
    values = tuple(TokenValue(system, code) for system, code in sorted(codes))
    return Criterion(criterion.parameter, modifier, values or (TokenValue("", "\0"),))
