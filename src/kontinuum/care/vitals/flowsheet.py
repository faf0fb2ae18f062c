"""The flowsheet: values by time and kind, newest at the right, with what was corrected and what was wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from kontinuum.care.vitals import reading
from kontinuum.care.vitals.around import observation_queries
from kontinuum.care.vitals.form import value_text
from kontinuum.care.vitals.kinds import CHOICES, KINDS
from kontinuum.care.vitals.reading import Reading
from kontinuum.care.vitals.resources import RISK
from kontinuum.care.vitals.rules import RISKS, Risk, Scale
from kontinuum.care.vitals.scoring import LEVELS, response
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import Chart, NotFound, PageRequest, View

PERIODS: Final[Mapping[str, timedelta | None]] = {
    "24h": timedelta(hours=24),
    "3d": timedelta(days=3),
    "week": timedelta(days=7),
    "all": None,
}
AT_MOST: Final = 400
"""How many values one page shows; older ones are told of."""

NO_PERIOD: Final = message("There is no such period.")
_ORDER: Final = (
    *(one.value for one in Scale),
    "respiration",
    "saturation",
    "inspired",
    "pressure",
    "pulse",
    "consciousness",
    "temperature",
    "refill",
    "effort",
    "pain",
    "glucose",
    "urine",
    "weight",
    "height",
    "head",
)
_TITLES: Final[Mapping[str, str]] = {
    **{key: one.title for key, one in KINDS.items()},
    **{key: one.title for key, one in CHOICES.items()},
    **{one.value: one.label for one in Scale},
    "pressure": message("Blood pressure"),
    "inspired": message("Air or oxygen"),
}
_UNITS: Final = {**{key: one.unit for key, one in KINDS.items()}, "pressure": "mmHg"}
_UNITS_IN_CELLS: Final = frozenset({"inspired"})


@dataclass(frozen=True, slots=True)
class Cell:
    """One value. `flag` is `low` or `high`, for a score how loudly it speaks.

    `stale` is a score with a part that was changed afterwards.
    """

    id: str
    text: str
    address: str
    flag: str
    told: str
    late: bool
    wrong: bool
    corrected: bool
    stale: bool
    source: str


@dataclass(frozen=True, slots=True)
class Column:
    """A time of measuring: the day is told where it is another than in the column before."""

    at: datetime
    day: str
    clock: str
    late: bool
    by: str
    unit: str


@dataclass(frozen=True, slots=True)
class Line:
    """The values of a kind, in the order of the columns."""

    key: str
    title: str
    unit: str
    cells: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A time of measuring as a row on paper: a sheet has room downwards, and none to scroll in."""

    when: str
    cells: tuple[tuple[Cell, ...], ...]
    by: str
    unit: str


@dataclass(frozen=True, slots=True)
class Latest:
    """The latest score that stands."""

    name: str
    total: str
    risk: str
    level: str
    when: str
    response: str
    stale: bool


async def flowsheet(request: PageRequest) -> View | NotFound:
    """Answer `vitals/flowsheet?period=24h|3d|week|all`."""
    period = request.parameters.get("period")
    if period is not None and period not in PERIODS:
        return NotFound(NO_PERIOD)
    chart = request.chart
    found, truncated, period = await in_period(request, period)
    columns, lines = table(chart, found)
    values = {
        "period": period,
        "columns": columns,
        "lines": lines,
        "paper": on_paper(chart, columns, lines),
        "truncated": truncated,
        "latest": latest_score(request, found),
        "measured": sum(not one.wrong for one in found),
    }
    return View("vitals/flowsheet.html", values)


async def in_period(request: PageRequest, period: str | None) -> tuple[list[Reading], bool, str]:
    """The readings of a period; where none is asked for, of the shortest that has any, else of all time."""
    wanted = [period] if period is not None else list(PERIODS)
    for name in wanted:
        length = PERIODS[name]
        since = None if length is None else request.chart.now - length
        pages = await request.record.find_many(observation_queries(request.chart, since, AT_MOST))
        found = reading.read(entry for page in pages for entry in page.matches)
        if found or name == wanted[-1]:
            return found[:AT_MOST], any(page.next for page in pages) or len(found) > AT_MOST, name
    raise AssertionError("a period is always wanted")


