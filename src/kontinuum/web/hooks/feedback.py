"""What became of cards, as a system tells it (https://cds-hooks.hl7.org/2.0/#feedback)."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

_MOST: Final = 100


def read_feedback(body: Any) -> list[str] | str:
    """A line for each card: which, accepted or overridden, and the code of the reason; or what is wrong.

    Comments are not kept: they may tell of a patient, of whom this log entry is not.
    """
    found = body.get("feedback") if isinstance(body, dict) else None
    if not isinstance(found, list) or not 0 < len(found) <= _MOST:
        return f"Send `feedback`, a list of 1 to {_MOST} objects."
    lines = []
    for each in found:
        card = each.get("card") if isinstance(each, dict) else None
        outcome = each.get("outcome") if isinstance(each, dict) else None
        if not _is_uuid(card) or outcome not in ("accepted", "overridden"):
            return "Each must have `card`, the uuid of a card, and `outcome`: accepted or overridden."
        reason = (each.get("overrideReason") or {}) if isinstance(each.get("overrideReason"), dict) else {}
        code = reason.get("reason", {}).get("code", "") if isinstance(reason.get("reason"), dict) else ""
        lines.append(f"card/{card} {outcome} {str(code)[:64]}".strip())
    return lines


def _is_uuid(value: Any) -> bool:
    try:
        return isinstance(value, str) and len(value) <= 50 and bool(UUID(value))
    except ValueError:
        return False
