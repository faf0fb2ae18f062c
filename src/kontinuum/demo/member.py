"""One of the cast: who it is and which stories the chart tells."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypedDict, Unpack

from kontinuum.demo.chart import Chart
from kontinuum.demo.stories.chronic import chronic

Story = Callable[[Chart], None]


class Particulars(TypedDict, total=False):
    """What is out of the ordinary about a member; the fields of `Member` of the same names."""

    number: str
    protection: str
    died: int
    days_old: int
    language: str
    relatives: tuple[tuple[str, str, str], ...]
    multiple: int


@dataclass(frozen=True, slots=True)
class Member:
    """One of the cast. `relatives`: (name, v3-RoleCode, Swedish label); `died`: days before today.

    `number`: personnummer, samordningsnummer, reserve (the region's) or national-reserve. `individual`: the
    individnummer, of the test series. `days_old` replaces age and birthday for the newborn.
    """

    shows: str
    sex: str
    age: int
    given: tuple[str, ...]
    family: str
    home: str | None
    stories: tuple[Story, ...]
    birthday: tuple[int, int]
    individual: int
    number: str = "personnummer"
    protection: str | None = None
    died: int | None = None
    days_old: int | None = None
    language: str | None = None
    relatives: tuple[tuple[str, str, str], ...] = ()
    multiple: int | None = None


def course(which: str, years: float = 4) -> Story:
    """Tell one of the long-term conditions of `stories.chronic`."""
    return partial(chronic, which=which, years=years)


def she(
    shows: str,
    age: int,
    name: str,
    home: str | None,
    *stories: Story,
    born: tuple[int, int],
    individual: int = 980,
    **more: Unpack[Particulars],
) -> Member:
    """Make a woman or girl; `name` is "given names|family name", `born` (month, day)."""
    given, family = name.split("|")
    return Member(shows, "female", age, tuple(given.split()), family, home, stories, born, individual, **more)


def he(
    shows: str,
    age: int,
    name: str,
    home: str | None,
    *stories: Story,
    born: tuple[int, int],
    individual: int = 981,
    **more: Unpack[Particulars],
) -> Member:
    """Make a man or boy; see `she`."""
    given, family = name.split("|")
    return Member(shows, "male", age, tuple(given.split()), family, home, stories, born, individual, **more)
