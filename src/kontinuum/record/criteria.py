"""Criteria in place of an id: the one resource that a conditional write or reference means.

http://hl7.org/fhir/R4/http.html#cond-update and http://hl7.org/fhir/R4/http.html#ccreate
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, TypeAlias

from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.search.query import Criterion, SearchQuery, StringValue, TokenValue, Value
from kontinuum.kernel.ids import id_hash
from kontinuum.record.context import Context, reference
from kontinuum.record.outcome import Refusal, RefusalKind, refuse
from kontinuum.record.persons.widening import in_all_forms
from kontinuum.record.searching import matching, parse_url
from kontinuum.store.resources.rows import ResourceRow

LOCK = "select pg_advisory_xact_lock($1, slot) from unnest($2::integer[]) as slot"

_CLASS = 0x4B43  # advisory locks of this class are criteria
# A bundle may carry 10,000 criteria, more locks than PostgreSQL has room for: several share a slot.
_SLOTS = 1024

Asked: TypeAlias = tuple[str, str]
"""A resource type and criteria as they are written in a url."""


def parse(context: Context, asked: Asked) -> SearchQuery | Refusal:
    """The search that criteria are; refused when they select nothing in particular."""
    type_name, criteria = asked
    # HAPI sends the whole address of the search, which says the same.
    named, mark, rest = criteria.strip().removeprefix(f"{context.base}/").partition("?")
    if mark and named in ("", type_name):
        criteria = rest
    elif mark and named in TYPE_CODES:
        message = f"The criteria '{criteria}' are of {named}, and it is a {type_name} that is written."
        return refuse(RefusalKind.BAD_REQUEST, "value", message)
    query = parse_url(f"{type_name}?{criteria}", base=context.base)
    if isinstance(query, SearchQuery) and not (
        query.criteria or query.chains or query.has or query.lists or query.ids is not None
    ):
        return refuse(
            RefusalKind.PRECONDITION_FAILED, "incomplete", "A conditional write needs at least one criterion."
        )
    return query


async def lock(context: Context, connection: Any, asked: Sequence[Asked]) -> None:
    """Keep criteria to this transaction until it ends.

    Two clients that ask for the same thing at once must not both find nothing and both create it, however
    each of them spells it. All of a transaction's criteria are locked together and in order, so that two
    bundles never wait for each other.
    """
    queries = [parse(context, each) for each in asked]
    meant = [in_all_forms(context, query) for query in queries if isinstance(query, SearchQuery)]
    slots = sorted({id_hash(_spelled(query)) % _SLOTS for query in meant})
    if slots:
        await connection.execute(LOCK, _CLASS, slots)


def _spelled(query: SearchQuery) -> str:
    """One spelling for criteria that mean the same; for some that do not, which only makes them wait.

    What a search gives back (order, number, elements) does not count, nor does the order of parameters and
    alternatives, an escape, a letter's case in names, or under which of its systems a number is asked for.
    """
    parts = {f"{each.parameter.name}:{each.modifier or ''}={_alternatives(each)}" for each in query.criteria}
    parts |= {f"{each.parameter.name}.{'|'.join(map(_spelled, each.targets))}" for each in query.chains}
    parts |= {f"_has:{each.parameter.name}:{_spelled(each.source)}" for each in query.has}
    parts |= {f"_list={each}" for each in query.lists}
    if query.ids is not None:
        parts.add(f"_id={sorted(query.ids)}")
    return f"{query.type}?{'&'.join(sorted(parts))}"


def _alternatives(criterion: Criterion) -> list[str]:
    return sorted({_alternative(each, exact=criterion.modifier == "exact") for each in criterion.values})


def _alternative(value: Value, *, exact: bool) -> str:
    if isinstance(value, TokenValue):
        return value.code if value.code is not None else f"{value.system}|"
    if isinstance(value, StringValue):
        return value.text if exact else value.normalised
    return repr(value)


async def find(
    context: Context,
    connection: Any,
    asked: Sequence[Asked],
    *,
    without: Collection[tuple[int, str]] = (),
) -> list[list[ResourceRow] | Refusal]:
    """What each of some criteria finds: at most two rows, as more than one is too many.

    `without` are (type, id) that are no longer to be found. All are logged as one search, whose entry is
    durable before this returns: what somebody learns of whom they find, or that they find nobody.
    """
    results: list[list[ResourceRow] | Refusal] = []
    for each in asked:
        query = parse(context, each)
        if isinstance(query, Refusal):
            results.append(query)
            continue
        rows = await matching(context, connection, query, 2 + len(without))
        if isinstance(rows, Refusal):
            results.append(rows)
            continue
        results.append([row for row in rows if (row.type, row.id) not in without][:2])
    found = [row for rows in results if not isinstance(rows, Refusal) for row in rows]
    if results:
        await context.log(
            "search",
            "permitted",
            "scope",
            patients=(row.patient for row in found),
            what=[*("?".join(each) for each in asked), *map(reference, found)],
            count=len(found),
        )
    return results


async def find_one(context: Context, connection: Any, asked: Asked) -> ResourceRow | Refusal | None:
    """The one resource that criteria find, which stay locked; refused when there are several."""
    await lock(context, connection, [asked])
    rows = (await find(context, connection, [asked]))[0]
    return rows if isinstance(rows, Refusal) else only(asked, rows)


def only(asked: Asked, rows: Sequence[ResourceRow]) -> ResourceRow | Refusal | None:
    """The single row among those that criteria found, None when there is none."""
    if len(rows) > 1:
        return several(asked)
    return rows[0] if rows else None


def several(asked: Asked) -> Refusal:
    """The refusal of criteria that find more than one resource."""
    return refuse(
        RefusalKind.PRECONDITION_FAILED,
        "multiple-matches",
        f"More than one {asked[0]} matches '{asked[1]}': make the criteria select one.",
    )
