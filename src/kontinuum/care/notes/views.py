"""Notes: the latest on the overview, older ones page by page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

from kontinuum.access.kept_back import KeptBack, Kind, of_entry, of_part
from kontinuum.care.notes.model import (
    Attester,
    Composition,
    Dissent,
    DocumentReference,
    Section,
    read_compositions,
    read_dissents,
    read_documents,
    read_files,
)
from kontinuum.care.notes.words import beside
from kontinuum.fhir import copied
from kontinuum.fhir.attachments import File, references
from kontinuum.fhir.paragraphs import Block, plain
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import (
    AuditKind,
    Chart,
    NotFound,
    OverviewCard,
    PageRequest,
    Placement,
    ResourceVersion,
    ResultPage,
    Route,
    View,
)
from kontinuum.kernel.principal import Purpose
from kontinuum.record.own_words import said_queries

_ON_OVERVIEW = 12
_A_PAGE = 20
_DOCUMENTS_AT_MOST = 20
_OPEN_AT_FIRST = 3
_WITH_FILES = "&_include=Composition:entry:DocumentReference"

Files = Mapping[str, File]
"""The files of notes, by the id of the document."""

Said = Mapping[str, Sequence[Dissent]]
"""The patient's dissents, by the reference of the entry."""

KINDS = {
    Kind.EARLY_HYPOTHESIS: message("early hypothesis"),
    Kind.VIOLENCE: message("exposure to violence"),
    Kind.THIRD_PERSON: message("statement by a third person"),
    Kind.CHILD: message("concern for a child"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A heading and what stands below it; `level` grows with nesting.

    `copied` says of earlier notes what of this was copied from them.
    """

    heading: str
    blocks: tuple[Block, ...]
    level: int
    kept: KeptBack | None = None
    files: tuple[File, ...] = ()
    copied: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed or countersigned, and when."""

    name: str
    when: str
    counter: bool


@dataclass(frozen=True, slots=True)
class Objection:
    """What the patient holds to be wrong in a note or document."""

    when: str
    text: str
    withdrawn: bool
    taken_by: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """A note ready to be read."""

    id: str
    title: str
    day: str
    clock: str
    author: str
    unit: str
    signed: bool
    amended: bool
    signatures: tuple[Signature, ...]
    parts: tuple[Part, ...]
    opening: str
    address: str
    kept: KeptBack | None = None
    dissents: tuple[Objection, ...] = ()

    @property
    def partly_kept(self) -> bool:
        """Whether there is something that the patient does not see."""
        return self.kept is not None or any(part.kept for part in self.parts)


@dataclass(frozen=True, slots=True)
class Document:
    """A line in the list of documents; `text` when the document is text that can be read here."""

    title: str
    day: str
    author: str
    unit: str
    text: str
    kind: str
    address: str
    file: File | None = None
    dissents: tuple[Objection, ...] = ()


def queries(chart: Chart) -> tuple[str, ...]:
    """The latest notes and documents."""
    return (
        f"Composition?patient={chart.patient}&_sort=-date&_count={_ON_OVERVIEW}{_WITH_FILES}",
        f"DocumentReference?patient={chart.patient}&_sort=-date&_count={_DOCUMENTS_AT_MOST}",
        *said_queries(chart.patient),
    )


def view(chart: Chart, pages: Sequence[ResultPage]) -> View:
    """The latest notes, the first few open."""
    said = read_dissents(pages[2].matches)
    files = read_files(pages[0].included)
    # What stands with one of these notes is not listed once more.
    documents = [one for one in read_documents(pages[1].matches) if one[0].id not in files]
    read = read_compositions(pages[0].matches)
    notes = [_note(chart, said, files, *one) for one in read]
    words, unread = beside((note for note, _ in read), pages[2].matches, pages[3].matches)
    values = {
        "notes": notes,
        "words": words,
        "unread": unread,
        "kinds": _kinds(chart),
        "open_at_first": _OPEN_AT_FIRST,
        "unsigned": sum(not note.signed for note in notes),
        "older": _older_address(chart, pages[0]),
        "documents": [_document(chart, said, *one) for one in documents],
        "more_documents": pages[1].next is not None,
    }
    return View("notes/card.html", values)


async def older(request: PageRequest) -> View | NotFound:
    """Answer `notes/older?cursor=…`: the notes before those already shown."""
    chart = request.chart
    cursor = request.parameters.get("cursor", "")
    place = f"&_cursor={quote(cursor, safe='')}" if cursor else ""
    query = f"Composition?patient={chart.patient}&_sort=-date&_count={_A_PAGE}{_WITH_FILES}{place}"
    try:
        page, *says = await request.record.find_many([query, *said_queries(chart.patient)])
    except ValueError:
        return NotFound(message("These notes can no longer be found at this address. Open the chart again."))
    said = read_dissents(says[0].matches)
    files = read_files(page.included)
    read = read_compositions(page.matches)
    notes = [_note(chart, said, files, *one) for one in read]
    words, _ = beside((note for note, _ in read), says[0].matches, says[1].matches)
    values = {
        "notes": notes,
        "words": words,
        "open_at_first": 0,
        "older": _older_address(chart, page),
        "kinds": _kinds(chart),
    }
    return View("notes/older.html", values)


def _kinds(chart: Chart) -> dict[str, str]:
    return {kind.value: chart.translator.gettext(text) for kind, text in KINDS.items()}


def _objections(chart: Chart, said: Said, reference: str) -> tuple[Objection, ...]:
    moment, name = chart.translator.moment, chart.directory.name
    return tuple(
        Objection(
            moment(one.sent),
            one.text,
            one.status == "stopped",
            ", ".join(name(each.reference, each.display) for each in one.recipient),
        )
        for one in said.get(reference, ())
    )


def _older_address(chart: Chart, page: ResultPage) -> str:
    return f"{chart.path('notes', 'older')}?{urlencode({'cursor': page.next})}" if page.next else ""


def _note(chart: Chart, said: Said, files: Files, note: Composition, entry: ResourceVersion) -> Note:
    name = chart.directory.name
    signatures = tuple(_signatures(chart, note.attester))
    parts = tuple(_parts(note.section, chart.now, files))
    if not parts and note.text is not None:
        parts = (Part("", note.text.blocks, 0),)
    first = next((one.text for part in parts for one in part.blocks if one.kind == "text"), "")
    return Note(
        id=note.id,
        title=note.title or note.type.label,
        day=chart.translator.day(note.date),
        clock=chart.translator.clock(note.date),
        author=", ".join(filter(None, (name(one.reference, one.display) for one in note.author))),
        unit=chart.directory.unit(entry.unit),
        signed=note.status in {"final", "amended"},
        amended=note.status == "amended",
        signatures=signatures,
        parts=parts,
        opening=first,
        address=chart.path("entry", "Composition", note.id),
        kept=of_entry({"meta": note.meta}, chart.now),
        dissents=_objections(chart, said, f"Composition/{note.id}"),
    )


def _parts(sections: Iterable[Section], now: datetime, files: Files, level: int = 0) -> Iterable[Part]:
    for section in sections:
        heading = section.title or (section.code.label if section.code else "")
        text = section.text.blocks if section.text else ()
        if not text and section.empty_reason is not None:
            text = plain(section.empty_reason.label)
        kept = of_part({"extension": section.extension}, now)
        beside = tuple(files[one] for one in references({"entry": section.entry}) if one in files)
        if heading or text or beside:
            yield Part(heading, text, level, kept, beside, tuple(copied.told(section.extension)))
        yield from _parts(section.section, now, files, level + 1)


def _signatures(chart: Chart, attesters: Iterable[Attester]) -> Iterable[Signature]:
    for attester in attesters:
        party = attester.party
        name = chart.directory.name(party.reference, party.display) if party else ""
        counter = attester.mode not in {"legal", "professional"}
        yield Signature(name, chart.translator.moment(attester.time), counter)


def _document(chart: Chart, said: Said, document: DocumentReference, entry: ResourceVersion) -> Document:
    first = document.content[0].attachment if document.content else None
    kind = document.type.label if document.type else ""
    title = document.description or (first.title if first else None) or kind
    name = chart.directory.name
    return Document(
        title=title or chart.translator.gettext("Document"),
        day=chart.translator.day(document.date),
        author=", ".join(filter(None, (name(one.reference, one.display) for one in document.author))),
        unit=chart.directory.unit(entry.unit),
        text=document.text,
        kind=kind if kind != title else "",
        address=chart.path("entry", "DocumentReference", document.id),
        file=read_files([entry]).get(document.id),
        dissents=_objections(chart, said, f"DocumentReference/{document.id}"),
    )


NOTES_CARD = OverviewCard(
    anchor="notes",
    title=message("Notes"),
    placement=Placement.READING,
    order=10,
    queries=queries,
    view=view,
)
OLDER_NOTES = Route(
    path="older",
    title=message("Older notes"),
    handler=older,
    purposes=frozenset({Purpose.CARE, Purpose.QUALITY, Purpose.SUPERVISION}),
    audit=AuditKind.READ,
)
