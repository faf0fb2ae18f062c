"""Small profiles for tests, and what comes of judging by them."""

from __future__ import annotations

from typing import Any

from kontinuum.fhir.profiles import Library, Structure, judge, judge_extensions, read_structure
from kontinuum.fhir.validation import validate

HOME = "http://example.org/"
CORE = "http://hl7.org/fhir/StructureDefinition/"

Resource = dict[str, Any]
Told = tuple[str, str, str | None]


def profile(
    name: str,
    of: str,
    *elements: Resource,
    base: str | None = None,
    constraint: list[Resource] | None = None,
    **more: Any,
) -> Resource:
    """A StructureDefinition with this differential; an element's path is taken from its id."""
    root: Resource = {"id": of, "path": of} | ({"constraint": constraint} if constraint else {})
    listed = [{"path": ".".join(p.partition(":")[0] for p in e["id"].split(".")), **e} for e in elements]
    return {
        "resourceType": "StructureDefinition",
        "url": HOME + name,
        "name": name,
        "status": "active",
        "kind": "resource" if of not in ("Extension", "HumanName", "Identifier") else "complex-type",
        "abstract": False,
        "type": of,
        "baseDefinition": base or CORE + of,
        "derivation": "constraint",
        "differential": {"element": [root, *listed]},
        **more,
    }


def extension(name: str, value: str, *contexts: str, modifies: bool = False) -> Resource:
    """The definition of an extension with one value."""
    made = profile(
        name,
        "Extension",
        {"id": "Extension.url", "fixedUri": HOME + name},
        {"id": "Extension.value[x]", "min": 1, "type": [{"code": value}]},
    )
    made["context"] = [{"type": "element", "expression": each} for each in contexts]
    if modifies:
        made["differential"]["element"][0] |= {"isModifier": True, "isModifierReason": "It takes all back."}
    return made


def value_set(name: str, *codes: str, system: str = HOME + "codes", **more: Any) -> Resource:
    """A value set that lists codes, or with a filter cannot be listed."""
    include = {"system": system, **more}
    if codes:
        include["concept"] = [{"code": code} for code in codes]
    return {
        "resourceType": "ValueSet",
        "url": HOME + name,
        "status": "active",
        "compose": {"include": [include]},
    }


def sliced(at: str, kind: str, path: str, rules: str = "open", *, ordered: bool = False) -> Resource:
    """An element that is sliced by one discriminator."""
    by = {"discriminator": [{"type": kind, "path": path}], "rules": rules, "ordered": ordered}
    return {"id": at, "slicing": by}


def library(*resources: Resource) -> Library:
    """A library of profiles, value sets and code systems, every one of them valid R4."""
    structures = []
    for each in resources:
        issues = [issue for issue in validate(each) if issue.refuses]
        assert not issues, issues
        if each["resourceType"] == "StructureDefinition":
            structure = read_structure(each)
            assert isinstance(structure, Structure), structure
            structures.append(structure)
    of = {kind: [r for r in resources if r["resourceType"] == kind] for kind in ("ValueSet", "CodeSystem")}
    return Library(structures, of["ValueSet"], of["CodeSystem"])


def told(resource: Resource, known: Library, name: str, *, warnings: bool = False) -> list[Told]:
    """Severity, code and place of everything that a profile has to say of a valid resource."""
    issues = [issue for issue in validate(resource) if issue.refuses]
    assert not issues, issues
    structure = known.find(name if name.startswith("http") else HOME + name)
    assert structure is not None, f"{name} is not known"
    faults = known.derived(structure).faults
    assert not faults, faults
    judged = judge(resource, [structure], known, warnings=warnings)
    return [(issue.severity, issue.code, issue.location) for issue in judged.issues]


def told_of_extensions(resource: Resource, known: Library) -> list[Told]:
    """The same of a resource's extensions."""
    assert not [issue for issue in validate(resource) if issue.refuses]
    return [(each.severity, each.code, each.location) for each in judge_extensions(resource, known).issues]


def faults(known: Library, name: str) -> list[tuple[str | None, str]]:
    """Place and words of what is wrong with a profile itself."""
    structure = known.find(HOME + name)
    assert structure is not None, f"{name} is not known"
    return [(issue.location, issue.message) for issue in known.derived(structure).faults]
