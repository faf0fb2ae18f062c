"""All codes that a value set or a place in a hierarchy stands for: for those who must not miss one.

A search by `:in` that leaves out a code shows too little, and nobody sees it. So of a code system of which
only a part is here no condition is answered; codes that are listed one by one are known anyhow.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kontinuum.fhir.terminology.selection import Codes, Either, Selection, Under
from kontinuum.store.terminology import concepts
from kontinuum.store.terminology.artifacts import ArtifactRow
from kontinuum.terminology.answers import NotKnown, Refused, Subject
from kontinuum.terminology.catalog import resolve
from kontinuum.terminology.looking import unknown_code
from kontinuum.terminology.selecting import choose, definition, keys_for, name_of

MOST = 10_000
"""How many codes are given at once."""

Pairs = list[tuple[str, str]]


async def every_code(connection: Any, value_set: str) -> Pairs | NotKnown | Refused:
    """The (system, code) of a value set known by its address."""
    found = await definition(connection, value_set)
    if isinstance(found, NotKnown | Refused):
        return found
    chosen = await choose(connection, found.compose, (found.url,))
    if isinstance(chosen, NotKnown | Refused):
        return chosen
    pairs: Pairs = list(chosen.literals)
    for key, selection in chosen.parts.items():
        artifact = chosen.artifacts[key]
        codes = await _codes(connection, artifact, selection)
        if isinstance(codes, NotKnown | Refused):
            return codes
        pairs += [(artifact.url, code) for code in codes]
    return pairs


async def below(connection: Any, system: str, code: str) -> Pairs | NotKnown | Refused:
    """A code and all below it."""
    artifact = await _whole(connection, system)
    if isinstance(artifact, NotKnown | Refused):
        return artifact
    codes = await _codes(connection, artifact, Under(code, itself=True))
    return codes if isinstance(codes, NotKnown | Refused) else [(artifact.url, each) for each in codes]


async def above(connection: Any, system: str, code: str) -> Pairs | NotKnown | Refused:
    """A code and all above it."""
    artifact = await _whole(connection, system)
    if isinstance(artifact, NotKnown | Refused):
        return artifact
    found = await concepts.ancestors(connection, artifact.key, [code])
    if code not in found:
        return NotKnown(Subject.CODE, unknown_code(artifact, code))
    return [(artifact.url, each.code) for each in await concepts.by_key(connection, found[code][1])]


async def _whole(connection: Any, system: str) -> ArtifactRow | NotKnown | Refused:
    artifact = await resolve(connection, "CodeSystem", system)
    return artifact if isinstance(artifact, NotKnown) or _is_whole(artifact) else _partial(artifact)


def _is_whole(artifact: ArtifactRow) -> bool:
    return artifact.content == "complete"


def _partial(artifact: ArtifactRow) -> Refused:
    return Refused(
        "incomplete",
        f"Only a part of {name_of(artifact)} is loaded here, so codes would be missed. Load the whole "
        "system, or name the codes.",
    )


async def _codes(
    connection: Any, artifact: ArtifactRow, selection: Selection
) -> Iterable[str] | NotKnown | Refused:
    if not _is_whole(artifact):
        listed = _listed(selection)
        return _partial(artifact) if listed is None else listed
    keys = await keys_for(connection, artifact, selection)
    if isinstance(keys, NotKnown):
        return keys
    total = await concepts.count(connection, artifact.key, selection, keys, active_only=False)
    if total > MOST:
        return Refused(
            "too-costly", f"It stands for {total:,} codes of {name_of(artifact)}; at most {MOST:,}."
        )
    rows = await concepts.page(
        connection, artifact.key, selection, keys, active_only=False, offset=0, limit=total
    )
    return [row.code for row in rows]


def _listed(selection: Selection) -> list[str] | None:
    """The codes of a selection that only lists codes."""
    match selection:
        case Codes(codes):
            return list(codes)
        case Either(parts):
            found = [_listed(part) for part in parts]
            return None if None in found else [code for each in found for code in each or ()]
    return None
