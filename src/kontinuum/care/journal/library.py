"""The templates one can write in: those that come with the system, and those that the care provider made.

What comes with the system stands in `templates/`. What the provider made are Questionnaires of the record, a
resource for each version (docs/templates.md): a draft names the version that it was begun with, and keeps it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final
from urllib.parse import quote

from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.questionnaire import Form, compile_form, phrasing, use
from kontinuum.kernel.i18n import local
from kontinuum.kernel.ids import is_id
from kontinuum.kernel.module import RecordReader, ResultPage
from kontinuum.record.drafts import OF_NOTE
from kontinuum.sweden import systems

MEASURED: Final[Mapping[str, str]] = {"news2": "vitals/entry"}
"""Scales that the form at the bedside reckons, by its page: it knows the age and the scale of saturation, and
makes the task that a score asks for. Such a one is not begun as a note; what was begun so is finished."""


@dataclass(frozen=True, slots=True)
class Template:
    """A form one can write in; `name` stands in addresses, `kind` is "note" or "scale"."""

    name: str
    title: str
    kind: str
    form: Form

    @property
    def note(self) -> str:
        """The id of the note in the record that is written on; empty for a new one."""
        return self.name.partition(OF_NOTE)[2]

    @property
    def url(self) -> str:
        """The address that all versions of it have."""
        return str(self.form.questionnaire.get("url", ""))


@cache
def names() -> tuple[str, ...]:
    """The names of the templates, as they stand in addresses."""
    folder = files(__package__) / "templates"
    return tuple(
        sorted(one.name.removesuffix(".json") for one in folder.iterdir() if one.name.endswith(".json"))
    )


def template(name: str) -> Template | None:
    """A template that comes with the system, by its name; compiled when it is first asked for."""
    return _shipped(name) if name in names() else None


@cache
def _shipped(name: str) -> Template:
    text = (files(__package__) / "templates" / f"{name}.json").read_bytes()
    form = compile_form(fhir_json.loads(text))
    assert isinstance(form, Form), f"{name} is held to be sound by its test"
    return Template(name, form.title, use.kind(form.questionnaire), form)


def all_templates() -> list[Template]:
    """Every template that comes with the system, notes first, by title."""
    return _in_order(one for one in map(template, names()) if one is not None)


def shipped() -> Mapping[str, Mapping[str, Any]]:
    """The Questionnaires that come with the system, by name."""
    return {one.name: one.form.questionnaire for one in all_templates()}


def query(places: Sequence[str]) -> str:
    """The search that finds the provider's templates at these places."""
    where = ",".join(f"{systems.HSA_ID}|{quote(one, safe='')}" for one in places)
    no_phrase = f"context:not={use.KIND}|{phrasing.KIND}"
    return f"Questionnaire?status=active&context={where}&{no_phrase}&_count=500"


def offered(places: Sequence[str], now: datetime, page: ResultPage) -> list[Template]:
    """What is begun at these places today: of each template the newest version that is in use.

    Another care provider's word that its template is in use here counts for nothing.
    """
    own = [fhir_json.loads(one.body) for one in page.matches if one.body and one.provider in places]
    found = use.in_use(own, places, local(now).date())
    read = [_read(one) for one in found]
    return _in_order([*all_templates(), *(one for one in read if one is not None)])


async def all_offered(record: RecordReader, places: tuple[str, ...], now: datetime) -> list[Template]:
    """What is begun at these places today, asked of the record."""
    if not places:
        return all_templates()
    (page,) = await record.find_many([query(places)])
    return offered(places, now, page)


async def find(record: RecordReader, name: str) -> Template | None:
    """A template by its name: one that comes with the system, or a version of one of the provider's."""
    return (await find_all(record, [name])).get(name)


def of_note(made: Template, note: str) -> Template:
    """A template under the name that drafts of a note in the record have."""
    return replace(made, name=f"{made.name}{OF_NOTE}{note}")


async def find_all(record: RecordReader, wanted: Collection[str]) -> dict[str, Template]:
    """Templates by their names; what is still a draft or in review is not written in."""
    bases = {one: one.partition(OF_NOTE)[0] for one in wanted}
    found = {one: known for one in bases.values() if (known := template(one)) is not None}
    asked = sorted(one for one in bases.values() if one not in found and is_id(one))
    if asked:
        (page,) = await record.find_many(
            [f"Questionnaire?_id={','.join(asked)}&status=active,retired&_count=500"]
        )
        for stored in page.matches:
            made = _read(fhir_json.loads(stored.body)) if stored.body else None
            found |= {made.name: made} if made is not None else {}
    return {one: replace(found[base], name=one) for one, base in bases.items() if base in found}


async def answered(record: RecordReader, canonical: str) -> Form | None:
    """The form that a response names, in the version that it names."""
    found = await named(record, canonical)
    return None if found is None else found.form


async def named(record: RecordReader, canonical: str) -> Template | None:
    """The template that a response names, in the version that it names."""
    own = next((one for one in all_templates() if canonical and one.form.canonical == canonical), None)
    url, _, version = canonical.partition("|")
    if own is not None or not url or not version:
        return own
    asked = f"url={quote(url, safe='')}&version={quote(version, safe='')}&status=active,retired"
    (page,) = await record.find_many([f"Questionnaire?{asked}&_count=5"])
    read = [_read(fhir_json.loads(one.body)) for one in page.matches if one.body]
    return next((one for one in read if one is not None), None)


def _read(questionnaire: dict[str, Any]) -> Template | None:
    """A template of the provider's; a phrase is none."""
    form, kind = _compiled(fhir_json.dumps(questionnaire)), use.kind(questionnaire)
    if form is None or kind == phrasing.KIND:
        return None
    return Template(questionnaire["id"], form.title, kind, form)


@lru_cache(maxsize=300)
def _compiled(body: bytes) -> Form | None:
    form = compile_form(fhir_json.loads(body))
    return form if isinstance(form, Form) else None


def _in_order(found: Any) -> list[Template]:
    return sorted(found, key=lambda one: (one.kind != "note", one.title.casefold()))
