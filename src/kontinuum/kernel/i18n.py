"""Languages, and the Swedish way to write days, times and numbers.

Messages are written in English in code and templates and translated by gettext catalogues (`*.po`), which are
read as text when the process starts: there is no compile step that could be forgotten. Swedish comes first
and is written by people who work in care; a missing Swedish message fails `make check`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from babel.messages.pofile import read_po

LANGUAGES: Final = ("sv", "en")
SOURCE_LANGUAGE: Final = "en"
DEFAULT_LANGUAGE: Final = "sv"

_MINUS = "\N{MINUS SIGN}"
_CHAPTER = re.compile(r"ch\. (\d+)")
_SECTION = re.compile(r"\b(\d{1,2}):(\d+)(?:-(\d+))?")
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT")


def message(text: str) -> str:
    """Mark a text for translation where it is defined; it is translated where it is shown."""
    return text


@dataclass(frozen=True, slots=True)
class Phrase:
    """A text with values in it that can be said in each language: `%(name)s` in the template is a value."""

    template: str
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.template % self.values if self.values else self.template


def phrase(text: str, **values: object) -> Phrase:
    """Mark a text for translation where a value is put into it; it is translated where it is shown."""
    return Phrase(text, values)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The messages of one language: msgid -> its forms (one, or singular and plural)."""

    language: str
    messages: Mapping[str, tuple[str, ...]]
    plural: Callable[[int], int]


def load_catalogue(
    language: str, paths: Iterable[Path], beside: Mapping[str, str] | None = None
) -> Catalogue:
    """Read gettext catalogues of one language; a message that stands in several must say the same in all.

    `beside` are messages whose translation stands elsewhere.
    """
    messages: dict[str, tuple[str, ...]] = {
        text: (translated,) for text, translated in (beside or {}).items()
    }
    for path in paths:
        with path.open("rb") as file:
            entries = read_po(file, locale=language)
        for entry in entries:
            key = str(entry.id[0] if isinstance(entry.id, tuple | list) else entry.id)
            found = entry.string if isinstance(entry.string, tuple | list) else (entry.string,)
            forms = tuple(str(form or "") for form in found)
            if not key or not all(forms) or entry.fuzzy:
                continue
            if messages.get(key, forms) != forms:
                raise ValueError(f"{path}: {key!r} is translated in two ways")
            messages[key] = forms
    return Catalogue(language, messages, _second_form_unless_one)


def _second_form_unless_one(number: int) -> int:
    """Swedish and English have the same two plural forms."""
    return 0 if number == 1 else 1


@dataclass(frozen=True, slots=True)
class Translator:
    """Texts, days, times and numbers in one language."""

    language: str
    _messages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def gettext(self, text: str) -> str:
        """The text in this language; the English source when the catalogue lacks it."""
        return self._messages.get(text, (text,))[0]

    def say(self, text: Phrase) -> str:
        """A text and its values in this language; the value `provision` is a provision."""
        values = dict(text.values)
        if "provision" in values:
            values["provision"] = self.provision(str(values["provision"]))
        return str(Phrase(self.gettext(text.template), values))

    def provision(self, text: str) -> str:
        """A provision as this language cites statutes: `4:1-2` is `4 kap. 1–2 §§`, `ch. 4` is `4 kap.`."""
        if self.language != "sv":
            return text
        text = _CHAPTER.sub(r"\1 kap.", text)
        return _SECTION.sub(lambda found: _cited(*found.groups()), text)

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        """The form that fits the number."""
        return self._messages.get(singular, (singular, plural))[_second_form_unless_one(number)]

    def number(self, value: Decimal | int | str) -> str:
        """A number with its digits as recorded, decimal comma in Swedish and a real minus sign."""
        text = f"{value:f}" if isinstance(value, Decimal) else str(value)
        text = text.replace("-", _MINUS)
        return text.replace(".", ",") if self.language == "sv" else text

    def day(self, value: str | datetime | None) -> str:
        """The day of a FHIR date, dateTime or instant, as precise as recorded: `2024-03-12`, `2024-03`."""
        if value is None:
            return ""
        return _in_words(value)[0]

    def moment(self, value: str | datetime | None) -> str:
        """Day and time of day in Sweden, `2024-03-12 14:32`; only the day when no time was recorded."""
        if value is None:
            return ""
        return _in_words(value)[1]

    def clock(self, value: str | datetime | None) -> str:
        """The time of day in Sweden, `14:32`; empty when no time was recorded."""
        return "" if value is None else _in_words(value)[2]


