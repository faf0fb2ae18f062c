"""Personnummer and samordningsnummer: the numbers of persons registered in Sweden.

Folkbokföringslagen (1991:481) 18 § and lag (2022:1697) om samordningsnummer; form and check digit after
Skatteverket's SKV 704 and SKV 707. Stored as twelve digits; a personnummer's last four begin with a
three-digit individnummer whose last digit is even for women and odd for men.
"""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import ClassVar, Self

from kontinuum.sweden import systems
from kontinuum.sweden.checks import has_valid_check_digit
from kontinuum.sweden.faults import Fault, Rejected

INTERIM_LETTERS = "TRSUWXJKLMN"
"""Letters that stand for the first digit of an interim number's individnummer; 1 in the check."""
TEST_SERIES = range(980, 1000)
"""Individnummer that Skatteverket keeps for test personnummer and never assigns to a person."""
EARLIEST_YEAR = 1840

_SHAPE = re.compile(r"(?P<century>\d\d)?(?P<short>\d{6})(?P<sign>[-+]?)(?P<serial>[0-9A-Z]\d\d)(?P<check>\d)")


class Sex(StrEnum):
    """Legal sex as the personnummer carries it; the values are FHIR administrative genders."""

    FEMALE = "female"
    MALE = "male"


@dataclass(frozen=True, slots=True)
class _NumberOfPerson:
    """What the two numbers share; `value` is twelve characters, made only by `parse`."""

    value: str

    kind: ClassVar[str]
    system: ClassVar[str]
    _day_offset: ClassVar[int]

    @classmethod
    def parse(cls, text: str, *, today: date, allow_interim: bool = False) -> Self | Rejected:
        """Read a number in any common form: 10 or 12 digits, with `-`, `+` or spaces.

        SKV 704: of ten digits, the century is the latest that gives a date of birth not after `today`; `+`
        says that the person turns at least 100 during the year. Interim numbers only when allowed.
        """
        parts = cls._split(text)
        if isinstance(parts, Rejected):
            return parts
        serial = parts["serial"]
        if serial[0].isalpha() and not (allow_interim and serial[0] in INTERIM_LETTERS):
            reason = "It has a letter where a digit belongs; interim numbers are not taken."
            return cls._reject(Fault.INTERIM, reason)
        born = cls._birth_date(parts["century"], parts["short"], parts["sign"], today)
        if isinstance(born, Rejected):
            return born
        ten = parts["short"] + re.sub("[A-Z]", "1", serial) + parts["check"]
        if not has_valid_check_digit(ten):
            reason = "The last digit does not agree with the others: look for a slip."
            return cls._reject(Fault.CHECK_DIGIT, reason)
        return cls(f"{born.year // 100}{parts['short']}{serial}{parts['check']}")

    @classmethod
    def _split(cls, text: str) -> dict[str, str] | Rejected:
        compact = re.sub(r"[\s\u00a0]", "", text).upper().replace("–", "-").replace("−", "-")
        if not compact:
            return cls._reject(Fault.EMPTY, "It is empty.")
        if not re.fullmatch(r"[0-9A-Z+-]+", compact):
            return cls._reject(Fault.CHARACTERS, "It has characters other than digits, '-' and '+'.")
        shape = _SHAPE.fullmatch(compact)
        if shape is None:
            length = len(re.sub("[-+]", "", compact))
            if length not in (10, 12):
                return cls._reject(Fault.LENGTH, f"It has {length} characters; 10 or 12 are needed.")
            return cls._reject(Fault.FORMAT, "It is not written as YYYYMMDD-NNNN or YYMMDD-NNNN.")
        return {name: part or "" for name, part in shape.groupdict().items()}

    @classmethod
    def _birth_date(cls, century: str, short: str, sign: str, today: date) -> date | Rejected:
        day = int(short[4:]) - cls._day_offset
        month, year_of_century = int(short[2:4]), int(short[:2])

        def in_year(year: int) -> date | None:
            try:
                return date(year, month, day)
            except ValueError:
                return None

        if century:
            born = in_year(int(century) * 100 + year_of_century)
            if born is not None and born > today:
                return cls._reject(Fault.FUTURE, "The date of birth is in the future.")
        else:
            latest = today.year - 100 if sign == "+" else today.year
            start = latest - (latest - year_of_century) % 100
            born = in_year(start)
            if born is None or born > today:
                born = in_year(start - 100)
        if born is None or born.year < EARLIEST_YEAR:
            return cls._reject(Fault.DATE, f"Its first digits are not a date of birth of a {cls.kind}.")
        return born

    @classmethod
    def _reject(cls, fault: Fault, reason: str) -> Rejected:
        return Rejected(cls.kind, fault, reason)

    @property
    def birth_date(self) -> date:
        """Date of birth as the number carries it; the registered date of birth may differ (SKV 704)."""
        return date(int(self.value[:4]), int(self.value[4:6]), int(self.value[6:8]) - self._day_offset)

    @property
    def sex(self) -> Sex:
        """Legal sex: the third digit of the individnummer is even for women, odd for men (SKV 704)."""
        return Sex.FEMALE if int(self.value[10]) % 2 == 0 else Sex.MALE

    @property
    def is_interim(self) -> bool:
        """Whether a letter stands in the individnummer: a number made up for the time being."""
        return self.value[8].isalpha()

    def age(self, on: date) -> int:
        """Whole years from the date of birth to `on`; someone born 29 February has a birthday on 1 March."""
        born = self.birth_date
        return on.year - born.year - ((on.month, on.day) < (born.month, born.day))

    def formatted(self) -> str:
        """Write for people: `YYYYMMDD-NNNN`."""
        return f"{self.value[:8]}-{self.value[8:]}"

    def short(self, today: date) -> str:
        """Write with ten digits: `YYMMDD-NNNN`, with `+` from the year of the 100th birthday (SKV 704)."""
        sign = "+" if today.year - self.birth_date.year >= 100 else "-"
        return f"{self.value[2:8]}{sign}{self.value[8:]}"

    def masked(self) -> str:
        """Write without the last four, for places where the date of birth is enough: `YYYYMMDD-••••`."""
        return f"{self.value[:8]}-••••"

    def __str__(self) -> str:
        return self.formatted()


@dataclass(frozen=True, slots=True)
class Personnummer(_NumberOfPerson):
    """Personal identity number, folkbokföringslagen (1991:481) 18 §. `value`: twelve digits."""

    kind: ClassVar[str] = "personnummer"
    system: ClassVar[str] = systems.PERSONNUMMER
    _day_offset: ClassVar[int] = 0

    @property
    def is_test_number(self) -> bool:
        """Whether the number is of Skatteverket's test series (individnummer 980-999): no person has it."""
        return not self.is_interim and int(self.value[8:11]) in TEST_SERIES


@dataclass(frozen=True, slots=True)
class Samordningsnummer(_NumberOfPerson):
    """Co-ordination number, lag (2022:1697): a personnummer with 60 added to the day. `value`: 12 digits."""

    kind: ClassVar[str] = "samordningsnummer"
    system: ClassVar[str] = systems.SAMORDNINGSNUMMER
    _day_offset: ClassVar[int] = 60
