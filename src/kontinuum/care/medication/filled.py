"""The form of a prescription as it is filled in, and what is wrong with it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from kontinuum.care.medication.dosing import EVERY, ROUTES, UNITS, WHEN, Dosing, dosing_of, read_amount, shown
from kontinuum.care.medication.model import Problem
from kontinuum.care.medication.usual import Usual
from kontinuum.care.medication.writing import INPATIENT
from kontinuum.fhir.authoring import new_token, read_date
from kontinuum.kernel.i18n import message
from kontinuum.kernel.numbers import whole

YEAR: Final = timedelta(days=364)
"""The longest time for which a prescription holds: a year with its first day (HSLF-FS 2021:75 ch. 8)."""
DRAWS: Final = 12
LONGEST: Final = 2000

NO_DOSE: Final = message("Write the dose as 1, 0,5 or 1-2, or choose to write the dosage in words.")
NO_WORDS: Final = message("Write how the drug is taken.")
NO_TIMES: Final = message("Say how often it is taken, or that it is taken when needed.")
_NO_CEILING: Final = message("Write the most of a day as a number, such as 8.")
_NO_DAY: Final = message("Write days as 2026-03-01.")
_DAYS_OR_END: Final = message("Give a number of days or a last day, not both.")
_NOT_BEFORE: Final = message("The treatment cannot end before it begins.")
_OVER: Final = message("The last day of the treatment is past.")
_HOLDS: Final = message("A prescription holds for a year at the most, and not until a day that is past.")
_NO_DRAWS: Final = message("A prescription is dispensed 1 to 12 times.")
_NO_PACK: Final = message("Write the amount as 100 st.")
TOO_LONG: Final = message("A text is too long: at most 2 000 characters.")

_WHOLE: Final = re.compile(r"\d{1,3}", re.ASCII)
_PACK: Final = re.compile(r"(\d{1,6}(?:[.,]\d{1,3})?)\s*(\S{1,20})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Filled:
    """The form. `of` is the id of the prescription whose dosage is changed, empty for a new one."""

    token: str
    of: str = ""
    version: int = 0
    text: str = ""
    code: str = ""
    free: bool = False
    dose: str = ""
    unit: str = "tablett"
    times: str = ""
    every: str = "d"
    when: tuple[str, ...] = ()
    needed: bool = False
    ceiling: str = ""
    words: str = ""
    route: str = "PO"
    start: str = ""
    days: str = ""
    end: str = ""
    problem: str = ""
    reason: str = ""
    pack: str = ""
    draws: str = "4"
    until: str = ""
    exchange: bool = True
    inpatient: bool = False
    comment: str = ""
    why: str = ""
    heard: str = ""

    @property
    def chosen(self) -> bool:
        """Whether it is said which drug it is."""
        return bool(self.code or (self.free and self.text.strip()))


def empty(today: date) -> Filled:
    """The form before anything is chosen."""
    return Filled(new_token(), start=today.isoformat(), until=(today + YEAR).isoformat())


def filled_of(fields: Mapping[str, Sequence[str]]) -> Filled:
    """The form as it was sent."""
    given = {name: values[0] for name, values in fields.items() if values}

    def known(name: str, among: Mapping[str, object], otherwise: str = "") -> str:
        return given[name] if given.get(name) in among else otherwise

    version = given.get("version", "")
    plain = ("of", "dose", "times", "ceiling", "words", "start", "days", "end", "problem", "reason", "pack")
    return Filled(
        token=given.get("token") or new_token(),
        version=whole(version),
        text="" if given.get("choice") else given.get("text", ""),
        code=given.get("choice") or given.get("code", ""),
        free=given.get("free") == "1",
        unit=known("unit", UNITS),
        every=known("every", EVERY, "d"),
        when=tuple(each for each in WHEN if each in fields.get("when", ())),
        needed=given.get("needed") == "1",
        route=known("route", ROUTES),
        exchange=given.get("exchange", "1") == "1",
        inpatient=given.get("place") == INPATIENT,
        **{name: given.get(name, "") for name in (*plain, "draws", "until", "comment", "why", "heard")},
    )


def with_usual(filled: Filled, usual: Usual, problems: Sequence[Problem]) -> Filled:
    """The form with a usual prescription in it, for the problem of the patient that it is usual for."""
    dosing = usual.dosing
    fitting = (one.id for each in usual.problems for one in problems if one.code.code().startswith(each))
    return replace(
        _with_dosing(filled, dosing),
        text=usual.name,
        start=filled.start,
        end="",
        code=usual.atc,
        free=False,
        problem=filled.problem or next(fitting, ""),
        pack=usual.pack,
        draws=str(usual.draws),
    )


def _with_dosing(filled: Filled, dosing: Dosing) -> Filled:
    return replace(
        filled,
        dose=shown(dosing.low, dosing.high) if dosing.low is not None else "",
        unit=dosing.unit,
        times=str(dosing.times or ""),
        every=dosing.every,
        when=dosing.when,
        needed=dosing.needed,
        ceiling=shown(dosing.ceiling) if dosing.ceiling is not None else "",
        words=dosing.words,
        route=dosing.route,
        start=dosing.start,
        days=str(dosing.days or ""),
        end="" if dosing.days else dosing.end,
    )


def as_it_stands(resource: Mapping[str, Any], label: str, code: str, version: int, today: date) -> Filled:
    """The form of a prescription whose dosage is to be changed; the change begins today."""
    dispensed = resource.get("dispenseRequest") or {}
    quantity = dispensed.get("quantity") or {}
    reference = ((resource.get("reasonReference") or [{}])[0].get("reference") or "").rpartition("/")[2]
    amount = (
        f"{shown(Decimal(quantity['value']))} {quantity.get('unit', '')}" if quantity.get("value") else ""
    )
    categories = [one for each in resource.get("category") or () for one in each.get("coding") or ()]
    substitution = resource.get("substitution") or {}
    filled = replace(
        empty(today),
        of=resource["id"],
        version=version,
        text=label,
        code=code,
        free=not code,
        problem=reference,
        reason=", ".join(one.get("text") or "" for one in resource.get("reasonCode") or ()),
        pack=amount.strip(),
        draws=str((dispensed.get("numberOfRepeatsAllowed") or 0) + 1),
        exchange=substitution.get("allowedBoolean", True) is not False,
        inpatient=any(one.get("code") == INPATIENT for one in categories),
    )
    kept = _with_dosing(filled, dosing_of(resource.get("dosageInstruction") or []))
    return replace(kept, start=today.isoformat())


def read_pack(text: str) -> tuple[Decimal, str] | None:
    """An amount such as `100 st`; None for what is none."""
    match = _PACK.fullmatch(text.strip())
    return (Decimal(match[1].replace(",", ".")), match[2]) if match else None


def read_dosing(filled: Filled, today: date) -> Dosing | str:
    """The dosage that the form says, or what is wrong with it."""
    amount = read_amount(filled.dose)
    ceiling = read_amount(filled.ceiling)
    if filled.unit and amount is None:
        return NO_DOSE
    if not filled.unit and not filled.words.strip():
        return NO_WORDS
    if filled.times.strip() and not _count(filled.times):
        return NO_TIMES
    if filled.unit and not filled.needed and not filled.when and not filled.times.strip():
        return NO_TIMES
    if filled.ceiling.strip() and (ceiling is None or ceiling[1] is not None):
        return _NO_CEILING
    period = _period(filled, today)
    if isinstance(period, str):
        return period
    start, end = period
    structured = bool(filled.unit)
    return Dosing(
        unit=filled.unit,
        low=amount[0] if amount and structured else None,
        high=amount[1] if amount and structured else None,
        times=_count(filled.times) if structured and not filled.when else 0,
        every=filled.every,
        when=filled.when if structured else (),
        needed=filled.needed,
        ceiling=ceiling[0] if ceiling and structured else None,
        days=_count(filled.days),
        words=filled.words,
        route=filled.route,
        start=start,
        end=end,
    )


def _count(text: str) -> int:
    return int(text) if _WHOLE.fullmatch(text.strip()) else 0


def _period(filled: Filled, today: date) -> tuple[str, str] | str:
    """From when until when, as FHIR dates; or what is wrong with it."""
    days = [each.strip() for each in (filled.start, filled.end)]
    if not days[0] or any(each and not _day(each, today) for each in days):
        return _NO_DAY
    start, end = days
    if filled.days.strip():
        if end or not _count(filled.days):
            return _DAYS_OR_END
        end = (date.fromisoformat(start) + timedelta(days=_count(filled.days) - 1)).isoformat()
    if end and end < start:
        return _NOT_BEFORE
    return _OVER if end and end < today.isoformat() else (start, end)


def _day(text: str, today: date) -> bool:
    return len(text) == 10 and read_date(text, today, ahead=True) is not None


def fault_of(filled: Filled, today: date) -> str:
    """What is wrong besides drug and dosage; empty when nothing is."""
    texts = (filled.text, filled.words, filled.reason, filled.comment, filled.why)
    if any(len(each) > LONGEST for each in texts):
        return TOO_LONG
    if filled.inpatient:
        return ""
    latest = (today + YEAR).isoformat()
    if not _day(filled.until.strip(), today) or not today.isoformat() <= filled.until.strip() <= latest:
        return _HOLDS
    if not 1 <= _count(filled.draws) <= DRAWS:
        return _NO_DRAWS
    return _NO_PACK if filled.pack.strip() and read_pack(filled.pack) is None else ""
