"""The templates of a care provider as they are kept: drafts, and versions that were sent to review.

A version is a Questionnaire of its own: the same `url` as the others of its template, `version` one higher.
While it is written it is a Library of the type `template-draft` with the Questionnaire as content, for it may
be no valid Questionnaire yet. What was done with it, by whom and when, stands in the extension `LIFE`.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.questionnaire import use
from kontinuum.fhir.questionnaire.life import DRAFT_TYPE, OFFERED, Step, step_extension, steps
from kontinuum.kernel.i18n import local, message
from kontinuum.organisation import applying
from kontinuum.record.outcome import Refusal, Stored
from kontinuum.sweden import systems
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.work.phrases import CODES

_NAMES: Final = uuid.UUID("8f4e3c2a-5d0b-4a63-9f0e-2f6a1c7be914")
_DRAFTS: Final = f"Library?type={CODES}|{DRAFT_TYPE}&status=draft&_count=500"


class State(StrEnum):
    """Where a version is in its life."""

    DRAFT = "draft"
    REVIEW = "review"
    APPROVED = "approved"
    LATER = "later"
    IN_USE = "in-use"
    EARLIER = "earlier"
    STOPPED = "stopped"
    RETIRED = "retired"
    SHIPPED = "shipped"


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a template; `stored` is the number of the resource's version, 0 for what is shipped."""

    id: str
    state: State
    questionnaire: Mapping[str, Any]
    stored: int
    provider: str
    steps: tuple[Step, ...] = ()

    @property
    def url(self) -> str:
        """The address of the template, which all its versions have."""
        return str(self.questionnaire.get("url", ""))

    @property
    def number(self) -> int:
        """Which version it is, from 1."""
        return use.number(self.questionnaire)

    @property
    def title(self) -> str:
        """What the template is called."""
        return str(self.questionnaire.get("title") or self.questionnaire.get("name") or self.id)

    @property
    def kind(self) -> str:
        """Whether it is a note, a scale or a phrase."""
        return use.kind(self.questionnaire)

    @property
    def venues(self) -> tuple[str, ...]:
        """The HSA-ids of the places where it is in use."""
        return use.venues(self.questionnaire)

    @property
    def starts(self) -> str:
        """The day from which it is in use."""
        return use.starts(self.questionnaire)

    @property
    def offered(self) -> bool:
        """Whether other care providers are offered to copy it."""
        return any(one.get("url") == OFFERED for one in self.questionnaire.get("extension") or ())

    @property
    def writer(self) -> str:
        """The id of whoever sent it to review last."""
        return next((one.who for one in reversed(self.steps) if one.what == "submit"), "")


def _today(page: Page) -> date:
    return local(page.services.clock.now()).date()


def _state(questionnaire: Mapping[str, Any], today: date) -> State:
    status = questionnaire.get("status")
    if status == "draft":
        return State.APPROVED if "approvalDate" in questionnaire else State.REVIEW
    if status != "active":
        return State.RETIRED
    if not use.venues(questionnaire):
        return State.STOPPED
    return State.LATER if use.starts(questionnaire) > today.isoformat() else State.IN_USE


def _version(stored: Stored, today: date) -> Version:
    resource = fhir_json.loads(stored.body or b"{}")
    if stored.type == "Library":
        content = fhir_json.loads(base64.b64decode(resource["content"][0]["data"]))
        return Version(stored.id, State.DRAFT, content, stored.version, stored.provider, steps(resource))
    return Version(
        stored.id, _state(resource, today), resource, stored.version, stored.provider, steps(resource)
    )


def library(version: Version, questionnaire: Mapping[str, Any], status: str = "draft") -> dict[str, Any]:
    """A draft as it is kept."""
    title = str(questionnaire.get("title") or "").strip()
    return {
        "resourceType": "Library",
        "id": version.id,
        **({"extension": [step_extension(one) for one in version.steps]} if version.steps else {}),
        **({"title": title} if title else {}),
        "status": status,
        "type": {"coding": [{"system": CODES, "code": DRAFT_TYPE}]},
        "content": [
            {
                "contentType": "application/fhir+json",
                "data": base64.b64encode(fhir_json.dumps(questionnaire)).decode(),
            }
        ],
    }


async def shelf(page: Page) -> tuple[list[Version], list[Version]]:
    """The templates of the own care provider, the newest version first, and those others offer."""
    record: Any = page.services.record(page.session.principal)
    today, provider = _today(page), page.session.principal.assignment.provider
    found = [
        *await applying.pages(record, _DRAFTS),
        *await applying.pages(record, "Questionnaire?_count=500"),
    ]
    versions = [_version(one, today) for one in found if one.body]
    own = _marked(one for one in versions if one.provider == provider)
    others = [
        one for one in versions if one.provider != provider and one.offered and one.state is State.IN_USE
    ]
    return own, others


