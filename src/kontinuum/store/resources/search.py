"""From a parsed search to SQL.

A search within one patient's compartment walks the covering index `hot`, newest first. Any other
search finds its candidates by the hashes on the row (GIN) or by the value tables. Values are always
parameters; only the shape of a statement is generated, so that equal shapes share a prepared plan.

Pages are told apart by keyset: a cursor holds the sort values and the key of the last row shown, so
that a page costs the same wherever it lies and nothing is shown twice while others write.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kontinuum.fhir import json
from kontinuum.fhir.definitions import TYPE_CODES, SearchParameter
from kontinuum.fhir.search.extract import clinical_date_parameter
from kontinuum.fhir.search.hashing import param_code, type_hash, value_hash
from kontinuum.fhir.search.lookup import hot_hashes_of
from kontinuum.fhir.search.query import Compartment, Criterion, DateValue, SearchQuery
from kontinuum.fhir.search.shared import members
from kontinuum.kernel.ids import bucket_of, decode_id, id_hash
from kontinuum.kernel.sql import Binder, Fragment
from kontinuum.store.resources.conditions import begins_within, condition, has_any, updated, window
from kontinuum.store.resources.patient_scope import patient_of_criterion, single_element
from kontinuum.store.resources.rows import COLUMNS, ResourceRow, row_of, rows

SORTABLE = ("date", "string", "number", "quantity")
"""The parameter types by which a search can be sorted."""

_ACCOUNTABLE = "join accountable a on a.id = r.accountable"

_SORT_TABLES = {
    "date": ("search_date", "low", "bigint"),
    "number": ("search_number", "low", "numeric"),
    "quantity": ("search_number", "low", "numeric"),
    "string": ("search_string", "text", "text"),
}


@dataclass(frozen=True, slots=True)
class Found:
    """A row of a search and its position in the order: the values for a cursor."""

    row: ResourceRow
    position: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Order:
    """One key of the order; `expression` is never null. `cast` is its SQL type."""

    expression: str
    descending: bool
    cast: str

    @property
    def shown(self) -> str:
        """The expression as it travels in a cursor: numbers as text, so that no digit is lost."""
        return f"({self.expression})::text" if self.cast == "numeric" else self.expression

    def placeholder(self, bound: str) -> str:
        """A bound cursor value in the type of the expression."""
        return f"{bound}::text::numeric" if self.cast == "numeric" else f"{bound}::{self.cast}"


@dataclass(frozen=True, slots=True)
class _Base:
    """Where candidates come from and the conditions that they meet."""

    source: str
    conditions: tuple[str, ...]
    sort: str
    key: str


async def search(
    connection: Any,
    query: SearchQuery,
    scope: Fragment,
    limit: int,
    after: Sequence[Any] | None = None,
    unlinked: Sequence[str] = (),
) -> list[Found]:
    """Rows of a search in its order, at most `limit`, after the position of the last row shown.

    Nothing at all when one of the Patients `unlinked` is linked to another.
    """
    binder = Binder()
    base = _base(query, scope, binder)
    order = _order(query, base)
    conditions = list(base.conditions)
    if after is not None:
        conditions.append(_after(order, after, binder))
    if unlinked:
        linked = f"select from linked_patient l where l.patient = any({binder.bind(unlinked)}::text[])"
        conditions.append(f"not exists ({linked})")
    keys = ", ".join(f"{key.expression} {'desc' if key.descending else 'asc'}" for key in order)
    positions = ", ".join(key.shown for key in order)
    statement = (
        f"select {COLUMNS}, {positions} from {base.source} where {' and '.join(conditions)}"
        f" order by {keys} limit {binder.bind(limit)}"
    )
    width = len(ResourceRow._fields)
    return [
        Found(row_of(record[:width]), tuple(record[width:]))
        for record in map(tuple, await connection.fetch(statement, *binder.values))
    ]


_TYPES_PRESENT = """
with recursive present as (
    (select type from resource order by type limit 1)
    union all
    select (select r.type from resource r where r.type > p.type order by r.type limit 1)
      from present p where p.type is not null
)
select type from present where type is not null
"""


async def types_present(connection: Any) -> list[int]:
    """The numbers of the resource types of which there is anything: one index probe for each."""
    return [record["type"] for record in await connection.fetch(_TYPES_PRESENT)]


async def every(connection: Any, query: SearchQuery, scope: Fragment, limit: int) -> list[ResourceRow]:
    """The rows of a search in no order, at most `limit`."""
    binder = Binder()
    base = _base(query, scope, binder)
    statement = (
        f"select {COLUMNS} from {base.source} where {' and '.join(base.conditions)}"
        f" limit {binder.bind(limit)}"
    )
    return rows(await connection.fetch(statement, *binder.values))


async def count(connection: Any, query: SearchQuery, scope: Fragment, at_most: int | None = None) -> int:
    """How many resources a search finds in all, exactly.

    With `at_most` it is only counted so far: a larger number is the planner's estimate, never below that.
    """
    binder = Binder()
    base = _base(query, scope, binder)
    source = f"from {base.source} where {' and '.join(base.conditions)}"
    if at_most is None:
        return int(await connection.fetchval(f"select count(*) {source}", *binder.values))
    statement = f"select 1 {source}"
    counted = f"select count(*) from ({statement} limit {at_most + 1}) t"
    found = int(await connection.fetchval(counted, *binder.values))
    if found <= at_most:
        return found
    plan = await connection.fetchval(f"explain (format json) {statement}", *binder.values)
    return max(found, int(json.loads(plan)[0]["Plan"]["Plan Rows"]))


async def referring(
    connection: Any,
    source_type: str,
    parameter: SearchParameter,
    targets: Sequence[tuple[str, str]],
    scope: Fragment,
    limit: int,
) -> list[ResourceRow]:
    """Resources of a type that refer by a parameter to any of the (type, id) targets (`_revinclude`)."""
    binder = Binder()
    hashes = [value_hash(source_type, parameter.name, "reference", *target) for target in targets]
    statement = (
        f"select {COLUMNS} from resource r join accountable a on a.id = r.accountable"
        f" where r.type = {binder.bind(TYPE_CODES[source_type])} and {has_any(hashes, binder)}"
        f" and ({binder.add(scope)}) limit {binder.bind(limit)}"
    )
    return rows(await connection.fetch(statement, *binder.values))


def unsortable(query: SearchQuery) -> list[str]:
    """The sort parameters of a query by which the store cannot sort."""
    return [
        key.parameter.name
        for key in query.sort
        if not isinstance(key.parameter, str) and key.parameter.type not in SORTABLE
    ]


def patient_of(query: SearchQuery) -> str | None:
    """The patient within whose compartment a search stays, None when it may reach beyond one."""
    return next((found for each in query.criteria if (found := patient_of_criterion(query.type, each))), None)


def _base(query: SearchQuery, scope: Fragment, binder: Binder) -> _Base:
    patient = patient_of(query)
    conditions = [
        f"r.type = {binder.bind(TYPE_CODES[query.type])}",
        "r.body is not null",
        f"({binder.add(scope)})",
        *_conditions(query, binder, patient),
    ]
    if patient is None:
        return _Base(f"resource r {_ACCOUNTABLE}", tuple(conditions), "r.sort", "r.key")
    return _Base(_within_patient(query, patient, binder), tuple(conditions), "h.sort", "h.key")


def meets(query: SearchQuery, binder: Binder) -> str:
    """What a search without chains asks of a row `r` of its type, for a statement that goes over all rows."""
    return " and ".join(_conditions(query, binder, None)) or "true"


def _conditions(query: SearchQuery, binder: Binder, patient: str | None) -> list[str]:
    windows = [] if patient is not None else _windows(query)
    dated_by = clinical_date_parameter(query.type)
    conditions = [
        window(query.type, each, binder, clinical=each[0].parameter.name == dated_by) for each in windows
    ]
    implied = _on_clinical_date(query, binder) if patient is None else []
    walked = dated_by if implied and _by_clinical_date(query) else None
    conditions += [
        condition(query.type, each, binder, row_by_row=patient is not None or each.parameter.name == walked)
        for each in query.criteria
        if not any(each in criteria for criteria in windows)
    ]
    conditions += implied
    conditions += [updated(value, binder) for value in query.last_updated]
    if query.ids is not None:
        conditions.append(_by_id(query, binder))
    if query.compartment is not None:
        conditions.append(_within(query.type, query.compartment, binder))
    return conditions


def _windows(query: SearchQuery) -> list[list[Criterion]]:
    """Criteria on the same date, each of one value, where a resource has that date once at most."""
    dates: dict[str, list[Criterion]] = {}
    for each in query.criteria:
        if each.parameter.type == "date" and each.modifier is None and len(each.values) == 1:
            dates.setdefault(each.parameter.name, []).append(each)
    return [
        criteria
        for criteria in dates.values()
        if (len(criteria) > 1 or _prefix(criteria[0]) == "ap")
        and single_element(query.type, criteria[0].parameter.expression) is not None
    ]


def _on_clinical_date(query: SearchQuery, binder: Binder) -> list[str]:
    """A day years ago is a range of the type's order, which is by clinical date."""
    name = clinical_date_parameter(query.type)
    found = [
        begins_within(each.values, binder)
        for each in query.criteria
        if each.parameter.name == name
        and each.modifier is None
        and single_element(query.type, each.parameter.expression) is not None
    ]
    return [each for each in found if each is not None]


