"""FHIR operations: what one is, what it was given, and the one way in which each is carried out.

http://hl7.org/fhir/R4/operations.html. An operation is a row of a table (`operation_table.py`): its name,
where it can be invoked, the parameters it takes and a handler. Parsing, refusals and the CapabilityStatement
follow from the row.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any

from kontinuum.fhir.definitions import type_definition
from kontinuum.fhir.validation import validate
from kontinuum.web.api.answer import Answer, Problem, bad_request, problem
from kontinuum.web.api.body import Resource, read_any_resource
from kontinuum.web.api.call import Call
from kontinuum.web.api.interactions import Invocation
from kontinuum.web.api.request import FORM_PARAMETERS, Parameters

_INTEGER = re.compile(r"-?[0-9]{1,10}")
_RESOURCE = "Resource"


class Level(StrEnum):
    """Where an operation is invoked: below the base, a type, or one resource."""

    SYSTEM = "system"
    TYPE = "type"
    INSTANCE = "instance"


@dataclass(frozen=True, slots=True)
class Parameter:
    """An input: its FHIR type ("uri", "Coding", "ValueSet" for a resource) and whether it may be repeated.

    One that is not `offered` is known to FHIR and refused by name, as leaving it out would change the answer.
    A resource is valid, unless the operation itself is to judge what was `given` to it.
    """

    type: str
    repeats: bool = False
    offered: bool = True
    as_given: bool = False

    @property
    def primitive(self) -> bool:
        """Whether its value can stand in an address."""
        definition = type_definition(self.type)
        return definition is not None and definition.kind == "primitive-type"

    @property
    def is_resource(self) -> bool:
        """Whether it stands in `Parameters.parameter.resource`."""
        definition = type_definition(self.type)
        return self.type == _RESOURCE or (definition is not None and definition.kind == "resource")


@dataclass(frozen=True, slots=True)
class Inputs:
    """What an operation was given: for each name its values, as JSON values of the declared type.

    `criteria` are the search parameters of an operation that searches, as text.
    """

    values: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    criteria: Parameters = ()
    ignored: tuple[str, ...] = ()
    """What is not offered and was left out, as the client wished (`handling=lenient`)."""

    def one(self, name: str) -> Any:
        """The value of a parameter that is not repeated; None when it was not given."""
        found = self.values.get(name)
        return found[0] if found else None

    def all(self, name: str) -> tuple[Any, ...]:
        """All values of a parameter."""
        return self.values.get(name, ())

    def __contains__(self, name: str) -> bool:
        return name in self.values


Handler = Callable[[Call, Invocation, Inputs], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    An operation that `affects_state` is invoked by POST alone (http://hl7.org/fhir/R4/operations.html#executing).
    One that `searches` takes, beside its own, the search parameters of its type. One that is `ordered` is
    carried out later: never by HEAD, and what is not offered may be left out where the client wishes so. The
    body of one that takes a `file` is no resource, and read by the handler.
    """

    name: str
    definition: str
    levels: frozenset[Level]
    types: tuple[str, ...]
    parameters: Mapping[str, Parameter]
    handler: Handler
    affects_state: bool = False
    searches: bool = False
    ordered: bool = False
    file: bool = False

    def places(self) -> list[str]:
        """The addresses at which it is invoked, below the base."""
        below = {Level.SYSTEM: "/$", Level.TYPE: "/{}/$", Level.INSTANCE: "/{}/id/$"}
        return [
            f"{below[level].format(type_name)}{self.name}"
            for type_name in self.types or ("Type",)
            for level in Level
            if level in self.levels
        ]

    def is_at(self, wanted: Invocation) -> bool:
        """Whether it can be invoked where an invocation wants to."""
        level = Level.SYSTEM if wanted.type is None else Level.TYPE if wanted.id is None else Level.INSTANCE
        return (
            self.name == wanted.name
            and level in self.levels
            and (wanted.type is None or not self.types or wanted.type in self.types)
        )


