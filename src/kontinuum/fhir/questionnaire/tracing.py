"""From what was extracted back to the heading of the note under which its answers stand. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from kontinuum.fhir.questionnaire.extracting import extracted_id

_MOST: Final = 20
"""Of so many resources from one place of a form the heading is told."""


def sections_of(
    note: Mapping[str, Any], response: Mapping[str, Any], made: Sequence[Mapping[str, Any]]
) -> list[int | None]:
    """For each resource that was extracted from a response, the number of the note's section of its answers.

    None where that cannot be told for certain: from the form as a whole, from answers that no section shows,
    or where several headings are called the same.
    """
    items = response.get("item") or ()
    kinds = {one["resourceType"] for one in made}
    origins = {
        extracted_id(str(response.get("id")), kind, link, number): item
        for item in items
        for link in _links(item)
        for kind in kinds
        for number in range(1, _MOST + 1)
    }
    asked = [_title(one.get("text")) for one in items]
    written = [_title(one.get("title")) for one in note.get("section") or ()]

    def section(one: Mapping[str, Any]) -> int | None:
        item = origins.get(str(one.get("id")), {})
        # A score that stands beside the headings has answers from below all of them as its parts.
        if one.get("component") and not item.get("item"):
            return None
        title = _title(item.get("text"))
        told = title and asked.count(title) == written.count(title) == 1
        return written.index(title) if told else None

    return [section(one) for one in made]


def _links(item: Mapping[str, Any]) -> Iterator[str]:
    yield str(item.get("linkId"))
    for holder in (item, *(item.get("answer") or ())):
        for one in holder.get("item") or ():
            yield from _links(one)


def _title(text: object) -> str:
    return str(text or "").strip().removesuffix(":")
