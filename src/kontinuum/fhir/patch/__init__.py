"""Patches: a change of a resource instead of the resource (http://hl7.org/fhir/R4/http.html#patch).

A patch is parsed once and then applied to the resource as it stands; nothing is changed in place.
What comes out is validated and written as any update is.
"""

from __future__ import annotations

from typing import Any

from kontinuum.fhir.issues import Issue
from kontinuum.fhir.patch.fhirpath_patch import FhirPathPatch, parse_fhirpath_patch
from kontinuum.fhir.patch.json_patch import JsonPatch, parse_json_patch
from kontinuum.fhir.patch.labels import AddLabels, RemoveLabels
from kontinuum.fhir.patch.narrative import settle

Patch = JsonPatch | FhirPathPatch | AddLabels | RemoveLabels

_FIXED = ("resourceType", "id")


def apply_patch(patch: Patch, resource: dict[str, Any]) -> dict[str, Any] | Issue:
    """The resource as a patch leaves it, or why the patch does not fit it.

    It is still the same resource: type and id stay. Narrative that would no longer say what the data say is
    taken out or refused (`narrative.py`).
    """
    try:
        changed = patch.apply(resource)
    except RecursionError:
        return Issue("error", "too-costly", "The patch or the resource is nested too deeply.")
    if isinstance(changed, Issue):
        return changed
    for name in _FIXED:
        if changed.get(name) != resource.get(name):
            return Issue(
                "error", "business-rule", f"A patch cannot change {name}: it is what the address names.", name
            )
    return settle(resource, changed)


__all__ = [
    "AddLabels",
    "FhirPathPatch",
    "JsonPatch",
    "Patch",
    "RemoveLabels",
    "apply_patch",
    "parse_fhirpath_patch",
    "parse_json_patch",
]
