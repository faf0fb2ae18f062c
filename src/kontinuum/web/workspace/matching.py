"""What somebody typed into the patient search, understood; and how alike two names are.

Pure. A number is read as a Swedish personal identity number in any common form, or as a date of birth;
words are the beginnings of names, and a year among them is the year of birth. When no name begins so,
names that share a few letters in a row are fetched and compared as they sound in Swedish.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from urllib.parse import quote

from kontinuum.kernel.i18n import message
from kontinuum.sweden import identifiers
from kontinuum.sweden.faults import Fault
from kontinuum.sweden.names import fold, likeness, sound
from kontinuum.web.workspace.patient import Person

LONGEST: Final = 100
_CANDIDATES: Final = 400
_ALIKE: Final = 0.68

_ADVICE: Final = {
    Fault.CHECK_DIGIT: message(
        "The last digit does not agree with the others. Look for a slip in the number."
    ),
    Fault.DATE: message("The first digits are not a date of birth. Look for a slip in the number."),
    Fault.FUTURE: message("The date of birth is in the future. Look for a slip in the number."),
}
_INCOMPLETE: Final = message(
    "Write the whole number, YYYYMMDD-NNNN or YYMMDD-NNNN, or only the date of birth, YYYYMMDD."
)
_TOO_SHORT: Final = message("Write at least two letters of the name.")


@dataclass(frozen=True, slots=True)
class Question:
    """Searches to run: those that answer exactly, and those that bring people with similar names.

    `unmatched` is what to say when a number leads to nobody.
    """

    exact: tuple[str, ...]
    similar: tuple[str, ...] = ()
    unmatched: str = ""


@dataclass(frozen=True, slots=True)
class Advice:
    """Why nothing was searched for, and what to write instead."""

    text: str


def understand(text: str, today: date) -> Question | Advice:
    """Read the text as a number, a date of birth or names."""
    compact = re.sub(r"[\s\u00a0]", "", text)
    digits = sum(character.isdigit() for character in compact)
    if digits >= 6 and digits * 2 > len(compact):
        return _number(compact, today)
    return _names(text)


def _number(compact: str, today: date) -> Question | Advice:
    parsed = identifiers.parse_person_identifier(compact, today=today)
    if not isinstance(parsed, identifiers.Rejected):
        return Question((f"Patient?identifier={quote(parsed.value, safe='')}&_count=10",))
    digits = re.sub(r"[-+]", "", compact)
    births = _birth_dates(digits, today) if digits.isdigit() else ()
    if births:
        return Question(tuple(f"Patient?birthdate={born.isoformat()}&_count=50" for born in births))
    as_written = f"Patient?identifier={quote(compact, safe='')}&_count=10"
    return Question((as_written,), unmatched=_ADVICE.get(parsed.fault, _INCOMPLETE))


def _birth_dates(digits: str, today: date) -> tuple[date, ...]:
    """The dates that six or eight digits may mean, none of them in the future."""
    if len(digits) == 8:
        years = [int(digits[:4])]
    elif len(digits) == 6:
        years = [today.year // 100 * 100 + int(digits[:2]) - 100 * back for back in (0, 1)]
    else:
        return ()
    dates = []
    for year in years:
        try:
            born = date(year, int(digits[-4:-2]), int(digits[-2:]))
        except ValueError:
            continue
        if born <= today:
            dates.append(born)
    return tuple(dates)


def _names(text: str) -> Question | Advice:
    words = [word for word in re.split(r"[\s,]+", text) if _letters(word)]
    years = [word for word in words if re.fullmatch(r"(18|19|20)\d\d", word)]
    names = [word for word in words if word not in years]
    if max((len(name) for name in names), default=0) < 2:
        return Advice(_TOO_SHORT)
    born = "".join(f"&birthdate={year}" for year in years)
    begins = "".join(f"&name={_escaped(name)}" for name in names)
    shares = "".join(f"&name:contains={','.join(map(_escaped, _pieces(name)))}" for name in names)
    exact = f"Patient?{(begins + born)[1:]}&_count=50"
    return Question((exact,), (f"Patient?{(shares + born)[1:]}&_count={_CANDIDATES}",))


def _escaped(value: str) -> str:
    """A search value: FHIR's own separators escaped, then the URL's (R4 search 3.1.1.4.6)."""
    return quote(re.sub(r"([\\,|$])", r"\\\1", value), safe="")


def _letters(word: str) -> str:
    """A word as it is compared; an accent that stands alone is folded into a space, which is no letter."""
    return re.sub(r"\s", "", fold(word))


def _pieces(name: str) -> list[str]:
    """Every three letters in a row, and two at the start and the end: a slip leaves most of them whole."""
    folded = _letters(name)
    if len(folded) <= 3:
        return [folded[:2]]
    return sorted({folded[start : start + 3] for start in range(len(folded) - 2)} | {folded[:2]})


def rank(text: str, people: Iterable[Person]) -> list[Person]:
    """People whose whole names were typed first, then by name and number."""
    typed = {fold(word) for word in re.split(r"[\s,]+", text)}

    def place(person: Person) -> tuple[int, str, str]:
        names = {fold(word) for word in person.name.split()}
        return (-len(typed & names), person.name, person.number)

    return sorted(people, key=place)


def similar(text: str, people: Sequence[Person]) -> list[Person]:
    """People with names that sound like what was typed, the most alike first."""
    typed = [sound(word) for word in re.split(r"[\s,]+", text) if word and not word.isdigit()]

    def score(person: Person) -> float:
        names = [sound(name) for name in re.split(r"[\s-]+", person.name)]
        return min(max((likeness(word, name) for name in names), default=0.0) for word in typed)

    scored = [(score(person), person) for person in people]
    near = [(points, person) for points, person in scored if points >= _ALIKE]
    return [person for _, person in sorted(near, key=lambda pair: (-pair[0], pair[1].name, pair[1].number))]