def _by_clinical_date(query: SearchQuery) -> bool:
    """Whether the order asked for is that of the type, so that a page of a day is a walk of a page's length.

    Whatever a row must meet besides is then looked at row by row: to find all of the day's rows by another
    index first reads a page of the disk for each of them.
    """
    first = query.sort[0].parameter if query.sort else None
    return first is None or (not isinstance(first, str) and first.name == clinical_date_parameter(query.type))


def _prefix(criterion: Criterion) -> str | None:
    value = criterion.values[0]
    return value.prefix if isinstance(value, DateValue) else None


def _within_patient(query: SearchQuery, patient: str, binder: Binder) -> str:
    """The patient's resources in the order of the covering index, each then looked at by itself.

    `offset 0` keeps the planner from finding the rows in any other way: with a growing region its
    estimates would one day prefer an index that grows with the region.
    """
    values = _hot_values(query)
    place = f"bucket = {binder.bind(bucket_of(patient))} and patient = {binder.bind(id_hash(patient))}"
    if len(values) == 1:
        picked = f"select sort, key, bucket from hot where {place} and value = {binder.bind(values[0])}"
    else:  # a resource with two of the codes stands twice in the index
        among = f"value = any({binder.bind(values)}::bigint[])"
        picked = f"select distinct sort, key, bucket from hot where {place} and {among}"
    row = "select * from resource where bucket = h.bucket and key = h.key offset 0"
    return f"({picked}) h cross join lateral ({row}) r {_ACCOUNTABLE}"


