"""Content into the tables, whole or not at all: everything happens in the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kontinuum.fhir import json
from kontinuum.store.terminology import artifacts, loading
from kontinuum.store.terminology.artifacts import ArtifactRow
from kontinuum.terminology.content import CodeSystem, Concept, ConceptMap, Content, ContentError, ValueSet
from kontinuum.terminology.hierarchy import CycleError, closure
from kontinuum.terminology.words import folded, ranked_words

BATCH = 5_000

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Source:
    """Whence content comes: the resource it is in (empty for a command), what it was, and when."""

    origin: str
    fingerprint: bytes
    loaded: int


async def store(connection: Any, content: Content, source: Source, advance: Advance = lambda _: None) -> int:
    """Write content and give the key of its version. `advance` is told of concepts as they are written.

    Raises ContentError for a hierarchy that goes in a circle, a parent that is not there, or a code given
    twice.
    """
    match content:
        case CodeSystem():
            return await _store_code_system(connection, content, source, advance)
        case ValueSet():
            about = {"name": content.name, "title": content.title, "compose": content.compose}
            return await artifacts.insert(connection, _row("ValueSet", content, source, about))
        case ConceptMap():
            return await _store_concept_map(connection, content, source)


def _row(
    kind: str, content: Content, source: Source, about: dict[str, Any], concepts: int = 0
) -> ArtifactRow:
    trust = content.content if isinstance(content, CodeSystem) else "complete"
    return ArtifactRow(
        0,
        kind,
        content.url,
        content.version,
        source.origin,
        trust,
        concepts,
        source.fingerprint,
        source.loaded,
        about,
    )


async def _store_code_system(connection: Any, system: CodeSystem, source: Source, advance: Advance) -> int:
    places, parents, above = _hierarchy(system)
    number = len(system.concepts)
    row = _row("CodeSystem", system, source, system.about(), number)
    artifact = await artifacts.insert(connection, row)
    keys = await loading.draw_keys(connection, number)
    for begin in range(0, number, BATCH):
        numbers = range(begin, min(begin + BATCH, number))
        rows = [_concept(system, artifact, keys, n, parents[n], above[n], places) for n in numbers]
        await loading.add_concepts(connection, rows)
        await loading.add_words(connection, list(_words(system, artifact, keys, numbers)))
        advance(len(numbers))
    await loading.derive(connection, artifact, number)
    return artifact


def _hierarchy(
    system: CodeSystem,
) -> tuple[dict[str, int], list[list[int]], list[tuple[int, ...]]]:
    """The place of each code, each concept's parents, and itself with all above it, as places."""
    places: dict[str, int] = {}
    for place, concept in enumerate(system.concepts):
        if places.setdefault(concept.code, place) != place:
            raise ContentError(f"{system.url}: the code '{concept.code}' comes twice.")
    parents: list[list[int]] = []
    for concept in system.concepts:
        missing = next((code for code in concept.parents if code not in places), None)
        if missing is not None:
            raise ContentError(
                f"{system.url}: '{concept.code}' has the parent '{missing}', which is not in the system."
            )
        parents.append([places[code] for code in dict.fromkeys(concept.parents)])
    try:
        return places, parents, closure(parents)
    except CycleError as error:
        codes = " < ".join(system.concepts[place].code for place in error.places[:10])
        raise ContentError(f"{system.url}: the hierarchy goes in a circle: {codes}.") from error


def _concept(
    system: CodeSystem,
    artifact: int,
    keys: Sequence[int],
    number: int,
    parents: Sequence[int],
    above: Sequence[int],
    places: dict[str, int],
) -> tuple[Any, ...]:
    concept = system.concepts[number]
    names = (concept.display, *(name.text for name in concept.names))
    return (
        keys[number],
        artifact,
        number,
        concept.active,
        concept.selectable,
        concept.code,
        concept.display,
        folded(concept.code, names),
        json.dumps([list(name) for name in concept.names]).decode(),
        json.dumps(concept.properties).decode(),
        [keys[place] for place in parents],
        [keys[place] for place in above],
        [keys[places[code]] for code in concept.sets if code in places],
    )


def _words(
    system: CodeSystem, artifact: int, keys: Sequence[int], numbers: Sequence[int]
) -> Iterator[tuple[int, int, int, str]]:
    for number in numbers:
        concept: Concept = system.concepts[number]
        names = [name.text for name in concept.names]
        words = ranked_words(concept.code, concept.display, names, active=concept.active)
        for word, rank in words.items():
            yield artifact, rank, keys[number], word


async def _store_concept_map(connection: Any, concept_map: ConceptMap, source: Source) -> int:
    about = {
        "name": concept_map.name,
        "title": concept_map.title,
        "source": concept_map.source,
        "target": concept_map.target,
        "unmapped": concept_map.unmapped,
    }
    row = _row("ConceptMap", concept_map, source, about, len(concept_map.mappings))
    artifact = await artifacts.insert(connection, row)
    rows = [(artifact, number, *each) for number, each in enumerate(concept_map.mappings)]
    await loading.add_mappings(connection, rows)
    return artifact
