"""The templates that come with the system: notes and scales, each a Questionnaire in `templates/`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.questionnaire import Form, compile_form

_KIND: Final = "urn:kontinuum:template-kind"


@dataclass(frozen=True, slots=True)
class Template:
    """A form one can write in; `kind` is "note" or "scale"."""

    name: str
    title: str
    kind: str
    form: Form


@cache
def names() -> tuple[str, ...]:
    """The names of the templates, as they stand in addresses."""
    folder = files(__package__) / "templates"
    return tuple(
        sorted(one.name.removesuffix(".json") for one in folder.iterdir() if one.name.endswith(".json"))
    )


@cache
def template(name: str) -> Template | None:
    """A template by its name; compiled when it is first asked for."""
    if name not in names():
        return None
    text = (files(__package__) / "templates" / f"{name}.json").read_bytes()
    form = compile_form(fhir_json.loads(text))
    assert isinstance(form, Form), f"{name} is held to be sound by its test"
    return Template(name, form.title, _kind(form), form)


def all_templates() -> list[Template]:
    """Every template, notes first, by title."""
    found = [one for one in map(template, names()) if one is not None]
    return sorted(found, key=lambda one: (one.kind != "note", one.title))


def _kind(form: Form) -> str:
    for context in form.questionnaire.get("useContext") or ():
        for coding in context.get("valueCodeableConcept", {}).get("coding", ()):
            if coding.get("system") == _KIND:
                return str(coding["code"])
    return "note"
