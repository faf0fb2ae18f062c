"""The TerminologyCapabilities of this server: http://hl7.org/fhir/R4/terminologycapabilities.html."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kontinuum import __version__
from kontinuum.fhir import json
from kontinuum.store.terminology.artifacts import ArtifactRow
from kontinuum.web.api.operation_table import OPERATIONS

_CHANGED = "2026-11-23"
_OUTSIDE = ("url", "valueSet", "valueSetVersion")


def terminology_statement(base: str, known: Sequence[ArtifactRow]) -> bytes:
    """The serialised statement; `known` are the versions of code systems that are loaded."""
    expand = next(each for each in OPERATIONS if each.name == "expand")
    statement: dict[str, Any] = {
        "resourceType": "TerminologyCapabilities",
        "status": "active",
        "date": _CHANGED,
        "kind": "instance",
        "software": {"name": "Kontinuum", "version": __version__},
        "implementation": {"description": "Kontinuum's terminology service", "url": base},
        **_code_systems(known),
        "expansion": {
            "hierarchical": True,
            "paging": True,
            "incomplete": False,
            "parameter": [
                {"name": name}
                for name, parameter in expand.parameters.items()
                if parameter.offered and name not in _OUTSIDE
            ],
            "textFilter": "Each word must begin a word of a name, or the code; else stand within a word.",
        },
        "codeSearch": "all",
        "validateCode": {"translations": True},
        "translation": {"needsMap": False},
    }
    return json.dumps(statement)


def _code_systems(known: Sequence[ArtifactRow]) -> dict[str, Any]:
    by_url: dict[str, list[ArtifactRow]] = {}
    for row in known:
        by_url.setdefault(row.url, []).append(row)
    listed = [
        {
            "uri": url,
            "version": [
                {**({"code": row.version} if row.version else {}), "compositional": False} for row in rows
            ],
            "subsumption": True,
        }
        for url, rows in by_url.items()
    ]
    return {"codeSystem": listed} if listed else {}
