"""SNOMED CT's Release Format 2, snapshot: https://docs.snomed.org/snomed-ct-specifications/snomed-ct-release-file-specifications.

Concepts, descriptions with the language reference sets, the is-a relationships and simple reference sets, of
one folder or .zip, which may hold the international edition beside an extension.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kontinuum.sweden import systems
from kontinuum.terminology.content import CodeSystem, Concept, ContentError, Name
from kontinuum.terminology.loading.tables import Advance, File, Row, files, rows

FSN = "900000000000003001"
IS_A = "116680003"
PREFERRED = "900000000000548007"
SWEDISH = "46011000052107"
"""Language reference set of the Swedish edition."""
ENGLISH = ("900000000000509007", "900000000000508004")

INTERNATIONAL = "900000000000207008"
EDITIONS = {"SE1000052": "45991000052106", "INT": INTERNATIONAL}
_STAMP = re.compile(r"_(?P<space>[A-Z]{2,3}\d*)_(?P<date>\d{8})\.txt$")
_SEMANTIC_TAG = re.compile(r"\(([^()]+)\)$")


@dataclass(slots=True)
class _Terms:
    """The descriptions of one concept: (id, language, type, term)."""

    listed: list[tuple[str, str, str, str]] = field(default_factory=list)


def read_snomed(path: Path, version: str | None, advance: Advance) -> CodeSystem:
    """A snapshot as a code system; a display is the Swedish preferred term, else the English one."""
    found = [each for each in files(path, ".txt") if "Snapshot" in each.name]
    concepts = {
        row["id"]: Concept(row["id"], "", [], active=row["active"] == "1")
        for row in _rows(found, "sct2_Concept_", ("id", "active"), advance)
    }
    if not concepts:
        raise ContentError(
            f"{path}: holds no sct2_Concept_Snapshot file; name a folder or .zip with a snapshot."
        )
    _relate(found, concepts, advance)
    preferred = _preferences(found, advance)
    _name(found, concepts, preferred, advance)
    _add_to_sets(found, concepts, advance)
    return CodeSystem(
        systems.SNOMED_CT,
        version or _version(path, found),
        "SNOMED_CT",
        "SNOMED CT",
        list(concepts.values()),
        publisher="SNOMED International",
        copyright="SNOMED CT is copyright SNOMED International; in Sweden licensed by Socialstyrelsen.",
        properties={"semanticTag": "string"},
    )


def _rows(found: list[File], prefix: str, required: tuple[str, ...], advance: Advance) -> Iterator[Row]:
    names = "id active conceptid languagecode typeid term sourceid destinationid refsetid".split()
    columns = {name: (name,) for name in (*names, "referencedcomponentid", "acceptabilityid")}
    for file in found:
        if file.name.rsplit("/", 1)[-1].startswith(prefix):
            yield from rows(file, columns, required, advance, separator="\t", quoted=False)


def _relate(found: list[File], concepts: dict[str, Concept], advance: Advance) -> None:
    needed = ("id", "active", "sourceid", "destinationid", "typeid")
    for row in _rows(found, "sct2_Relationship_", needed, advance):
        if row["active"] != "1" or row["typeid"] != IS_A:
            continue
        for column in ("sourceid", "destinationid"):
            if row[column] not in concepts:
                advice = "the release it depends on is missing; put both in one folder."
                raise row.fault(column, f"the concept {row[column]} is not in the snapshot: {advice}")
        child = concepts[row["sourceid"]]
        child.parents = [*child.parents, row["destinationid"]]


def _preferences(found: list[File], advance: Advance) -> dict[str, set[str]]:
    """The ids of the preferred descriptions, by language reference set."""
    preferred: dict[str, set[str]] = {}
    needed = ("id", "active", "refsetid", "referencedcomponentid", "acceptabilityid")
    for row in _rows(found, "der2_cRefset_Language", needed, advance):
        if row["active"] == "1" and row["acceptabilityid"] == PREFERRED:
            preferred.setdefault(row["refsetid"], set()).add(row["referencedcomponentid"])
    return preferred


def _name(
    found: list[File], concepts: dict[str, Concept], preferred: dict[str, set[str]], advance: Advance
) -> None:
    terms: dict[str, _Terms] = {}
    needed = ("id", "active", "conceptid", "languagecode", "typeid", "term")
    for row in _rows(found, "sct2_Description_", needed, advance):
        if row["active"] == "1":
            description = (row["id"], row["languagecode"], row["typeid"], row["term"])
            terms.setdefault(row["conceptid"], _Terms()).listed.append(description)
    order = [preferred.get(SWEDISH, set()), *(preferred.get(each, set()) for each in ENGLISH)]
    for code, concept in concepts.items():
        listed = terms.pop(code, _Terms()).listed
        chosen = _display(listed, order)
        concept.display = chosen[3] if chosen else code
        for description in listed:
            _, language, kind, term = description
            if kind == FSN and language == "en" and (tag := _SEMANTIC_TAG.search(term)):
                concept.properties["semanticTag"] = [tag[1]]
            if description is not chosen:
                use = "fully-specified" if kind == FSN else "synonym"
                if use == "synonym" and any(description[0] in ids for ids in order):
                    use = "preferred"
                concept.names.append(Name(language, use, term))


def _display(
    listed: list[tuple[str, str, str, str]], order: list[set[str]]
) -> tuple[str, str, str, str] | None:
    for ids in order:
        for description in listed:
            if description[2] != FSN and description[0] in ids:
                return description
    synonyms = [each for each in listed if each[2] != FSN]
    return next(iter(synonyms or listed), None)


def _add_to_sets(found: list[File], concepts: dict[str, Concept], advance: Advance) -> None:
    needed = ("id", "active", "refsetid", "referencedcomponentid")
    for row in _rows(found, "der2_Refset_Simple", needed, advance):
        member = concepts.get(row["referencedcomponentid"])
        if row["active"] == "1" and member is not None and row["refsetid"] in concepts:
            member.sets = [*member.sets, row["refsetid"]]


def _version(path: Path, found: list[File]) -> str:
    """The version as a URI: the edition and date that the files' names tell; an extension goes first."""
    stamps = {
        (match["space"], match["date"])
        for each in found
        if "sct2_Concept_" in each.name and (match := _STAMP.search(each.name))
    }
    known = sorted((space == "INT", space, date) for space, date in stamps if space in EDITIONS)
    if not known:
        raise ContentError(
            f"{path}: the names of the files do not tell edition and date; give --version, such as "
            "http://snomed.info/sct/45991000052106/version/20261130."
        )
    _, space, date = known[0]
    return f"{systems.SNOMED_CT}/{EDITIONS[space]}/version/{date}"
