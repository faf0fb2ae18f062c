"""How many actions are late, of the many patients on a unit's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from kontinuum.care.nursing.around import Around
from kontinuum.care.nursing.model import plans_of, tasks_of
from kontinuum.care.nursing.rules import State
from kontinuum.fhir.subjects import by_patient
from kontinuum.kernel.around import Board, BoardNotes
from kontinuum.kernel.i18n import local
from kontinuum.kernel.module import BannerNote, ResultPage, Tone

_AT_MOST: Final = 1000


def queries(board: Board) -> tuple[str, ...]:
    """The plans that go on, and what was done of them today."""
    day = local(board.now).date().isoformat()
    return (
        f"CarePlan?patient={board.named}&status=active&_count={_AT_MOST}",
        f"Task?patient={board.named}&based-on:missing=false&period=ge{day}&_sort=-authored-on&_count={_AT_MOST}",
    )


def notes(board: Board, pages: Sequence[ResultPage]) -> Mapping[str, tuple[BannerNote, ...]]:
    """What of today should have been done before now; nothing where all is."""
    now, words = local(board.now), board.translator
    done = tasks_of(pages[1].matches)
    made: dict[str, tuple[BannerNote, ...]] = {}
    for patient, entries in by_patient(pages[0].matches).items():
        found = Around({one.id: (one, entry) for one, entry in plans_of(entries)}, {}, done, False)
        late = sum(found.state(slot, now) is State.LATE for slot in found.day(now.date()))
        if late:
            text = words.ngettext("%(num)d action late", "%(num)d actions late", late) % {"num": late}
            made[patient] = (BannerNote(Tone.WARNING, "", text, "plans"),)
    return made


LATE_ON_BOARD: Final = BoardNotes(queries, notes)
