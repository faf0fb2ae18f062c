"""Profiles as they are published: StructureDefinitions that constrain a type of R4.

http://hl7.org/fhir/R4/structuredefinition.html and http://hl7.org/fhir/R4/profiling.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kontinuum.fhir.definitions import type_definition
from kontinuum.fhir.issues import Issue

__all__ = ["CORE", "Structure", "core_type", "read_structure"]

CORE = "http://hl7.org/fhir/StructureDefinition/"
"""How the canonical URLs of R4's own types begin."""


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """A profile or an extension's definition, valid FHIR and of a kind that is worked with here.

    `elements` are its differential's, `snapshot` those that it came with worked out. `contexts` are (type,
    expression): where an extension may stand. `package` is `id#version` of the package it came in.
    """

    url: str
    version: str
    name: str
    type: str
    base: str
    contexts: tuple[tuple[str, str], ...]
    context_rules: tuple[str, ...]
    elements: tuple[Mapping[str, Any], ...]
    snapshot: tuple[Mapping[str, Any], ...]
    package: str = ""

    @property
    def canonical(self) -> str:
        """The URL with the version that this is."""
        return f"{self.url}|{self.version}" if self.version else self.url

    @property
    def worked_out(self) -> Structure:
        """The same from its snapshot: for one whose base is not known here."""
        return replace(self, elements=self.snapshot)


def core_type(canonical: str) -> str | None:
    """The type of R4 that a canonical URL means; None when it means something else."""
    url, _, version = canonical.partition("|")
    name = url.removeprefix(CORE)
    if name == url or version not in ("", "4.0.1", "4.0"):
        return None
    return name if type_definition(name) is not None else None


def read_structure(resource: Mapping[str, Any], package: str = "") -> Structure | Issue:
    """A StructureDefinition as a Structure, or why it is none.

    The issue is an error where it is broken, and `information` where it is sound but nothing that a resource
    of R4 can be held to: a logical model, a type of its own.
    """
    kind, derivation = resource.get("kind"), resource.get("derivation")
    if kind in ("logical", "primitive-type") or derivation != "constraint":
        what = "a logical model" if kind == "logical" else "a definition of a type, not a profile"
        return Issue("information", "not-supported", f"it is {what}", "StructureDefinition")
    base = resource.get("baseDefinition")
    if not base:
        return Issue(
            "error", "required", "a profile names what it constrains", "StructureDefinition.baseDefinition"
        )
    if type_definition(resource["type"]) is None:
        return Issue(
            "error", "value", f"{resource['type']} is no type of FHIR R4", "StructureDefinition.type"
        )
    worked_out = tuple(resource.get("snapshot", {}).get("element", ()))
    return Structure(
        url=resource["url"],
        version=resource.get("version", ""),
        name=resource["name"],
        type=resource["type"],
        base=base,
        contexts=tuple((each["type"], each["expression"]) for each in resource.get("context", ())),
        context_rules=tuple(resource.get("contextInvariant", ())),
        elements=tuple(resource.get("differential", {}).get("element", ())) or worked_out,
        snapshot=worked_out,
        package=package,
    )
