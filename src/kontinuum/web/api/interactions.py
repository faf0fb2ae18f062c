"""What a request asks for: method and path, parsed to one of FHIR's interactions.

http://hl7.org/fhir/R4/http.html. Decisions are taken on these values and never on the path's text, so a
path that is written in another way cannot reach anything else. The tables `INSTANCE`, `TYPE` and `SYSTEM`
are what both the parser and the CapabilityStatement stand on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial

from kontinuum.fhir.definitions import TYPE_CODES, compartment
from kontinuum.fhir.search.joined import COMPARTMENTS
from kontinuum.kernel.ids import is_id
from kontinuum.web.api.answer import Problem, problem
from kontinuum.web.api.conditions import version_number


@dataclass(frozen=True, slots=True)
class Capabilities:
    """`GET /metadata`."""


@dataclass(frozen=True, slots=True)
class Description:
    """`GET /openapi.json`."""


@dataclass(frozen=True, slots=True)
class Read:
    """`GET /Type/id`."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class VersionRead:
    """`GET /Type/id/_history/version`."""

    type: str
    id: str
    version: int


@dataclass(frozen=True, slots=True)
class Update:
    """`PUT /Type/id`."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class ConditionalUpdate:
    """`PUT /Type?criteria`."""

    type: str


@dataclass(frozen=True, slots=True)
class Patch:
    """`PATCH /Type/id`."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class ConditionalPatch:
    """`PATCH /Type?criteria`."""

    type: str


@dataclass(frozen=True, slots=True)
class Delete:
    """`DELETE /Type/id`."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class ConditionalDelete:
    """`DELETE /Type?criteria`."""

    type: str


@dataclass(frozen=True, slots=True)
class Create:
    """`POST /Type`, with `If-None-Exist` a conditional create."""

    type: str


@dataclass(frozen=True, slots=True)
class Search:
    """`GET /Type?criteria`, or `POST /Type/_search` with the criteria as a form."""

    type: str
    form: bool = False


@dataclass(frozen=True, slots=True)
class SystemSearch:
    """`GET /?_type=…`, or `POST /_search`: several types at once."""

    form: bool = False


@dataclass(frozen=True, slots=True)
class CompartmentSearch:
    """`GET /Owner/id/Type?criteria`; of every type of the compartment where `member` is `*`."""

    owner: str
    id: str
    member: str
    form: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """`GET …/_history` of an instance, of a type (no id) or of everything (no type)."""

    type: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class BundleSubmission:
    """`POST /` with a transaction or batch Bundle."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """`$name` below an instance, a type (no id) or the base (no type), whether or not there is such a one."""

    name: str
    type: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class BulkStatus:
    """`GET /bulk/job`: how far what was ordered has come, or what came of it."""

    job: str


@dataclass(frozen=True, slots=True)
class BulkCancel:
    """`DELETE /bulk/job`: it is given up, and its files removed."""

    job: str


@dataclass(frozen=True, slots=True)
class BulkFile:
    """`GET /bulk/job/file`."""

    job: str
    file: str


Interaction = (
    Capabilities
    | Description
    | Read
    | VersionRead
    | Update
    | ConditionalUpdate
    | Patch
    | ConditionalPatch
    | Delete
    | ConditionalDelete
    | Create
    | Search
    | SystemSearch
    | CompartmentSearch
    | History
    | BundleSubmission
    | Invocation
    | BulkStatus
    | BulkCancel
    | BulkFile
)

Constructor = Callable[..., Interaction]
Methods = Mapping[str, Constructor]


def _reading(constructor: Constructor) -> Methods:
    return {"GET": constructor, "HEAD": constructor}


INSTANCE: Methods = {**_reading(Read), "PUT": Update, "PATCH": Patch, "DELETE": Delete}
INSTANCE_HISTORY = _reading(History)
VERSION = _reading(VersionRead)
TYPE: Methods = {
    **_reading(Search),
    "POST": Create,
    "PUT": ConditionalUpdate,
    "PATCH": ConditionalPatch,
    "DELETE": ConditionalDelete,
}
TYPE_HISTORY = _reading(History)
TYPE_SEARCH_FORM: Methods = {"POST": partial(Search, form=True)}
COMPARTMENT = _reading(CompartmentSearch)
COMPARTMENT_FORM: Methods = {"POST": partial(CompartmentSearch, form=True)}
SYSTEM: Mapping[str, Methods] = {
    "": {**_reading(SystemSearch), "POST": BundleSubmission},
    "_search": {"POST": partial(SystemSearch, form=True)},
    "metadata": _reading(Capabilities),
    "openapi.json": _reading(Description),
    "_history": _reading(History),
}
BULK: Methods = {**_reading(BulkStatus), "DELETE": BulkCancel}
BULK_FILE = _reading(BulkFile)
BELOW_BULK = "/bulk/"
"""Below this stand jobs, which are no resources: http://hl7.org/fhir/uv/bulkdata/STU2/export.html."""