def _marked(versions: Iterable[Version]) -> list[Version]:
    """Say of what is in use everywhere in a newer version that it is an earlier one."""
    made: list[Version] = []
    taken: dict[str, set[str]] = {}
    # A version may have another title than the one before it.
    for one in sorted(versions, key=lambda each: -each.number):
        covered = taken.setdefault(one.url, set())
        if one.state is State.IN_USE:
            if set(one.venues) <= covered:
                one = Version(one.id, State.EARLIER, one.questionnaire, one.stored, one.provider, one.steps)
            covered |= set(one.venues)
        made.append(one)
    return sorted(made, key=lambda each: (each.title.casefold(), each.url, -each.number))


def shipped(page: Page) -> list[Version]:
    """The templates that come with the system."""
    return [
        Version(name, State.SHIPPED, questionnaire, 0, "")
        for module in page.services.modules
        if module.drafting is not None and module.drafting.shipped is not None
        for name, questionnaire in module.drafting.shipped().items()
    ]


async def one(page: Page, identity: str) -> tuple[Version, list[Version]] | None:
    """A version by its id, and the others of its template; None when there is none to be shown."""
    own, others = await shelf(page)
    found = next((each for each in [*own, *others, *shipped(page)] if each.id == identity), None)
    if found is None:
        return None
    return found, [each for each in own if each.url == found.url and each.url]


async def draft(page: Page, identity: str) -> Version | None:
    """A draft of the own care provider by its id, without looking at the others."""
    record: Any = page.services.record(page.session.principal)
    stored = await record.read("Library", identity)
    if isinstance(stored, Refusal) or stored.provider != page.session.principal.assignment.provider:
        return None
    resource = fhir_json.loads(stored.body or b"{}")
    codes = [one.get("code") for one in resource.get("type", {}).get("coding") or ()]
    if resource.get("status") != "draft" or DRAFT_TYPE not in codes:
        return None
    return _version(stored, _today(page))


async def begun(page: Page, identity: str) -> tuple[Step, ...]:
    """What was done with a version that was begun before and put aside."""
    record: Any = page.services.record(page.session.principal)
    stored = await record.read("Library", identity)
    return () if isinstance(stored, Refusal) else steps(fhir_json.loads(stored.body or b"{}"))


def new_id(page: Page, url: str, number: int) -> str:
    """The id of a version: whoever begins the same version at the same time begins the same resource."""
    return str(uuid.uuid5(_NAMES, f"{page.session.principal.assignment.provider}|{url}|{number}"))


def new_url() -> str:
    """The address of a new template."""
    return f"urn:uuid:{uuid.uuid4()}"


STEPS: Final[Mapping[str, str]] = {
    "begin": message("Begun"),
    "copy": message("Begun as a copy"),
    "import": message("Taken in from a file"),
    "next": message("New version begun"),
    "write": message("Changed"),
    "submit": message("Sent to review"),
    "withdraw": message("Taken back from review"),
    "approve": message("Reviewed and approved"),
    "send-back": message("Sent back"),
    "use": message("Taken into use"),
    "stop": message("Taken out of use"),
    "retire": message("Retired"),
    "roll-back": message("Equal to an earlier version"),
    "offer": message("Offered to other care providers"),
    "offer-end": message("No longer offered to other care providers"),
}
"""What each step is called in the history of a version."""


def step(page: Page, what: str, note: str = "", of: str = "") -> Step:
    """A step that the signed-in person takes now."""
    actor = page.session.principal.actor
    at = local(page.services.clock.now()).isoformat(timespec="seconds")
    return Step(what, actor.id, actor.name, at, note, of)


async def write(
    page: Page, changes: Sequence[tuple[str, dict[str, Any] | None, int | None]]
) -> Refusal | None:
    """Write all or nothing: `Type/id`, a resource or None to remove it, the version it has (0: none)."""
    entries = []
    for url, resource, expected in changes:
        request: dict[str, Any] = {"method": "DELETE" if resource is None else "PUT", "url": url}
        if expected:
            request["ifMatch"] = f'W/"{expected}"'
        elif expected == 0:
            request["ifNoneMatch"] = "*"
        entries.append({"request": request, **({"resource": resource} if resource is not None else {})})
    record: Any = page.services.record(page.session.principal)
    done = await record.transaction({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    return done if isinstance(done, Refusal) else None


async def units(page: Page) -> list[tuple[str, str]]:
    """The care provider and its units, as (HSA-id, name), the provider first."""
    assignment = page.session.principal.assignment
    record: Any = page.services.record(page.session.principal)
    found = {assignment.provider: assignment.provider_name, assignment.unit: assignment.unit_name}
    for stored in await applying.pages(record, "Organization?_count=500"):
        resource = fhir_json.loads(stored.body) if stored.body else {}
        for identifier in resource.get("identifier") or ():
            own = stored.provider == assignment.provider and resource.get("active") is not False
            if own and systems.canonical(identifier.get("system", "")) == systems.HSA_ID:
                found.setdefault(identifier["value"], resource.get("name", identifier["value"]))
    first = assignment.provider
    listed = sorted(((key, name) for key, name in found.items() if key), key=lambda each: each[1].casefold())
    return sorted(listed, key=lambda each: each[0] != first)
