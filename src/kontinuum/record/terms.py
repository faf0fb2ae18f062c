"""Modifiers that need to know codes: `:in`, `:not-in`, `:above` and `:below` of a token.

They become the plain tokens that they mean. Whoever knows more code systems than those of FHIR itself
gives the gate another `Terms`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Protocol

from kontinuum.fhir.definitions import value_set_codes
from kontinuum.fhir.search.query import Criterion, SearchQuery, TokenValue, UriValue
from kontinuum.record.outcome import Refusal, RefusalKind, refuse

MAX_CODES = 5_000
"""How many codes one modifier may stand for."""

_NEED_TERMS = ("in", "not-in", "above", "below")


class Terms(Protocol):
    """What is known of codes."""

    async def codes_of(self, value_set: str) -> Collection[tuple[str, str]] | None:
        """The (system, code) of a value set; None when it is not known or cannot be enumerated."""
        ...

    async def related(self, system: str, code: str, *, below: bool) -> Collection[tuple[str, str]] | None:
        """A code and all below (or above) it; None when the system's hierarchy or the code is not known."""
        ...


class FhirsOwn:
    """The value sets with which R4 itself binds elements, and no hierarchy."""

    async def codes_of(self, value_set: str) -> Collection[tuple[str, str]] | None:
        """Those that R4 enumerates, by their address with or without version."""
        return value_set_codes(value_set.partition("|")[0])

    async def related(self, system: str, code: str, *, below: bool) -> Collection[tuple[str, str]] | None:
        """None: R4's own code systems are flat."""
        return None


async def expand(query: SearchQuery, terms: Terms) -> SearchQuery | Refusal:
    """The same search with plain tokens in place of what needs to be looked up."""
    if not any(_needs(criterion) for criterion in query.criteria):
        return query
    criteria: list[Criterion] = []
    for criterion in query.criteria:
        plain = await _expanded(criterion, terms) if _needs(criterion) else criterion
        if isinstance(plain, Refusal):
            return plain
        criteria.append(plain)
    return replace(query, criteria=tuple(criteria))


def _needs(criterion: Criterion) -> bool:
    return criterion.parameter.type == "token" and criterion.modifier in _NEED_TERMS


async def _expanded(criterion: Criterion, terms: Terms) -> Criterion | Refusal:
    codes: dict[tuple[str, str], None] = {}
    for value in criterion.values:
        if isinstance(value, UriValue):
            found = await terms.codes_of(value.uri)
            unknown = f"The value set {value.uri} is not known here, or is too open to be listed"
        else:
            assert isinstance(value, TokenValue)
            assert value.system
            assert value.code
            found = await terms.related(value.system, value.code, below=criterion.modifier == "below")
            unknown = f"What is {criterion.modifier} {value.system}|{value.code} is not known here"
        if found is None:
            name = f"{criterion.parameter.name}:{criterion.modifier}"
            return refuse(
                RefusalKind.BAD_REQUEST, "not-supported", f"{unknown}, so {name} cannot be answered."
            )
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