def parse_interaction(method: str, path: str) -> Interaction | Problem:
    """The interaction that a method and a path below the base (`""`, `/Patient/1`) ask for, or why none."""
    segments = path.removeprefix("/").removesuffix("/").split("/")
    first = segments[0]
    if first in TYPE_CODES:
        return _below_type(method, first, segments[1:])
    if path.startswith(BELOW_BULK) and len(segments) in (2, 3):
        return _choose(method, BULK if len(segments) == 2 else BULK_FILE, *segments[1:])
    if first in SYSTEM and len(segments) == 1:
        return _choose(method, SYSTEM[first])
    return _not_at_system_level(method, segments)


def _below_type(method: str, type_name: str, rest: list[str]) -> Interaction | Problem:
    match rest:
        case []:
            return _choose(method, TYPE, type_name)
        case ["_history"]:
            return _choose(method, TYPE_HISTORY, type_name)
        case ["_search"]:
            return _choose(method, TYPE_SEARCH_FORM, type_name)
        case [operation] if operation.startswith("$"):
            return Invocation(operation[1:], type_name)
        case [operation, *_] if operation.startswith("$"):
            return _unknown_operation(operation)
        case [logical_id, *below] if is_id(logical_id):
            return _below_id(method, type_name, logical_id, below)
        case [logical_id, *_]:
            return _bad_id(method, type_name, logical_id)
    return _nothing_here()


def _below_id(method: str, type_name: str, logical_id: str, rest: list[str]) -> Interaction | Problem:
    match rest:
        case []:
            return _choose(method, INSTANCE, type_name, logical_id)
        case ["_history"]:
            return _choose(method, INSTANCE_HISTORY, type_name, logical_id)
        case ["_history", text]:
            number = version_number(text)
            if number is None:
                return problem(
                    404,
                    "not-found",
                    f"{type_name}/{logical_id} has no version '{text}': versions are whole numbers.",
                )
            return _choose(method, VERSION, type_name, logical_id, number)
        case [operation] if operation.startswith("$"):
            return Invocation(operation[1:], type_name, logical_id)
        case [operation, *_] if operation.startswith("$"):
            return _unknown_operation(operation)
        case [member, *form] if (member in TYPE_CODES or member == "*") and form in ([], ["_search"]):
            refused = _not_in_compartment(type_name, member)
            offered = COMPARTMENT_FORM if form else COMPARTMENT
            return refused or _choose(method, offered, type_name, logical_id, member)
    return _nothing_here()


def _choose(method: str, offered: Methods, *arguments: object) -> Interaction | Problem:
    constructor = offered.get(method)
    return constructor(*arguments) if constructor is not None else _wrong_method(method, offered)


def _wrong_method(method: str, offered: Methods) -> Problem:
    allowed = ", ".join(offered)
    message = f"{method} is not an interaction at this address. Allowed: {allowed}."
    return problem(405, "not-supported", message, headers={"allow": allowed})


def _not_at_system_level(method: str, segments: list[str]) -> Invocation | Problem:
    first = segments[0]
    if first.startswith("$") and len(segments) == 1:
        return Invocation(first[1:])
    if first.startswith("$"):
        return _unknown_operation(first)
    if first in SYSTEM:
        return _nothing_here()
    guesses = get_close_matches(first, TYPE_CODES, 2)
    hint = (
        f" Did you mean {' or '.join(guesses)}?"
        if guesses
        else " Names are those of FHIR R4 and case-sensitive."
    )
    return problem(404, "not-supported", f"'{first}' is not a resource type of FHIR R4.{hint}")


def _unknown_operation(name: str) -> Problem:
    return problem(404, "not-supported", f"The operation '{name}' is not offered; /metadata lists what is.")


def _bad_id(method: str, type_name: str, logical_id: str) -> Problem:
    rule = "an id is 1-64 letters A-Z a-z, digits, '-' and '.'"
    if method == "PUT":
        return problem(400, "value", f"'{logical_id}' cannot be the id of a {type_name}: {rule}.")
    return problem(404, "not-found", f"There is no {type_name} with the id '{logical_id}': {rule}.")


def _not_in_compartment(owner: str, member: str) -> Problem | None:
    """Why there is no such compartment: http://hl7.org/fhir/R4/compartmentdefinition.html."""
    if owner not in COMPARTMENTS:
        owners = ", ".join(COMPARTMENTS)
        return problem(404, "not-supported", f"{owner} has no compartment; those that have are {owners}.")
    if member != "*" and member != owner and member not in compartment(owner):
        return problem(404, "not-supported", f"{member} is never in the compartment of a {owner}.")
    return None


def _nothing_here() -> Problem:
    return problem(
        404, "not-found", "There is nothing at this address; /metadata lists what this server does."
    )
