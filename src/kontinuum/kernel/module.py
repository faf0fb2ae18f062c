"""What a module may contribute, and what the shells hand to it: one short, typed list.

A module is a feature folder (`care/<module>/`) that exports one `MODULE`. The shells read it and know no
module by name, so that adding or removing a line in `app/modules.py` adds or removes the capability. Modules
know neither HTTP nor the template library: they are given a patient's chart and a reader bound to the
signed-in principal, and answer with the name of a template and what to show in it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol

from kontinuum.kernel.around import Advisers, Agenda, BoardNotes, ContactPart, StartPart, UnitPage
from kontinuum.kernel.files import DraftFile
from kontinuum.kernel.i18n import Translator, message
from kontinuum.kernel.numbers import whole
from kontinuum.kernel.orders import OrderWriter
from kontinuum.kernel.principal import Principal, Purpose
from kontinuum.kernel.provider_settings import ProviderSettings
from kontinuum.kernel.terms import Terms


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
    def included(self) -> Sequence[ResourceVersion]:
        """What a search asks to be shown with its matches (`_include`)."""
        ...

    @property
    def next(self) -> str | None:
        """The cursor of the following page; None on the last."""
        ...


class RecordReader(Protocol):
    """The part of the gate that a page uses: several searches, one audit entry.

    On a patient's page each names that patient; one for templates, units, staff or places concerns nobody.
    """

    async def find_many(self, queries: Sequence[str], /) -> Sequence[ResultPage]:
        """Run searches such as `Condition?patient=p-1&_count=50`, each answered by one page."""
        ...


class SavedDraft(Protocol):
    """A draft of the signed-in author (`record.Draft`)."""

    @property
    def id(self) -> str:
        """Its id; what is signed gets ids that follow from it."""
        ...

    @property
    def template(self) -> str:
        """What is being written, as the module names it."""
        ...

    @property
    def version(self) -> int:
        """How many times it was saved."""
        ...

    @property
    def authors(self) -> Sequence[Mapping[str, str]]:
        """Who wrote it before it was handed over, as references, the first first."""
        ...

    @property
    def content(self) -> bytes:
        """What the module saved."""
        ...

    @property
    def updated(self) -> int:
        """When it was saved, in microseconds since 1970."""
        ...


class RecordWriter(Protocol):
    """The part of the gate that writes about the patient of the page, and about nobody else."""

    async def draft(self, template: str, /) -> SavedDraft | Refused | None:
        """The author's open draft."""
        ...

    async def drafts(self) -> Sequence[SavedDraft] | Refused:
        """The author's open drafts for the patient."""
        ...

    async def save_draft(self, template: str, content: bytes, version: int, /) -> SavedDraft | Refused:
        """Save over a version, 0 for a new draft; a conflict when another window was first."""
        ...

    async def discard_draft(self, identity: str, /) -> SavedDraft | Refused:
        """Put a draft aside."""
        ...

    async def restore_draft(self, identity: str, /) -> SavedDraft | Refused:
        """Take a discarded draft back."""
        ...

    async def remove_draft(self, identity: str, /) -> None:
        """Remove a draft whose content is in the record; its sound stays."""
        ...

    async def sounds(self, note: str, /) -> Sequence[DraftFile]:
        """The sound that was handed over with a note, for who may hear it."""
        ...

    async def files(self, draft: str, /) -> Sequence[DraftFile] | Refused:
        """What the author has put beside a draft."""
        ...

    async def file_content(self, file: DraftFile, /) -> bytes:
        """The bytes of one of these."""
        ...

    async def write(
        self,
        resources: Sequence[Mapping[str, object]],
        /,
        versions: Mapping[str, int] | None = None,
    ) -> Refused | None:
        """Write resources under their ids, all in one transaction or none.

        `versions` are the versions, by `Type/id`, that must not have changed meanwhile.
        """
        ...

    async def correct(self, resource: Mapping[str, object], reason: str, version: int, /) -> Refused | None:
        """Give an entry another content; what it said in `version` stays readable beside the reason."""
        ...

    async def receive(
        self,
        contact: str,
        version: int,
        here: Sequence[Mapping[str, Any]],
        responsible: Mapping[str, Any],
        unit: Mapping[str, Any],
        /,
    ) -> Refused | None:
        """Take the patient in, who is on the way from another unit; `version` of the contact was read."""
        ...

    async def withdraw(self, type_name: str, identity: str, reason: str, version: int, /) -> Refused | None:
        """Mark an entry as entered in error. The caller has found it in this patient's record."""

    @property
    def orders(self) -> OrderWriter:
        """What is done with orders and referrals besides writing them."""
        ...

    async def correct_together(
        self, resources: Sequence[Mapping[str, object]], reason: str, versions: Mapping[str, int], /
    ) -> Refused | None:
        """Give entries a new content, each with who, when and why beside it, all or none.

        `versions` are those that were read, by `Type/id`; what has none is new. What has become
        `entered-in-error` is withdrawn.
        """
        ...


_CHANGED: Final = message("Somebody changed it at the same time. Read it again, and save once more.")


