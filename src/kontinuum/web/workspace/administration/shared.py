"""What the pages of administration share: who may, what they read, how a change is written and shown.

Only an assignment whose purpose is administration may, and only at its own care provider. A change is written
over the version that was shown, with a Provenance that says who and why.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

from starlette.responses import RedirectResponse, Response

from kontinuum.audit import entry as log_entry
from kontinuum.fhir import json
from kontinuum.kernel.clock import from_micros, to_micros
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.numbers import whole
from kontinuum.kernel.principal import Actor, ActorKind, Assignment, Principal, Purpose
from kontinuum.organisation import applying, codes
from kontinuum.organisation.model import FIELDS, FieldChange, Record, differences
from kontinuum.organisation.plan import Directory, Held
from kontinuum.record.outcome import Refusal, RefusalKind
from kontinuum.web.workspace.pages import Handler, Page

A_PAGE: Final = 200
"""How many people or assignments a list shows at a time."""

_ADMINISTRATORS_ONLY: Final = message(
    "These pages are for those who administer units, staff and assignments. Your assignment has another "
    "purpose. Change assignment if you have one for administration."
)
_ANOTHER_PROVIDERS: Final = message(
    "Another care provider is accountable for this. Only an administrator there can change it."
)
_GONE: Final = message("There is nothing under this address, or it has been removed.")


def administrators(handler: Handler) -> Handler:
    """Let only an assignment for administration through; others get a page that says why, and an entry."""

    async def guarded(page: Page) -> Response:
        principal = page.session.principal
        if principal.purpose is Purpose.ADMINISTRATION and principal.actor.kind is ActorKind.STAFF:
            return await handler(page)
        made = log_entry(
            principal,
            to_micros(page.services.clock.now()),
            "administration",
            "refused",
            "purpose",
            what=(page.request.url.path.strip("/"),),
        )
        await page.services.application.audit.durable(made)
        return page.problem(HTTPStatus.FORBIDDEN, [page.translator.gettext(_ADMINISTRATORS_ONLY)])

    guarded.__qualname__ = handler.__qualname__
    return guarded


def provider_of(page: Page) -> str:
    """The HSA-id of the administrator's care provider."""
    return page.session.principal.assignment.provider


def record_of(page: Page) -> Any:
    """The gate, under the administrator's assignment."""
    return page.services.record(page.session.principal)


def today_of(page: Page) -> date:
    """Today in Sweden."""
    return local(page.services.clock.now()).date()


async def fields_of(page: Page) -> dict[str, str]:
    """The texts of the form, without surrounding space; several of one name are parted by `|`."""
    form = await page.request.form()
    found: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            found.setdefault(name, []).append(value.strip())
    return {name: "|".join(values) for name, values in found.items()}


# What is read


async def own(page: Page, url: str) -> list[Held]:
    """What a search finds that the administrator's care provider is accountable for."""
    found = await applying.pages(record_of(page), f"{url}{'&' if '?' in url else '?'}_count=500")
    return [applying.held(one) for one in found if one.provider == provider_of(page)]


async def units_of(page: Page) -> Directory:
    """The care provider's organisations."""
    directory = Directory()
    for one in await own(page, "Organization"):
        directory.add(one)
    return directory


async def add_referred(page: Page, directory: Directory, elements: Sequence[str]) -> None:
    """Add what resources refer to, such as the persons of assignments."""
    wanted = {
        reference
        for one in directory.held.values()
        for element in elements
        if (reference := one.resource.get(element, {}).get("reference")) and reference not in directory.held
    }
    if wanted:
        for stored in (await record_of(page).read_many(sorted(wanted))).values():
            directory.add(applying.held(stored))


