"""A compiled form: what a Questionnaire asks, when, and what becomes of the answers.

http://hl7.org/fhir/R4/questionnaire.html with the extensions of https://hl7.org/fhir/uv/sdc/. Everything here
is immutable; `parsing` makes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from kontinuum.fhir.fhirpath import Expression

VALUE_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "boolean": ("valueBoolean",),
    "decimal": ("valueDecimal",),
    "integer": ("valueInteger",),
    "date": ("valueDate",),
    "dateTime": ("valueDateTime",),
    "time": ("valueTime",),
    "string": ("valueString",),
    "text": ("valueString",),
    "url": ("valueUri",),
    "choice": ("valueCoding", "valueString", "valueInteger", "valueDate", "valueTime", "valueReference"),
    "open-choice": ("valueCoding", "valueString", "valueInteger", "valueDate", "valueTime", "valueReference"),
    "attachment": ("valueAttachment",),
    "reference": ("valueReference",),
    "quantity": ("valueQuantity",),
}
"""The forms of an answer, by type of item (http://hl7.org/fhir/R4/valueset-item-type.html)."""

FHIR_TYPES: Final[Mapping[str, str]] = {
    "valueBoolean": "boolean",
    "valueDecimal": "decimal",
    "valueInteger": "integer",
    "valueDate": "date",
    "valueDateTime": "dateTime",
    "valueTime": "time",
    "valueString": "string",
    "valueUri": "uri",
    "valueCoding": "Coding",
    "valueAttachment": "Attachment",
    "valueReference": "Reference",
    "valueQuantity": "Quantity",
}

Value = dict[str, Any]
"""One value as it stands in an answer: an object with one `value[x]`, such as `{"valueInteger": 3}`."""


@dataclass(frozen=True, slots=True)
class Formula:
    """An expression of a form, and what it reads.

    `reads` are linkIds whose answers (and whatever lies below them) it looks at, `reads_all` says that this
    cannot be told, `variables` the names it uses. `query` is set instead of `expression` for a FHIR query.
    """

    text: str
    location: str
    name: str | None = None
    expression: Expression | None = None
    query: str | None = None
    reads: frozenset[str] = frozenset()
    reads_all: bool = False
    variables: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Condition:
    """One `enableWhen`."""

    question: str
    operator: str
    answer: Value
    location: str


@dataclass(frozen=True, slots=True)
class Option:
    """One answer to choose; `weight` counts in a score, an `exclusive` one excludes all others."""

    value: Value
    weight: Decimal | int | None = None
    initial: bool = False
    exclusive: bool = False


@dataclass(frozen=True, slots=True)
class Constraint:
    """A rule that answers keep; `human` is what whoever breaks it is told."""

    key: str
    severity: str
    human: str
    formula: Formula


@dataclass(frozen=True, slots=True)
class FixedValue:
    """An element of an extracted resource that no answer gives: a value or a formula."""

    definition: str
    value: tuple[str, Any] | None = None
    formula: Formula | None = None


@dataclass(frozen=True, slots=True)
class Extraction:
    """What is written elsewhere when the answers are signed.

    `observation` is how an Observation is made of the item: "observation", "component", "member", "derived",
    "independent", or None; `code` the Codings that it gets, without which none is made; `resource` the type
    that the definitions of the items below build.
    """

    observation: str | None = None
    code: tuple[Mapping[str, Any], ...] = ()
    category: tuple[Mapping[str, Any], ...] = ()
    resource: str | None = None
    fixed: tuple[FixedValue, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What an answer may be."""

    max_length: int | None = None
    min_length: int | None = None
    min_value: Value | None = None
    max_value: Value | None = None
    decimals: int | None = None
    regex: str | None = None
    min_occurs: int | None = None
    max_occurs: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A group, a question or a text of a form."""

    link_id: str
    type: str
    location: str
    source: Mapping[str, Any]
    text: str = ""
    prefix: str = ""
    code: tuple[Mapping[str, Any], ...] = ()
    definition: str | None = None
    required: bool = False
    repeats: bool = False
    read_only: bool = False
    hidden: bool = False
    control: str | None = None
    support_link: str | None = None
    entry_format: str | None = None
    initial: tuple[Value, ...] = ()
    options: tuple[Option, ...] = ()
    value_set: str | None = None
    conditions: tuple[Condition, ...] = ()
    any_condition: bool = False
    enabled_when: Formula | None = None
    calculated: Formula | None = None
    initial_formula: Formula | None = None
    answers_formula: Formula | None = None
    population: Formula | None = None
    variables: tuple[Formula, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    limits: Limits = Limits()
    unit: Mapping[str, Any] | None = None
    unit_options: tuple[Mapping[str, Any], ...] = ()
    link_period: Mapping[str, Any] | None = None
    extraction: Extraction = Extraction()
    children: tuple[Item, ...] = ()

    @property
    def is_group(self) -> bool:
        """Whether it holds other items and no answer."""
        return self.type == "group"

    @property
    def is_question(self) -> bool:
        """Whether it is answered."""
        return self.type not in ("group", "display")

    @property
    def is_score(self) -> bool:
        """Whether it is a calculated number of points (UCUM `{score}`)."""
        return self.calculated is not None and self.unit is not None and self.unit.get("code") == "{score}"

    @property
    def is_table(self) -> bool:
        """Whether the group is laid out as a table: a row for each repetition or for each item."""
        return self.is_group and self.control in ("gtable", "table", "grid", "htable")

    @property
    def conditional(self) -> bool:
        """Whether it is asked only sometimes."""
        return bool(self.conditions) or self.enabled_when is not None

    def walk(self) -> list[Item]:
        """The item and all below it, in order."""
        found = [self]
        for child in self.children:
            found += child.walk()
        return found


@dataclass(frozen=True, slots=True)
class Form:
    """A Questionnaire that was found fit to be used."""

    questionnaire: Mapping[str, Any]
    children: tuple[Item, ...]
    items: Mapping[str, Item]
    parents: Mapping[str, str | None]
    variables: tuple[Formula, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    launch: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    extraction: Extraction = Extraction()
    subtrees: Mapping[str, frozenset[str]] = field(default_factory=dict)
    ancestors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def canonical(self) -> str | None:
        """`url|version`, as a response names the form it answers; None for a form without an address."""
        url, version = self.questionnaire.get("url"), self.questionnaire.get("version")
        return f"{url}|{version}" if url and version else url

    @property
    def title(self) -> str:
        """What people call the form."""
        return str(self.questionnaire.get("title") or self.questionnaire.get("name") or "")
