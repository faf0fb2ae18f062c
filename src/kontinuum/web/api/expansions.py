"""An expansion as a ValueSet resource: http://hl7.org/fhir/R4/valueset.html#expansion."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from kontinuum.terminology import Branch, Expansion, Page


def expansion_resource(found: Expansion, page: Page, moment: str, designations: bool) -> dict[str, Any]:
    """The ValueSet with the expansion; `moment` is when it was made, as an instant."""
    identity: dict[str, Any] = {"url": found.url} if found.url else {}
    if found.version:
        identity["version"] = found.version
    expansion: dict[str, Any] = {"identifier": f"urn:uuid:{uuid.uuid4()}", "timestamp": moment}
    if found.total is not None:
        expansion["total"] = found.total
    expansion["offset"] = found.offset
    parameters = list(_parameters(found, page))
    if parameters:
        expansion["parameter"] = parameters
    contains = [_contains(branch, designations) for branch in found.concepts]
    if contains:
        expansion["contains"] = contains
    return {"resourceType": "ValueSet", **identity, "status": "active", "expansion": expansion}


def _parameters(found: Expansion, page: Page) -> Iterable[dict[str, Any]]:
    if page.filter is not None:
        yield {"name": "filter", "valueString": page.filter}
    if page.count is not None:
        yield {"name": "count", "valueInteger": page.count}
    if page.active_only:
        yield {"name": "activeOnly", "valueBoolean": True}
    if page.language is not None:
        yield {"name": "displayLanguage", "valueCode": page.language}
    for system in found.systems:
        yield {"name": "version", "valueUri": system}
    for system in found.fragments:
        yield {"name": "fragment", "valueUri": system}


def _contains(branch: Branch, designations: bool) -> dict[str, Any]:
    coded = branch.coded
    entry: dict[str, Any] = {"system": coded.system}
    if not coded.selectable:
        entry["abstract"] = True
    if not coded.active:
        entry["inactive"] = True
    if coded.version:
        entry["version"] = coded.version
    entry["code"] = coded.code
    entry["display"] = coded.display
    if designations and coded.names:
        entry["designation"] = [
            {
                **({"language": name.language} if name.language else {}),
                **({"use": {"code": name.use}} if name.use else {}),
                "value": name.text,
            }
            for name in coded.names
        ]
    if branch.below:
        entry["contains"] = [_contains(below, designations) for below in branch.below]
    return entry
