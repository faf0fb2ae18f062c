"""Reading the extensions of a Questionnaire, each fault with its place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from kontinuum.fhir.definitions import RESOURCE_TYPES
from kontinuum.fhir.fhirpath import FHIRPathError
from kontinuum.fhir.fhirpath import compile as compile_expression
from kontinuum.fhir.fhirpath.functions.forms import stated_weight
from kontinuum.fhir.fhirpath.patterns import compiled as compiled_pattern
from kontinuum.fhir.issues import Issue
from kontinuum.fhir.questionnaire import urls
from kontinuum.fhir.questionnaire.items import FHIR_TYPES, Constraint, Formula, Value
from kontinuum.fhir.questionnaire.reading import reading

FHIRPATH: Final = "text/fhirpath"
QUERY: Final = "application/x-fhir-query"
VALUE_BY_TYPE: Final = re.compile(rf"\.({'|'.join(FHIR_TYPES)})\b")
"""Where an expression names a value as JSON does, by which FHIRPath finds nothing.

http://hl7.org/fhir/R4/fhirpath.html#polymorphism
"""

_DEFINITIONS: Final = "http://hl7.org/fhir/StructureDefinition/"


class Notes:
    """The remarks on a form while it is read."""

    def __init__(self) -> None:
        self.issues: list[Issue] = []

    def error(self, code: str, message: str, location: str) -> None:
        """A fault: the form cannot be used."""
        self.issues.append(Issue("error", code, message, location))

    def warning(self, code: str, message: str, location: str) -> None:
        """Something its author should know."""
        self.issues.append(Issue("warning", code, message, location))


class Source:
    """An element with its extensions."""

    def __init__(self, element: Mapping[str, Any], path: str, notes: Notes) -> None:
        self.element = element
        self.path = path
        self.notes = notes
        extensions = element.get("extension") or ()
        self._extensions = [
            (extension, f"{path}.extension[{place}]")
            for place, extension in enumerate(extensions)
            if isinstance(extension, dict)
        ]

    def refuse_modifiers(self) -> None:
        """Refuse what changes the meaning of the element in a way that is not known."""
        for place, extension in enumerate(self.element.get("modifierExtension") or ()):
            message = f"The extension {extension.get('url')} changes the meaning of this, and is not known."
            self.notes.error("extension", message, f"{self.path}.modifierExtension[{place}]")
        for extension, path in self._extensions:
            what = urls.NOT_CARRIED_OUT.get(str(extension.get("url")))
            if what is not None:
                self.notes.warning("not-supported", f"Kept, but not carried out: {what}.", path)

    def _found(self, url: str) -> list[tuple[Mapping[str, Any], str]]:
        return [(extension, path) for extension, path in self._extensions if extension.get("url") == url]

    def values(self, url: str) -> list[Any]:
        """The values of an extension, in order."""
        return [next(iter(value.values())) for value in map(_typed, self._maps(url)) if value]

    def _maps(self, url: str) -> list[Mapping[str, Any]]:
        return [extension for extension, _ in self._found(url)]

    def value(self, url: str) -> Any:
        """The value of an extension; None where it is absent."""
        found = self.values(url)
        return found[0] if found else None

    def typed(self, url: str) -> Value | None:
        """The value of an extension with its type: `{"valueDecimal": 3}`."""
        found = [value for value in map(_typed, self._maps(url)) if value]
        return found[0] if found else None

    def code(self, url: str) -> str | None:
        """The first code of an extension that holds a CodeableConcept."""
        concept = self.value(url)
        codings = concept.get("coding") if isinstance(concept, dict) else None
        return codings[0].get("code") if codings else None

    def complex(self, url: str) -> list[Source]:
        """The extensions of this address that hold extensions."""
        return [Source(extension, path, self.notes) for extension, path in self._found(url)]

    def weight(self, value: Value) -> Any:
        """How much a choice counts: on the choice itself or on its Coding."""
        own = stated_weight(self.element)
        return own if own is not None else stated_weight(value.get("valueCoding"))

    def regex(self) -> str | None:
        """The pattern that an answer must match, if it is one."""
        pattern = self.value(urls.REGEX)
        if pattern is None:
            return None
        try:
            compiled_pattern(pattern)
        except FHIRPathError as error:
            self.notes.error("value", error.message, self.path)
            return None
        return str(pattern)

    def launch_context(self) -> dict[str, tuple[str, ...]]:
        """The names under which the form is given resources, and their types."""
        found = {}
        for part in self.complex(urls.LAUNCH_CONTEXT):
            name, types = part.value("name"), part.values("type")
            code = name.get("code") if isinstance(name, dict) else name
            if not isinstance(code, str):
                self.notes.error("required", "A launch context needs a name.", part.path)
                continue
            found[code] = tuple(kind for kind in types if isinstance(kind, str))
        return found

    def extracted_type(self) -> str | None:
        """The type of resource that the definitions below build."""
        stated = self.value(urls.EXTRACTION_CONTEXT)
        for part in self.complex(urls.DEFINITION_EXTRACT):
            stated = part.value("definition") or stated
        if stated is None:
            return None
        name = str(stated.get("expression") if isinstance(stated, dict) else stated)
        name = name.removeprefix(_DEFINITIONS).partition("?")[0]
        if name not in RESOURCE_TYPES:
            self.notes.error("not-supported", f"Answers cannot be written as '{name}'.", self.path)
            return None
        return name

    def variables(self, link: str | None) -> tuple[Formula, ...]:
        """The named expressions of this element, in order."""
        found = []
        for extension, path in self._found(urls.VARIABLE):
            formula = _formula(extension, path, link, self.notes, queries=True)
            if formula is not None and formula.name is None:
                self.notes.error("required", "A variable needs a name.", path)
            elif formula is not None:
                found.append(formula)
        return tuple(found)

    def formula(self, url: str, link: str | None, *, queries: bool = False) -> Formula | None:
        """The expression of an extension; None where it is absent or cannot be used."""
        found = self._found(url)
        return _formula(*found[0], link, self.notes, queries=queries) if found else None

    def constraints(self, link: str | None) -> tuple[Constraint, ...]:
        """The rules that the answers keep."""
        found = []
        for part in self.complex(urls.CONSTRAINT):
            text = part.value("expression")
            if not isinstance(text, str):
                self.notes.error("required", "A constraint needs an expression.", part.path)
                continue
            formula = _compiled(text, part.path, link, None, self.notes)
            if formula is not None:
                key, human = str(part.value("key") or ""), str(part.value("human") or "")
                found.append(Constraint(key, str(part.value("severity") or "error"), human, formula))
        return tuple(found)


def _typed(extension: Mapping[str, Any]) -> Value:
    return {key: value for key, value in extension.items() if key.startswith("value")}


def _formula(
    extension: Mapping[str, Any], path: str, link: str | None, notes: Notes, *, queries: bool = False
) -> Formula | None:
    stated = extension.get("valueExpression")
    if not isinstance(stated, dict) or not isinstance(stated.get("expression"), str):
        notes.error("required", "This needs an Expression with its text.", path)
        return None
    language, text, name = stated.get("language"), stated["expression"], stated.get("name")
    if language == QUERY and queries:
        return Formula(text, path, name, query=text)
    if language != FHIRPATH:
        message = f"Expressions are written in {FHIRPATH}; here is {language}."
        notes.error("not-supported", message, f"{path}.valueExpression.language")
        return None
    return _compiled(text, f"{path}.valueExpression.expression", link, name, notes)


def _compiled(text: str, path: str, link: str | None, name: str | None, notes: Notes) -> Formula | None:
    try:
        expression = compile_expression(text)
        expression.prepare("QuestionnaireResponse" if link is None else "QuestionnaireResponse.item")
        read = reading(text, link)
    except FHIRPathError as error:
        notes.error("invalid", str(error), path)
        return None
    if named := VALUE_BY_TYPE.search(text):
        notes.warning(
            "value", f"By {named[0]} nothing is found: a value is named .value, whatever its type.", path
        )
    return Formula(
        text,
        path,
        name,
        expression,
        reads=frozenset(read.links),
        reads_all=read.everything,
        variables=frozenset(read.variables),
    )
