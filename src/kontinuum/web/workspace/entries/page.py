"""The page of one entry: what stands there now, what stood there before, who changed it and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from kontinuum.access.kept_back import KeptBack, Kind, of_entry
from kontinuum.fhir import json
from kontinuum.fhir.search.extract import extract
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import Translator, local, message
from kontinuum.kernel.module import Chart
from kontinuum.kernel.principal import Purpose
from kontinuum.record import provenance
from kontinuum.record.guarding import is_dissent, is_signed, said_by_patient
from kontinuum.record.outcome import HistoryPage, Refusal, RefusalKind, Stored, refuse
from kontinuum.record.own_words import Words, read_words, said_queries
from kontinuum.web.workspace.entries.difference import PartDifference, differences
from kontinuum.web.workspace.entries.parts import Part, parts_of
from kontinuum.web.workspace.files import files_beside
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.patient import read_person
from kontinuum.web.workspace.reading import PatientReader
from kontinuum.web.workspace.timeline.describing import Line, describe

PURPOSES: Final = frozenset({Purpose.CARE, Purpose.QUALITY, Purpose.SUPERVISION})
VERSIONS_AT_MOST: Final = 100

KINDS: Final[Mapping[Kind, str]] = {
    Kind.EARLY_HYPOTHESIS: message("early hypothesis"),
    Kind.VIOLENCE: message("exposure to violence"),
    Kind.THIRD_PERSON: message("statement by a third person"),
    Kind.CHILD: message("concern for a child"),
}

_KINDS_OF: Final = ("type", "code", "serviceType", "category")
"""The elements that tell of what kind an entry is, that first which tells it best."""
_STATES: Final = {
    "preliminary": message("Unsigned"),
    "final": message("Signed"),
    "amended": message("Corrected"),
    "entered-in-error": message("Entered in error"),
}
_DEEDS: Final = {
    provenance.AMEND: message("Correction"),
    provenance.NULLIFY: message("Entered in error"),
    provenance.RESTRICT: message("What the patient sees"),
}
_OTHER_PURPOSE: Final = message("This page is not part of the purpose of your assignment.")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a version was made, and by whom."""

    who: str
    unit: str
    text: str
    deed: str


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the entry. `foreign` says that it is about another patient, and is not shown here."""

    number: int
    when: datetime
    unit: str
    state: str
    parts: tuple[Part, ...]
    differences: tuple[PartDifference, ...]
    reason: Reason | None
    deleted: bool
    foreign: bool


@dataclass(frozen=True, slots=True)
class Dissent:
    """What the patient holds to be wrong; `id` is that of its Communication."""

    id: str
    when: str
    text: str
    withdrawn: bool
    taken_by: str


@dataclass(frozen=True, slots=True)
class Entry:
    """Everything that the page shows of an entry; `extracted` is what the answers behind a note became."""

    type: str
    id: str
    title: str
    day: str
    author: str
    state: str
    signed: bool
    in_error: bool
    kept: KeptBack | None
    versions: tuple[Version, ...]
    dissents: tuple[Dissent, ...]
    words: tuple[Words, ...]
    extracted: tuple[Line, ...]
    resource: Mapping[str, Any]

    @property
    def current(self) -> Version:
        """The version that holds now."""
        return self.versions[0]

    @property
    def address(self) -> str:
        """Where the page is, below the patient's."""
        return f"entry/{self.type}/{self.id}"


async def show(page: Page) -> Response:
    """Answer GET `/patient/{patient}/entry/{type}/{id}`."""
    return await render(page)


async def render(
    page: Page,
    problem: str = "",
    drafts: Mapping[str, str] | None = None,
    status: int = HTTPStatus.OK,
) -> Response:
    """The page; with a problem it keeps what was typed."""
    if page.session.principal.purpose not in PURPOSES:
        return page.problem(HTTPStatus.FORBIDDEN, [page.translator.gettext(_OTHER_PURPOSE)])
    patient = page.request.path_params["patient"]
    services = page.services
    chart = Chart(patient, services.clock.now(), page.translator, services.directory)
    record = services.record(page.session.principal)
    reader = PatientReader(record, chart, [part for module in services.modules for part in module.banner])
    entry = await _entry(page, record, chart, reader)
    if isinstance(entry, Refusal):
        return _refused(page, entry)
    stored = await reader.patient()
    if isinstance(stored, Refusal):
        return page.refuse(stored)
    values = {
        "patient": read_person(stored.body or b"", local(chart.now).date(), page.translator, chart.directory),
        "warnings": reader.banner_notes(),
        "entry": entry,
        "chart": chart,
        "kinds": {kind.value: page.translator.gettext(text) for kind, text in KINDS.items()},
        "may_act": page.session.principal.purpose is Purpose.CARE
        and not entry.in_error
        and not said_by_patient(dict(entry.resource)),
        "files": await files_beside(page, [entry.resource]),
        "problem": problem,
        "drafts": drafts or {},
    }
    return page.render("pages/entry.html", values, status)