async def invoke(call: Call, wanted: Invocation, table: Sequence[Operation]) -> Answer:
    """Find the operation, read what it was given, and carry it out."""
    operation = next((each for each in table if each.is_at(wanted)), None)
    if operation is None:
        return _unknown(wanted, table)
    refused = _wrong_method(call, operation)
    if refused is not None:
        return refused
    inputs = await _inputs(call, operation)
    if isinstance(inputs, Problem):
        return inputs
    return await operation.handler(call, wanted, inputs)


def _unknown(wanted: Invocation, table: Sequence[Operation]) -> Problem:
    elsewhere = [each for each in table if each.name == wanted.name]
    if elsewhere:
        places = ", ".join(place for each in elsewhere for place in each.places())
        message = f"The operation '${wanted.name}' is not offered here; see {places}."
    else:
        message = f"The operation '${wanted.name}' is not offered; /metadata lists what is."
    return problem(404, "not-supported", message)


def _wrong_method(call: Call, operation: Operation) -> Problem | None:
    reading = ("GET",) if operation.ordered else ("GET", "HEAD")
    allowed = ("POST",) if operation.affects_state else (*reading, "POST")
    method = call.request.method
    if method in allowed:
        return None
    listed = ", ".join(allowed)
    message = f"{method} does not invoke ${operation.name}. Allowed: {listed}."
    return problem(405, "not-supported", message, headers={"allow": listed})


async def _inputs(call: Call, operation: Operation) -> Inputs | Problem:
    gathered = _Gathered(operation, call.request.prefer.lenient)
    for name, text in call.request.parameters:
        if name not in FORM_PARAMETERS:
            refused = gathered.take(name, text, partial(_from_text, name, text))
            if refused is not None:
                return refused
    if call.request.method == "POST" and not operation.file:
        refused = await _from_body(call, operation, gathered)
        if refused is not None:
            return refused
    for name, given in gathered.values.items():
        if len(given) > 1 and not operation.parameters[name].repeats:
            return bad_request("value", f"The parameter '{name}' is given {len(given)} times; give it once.")
    values = {name: tuple(given) for name, given in gathered.values.items()}
    return Inputs(values, gathered.criteria, tuple(gathered.ignored))


class _Gathered:
    """What was given to an operation, read one after the other from the address and the body."""

    def __init__(self, operation: Operation, lenient: bool) -> None:
        self._operation = operation
        self._leaves_out = operation.ordered and lenient
        self.values: dict[str, list[Any]] = {}
        self.criteria: list[tuple[str, str]] = []
        self.ignored: list[str] = []

    def take(self, name: str, text: str | Problem, read: Callable[[Parameter], Any]) -> Problem | None:
        """Take one: as a search criterion its text, as the operation's own what `read` makes of it."""
        parameter = self._operation.parameters.get(name)
        if self._leaves_out and (parameter is None or not parameter.offered):
            self.ignored.append(name)
            return None
        if self._operation.searches and parameter is None:
            if not isinstance(text, Problem):
                self.criteria.append((name, text))
            return text if isinstance(text, Problem) else None
        taken = _taken(self._operation, name)
        value = taken if isinstance(taken, Problem) else read(taken)
        if isinstance(value, Problem):
            return value
        self.values.setdefault(name, []).append(value)
        return None


def _taken(operation: Operation, name: str) -> Parameter | Problem:
    parameter = operation.parameters.get(name)
    if parameter is not None and parameter.offered:
        return parameter
    if parameter is not None:
        message = f"The parameter '{name}' of ${operation.name} is not offered; leave it out."
    else:
        known = ", ".join(each for each, one in operation.parameters.items() if one.offered)
        message = f"${operation.name} has no parameter '{name}'. Known: {known or 'none'}."
    return bad_request("not-supported", message)


