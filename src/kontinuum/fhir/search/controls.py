"""Search result parameters: `_sort`, `_count`, `_include`, `_summary` and their kin.

https://hl7.org/fhir/R4/search.html#modifyingresults
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast, get_args

from kontinuum.fhir.definitions import TYPE_CODES, search_parameters, type_definition
from kontinuum.fhir.search.query import Include, Sort, Summary, Total
from kontinuum.fhir.search.values import BadValue

_CONTAINED = "contained resources are found within the resource that contains them"
UNSUPPORTED_CONTROLS = {
    "_contained": _CONTAINED,
    "_containedType": _CONTAINED,
    "_score": "hits have an order (_sort), no score",
    "_filter": "write the conditions as parameters of their own; alternatives are separated by commas",
    "_query": "there are no named queries",
    "_type": "it belongs to a search across types, GET /?_type=…",
}
"""Parameters of R4 that this server knows of and does not do, and what to do instead."""

LEFT_OUT = frozenset({"_format", "_pretty"})
"""Parameters about the form of the answer: the HTTP layer reads them."""

_LARGEST_COUNT = 2**31 - 1
_UNSORTABLE = ("composite", "special")


@dataclass(slots=True)
class Controls:
    """What the result parameters of one search said, gathered while it is parsed."""

    type: str
    sort: tuple[Sort, ...] = ()
    count: int | None = None
    cursor: str | None = None
    includes: list[Include] = field(default_factory=list)
    revincludes: list[Include] = field(default_factory=list)
    summary: Summary | None = None
    elements: tuple[str, ...] = ()
    total: Total | None = None
    seen: set[str] = field(default_factory=set)

    def take(self, name: str, text: str) -> None:
        """Read one result parameter. Raises BadValue."""
        if name in self.seen and name not in _REPEATABLE:
            raise BadValue("it is given more than once")
        self.seen.add(name)
        match name:
            case "_sort":
                self.sort = tuple(self._sort_key(key) for key in text.split(","))
            case "_count":
                self.count = _count(text)
            case "_cursor":
                self.cursor = _not_empty(text)
            case "_include" | "_include:iterate":
                self.includes += self._include(text, iterate=name != "_include")
            case "_revinclude" | "_revinclude:iterate":
                self.revincludes += self._revincludes(text, iterate=name != "_revinclude")
            case "_summary":
                self.summary = cast(Summary, _one_of(text, get_args(Summary)))
            case "_total":
                self.total = cast(Total, _one_of(text, get_args(Total)))
            case "_elements":
                added = tuple(self._element(element) for element in text.split(","))
                self.elements = tuple(dict.fromkeys((*self.elements, *added)))
            case _:
                raise ValueError(f"{name} is no result parameter")

    def _sort_key(self, key: str) -> Sort:
        descending = key.startswith("-")
        name = key.removeprefix("-")
        if name == "_id" or name == "_lastUpdated":
            return Sort(name, descending)  # type: ignore[arg-type] # mypy does not narrow to the literals
        parameter = search_parameters(self.type).get(name)
        if parameter is None or not parameter.expression:
            raise BadValue(f"{name!r} is no search parameter of {self.type}")
        if parameter.type in _UNSORTABLE:
            raise BadValue(f"{name!r} is a {parameter.type} parameter, which has no order")
        return Sort(parameter, descending)

    def _include(self, text: str, *, iterate: bool) -> list[Include]:
        # The wildcard alone, as HAPI writes it: whatever the resources found refer to.
        written = f"{self.type}:*" if text == "*" and not iterate else text
        includes = _every_include(written, iterate) or [_parse_include(text, iterate)]
        if includes[0].source_type != self.type and not iterate:
            raise BadValue(
                f"the resources found are {self.type}, so it must begin with {self.type}: "
                "(or ask with _include:iterate for what is included)"
            )
        return includes

    def _revincludes(self, text: str, *, iterate: bool) -> list[Include]:
        """What is written, or with `Type:*` every reference of the type that may lead to what is found."""
        every = [] if iterate else _every_include(text, iterate)
        if not every:
            return [self._revinclude(text, iterate=iterate)]
        parameters = search_parameters(every[0].source_type)
        leading = [
            each for each in every if self.type in (parameters[each.parameter].targets or (self.type,))
        ]
        if not leading:
            raise BadValue(f"{every[0].source_type} never refers to {self.type}")
        return leading

    def _revinclude(self, text: str, *, iterate: bool) -> Include:
        include = _parse_include(text, iterate)
        targets = search_parameters(include.source_type)[include.parameter].targets
        if iterate:
            return include
        if targets and self.type not in targets:
            raise BadValue(f"{include.source_type}.{include.parameter} never refers to {self.type}")
        if include.target_type not in (None, self.type):
            raise BadValue(f"the resources found are {self.type}, never {include.target_type}")
        return include

    def _element(self, name: str) -> str:
        definition = type_definition(self.type)
        assert definition is not None
        known = {prop.element for prop in definition.properties.values()}
        # `resourceType` is of JSON alone and always there: fhirpy names it.
        if name not in known and name != "resourceType":
            raise BadValue(f"{name!r} is no element at the root of {self.type}")
        return name


CONTROLS = frozenset(
    {"_sort", "_count", "_cursor", "_include", "_revinclude", "_summary", "_total", "_elements"}
)
ITERATING = ("_include:iterate", "_revinclude:iterate")
_REPEATABLE = ("_include", "_revinclude", "_elements", *ITERATING)


def _every_include(text: str, iterate: bool) -> list[Include]:
    """What `Type:*` stands for: every reference of the type; [] when something else is written."""
    source, _, name = text.partition(":")
    if name != "*" or source not in TYPE_CODES:
        return []
    parameters = search_parameters(source).values()
    return [Include(source, each.name, None, iterate) for each in parameters if each.type == "reference"]


def _parse_include(text: str, iterate: bool) -> Include:
    parts = text.split(":")
    if len(parts) not in (2, 3) or not all(parts):
        raise BadValue("expected Type:parameter or Type:parameter:TargetType")
    source, name = parts[:2]
    target = parts[2] if len(parts) == 3 else None
    if source not in TYPE_CODES:
        raise BadValue(f"{source!r} is no resource type of FHIR R4")
    if name == "*":
        raise BadValue("the wildcard * follows from what is found alone: name the parameter")
    parameter = search_parameters(source).get(name)
    if parameter is None:
        raise BadValue(f"{name!r} is no search parameter of {source}")
    if parameter.type != "reference":
        raise BadValue(f"{source}.{name} is a {parameter.type} parameter: only references can be followed")
    if target is not None and target not in TYPE_CODES:
        raise BadValue(f"{target!r} is no resource type of FHIR R4")
    if target is not None and parameter.targets and target not in parameter.targets:
        raise BadValue(f"{source}.{name} refers to {', '.join(parameter.targets)}, never to {target}")
    return Include(source, name, target, iterate)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > _LARGEST_COUNT:
        raise BadValue(f"expected a whole number from 0 to {_LARGEST_COUNT}")
    return int(text)


def _one_of(text: str, allowed: tuple[str, ...]) -> str:
    if text not in allowed:
        raise BadValue(f"expected one of {', '.join(allowed)}")
    return text


def _not_empty(text: str) -> str:
    if not text:
        raise BadValue("the value is empty")
    return text
