"""What modules add to each other's pages unknown to each other: of one contact, and of a unit's patients.

A page of a unit shows many patients. It is a module's own, and other modules add their remarks to it. So does
the page of one contact: what belongs to the contact, and what is not done at it yet.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from kontinuum.kernel.i18n import Translator
from kontinuum.kernel.principal import Principal, Purpose
from kontinuum.kernel.provider_settings import ProviderSettings

if TYPE_CHECKING:
    from kontinuum.kernel.module import BannerNote, Chart, Directory, NotFound, ResultPage, SavedDraft, View


@dataclass(frozen=True, slots=True)
class Busy:
    """A time when somebody is booked; of the patient nothing is told."""

    start: datetime
    end: datetime


class Agenda(Protocol):
    """What is taken at the care provider: times of staff, and beds. It tells of no patient."""

    async def booked(self, who: str, low: datetime, high: datetime, /, but: str = "") -> Sequence[Busy]:
        """When somebody is booked between two moments, in order; `but` is a booking that does not count."""
        ...

    async def taken(self, beds: Sequence[str], /, but: str = "") -> frozenset[str]:
        """Which of some beds are occupied, as references; `but` is a contact that does not count."""
        ...


@dataclass(frozen=True, slots=True)
class Coming:
    """Somebody on the way to the unit: the Encounter in its version, from which unit (HSA-id), and when.

    `places` are references of the unit's places.
    """

    patient: str
    contact: str
    version: int
    unit: str
    when: str
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Advice:
    """What a decision support service of others said: `cards` are (indicator, summary), the worst first.

    `fault` says in words why nothing, or not everything, was heard; empty where all was.
    """

    service: str
    cards: tuple[tuple[str, str], ...] = ()
    fault: str = ""


class Advisers(Protocol):
    """The decision support services of others (CDS Hooks)."""

    async def ask(self, hook: str, orders: Sequence[Mapping[str, Any]], /) -> Sequence[Advice]:
        """Ask every service that serves `order-select` or `order-sign` at the unit about draft orders."""
        ...


@dataclass(frozen=True, slots=True)
class Remark:
    """What a module says of a contact: `address` leads to it, `words` stand below, letter for letter.

    `missing` marks what is not done yet, and is asked about before the contact is closed.
    """

    text: str
    when: str = ""
    address: str = ""
    missing: bool = False
    words: str = ""


@dataclass(frozen=True, slots=True)
class ContactPart:
    """What a module tells of one contact, on its page and before it is closed.

    `queries` are searches in the patient's record, of the chart and the contact's id; `remarks` gets their
    pages and the Encounter. `begun` gets the Encounter and the person's open drafts about the patient.
    """

    title: str
    order: int
    queries: Callable[[Chart, str], tuple[str, ...]]
    remarks: Callable[[Chart, Mapping[str, Any], Sequence[ResultPage]], tuple[Remark, ...]]
    begun: Callable[[Chart, Mapping[str, Any], Sequence[SavedDraft]], tuple[Remark, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """The patients on a page of a unit, which is that of the assignment (HSA-id).

    `watched` are those of them who lie there now: of these is also told what nobody has measured.
    """

    patients: tuple[str, ...]
    now: datetime
    translator: Translator
    watched: frozenset[str] = frozenset()
    unit: str = ""
    settings: ProviderSettings = field(default_factory=ProviderSettings)

    @property
    def named(self) -> str:
        """The patients, as a search names several."""
        return ",".join(self.patients)


@dataclass(frozen=True, slots=True)
class BoardNotes:
    """What a module adds to the patients on a page of a unit: short notes by patient."""

    queries: Callable[[Board], tuple[str, ...]]
    notes: Callable[[Board, Sequence[ResultPage]], Mapping[str, tuple[BannerNote, ...]]]


class UnitRecord(Protocol):
    """The gate, for a page about many patients."""

    async def find_many(self, queries: Sequence[str], /) -> Sequence[ResultPage]:
        """Run searches; each finds what the person may read."""
        ...

    async def coming(self) -> Sequence[Coming]:
        """Who is on the way to the unit of the assignment, the first to come first."""
        ...

    @property
    def at_own_unit(self) -> UnitRecord:
        """The same gate, which finds only what the unit of the assignment is accountable for."""
        ...


@dataclass(frozen=True, slots=True)
class UnitRequest:
    """A request for a module's page about the unit of the assignment.

    `people` gives who patients are, as the shell's templates show them, and `notes` what the modules add to
    patients, the second of which are those who lie at the unit (`Board.watched`).
    `learn` lets the directory look up the names of units by HSA-id.
    """

    now: datetime
    translator: Translator
    directory: Directory
    record: UnitRecord
    principal: Principal
    parameters: Mapping[str, str]
    people: Callable[[Collection[str]], Awaitable[Mapping[str, Any]]]
    notes: Callable[[Sequence[str], Collection[str]], Awaitable[Mapping[str, tuple[BannerNote, ...]]]]
    learn: Callable[[Collection[str]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class UnitPage:
    """A module's page at `/unit/<path>`; it is found in the menu and the palette by its title.

    `short` is what it is called where there is little room.
    """

    path: str
    title: str
    icon: str
    handler: Callable[[UnitRequest], Awaitable[View | NotFound]]
    purposes: frozenset[Purpose]
    short: str


@dataclass(frozen=True, slots=True)
class StartPart:
    """What a module shows of the person's own day on the first page; `handler` gives None for nothing."""

    order: int
    handler: Callable[[UnitRequest], Awaitable[View | None]]
    purposes: frozenset[Purpose]
