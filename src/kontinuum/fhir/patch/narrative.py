"""What becomes of narrative when the data beside it change.

http://hl7.org/fhir/R4/http.html#patch: after a patch the narrative must not be clinically unsafe, that is,
say something else than the data. Text that was generated from the data can be made again and is taken out;
text that somebody has written says more than the data, so whoever changes them says what it shall be.
"""

from __future__ import annotations

from typing import Any

from kontinuum.fhir.issues import Issue

_BESIDE_DATA = ("id", "meta", "text", "language", "implicitRules")


def settle(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any] | Issue:
    """The changed resource with narrative that still holds, or why that cannot be told."""
    text = after.get("text")
    if not isinstance(text, dict) or text != before.get("text") or _data(before) == _data(after):
        return after
    if text.get("status") == "generated":
        return {name: value for name, value in after.items() if name != "text"}
    if text.get("status") == "empty":
        return after
    return Issue(
        "error",
        "business-rule",
        "The resource has narrative that was written by somebody and may say what the patch changes: "
        "replace or remove `text` in the same patch.",
        f"{after.get('resourceType')}.text",
    )


def _data(resource: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if name not in _BESIDE_DATA}
