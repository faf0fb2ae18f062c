"""Vital signs and laboratory results on the overview, and the whole trend of one of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import zip_longest
from string import ascii_lowercase
from urllib.parse import quote, urlencode

from kontinuum.care.observations import sparkline
from kontinuum.care.observations.model import Component, Observation, read_observations
from kontinuum.care.observations.rules import (
    OTHER,
    PANELS,
    Deviation,
    Series,
    deviation,
    is_score,
    panel_place,
    series,
    vital_place,
)
from kontinuum.fhir.datatypes import Quantity
from kontinuum.kernel.i18n import Translator, local, message
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

_VITALS_AT_MOST = 150
_LABORATORY_AT_MOST = 400
_TREND_AT_MOST = 200
_OLD = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Row:
    """The latest value of one kind, with its trend; `source` tells when, where and by whom."""

    label: str
    value: str
    measure: str
    deviation: Deviation
    preliminary: bool
    corrected: bool
    day: str
    old: bool
    spark: sparkline.Sparkline | None
    unit: str
    source: str
    meaning: str
    trend: str


@dataclass(frozen=True, slots=True)
class Group:
    """Rows under a heading."""

    heading: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement in the table behind a trend; the numbers are for the drawing."""

    when: str
    at: int
    value: str
    number: str
    second: str
    deviation: Deviation
    preliminary: bool
    unit: str
    staff: str
    comment: str


def vitals_queries(chart: Chart) -> tuple[str, ...]:
    """The latest vital signs."""
    return (f"Observation?patient={chart.patient}&category=vital-signs&_sort=-date&_count={_VITALS_AT_MOST}",)


def vitals_view(chart: Chart, pages: Sequence[ResultPage]) -> View:
    """The latest of each vital sign."""
    found = sorted(series(read_observations(pages[0].matches)), key=lambda one: vital_place(one.label))
    group = Group("", tuple(_row(chart, one) for one in found))
    return _card("vitals", (group,) if found else (), pages[0])


def scores_queries(chart: Chart) -> tuple[str, ...]:
    """The latest answers to scales."""
    return (f"Observation?patient={chart.patient}&category=survey&_sort=-date&_count={_VITALS_AT_MOST}",)


def scores_view(chart: Chart, pages: Sequence[ResultPage]) -> View | None:
    """The latest score of each scale, with what it means; early warning has a card of its own."""
    scores = [one for one in read_observations(pages[0].matches) if is_score(one[0])]
    group = Group("", tuple(_row(chart, one) for one in series(scores)))
    return _card("scores", (group,), pages[0]) if scores else None


def laboratory_queries(chart: Chart) -> tuple[str, ...]:
    """The latest laboratory results."""
    return (
        f"Observation?patient={chart.patient}&category=laboratory&_sort=-date&_count={_LABORATORY_AT_MOST}",
    )


def laboratory_view(chart: Chart, pages: Sequence[ResultPage]) -> View:
    """The latest of each analysis, by panel."""
    found = sorted(
        series(read_observations(pages[0].matches)), key=lambda one: (*panel_place(one.label), one.label)
    )
    rows: dict[int, list[Row]] = {}
    for one in found:
        rows.setdefault(panel_place(one.label)[0], []).append(_row(chart, one))
    titles = [*(panel.title for panel in PANELS), OTHER]
    headings = len(found) > 5
    groups = tuple(
        Group(chart.translator.gettext(titles[number]) if headings else "", tuple(members))
        for number, members in rows.items()
    )
    return _card("laboratory", groups, pages[0])


def _card(kind: str, groups: tuple[Group, ...], page: ResultPage) -> View:
    """The rows; where several units have measured, each row bears the letter of its unit."""
    units = dict.fromkeys(row.unit for group in groups for row in group.rows)
    letters = ascii_lowercase if len(units) > 1 else ""
    marks = dict(zip_longest(units, letters[: len(units)], fillvalue=""))
    values = {"kind": kind, "groups": groups, "units": marks, "truncated": page.next is not None}
    return View("observations/card.html", values)


async def trend(request: PageRequest) -> View | NotFound:
    """Answer `observations/trend?code=system|code`: every value of one kind, drawn and as a table."""
    chart = request.chart
    code = request.parameters.get("code", "")
    if "|" not in code:
        return NotFound(message("There is no such measurement."))
    kind = f"patient={chart.patient}&code={quote(code, safe='|')}"
    query = f"Observation?{kind}&_sort=-date&_count={_TREND_AT_MOST}"
    (page,) = await request.record.find_many([query])
    found = series(read_observations(page.matches))
    if not found:
        return NotFound(message("There is no such measurement."))
    whole = found[0]
    low, high = whole.latest.limits
    values = {
        "label": whole.label,
        "measure": whole.latest.unit,
        "reference": _reference(whole.latest, chart.translator),
        "low": "" if low is None else str(low),
        "high": "" if high is None else str(high),
        "points": [_point(chart, *one) for one in whole.points],
        "drawable": len(whole.numbers()) > 1,
        "truncated": _TREND_AT_MOST if page.next else 0,
    }
    return View("observations/trend.html", values)


