"""What the pages of the patient index have in common: the Patient as it stands, writing it with a reason."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from kontinuum.fhir import json
from kontinuum.kernel.clock import from_micros, instant, to_micros
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import Chart
from kontinuum.kernel.numbers import whole
from kontinuum.kernel.principal import Purpose
from kontinuum.record import Record
from kontinuum.record.outcome import Refusal, RefusalKind, Stored
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.patient import Person, read_person
from kontinuum.web.workspace.reading import PatientReader

Resource = dict[str, Any]

NOT_YOURS: Final = message("This page is not part of the purpose of your assignment.")
NO_REASON: Final = message("Write why. The reason stands in the history.")
CHANGED_MEANWHILE: Final = message(
    "Somebody else changed this person's information meanwhile. Look at what stands there now, and try again."
)
WITHHELD: Final = message(
    "Parts of this person's information are withheld from you by protected identity, so you cannot change "
    "it. It takes an assignment with the right to protected identities."
)
_PURPOSES: Final = frozenset({Purpose.CARE, Purpose.ADMINISTRATION})


@dataclass(frozen=True, slots=True)
class Standing:
    """A Patient as it stands: its version, its content, and how it is shown."""

    stored: Stored
    resource: Resource
    person: Person

    @property
    def withheld(self) -> bool:
        """Whether something was taken out before it was shown, so that it must not be written back."""
        labels = self.resource.get("meta", {}).get("security", ())
        return any(label.get("code") == "REDACTED" for label in labels)


def for_staff(handler: Callable[[Page], Awaitable[Response]]) -> Callable[[Page], Awaitable[Response]]:
    """Let those through who care for patients or administrate: to know who somebody is belongs to that."""

    async def show(page: Page) -> Response:
        if page.session.principal.purpose not in _PURPOSES:
            return page.problem(HTTPStatus.FORBIDDEN, [page.translator.gettext(NOT_YOURS)])
        return await handler(page)

    return show


def record_of(page: Page) -> Record:
    """The gate, bound to who is signed in."""
    record: Record = page.services.record(page.session.principal)
    return record


def reader_of(page: Page, patient: str) -> PatientReader:
    """The gate narrowed to one patient, which reads what must be seen in the banner along with the page."""
    chart = Chart(patient, page.services.clock.now(), page.translator, page.services.directory)
    banner = [part for module in page.services.modules for part in module.banner]
    return PatientReader(record_of(page), chart, banner)


def today_of(page: Page) -> date:
    """The calendar day in Sweden."""
    return local(page.services.clock.now()).date()


async def form_of(page: Page) -> dict[str, str]:
    """The text fields of the form that was sent."""
    form = await page.request.form()
    return {name: value for name, value in form.items() if isinstance(value, str)}


async def standing(page: Page, patient: str) -> Standing | Refusal:
    """A Patient as it stands."""
    found = await record_of(page).read("Patient", patient)
    if isinstance(found, Refusal):
        return found
    body = found.body or b""
    person = read_person(body, today_of(page), page.translator, page.services.directory)
    return Standing(found, json.loads(body), person)


def person_path(patient: str, anchor: str = "") -> str:
    """The address of a person's page."""
    return f"/patient/{patient}/person" + (f"#{anchor}" if anchor else "")


def done(path: str) -> Response:
    """Go on to a page after a change."""
    return RedirectResponse(path, status_code=HTTPStatus.SEE_OTHER, headers={"cache-control": "no-store"})


def refuse(page: Page, refusal: Refusal) -> Response:
    """Say why a change was not made; a change of somebody else's in between in words of its own."""
    if refusal.kind is RefusalKind.PRECONDITION_FAILED:
        return page.problem(HTTPStatus.CONFLICT, [page.translator.gettext(CHANGED_MEANWHILE)])
    if refusal.kind in (RefusalKind.FORBIDDEN, RefusalKind.CONFLICT, RefusalKind.INVALID):
        return page.problem(refusal.kind.value, refusal.in_words(page.translator), refusal.provision)
    return page.refuse(refusal)


def wrong(page: Page, text: str) -> Response:
    """Say what in a form must be corrected."""
    return page.problem(HTTPStatus.UNPROCESSABLE_ENTITY, [page.translator.gettext(text)])


async def change(
    page: Page, current: Standing, version: str, changed: Resource, reason: str, activity: str
) -> Refusal | None:
    """Write a Patient over the version that was seen, and with it who did it and why, as a Provenance.

    http://hl7.org/fhir/R4/provenance.html. Both are written, or neither. Content that is the same makes no
    version.
    """
    if changed == current.resource:
        return None
    seen = whole(version)
    reference = f"Patient/{current.stored.id}"
    made = provenance(page, f"{reference}/_history/{seen + 1}", reason, activity)
    entries = [
        {"resource": changed, "request": {"method": "PUT", "url": reference, "ifMatch": f'W/"{seen}"'}},
        {"resource": made, "request": {"method": "POST", "url": "Provenance"}},
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    results = await record_of(page).transaction(bundle)
    return results if isinstance(results, Refusal) else None


def provenance(page: Page, target: str, reason: str, activity: str) -> Resource:
    """Who wrote a version of a resource, when and why."""
    principal = page.session.principal
    who: Resource = {"display": principal.actor.name}
    if principal.actor.reference:
        who["reference"] = principal.actor.reference
    made: Resource = {
        "resourceType": "Provenance",
        "target": [{"reference": target}],
        "recorded": instant(to_micros(page.services.clock.now())),
        "activity": {"text": activity},
        "agent": [{"who": who, "onBehalfOf": {"display": principal.assignment.unit_name}}],
    }
    return {**made, "reason": [{"text": reason}]} if reason else made


def when(page: Page) -> Callable[[int], str]:
    """Day and time in Sweden of microseconds since 1970, for templates."""
    return lambda micros: page.translator.moment(from_micros(micros))


def values_of(form: Mapping[str, str]) -> dict[str, str]:
    """What was filled in, to be shown again."""
    return {name: value for name, value in form.items() if name != "csrf"}
