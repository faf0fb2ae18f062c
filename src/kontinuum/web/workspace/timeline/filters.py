"""What of the timeline is wanted: kinds, units, professions, a period; all of it in the address."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from kontinuum.fhir import json
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.i18n import SWEDEN, message
from kontinuum.kernel.module import Chart
from kontinuum.record import Record
from kontinuum.record.chronicle import Keep, Part
from kontinuum.web.workspace.timeline.describing import authors_of, concept
from kontinuum.web.workspace.timeline.kinds import (
    BY_KEY,
    KINDS,
    PROFESSIONS,
    PROFESSIONS_BY_KEY,
    profession_of,
)

PERIODS: Final[Mapping[str, tuple[str, timedelta]]] = {
    "month": (message("The last 30 days"), timedelta(days=30)),
    "year": (message("The last 12 months"), timedelta(days=365)),
    "years": (message("The last 5 years"), timedelta(days=5 * 365 + 1)),
}
_NO_KIND: Final = message("There is no kind of entry called “%(name)s”.")
_NO_PROFESSION: Final = message("There is no profession called “%(name)s” among the filters.")
NO_DAY: Final = message("“%(name)s” is no day. Write it as 2026-03-12.")
_NO_PERIOD: Final = message("“%(name)s” is no period.")
BACKWARDS: Final = message("The period ends before it begins.")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Filters:
    """What was chosen; an empty choice is no limit. `begins` and `ends` are days, both included."""

    kinds: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    professions: tuple[str, ...] = ()
    period: str = ""
    begins: str = ""
    ends: str = ""
    words: str = ""

    @property
    def chosen(self) -> bool:
        """Whether anything is left out."""
        return any((self.kinds, self.units, self.professions, self.period, self.begins, self.ends))

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """As they stand in an address."""
        found = [("q", self.words)] if self.words else []
        found += [("kind", each) for each in self.kinds]
        found += [("unit", each) for each in self.units]
        found += [("profession", each) for each in self.professions]
        single = (("period", self.period), ("from", self.begins), ("to", self.ends))
        return [*found, *((name, value) for name, value in single if value)]

    def address(self, path: str, **more: str) -> str:
        """A page with these filters; `more` are further parameters."""
        pairs = [*self.pairs, *more.items()]
        return f"{path}?{urlencode(pairs)}" if pairs else path

    def span(self, now: datetime) -> tuple[int | None, int | None]:
        """The period as moments in microseconds, the second one excluded."""
        if self.period:
            return to_micros(now - PERIODS[self.period][1]), None
        start = to_micros(_midnight(self.begins)) if self.begins else None
        end = to_micros(_midnight(self.ends) + timedelta(days=1)) if self.ends else None
        return start, end


def _midnight(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), SWEDEN)


def read_filters(parameters: Any, chart: Chart) -> Filters | str:
    """The filters of an address (Starlette's query parameters), or what is wrong with them in words."""
    gettext = chart.translator.gettext

    def several(name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each for each in parameters.getlist(name) if each))

    filters = Filters(
        kinds=several("kind"),
        units=several("unit"),
        professions=several("profession"),
        period=parameters.get("period", ""),
        begins=parameters.get("from", "").strip(),
        ends=parameters.get("to", "").strip(),
        words=parameters.get("q", "").strip()[:200],
    )
    for name, known, text in (
        (filters.kinds, BY_KEY, _NO_KIND),
        (filters.professions, PROFESSIONS_BY_KEY, _NO_PROFESSION),
        ((filters.period,) if filters.period else (), PERIODS, _NO_PERIOD),
    ):
        odd = next((each for each in name if each not in known), None)
        if odd is not None:
            return gettext(text) % {"name": odd}
    for day in (filters.begins, filters.ends):
        if day and not is_day(day):
            return gettext(NO_DAY) % {"name": day}
    if filters.begins and filters.ends and filters.ends < filters.begins:
        return gettext(BACKWARDS)
    return filters


def is_day(text: str) -> bool:
    """Whether a text is a day that a timeline can hold, with a day after it."""
    try:
        return _DAY.fullmatch(text) is not None and 1800 <= date.fromisoformat(text).year < 2200
    except ValueError:
        return False


def part_of(filters: Filters, chart: Chart, record: Record, kinds: Sequence[str] | None = None) -> Part:
    """What the filters ask of the chronicle; `kinds` in place of the chosen ones."""
    wanted = filters.kinds if kinds is None else kinds
    searches = [each for kind in KINDS if not wanted or kind.key in wanted for each in kind.searches]
    start, end = filters.span(chart.now)
    keep = _by_profession(frozenset(filters.professions), record) if filters.professions else None
    return Part(tuple(searches), filters.units, start, end, keep=keep)


def _by_profession(wanted: frozenset[str], record: Record) -> Keep:
    """Keep what one of the professions wrote, as the title at the entry or the assignment tells it."""
    known: dict[str, str] = {}

    async def keep(resources: Sequence[dict[str, Any]]) -> Sequence[bool]:
        authors = [tuple(authors_of(each)) for each in resources]
        untold = {
            reference
            for each in authors
            for reference, display in each
            if reference and reference not in known and not profession_of(_title(display))
            if reference.startswith("PractitionerRole/")
        }
        found = await record.read_many(sorted(untold)) if untold else {}
        known.update(dict.fromkeys(untold, ""))
        known.update((name, _told_by(one.body)) for name, one in found.items() if one.body)
        return [
            any(
                (profession_of(_title(display)) or known.get(reference or "", "")) in wanted
                for reference, display in each
            )
            for each in authors
        ]

    return keep


def _title(display: str | None) -> str:
    """The title in `Anna Berglund, Distriktsläkare`."""
    return (display or "").partition(", ")[2]


def _told_by(role: bytes) -> str:
    codes = json.loads(role).get("code") or ()
    texts = [concept(each) for each in codes]
    texts += [str(c.get("display") or "") for each in codes for c in each.get("coding") or ()]
    return next(filter(None, map(profession_of, texts)), "")


@dataclass(frozen=True, slots=True)
class Choice:
    """A link that takes a filter in or out."""

    title: str
    address: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Choices:
    """The filters as they are offered on a page."""

    kinds: tuple[Choice, ...]
    units: tuple[Choice, ...]
    professions: tuple[Choice, ...]
    periods: tuple[Choice, ...]
    everything: str


def offered(filters: Filters, path: str, units: Sequence[str], chart: Chart) -> Choices:
    """Every filter as a link to the page with it, or without it where it is chosen."""
    gettext = chart.translator.gettext

    def choice(field: str, title: str, value: str) -> Choice:
        before: tuple[str, ...] = getattr(filters, field)
        after = tuple(each for each in before if each != value) if value in before else (*before, value)
        changed: dict[str, Any] = {field: after}
        return Choice(title, replace(filters, **changed).address(path), value in before)

    def period(key: str, title: str) -> Choice:
        after = replace(filters, period="" if filters.period == key else key, begins="", ends="")
        return Choice(gettext(title), after.address(path), filters.period == key)

    named = sorted({*units, *filters.units}, key=chart.directory.unit)
    return Choices(
        kinds=tuple(choice("kinds", gettext(each.title), each.key) for each in KINDS),
        units=tuple(choice("units", chart.directory.unit(each), each) for each in named),
        professions=tuple(choice("professions", gettext(each.title), each.key) for each in PROFESSIONS),
        periods=tuple(period(key, title) for key, (title, _) in PERIODS.items()),
        everything=Filters(words=filters.words).address(path),
    )