def _cited(chapter: str, section: str, last: str | None) -> str:
    return f"{chapter} kap. {section}–{last} §§" if last else f"{chapter} kap. {section} §"


def _in_words(value: str | datetime) -> tuple[str, str, str]:
    """Day, day and time, time in Sweden; what was recorded without a time of day stands as it is."""
    if isinstance(value, datetime):
        return _written(local(value))
    return _written_of_text(value) if _DATE_TIME.match(value) else (value, value, "")


@lru_cache(maxsize=16384)
def _written_of_text(text: str) -> tuple[str, str, str]:
    return _written(local(text))


def _written(moment: datetime) -> tuple[str, str, str]:
    text = moment.isoformat(" ")[:16]
    return text[:10], text, text[11:]


def translators(catalogues: Iterable[Catalogue]) -> dict[str, Translator]:
    """One translator a language; the source language needs no catalogue."""
    found = {
        catalogue.language: Translator(catalogue.language, catalogue.messages) for catalogue in catalogues
    }
    return {language: found.get(language, Translator(language)) for language in LANGUAGES}


def negotiate(accept_language: str) -> str:
    """The language a browser asks for (RFC 9110 section 12.5.4) among ours; Swedish when it names neither."""
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept_language.split(",")):
        tag, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        primary = tag.split("-")[0].lower()
        if primary in LANGUAGES and weight > 0:
            wanted.append((-weight, place, primary))
    return min(wanted)[2] if wanted else DEFAULT_LANGUAGE


class _SwedishTime(tzinfo):
    """Time in Sweden: CET, and CEST in summer since 1980 (Directive 2000/84/EC; SFS 2001:127).

    Its own few lines, since a bare machine has no time-zone database. Summer time ended in September
    until 1995 and in October since; 1980 differed by a week at the start.
    """

    _standard = timedelta(hours=1)
    _summer = timedelta(hours=2)

    def utcoffset(self, moment: datetime | None) -> timedelta:
        if moment is None or moment.year < 1980:
            return self._standard
        return self._offset(moment.replace(tzinfo=UTC) - self._standard)

    def dst(self, moment: datetime | None) -> timedelta:
        return self.utcoffset(moment) - self._standard

    def tzname(self, moment: datetime | None) -> str:
        return "CEST" if self.dst(moment) else "CET"

    def fromutc(self, moment: datetime) -> datetime:
        if moment.year == _LAST_YEAR:
            return moment  # "for ever": an hour more would be no date at all
        return moment + self._offset(moment.replace(tzinfo=UTC))

    def _offset(self, utc: datetime) -> timedelta:
        start, end = _summer_of(utc.year)
        return self._summer if start <= utc < end else self._standard


@cache
def _summer_of(year: int) -> tuple[datetime, datetime]:
    """When summer time begins and ends; an empty span for years without it."""
    if year < 1980:
        return _NEVER, _NEVER
    start = datetime(1980, 4, 6, 1, tzinfo=UTC) if year == 1980 else _last_sunday(year, 3)
    return start, _last_sunday(year, 10 if year >= 1996 else 9)


_LAST_YEAR: Final = 9999
_NEVER: Final = datetime(1, 1, 1, tzinfo=UTC)


def _last_sunday(year: int, month: int) -> datetime:
    """01:00 UTC on the last Sunday of a month that has 30 or 31 days."""
    last = date(year, month, 30 if month in {4, 6, 9, 11} else 31)
    sunday = last - timedelta(days=(last.weekday() + 1) % 7)
    return datetime(sunday.year, sunday.month, sunday.day, 1, tzinfo=UTC)


SWEDEN: Final[tzinfo] = _SwedishTime()


def local(value: str | datetime) -> datetime:
    """A moment in Swedish time, of a datetime or of a FHIR date, dateTime or instant.

    What has no zone is taken to be Swedish already; a year or a month is taken as its first day.
    """
    return _local(value) if isinstance(value, datetime) else _local_of_text(value)


@lru_cache(maxsize=16384)
def _local_of_text(text: str) -> datetime:
    return _local(datetime.fromisoformat(text + _FIRST_DAY[len(text) :] if len(text) < 10 else text))


_FIRST_DAY: Final = "0000-01-01"


def _local(moment: datetime) -> datetime:
    return moment.astimezone(SWEDEN) if moment.tzinfo is not None else moment.replace(tzinfo=SWEDEN)
