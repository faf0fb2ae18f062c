"""Words of a note that were copied from an earlier one, marked on the heading under which they stand. Pure.

An extension of ours on Composition.section (http://hl7.org/fhir/R4/composition.html), one for each question
whose answer is a copy: the version of the note it comes from, and which question it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

COPIED_FROM: Final = "urn:kontinuum:structure:copied-from"


@dataclass(frozen=True, slots=True)
class Copied:
    """An answer that is a copy.

    `note` is a versioned reference; `said` tells people when it was written, by whom and where; `item` is the
    place of the question in its form, `label` what the question is called.
    """

    note: str
    said: str
    item: str
    label: str

    def extension(self) -> dict[str, Any]:
        """As it stands on a section."""
        return {
            "url": COPIED_FROM,
            "extension": [
                {"url": "source", "valueReference": {"reference": self.note, "display": self.said}},
                {"url": "item", "valueString": self.item},
                {"url": "label", "valueString": self.label},
            ],
        }


def copies(extensions: Iterable[Mapping[str, Any]]) -> Iterator[Copied]:
    """What the extensions of a section tell of copies."""
    for one in extensions:
        if one.get("url") == COPIED_FROM:
            parts = {part.get("url"): part for part in one.get("extension") or ()}
            source = parts.get("source", {}).get("valueReference") or {}
            texts = [str(parts.get(name, {}).get("valueString", "")) for name in ("item", "label")]
            yield Copied(str(source.get("reference", "")), str(source.get("display", "")), *texts)


def told(extensions: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """For each note that was copied from what is said of it, and the questions whose answers are copies."""
    found: dict[str, list[str]] = {}
    for one in copies(extensions):
        found.setdefault(one.said, []).append(one.label)
    return [(said, ", ".join(labels)) for said, labels in found.items()]
