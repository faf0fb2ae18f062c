"""What a service offers and wants to have along with a question: its templates, filled in for one question.

https://cds-hooks.hl7.org/2.0/#discovery and #prefetch-template
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_ID: Final = re.compile(r"[A-Za-z0-9._\-]{1,100}")
_TOKEN: Final = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_VALUE: Final = re.compile(r"[A-Za-z0-9\-._/]{1,200}")
_QUERY: Final = re.compile(r"[A-Z][A-Za-z]+(/[A-Za-z0-9\-.]{1,64}|\?[^#]+)")
_MOST: Final = 50


@dataclass(frozen=True, slots=True)
class Offered:
    """A service as its discovery describes it."""

    id: str
    hook: str
    title: str
    description: str
    prefetch: Mapping[str, str] = field(default_factory=dict)


def read_offered(answer: Any) -> list[Offered] | str:
    """The services of a discovery, or what is wrong with it."""
    found = answer.get("services") if isinstance(answer, dict) else None
    if not isinstance(found, list) or len(found) > _MOST or "\\x00" in repr(found):
        return f"The address answers no list `services` of {_MOST} at most, without U+0000."
    offered = []
    for each in found:
        if not isinstance(each, dict):
            return "Each service must be an object."
        name, hook, prefetch = each.get("id"), each.get("hook"), each.get("prefetch") or {}
        if not isinstance(name, str) or _ID.fullmatch(name) is None or not isinstance(hook, str):
            return (
                "Each service must have an id of letters, digits, dots, hyphens and underscores, and a hook."
            )
        texts = isinstance(prefetch, dict) and all(isinstance(one, str) for one in prefetch.values())
        if not texts or len(prefetch) > _MOST:
            return f"{name}: prefetch must be templates by name."
        title, description = (str(each.get(key) or "")[:2000] for key in ("title", "description"))
        offered.append(Offered(name, hook, title or name, description, prefetch))
    return offered


def fill(template: str, context: Mapping[str, Any], user: str) -> str | None:
    """The read or search that a template stands for, such as `Patient/p-1`; None when it cannot be told.

    Tokens are the texts of the context (`{{context.patientId}}`) and the ids of the user by the type that the
    user is (`{{userPractitionerId}}`).
    """
    type_name, _, identity = user.partition("/")
    known = {f"context.{name}": value for name, value in context.items() if isinstance(value, str)}
    known[f"user{type_name}Id"] = identity
    values = [known.get(token, "") for token in _TOKEN.findall(template)]
    if not all(_VALUE.fullmatch(value) for value in values):
        return None
    left = iter(values)
    query = _TOKEN.sub(lambda _: next(left), template)
    return query if _QUERY.fullmatch(query) and "{{" not in query else None
