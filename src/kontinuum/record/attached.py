"""The documents that belong to a note, with their content: what is decided about the note holds for them.

A note refers to its files from the headings that they stand under (Composition.section.entry); each is a
DocumentReference that names the note (context.related), and its content is a Binary
(http://hl7.org/fhir/R4/binary.html). What a note only mentions is an entry of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from kontinuum.fhir import json
from kontinuum.fhir.definitions import RESOURCE_TYPES
from kontinuum.record.reading import split
from kontinuum.store.resources import read as reads
from kontinuum.store.resources.rows import ResourceRow


@dataclass(frozen=True, slots=True)
class Attached:
    """A document of a note, or the content of one; `document` is the document's reference."""

    row: ResourceRow
    resource: dict[str, Any]
    document: str

    @property
    def type(self) -> str:
        """DocumentReference or Binary."""
        return RESOURCE_TYPES[self.row.type - 1]


async def attached(connection: Any, entry: dict[str, Any], patient: str | None) -> list[Attached]:
    """The documents of a note and the content of each; of a document its content.

    What is filed with another patient is left out.
    """
    documents: list[Attached] = []
    contents: dict[str, str] = {}
    if entry.get("resourceType") == "DocumentReference":
        contents = dict.fromkeys(_contents(entry), f"DocumentReference/{entry.get('id')}")
    elif entry.get("resourceType") == "Composition":
        named = await _read(connection, {one: one for one in _documents(entry)}, patient)
        documents = [one for one in named if _belongs(one.resource, f"Composition/{entry.get('id')}")]
        contents = {content: one.document for one in documents for content in _contents(one.resource)}
    return [*documents, *await _read(connection, contents, patient)]


async def _read(connection: Any, wanted: dict[str, str], patient: str | None) -> list[Attached]:
    pairs = {pair: wanted[text] for text in sorted(wanted) if (pair := split(text))}
    rows: Iterable[ResourceRow] = await reads.read_many(connection, list(pairs)) if pairs else ()
    return [
        Attached(row, json.loads(row.body), pairs[row.type, row.id])
        for row in rows
        if row.body is not None and row.patient == patient
    ]


def _belongs(document: dict[str, Any], note: str) -> bool:
    related = (document.get("context") or {}).get("related") or ()
    return any(one.get("reference") == note for one in related)


def _documents(part: dict[str, Any]) -> Iterator[str]:
    for section in part.get("section") or ():
        for entry in section.get("entry") or ():
            reference = str(entry.get("reference", ""))
            if reference.startswith("DocumentReference/"):
                yield reference
        yield from _documents(section)


def _contents(document: dict[str, Any]) -> Iterator[str]:
    for content in document.get("content") or ():
        url = str((content.get("attachment") or {}).get("url") or "")
        if url.startswith("Binary/"):
            yield url
