"""What the module reads: Observation (http://hl7.org/fhir/R4/observation.html)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import cached_property

from kontinuum.fhir.datatypes import (
    Annotation,
    CodeableConcept,
    Element,
    Period,
    Quantity,
    Reference,
    decoder,
)
from kontinuum.kernel.module import ResourceVersion


class Range(Element, frozen=True):
    """A reference interval."""

    low: Quantity | None = None
    high: Quantity | None = None
    text: str | None = None


class Component(Element, frozen=True):
    """A part of a measurement, such as the systolic pressure."""

    code: CodeableConcept = CodeableConcept()
    value_quantity: Quantity | None = None
    value_codeable_concept: CodeableConcept | None = None
    value_string: str | None = None
    interpretation: tuple[CodeableConcept, ...] = ()


class Observation(Element, frozen=True, dict=True, gc=True):
    """The elements of Observation that pages show."""

    id: str
    status: str
    code: CodeableConcept = CodeableConcept()
    effective_date_time: str | None = None
    effective_period: Period | None = None
    effective_instant: str | None = None
    issued: str | None = None
    performer: tuple[Reference, ...] = ()
    value_quantity: Quantity | None = None
    value_codeable_concept: CodeableConcept | None = None
    value_string: str | None = None
    value_boolean: bool | None = None
    value_integer: int | None = None
    value_date_time: str | None = None
    value_time: str | None = None
    data_absent_reason: CodeableConcept | None = None
    interpretation: tuple[CodeableConcept, ...] = ()
    reference_range: tuple[Range, ...] = ()
    component: tuple[Component, ...] = ()
    note: tuple[Annotation, ...] = ()

    @cached_property
    def when(self) -> str:
        """When it was measured or the sample was taken."""
        period = self.effective_period.start if self.effective_period else None
        return self.effective_date_time or period or self.effective_instant or self.issued or ""

    @property
    def preliminary(self) -> bool:
        """Whether the result may still change."""
        return self.status in {"preliminary", "registered"}

    @property
    def corrected(self) -> bool:
        """Whether it was given another value afterwards."""
        return self.status in {"corrected", "amended"}

    @cached_property
    def kind(self) -> str:
        """What two of the same kind have in common: `system|code` of the first coding, else the words."""
        coding = next((one for one in self.code.coding if one.code), None)
        return f"{coding.system or ''}|{coding.code}" if coding else self.code.label

    @cached_property
    def number(self) -> Decimal | None:
        """The value as a number, of the first component when the whole has none."""
        for quantity in (self.value_quantity, *(part.value_quantity for part in self.component)):
            if quantity is not None and quantity.value is not None:
                return quantity.value
        return Decimal(self.value_integer) if self.value_integer is not None else None

    @cached_property
    def second_number(self) -> Decimal | None:
        """The number of the second component, such as the diastolic pressure."""
        values = [part.value_quantity.value for part in self.component if part.value_quantity]
        return values[1] if self.value_quantity is None and len(values) > 1 else None

    @cached_property
    def unit(self) -> str:
        """The unit of the value, as recorded."""
        for quantity in (self.value_quantity, *(part.value_quantity for part in self.component)):
            if quantity is not None:
                return quantity.unit or quantity.code or ""
        return ""

    @property
    def meaning(self) -> str:
        """What the value means in the words of whoever judged it; empty where it has a code only."""
        return ", ".join(one.text for one in self.interpretation if one.text and not one.coding)

    @property
    def limits(self) -> tuple[Decimal | None, Decimal | None]:
        """The reference interval that came with the result."""
        if not self.reference_range:
            return None, None
        first = self.reference_range[0]
        return (first.low.value if first.low else None, first.high.value if first.high else None)


_DECODER = decoder(Observation)
_VOID = frozenset({"entered-in-error", "cancelled", "unknown"})


def read_observations(entries: Iterable[ResourceVersion]) -> list[tuple[Observation, ResourceVersion]]:
    """Each result that stands, with the version it came from."""
    read = [(_DECODER.decode(entry.body), entry) for entry in entries if entry.body]
    return [(observation, entry) for observation, entry in read if observation.status not in _VOID]
