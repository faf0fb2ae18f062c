"""The starter sets that come with the package: enough to work with before a region loads whole releases.

Selections made by hand: codes and short texts are facts of the classifications named in `SYSTEMS`, everyday
names and the selection are ours. Each is a fragment: that a code is missing does not mean that it does not
exist.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from kontinuum.sweden import systems
from kontinuum.terminology.content import CodeSystem, Concept, ConceptMap, Name, ValueSet
from kontinuum.terminology.loading.classifications import (
    Codes,
    Parent,
    atc_parent,
    icd_parent,
    shorter_parent,
)

VERSION = "starter-2026-11"
LOCAL_ANALYSES = "urn:kontinuum:codes:analysis"
ALERT_TYPES = "urn:kontinuum:codes:alert-type"
DIAGNOSES = "urn:kontinuum:valueset:diagnosis"
MEASURES = "urn:kontinuum:valueset:measure"
SUBSTANCES = "urn:kontinuum:valueset:substance"
ANALYSES = "urn:kontinuum:valueset:analysis"
VACCINES = "urn:kontinuum:valueset:vaccine"
ALERTS = "urn:kontinuum:valueset:alert-type"

SYSTEMS: dict[str, tuple[str, str, str, Parent]] = {
    "icd-10-se": (systems.ICD_10_SE, "ICD-10-SE", "Socialstyrelsen, ICD-10-SE", icd_parent),
    "kva": (systems.KVA, "KVA", "Socialstyrelsen, Klassifikation av vårdåtgärder (KVÅ)", shorter_parent),
    "atc": (systems.ATC, "ATC", "WHO Collaborating Centre for Drug Statistics Methodology, ATC", atc_parent),
    "alerts": (
        ALERT_TYPES,
        "AlertType",
        "Kontinuum",
        icd_parent,
    ),
}
_VALUE_SETS = (
    (DIAGNOSES, "Diagnoser", {"system": systems.ICD_10_SE}),
    (MEASURES, "Vårdåtgärder", {"system": systems.KVA}),
    (SUBSTANCES, "Läkemedelssubstanser", {"system": systems.ATC}),
    (ALERTS, "Uppmärksamhetssignaler", {"system": ALERT_TYPES}),
)
_LINE = "\t"


def contents() -> Iterator[CodeSystem | ValueSet | ConceptMap]:
    """Everything that the starter sets hold."""
    for name, (url, short, publisher, parent) in SYSTEMS.items():
        yield _system(name, url, short, publisher, parent)
    yield from _analyses()
    for url, title, include in _VALUE_SETS:
        yield _value_set(url, title, [include])
    analyses = [{"system": systems.NPU}, {"system": LOCAL_ANALYSES}]
    yield _value_set(ANALYSES, "Laboratorieanalyser", analyses)
    vaccines = {
        "system": systems.ATC,
        "filter": [{"property": "concept", "op": "descendent-of", "value": "J07"}],
    }
    yield _value_set(VACCINES, "Vacciner", [vaccines])


@cache
def fingerprint() -> bytes:
    """Of all files of the starter sets."""
    digest = hashlib.sha256()
    for name in (*SYSTEMS, "analyses"):
        digest.update(_text(name).encode())
    return digest.digest()


@cache
def everyday_names(url: str) -> dict[str, tuple[Name, ...]]:
    """What people call the concepts of a system, by code."""
    found: dict[str, tuple[Name, ...]] = {}
    for name, (of_system, _, _, _) in SYSTEMS.items():
        if of_system == url:
            found |= {code: tuple(names) for code, _, names in _lines(name) if names}
    return found


def _text(name: str) -> str:
    suffix = "toml" if name == "analyses" else "tsv"
    return files("kontinuum.terminology").joinpath("data", f"{name}.{suffix}").read_text("utf-8")


def _lines(name: str) -> Iterator[tuple[str, str, list[Name]]]:
    """Code, text and everyday names of each line; lines that begin with # are remarks."""
    for line in _text(name).splitlines():
        if line and not line.startswith("#"):
            code, text, *more = line.split(_LINE)
            names = [Name("sv", "everyday", each) for each in (more[0].split("|") if more else ())]
            yield code, text, names


def _system(name: str, url: str, short: str, publisher: str, parent: Parent) -> CodeSystem:
    listed = list(_lines(name))
    codes = Codes(code for code, _, _ in listed)
    concepts = []
    for code, text, names in listed:
        above = parent(code, codes)
        concepts.append(Concept(code, text, (above,) if above else (), names))
    trust = "complete" if url == ALERT_TYPES else "fragment"
    return CodeSystem(url, VERSION, short, short, concepts, content=trust, publisher=publisher)


@cache
def analyses() -> dict[str, dict[str, Any]]:
    """The laboratory's analyses: name, unit, UCUM code, reference interval, NPU code where it is certain."""
    found: dict[str, dict[str, Any]] = tomllib.loads(_text("analyses"))["analysis"]
    return found


def _analyses() -> Iterator[CodeSystem]:
    """The analyses under their NPU codes, and those whose NPU code is not certain under codes of our own."""
    npu: list[Concept] = []
    own: list[Concept] = []
    for key, row in analyses().items():
        names = [Name("sv", "everyday", each) for each in row.get("also", ())]
        properties = {name: [str(row[name])] for name in _ANALYSIS if name in row}
        concept = Concept(row.get("npu", key), row["name"], (), names, properties)
        (npu if "npu" in row else own).append(concept)
    types = dict.fromkeys(_ANALYSIS, "string")
    yield CodeSystem(
        systems.NPU, VERSION, "NPU", "NPU", npu, content="fragment", publisher="NPU", properties=types
    )
    yield CodeSystem(
        LOCAL_ANALYSES,
        VERSION,
        "Analysis",
        "Analyser utan säker NPU-kod",
        own,
        publisher="Kontinuum",
        properties=types,
    )


_ANALYSIS = ("unit", "ucum", "low", "high", "low-male", "high-male", "note")


def _value_set(url: str, title: str, include: list[dict[str, Any]]) -> ValueSet:
    return ValueSet(url, VERSION, url.rsplit(":", 1)[-1].replace("-", "_"), title, {"include": include})