def _row(chart: Chart, whole: Series) -> Row:
    latest, entry = whole.points[0]
    translator = chart.translator
    age = local(chart.now) - local(latest.when) if latest.when else timedelta()
    unit = chart.directory.unit(entry.unit)
    return Row(
        label=whole.label,
        value=value_text(latest, translator),
        measure=latest.unit,
        deviation=deviation(latest),
        preliminary=latest.preliminary,
        corrected=latest.corrected,
        day=translator.day(latest.when),
        old=age > _OLD,
        spark=sparkline.draw(whole.numbers(), latest.limits),
        unit=unit,
        source=" · ".join(filter(None, (translator.moment(latest.when), unit, _staff(chart, latest)))),
        meaning=latest.meaning,
        trend=f"{chart.path('observations', 'trend')}?{urlencode({'code': whole.key})}"
        if "|" in whole.key
        else "",
    )


def _point(chart: Chart, point: Observation, entry: ResourceVersion) -> Point:
    number, second = point.number, point.second_number
    return Point(
        when=chart.translator.moment(point.when),
        at=int(local(point.when).timestamp()) if point.when else 0,
        value=value_text(point, chart.translator),
        number="" if number is None else str(number),
        second="" if second is None else str(second),
        deviation=deviation(point),
        preliminary=point.preliminary,
        unit=chart.directory.unit(entry.unit),
        staff=_staff(chart, point),
        comment=" ".join((point.meaning, *(note.text for note in point.note))).strip(),
    )


def value_text(observation: Observation | Component, translator: Translator) -> str:
    """A value in words, whatever its type; why it is absent when it is; several components by slashes."""
    if isinstance(observation, Observation) and observation.component and observation.value_quantity is None:
        return "/".join(value_text(part, translator) for part in observation.component)
    quantity = observation.value_quantity
    if quantity is not None and quantity.value is not None:
        return _quantity(quantity, translator)
    concept = observation.value_codeable_concept
    if concept is not None:
        return concept.label
    if observation.value_string is not None:
        return observation.value_string
    return _other_value(observation, translator) if isinstance(observation, Observation) else ""


def _other_value(observation: Observation, translator: Translator) -> str:
    if observation.value_boolean is not None:
        return translator.gettext("Yes") if observation.value_boolean else translator.gettext("No")
    if observation.value_integer is not None:
        return translator.number(observation.value_integer)
    if observation.data_absent_reason is not None:
        return observation.data_absent_reason.label
    return translator.moment(observation.value_date_time) or observation.value_time or ""


def _quantity(quantity: Quantity, translator: Translator) -> str:
    comparator = {"<=": "≤", ">=": "≥"}.get(quantity.comparator or "", quantity.comparator or "")
    value = "" if quantity.value is None else translator.number(quantity.value)
    return f"{comparator}{value}"


def _reference(observation: Observation, translator: Translator) -> str:
    """The reference interval in words: `3,5–4,4`, `<5`, or the laboratory's own text."""
    if not observation.reference_range:
        return ""
    first = observation.reference_range[0]
    low, high = observation.limits
    if low is not None and high is not None:
        return f"{translator.number(low)}–{translator.number(high)}"
    if low is not None:
        return f"≥ {translator.number(low)}"
    if high is not None:
        return f"≤ {translator.number(high)}"
    return first.text or ""


def _staff(chart: Chart, observation: Observation) -> str:
    names: Iterable[str] = (chart.directory.name(one.reference, one.display) for one in observation.performer)
    return ", ".join(filter(None, names))


VITALS_CARD = OverviewCard(
    anchor="vitals",
    title=message("Vital signs"),
    placement=Placement.FINDINGS,
    order=40,
    queries=vitals_queries,
    view=vitals_view,
)
SCORES_CARD = OverviewCard(
    anchor="scores",
    title=message("Scales and scores"),
    placement=Placement.FINDINGS,
    order=45,
    queries=scores_queries,
    view=scores_view,
)
LABORATORY_CARD = OverviewCard(
    anchor="laboratory",
    title=message("Laboratory"),
    placement=Placement.FINDINGS,
    order=50,
    queries=laboratory_queries,
    view=laboratory_view,
)
TREND = Route(
    path="trend",
    title=message("Trend"),
    handler=trend,
    purposes=frozenset({Purpose.CARE, Purpose.QUALITY, Purpose.SUPERVISION}),
    audit=AuditKind.READ,
)
