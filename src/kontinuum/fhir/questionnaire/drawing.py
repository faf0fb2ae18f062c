"""What a form asks of the record: FHIR queries under names of variables, and the usual ones by choice. Pure.

https://hl7.org/fhir/uv/sdc/expressions.html#x-fhir-query-enhancements. A query is a search with FHIRPath
between double braces, `Condition?patient={{%patient.id}}`; what it finds is the value of its variable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from kontinuum.fhir.fhirpath import FHIRPathError
from kontinuum.fhir.fhirpath import compile as compile_expression
from kontinuum.fhir.questionnaire.extensions import FHIRPATH, QUERY
from kontinuum.fhir.questionnaire.items import Form, Formula, Item
from kontinuum.fhir.questionnaire.urls import INITIAL, VARIABLE

_BRACES: Final = re.compile(r"\{\{(.+?)\}\}")
_NOT_IN_FORCE: Final = "('entered-in-error' | 'refuted' | 'inactive' | 'resolved')"
_STANDS: Final = (
    f"where((verificationStatus | clinicalStatus).coding.code.where($this in {_NOT_IN_FORCE}).empty())"
)
_NAME: Final = "(code.text | code.coding.display).first()"
_DAY: Final = "effective.toString().substring(0, 10)"
_MEASURED: Final = (
    f"where({_DAY} >= (today() - 90 days).toString())"
    ".where(value is Quantity or component.value.exists($this is Quantity))"
)
_OF_PARTS: Final = "component.where(value is Quantity)"
_UNIT: Final = "iif(unit.exists(), ' ' & unit, '')"
_VALUE: Final = (
    f"iif(value is Quantity, value.select(comparator & value.toString() & {_UNIT}),"
    f" {_OF_PARTS}.value.select(comparator & value.toString()).join('/')"
    f" & {_OF_PARTS}.value.first().select({_UNIT})).replace('.', ',')"
)


def _latest(name: str, letters: int) -> str:
    """The values of the latest hour or day in a list, none older than 90 days, a line for each with its day.

    `letters` is how much of the time they have in common: 13 to the hour, 10 the day. The clock is not told:
    it may have been written in another time zone.
    """
    when = f"effective.toString().substring(0, {letters})"
    return (
        f"{_MEASURED}.where({when} = %{name}.{_MEASURED}.first().{when})"
        f".select({_NAME} & ' ' & {_VALUE} & ' (' & {_DAY} & ')')"
    )


_SHOWN: Final = "reaction.manifestation.select((text | coding.display).first())"
_REACTIONS: Final = f"iif({_SHOWN}.exists(), ': ' & {_SHOWN}.distinct().join(', '), '')"
_WORST: Final = "reaction.severity.where($this = 'severe').exists()"
_SEVERE: Final = (
    f"iif(criticality = 'high' and {_WORST}, ', livshotande',"
    f" iif(criticality = 'high' or {_WORST}, ', allvarlig', ''))"
)
"""A hypersensitivity without how it shows and how severe it is says too little to prescribe by."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Something that a text begins with, drawn from the chart: a query and what is told of what it finds."""

    name: str
    query: str
    line: str

    def initial(self) -> dict[str, Any]:
        """The expression of the text: a line for each of what was found, nothing where there is none."""
        found = f"%{self.name}.{self.line}"
        text = f"iif({found}.exists(), {found}.distinct().join('\\n'), {{}})"
        return {"language": FHIRPATH, "expression": text}

    def variable(self) -> dict[str, Any]:
        """The query as a variable."""
        return {"name": self.name, "language": QUERY, "expression": self.query}


DRAWS: Final[Mapping[str, Draw]] = {
    "medication": Draw(
        "lakemedelslista",
        "MedicationRequest?patient={{%patient.id}}&status=active,on-hold&_sort=-authoredon&_count=100",
        "select((medication as CodeableConcept).select((text | coding.display).first())"
        " & iif(dosageInstruction.text.exists(), ', ' & dosageInstruction.text.first(), ''))",
    ),
    "allergies": Draw(
        "overkanslighetslista",
        "AllergyIntolerance?patient={{%patient.id}}&_count=100",
        f"{_STANDS}.select({_NAME} & {_REACTIONS} & {_SEVERE})",
    ),
    "problems": Draw(
        "diagnoslista",
        "Condition?patient={{%patient.id}}&clinical-status=active&_count=100",
        f"{_STANDS}.select({_NAME} & iif(code.coding.exists(), ' (' & code.coding.code.first() & ')', ''))",
    ),
    "vitals": Draw(
        "matvarden",
        "Observation?patient={{%patient.id}}&category=vital-signs&status=final,amended,corrected"
        "&_sort=-date&_count=12",
        _latest("matvarden", 13),
    ),
    "results": Draw(
        "provsvar",
        "Observation?patient={{%patient.id}}&category=laboratory&status=final,amended,corrected"
        "&_sort=-date&_count=30",
        _latest("provsvar", 10),
    ),
}
"""What staff choose among without writing an expression."""


def drawn(item: Mapping[str, Any]) -> str:
    """Which of the usual ones an item of a Questionnaire begins with; empty for none of them."""
    held = [one.get("valueExpression") for one in item.get("extension") or ()]
    return next((key for key, one in DRAWS.items() if one.initial() in held and one.variable() in held), "")


def draw(item: dict[str, Any], key: str) -> None:
    """Let an item begin with one of the usual ones, or (empty) with none of them."""
    before = DRAWS.get(drawn(item))
    gone = [before.initial(), before.variable()] if before is not None else []
    kept = [one for one in item.get("extension") or () if one.get("valueExpression") not in gone]
    if key in DRAWS:
        kept = [one for one in kept if one.get("url") != INITIAL]
        kept.append({"url": VARIABLE, "valueExpression": DRAWS[key].variable()})
        kept.append({"url": INITIAL, "valueExpression": DRAWS[key].initial()})
    item.pop("extension", None)
    if kept:
        item["extension"] = kept


def queries(form: Form) -> dict[str, Formula]:
    """The queries of a form by the names of their variables."""
    return {formula.name: formula for formula in _named(form) if formula.query is not None and formula.name}


def asked_always(form: Form) -> frozenset[str]:
    """The names that something else needs than what the form begins with."""
    used = (name for formula in _lasting(form) for name in formula.variables)
    return frozenset(used) & queries(form).keys()


def _named(form: Form) -> Iterator[Formula]:
    yield from form.variables
    for item in form.items.values():
        yield from item.variables
        if item.population is not None:
            yield item.population


def _lasting(form: Form) -> Iterator[Formula]:
    yield from (one for one in _named(form) if one.query is None)
    yield from (one.formula for one in form.constraints)
    for item in form.items.values():
        yield from _of_item(item)


def _of_item(item: Item) -> Iterator[Formula]:
    single = (item.enabled_when, item.calculated, item.answers_formula)
    yield from (one for one in single if one is not None)
    yield from (one.formula for one in item.constraints)
    yield from (one.formula for one in item.extraction.fixed if one.formula is not None)


def resolved(query: str, variables: Mapping[str, Any]) -> str:
    """A query with what its expressions give; raises FHIRPathError for one that gives nothing or several."""

    def given(match: re.Match[str]) -> str:
        found = compile_expression(match[1].strip()).evaluate({}, variables=variables)
        if len(found) != 1 or isinstance(found[0], dict):
            raise FHIRPathError(f"{{{{{match[1]}}}}} gives no single value here.")
        return quote(str(found[0]), safe="")

    return _BRACES.sub(given, query)