@dataclass(frozen=True, slots=True)
class Refused:
    """Why something was not done; `conflict` when somebody else was first."""

    reasons: tuple[str, ...]
    conflict: bool = False

    def told(self, translator: Translator) -> str:
        """What the form says to who sent it."""
        return translator.gettext(_CHANGED) if self.conflict else " ".join(self.reasons)


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
    """The patient whose page is being made; everything shown on that page belongs to this patient.

    `places` are the HSA-ids of the care unit and the care provider at which the reader works, `reader` is the
    reference to who that is; empty where nobody in particular reads.
    """

    patient: str
    now: datetime
    translator: Translator
    directory: Directory
    places: tuple[str, ...] = ()
    reader: str = ""
    habits: Mapping[str, int] = field(default_factory=dict)
    """How many notes the unit has written in each template, by the template's address."""

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
    cards together. `anchor` is the card's id on the page and its key in navigation. What warns is `always`
    there: no layout of a unit hides or folds it.
    """

    anchor: str
    title: str
    placement: Placement
    order: int
    queries: Callable[[Chart], tuple[str, ...]]
    view: Callable[[Chart, Sequence[ResultPage]], View | None]
    always: bool = False


@dataclass(frozen=True, slots=True)
class BannerNote:
    """One thing that must be seen whatever part of the chart is on the screen.

    It leads to `anchor` on the chart, and from a unit to the page `path` below the chart, if it has one.
    """

    tone: Tone
    label: str
    text: str
    anchor: str
    path: str = ""


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
    writer: RecordWriter
    principal: Principal
    terms: Terms
    agenda: Agenda
    settings: ProviderSettings = field(default_factory=ProviderSettings)
    """What the care provider of the assignment has decided."""
    contact_parts: tuple[ContactPart, ...] = ()
    """What the modules tell of one contact."""
    advisers: Advisers | None = None
    """The decision support of others; None where it is not asked."""


@dataclass(frozen=True, slots=True)
class Route:
    """A module's page at `/patient/{patient}/<module>/<path>`.

    `purposes` are the purposes of an assignment under which it may be asked for (patientdatalagen
    (2008:355) 2:4); `audit` is what it does to the record. A page that is `beside` is shown next to the chart
    where there is room; one that is `begun` from the palette is found there by its title. A `right` is one
    that the assignment must give, such as `PRESCRIBING`.
    """

    path: str
    title: str
    handler: Callable[[PageRequest], Awaitable[View | NotFound]]
    purposes: frozenset[Purpose]
    audit: AuditKind
    beside: bool = False
    begun: bool = False
    right: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """Done; `address` is where to go on."""

    address: str


@dataclass(frozen=True, slots=True)
class Told:
    """An answer to a script on the module's page, as JSON."""

    values: Mapping[str, object]
    status: int = 200


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """A request to change something about one patient; `fields` are the form's, each with its values."""

    chart: Chart
    record: RecordReader
    writer: RecordWriter
    fields: Mapping[str, tuple[str, ...]]
    principal: Principal
    terms: Terms
    agenda: Agenda
    settings: ProviderSettings = field(default_factory=ProviderSettings)
    """What the care provider of the assignment has decided."""
    contact_parts: tuple[ContactPart, ...] = ()
    """What the modules tell of one contact."""
    advisers: Advisers | None = None
    """The decision support of others; None where it is not asked."""

    def one(self, name: str) -> str:
        """The value of a field; empty when it was not sent."""
        return (self.fields.get(name) or ("",))[0]

    def version(self, name: str = "version") -> int:
        """The version that the form was made of; 0, which is none, where it says nothing."""
        return whole(self.one(name))


@dataclass(frozen=True, slots=True)
class Action:
    """What a module does on a POST to `/patient/{patient}/<module>/<path>`.

    The form says in `patient` whom it is about; the shell refuses it where that is not the patient of the
    address. A `right` is one that the assignment must give.
    """

    path: str
    title: str
    handler: Callable[[ActionRequest], Awaitable[View | NotFound | Moved | Told]]
    purposes: frozenset[Purpose]
    audit: AuditKind = AuditKind.WRITE
    right: str = ""


@dataclass(frozen=True, slots=True)
class Drafting:
    """What a module's drafts are called and where they are written on, and how a saved note is signed.

    `templates` are (name, title) of what can be begun at these places today; `titles` those of drafts'
    templates by name, without what is not the module's; `path` leads from the template to its page below the
    patient's. `sign` signs a note that stands unsigned in the record: the fields are `note`, its id, and
    `version`, the one that was read; None for a module that writes no notes. `shipped` are the Questionnaires
    that come with the module, by name; `preview` shows how one looks for a made-up patient, with what was
    tried in its fields; None for a module without templates of its own. `reopen` leads from the id of a note
    that stands unsigned in the record to the page, below the patient's, on which it is written on.
    """

    templates: Callable[[RecordReader, tuple[str, ...], datetime], Awaitable[Sequence[tuple[str, str]]]]
    titles: Callable[[RecordReader, Collection[str]], Awaitable[Mapping[str, str]]]
    path: Callable[[str], str]
    sign: Callable[[ActionRequest], Awaitable[Refused | None]] | None = None
    shipped: Callable[[], Mapping[str, Mapping[str, Any]]] | None = None
    preview: Callable[[Mapping[str, Any], Mapping[str, Sequence[str]], Chart], View] | None = None
    reopen: Callable[[str], str] | None = None


@dataclass(frozen=True, slots=True)
class Module:
    """One capability. `package` is the folder's import name; its templates are in `pages/`."""

    name: str
    title: str
    package: str
    cards: tuple[OverviewCard, ...] = ()
    banner: tuple[BannerNotes, ...] = ()
    routes: tuple[Route, ...] = field(default=())
    actions: tuple[Action, ...] = ()
    drafting: Drafting | None = None
    unit_pages: tuple[UnitPage, ...] = ()
    start: tuple[StartPart, ...] = ()
    board: tuple[BoardNotes, ...] = ()
    contact_parts: tuple[ContactPart, ...] = ()