def _hot_values(query: SearchQuery) -> list[int]:
    """The most selective values by which the patient's resources of this type can be walked."""
    by_name = {
        criterion.parameter.name: hashes
        for criterion in query.criteria
        if (hashes := hot_hashes_of(query.type, criterion))
    }
    for name in ("encounter", "code", "category"):
        if name in by_name:
            return by_name[name]
    return [type_hash(query.type)]


def _by_id(query: SearchQuery, binder: Binder) -> str:
    ids = list(query.ids or ())
    decoded = [found for logical_id in ids if (found := decode_id(logical_id))]
    # One id is asked for as one: of a list PostgreSQL plans anew each time, for longer than it takes to read.
    named = f"= {binder.bind(ids[0])}::text" if len(ids) == 1 else f"= any({binder.bind(ids)}::text[])"
    places = (
        f"select i.bucket, i.key from identity i where i.type = {binder.bind(TYPE_CODES[query.type])}"
        f" and i.id {named}"
    )
    if decoded:
        places += (
            f" union all select * from unnest({binder.bind([bucket for _, bucket in decoded])}::smallint[],"
            f" {binder.bind([key for key, _ in decoded])}::bigint[])"
        )
    return f"r.id {named} and (r.bucket, r.key) in ({places})"


def _within(type_name: str, compartment: Compartment, binder: Binder) -> str:
    """What refers to the compartment's owner by any parameter that puts it there, or is the owner."""
    owner = compartment.owner
    owners = (owner.id or "", *compartment.also)
    hashes = [
        value_hash(type_name, each.name, "reference", owner.types[0], logical_id)
        for each in compartment.parameters
        for logical_id in owners
    ]
    parts = [has_any(hashes, binder)] if hashes else []
    if owner.types == (type_name,):
        parts.append(_by_id(SearchQuery(type_name, ids=owners), binder))
    return f"({' or '.join(parts)})" if parts else "false"


def _order(query: SearchQuery, base: _Base) -> list[_Order]:
    keys = [_order_key(query.type, sort.parameter, sort.descending, base) for sort in query.sort]
    if not keys:
        keys = [_Order(base.sort, True, "bigint")]
    return [*keys, _Order(base.key, keys[0].descending, "bigint")]


def _order_key(type_name: str, parameter: SearchParameter | str, descending: bool, base: _Base) -> _Order:
    if parameter == "_id":
        return _Order("r.id", descending, "text")
    if parameter == "_lastUpdated":
        return _Order("r.updated", descending, "bigint")
    assert not isinstance(parameter, str)
    if parameter.name == clinical_date_parameter(type_name):
        return _Order(base.sort, descending, "bigint")
    table, column, cast = _SORT_TABLES[parameter.type]
    params = ", ".join(str(param_code(type_name, name)) for name in members(type_name, parameter.name))
    function = "max" if descending else "min"
    nothing = {"bigint": str(-(2**63)), "numeric": "'-Infinity'::numeric", "text": "''"}[cast]
    value = (
        f"(select {function}(o.{column}) from {table} o where o.bucket = r.bucket and o.key = r.key"
        f" and o.param in ({params}))"
    )
    return _Order(f"coalesce({value}, {nothing})", descending, cast)


def _after(order: list[_Order], position: Sequence[Any], binder: Binder) -> str:
    """Rows that come after a position: beyond it in the first key in which they differ."""
    bound = [key.placeholder(binder.bind(value)) for key, value in zip(order, position, strict=True)]
    if all(key.descending == order[0].descending for key in order):
        left = ", ".join(key.expression for key in order)
        return f"({left}) {'<' if order[0].descending else '>'} ({', '.join(bound)})"
    alternatives = []
    for number, key in enumerate(order):
        equal = [f"{order[i].expression} = {bound[i]}" for i in range(number)]
        beyond = f"{key.expression} {'<' if key.descending else '>'} {bound[number]}"
        alternatives.append("(" + " and ".join([*equal, beyond]) + ")")
    return "(" + " or ".join(alternatives) + ")"
