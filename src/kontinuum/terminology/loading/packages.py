"""FHIR resources from files: one JSON resource, a Bundle, a folder of them, or a package (.tgz).

https://hl7.org/fhir/packages.html
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kontinuum.fhir import json
from kontinuum.fhir.validation import validate
from kontinuum.terminology.content import ContentError
from kontinuum.terminology.loading.tables import Advance
from kontinuum.terminology.resources import TYPES, faults


def read_fhir(path: Path, advance: Advance) -> list[dict[str, Any]]:
    """The valid CodeSystems, ValueSets and ConceptMaps at a path; what else is there is passed over.

    Raises ContentError with the file and place of the first fault: nothing is loaded then.
    """
    found = [resource for name, text in _texts(path, advance) for resource in _resources(name, text)]
    if not found:
        raise ContentError(f"{path}: holds no CodeSystem, ValueSet or ConceptMap.")
    return found


def _texts(path: Path, advance: Advance) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        for each in sorted(path.rglob("*.json")):
            advance(each.stat().st_size)
            yield str(each), each.read_bytes()
    elif path.name.endswith((".tgz", ".tar.gz")):
        try:
            with tarfile.open(path, "r:gz") as archive:
                for member in archive:
                    file = archive.extractfile(member) if member.isfile() else None
                    if file is not None and member.name.endswith(".json"):
                        yield f"{path}!{member.name}", file.read()
        except (tarfile.TarError, EOFError) as error:
            raise ContentError(
                f"{path}: not a package that can be read ({error}); fetch it again."
            ) from error
        advance(path.stat().st_size)
    else:
        advance(path.stat().st_size)
        yield str(path), path.read_bytes()


def _resources(name: str, text: bytes) -> Iterator[dict[str, Any]]:
    try:
        resource = json.loads(text)
    except json.JsonError as error:
        raise ContentError(f"{name}: {error}.") from error
    if not isinstance(resource, dict):
        return
    if resource.get("resourceType") == "Bundle":
        inner = [each.get("resource") for each in resource.get("entry", [])]
    else:
        inner = [resource]
    for each in inner:
        if not isinstance(each, dict) or each.get("resourceType") not in TYPES:
            continue
        issues = [issue for issue in validate(each) if issue.refuses] or faults(each)
        if issues:
            place = issues[0].location or each["resourceType"]
            raise ContentError(f"{name}, {place}: {issues[0].message}")
        yield each
