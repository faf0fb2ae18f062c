"""A file of the record: a DocumentReference that says what it is, and a Binary that holds its bytes. Pure.

http://hl7.org/fhir/R4/documentreference.html, http://hl7.org/fhir/R4/binary.html. The Binary says whose it is
(`securityContext`), so that it is filed with the patient and decided as all that is the patient's.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

_INLINE: Final = ("image/jpeg", "image/png", "image/webp")


@dataclass(frozen=True, slots=True)
class File:
    """A file as pages show it; `id` is that of its DocumentReference, `size` in bytes (0 where not told)."""

    id: str
    name: str
    description: str
    media_type: str
    size: int
    content: str

    @property
    def is_picture(self) -> bool:
        """Whether browsers show it as a picture."""
        return self.media_type in _INLINE

    @property
    def label(self) -> str:
        """What it is called: what was said about it, else its name."""
        return self.description or self.name


def document(
    file: File, sha1_of: bytes, about: Mapping[str, Any], writer: Mapping[str, Any], moment: str, note: str
) -> dict[str, Any]:
    """The DocumentReference of a file of a note; `about` has the note's subject, docStatus, encounter."""
    contact = {"encounter": [about["encounter"]]} if "encounter" in about else {}
    attachment = {
        "contentType": file.media_type,
        "url": f"Binary/{file.id}",
        "size": file.size,
        "hash": base64.b64encode(hashlib.sha1(sha1_of, usedforsecurity=False).digest()).decode(),
        "title": file.name,
    }
    described = {"description": file.description} if file.description.strip() else {}
    return {
        "resourceType": "DocumentReference",
        "id": file.id,
        "status": "current",
        "docStatus": about["docStatus"],
        "type": {"text": "Bild" if file.is_picture else "Dokument"},
        "subject": about["subject"],
        "date": moment,
        "author": [dict(writer)],
        **described,
        "content": [{"attachment": attachment}],
        "context": {**contact, "related": [{"reference": note}]},
    }


def binary(file: File, content: bytes, patient: str) -> dict[str, Any]:
    """The Binary that holds the bytes of a file."""
    return {
        "resourceType": "Binary",
        "id": file.id,
        "contentType": file.media_type,
        "securityContext": {"reference": f"Patient/{patient}"},
        "data": base64.b64encode(content).decode(),
    }


def read(resource: Mapping[str, Any]) -> File | None:
    """The file behind a DocumentReference; None for one whose content is not a Binary of the record."""
    if resource.get("resourceType") != "DocumentReference" or resource.get("status") == "entered-in-error":
        return None
    for content in resource.get("content") or ():
        attachment = content.get("attachment") or {}
        url = str(attachment.get("url") or "")
        if url.startswith("Binary/") and url.count("/") == 1:
            return File(
                str(resource.get("id", "")),
                str(attachment.get("title") or ""),
                str(resource.get("description") or ""),
                str(attachment.get("contentType") or ""),
                int(attachment.get("size") or 0),
                url.partition("/")[2],
            )
    return None


def references(section: Mapping[str, Any]) -> Iterator[str]:
    """The ids of the documents under one heading of a Composition, not those below it."""
    for entry in section.get("entry") or ():
        reference = str(entry.get("reference") or "")
        if reference.startswith("DocumentReference/"):
            yield reference.partition("/")[2]


def all_references(sections: Any) -> Iterator[str]:
    """The ids of the documents anywhere in a Composition's sections."""
    for section in sections or ():
        yield from references(section)
        yield from all_references(section.get("section"))
