"""The latest early warning of the many patients on a unit's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final
from urllib.parse import quote

from kontinuum.care.vitals import responding
from kontinuum.care.vitals.flowsheet import risk_of
from kontinuum.care.vitals.form import value_text
from kontinuum.care.vitals.kinds import SCALE_CODES
from kontinuum.care.vitals.reading import read
from kontinuum.care.vitals.rules import RISKS, Scale
from kontinuum.care.vitals.scoring import LEVELS
from kontinuum.fhir import json
from kontinuum.fhir.subjects import by_patient
from kontinuum.kernel.around import Board, BoardNotes
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import BannerNote, ResourceVersion, ResultPage, Tone

_AT_MOST: Final = 1000
_RECENT: Final = timedelta(days=2)
_TONES: Final = {"danger": Tone.DANGER, "watch": Tone.WARNING}


def queries(board: Board) -> tuple[str, ...]:
    """The scores of the last two days, the latest first."""
    codes = quote(",".join("|".join(pair) for pair in SCALE_CODES), safe="|,:")
    since = (local(board.now) - _RECENT).date().isoformat()
    scores = f"Observation?patient={board.named}&code={codes}&date=ge{since}&_sort=-date&_count={_AT_MOST}"
    return scores, responding.query(board.named)


def notes(board: Board, pages: Sequence[ResultPage]) -> Mapping[str, tuple[BannerNote, ...]]:
    """The latest score that is right, with its class and when it was reckoned."""
    words = board.translator
    made: dict[str, tuple[BannerNote, ...]] = {}
    for patient, entries in by_patient(pages[0].matches).items():
        latest = next((one for one in read(entries) if not one.wrong), None)
        if latest is not None:
            risk = risk_of(latest)
            total = value_text(latest, words, unit=False)
            said = f", {words.gettext(RISKS[risk])}" if risk else ""
            tone = _TONES.get(LEVELS[risk], Tone.QUIET) if risk else Tone.QUIET
            when = words.clock(latest.at)
            if latest.at.date() != local(board.now).date():
                when = words.moment(latest.at)
            label = f"{Scale(latest.key).label} {total}"
            made[patient] = (BannerNote(tone, label, f"{when}{said}", "vitals"),)
    for patient, entries in by_patient(pages[1].matches).items():
        made[patient] = (*made.get(patient, ()), *(_due(board, one) for one in entries if one.body))
    return made


_NEXT: Final = message("Next set at the latest %(when)s")


def _due(board: Board, task: ResourceVersion) -> BannerNote:
    """When the next set is due that a score asked for."""
    end = local(json.loads(task.body or b"{}")["restriction"]["period"]["end"])
    words, now = board.translator, local(board.now)
    when = words.clock(end) if end.date() == now.date() else words.moment(end)
    tone = Tone.DANGER if end <= now else Tone.WARNING
    return BannerNote(tone, "", words.gettext(_NEXT) % {"when": when}, "tasks")


SCORES_ON_BOARD: Final = BoardNotes(queries, notes)