def _refused(page: Page, refusal: Refusal) -> Response:
    """What was destroyed is told as that; otherwise as of any page."""
    if refusal.kind is RefusalKind.GONE:
        return page.problem(HTTPStatus.GONE, refusal.in_words(page.translator), refusal.provision)
    if refusal.kind is RefusalKind.NOT_FOUND:
        text = message("There is no such entry in this patient's record.")
        return page.problem(HTTPStatus.NOT_FOUND, [page.translator.gettext(text)])
    return page.refuse(refusal)


async def _entry(page: Page, record: Any, chart: Chart, reader: PatientReader) -> Entry | Refusal:
    name, logical_id = page.request.path_params["type"], page.request.path_params["id"]
    history = await record.history(name, logical_id, count=VERSIONS_AT_MOST)
    if isinstance(history, Refusal):
        return history
    current = next((one for one in history.entries if one.body is not None), None)
    if current is None or _about(json.loads(current.body)) != chart.patient:
        return refuse(RefusalKind.NOT_FOUND, "not-found", "not this patient's")
    reasons, said, tasks = await reader.find_many(
        [
            f"Provenance?patient={chart.patient}&target={name}/{logical_id}&_count={VERSIONS_AT_MOST}",
            *said_queries(chart.patient),
        ]
    )
    await page.services.directory.learn(record, {one.unit for one in history.entries})
    why = _reasons([json.loads(one.body) for one in reasons.matches if one.body], name, logical_id)
    resource = json.loads(current.body)
    return Entry(
        type=name,
        id=logical_id,
        title=title_of(resource, page.translator),
        day=page.translator.moment(_when(resource)),
        author=", ".join(filter(None, (who(chart, one) for one in _authors(resource)))),
        state=state_of(resource, page.translator),
        signed=is_signed(resource),
        in_error=_in_error(resource),
        kept=of_entry(resource, chart.now),
        versions=_versions(chart, history, why),
        dissents=tuple(dissents_about(chart, said.matches, f"{name}/{logical_id}")),
        words=words_about(
            read_words(said.matches, tasks.matches),
            {f"{name}/{logical_id}", (resource.get("encounter") or {}).get("reference") or "-"},
        ),
        extracted=await _extracted(record, chart, resource),
        resource=resource,
    )


async def _extracted(record: Any, chart: Chart, resource: dict[str, Any]) -> tuple[Line, ...]:
    if resource["resourceType"] != "Composition":
        return ()
    found = [json.loads(one.body) for one in await record.text.extracted(resource)]
    return tuple(describe(one, chart.translator, chart.directory) for one in found if not _in_error(one))


def words_about(found: Sequence[Words], entries: Collection[str]) -> tuple[Words, ...]:
    """The patient's own words about some entries; those with their own page are about themselves."""
    return tuple(one for one in found if {one.about, one.contact, f"Communication/{one.id}"} & set(entries))


def _when(resource: Mapping[str, Any]) -> str | None:
    names = ("date", "effectiveDateTime", "recordedDate", "sent", "start")
    found: str | None = next((resource[name] for name in names if resource.get(name)), None)
    return found


