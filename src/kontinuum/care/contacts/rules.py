"""How a contact goes from state to state, and when a time is free. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from kontinuum.fhir.stays import is_inpatient
from kontinuum.kernel.around import Busy
from kontinuum.kernel.i18n import SWEDEN

UNDO: Final = "undo"


@dataclass(frozen=True, slots=True)
class Step:
    """From which states a step leads to which; `ward` steps are those of an admission."""

    since: frozenset[str]
    to: str
    ward: bool = False


STEPS: Final[Mapping[str, Step]] = {
    "arrive": Step(frozenset({"planned"}), "arrived"),
    "start": Step(frozenset({"planned", "arrived", "triaged"}), "in-progress"),
    "cancel": Step(frozenset({"planned", "arrived", "triaged"}), "cancelled"),
    "leave": Step(frozenset({"in-progress"}), "onleave", ward=True),
    "return": Step(frozenset({"onleave"}), "in-progress", ward=True),
    "close": Step(frozenset({"arrived", "triaged", "in-progress", "onleave"}), "finished"),
    "reopen": Step(frozenset({"finished"}), "in-progress"),
}
"""http://hl7.org/fhir/R4/encounter-definitions.html#Encounter.status"""

BOOKING_OF: Final[Mapping[str, str]] = {
    "planned": "booked",
    "arrived": "arrived",
    "in-progress": "arrived",
    "finished": "fulfilled",
    "cancelled": "cancelled",
}
"""The state of a booking while its contact is in a state."""


def possible(encounter: Mapping[str, Any]) -> tuple[str, ...]:
    """The steps that a contact can take, and `undo` where it has taken one."""
    ward = is_inpatient(encounter)
    names = [
        name for name, step in STEPS.items() if encounter["status"] in step.since and (ward or not step.ward)
    ]
    history = encounter.get("statusHistory") or ()
    return (*names, UNDO) if history and encounter["status"] != "entered-in-error" else tuple(names)


def taken(encounter: Mapping[str, Any], name: str, moment: str) -> dict[str, Any]:
    """A contact after a step that is possible, at a moment; `undo` leads back to the state before."""
    history = list(encounter.get("statusHistory") or ())
    period = dict(encounter.get("period") or {})
    if name == UNDO:
        status = history.pop()["status"]
        period.pop("end", None)
    else:
        status = STEPS[name].to
        since = history[-1]["period"].get("end") if history else period.get("start")
        span = {"start": since, "end": moment} if since and since <= moment else {"end": moment}
        history.append({"status": encounter["status"], "period": span})
        if encounter["status"] == "planned" and status in ("arrived", "in-progress"):
            period = {"start": moment}
        if name == "reopen":
            period.pop("end", None)
        if name == "close":
            period["end"] = moment
    made = {**encounter, "status": status, "statusHistory": history, "period": period}
    if not history:
        made.pop("statusHistory")
    made.pop("text", None)  # a narrative would say what the elements said before
    return made


_DAY: Final = re.compile(
    r"(?P<iso>\d{4}-\d{2}-\d{2})|(?P<day>\d{1,2})/(?P<month>\d{1,2})|\+?(?P<number>\d{1,3}) ?(?P<unit>[dvwm])"
)
_TIME: Final = re.compile(r"(\d{1,2})(?:[:.]?(\d{2}))?")
_AHEAD: Final = timedelta(days=3 * 366)


def read_moment(text: str, now: datetime) -> datetime | None:
    """The moment that was typed; None for what is none, is over, or lies more than three years ahead.

    `2026-12-14 09:30`, `14/12 9.30` (the next one) and `+2v 930`, with d, v (or w) and m for days, weeks and
    months from today. `now` is in Swedish time.
    """
    parts = re.fullmatch(r"(.*\S)\s+(\S+)", text.strip())
    if parts is None:
        return None
    found, clock = _DAY.fullmatch(parts[1].lower()), _TIME.fullmatch(parts[2])
    if found is None or clock is None:
        return None
    try:
        day = _day_of(found, now.date())
        moment = datetime.combine(day, time(int(clock[1]), int(clock[2] or 0)), tzinfo=SWEDEN)
    except (ValueError, OverflowError):
        return None
    return moment if now - timedelta(minutes=5) <= moment <= now + _AHEAD else None


def _day_of(found: re.Match[str], today: date) -> date:
    if found["iso"]:
        return date.fromisoformat(found["iso"])
    if found["day"]:
        day = date(today.year, int(found["month"]), int(found["day"]))
        return day if day >= today else day.replace(year=today.year + 1)
    number = int(found["number"])
    if found["unit"] != "m":
        return today + timedelta(days=number * (1 if found["unit"] == "d" else 7))
    months = today.month - 1 + number
    year, month = today.year + months // 12, months % 12 + 1
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month, min(today.day, last))


_FIRST: Final = time(7)
_LAST: Final = time(18)


def overlapping(busy: Iterable[Busy], start: datetime, end: datetime) -> list[Busy]:
    """The times among those that are taken which a new one would share."""
    return [one for one in busy if one.start < end and one.end > start]


def next_free(busy: Sequence[Busy], start: datetime, length: timedelta) -> datetime | None:
    """The first time of a length from `start` on the same day that is free between seven and six."""
    day = start.date()
    at = max(start, datetime.combine(day, _FIRST, tzinfo=start.tzinfo))
    for one in sorted(busy, key=lambda each: each.start):
        if one.start < at + length and one.end > at:
            at = one.end
    last = datetime.combine(day, _LAST, tzinfo=start.tzinfo)
    return at if at + length <= last else None
