"""A value set's definition worked out against what is loaded: for each code system which concepts.

http://hl7.org/fhir/R4/valueset.html#compositions. Codes of systems that are not loaded are kept as they are
listed (`literals`); any other condition on such a system cannot be answered and is told as not known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kontinuum.fhir.definitions import value_set_codes
from kontinuum.fhir.issues import Issue
from kontinuum.fhir.terminology.compose import component_selection, implicit_compose, united
from kontinuum.fhir.terminology.selection import NOTHING, Both, Selection, Without, named_codes
from kontinuum.store.terminology import concepts
from kontinuum.store.terminology.artifacts import ArtifactRow
from kontinuum.terminology.answers import Coded, NotKnown, Refused, Subject
from kontinuum.terminology.catalog import resolve, split_canonical

DEEPEST = 20
R4 = "4.0.1"


@dataclass(slots=True)
class Chosen:
    """The concepts of a value set: selections by artifact key, and listed codes of systems not loaded.

    `displays` are those that the value set itself gives to codes. The order of `parts` is that of the
    definition.
    """

    parts: dict[int, Selection] = field(default_factory=dict)
    artifacts: dict[int, ArtifactRow] = field(default_factory=dict)
    literals: dict[tuple[str, str], Coded] = field(default_factory=dict)
    displays: dict[tuple[int, str], str] = field(default_factory=dict)

    def know(self, other: Chosen) -> None:
        """Take over what another knows of systems and displays."""
        self.artifacts.update(other.artifacts)
        self.displays.update(other.displays)


async def keys_for(connection: Any, artifact: ArtifactRow, selection: Selection) -> dict[str, int] | NotKnown:
    """The keys of the codes that a selection rests on; not known when one of them is not in the system."""
    codes = sorted(set(named_codes(selection)))
    keys = await concepts.keys_of(connection, artifact.key, codes) if codes else {}
    missing = [code for code in codes if code not in keys]
    if missing:
        return NotKnown(Subject.CODE, f"The code '{missing[0]}' is not known in {name_of(artifact)}.")
    return keys


def name_of(artifact: ArtifactRow) -> str:
    """`url|version`, or the URL alone."""
    return f"{artifact.url}|{artifact.version}" if artifact.version else artifact.url


@dataclass(frozen=True, slots=True)
class Definition:
    """A value set to work out; `url` is empty for one that was given and not stored."""

    url: str
    version: str
    compose: dict[str, Any]


async def definition(connection: Any, canonical: str) -> Definition | NotKnown | Refused:
    """The definition of a stored or implicit value set, or of one by which R4 itself binds elements."""
    implicit = implicit_compose(canonical)
    if isinstance(implicit, str):
        return Refused("not-supported", implicit)
    if implicit is not None:
        return Definition(canonical, "", implicit)
    row = await resolve(connection, "ValueSet", canonical)
    if isinstance(row, NotKnown):
        return _of_r4(canonical) or row
    return Definition(row.url, row.version, row.about["compose"])


def _of_r4(canonical: str) -> Definition | NotKnown | None:
    """A value set of R4 by its codes, as validation knows them; their displays are not known here."""
    url, version = split_canonical(canonical)
    codes = value_set_codes(url)
    if codes is None:
        return None
    if version not in ("", R4):
        message = f"Version '{version}' of the value set {url} is not known here; known: {R4}."
        return NotKnown(Subject.VALUE_SET, message)
    listed: dict[str, list[dict[str, str]]] = {}
    for system, code in sorted(codes):
        listed.setdefault(system, []).append({"code": code})
    include = [{"system": system, "concept": codes_} for system, codes_ in listed.items()]
    return Definition(url, R4, {"include": include})


async def choose(
    connection: Any, compose: dict[str, Any], above: tuple[str, ...] = ()
) -> Chosen | NotKnown | Refused:
    """Work out a definition; `above` are the value sets that import it."""
    included = [await _component(connection, each, above) for each in compose.get("include", [])]
    excluded = [await _component(connection, each, above) for each in compose.get("exclude", [])]
    result = Chosen()
    for each in included:
        if not isinstance(each, Chosen):
            return each
        _unite(result, each)
    for each in excluded:
        if not isinstance(each, Chosen):
            return each
        _take_away(result, each)
    return result


async def _component(
    connection: Any, component: dict[str, Any], above: tuple[str, ...]
) -> Chosen | NotKnown | Refused:
    result: Chosen | None = None
    if "system" in component:
        of_system = await _of_system(connection, component)
        if not isinstance(of_system, Chosen):
            return of_system
        result = of_system
    for canonical in component.get("valueSet", []):
        imported = await _imported(connection, canonical, above)
        if not isinstance(imported, Chosen):
            return imported
        result = imported if result is None else _in_both(result, imported)
    return result if result is not None else Chosen()


async def _of_system(connection: Any, component: dict[str, Any]) -> Chosen | NotKnown | Refused:
    selection = component_selection(component)
    if isinstance(selection, Issue):
        return Refused(selection.code, selection.message)
    system, version = component["system"], component.get("version")
    artifact = await resolve(connection, "CodeSystem", system, version)
    listed = component.get("concept")
    if isinstance(artifact, NotKnown):
        if listed is None:
            return artifact
        literals = {
            (system, each["code"]): Coded(
                system, version or "", each["code"], each.get("display", each["code"])
            )
            for each in listed
        }
        return Chosen(literals=literals)
    keys = await keys_for(connection, artifact, selection)
    if isinstance(keys, NotKnown):
        return keys
    displays = {(artifact.key, each["code"]): each["display"] for each in listed or () if "display" in each}
    return Chosen({artifact.key: selection}, {artifact.key: artifact}, {}, displays)


async def _imported(connection: Any, canonical: str, above: tuple[str, ...]) -> Chosen | NotKnown | Refused:
    if canonical in above or len(above) >= DEEPEST:
        circle = " imports ".join((*above, canonical))
        return Refused("invalid", f"The value set cannot be worked out, as it imports itself: {circle}.")
    found = await definition(connection, canonical)
    if not isinstance(found, Definition):
        return found
    return await choose(connection, found.compose, (*above, canonical))


def _unite(whole: Chosen, more: Chosen) -> None:
    for key, selection in more.parts.items():
        whole.parts[key] = united([whole.parts[key], selection]) if key in whole.parts else selection
    whole.literals = more.literals | whole.literals
    whole.know(more)


def _in_both(one: Chosen, other: Chosen) -> Chosen:
    both = Chosen(
        {
            key: Both((selection, other.parts[key]))
            for key, selection in one.parts.items()
            if key in other.parts
        },
        literals={name: coded for name, coded in one.literals.items() if name in other.literals},
    )
    both.know(other)
    both.know(one)
    return both


def _take_away(whole: Chosen, less: Chosen) -> None:
    for key, selection in less.parts.items():
        if key in whole.parts:
            whole.parts[key] = Without(whole.parts[key], selection)
    for name in less.literals:
        whole.literals.pop(name, None)


def selection_in(chosen: Chosen, artifact: ArtifactRow) -> Selection:
    """What was chosen of one system."""
    return chosen.parts.get(artifact.key, NOTHING)
