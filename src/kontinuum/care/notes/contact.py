"""The notes of one contact; and of many patients, how many wait to be signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from kontinuum.care.notes.model import Composition, read_compositions
from kontinuum.fhir.subjects import by_patient
from kontinuum.kernel.around import Board, BoardNotes, ContactPart, Remark
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import BannerNote, Chart, ResourceVersion, ResultPage, Tone

_AT_MOST: Final = 100
_MANY: Final = 1000
_UNSIGNED: Final = message("%(title)s is not signed.")


def queries(chart: Chart, contact: str) -> tuple[str, ...]:
    """The notes that belong to it."""
    about = f"patient={chart.patient}&encounter=Encounter/{contact}"
    return (f"Composition?{about}&_sort=-date&_count={_AT_MOST}",)


def remarks(chart: Chart, contact: Mapping[str, Any], pages: Sequence[ResultPage]) -> tuple[Remark, ...]:
    """Each of them; one without a signature is missing."""
    return tuple(_remark(chart, *one) for one in read_compositions(pages[0].matches) if _counts(one[0]))


def _counts(note: Composition) -> bool:
    return note.status != "entered-in-error"


def _remark(chart: Chart, note: Composition, entry: ResourceVersion) -> Remark:
    words = chart.translator
    title, unsigned = note.title or note.type.label, note.status == "preliminary"
    text = words.gettext(_UNSIGNED) % {"title": title} if unsigned else title
    by = ", ".join(filter(None, (chart.directory.name(one.reference, one.display) for one in note.author)))
    when = " · ".join(filter(None, (words.moment(note.date), by.partition(", ")[0])))
    return Remark(text, when, f"/patient/{chart.patient}/entry/Composition/{note.id}", missing=unsigned)


def board_queries(board: Board) -> tuple[str, ...]:
    """The notes about them without a signature."""
    return (f"Composition?patient={board.named}&status=preliminary&_count={_MANY}",)


def board_notes(board: Board, pages: Sequence[ResultPage]) -> Mapping[str, tuple[BannerNote, ...]]:
    """How many there are of each patient."""
    words = board.translator
    return {
        patient: (
            BannerNote(
                Tone.QUIET,
                "",
                words.ngettext("%(num)d unsigned note", "%(num)d unsigned notes", len(found))
                % {"num": len(found)},
                "notes",
            ),
        )
        for patient, found in by_patient(pages[0].matches).items()
    }


NOTES_OF_CONTACT: Final = ContactPart(message("Notes"), 10, queries, remarks)
UNSIGNED_ON_BOARD: Final = BoardNotes(board_queries, board_notes)
