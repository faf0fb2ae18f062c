"""What belongs to a note: its files, the answers behind it and what was extracted from them.

What is decided about the note holds for them. A note refers to its files from the headings that they stand
under (Composition.section.entry); each is a DocumentReference that names the note (context.related), and its
content is a Binary (http://hl7.org/fhir/R4/binary.html). The QuestionnaireResponse behind a note has the
note's id; a Provenance, whose id follows from it, names what was extracted
(https://hl7.org/fhir/uv/sdc/extraction.html). What a note only mentions is an entry of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from kontinuum.access.kept_back import INLINE_LABEL, NO_PATIENT, labels
from kontinuum.fhir import json
from kontinuum.fhir.definitions import RESOURCE_TYPES
from kontinuum.fhir.questionnaire import extracted_id, sections_of
from kontinuum.record.reading import split
from kontinuum.store.resources import read as reads
from kontinuum.store.resources.rows import ResourceRow

_RESPONSE: Final = "QuestionnaireResponse"


@dataclass(frozen=True, slots=True)
class Attached:
    """Something that belongs to a note.

    `document` is the reference of the document that it is or is the content of; empty for answers and what
    was extracted from them. Of the latter `section` is the number of the note's section where the answers
    stand, None where that cannot be told.
    """

    row: ResourceRow
    resource: dict[str, Any]
    document: str = ""
    section: int | None = None

    @property
    def type(self) -> str:
        """Of which resource type it is."""
        return RESOURCE_TYPES[self.row.type - 1]

    @property
    def reference(self) -> str:
        """`Type/id`."""
        return f"{self.type}/{self.row.id}"

    @property
    def is_extracted(self) -> bool:
        """Whether it is a value, a diagnosis or the like that follows from the answers."""
        return not self.document and self.type not in (_RESPONSE, "Provenance")

    def labels_from(self, note: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The labels of its note that hold for it too."""
        if self.document:
            return labels_over_document(note, self.document)
        return labels_over(note, self.section)


def labels_over(note: Mapping[str, Any], section: int | None) -> list[dict[str, Any]]:
    """The labels of a note that hold for what stands under one of its sections; None: under any of them."""
    sections = note.get("section") or []
    under = sections if section is None else sections[section : section + 1]
    return [*whole_labels(note), *labels({"section": under})]


def whole_labels(resource: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The labels by which a whole resource is kept back from the patient."""
    found = (resource.get("meta") or {}).get("security") or ()
    return [each for each in found if each.get("code") == NO_PATIENT]


async def attached(connection: Any, entry: dict[str, Any], patient: str | None) -> list[Attached]:
    """What belongs to a note; of a document its content.

    What is filed with another patient is left out.
    """
    if entry.get("resourceType") == "DocumentReference":
        whole = f"DocumentReference/{entry.get('id')}"
        return await _read(connection, dict.fromkeys(contents_of(entry), whole), patient)
    if entry.get("resourceType") != "Composition":
        return []
    named = await _read(connection, {one: one for one in _named(entry, "DocumentReference")}, patient)
    documents = [one for one in named if _belongs(one.resource, f"Composition/{entry.get('id')}")]
    contents = {content: one.document for one in documents for content in contents_of(one.resource)}
    return [
        *documents,
        *await _read(connection, contents, patient),
        *await _answers(connection, entry, patient),
    ]


async def _answers(connection: Any, note: dict[str, Any], patient: str | None) -> list[Attached]:
    """The response behind a note, the Provenance of what was extracted from it, and that itself."""
    identity = str(note.get("id"))
    response, source = f"{_RESPONSE}/{identity}", f"Provenance/{extracted_id(identity, 'Provenance')}"
    # Elsewhere ids may be counted by type: there the same number does not make them one.
    if not _is_unique(identity) and response not in _named(note, _RESPONSE):
        return []
    responses = await _read(connection, {response: ""}, patient)
    if not responses:
        return []
    # It names no patient, so it is filed with none, and no patient reads it.
    told = [*await _read(connection, {source: ""}, None), *await _read(connection, {source: ""}, patient)]
    targets = [str(target.get("reference")) for one in told for target in one.resource.get("target") or ()]
    made = await _read(connection, dict.fromkeys(targets, ""), patient)
    sections = sections_of(note, responses[0].resource, [one.resource for one in made])
    placed = (replace(one, section=section) for one, section in zip(made, sections, strict=True))
    return [*responses, *told, *placed]


def _is_unique(identity: str) -> bool:
    try:
        return str(UUID(identity)) == identity
    except ValueError:
        return False


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


def _named(part: Mapping[str, Any], type_name: str) -> Iterator[str]:
    """The resources of a type that the headings name."""
    for section in part.get("section") or ():
        for entry in section.get("entry") or ():
            reference = str(entry.get("reference", ""))
            if reference.startswith(f"{type_name}/"):
                yield reference
        yield from _named(section, type_name)


def labels_over_document(note: Mapping[str, Any], document: str) -> list[dict[str, Any]]:
    """The labels that hold for a document of a note: of the whole, and of the headings that it is below."""

    def below(part: Mapping[str, Any], above: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        extensions = part.get("extension") or ()
        own = [*above, *(each["valueCoding"] for each in extensions if each.get("url") == INLINE_LABEL)]
        if any(each.get("reference") == document for each in part.get("entry") or ()):
            return own
        return [found for one in part.get("section") or () for found in below(one, own)]

    return [*whole_labels(note), *below({"section": note.get("section") or ()}, [])]


def contents_of(document: Mapping[str, Any]) -> Iterator[str]:
    """The Binaries that a document's content stands in."""
    for content in document.get("content") or ():
        url = str((content.get("attachment") or {}).get("url") or "")
        if url.startswith("Binary/"):
            yield url
