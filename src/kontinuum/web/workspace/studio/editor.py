"""The editor of a template: its items beside how it looks; kept as it is typed, faults told meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final

from markupsafe import Markup
from starlette.responses import JSONResponse, Response

from kontinuum.fhir.questionnaire import phrasing
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Chart
from kontinuum.kernel.numbers import whole
from kontinuum.record.outcome import Refusal
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.studio import editing, elements, shelf
from kontinuum.web.workspace.studio.differences import label_of
from kontinuum.web.workspace.studio.editing import Condition, Place
from kontinuum.web.workspace.studio.elements import Element
from kontinuum.web.workspace.studio.remarks import remarks
from kontinuum.web.workspace.studio.shelf import Version
from kontinuum.web.workspace.work.tabs import draftings

TRIED: Final = "try:"
"""Begins the names of the fields in which the author tries the template."""
LARGEST: Final = 2_000_000

_CHANGED: Final = message(
    "The template was changed in another window or by somebody else. Copy what you wrote last and reload the "
    "page."
)
_NOT_A_DRAFT: Final = message("This version is no draft any more. Begin a new version to change it.")
_TOO_LARGE: Final = message("The template has become too large to be kept.")

OPERATORS: Final = (
    ("=", message("is")),
    ("!=", message("is not")),
    (">", message("is more than")),
    ("<", message("is less than")),
    (">=", message("is at least")),
    ("<=", message("is at most")),
    (editing.PRESENT, message("is answered")),
    (editing.ABSENT, message("is not answered")),
)
BECOMES: Final = (
    ("", message("text in the note only")),
    ("observation", message("a measurement (Observation)")),
    ("component", message("a part of the measurement above")),
)
CONDITION: Final = (elements.CONDITION, message("a diagnosis (Condition)"))
PARTS: Final = tuple(
    (f"http://hl7.org/fhir/StructureDefinition/Condition#Condition.{path}", text)
    for path, text in (
        ("code.text", message("the diagnosis in words")),
        ("code", message("the diagnosis as a code")),
        ("code.coding.code", message("the diagnosis code")),
        ("onsetDateTime", message("when it began")),
        ("note.text", message("a comment")),
    )
)


@dataclass(frozen=True, slots=True)
class Row:
    """An item as its form shows it."""

    place: Place
    label: str
    kind: str
    kind_name: str
    texts: Mapping[str, str]
    conditions: tuple[Condition, ...]
    any: bool
    link: str
    in_condition: bool
    open: bool


async def editor_page(page: Page, version: Version, problem: str = "", status: int = 200) -> Response:
    """The editor of a draft."""
    at = _number(page.request.query_params.get("at", ""))
    frozen, noted = await remarks(page, version.questionnaire)
    if version.kind == phrasing.KIND:
        text = phrasing.text_of(version.questionnaire)
        shown = {"version": version, "text": text, "values": offered_values()}
        seen = {"remarks": noted, "problem": problem, "preview": preview(page, frozen, {})}
        return page.render("studio/phrase.html", shown | seen, status)
    rows = _rows(page, dict(version.questionnaire), at)
    values = {
        "version": version,
        "rows": rows,
        "at": at,
        "draws": [(key, page.translator.gettext(name)) for key, name in elements.DRAWN.items()],
        "kinds": [(kind, page.translator.gettext(name)) for kind, name in elements.KINDS.items()],
        "operators": OPERATORS,
        "becomes": BECOMES,
        "condition": CONDITION,
        "parts": PARTS,
        "systems": elements.CODE_SYSTEMS,
        "units": list(elements.UNITS),
        "remarks": noted,
        "preview": preview(page, frozen, {}),
        "problem": problem,
        "template_kind": version.kind,
        "steps": shelf.STEPS,
    }
    return page.render("studio/editor.html", values, status)


def offered_values() -> tuple[str, ...]:
    """What a phrase can take from the chart by name."""
    return (*phrasing.MEASURED, *phrasing.TOLD)


def _number(text: str) -> int:
    return whole(text, -1)


def _rows(page: Page, questionnaire: Element, at: int) -> list[Row]:
    made = []
    for place in editing.walk(questionnaire):
        item, kind = place.item, elements.kind(place.item)
        texts = {name: one.read(item) for name, one in elements.PROPERTIES.items()}
        empty = (Condition("", "=", ""),) * editing.ROWS
        parent = place.parent
        row = Row(
            place=place,
            label=label_of(item) if item.get("text") else "",
            kind=kind,
            kind_name=page.translator.gettext(elements.KINDS.get(kind, kind)),
            texts=texts,
            conditions=(*editing.conditions(item), *empty),
            any=item.get("enableBehavior") == "any",
            link=str(item.get("linkId", "")),
            in_condition=parent is not None and elements.becomes(parent.item) == elements.CONDITION,
            open=place.number == at,
        )
        made.append(row)
    return made


def preview(page: Page, questionnaire: Mapping[str, Any], tried: Mapping[str, Sequence[str]]) -> Markup:
    """How a template looks for the made-up patient."""
    services = page.services
    chart = Chart("made-up", services.clock.now(), page.translator, services.directory, page.places)
    for drafting in draftings(page):
        if drafting.preview is None:
            continue
        view = drafting.preview(questionnaire, tried, chart)
        html = services.templates.render(page.translator.language, view.template, view.values)
        return Markup(html)  # noqa: S704 - made by an escaping template
    return Markup("")


async def _given(page: Page) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The fields of the editor, and those in which the template is tried."""
    fields: dict[str, list[str]] = {}
    tried: dict[str, list[str]] = {}
    for name, value in (await page.request.form()).multi_items():
        if isinstance(value, str) and name.startswith(TRIED):
            if value:
                tried.setdefault(name.removeprefix(TRIED), []).append(value)
        elif isinstance(value, str):
            fields.setdefault(name, []).append(value)
    return fields, tried