async def held(page: Page, type_name: str, *, to_change: bool = True) -> Held | Response:
    """The resource of the address; a page that says why when there is none, or it is another's to change."""
    answer = await record_of(page).read(type_name, page.request.path_params["id"])
    if isinstance(answer, Refusal):
        return page.problem(answer.kind.value, [page.translator.gettext(_GONE)])
    if to_change and answer.provider != provider_of(page):
        return page.problem(HTTPStatus.FORBIDDEN, [page.translator.gettext(_ANOTHER_PROVIDERS)])
    return applying.held(answer)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One page of a list: its number from 1, how many there are, what stands on it, and how much in all."""

    number: int
    of: int
    items: Sequence[Any]
    total: int


def leaf_of(page: Page, items: Sequence[Any]) -> Leaf:
    """The page of a list that the address asks for by `page`; the nearest one for a number beyond."""
    asked = page.request.query_params.get("page", "")
    number = whole(asked, 1)
    last = max(1, -(-len(items) // A_PAGE))
    number = min(max(number, 1), last)
    return Leaf(number, last, items[(number - 1) * A_PAGE : number * A_PAGE], len(items))


# History


@dataclass(frozen=True, slots=True)
class PastVersion:
    """One version: when, by whom, on which ground, and what it changed."""

    version: int
    when: datetime
    who: str
    reason: str
    changes: tuple[FieldChange, ...]
    first: bool


async def history(page: Page, one: Held, directory: Directory) -> list[PastVersion]:
    """The versions of a resource, the latest first."""
    type_name, _, identity = one.reference.partition("/")
    found = await record_of(page).history(type_name, identity, count=100)
    if isinstance(found, Refusal):
        return []
    authors = await _authors(page, one.reference)
    await page.services.directory.learn(record_of(page), {stored.unit for stored in found.entries})
    bodies = [(stored, json.loads(stored.body) if stored.body else None) for stored in found.entries]
    values = [
        None if body is None else directory.value(Held(one.reference, stored.version, stored.provider, body))
        for stored, body in bodies
    ]
    shown = []
    for place, (stored, _) in enumerate(bodies):
        before = values[place + 1] if place + 1 < len(values) else None
        who, reason = authors.get(stored.version, (page.services.directory.unit(stored.unit), ""))
        changes = differences(before, values[place])
        when = from_micros(stored.updated)
        shown.append(PastVersion(stored.version, when, who, reason, changes, stored.version == 1))
    return shown


async def _authors(page: Page, reference: str) -> dict[int, tuple[str, str]]:
    """Who wrote which version, and why, as far as it is told in a Provenance."""
    found = await page.services.record(_clerk(page)).find(f"Provenance?target={reference}&_count=200")
    authors: dict[int, tuple[str, str]] = {}
    for stored in () if isinstance(found, Refusal) else found.matches:
        told = json.loads(stored.body)
        who = told["agent"][0]["who"].get("display", "")
        reason = next((text for r in told.get("reason", ()) if (text := r.get("text"))), "")
        for target in told["target"]:
            about, _, version = target["reference"].partition("/_history/")
            if about == reference:
                authors[int(version or 1)] = (who, reason)  # without a version: what it was made as
    return authors


def _clerk(page: Page) -> Principal:
    """Reads what the care provider's units have noted about changes; it holds no data of a patient."""
    at = page.session.principal.assignment
    assignment = Assignment(
        "system:administration",
        "Administration",
        at.provider,
        "",
        at.provider,
        at.provider_name,
        Purpose.SYSTEM,
    )
    return Principal(
        Actor(ActorKind.SYSTEM, "kontinuum:administration", "Kontinuum, administration"),
        assignment,
        "kontinuum administration",
    )


# Changes


@dataclass(frozen=True, slots=True)
class Conflict:
    """Somebody else changed it after the form was shown: who, when and what."""

    latest: PastVersion
    changes: tuple[FieldChange, ...]


async def write(
    page: Page, reference: str, resource: dict[str, Any], version: int | None, reason: str
) -> Refusal | None:
    """Write one resource over the version that was shown (none: it is new), with its Provenance."""
    return await write_all(page, [(reference, resource, version)], reason)


async def write_all(
    page: Page, wanted: Sequence[tuple[str, dict[str, Any], int | None]], reason: str
) -> Refusal | None:
    """Write several together, or none."""
    principal = page.session.principal
    entries = [applying.entry(*one) for one in wanted]
    targets = [(reference, (version or 0) + 1) for reference, _, version in wanted]
    note = applying.provenance(principal, to_micros(page.services.clock.now()), reason, targets)
    entries.append({"resource": note, "request": {"method": "POST", "url": "Provenance"}})
    answer = await record_of(page).transaction(applying.bundle(entries))
    if isinstance(answer, Refusal):
        return answer
    # This process knows at once; the others hear of it from the database.
    page.services.identity.forget()
    return None


async def write_new(page: Page, resource: dict[str, Any], reason: str) -> Refusal | None:
    """Write a resource that the server names, with its Provenance."""
    name = f"urn:uuid:{uuid4()}"
    now = to_micros(page.services.clock.now())
    note = applying.provenance(page.session.principal, now, reason, [(name, 1)])
    note["target"] = [{"reference": name}]
    entries: list[dict[str, Any]] = [
        {
            "fullUrl": name,
            "resource": resource,
            "request": {"method": "POST", "url": resource["resourceType"]},
        },
        {"resource": note, "request": {"method": "POST", "url": "Provenance"}},
    ]
    answer = await record_of(page).transaction(applying.bundle(entries))
    return answer if isinstance(answer, Refusal) else None