def table(chart: Chart, found: Sequence[Reading]) -> tuple[list[Column], list[Line]]:
    """The columns, the oldest first, and the lines of those kinds that have a value."""
    known = {one.id: one for one in found}
    times = sorted({_minute(one) for one in found})
    columns, day = [], ""
    for at in times:
        here = [one for one in found if _minute(one) == at]
        column = _column(chart, at, here, day)
        day = chart.translator.day(at)
        columns.append(column)
    rows: dict[str, dict[datetime, list[Cell]]] = {}
    labels: dict[str, tuple[str, str]] = {}
    for one in found:
        key = "pressure" if one.key in ("systolic", "diastolic") else one.key
        rows.setdefault(key, {}).setdefault(_minute(one), []).append(_cell(chart, one, known))
        labels.setdefault(key, (_title(chart, key, one), _unit(key, one)))
    return columns, [
        Line(key, *labels[key], tuple(tuple(rows[key].get(at, ())) for at in times))
        for key in sorted(rows, key=lambda key: _ORDER.index(key) if key in _ORDER else len(_ORDER))
    ]


def on_paper(chart: Chart, columns: Sequence[Column], lines: Sequence[Line]) -> list[Sheet]:
    """The times as rows, the newest first."""
    return [
        Sheet(
            chart.translator.moment(column.at.isoformat()),
            tuple(line.cells[number] for line in lines),
            column.by,
            column.unit,
        )
        for number, column in reversed(list(enumerate(columns)))
    ]


def _title(chart: Chart, key: str, one: Reading) -> str:
    return chart.translator.gettext(_TITLES[key]) if key in _TITLES else one.label


def _unit(key: str, one: Reading) -> str:
    quantity = one.body.get("valueQuantity", {})
    if key in _UNITS_IN_CELLS or key in list(Scale):
        return ""
    return _UNITS.get(key) or quantity.get("unit") or quantity.get("code") or ""


def _minute(one: Reading) -> datetime:
    return one.at.replace(second=0, microsecond=0)


def _column(chart: Chart, at: datetime, here: Sequence[Reading], day: str) -> Column:
    words = chart.translator
    today = words.day(at)
    return Column(
        at,
        today if today != day else "",
        words.clock(at),
        any(one.late for one in here),
        ", ".join(dict.fromkeys(filter(None, (who(chart, one) for one in here)))),
        ", ".join(dict.fromkeys(chart.directory.unit(one.unit) for one in here if one.unit)),
    )


def who(chart: Chart, one: Reading) -> str:
    """Who measured."""
    return ", ".join(filter(None, (chart.directory.name(*pair) for pair in one.performers)))


def flag_of(one: Reading) -> str:
    """`low`, `high` or nothing, of the value or of a part of it, by the range that was kept with it."""
    for part in (one.body, *one.body.get("component", ())):
        for concept in part.get("interpretation", ()):
            for coding in concept.get("coding", ()):
                code = str(coding.get("code", ""))
                if coding.get("system") != RISK and code[:1] in ("L", "H"):
                    return "low" if code.startswith("L") else "high"
    return ""


def risk_of(one: Reading) -> Risk | None:
    """The class of a score."""
    for concept in one.body.get("interpretation", ()):
        for coding in concept.get("coding", ()):
            if coding.get("system") == RISK and coding.get("code") in list(Risk):
                return Risk(coding["code"])
    return None


def is_stale(one: Reading, known: Mapping[str, Reading]) -> bool:
    """Whether a part of a score was changed after the score was reckoned."""
    parts = (known[part] for part in one.parts if part in known)
    return any(part.updated > one.updated or part.wrong for part in parts) and not one.wrong


def address_of(chart: Chart, one: Reading) -> str:
    """The page of one value."""
    return f"{chart.path('vitals', 'value')}?id={quote(one.id, safe='')}"


def _cell(chart: Chart, one: Reading, known: Mapping[str, Reading]) -> Cell:
    words = chart.translator
    risk = risk_of(one)
    score = one.key in list(Scale)
    text = value_text(one, words, unit=False)
    source = " · ".join(filter(None, [words.moment(one.at), who(chart, one), chart.directory.unit(one.unit)]))
    return Cell(
        id=one.id,
        text=text,
        address=address_of(chart, one),
        flag=(LEVELS[risk] if risk else "") if score else flag_of(one),
        told=words.gettext(RISKS[risk]) if risk else "",
        late=one.late,
        wrong=one.wrong,
        corrected=one.corrected,
        stale=score and is_stale(one, known),
        source=source,
    )


def latest_score(request: PageRequest, found: Iterable[Reading]) -> Latest | None:
    """The latest score that stands, with what the unit does at it."""
    readings = list(found)
    scores = [one for one in readings if one.key in list(Scale) and not one.wrong]
    if not scores:
        return None
    one, words = scores[0], request.chart.translator
    risk = risk_of(one)
    today = words.day(one.at) == words.day(local(request.chart.now))
    return Latest(
        Scale(one.key).label,
        value_text(one, words, unit=False),
        words.gettext(RISKS[risk]) if risk else "",
        LEVELS[risk] if risk else "",
        words.clock(one.at) if today else words.moment(one.at),
        response(risk, request.principal, request.settings, words) if risk else "",
        is_stale(one, {each.id: each for each in readings}),
    )
