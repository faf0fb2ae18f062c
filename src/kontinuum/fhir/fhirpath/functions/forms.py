"""The functions that forms add: the weights of chosen answers, and sums over collections.

Source: https://hl7.org/fhir/uv/sdc/expressions.html#fhirpath-supplements (`weight`, earlier `ordinal`) and
https://build.fhir.org/ig/HL7/FHIRPath/#aggregates (`sum`, `min`, `max`, `avg`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from kontinuum.fhir.fhirpath import operations, syntax
from kontinuum.fhir.fhirpath.code import Code, Environment, system_run
from kontinuum.fhir.fhirpath.compiler import Compiler, Scope, function
from kontinuum.fhir.fhirpath.errors import FHIRPathError
from kontinuum.fhir.fhirpath.quantity import Quantity
from kontinuum.fhir.fhirpath.values import Items, Node

WEIGHTS = " weights"
"""The variable under which a form hands over its weights: a function from a Coding or string to a number."""

WEIGHT_EXTENSIONS = (
    "http://hl7.org/fhir/StructureDefinition/itemWeight",
    "http://hl7.org/fhir/StructureDefinition/ordinalValue",
)


def stated_weight(value: Any) -> Any:
    """The weight that a Coding carries as an extension; None where it carries none."""
    extensions = value.get("extension") if isinstance(value, dict) else None
    for extension in extensions or ():
        if isinstance(extension, dict) and extension.get("url") in WEIGHT_EXTENSIONS:
            return extension.get("valueDecimal")
    return None


def _build_weight(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    run = focus.run

    def weight(env: Environment, this: Any) -> Items:
        looked_up: Callable[[Any], Any] = (env.variables or {}).get(WEIGHTS, stated_weight)
        values = (item.value if type(item) is Node else item for item in run(env, this))
        return [number for value in values if (number := looked_up(value)) is not None]

    return Code(weight)


function("weight")(_build_weight)
function("ordinal")(_build_weight)


def _over_numbers(name: str, apply: Callable[[Sequence[Any]], Any]) -> None:
    @function(name)
    def _build(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
        run = system_run(focus)

        def aggregate(env: Environment, this: Any) -> Items:
            values = list(run(env, this))
            if not values:
                return ()
            return (_applied(name, values, apply),)

        return Code(aggregate)


def _applied(name: str, values: list[Any], apply: Callable[[Sequence[Any]], Any]) -> Any:
    if all(operations.is_number(value) for value in values):
        return apply(values)
    units = {value.unit for value in values if isinstance(value, Quantity)}
    if len(units) == 1 and all(isinstance(value, Quantity) and not value.calendar for value in values):
        return Quantity(apply([value.value for value in values]), units.pop())
    raise FHIRPathError(f"{name}() needs numbers, or quantities of one unit.")


_over_numbers("sum", sum)
_over_numbers("min", min)
_over_numbers("max", max)
_over_numbers("avg", lambda values: sum(values, Decimal(0)) / len(values))
