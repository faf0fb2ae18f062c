"""What a unit shapes beside its templates, as it is kept: Libraries with JSON as content, one kind a type.

`useContext` names the unit. Whoever has the right changes them at once; every version stays in the history,
and an earlier one is taken back as a new version. http://hl7.org/fhir/R4/library.html
"""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.questionnaire.life import OFFERED
from kontinuum.fhir.questionnaire.use import CONTEXT_TYPES, VENUE
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import ResourceVersion
from kontinuum.kernel.principal import TEMPLATES
from kontinuum.organisation import applying
from kontinuum.record.outcome import Refusal, RefusalKind
from kontinuum.sweden import systems
from kontinuum.web.workspace.pages import Handler, Page

CODES: Final = "urn:kontinuum:codes:library"
LARGEST: Final = 200_000
"""How many bytes the content of a tool, or a file with one, may have."""

_NAMES: Final = uuid.UUID("5b0f27c1-86a1-4f55-b1b0-6b0f4c1f2f83")
_JSON: Final = "application/json"
_MAY_NOT: Final = message(
    "To change what the unit works in takes the right “change note templates” in your assignment. Your "
    "administrator gives it."
)
CHANGED: Final = message("Somebody else changed this meanwhile. Reload the page and make your change again.")


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool of a unit in one of its versions; `stored` is the number of the version, 0 for none yet."""

    id: str
    stored: int
    title: str
    content: Mapping[str, Any]
    unit: str
    provider: str
    offered: bool = False
    active: bool = True
    by: str = ""
    at: str = ""


def may_change(page: Page) -> bool:
    """Whether the assignment has the right to change what the unit works in."""
    return TEMPLATES in page.session.principal.assignment.rights


def shapers(handler: Handler) -> Handler:
    """Let only those with the right through; others are told who gives it."""

    async def guarded(page: Page) -> Response:
        if may_change(page):
            return await handler(page)
        return page.problem(403, [page.translator.gettext(_MAY_NOT)])

    return guarded


def of_unit(kind: str, unit: str) -> str:
    """The search for what a unit has in use of a kind."""
    return f"Library?type={CODES}|{kind}&status=active&context={quote(f'{systems.HSA_ID}|{unit}', safe='|')}"


def own_id(page: Page, kind: str) -> str:
    """The id of what a unit has one of."""
    assignment = page.session.principal.assignment
    return id_at(kind, assignment.provider, assignment.unit)


def id_at(kind: str, provider: str, unit: str) -> str:
    """The id of what a unit has one of."""
    return str(uuid.uuid5(_NAMES, f"{provider}|{kind}|{unit}"))


def read(stored: ResourceVersion) -> Tool | None:
    """A tool as it stands in the record; None for what is none."""
    if not stored.body:
        return None
    library = fhir_json.loads(stored.body)
    try:
        content = fhir_json.loads(base64.b64decode(library["content"][0]["data"]))
        unit = library["useContext"][0]["valueCodeableConcept"]["coding"][0]["code"]
    except (KeyError, IndexError, TypeError, binascii.Error, fhir_json.JsonError):
        return None
    if not isinstance(content, dict):
        return None
    return Tool(
        stored.id,
        stored.version,
        str(library.get("title", "")),
        content,
        str(unit),
        stored.provider,
        any(one.get("url") == OFFERED for one in library.get("extension") or ()),
        library.get("status") == "active",
        next((str(one.get("name", "")) for one in library.get("editor") or ()), ""),
        local(from_micros(stored.updated)).isoformat(timespec="minutes"),
    )


def library(kind: str, tool: Tool, editor: str) -> dict[str, Any]:
    """A tool as the Library in which it is kept."""
    context = {
        "code": {"system": CONTEXT_TYPES, "code": VENUE},
        "valueCodeableConcept": {"coding": [{"system": systems.HSA_ID, "code": tool.unit}]},
    }
    data = base64.b64encode(fhir_json.dumps(tool.content)).decode()
    return {
        "resourceType": "Library",
        "id": tool.id,
        **({"extension": [{"url": OFFERED, "valueBoolean": True}]} if tool.offered else {}),
        "title": tool.title,
        "status": "active" if tool.active else "retired",
        "type": {"coding": [{"system": CODES, "code": kind}]},
        "useContext": [context],
        "editor": [{"name": editor}],
        "content": [{"contentType": _JSON, "data": data}],
    }


async def listed(page: Page, kind: str) -> list[Tool]:
    """What units of the own care provider have, and what others offer."""
    record: Any = page.services.record(page.session.principal)
    found = await applying.pages(record, f"Library?type={CODES}|{kind}&status=active&_count=500")
    tools = [tool for stored in found if (tool := read(stored)) is not None]
    provider = page.session.principal.assignment.provider
    return [one for one in tools if one.provider == provider or one.offered]


async def one(page: Page, kind: str, identity: str) -> Tool | None:
    """A tool by its id: of the own care provider, or offered by another."""
    record: Any = page.services.record(page.session.principal)
    stored = await record.read("Library", identity)
    if isinstance(stored, Refusal) or not _is(kind, stored.body):
        return None
    tool = read(stored)
    own = tool is not None and tool.provider == page.session.principal.assignment.provider
    return tool if tool is not None and (own or tool.offered) else None


def _is(kind: str, body: bytes | None) -> bool:
    codings = fhir_json.loads(body or b"{}").get("type", {}).get("coding") or ()
    return any(one.get("system") == CODES and one.get("code") == kind for one in codings)


async def versions(page: Page, tool: Tool) -> list[Tool]:
    """Every version of a tool, the newest first, at most fifty."""
    record: Any = page.services.record(page.session.principal)
    found = await record.history("Library", tool.id, count=50)
    if isinstance(found, Refusal):
        return []
    return [each for stored in found.entries if (each := read(stored)) is not None]


async def save(page: Page, kind: str, tool: Tool) -> Refusal | None:
    """Keep a tool over the version that it says it has."""
    record: Any = page.services.record(page.session.principal)
    done = await record.update(
        "Library",
        tool.id,
        library(kind, tool, page.session.principal.actor.name),
        if_match=tool.stored or None,
        only_new=not tool.stored,
    )
    return done if isinstance(done, Refusal) else None


def in_words(page: Page, refusal: Refusal) -> list[str]:
    """Why a tool was not kept."""
    if refusal.kind in (RefusalKind.PRECONDITION_FAILED, RefusalKind.CONFLICT):
        return [page.translator.gettext(CHANGED)]
    return list(refusal.in_words(page.translator))
