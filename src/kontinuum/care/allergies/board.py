"""Hypersensitivity and alerts of the many patients on a unit's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from kontinuum.care.allergies.kinds import KINDS
from kontinuum.care.allergies.rules import findings
from kontinuum.care.allergies.views import ANCHOR
from kontinuum.fhir.subjects import by_patient
from kontinuum.kernel.around import Board, BoardNotes
from kontinuum.kernel.i18n import local
from kontinuum.kernel.module import BannerNote, ResultPage, Tone

_AT_MOST: Final = 1000


def queries(board: Board) -> tuple[str, ...]:
    """Allergies and alerts of all of them."""
    return (
        f"AllergyIntolerance?patient={board.named}&_count={_AT_MOST}",
        f"Flag?patient={board.named}&_count={_AT_MOST}",
    )


def notes(board: Board, pages: Sequence[ResultPage]) -> Mapping[str, tuple[BannerNote, ...]]:
    """Each allergy and alert that stands, by patient."""
    gettext, today = board.translator.gettext, local(board.now).date().isoformat()
    allergies, flags = (by_patient(page.matches) for page in pages)
    made: dict[str, tuple[BannerNote, ...]] = {}
    for patient in board.patients:
        found = findings(allergies.get(patient, ()), flags.get(patient, ()), today)
        notes = [
            BannerNote(
                Tone.DANGER if one.severe else Tone.WARNING,
                gettext("Hypersensitivity"),
                one.code.label,
                ANCHOR,
            )
            for one, _ in found.allergies
        ]
        notes += [
            BannerNote(
                Tone.WARNING, gettext(KINDS[one.kind].title) if one.kind else "", one.code.label, ANCHOR
            )
            for one, _ in found.flags
        ]
        made[patient] = tuple(notes)
    return made


ALERTS_ON_BOARD: Final = BoardNotes(queries, notes)
