"""Reserve numbers: identities for those whose personnummer is unknown, secret or not yet there.

The national form is HL7 Sweden's `nationelltReservnummer`; each region has a form of its own beside it, which
is a decision of care providers: a `LocalScheme`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import ClassVar, Self

from kontinuum.kernel.provider_settings import ProviderSettings, ReserveSeries, reserve_series_of
from kontinuum.sweden import systems
from kontinuum.sweden.faults import Fault, Rejected

_LETTER = "[A-HJ-NPR-UX-Z]"
_NATIONAL = re.compile(rf"(\d{{8}})-?({_LETTER}{{2}}\d{{2}}|{_LETTER}{{3}}\d)")


def _compact(text: str) -> str:
    return re.sub(r"[\s\u00a0]", "", text).upper()


@dataclass(frozen=True, slots=True)
class NationalReserveNumber:
    """National reserve number: eight digits, then two letters and two digits or three letters and one digit.

    HL7 Sweden's `nationelltReservnummer`; the letters I, O, Q, V and W are not used. `value`: twelve
    characters without hyphen.
    """

    value: str

    kind: ClassVar[str] = "nationellt reservnummer"
    system: ClassVar[str] = systems.NATIONAL_RESERVE_NUMBER

    @classmethod
    def parse(cls, text: str) -> Self | Rejected:
        """Read a national reserve number, with or without hyphen and spaces, in either case."""
        compact = _compact(text)
        if not compact:
            return Rejected(cls.kind, Fault.EMPTY, "It is empty.")
        shape = _NATIONAL.fullmatch(compact)
        if shape is None:
            reason = "It is not eight digits followed by AA99 or AAA9 (letters without I, O, Q, V and W)."
            return Rejected(cls.kind, Fault.FORMAT, reason)
        return cls(shape[1] + shape[2])

    @property
    def birth_date(self) -> date | None:
        """Date of birth when the first eight digits are one (it may be estimated), else None."""
        try:
            born = date(int(self.value[:4]), int(self.value[4:6]), int(self.value[6:8]))
        except ValueError:
            return None
        return born if born.year < 2100 else None

    def formatted(self) -> str:
        """Write for people: `NNNNNNNN-AA99`."""
        return f"{self.value[:8]}-{self.value[8:]}"

    def masked(self) -> str:
        """Write without the last four characters."""
        return f"{self.value[:8]}-••••"

    def __str__(self) -> str:
        return self.formatted()


@dataclass(frozen=True, slots=True)
class LocalScheme:
    """A series of local reserve numbers: name, FHIR system, and form.

    In the form `#` is a digit and `@` a letter; anything else stands for itself. It is compared with the
    whole text, upper case, without spaces and hyphens. Numbers given out are the form's beginning and a
    running number in the digits that it ends in; of a form that has others, or ends otherwise, none are.
    """

    name: str
    system: str
    form: str

    @property
    def pattern(self) -> re.Pattern[str]:
        """The form as a regular expression."""
        return _pattern(self.form)

    @property
    def prefix(self) -> str:
        """What a number that is given out begins with."""
        return self.form.rstrip("#")

    @property
    def digits(self) -> int:
        """How many digits a running number has; 0 where none are given out."""
        return 0 if set(self.prefix) & set("#@") else len(self.form) - len(self.prefix)

    def parse(self, text: str) -> "LocalReserveNumber | Rejected":
        """Read a reserve number of this scheme."""
        compact = _compact(text).replace("-", "")
        if not compact:
            return Rejected(self.name, Fault.EMPTY, "It is empty.")
        if self.pattern.fullmatch(compact) is None:
            return Rejected(
                self.name, Fault.FORMAT, f"It is not {self.form}, where # is a digit and @ a letter."
            )
        return LocalReserveNumber(compact, self)

    def numbered(self, running: int) -> "LocalReserveNumber | None":
        """The reserve number with a running number, None when the series has no more."""
        if self.digits == 0 or not 0 < running < 10**self.digits:
            return None
        return LocalReserveNumber(f"{self.prefix}{running:0{self.digits}d}", self)


@dataclass(frozen=True, slots=True)
class LocalReserveNumber:
    """A reserve number of one region's scheme. `value`: without spaces and hyphens."""

    value: str
    scheme: LocalScheme

    @property
    def kind(self) -> str:
        """The scheme's name."""
        return self.scheme.name

    @property
    def system(self) -> str:
        """The scheme's FHIR system."""
        return self.scheme.system

    def formatted(self) -> str:
        """Write for people: with a hyphen before the last four."""
        return f"{self.value[:-4]}-{self.value[-4:]}"

    def masked(self) -> str:
        """Write without the last four characters."""
        return f"{self.value[:-4]}-••••"

    def __str__(self) -> str:
        return self.formatted()


@lru_cache(maxsize=256)
def _pattern(form: str) -> re.Pattern[str]:
    return re.compile("".join({"#": r"\d", "@": "[A-Z]"}.get(sign, re.escape(sign)) for sign in form))


@lru_cache(maxsize=64)
def schemes_of(series: tuple[ReserveSeries, ...]) -> tuple[LocalScheme, ...]:
    """The schemes that care providers' settings name."""
    return tuple(LocalScheme(*each) for each in series)


DEFAULT_SCHEMES: Sequence[LocalScheme] = schemes_of(reserve_series_of(ProviderSettings()))
