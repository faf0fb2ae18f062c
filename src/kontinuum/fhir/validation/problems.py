"""What a check hands back: problems that learn their place on the way up.

A check returns None when all is well, so that valid content costs nothing. A problem starts without a place;
each level that passes it up adds its own segment. Only faulty content pays for its path.
"""

from collections.abc import Mapping
from typing import Any

from kontinuum.fhir.definitions import Invariant
from kontinuum.fhir.issues import Issue, Severity

__all__ = ["Context", "Found", "Problem", "describe", "one", "wrong_type"]


class Problem:
    """A problem and, innermost first, the element names and array indexes that lead to it."""

    __slots__ = ("code", "message", "segments", "severity")

    def __init__(self, code: str, message: str, severity: Severity = "error") -> None:
        self.severity: Severity = severity
        self.code = code
        self.message = message
        self.segments: list[str | int] = []

    def at(self, segment: str | int) -> "Problem":
        """Put the problem below an element name or an array index, and return it."""
        self.segments.append(segment)
        return self

    def issue(self, root: str) -> Issue:
        """Return the problem as an issue located from the root type: `Observation.component[0].code`."""
        parts = [root]
        for segment in reversed(self.segments):
            parts.append(f"[{segment}]" if isinstance(segment, int) else "." + _name(segment))
        return Issue(self.severity, self.code, self.message, "".join(parts))


Found = list[Problem] | None
"""What a check returns: None for "nothing wrong"."""


class Context:
    """What the checks of one resource share: contained resources, and what can only be judged at the end.

    `bundled` is whether the resource came within another one that is not its container.
    """

    __slots__ = ("bundled", "contained", "deferred", "local_references", "resource", "root", "warnings")

    def __init__(
        self, resource: Mapping[str, Any], root: Mapping[str, Any], warnings: bool, *, bundled: bool = False
    ) -> None:
        self.bundled = bundled
        self.resource = resource
        self.root = root
        self.warnings = warnings
        self.contained: dict[str, str] = _contained_types(root) if "contained" in root else {}
        self.local_references: set[str] = set()
        self.deferred: list[tuple[Any, str, tuple[Invariant, ...], Context]] = []


def one(code: str, message: str) -> list[Problem]:
    """Return a single problem of severity error."""
    return [Problem(code, message)]


def wrong_type(value: Any, wanted: str) -> list[Problem]:
    """Return the problem of a value of the wrong JSON kind, and what to do about it."""
    advice = {type(None): "leave the element out", list: "unpack the array"}.get(type(value), "write that")
    return one("structure", f"{describe(value)} stands where {wanted} is needed; {advice}")


def describe(value: Any) -> str:
    """Name the JSON kind of a value for a message: "an object", "a string", ..."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    kinds = {dict: "an object", list: "an array", str: "a string"}
    return next((name for kind, name in kinds.items() if isinstance(value, kind)), "a number")


def _name(segment: str) -> str:
    return segment if segment.isidentifier() else f"`{segment}`"


def _contained_types(root: Mapping[str, Any]) -> dict[str, str]:
    contained = root["contained"]
    if not isinstance(contained, list):
        return {}
    named = [resource for resource in contained if isinstance(resource, dict)]
    return {
        resource["id"]: str(resource.get("resourceType", ""))
        for resource in named
        if isinstance(resource.get("id"), str)
    }
