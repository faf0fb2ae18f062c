"""Fixed values and patterns.

http://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.pattern_x_
"""

from __future__ import annotations

from typing import Any

from kontinuum.fhir import json
from kontinuum.fhir.profiles.nodes import Value

__all__ = ["agrees", "shown"]


def agrees(value: Any, wanted: Value) -> bool:
    """Whether a value equals what is fixed, or holds everything that the pattern has."""
    return bool(value == wanted.value) if wanted.kind == "fixed" else _holds(value, wanted.value)


def _holds(value: Any, pattern: Any) -> bool:
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(
            name in value and _holds(value[name], part) for name, part in pattern.items()
        )
    if isinstance(pattern, list):
        return isinstance(value, list) and all(any(_holds(each, part) for each in value) for part in pattern)
    return bool(value == pattern) and isinstance(value, bool) == isinstance(pattern, bool)


def shown(value: Any) -> str:
    """A value for a message: its JSON, not too long."""
    text = json.dumps(value).decode()
    return text if len(text) <= 120 else f"{text[:117]}…"
