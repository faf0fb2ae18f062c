"""An entry as text: its headings with what stands under each, letter for letter. Pure.

Works for every type: notes by their sections, documents by their text, other entries by their elements.
"""

from __future__ import annotations

import base64
import binascii
import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from kontinuum.access.kept_back import KeptBack, of_part
from kontinuum.fhir.attachments import read as read_file
from kontinuum.fhir.attachments import references
from kontinuum.fhir.paragraphs import Block, blocks, paragraphs, plain
from kontinuum.record.guarding import said_by_patient

_XHTML: Final = "http://www.w3.org/1999/xhtml"
_NOT_SHOWN: Final = frozenset({"resourceType", "id", "meta", "text", "contained", "extension"})
_BETWEEN: Final = "\n\n"


@dataclass(frozen=True, slots=True)
class Part:
    """A heading and its text. `path` leads to the section of a note, empty where there is none to lead to.

    `kept` is set when the patient does not see it; `inside` when a heading above is kept back. `files` are
    the ids of the documents that stand there. `div` is the markup the text was read from, if any.
    """

    heading: str
    text: str
    path: tuple[int, ...] = ()
    kept: KeptBack | None = None
    inside: bool = False
    files: tuple[str, ...] = ()
    div: str = ""

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The text with the headings and tables inside it."""
        return blocks(self.div) if self.div else plain(self.text)

    @property
    def place(self) -> str:
        """The path as forms carry it: `0.2`."""
        return ".".join(map(str, self.path))


def parts_of(resource: Mapping[str, Any], now: datetime) -> tuple[Part, ...]:
    """The parts of an entry in their order."""
    match resource.get("resourceType"):
        case "Composition":
            found = tuple(_sections(resource.get("section") or (), now, (), inside=False))
            return found or _narrative(resource)
        case "DocumentReference":
            return tuple(_document(resource))
        case "Communication" if said_by_patient(dict(resource)):
            return tuple(Part("", one.get("contentString") or "") for one in resource.get("payload") or ())
    return tuple(_elements(resource, ""))


def _sections(sections: Any, now: datetime, path: tuple[int, ...], *, inside: bool) -> Iterator[Part]:
    for number, section in enumerate(sections):
        place = (*path, number)
        kept = of_part(section, now)
        title = section.get("title") or _label(section.get("code"))
        files = tuple(references(section))
        yield Part(title, text_of(section), place, kept, inside, files, _div(section))
        yield from _sections(section.get("section") or (), now, place, inside=inside or kept is not None)


def text_of(section: Mapping[str, Any]) -> str:
    """The text of a section, its paragraphs with an empty line between them."""
    return _BETWEEN.join(paragraphs(_div(section)))


def _div(section: Mapping[str, Any]) -> str:
    return str((section.get("text") or {}).get("div") or "")


def narrative_of(text: str) -> dict[str, Any]:
    """A text as FHIR's narrative, every space and line break kept."""
    escaped = html.escape(text, quote=False).replace("\r", "&#13;")
    return {"status": "additional", "div": f'<div xmlns="{_XHTML}"><pre>{escaped}</pre></div>'}


def with_texts(resource: dict[str, Any], texts: Mapping[tuple[int, ...], str]) -> dict[str, Any]:
    """A note with new texts under some headings; a section whose text is the same keeps its very bytes."""

    def changed(sections: list[dict[str, Any]], path: tuple[int, ...]) -> list[dict[str, Any]]:
        made = []
        for number, section in enumerate(sections):
            place = (*path, number)
            one = dict(section)
            if place in texts and texts[place] != text_of(section):
                one["text"] = narrative_of(texts[place])
                one.pop("emptyReason", None)
            if section.get("section"):
                one["section"] = changed(section["section"], place)
            made.append(one)
        return made

    new = {**resource, "section": changed(resource.get("section") or [], ())}
    if new["section"] != resource.get("section"):
        new.pop("text", None)  # the narrative of the whole says what the sections said before
    return new


def _narrative(resource: Mapping[str, Any]) -> tuple[Part, ...]:
    text = text_of(resource)
    return (Part("", text, div=_div(resource)),) if text else ()


def _document(resource: Mapping[str, Any]) -> Iterator[Part]:
    if resource.get("description"):
        yield Part("", resource["description"])
    for content in resource.get("content") or ():
        attachment = content.get("attachment") or {}
        text = _plain(attachment)
        if text is None and read_file(resource) is not None:
            yield Part(attachment.get("title") or "", "", files=(str(resource.get("id", "")),))
            continue
        yield Part(attachment.get("title") or "", text if text is not None else attachment.get("url") or "")


def _plain(attachment: Mapping[str, Any]) -> str | None:
    if not str(attachment.get("contentType") or "").startswith("text/plain"):
        return None
    try:
        return base64.b64decode(attachment.get("data") or "", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _elements(value: Mapping[str, Any], path: str) -> Iterator[Part]:
    for name, item in value.items():
        if not path and (name in _NOT_SHOWN or name.startswith("_")):
            continue
        place = f"{path}.{name}" if path else name
        for number, each in enumerate(item if isinstance(item, list) else [item]):
            here = f"{place}[{number}]" if isinstance(item, list) and len(item) > 1 else place
            if isinstance(each, dict):
                yield from _elements(each, here)
            elif each is not None:
                yield Part(here, _written(each))


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _label(concept: Any) -> str:
    if not isinstance(concept, dict):
        return ""
    shown = next((each.get("display") for each in concept.get("coding") or () if each.get("display")), "")
    return str(concept.get("text") or shown)
