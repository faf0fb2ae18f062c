"""A note as it is read before it is signed: its headings with what stands below them, letter for letter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.attachments import references
from kontinuum.fhir.copied import told
from kontinuum.fhir.paragraphs import Block, blocks


@dataclass(frozen=True, slots=True)
class Part:
    """A heading, what stands below it and the ids of its documents; `level` grows with nesting.

    `copied` says of earlier notes what of this was copied from them.
    """

    heading: str
    blocks: tuple[Block, ...]
    level: int
    files: tuple[str, ...] = ()
    copied: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """A note to be read."""

    title: str
    date: str
    author: str
    patient: str
    parts: tuple[Part, ...]

    @property
    def opening(self) -> str:
        """The first words."""
        found = (one.text for part in self.parts for one in part.blocks if one.kind == "text")
        return next(found, "")


def read(body: bytes) -> Text:
    """A stored Composition as text."""
    note = fhir_json.loads(body)
    parts = tuple(_parts(note.get("section", ()), 0))
    if not parts and note.get("text"):
        parts = (Part("", blocks(note["text"]["div"]), 0),)
    author = ", ".join(one.get("display") or one.get("reference", "") for one in note.get("author", ()))
    title = note.get("title") or note.get("type", {}).get("text") or ""
    patient = str(note.get("subject", {}).get("reference", "")).rpartition("/")[2]
    return Text(str(title), str(note.get("date", "")), author, patient, parts)


def _parts(sections: Any, level: int) -> Iterator[Part]:
    for section in sections:
        heading = section.get("title") or section.get("code", {}).get("text") or ""
        text = blocks(section["text"]["div"]) if section.get("text") else ()
        files = tuple(references(section))
        if heading or text or files:
            yield Part(heading, text, level, files, tuple(told(section.get("extension") or ())))
        yield from _parts(section.get("section", ()), level + 1)
