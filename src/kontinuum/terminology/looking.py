"""Single codes: looking one up, validating it, comparing two, translating it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kontinuum.store.terminology import artifacts, concepts, mappings
from kontinuum.store.terminology.artifacts import ArtifactRow
from kontinuum.store.terminology.concepts import ConceptRow
from kontinuum.sweden import systems
from kontinuum.terminology.answers import (
    Found,
    Match,
    NotKnown,
    Property,
    Refused,
    Subject,
    Subsumption,
    Translation,
    Validation,
)
from kontinuum.terminology.catalog import precedence, resolve, split_canonical
from kontinuum.terminology.displays import coded, display_in, is_display
from kontinuum.terminology.selecting import Definition, choose, definition, keys_for, name_of

MOST_CHILDREN = 500

_DISJOINT = {"unmatched", "disjoint"}
_TURNED = {"wider": "narrower", "narrower": "wider", "subsumes": "specializes", "specializes": "subsumes"}


async def lookup(
    connection: Any, system: str, code: str, version: str | None, language: str | None
) -> Found | NotKnown:
    """http://hl7.org/fhir/R4/codesystem-operation-lookup.html."""
    artifact = await resolve(connection, "CodeSystem", system, version)
    if isinstance(artifact, NotKnown):
        return artifact
    row = await _concept(connection, artifact, code)
    if row is None:
        return NotKnown(Subject.CODE, unknown_code(artifact, code))
    above = await concepts.by_key(connection, row.parents)
    below = await concepts.children(connection, artifact.key, row.key, MOST_CHILDREN)
    types = artifact.about.get("properties", {})
    properties = tuple(
        Property(name, types.get(name) or _type_of(value), value)
        for name, values in row.properties.items()
        for value in values
    )
    return Found(
        coded(row, artifact, language),
        artifact.about.get("title") or artifact.about.get("name", ""),
        properties,
        tuple((each.code, each.display) for each in above),
        tuple((each.code, each.display) for each in below),
        artifact.content == "complete",
    )


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, dict):
        return "Coding"
    return "string" if isinstance(value, str) else "decimal"


async def _concept(connection: Any, artifact: ArtifactRow, code: str) -> ConceptRow | None:
    found = await concepts.by_code(connection, artifact.key, [code])
    return found[0] if found else None


def unknown_code(artifact: ArtifactRow, code: str) -> str:
    """That a code is not there, and whether that means that it does not exist."""
    if artifact.content == "complete":
        return f"The code '{code}' does not exist in {name_of(artifact)}."
    return (
        f"The code '{code}' is not in the part of {name_of(artifact)} that is loaded here; "
        "whether it exists is not known."
    )


async def validate(
    connection: Any, system: str, code: str, version: str | None, display: str | None, language: str | None
) -> Validation | NotKnown:
    """http://hl7.org/fhir/R4/codesystem-operation-validate-code.html."""
    artifact = await resolve(connection, "CodeSystem", system, version)
    if isinstance(artifact, NotKnown):
        return artifact
    row = await _concept(connection, artifact, code)
    if row is None:
        return Validation(False, unknown_code(artifact, code), complete=artifact.content == "complete")
    return _judged(row, artifact, display, language)


def _judged(
    row: ConceptRow, artifact: ArtifactRow, display: str | None, language: str | None, own: str | None = None
) -> Validation:
    """A code that exists, with what is wrong or odd about the display and its state."""
    found = coded(row, artifact, language)
    right = own or found.display
    complete = artifact.content == "complete"
    message: str | None = None
    if display is not None and display != own and not is_display(row, display):
        message = f"'{display}' is not a name of {row.code} in {name_of(artifact)}; its display is '{right}'."
        return Validation(False, message, right, found, complete)
    if not row.active:
        message = f"The code '{row.code}' is no longer active in {name_of(artifact)}."
    return Validation(True, message, right, found, complete)


async def validate_in(
    connection: Any,
    value_set: str | Definition,
    system: str | None,
    code: str,
    version: str | None,
    display: str | None,
    language: str | None,
) -> Validation | NotKnown | Refused:
    """Whether a code is in a value set (http://hl7.org/fhir/R4/valueset-operation-validate-code.html).

    Without a system the code may come from any system of the value set.
    """
    found = await definition(connection, value_set) if isinstance(value_set, str) else value_set
    if not isinstance(found, Definition):
        return found
    chosen = await choose(connection, found.compose)
    if isinstance(chosen, NotKnown | Refused):
        return chosen
    named = f"value set {found.url}" if found.url else "value set"
    wanted = None if system is None else systems.canonical(system)
    for key, selection in chosen.parts.items():
        artifact = chosen.artifacts[key]
        if wanted not in (None, artifact.url) or (version and version != artifact.version):
            continue
        keys = await keys_for(connection, artifact, selection)
        if isinstance(keys, NotKnown):
            return keys
        if await concepts.contained(connection, key, selection, keys, [code]):
            row = await _concept(connection, artifact, code)
            assert row is not None, "what a selection holds is a concept"
            return _judged(row, artifact, display, language, chosen.displays.get((key, code)))
    for (listed_system, listed_code), literal in chosen.literals.items():
        if listed_code == code and system in (None, listed_system):
            if display is not None and literal.display == code:
                message = f"No display of {code} is known here, so '{display}' was not compared with one."
                return Validation(True, None if display == code else message, None, literal)
            if display is not None and display != literal.display:
                message = f"'{display}' is not the display of {code} in the {named}: '{literal.display}' is."
                return Validation(False, message, literal.display, literal)
            return Validation(True, None, literal.display, literal)
    shown = code if system is None else f"{system}|{code}"
    return Validation(False, f"The code '{shown}' is not in the {named}.")


