"""Resources held to profiles: the library of an installation, and its terminology's answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kontinuum.fhir import json
from kontinuum.fhir.issues import Issue
from kontinuum.fhir.profiles import (
    Judgement,
    Library,
    Question,
    Structure,
    answered,
    claims,
    judge,
    judge_extensions,
    read_structure,
    resources_in,
    unanswered,
)
from kontinuum.profiles.shipped import shipped
from kontinuum.store import profiles as stored
from kontinuum.store.profiles import DefinitionRow
from kontinuum.terminology import Terminology
from kontinuum.terminology.answers import NotKnown, Refused

__all__ = ["Profiles", "library_of"]

_MOST_CONCEPTS = 5_000
"""Of a larger code system no list is kept: the terminology is asked."""


class Profiles:
    """What resources can be held to in this process; it holds no patient data.

    Packages are read from the database when something asks for them, and again when `forget` is told that
    they have changed. Every method is given the connection to ask on, which may be inside a transaction.
    """

    def __init__(self) -> None:
        self._library: Library | None = None
        self._changes = 0

    def forget(self) -> None:
        """Read the packages again when they are needed next."""
        self._library = None
        self._changes += 1

    async def library(self, connection: Any) -> Library:
        """Every profile that is known."""
        library = self._library
        if library is None:
            changes = self._changes
            library = library_of(await stored.definitions(connection))
            if changes == self._changes:  # else they have changed while they were read
                self._library = library
        return library

    async def supported(self, connection: Any) -> dict[str, list[str]]:
        """The usable profiles by the type of resource that they are for."""
        library = await self.library(connection)
        found: dict[str, list[str]] = {}
        for structure in library:
            if structure.type != "Extension" and library.derived(structure).usable:
                found.setdefault(structure.type, []).append(structure.canonical)
        return {name: sorted(each) for name, each in found.items()}

    async def is_known(self, connection: Any, canonical: str) -> bool:
        """Whether a profile is known."""
        return (await self.library(connection)).find(canonical) is not None

    async def hold(self, connection: Any, resource: Mapping[str, Any]) -> list[Issue]:
        """What is wrong with a valid resource by the profiles that it, or one within it, says it follows.

        A claim of what is not known here is nobody's to judge, and is passed over.
        """
        if not any(claims(each) for _, each in resources_in(resource)):
            return []
        library = await self.library(connection)
        return await self._judged(connection, library, resource, (), warnings=False)

    async def validate(
        self, connection: Any, resource: Mapping[str, Any], profile: str | None
    ) -> list[Issue]:
        """All that can be said of a valid resource: by a profile, by its claims, of its extensions."""
        library = await self.library(connection)
        asked = () if profile is None else (profile,)
        issues = await self._judged(connection, library, resource, asked, warnings=True)
        for place, each in resources_in(resource):
            extensions = judge_extensions(each, library)
            issues += await self._told(connection, library, extensions, place, each)
            issues += _unknown_claims(library, place, each)
        return list(dict.fromkeys(issues))

    async def _judged(
        self,
        connection: Any,
        library: Library,
        resource: Mapping[str, Any],
        asked: Sequence[str],
        *,
        warnings: bool,
    ) -> list[Issue]:
        issues: list[Issue] = []
        for place, each in resources_in(resource):
            named = [*(asked if each is resource else ()), *claims(each)]
            structures = [found for one in named if (found := library.find(one)) is not None]
            if structures:
                judgement = judge(
                    each, list(dict.fromkeys(structures)), library, warnings=warnings, within=resource
                )
                issues += await self._told(connection, library, judgement, place, each)
        return issues

    async def _told(
        self,
        connection: Any,
        library: Library,
        judgement: Judgement,
        place: str,
        resource: Mapping[str, Any],
    ) -> list[Issue]:
        """A judgement with its questions answered, each issue placed in the outermost resource."""
        issues = list(judgement.issues)
        for question in judgement.questions:
            issue = await _answer(connection, library, question)
            issues += [] if issue is None else [issue]
        root = resource["resourceType"]
        if place == root:
            return issues
        return [replace(each, location=(each.location or root).replace(root, place, 1)) for each in issues]


def library_of(definitions: Sequence[DefinitionRow]) -> Library:
    """What comes with Kontinuum, and the resources of further packages."""
    structures = [structure for package in shipped() for structure in package.structures]
    others = [each for package in shipped() for each in package.resources]
    for row in definitions:
        resource = json.loads(row.body)
        if row.kind != "StructureDefinition":
            others.append(resource)
        elif isinstance(read := read_structure(resource, str(row.package)), Structure):
            structures.append(read)
    systems = (each for each in others if each["resourceType"] == "CodeSystem")
    return Library(
        structures,
        (each for each in others if each["resourceType"] == "ValueSet"),
        (each for each in systems if len(each.get("concept", ())) <= _MOST_CONCEPTS),
    )


def _unknown_claims(library: Library, place: str, resource: Mapping[str, Any]) -> list[Issue]:
    return [
        Issue(
            "warning",
            "not-found",
            f"The profile {claim} is claimed and not known here, so the resource was not held to it.",
            f"{place}.meta.profile",
        )
        for claim in claims(resource)
        if library.find(claim) is None
    ]


async def _answer(connection: Any, library: Library, question: Question) -> Issue | None:
    """What the terminology makes of a question: one code that is inside is enough."""
    terminology = Terminology(connection)
    known = library.value_set(question.value_set)
    value_set = question.value_set.partition("|")[0] if known is None else dict(known)
    why: str | None = None
    for system, code in question.codes:
        found = await terminology.validate_in(value_set, code, system=system)
        if isinstance(found, NotKnown | Refused):
            why = why or found.message
        elif found.result:
            return None
        elif system is not None:
            there = await terminology.validate(system, code)
            if isinstance(there, NotKnown) or not (there.result or there.complete):
                why = why or there.message
    return answered(question, inside=False) if why is None else unanswered(question, why)
