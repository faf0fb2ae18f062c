"""A search as data: what a client asked for, parsed and checked, before any SQL.

https://hl7.org/fhir/R4/search.html. Everything here is immutable. Values of one criterion are
alternatives (OR); the criteria of a query must all hold (AND).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

from kontinuum.fhir.definitions import SearchParameter
from kontinuum.fhir.issues import Issue
from kontinuum.fhir.search.text import normalise

Prefix: TypeAlias = Literal["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]
Summary: TypeAlias = Literal["true", "text", "data", "count", "false"]
Total: TypeAlias = Literal["none", "estimate", "accurate"]

MICROS_MIN = -(2**63)
"""The low end of a time range that has no beginning."""
MICROS_MAX = 2**63 - 1
"""The high end of a time range that has no end."""


@dataclass(frozen=True, slots=True)
class TokenValue:
    """A token: `code`, `system|code`, `|code` or `system|`.

    https://hl7.org/fhir/R4/search.html#token. Comparison is case-sensitive.
    """

    system: str | None
    """None: any system or none; "": the value carries no system."""
    code: str | None
    """None: any code of the system."""


@dataclass(frozen=True, slots=True)
class ReferenceValue:
    """A reference to a resource, by id, by URL or both (https://hl7.org/fhir/R4/search.html#reference).

    With an id, `types` holds the target types it may have: one when the client named it, the
    parameter's targets otherwise. With both an id and a URL (an absolute URL below the server's own
    base) either form in the resource matches.
    """

    types: tuple[str, ...]
    id: str | None
    url: str | None
    """Absolute, canonical (without version) or urn."""
    version: str | None


@dataclass(frozen=True, slots=True)
class ReferenceSet:
    """A reference to any of some resources: what a chain has come to, once its far end was searched.

    `urls` are the canonical addresses of the same resources, for parameters that refer by canonical.
    """

    targets: frozenset[tuple[str, str]]
    """(type, id)"""
    urls: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class StringValue:
    """Text as the client wrote it, escapes removed (https://hl7.org/fhir/R4/search.html#string)."""

    text: str

    @property
    def normalised(self) -> str:
        """The text in the form that the index rows hold."""
        return normalise(self.text)


@dataclass(frozen=True, slots=True)
class UriValue:
    """A URI, compared character by character (https://hl7.org/fhir/R4/search.html#uri)."""

    uri: str


@dataclass(frozen=True, slots=True)
class TypedIdentifier:
    """`identifier:of-type=system|code|value`: an identifier of a type.

    https://hl7.org/fhir/R4/search.html#modifiers
    """

    system: str
    code: str
    value: str


@dataclass(frozen=True, slots=True)
class NearValue:
    """A place and how far from it, in kilometres (https://hl7.org/fhir/R4/location.html#positional)."""

    latitude: float
    longitude: float
    kilometres: float


@dataclass(frozen=True, slots=True)
class DateValue:
    """A moment or period, half-open [low, high) in microseconds since 1970-01-01T00:00Z.

    https://hl7.org/fhir/R4/search.html#date. The range is that of the precision written: `2024-03` is
    the whole month. A time without zone is UTC. For `ap` the range is already widened.
    """

    prefix: Prefix
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class NumberValue:
    """A number with the range that its digits imply (https://hl7.org/fhir/R4/search.html#number).

    [low, high) is 5.35 to 5.45 for 5.4; for `ap` it is value ± 10 %, both ends included. `eq`, `ne`
    and `ap` ask for the range; the other prefixes for the exact value.
    """

    prefix: Prefix
    value: Decimal
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class QuantityValue:
    """A number with a unit (https://hl7.org/fhir/R4/search.html#quantity).

    system and code: that coded unit; only code: that code in any system, or that printed unit;
    neither: any unit.
    """

    number: NumberValue
    system: str | None
    code: str | None


@dataclass(frozen=True, slots=True)
class CompositeValue:
    """One value for each component of a composite parameter, in its order.

    https://hl7.org/fhir/R4/search.html#composite
    """

    parts: tuple[Value, ...]


Value: TypeAlias = (
    TokenValue
    | ReferenceValue
    | ReferenceSet
    | StringValue
    | UriValue
    | TypedIdentifier
    | NearValue
    | DateValue
    | NumberValue
    | QuantityValue
    | CompositeValue
)


@dataclass(frozen=True, slots=True)
class Criterion:
    """One search parameter with its alternatives; at least one value.

    `modifier` is None or a name of R4 without its colon; "missing" has the single TokenValue "true" or
    "false", "text" has StringValues, "in" and "not-in" the UriValue of a value set. A type modifier
    (`subject:Patient`) has become the `types` of its ReferenceValues.
    """

    parameter: SearchParameter
    modifier: str | None
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Sort:
    """A key of `_sort` (https://hl7.org/fhir/R4/search.html#sort)."""

    parameter: SearchParameter | Literal["_id", "_lastUpdated"]
    descending: bool


@dataclass(frozen=True, slots=True)
class Include:
    """One `_include` or `_revinclude`: references of `source_type` in `parameter`, perhaps only to one type.

    https://hl7.org/fhir/R4/search.html#include
    """

    source_type: str
    parameter: str
    target_type: str | None
    iterate: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """`subject:Patient.name=…`: a reference to a resource that answers another search.

    https://hl7.org/fhir/R4/search.html#chaining. One search for each type to which the reference may lead.
    """

    parameter: SearchParameter
    targets: tuple[SearchQuery, ...]


@dataclass(frozen=True, slots=True)
class Has:
    """`_has:Observation:patient:code=…`: a resource that answers another search refers to this one.

    https://hl7.org/fhir/R4/search.html#has
    """

    parameter: SearchParameter
    source: SearchQuery


@dataclass(frozen=True, slots=True)
class Compartment:
    """`/Patient/x/Observation`: what belongs to a resource by any of its type's compartment parameters.

    https://hl7.org/fhir/R4/compartmentdefinition.html
    """

    owner: ReferenceValue
    parameters: tuple[SearchParameter, ...]
    also: tuple[str, ...] = ()
    """Ids of further owners of the owner's type, whose compartments count as this one."""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A whole search within one resource type (https://hl7.org/fhir/R4/search.html)."""

    type: str
    criteria: tuple[Criterion, ...] = ()
    ids: tuple[str, ...] | None = None
    """`_id`: one of these; an empty tuple (two `_id` that exclude each other) matches nothing."""
    last_updated: tuple[DateValue, ...] = ()
    """`_lastUpdated`: all of these must hold."""
    chains: tuple[Chain, ...] = ()
    has: tuple[Has, ...] = ()
    lists: tuple[str, ...] = ()
    """`_list`: ids of List resources, all of which must name the resource."""
    compartment: Compartment | None = None
    sort: tuple[Sort, ...] = ()
    count: int | None = None
    cursor: str | None = None
    """The paging token, opaque here."""
    includes: tuple[Include, ...] = ()
    revincludes: tuple[Include, ...] = ()
    summary: Summary | None = None
    elements: tuple[str, ...] = ()
    total: Total | None = None
    ignored: tuple[Issue, ...] = ()
    """With lenient handling: one warning for each parameter that was not understood."""
    self_params: tuple[tuple[str, str], ...] = ()
    """What was really used, as written, for the result's self link."""