async def _kept(page: Page, version: Version, made: Element) -> Version | str:
    """Keep a draft; or why that was not done."""
    gettext = page.translator.gettext
    if made == version.questionnaire:
        return version
    me = page.session.principal.actor.id
    steps = version.steps
    if me not in {one.who for one in steps}:
        steps = (*steps, shelf.step(page, "write"))
    changed = replace(version, questionnaire=made, steps=steps, stored=version.stored + 1)
    kept = shelf.library(changed, made)
    if len(kept["content"][0]["data"]) > LARGEST:
        return gettext(_TOO_LARGE)
    done = await shelf.write(page, [(f"Library/{version.id}", kept, version.stored)])
    if isinstance(done, Refusal):
        conflict = done.kind.value in (409, 412)
        return gettext(_CHANGED) if conflict else " ".join(done.in_words(page.translator))
    return changed


async def _draft(page: Page, fields: Mapping[str, Sequence[str]]) -> Version | str:
    found = await shelf.draft(page, page.request.path_params["id"])
    if found is None:
        return page.translator.gettext(_NOT_A_DRAFT)
    if str(found.stored) != next(iter(fields.get("version", ())), ""):
        return page.translator.gettext(_CHANGED)
    return found


async def keep(page: Page) -> Response:
    """Answer POST `/templates/{id}/draft`: keep what is typed; how it looks now, and what is wrong."""
    fields, tried = await _given(page)
    version = await _draft(page, fields)
    if isinstance(version, Version):
        version = await _kept(page, version, editing.apply(version.questionnaire, fields))
    if isinstance(version, str):
        return JSONResponse({"refused": version}, HTTPStatus.CONFLICT, {"cache-control": "no-store"})
    frozen, noted = await remarks(page, version.questionnaire)
    noted_here = {"remarks": noted, "links": version.kind != phrasing.KIND}
    told = {
        "version": version.stored,
        "saved": page.translator.clock(page.services.clock.now()),
        "preview": preview(page, frozen, tried),
        "remarks": page.services.templates.render(
            page.translator.language, "studio/remarks.html", noted_here
        ),
    }
    return JSONResponse(told, headers={"cache-control": "no-store"})


async def edit(page: Page) -> Response:
    """Answer POST `/templates/{id}/edit`: keep what is typed, then add, move or remove an item (`do`)."""
    fields, _ = await _given(page)
    version = await _draft(page, fields)
    if isinstance(version, str):
        return page.problem(HTTPStatus.CONFLICT, [version])
    what, number, before = (*next(iter(fields.get("do", ())), "").split(":"), "", "")[:3]
    kind = next(iter(fields.get("new-kind", ())), "text")
    at = _number(number)
    made, at = editing.edit(editing.apply(version.questionnaire, fields), what, at, kind, _number(before))
    kept = await _kept(page, version, made)
    if isinstance(kept, str):
        return await editor_page(page, version, kept, HTTPStatus.CONFLICT)
    return page.redirect(f"/templates/{version.id}?at={at}")