async def conflict(page: Page, one: Held, seen: int, directory: Directory) -> Conflict | None:
    """What others changed since version `seen` of a resource, None when nothing."""
    if one.version == seen:
        return None
    versions = await history(page, one, directory)
    type_name, _, identity = one.reference.partition("/")
    old = await record_of(page).vread(type_name, identity, seen)
    then = None if isinstance(old, Refusal) else directory.value(applying.held(old))
    return Conflict(versions[0], differences(then, directory.value(one)))


async def change(
    page: Page,
    one: Held,
    resource: dict[str, Any] | None,
    fields: Mapping[str, str],
    again: Callable[[int], Awaitable[Response]],
) -> Response:
    """Write a changed resource (None: nothing changed) over the version that was shown, and lead back.

    `again` shows the form once more, given that version, when somebody else was faster.
    """
    seen = seen_version(fields)
    if resource is not None or seen != one.version:
        refusal = await write(page, one.reference, resource or one.resource, seen, fields.get("reason", ""))
        if refusal and is_conflict(refusal):
            return await again(seen)
        if refusal:
            return page.refuse(refusal)
    onward = fields.get("next", "")
    return go(onward if onward.startswith("/admin/") else path_of(one))


def path_of(one: Held) -> str:
    """The page of a unit, a person or an assignment."""
    type_name, _, identity = one.reference.partition("/")
    return f"/admin/{_PAGES[type_name]}/{identity}"


_PAGES: Final = {"Organization": "unit", "Practitioner": "person", "PractitionerRole": "assignment"}


async def render_changeable(
    page: Page,
    template: str,
    values: Mapping[str, object],
    one: Held,
    directory: Directory,
    seen: int | None = None,
) -> Response:
    """A page with a form, its history beside, and what others changed since version `seen` was shown."""
    meanwhile = None if seen is None else await conflict(page, one, seen, directory)
    shown = {
        "one": one,
        "history": history_values(page, await history(page, one, directory), directory),
        "conflict": meanwhile,
        "conflict_changes": said(page, meanwhile.changes, names_in(directory)) if meanwhile else [],
    }
    wrong = HTTPStatus.UNPROCESSABLE_ENTITY if values.get("mistake") else HTTPStatus.OK
    return page.render(template, {**values, **shown}, HTTPStatus.CONFLICT if meanwhile else wrong)


def is_conflict(refusal: Refusal) -> bool:
    """Whether a write was refused because somebody else was faster."""
    return refusal.kind in (RefusalKind.PRECONDITION_FAILED, RefusalKind.CONFLICT)


def seen_version(fields: Mapping[str, str]) -> int:
    """The version that the form was made of."""
    text = fields.get("version", "")
    return whole(text)


def go(path: str) -> Response:
    """Lead to a page after a change."""
    return RedirectResponse(path, status_code=HTTPStatus.SEE_OTHER, headers={"cache-control": "no-store"})


# How values are said


def words(page: Page, name: str, text: str, names: Mapping[str, str]) -> str:
    """A field's value as a person reads it; `names` are those behind HSA-ids."""
    say = page.translator.gettext
    if not text:
        return ""
    match name:
        case "purpose":
            return say(codes.PURPOSES[Purpose(text)])
        case "rights":
            return ", ".join(say(codes.RIGHTS[one]) for one in text.split("|"))
        case "professions":
            return ", ".join(say(codes.PROFESSIONS.get(one, one)) for one in text.split("|"))
        case "type":
            return say(codes.UNIT_TYPES.get(text, text))
        case "active" | "protected":
            return say(_YES if text == "yes" else _NO)
        case "person" | "unit" | "parent":
            return names.get(text, text)
        case _:
            return text


_YES: Final = message("yes")
_NO: Final = message("no")


def said(page: Page, changes: Iterable[FieldChange], names: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Changes as (field, before, after) in words."""
    return [
        (
            page.translator.gettext(FIELDS[one.field]),
            words(page, one.field, one.before, names),
            words(page, one.field, one.after, names),
        )
        for one in changes
    ]


def names_in(directory: Directory) -> dict[str, str]:
    """The name behind each HSA-id."""
    names: dict[str, str] = {}
    for reference, hsa_id in directory.hsa_ids.items():
        if not reference.startswith("PractitionerRole/"):
            value: Record = directory.value(directory.held[reference])
            names[hsa_id] = getattr(value, "name", "") or hsa_id
    return names


def history_values(
    page: Page, versions: Sequence[PastVersion], directory: Directory
) -> list[dict[str, object]]:
    """The history as its template shows it."""
    names = names_in(directory)
    return [
        {"past": one, "changes": said(page, one.changes, names) if not one.first else []} for one in versions
    ]
