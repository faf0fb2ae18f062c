"""Profiles, tags and security labels added to a resource or taken away, as sets.

http://hl7.org/fhir/R4/resource-operation-meta-add.html and http://hl7.org/fhir/R4/resource-operation-meta-delete.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

LABELS: Final = ("profile", "security", "tag")
"""The elements of Meta that are sets."""


@dataclass(frozen=True, slots=True)
class AddLabels:
    """What `$meta-add` does: the union of what is there and `meta`. A label is known by system and code."""

    meta: dict[str, Any]

    def apply(self, resource: dict[str, Any]) -> dict[str, Any]:
        """The resource with the labels."""
        meta = dict(resource.get("meta") or {})
        for name in LABELS:
            listed = list(meta.get(name) or ())
            known = set(map(_key, listed))
            for label in self.meta.get(name) or ():
                if _key(label) not in known:
                    known.add(_key(label))
                    listed.append(label)
            if listed:
                meta[name] = listed
        return {**resource, "meta": meta}


@dataclass(frozen=True, slots=True)
class RemoveLabels:
    """What `$meta-delete` does: the labels of `meta` go; one that is not there is as absent as is wished."""

    meta: dict[str, Any]

    def apply(self, resource: dict[str, Any]) -> dict[str, Any]:
        """The resource without the labels."""
        meta = dict(resource.get("meta") or {})
        for name in LABELS:
            unwanted = set(map(_key, self.meta.get(name) or ()))
            kept = [label for label in meta.pop(name, None) or () if _key(label) not in unwanted]
            if kept:
                meta[name] = kept
        return {**resource, "meta": meta}


def _key(label: Any) -> tuple[Any, Any]:
    return (label.get("system"), label.get("code")) if isinstance(label, dict) else (None, label)
