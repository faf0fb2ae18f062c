"""FHIR's CodeSystem, ValueSet and ConceptMap read into content for the tables.

http://hl7.org/fhir/R4/codesystem.html, http://hl7.org/fhir/R4/valueset.html, http://hl7.org/fhir/R4/conceptmap.html.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kontinuum.fhir.issues import Issue
from kontinuum.fhir.terminology.compose import faults as compose_faults
from kontinuum.terminology.content import CodeSystem, Concept, ConceptMap, Content, Mapping, Name, ValueSet
from kontinuum.terminology.hierarchy import CycleError, closure
from kontinuum.terminology.selecting import Definition

TYPES = ("CodeSystem", "ValueSet", "ConceptMap")

_INACTIVE = {"retired", "inactive"}


def read_resource(resource: dict[str, Any]) -> Content | None:
    """What a resource that is valid FHIR brings; None when there is nothing to project.

    Nothing comes of what has no canonical URL, of a CodeSystem without concepts (its content is elsewhere),
    and of supplements.
    """
    if not resource.get("url"):
        return None
    match resource["resourceType"]:
        case "CodeSystem":
            return _code_system(resource)
        case "ValueSet":
            return _value_set(resource)
        case "ConceptMap":
            return _concept_map(resource)
    return None


def faults(resource: dict[str, Any]) -> list[Issue]:
    """What keeps a valid resource from working: codes given twice, circles, filters that are not offered."""
    match resource.get("resourceType"):
        case "CodeSystem":
            return _code_system_faults(resource)
        case "ValueSet":
            return compose_faults(resource.get("compose") or {}, "ValueSet.compose")
    return []


def _identity(resource: dict[str, Any]) -> tuple[str, str, str, str]:
    url = resource["url"]
    name = resource.get("name") or url.rsplit("/", 1)[-1]
    return url, resource.get("version", ""), name, resource.get("title") or name


def _code_system(resource: dict[str, Any]) -> CodeSystem | None:
    if not resource.get("concept") or resource.get("content") == "supplement":
        return None
    url, version, name, title = _identity(resource)
    content = resource.get("content", "complete")
    return CodeSystem(
        url,
        version,
        name,
        title,
        [_concept(raw, parents) for raw, parents, _ in _placed(resource)],
        content=content,
        language=resource.get("language", ""),
        publisher=resource.get("publisher", ""),
        copyright=resource.get("copyright", ""),
        properties={each["code"]: each["type"] for each in resource.get("property", [])},
        case_sensitive=resource.get("caseSensitive", True),
    )


def _placed(resource: dict[str, Any]) -> list[tuple[dict[str, Any], list[str], str]]:
    """Every concept with its parents and place; of a part of a system, parents outside it are left out."""
    listed = list(_walk(resource.get("concept", [])))
    if resource.get("content", "complete") == "complete":
        return listed
    codes = {raw["code"] for raw, _, _ in listed}
    return [(raw, [code for code in parents if code in codes], here) for raw, parents, here in listed]


def _walk(
    concepts: list[dict[str, Any]], parent: str | None = None, place: str = "CodeSystem.concept"
) -> Iterator[tuple[dict[str, Any], list[str], str]]:
    """Every concept, those below after those above, with the parents that nesting and properties give it."""
    for number, raw in enumerate(concepts):
        parents = [] if parent is None else [parent]
        for each in raw.get("property", []):
            if each["code"] == "parent" and (code := _value(each)) not in parents:
                parents.append(str(code))
        here = f"{place}[{number}]"
        yield raw, parents, here
        yield from _walk(raw.get("concept", []), raw["code"], f"{here}.concept")


def _concept(raw: dict[str, Any], parents: list[str]) -> Concept:
    properties: dict[str, list[Any]] = {}
    for each in raw.get("property", []):
        properties.setdefault(each["code"], []).append(_value(each))
    names = [
        Name(each.get("language", ""), (each.get("use") or {}).get("code", "synonym"), each["value"])
        for each in raw.get("designation", [])
    ]
    if raw.get("definition"):
        properties.setdefault("definition", []).append(raw["definition"])
    inactive = _true(properties, "inactive") or bool(
        _INACTIVE & {str(value) for value in properties.get("status", ())}
    )
    selectable = not (_true(properties, "notSelectable") or _true(properties, "abstract"))
    return Concept(
        raw["code"], raw.get("display") or raw["code"], parents, names, properties, not inactive, selectable
    )


def _true(properties: dict[str, list[Any]], name: str) -> bool:
    return True in properties.get(name, ())


def _value(element: dict[str, Any]) -> Any:
    return next((value for name, value in element.items() if name.startswith("value")), None)


def _code_system_faults(resource: dict[str, Any]) -> list[Issue]:
    places: dict[str, int] = {}
    listed = _placed(resource)
    found: list[Issue] = []
    for number, (raw, _, here) in enumerate(listed):
        if places.setdefault(raw["code"], number) != number:
            found.append(Issue("error", "duplicate", f"The code '{raw['code']}' is defined twice.", here))
    if found:
        return found
    above: list[list[int]] = []
    for _, parents, here in listed:
        missing = [code for code in parents if code not in places]
        if missing:
            message = f"The parent '{missing[0]}' is not a concept of this code system."
            found.append(Issue("error", "not-found", message, here))
        above.append([places[code] for code in parents if code in places])
    try:
        closure(above)
    except CycleError as error:
        raw, _, here = listed[error.places[0]]
        found.append(Issue("error", "invalid", f"'{raw['code']}' stands above itself.", here))
    return found


def _value_set(resource: dict[str, Any]) -> ValueSet:
    url, version, name, title = _identity(resource)
    return ValueSet(url, version, name, title, as_definition(resource).compose)


def _as_includes(contains: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """An expansion that came without a definition, as lists of codes by system."""
    by_system: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def collect(entries: list[dict[str, Any]]) -> None:
        for each in entries:
            if "code" in each and "system" in each:
                concept: dict[str, Any] = {"code": each["code"]}
                if "display" in each:
                    concept["display"] = each["display"]
                by_system.setdefault((each["system"], each.get("version", "")), []).append(concept)
            collect(each.get("contains", []))

    collect(contains)
    return [
        {"system": system, **({"version": version} if version else {}), "concept": concepts}
        for (system, version), concepts in by_system.items()
    ]


def _concept_map(resource: dict[str, Any]) -> ConceptMap:
    url, version, name, title = _identity(resource)
    mappings: list[Mapping] = []
    unmapped = []
    for group in resource.get("group", []):
        source, target = group.get("source", ""), group.get("target", "")
        for element in group.get("element", []):
            mappings += (
                Mapping(
                    source,
                    element.get("code", ""),
                    target,
                    each.get("code"),
                    each["equivalence"],
                    each.get("display"),
                    each.get("comment"),
                )
                for each in element.get("target", [])
            )
        if "unmapped" in group:
            unmapped.append({"source": source, "target": target, **group["unmapped"]})
    return ConceptMap(
        url,
        version,
        name,
        title,
        mappings,
        source=resource.get("sourceUri") or resource.get("sourceCanonical") or "",
        target=resource.get("targetUri") or resource.get("targetCanonical") or "",
        unmapped=unmapped,
    )


def as_definition(resource: dict[str, Any]) -> Definition:
    """A ValueSet resource that was given with a question, as a definition to work out."""
    compose = resource.get("compose")
    if compose is None:
        compose = {"include": _as_includes((resource.get("expansion") or {}).get("contains", []))}
    return Definition(resource.get("url", ""), resource.get("version", ""), compose)