def _authors(resource: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Who wrote an entry: FHIR has a list of authors, one author, a recorder or a sender."""
    found = resource.get("author") or resource.get("recorder") or resource.get("sender") or ()
    return found if isinstance(found, list) else [found] if found else ()


def _about(resource: dict[str, Any]) -> str | None:
    return extract(resource).patient


def title_of(resource: Mapping[str, Any], translator: Translator) -> str:
    """What an entry is called."""
    found = next((resource[name] for name in _KINDS_OF if resource.get(name)), None)
    concept = found[0] if isinstance(found, list) else found
    texts = [resource.get("title"), resource.get("description")]
    if isinstance(concept, dict):
        texts += [concept.get("text"), *(one.get("display") for one in concept.get("coding") or ())]
    return next((text for text in texts if text), translator.gettext(str(resource["resourceType"])))


def state_of(resource: Mapping[str, Any], translator: Translator) -> str:
    """Whether an entry is signed, corrected or entered in error, in words."""
    code = resource.get("docStatus") or resource.get("status")
    if _in_error(resource):
        code = "entered-in-error"
    return translator.gettext(_STATES[code]) if code in _STATES else str(code or "")


def _in_error(resource: Mapping[str, Any]) -> bool:
    verification = resource.get("verificationStatus")
    codes = verification.get("coding") or () if isinstance(verification, dict) else ()
    error = "entered-in-error"
    return error in (resource.get("status"), resource.get("lifecycleStatus")) or any(
        each.get("code") == error for each in codes
    )


def who(chart: Chart, reference: Mapping[str, Any]) -> str:
    """The name behind a reference."""
    return chart.directory.name(reference.get("reference"), reference.get("display"))


def _reasons(found: list[dict[str, Any]], name: str, logical_id: str) -> dict[int, dict[str, Any]]:
    """The Provenance of each version that has one."""
    beginning = f"{name}/{logical_id}/_history/"
    made = {}
    for told in found:
        for target in told.get("target") or ():
            text = target.get("reference") or ""
            if text.startswith(beginning) and text[len(beginning) :].isdecimal():
                made[int(text[len(beginning) :])] = told
    return made


def _versions(chart: Chart, history: HistoryPage, why: dict[int, dict[str, Any]]) -> tuple[Version, ...]:
    shown = []
    for number, stored in enumerate(history.entries):
        resource = json.loads(stored.body) if stored.body else None
        foreign = resource is not None and _about(resource) != chart.patient
        visible = resource if resource is not None and not foreign else None
        before = _before(chart, history.entries[number + 1 :])
        parts = parts_of(visible, chart.now) if visible else ()
        shown.append(
            Version(
                number=stored.version,
                when=from_micros(stored.updated),
                unit=chart.directory.unit(stored.unit),
                state=state_of(visible, chart.translator) if visible else "",
                parts=parts,
                differences=differences(before, parts) if before is not None and visible else (),
                reason=_reason(chart, why.get(stored.version)),
                deleted=stored.deleted,
                foreign=foreign,
            )
        )
    return tuple(shown)


def _before(chart: Chart, older: Sequence[Stored]) -> tuple[Part, ...] | None:
    """The parts of the version before; None where there is none that is this patient's."""
    if not older or older[0].body is None:
        return None
    resource = json.loads(older[0].body)
    return parts_of(resource, chart.now) if _about(resource) == chart.patient else None


def _reason(chart: Chart, told: Mapping[str, Any] | None) -> Reason | None:
    if told is None:
        return None
    agents = told.get("agent") or [{}]
    unit = (agents[-1].get("onBehalfOf") or {}).get("display") or ""
    text = next((each.get("text") for each in told.get("reason") or () if each.get("text")), "")
    codes = ((told.get("activity") or {}).get("coding")) or ()
    deed = next((_DEEDS[each["code"]] for each in codes if each.get("code") in _DEEDS), "")
    author = who(chart, agents[-1].get("who") or {})
    return Reason(author, unit, text or "", chart.translator.gettext(deed) if deed else "")


def dissents_about(chart: Chart, found: Sequence[Any], reference: str) -> list[Dissent]:
    """The dissents among Communications that are about one entry."""
    shown = []
    for stored in found:
        resource = json.loads(stored.body)
        about = {each.get("reference", "").split("/_history/")[0] for each in resource.get("about") or ()}
        if reference not in about or not is_dissent(resource):
            continue
        text = "\n".join(each.get("contentString") or "" for each in resource.get("payload") or ())
        taken = ", ".join(who(chart, each) for each in resource.get("recipient") or ())
        when = chart.translator.moment(resource.get("sent"))
        shown.append(Dissent(stored.id, when, text, resource.get("status") == "stopped", taken))
    return shown
