"""Where answers come from that nobody wrote in this note: an earlier note, or the chart. Pure.

They are told in a field of their own, by the name of the field that holds the answer. What is told of an
answer counts for as long as the answer is left as it came.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import unquote

from kontinuum.care.journal.fields import OTHER, SOURCES, Fields, step_of
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.copied import Copied, copies
from kontinuum.fhir.questionnaire import Form, Item

_LONGEST: Final = 100_000
NOTHING_TO_COPY: Final[Mapping[str, object]] = {"copyable": (), "copy_whole": False, "no_earlier": False}
"""What the pane is told of a form into which nothing is copied."""
_KINDS: Final = frozenset({"string", "text", "choice", "open-choice", "boolean"})


@dataclass(frozen=True, slots=True)
class Source:
    """Where an answer comes from.

    `note` is the versioned reference of an earlier note, empty for the chart; `said` tells people of it.
    `digest` is that of the answer as it came, `confirmed` says that the writer stands for it as it is.
    """

    note: str
    said: str
    digest: str
    confirmed: bool = False


def digest_of(values: Iterable[str]) -> str:
    """By which an answer is known that was left as it came."""
    return hashlib.sha256("\0".join(values).encode("utf-8", "surrogatepass")).hexdigest()[:20]


def sources(fields: Fields) -> dict[str, Source]:
    """What is told of the answers that were left as they came, by the name of the field."""
    text = next(iter(fields.get(SOURCES, ())), "")
    try:
        read = fhir_json.loads(text) if 0 < len(text) <= _LONGEST else {}
    except fhir_json.JsonError:
        return {}
    found: dict[str, Source] = {}
    for name, told in read.items() if isinstance(read, dict) else ():
        if isinstance(told, list) and len(told) == 4 and all(isinstance(one, str) for one in told):
            note, said, digest, confirmed = told
            if digest == digest_of(fields.get(name, ())):
                found[name] = Source(note, said, digest, confirmed == "1")
    return found


def with_sources(fields: Fields, found: Mapping[str, Source]) -> dict[str, list[str]]:
    """The fields with what is told of them."""
    kept = {name: list(values) for name, values in fields.items() if name != SOURCES}
    if not found:
        return kept
    text = fhir_json.dumps(
        {
            one: [told.note, told.said, told.digest, "1" if told.confirmed else ""]
            for one, told in found.items()
        }
    )
    return {**kept, SOURCES: [text.decode()]}


def of_sections(note: Mapping[str, Any], fields: Fields) -> dict[str, Source]:
    """What a note in the record tells of the answers behind it."""
    return {
        one.item: Source(one.note, one.said, digest_of(fields[one.item]))
        for section in note.get("section") or ()
        for one in copies(section.get("extension") or ())
        if one.item in fields
    }


def unconfirmed(fields: Fields) -> dict[str, Source]:
    """What is copied from earlier notes and neither touched nor confirmed."""
    return {name: one for name, one in sources(fields).items() if one.note and not one.confirmed}


def copyable(item: Item) -> bool:
    """Whether an answer may be copied: words and choices that become no entries of their own."""
    own = item.extraction.observation is not None or item.definition is not None
    free = item.calculated is None and not item.hidden and not item.read_only
    return item.type in _KINDS and free and not own and item.link_period is None


def copyable_headings(form: Form) -> frozenset[str]:
    """The names of the main headings below which something can be copied."""
    found = (one for one in form.children if one.text and any(map(copyable, one.walk())))
    return frozenset(step_of(one.link_id) for one in found)


def label_of(form: Form, name: str) -> str:
    """What the question of a field is called."""
    item = form.items.get(unquote(name.removesuffix(OTHER).rpartition("/")[2].partition(":")[0]))
    return "" if item is None else item.text.strip().removesuffix(":")


def by_heading(form: Form, found: Mapping[str, Source]) -> dict[str, list[dict[str, Any]]]:
    """The marks of what is copied, by the linkId of the main heading they stand under."""
    made: dict[str, list[dict[str, Any]]] = {}
    for name, one in found.items():
        heading = unquote(name.partition("/")[0].partition(":")[0].removesuffix(OTHER))
        mark = Copied(one.note, one.said, name, label_of(form, name))
        made.setdefault(heading, []).append(mark.extension())
    return made


def known(found: Mapping[str, Source], said: Mapping[str, str]) -> dict[str, Source]:
    """The sources among notes that can be read now: `said` of them by id, whatever the browser told."""
    return {
        name: replace(one, said=said[identity])
        for name, one in found.items()
        if (identity := one.note.removeprefix("Composition/").partition("/")[0]) in said
    }
