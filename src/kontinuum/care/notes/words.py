"""The patient's own words beside the notes, at the contact, and on pages of a unit (`record.own_words`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from kontinuum.care.notes.model import Composition
from kontinuum.fhir.subjects import by_patient
from kontinuum.kernel.around import Board, BoardNotes, ContactPart, Remark
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import BannerNote, Chart, ResourceVersion, ResultPage, Tone
from kontinuum.record.own_words import Words, read_words, said_queries
from kontinuum.record.tasks import WORDS, WORK_CODES

_MANY: Final = 1000
_OWN_WORDS: Final = message("The patient's own words")
_UNREAD: Final = message("The patient's own words, unread")


def beside(
    notes: Iterable[Composition], said: Sequence[ResourceVersion], tasks: Sequence[ResourceVersion]
) -> tuple[dict[str, list[Words]], list[Words]]:
    """The words by the id of the note that they are about, or about whose contact; and unread others."""
    found: dict[str, list[Words]] = {}
    words = read_words(said, tasks)
    shown: set[str] = set()
    for note in notes:
        contact = note.encounter.reference if note.encounter else None
        about = f"Composition/{note.id}"
        found[note.id] = [one for one in words if one.about == about or contact == (one.contact or "-")]
        shown.update(one.id for one in found[note.id])
    return found, [one for one in words if one.unread and one.id not in shown]


def contact_queries(chart: Chart, contact: str) -> tuple[str, ...]:
    """All that the patient has said: a Communication is not searched by what it is about."""
    return said_queries(chart.patient)


def remarks(chart: Chart, contact: Mapping[str, Any], pages: Sequence[ResultPage]) -> tuple[Remark, ...]:
    """What the patient has written to the contact or its booking; what nobody has read is missing."""
    about = {f"Encounter/{contact['id']}"}
    about |= {one.get("reference", "") for one in contact.get("appointment") or ()}
    return tuple(
        _remark(chart, one)
        for one in read_words(pages[0].matches, pages[1].matches)
        if not one.taken_back and {one.about, one.contact} & about
    )


def _remark(chart: Chart, words: Words) -> Remark:
    gettext, moment = chart.translator.gettext, chart.translator.moment
    when = " · ".join(filter(None, (moment(words.changed or words.sent), words.author)))
    address = chart.path("entry", "Communication", words.id)
    title = gettext(_UNREAD if words.unread else _OWN_WORDS)
    return Remark(title, when, address, missing=words.unread, words=words.text)


def board_queries(board: Board) -> tuple[str, ...]:
    """What nobody has read of what they have written."""
    code = f"{WORK_CODES}|{WORDS}"
    return (f"Task?patient={board.named}&code={code}&status=requested&_count={_MANY}",)


def board_notes(board: Board, pages: Sequence[ResultPage]) -> Mapping[str, tuple[BannerNote, ...]]:
    """That there is something of each patient."""
    note = BannerNote(Tone.NOTICE, "", board.translator.gettext(_UNREAD), "notes")
    return dict.fromkeys(by_patient(pages[0].matches), (note,))


WORDS_OF_CONTACT: Final = ContactPart(_OWN_WORDS, 5, contact_queries, remarks)
WORDS_ON_BOARD: Final = BoardNotes(board_queries, board_notes)
