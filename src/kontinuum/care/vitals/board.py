"""The latest early warning of the many patients on a unit's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from kontinuum.care.vitals import responding
from kontinuum.care.vitals.flowsheet import risk_of
from kontinuum.care.vitals.form import value_text
from kontinuum.care.vitals.kinds import SCALE_CODES
from kontinuum.care.vitals.reading import Reading, read
from kontinuum.care.vitals.rules import RISKS, Risk, Scale
from kontinuum.care.vitals.scoring import LEVELS
from kontinuum.fhir import json
from kontinuum.fhir.subjects import by_patient
from kontinuum.kernel.around import Board, BoardNotes
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import BannerNote, ResourceVersion, ResultPage, Tone
from kontinuum.kernel.provider_settings import response_minutes, response_of

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
    """The latest score that is right, and when the next set is due.

    Of those who lie at the unit is also told that there is no score, and when the next set is due though the
    latest one asked for nothing more: what nobody has measured is not passed over in silence.
    """
    scores, tasks = by_patient(pages[0].matches), by_patient(pages[1].matches)
    made: dict[str, tuple[BannerNote, ...]] = {}
    for patient in {*board.watched, *scores, *tasks}:
        latest = next((one for one in read(scores.get(patient, ())) if not one.wrong), None)
        asked = [_end(one) for one in tasks.get(patient, ()) if one.body]
        found = [_told(board, latest)] if latest is not None else []
        found += [_due(board, end, Tone.WARNING, Tone.DANGER) for end in asked]
        if patient in board.watched and latest is not None and not asked:
            found += [_due(board, end, Tone.QUIET, Tone.WARNING) for end in _next(board, latest)]
        elif patient in board.watched and latest is None and pages[0].next is None:
            title, none = (board.translator.gettext(one) for one in (_EARLY_WARNING, _NONE))
            found.append(BannerNote(Tone.NOTICE, title, none, "vitals", _ENTRY))
        made[patient] = tuple(found)
    return made


_ENTRY: Final = "vitals/entry"
_EARLY_WARNING: Final = message("Early warning")
_NONE: Final = message("none here in two days")
_NEXT: Final = message("Next set at the latest %(when)s")
_WAS_DUE: Final = message("Next set was due %(when)s")
_MINUTES: Final[Mapping[Risk, int]] = {Risk.ZERO: 12 * 60, Risk.LOW: 6 * 60, **responding.MINUTES}
"""NEWS2's table of response (RCP 2017, chart 4): every 12 hours at 0, every 4 to 6 hours at 1 to 4."""


def _told(board: Board, latest: Reading) -> BannerNote:
    """A score, with its class and when it was reckoned."""
    words, risk = board.translator, risk_of(latest)
    said = f", {words.gettext(RISKS[risk])}" if risk else ""
    tone = _TONES.get(LEVELS[risk], Tone.QUIET) if risk else Tone.QUIET
    label = f"{Scale(latest.key).label} {value_text(latest, words, unit=False)}"
    return BannerNote(tone, label, f"{_when(board, latest.at)}{said}", "vitals", "vitals/flowsheet")


def _end(task: ResourceVersion) -> datetime:
    return local(json.loads(task.body or b"{}")["restriction"]["period"]["end"])


def _due(board: Board, end: datetime, ahead: Tone, past: Tone) -> BannerNote:
    """When the next set is due; it leads to the form."""
    late = end <= local(board.now)
    text = board.translator.gettext(_WAS_DUE if late else _NEXT) % {"when": _when(board, end)}
    return BannerNote(past if late else ahead, "", text, "vitals", _ENTRY)


def _next(board: Board, latest: Reading) -> list[datetime]:
    """When a set is due where no Task says it; nothing where that is prescribed, or decided without a time.

    Of a higher class somebody has marked the Task as done, or it came from elsewhere: it is due as soon.
    """
    risk = risk_of(latest)
    if risk is None or latest.key != Scale.NEWS2:
        return []
    minutes = response_minutes(board.settings, board.unit, risk.value)
    if minutes is None and response_of(board.settings, board.unit, risk.value):
        return []
    return [latest.at + timedelta(minutes=minutes or _MINUTES[risk])]


def _when(board: Board, moment: datetime) -> str:
    words = board.translator
    return words.clock(moment) if moment.date() == local(board.now).date() else words.moment(moment)


SCORES_ON_BOARD: Final = BoardNotes(queries, notes)