async def subsumes(
    connection: Any, system: str, code_a: str, code_b: str, version: str | None
) -> Subsumption | NotKnown:
    """How code A stands to code B (http://hl7.org/fhir/R4/codesystem-operation-subsumes.html)."""
    artifact = await resolve(connection, "CodeSystem", system, version)
    if isinstance(artifact, NotKnown):
        return artifact
    found = await concepts.ancestors(connection, artifact.key, [code_a, code_b])
    for code in (code_a, code_b):
        if code not in found:
            return NotKnown(Subject.CODE, unknown_code(artifact, code))
    (key_a, above_a), (key_b, above_b) = found[code_a], found[code_b]
    if key_a == key_b:
        return Subsumption.EQUIVALENT
    if key_a in above_b:
        return Subsumption.SUBSUMES
    return Subsumption.SUBSUMED_BY if key_b in above_a else Subsumption.NOT_SUBSUMED


async def translate(
    connection: Any,
    system: str,
    code: str,
    *,
    map_url: str | None,
    target_system: str | None,
    reverse: bool,
    above: tuple[str, ...] = (),
) -> Translation | NotKnown:
    """http://hl7.org/fhir/R4/conceptmap-operation-translate.html: by one map, or by all that are known."""
    maps = await _maps(connection, map_url)
    if isinstance(maps, NotKnown):
        return maps
    matches: list[Match] = []
    for row in maps:
        found = await mappings.translations(
            connection, row.key, system, code, other=target_system, reverse=reverse
        )
        matches += (_match(row, each, reverse) for each in found)
        if not found and not reverse:
            matches += await _unmapped(connection, row, system, code, target_system, (*above, row.url))
    result = any(each.equivalence not in _DISJOINT and each.code for each in matches)
    message = None if result else f"No map known here has a target for {system}|{code}."
    return Translation(result, message, tuple(matches))


async def _maps(connection: Any, map_url: str | None) -> Sequence[ArtifactRow] | NotKnown:
    if map_url is not None:
        row = await resolve(connection, "ConceptMap", map_url)
        return row if isinstance(row, NotKnown) else [row]
    newest: dict[str, ArtifactRow] = {}
    for row in await artifacts.all_of(connection, ["ConceptMap"]):
        if row.url not in newest or precedence(row) > precedence(newest[row.url]):
            newest[row.url] = row
    if not newest:
        return NotKnown(Subject.CONCEPT_MAP, "No concept map is known here.")
    return list(newest.values())


def _match(row: ArtifactRow, found: mappings.MappingRow, reverse: bool) -> Match:
    if reverse:
        turned = _TURNED.get(found.equivalence, found.equivalence)
        return Match(turned, found.source, found.source_code, None, found.comment, row.url)
    return Match(found.equivalence, found.target, found.target_code, found.display, found.comment, row.url)


async def _unmapped(
    connection: Any,
    row: ArtifactRow,
    system: str,
    code: str,
    target_system: str | None,
    above: tuple[str, ...],
) -> list[Match]:
    """What a map says of codes that it does not list (`ConceptMap.group.unmapped`).

    `above` are the maps that led here: a map that leads back to one of them is not followed again.
    """
    found: list[Match] = []
    for rule in row.about.get("unmapped", []):
        if rule["source"] != system or target_system not in (None, rule["target"]):
            continue
        match rule["mode"]:
            case "provided":
                found.append(Match("equivalent", rule["target"], code, None, None, row.url))
            case "fixed":
                display = rule.get("display")
                found.append(Match("inexact", rule["target"], rule.get("code"), display, None, row.url))
            case "other-map" if split_canonical(rule.get("url", ""))[0] not in above:
                other = await translate(
                    connection,
                    system,
                    code,
                    map_url=rule["url"],
                    target_system=target_system,
                    reverse=False,
                    above=above,
                )
                found += other.matches if isinstance(other, Translation) else ()
    return found


__all__ = ["display_in", "lookup", "subsumes", "translate", "validate", "validate_in"]
