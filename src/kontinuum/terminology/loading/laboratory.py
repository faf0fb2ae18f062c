"""LOINC's csv (https://loinc.org/kb/users-guide/loinc-database-structure/) and NPU's (https://www.npu-terminology.org)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kontinuum.sweden import systems
from kontinuum.terminology.catalog import natural
from kontinuum.terminology.content import CodeSystem, Concept, ContentError, Name
from kontinuum.terminology.loading.tables import Advance, File, files, rows

LOINC = {
    "code": ("loinc_num",),
    "long": ("long_common_name",),
    "component": ("component",),
    "property": ("property",),
    "time": ("time_aspct",),
    "system": ("system",),
    "scale": ("scale_typ",),
    "method": ("method_typ",),
    "class": ("class",),
    "status": ("status",),
    "short": ("shortname",),
    "related": ("relatednames2",),
    "changed": ("versionlastchanged",),
}
_LOINC_PROPERTIES = {
    "COMPONENT": "component",
    "PROPERTY": "property",
    "TIME_ASPCT": "time",
    "SYSTEM": "system",
    "SCALE_TYP": "scale",
    "METHOD_TYP": "method",
    "CLASS": "class",
    "STATUS": "status",
}

NPU = {
    "code": ("npu code", "npu-kod", "npukod", "npu_code", "kod", "code"),
    "name": ("short definition", "kortnamn", "short name", "rapportnamn", "namn", "name", "full definition"),
    "long": ("full name", "långt namn", "definition", "full definition", "systematiskt namn"),
    "unit": ("unit", "enhet", "enhetstext"),
    "status": ("active", "status", "aktiv"),
}
_INACTIVE = {"0", "n", "no", "nej", "inactive", "inaktiv", "retired", "false"}


def read_loinc(path: Path, version: str | None, advance: Advance) -> CodeSystem:
    """LOINC from `Loinc.csv`, alone or in the release's folder or .zip; the newest change is its version."""
    file = _only(path, "loinc.csv")
    concepts = []
    newest = ""
    for row in rows(file, LOINC, ("code", "component"), advance):
        names = [Name("en", "synonym", row["short"])] if row["short"] else []
        related = (each.strip() for each in row["related"].split(";"))
        names += (Name("en", "related", each) for each in related if each)
        properties: dict[str, list[Any]] = {
            name: [row[column]] for name, column in _LOINC_PROPERTIES.items() if row[column]
        }
        newest = max(newest, row["changed"], key=natural)
        active = row["status"].upper() not in ("DEPRECATED", "DISCOURAGED")
        concepts.append(Concept(row["code"], row["long"] or row["component"], (), names, properties, active))
    return CodeSystem(
        systems.LOINC,
        _version(path, version, newest),
        "LOINC",
        "LOINC",
        concepts,
        language="en",
        publisher="Regenstrief Institute",
        copyright="LOINC is copyright Regenstrief Institute, see https://loinc.org/license.",
        properties=dict.fromkeys(_LOINC_PROPERTIES, "string"),
        case_sensitive=False,
    )


def read_npu(path: Path, version: str | None, advance: Advance) -> CodeSystem:
    """NPU from its table of codes."""
    concepts = []
    for row in rows(_only(path, ".csv", ".txt", ".tsv"), NPU, ("code", "name"), advance):
        names = [Name("", "fully-specified", row["long"])] if row["long"] not in ("", row["name"]) else []
        properties: dict[str, list[Any]] = {"unit": [row["unit"]]} if row["unit"] else {}
        active = row["status"].lower() not in _INACTIVE
        concepts.append(Concept(row["code"], row["name"], (), names, properties, active))
    return CodeSystem(
        systems.NPU,
        _version(path, version, ""),
        "NPU",
        "NPU",
        concepts,
        language="",
        publisher="NPU",
        properties={"unit": "string"},
    )


def _only(path: Path, *suffixes: str) -> File:
    found = files(path, *suffixes)
    if len(found) > 1:  # the release has the same table as an accessory, too
        found = [min(found, key=lambda each: (each.name.count("/"), each.name))]
    if not found:
        raise ContentError(f"{path}: holds no {' or '.join(suffixes)}.")
    return found[0]


def _version(path: Path, given: str | None, in_file: str) -> str:
    if given or in_file:
        return given or in_file
    raise ContentError(f"{path}: the file does not say which version it is; give --version.")
