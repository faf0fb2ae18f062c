"""What a module may contribute, and what the shells hand to it: one short, typed list.

A module is a feature folder (`care/<module>/`) that exports one `MODULE`. The shells read it and know no
module by name, so that adding or removing a line in `app/modules.py` adds or removes the capability. Modules
know neither HTTP nor the template library: they are given a patient's chart and a reader bound to the
signed-in principal, and answer with the name of a template and what to show in it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from kontinuum.kernel.i18n import Translator
from kontinuum.kernel.principal import Purpose


class ResourceVersion(Protocol):
    """One version of a resource as the gate gives it (`record.Stored`)."""

    @property
    def type(self) -> str:
        """The resource type."""
        ...

    @property
    def id(self) -> str:
        """The logical id."""
        ...

    @property
    def version(self) -> int:
        """The version number, from 1."""
        ...

    @property
    def updated(self) -> int:
        """When this version was written, in microseconds since 1970."""
        ...

    @property
    def body(self) -> bytes | None:
        """The serialised JSON; None for a deletion."""
        ...

    @property
    def unit(self) -> str:
        """HSA-id of the accountable care unit."""
        ...

    @property
    def provider(self) -> str:
        """HSA-id of the accountable care provider."""
        ...


class ResultPage(Protocol):
    """One page of search results (`record.SearchPage`); `next` is set when there is more."""

    @property
    def matches(self) -> Sequence[ResourceVersion]:
        """What was found, in order."""
        ...

    @property
    def next(self) -> str | None:
        """The cursor of the following page; None on the last."""
        ...


class RecordReader(Protocol):
    """The part of the gate that a page uses: several searches, one audit entry."""

    async def find_many(self, queries: Sequence[str], /) -> Sequence[ResultPage]:
        """Run searches such as `Condition?patient=p-1&_count=50`, each answered by one page."""
        ...


class Directory(Protocol):
    """Names of units, providers and staff, for references that carry only an id."""

    def unit(self, hsa_id: str) -> str:
        """The name of a care unit or provider; its HSA-id when it is not in the directory."""
        ...

    def name(self, reference: str | None, display: str | None = None) -> str:
        """The name behind a reference: the recorded display, else the directory's, else empty."""
        ...


@dataclass(frozen=True, slots=True)
class Chart:
    """The patient whose page is being made; everything shown on that page belongs to this patient."""

    patient: str
    now: datetime
    translator: Translator
    directory: Directory

    def path(self, *parts: str) -> str:
        """The address of a page of this patient."""
        return "/".join(("/patient", self.patient, *parts))


@dataclass(frozen=True, slots=True)
class View:
    """What to show: a template, as `<module>/<file>.html`, and the values it needs."""

    template: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class NotFound:
    """The address is well formed, and nothing stands behind it for this patient."""

    message: str


class Placement(StrEnum):
    """Where on the overview a card stands; the shell decides what that means on each screen."""

    TIMELINE = "timeline"
    FINDINGS = "findings"
    """What is known: problems, alerts, measurements."""
    READING = "reading"
    """What is written."""
    CARE = "care"
    """What is done and planned: medication, contacts."""


class Tone(StrEnum):
    """How loudly something in the banner speaks; colour follows tone, never the other way round."""

    QUIET = "quiet"
    NOTICE = "notice"
    WARNING = "warning"
    DANGER = "danger"


class AuditKind(StrEnum):
    """What a route does to the record, as the log names it."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class OverviewCard:
    """A part of the one-page chart.

    `queries` are searches in this patient's record; `view` gets their pages in the same order, and answers
    None when the card would say nothing that another card does not say. The shell runs the queries of all
    cards together. `anchor` is the card's id on the page and its key in navigation.
    """

    anchor: str
    title: str
    placement: Placement
    order: int
    queries: Callable[[Chart], tuple[str, ...]]
    view: Callable[[Chart, Sequence[ResultPage]], View | None]


@dataclass(frozen=True, slots=True)
class BannerNote:
    """One thing that must be seen whatever part of the chart is on the screen."""

    tone: Tone
    label: str
    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class BannerNotes:
    """What a module adds to the patient banner, found like a card's content."""

    queries: Callable[[Chart], tuple[str, ...]]
    notes: Callable[[Chart, Sequence[ResultPage]], tuple[BannerNote, ...]]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request for a module's own page about one patient."""

    chart: Chart
    record: RecordReader
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Route:
    """A module's page at `/patient/{patient}/<module>/<path>`.

    `purposes` are the purposes of an assignment under which it may be asked for (patientdatalagen
    (2008:355) 2:4); `audit` is what it does to the record.
    """

    path: str
    title: str
    handler: Callable[[PageRequest], Awaitable[View | NotFound]]
    purposes: frozenset[Purpose]
    audit: AuditKind


@dataclass(frozen=True, slots=True)
class Module:
    """One capability. `package` is the folder's import name; its templates are in `pages/`."""

    name: str
    title: str
    package: str
    cards: tuple[OverviewCard, ...] = ()
    banner: tuple[BannerNotes, ...] = ()
    routes: tuple[Route, ...] = field(default=())