def _from_text(name: str, text: str, parameter: Parameter) -> Any:
    if not parameter.primitive:
        return bad_request(
            "value", f"'{name}' is a {parameter.type}: send it by POST in a Parameters resource."
        )
    match parameter.type:
        case "boolean":
            if text not in ("true", "false"):
                return bad_request("value", f"{name} must be true or false, not '{text}'.")
            return text == "true"
        case "integer":
            if _INTEGER.fullmatch(text) is None or abs(int(text)) >= 1 << 31:
                return bad_request("value", f"{name} must be a whole number below 2^31, not '{text}'.")
            return int(text)
    if not text.strip():
        return bad_request("value", f"{name} is empty; leave it out or give a value.")
    return text


async def _from_body(call: Call, operation: Operation, gathered: _Gathered) -> Problem | None:
    resource = await read_any_resource(call.request, call.receive, call.limits)
    if resource is None or isinstance(resource, Problem):
        return resource
    if resource["resourceType"] != "Parameters":
        return _sole_resource(operation, resource, gathered.values)
    issues = [issue for issue in validate(_without_given(operation, resource)) if issue.refuses]
    if issues:
        return Problem(400, tuple(issues))
    for number, part in enumerate(resource.get("parameter", [])):
        place = f"Parameters.parameter[{number}]"
        text = next((value for name, value in part.items() if name.startswith("value")), None)
        if not isinstance(text, str):
            text = bad_request("value", f"'{part['name']}' must be given as valueString.", place)
        refused = gathered.take(part["name"], text, partial(_from_part, part, place))
        if refused is not None:
            return refused
    return None


def _without_given(operation: Operation, parameters: Resource) -> Resource:
    """The Parameters without the resources that the operation is to judge."""
    given = [name for name, one in operation.parameters.items() if one.as_given]
    parts = parameters.get("parameter")
    if not given or not isinstance(parts, list):
        return parameters
    stripped = [
        {**part, "resource": {"resourceType": "Basic", "code": {"text": "judged by the operation"}}}
        if isinstance(part, dict) and part.get("name") in given and isinstance(part.get("resource"), dict)
        else part
        for part in parts
    ]
    return {**parameters, "parameter": stripped}


def _from_part(part: dict[str, Any], place: str, parameter: Parameter) -> Any:
    if parameter.is_resource:
        given = part.get("resource")
        if given is None or parameter.type not in (_RESOURCE, given.get("resourceType")):
            return bad_request("value", f"'{part['name']}' must be a {parameter.type} in `resource`.", place)
        return given
    element = next((name for name in part if name.startswith("value")), None)
    if element is None:
        return bad_request("required", f"'{part['name']}' has no value.", place)
    kind = element.removeprefix("value")
    wanted = parameter.type
    if kind.lower() != wanted.lower() and not {kind.lower(), wanted.lower()} <= _TEXTS:
        expected = f"value{wanted[0].upper()}{wanted[1:]}"
        return bad_request("value", f"'{part['name']}' must be given as {expected}.", f"{place}.{element}")
    return part[element]


_TEXTS = {"string", "uri", "url", "canonical", "code", "id"}
"""Types that clients mix up without harm: each is a text of the same meaning."""


def _sole_resource(operation: Operation, resource: Resource, values: dict[str, list[Any]]) -> Problem | None:
    """A resource sent as it is, where the operation takes a single one of this type."""
    type_name = resource["resourceType"]
    fitting = [
        name
        for name, each in operation.parameters.items()
        if each.offered and each.type in (_RESOURCE, type_name)
    ]
    if len(fitting) != 1:
        return bad_request(
            "invalid", f"The body is a {type_name}; send a Parameters resource.", "resourceType"
        )
    judged = operation.parameters[fitting[0]].as_given
    issues = [] if judged else [issue for issue in validate(resource) if issue.refuses]
    if issues:
        return Problem(400, tuple(issues))
    values.setdefault(fitting[0], []).append(resource)
    return None
