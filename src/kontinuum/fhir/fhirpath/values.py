"""The items of a collection.

An item is the JSON value itself (str, int, Decimal, bool, dict) wherever the compiled expression already
knows its FHIR type, and a Node wherever the type, an extension of a primitive or the location has to travel
with the value. That keeps the common paths free of wrappers. System values are plain Python values, Date,
DateTime, Time and Quantity (https://hl7.org/fhirpath/N1/#literals).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from kontinuum.fhir.fhirpath import quantity
from kontinuum.fhir.fhirpath.quantity import Quantity
from kontinuum.fhir.fhirpath.temporal import Date, DateTime, Temporal, Time

Items = Sequence[Any]


class Node:
    """A value with its FHIR type.

    `value` is the JSON value (None for a primitive that has only extensions), `type` a FHIR type name
    ("Quantity", "code", "Observation.component"), `element` the JSON object beside a primitive
    (`_birthDate`).
    """

    __slots__ = ("_index", "_name", "_origin", "element", "type", "value")

    def __init__(
        self,
        value: Any,
        type: str,  # noqa: A002 - the word of the specification
        element: dict[str, Any] | None = None,
        origin: Node | Callable[[int], str] | None = None,
        name: str = "",
        index: int | None = None,
    ) -> None:
        self.value = value
        self.type = type
        self.element = element
        self._origin = origin
        self._name = name
        self._index = index

    @property
    def path(self) -> str:
        """Where the value stands, for example `Observation.component[0].code`.

        Computed when asked for. Values that an expression made, and did not find, have the path "".
        """
        origin = self._origin
        if origin is None:
            return self._name
        if not isinstance(origin, Node):
            return origin(self._index or 0)
        step = self._name if self._index is None else f"{self._name}[{self._index}]"
        return f"{origin.path}.{step}"

    def __repr__(self) -> str:
        return f"Node({self.value!r}, {self.type!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Node):
            return NotImplemented
        return (self.value, self.type, self.element) == (other.value, other.type, other.element)

    __hash__ = None  # type: ignore[assignment]


_TEMPORAL: dict[str, type[Temporal]] = {"date": Date, "dateTime": DateTime, "instant": DateTime, "time": Time}
QUANTITIES = frozenset({"Quantity", "Age", "Count", "Distance", "Duration"})
_SYSTEM_TYPES: dict[type, str] = {
    str: "System.String",
    bool: "System.Boolean",
    int: "System.Integer",
    Decimal: "System.Decimal",
    float: "System.Decimal",
    Quantity: "System.Quantity",
    Date: "System.Date",
    DateTime: "System.DateTime",
    Time: "System.Time",
}
_FHIR_NAMES = {
    "System.String": "string",
    "System.Boolean": "boolean",
    "System.Integer": "integer",
    "System.Decimal": "decimal",
    "System.Quantity": "Quantity",
    "System.Date": "date",
    "System.DateTime": "dateTime",
    "System.Time": "time",
}


def temporal_class(type_name: str | None) -> type[Temporal] | None:
    """Date, DateTime or Time for the FHIR primitive that holds one."""
    return _TEMPORAL.get(type_name or "")


def fhir_name(type_name: str) -> str:
    """A System type under the name of the FHIR type that holds such values; a FHIR type unchanged."""
    return _FHIR_NAMES.get(type_name, type_name)


def type_of(item: Any) -> str:
    """The type of an item that is not statically known: "System.String", "Patient", … or "" (no type)."""
    kind = type(item)
    if kind is Node:
        return str(item.type)
    if kind is dict:
        name = item.get("resourceType")
        return name if isinstance(name, str) else ""
    return _SYSTEM_TYPES.get(kind, "")


def to_system(item: Any, type_name: str | None = None) -> Any:
    """The System value of an item (https://hl7.org/fhirpath/N1/#conversion, R4 fhirpath.html#types).

    Complex elements that are no Quantity stay what they are: their JSON object.
    """
    kind = type(item)
    if kind is Node:
        type_name = item.type
        item = item.value
        if item is None:
            return None
        kind = type(item)
    if kind is dict:
        if type_name in QUANTITIES:
            return quantity.from_element(item) or item
        return item
    if kind is float:
        return Decimal(repr(item))
    if kind is str and type_name in _TEMPORAL:
        return _TEMPORAL[type_name](item)
    return item


def to_node(item: Any, type_name: str | None) -> Node:
    """The item as a Node, its type being `type_name` unless it carries its own."""
    if type(item) is Node:
        return item
    return Node(item, type_name or type_of(item))


def plain(item: Any) -> Any:
    """What a caller of the engine receives: the value, dates and times as Date, DateTime, Time."""
    if type(item) is Node:
        value = item.value
        wrapper = _TEMPORAL.get(item.type)
        return wrapper(value) if wrapper is not None and type(value) is str else value
    return item
