"""The terminology as other layers use it: six questions, each with a typed answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kontinuum.fhir.terminology.selection import Everything
from kontinuum.store.terminology import artifacts, suggesting
from kontinuum.store.terminology.artifacts import ArtifactRow
from kontinuum.sweden import systems
from kontinuum.terminology import expanding, looking
from kontinuum.terminology.answers import (
    Coded,
    Expansion,
    Found,
    NotKnown,
    Refused,
    Subsumption,
    Translation,
    Validation,
)
from kontinuum.terminology.catalog import resolve
from kontinuum.terminology.displays import coded
from kontinuum.terminology.expanding import Page
from kontinuum.terminology.resources import as_definition
from kontinuum.terminology.selecting import Chosen, Definition, choose, definition, keys_for
from kontinuum.terminology.words import tokens


class Terminology:
    """Code systems, value sets and concept maps. It holds no patient data, and asks nobody who asks.

    `version` limits to one version of a code system; without it the newest answers. `language` is a BCP 47
    tag, a wish. Canonical URLs may carry a version (`url|version`).
    """

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def lookup(
        self, system: str, code: str, *, version: str | None = None, language: str | None = None
    ) -> Found | NotKnown:
        """All that is known of a code."""
        return await looking.lookup(self._pool, system, code, version, language)

    async def validate(
        self,
        system: str,
        code: str,
        *,
        version: str | None = None,
        display: str | None = None,
        language: str | None = None,
    ) -> Validation | NotKnown:
        """Whether a code exists in its system, and whether the display, if given, is one of its names."""
        return await looking.validate(self._pool, system, code, version, display, language)

    async def validate_in(
        self,
        value_set: str | dict[str, Any],
        code: str,
        *,
        system: str | None = None,
        version: str | None = None,
        display: str | None = None,
        language: str | None = None,
    ) -> Validation | NotKnown | Refused:
        """Whether a code is in a value set, given by its URL or as a ValueSet resource."""
        return await looking.validate_in(
            self._pool, _definition(value_set), system, code, version, display, language
        )

    async def subsumes(
        self, system: str, code_a: str, code_b: str, *, version: str | None = None
    ) -> Subsumption | NotKnown:
        """How code A stands to code B in their hierarchy."""
        return await looking.subsumes(self._pool, system, code_a, code_b, version)

    async def expand(
        self, value_set: str | dict[str, Any], page: Page | None = None
    ) -> Expansion | NotKnown | Refused:
        """The concepts of a value set, given by its URL or as a ValueSet resource; a page of them."""
        return await expanding.expand(self._pool, _definition(value_set), page or Page())

    async def translate(
        self,
        system: str,
        code: str,
        *,
        map_url: str | None = None,
        target_system: str | None = None,
        reverse: bool = False,
    ) -> Translation | NotKnown:
        """What a concept map, or all of them, make of a code."""
        return await looking.translate(
            self._pool, system, code, map_url=map_url, target_system=target_system, reverse=reverse
        )

    async def suggest(
        self,
        where: str,
        text: str,
        *,
        limit: int = 20,
        contexts: Sequence[str] = (),
        language: str | None = None,
        active_only: bool = True,
    ) -> list[Coded] | NotKnown | Refused:
        """The best concepts for what a person has typed; `where` is the URL of a value set or code system.

        `contexts` name whose choices count, the own unit's HSA-id and "" for everybody's, say.
        """
        limit = max(0, min(limit, expanding.MOST_SUGGESTED))
        page = Page(text, 0, limit, active_only, language, contexts=tuple(contexts))
        chosen = await self._chosen(where)
        if not isinstance(chosen, Chosen):
            return chosen
        if not tokens(text):
            return []
        return await expanding.suggestions(self._pool, chosen, page, limit)

    async def most_chosen(self, where: str, context: str, limit: int) -> list[Coded]:
        """The concepts chosen most in a context, the most chosen first; none of what is not known."""
        chosen = await self._chosen(where)
        if not isinstance(chosen, Chosen):
            return []
        found: list[Coded] = []
        for key, selection in chosen.parts.items():
            artifact = chosen.artifacts[key]
            keys = await keys_for(self._pool, artifact, selection)
            if isinstance(keys, NotKnown):
                continue
            wanted = suggesting.Wanted(key, (), selection, keys, active_only=True)
            hits = await suggesting.used(self._pool, wanted, artifact.url, (context,), limit)
            found += (coded(hit.concept, artifact, None, hit.uses) for hit in hits)
        return sorted(found, key=lambda one: (-one.uses, one.code))[:limit]

    async def chose(self, system: str, code: str, *, context: str) -> None:
        """Note that a code was chosen in a context: it comes higher there."""
        await suggesting.count_use(self._pool, context, systems.canonical(system), code)

    async def uses(self, system: str, *, context: str) -> dict[str, int]:
        """How often each code of a system was chosen in a context, whether it is known here or not."""
        return await suggesting.uses(self._pool, context, systems.canonical(system))

    async def known(self, kinds: Sequence[str] = ("CodeSystem",)) -> list[ArtifactRow]:
        """Every version of what is known here, by URL."""
        return await artifacts.all_of(self._pool, kinds)

    async def _chosen(self, where: str) -> Chosen | NotKnown | Refused:
        row = await resolve(self._pool, "CodeSystem", where)
        if isinstance(row, ArtifactRow):
            return Chosen({row.key: Everything()}, {row.key: row})
        found = await definition(self._pool, where)
        if not isinstance(found, Definition):
            return found
        return await choose(self._pool, found.compose, (found.url,))


def _definition(value_set: str | dict[str, Any]) -> str | Definition:
    if isinstance(value_set, str):
        return value_set
    return as_definition(value_set)
