"""What the module reads: Composition and DocumentReference.

http://hl7.org/fhir/R4/composition.html, http://hl7.org/fhir/R4/documentreference.html
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import msgspec

from kontinuum.fhir import attachments, json
from kontinuum.fhir.attachments import File
from kontinuum.fhir.datatypes import CodeableConcept, Element, Reference, decoder
from kontinuum.fhir.paragraphs import Block, blocks
from kontinuum.kernel.module import ResourceVersion
from kontinuum.record.guarding import DISSENT, ENTRY_CODES


class Narrative(Element, frozen=True, dict=True, gc=True):
    """Text for people, as XHTML."""

    status: str | None = None
    div: str = ""

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Its headings, texts and tables, without markup."""
        return blocks(self.div)


class Section(Element, frozen=True):
    """A part of a note under its heading (sökord)."""

    title: str | None = None
    code: CodeableConcept | None = None
    text: Narrative | None = None
    empty_reason: CodeableConcept | None = None
    extension: tuple[dict[str, Any], ...] = ()
    entry: tuple[dict[str, Any], ...] = ()
    section: tuple[Section, ...] = ()


class Attester(Element, frozen=True):
    """Who stands for the note, and how: `legal` and `professional` sign, others countersign."""

    mode: str | None = None
    time: str | None = None
    party: Reference | None = None


class Composition(Element, frozen=True):
    """The elements of Composition that a note shows."""

    id: str
    status: str
    meta: dict[str, Any] = msgspec.field(default_factory=dict)
    type: CodeableConcept = CodeableConcept()
    title: str = ""
    date: str = ""
    author: tuple[Reference, ...] = ()
    encounter: Reference | None = None
    attester: tuple[Attester, ...] = ()
    section: tuple[Section, ...] = ()
    text: Narrative | None = None


class Payload(Element, frozen=True):
    """What is said."""

    content_string: str = ""


class Dissent(Element, frozen=True):
    """The elements of the Communication in which a patient holds an entry to be wrong."""

    status: str
    category: tuple[CodeableConcept, ...] = ()
    about: tuple[Reference, ...] = ()
    sent: str | None = None
    payload: tuple[Payload, ...] = ()
    recipient: tuple[Reference, ...] = ()

    @property
    def text(self) -> str:
        """The patient's words."""
        return "\n".join(one.content_string for one in self.payload)


class Attachment(Element, frozen=True):
    """A file, inside the resource or elsewhere."""

    content_type: str | None = None
    url: str | None = None
    title: str | None = None
    data: str | None = None


class Content(Element, frozen=True):
    """One form of a document."""

    attachment: Attachment = Attachment()


class DocumentReference(Element, frozen=True):
    """The elements of DocumentReference that the list of documents shows."""

    id: str
    status: str = "current"
    doc_status: str | None = None
    type: CodeableConcept | None = None
    category: tuple[CodeableConcept, ...] = ()
    date: str | None = None
    author: tuple[Reference, ...] = ()
    description: str | None = None
    content: tuple[Content, ...] = ()

    @property
    def text(self) -> str:
        """The document itself when it is plain text inside the resource; empty otherwise."""
        for content in self.content:
            attachment = content.attachment
            if attachment.data and (attachment.content_type or "").startswith("text/plain"):
                try:
                    return base64.b64decode(attachment.data, validate=True).decode()
                except (binascii.Error, UnicodeDecodeError):
                    return ""
        return ""


_COMPOSITIONS = decoder(Composition)
_DOCUMENTS = decoder(DocumentReference)
_DISSENTS = decoder(Dissent)


def read_compositions(entries: Iterable[ResourceVersion]) -> list[tuple[Composition, ResourceVersion]]:
    """Each note, withdrawn ones left out, with the version it came from."""
    read = [(_COMPOSITIONS.decode(entry.body), entry) for entry in entries if entry.body]
    return [(note, entry) for note, entry in read if note.status != "entered-in-error"]


def read_documents(entries: Iterable[ResourceVersion]) -> list[tuple[DocumentReference, ResourceVersion]]:
    """Each current document with the version it came from."""
    read = [(_DOCUMENTS.decode(entry.body), entry) for entry in entries if entry.body]
    return [(document, entry) for document, entry in read if document.status == "current"]


def read_files(entries: Iterable[ResourceVersion]) -> dict[str, File]:
    """The files among documents, by the document's id."""
    read = (attachments.read(json.loads(entry.body)) for entry in entries if entry.body)
    return {file.id: file for file in read if file is not None}


def read_dissents(entries: Iterable[ResourceVersion]) -> dict[str, list[Dissent]]:
    """The dissents among what a patient has said, by the reference of the entry that they are about."""
    found: dict[str, list[Dissent]] = {}
    for entry in entries:
        dissent = _DISSENTS.decode(entry.body or b"")
        if not any(concept.code(ENTRY_CODES) == DISSENT for concept in dissent.category):
            continue
        for reference in dissent.about:
            found.setdefault((reference.reference or "").split("/_history/")[0], []).append(dissent)
    return found
