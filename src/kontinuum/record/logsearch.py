"""`AuditEvent?…`: what a FHIR search asks of the log, as a filter; what the log does not answer is refused.

http://hl7.org/fhir/R4/auditevent.html#search. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kontinuum.audit.event import AUTHENTICATING, INTERACTIONS, OUTCOMES
from kontinuum.fhir.search.query import Criterion, DateValue, ReferenceValue, SearchQuery, TokenValue
from kontinuum.record.outcome import Refusal, RefusalKind, refuse
from kontinuum.store.audit_query import Filter, Position

OFFERED = (
    "patient, agent (also agent:identifier with a unit's HSA-id, and agent:missing=true for callers that are "
    "not known), altid, date, action, type, subtype, outcome, _lastUpdated, _count, _summary=count, "
    "_total=accurate and _sort=-date"
)
_CODED: dict[str, frozenset[str]] = {
    code: frozenset(name for name, (_, one) in INTERACTIONS.items() if one == code) for code in "CRUD"
}
_NAMED_OUTCOMES = {code: name for name, code in OUTCOMES.items()}

_Narrow = Callable[[Filter, Criterion], Filter | None]


def filter_of(query: SearchQuery) -> Filter | Refusal:
    """The entries that a search asks for, of every care provider."""
    odd = (
        query.chains
        or query.has
        or query.lists
        or query.includes
        or query.revincludes
        or query.ids is not None
    )
    newest_first = all(each.descending and _sorts_by_time(each.parameter) for each in query.sort)
    if odd or len(query.sort) > 1 or not newest_first:
        return _not_offered("a chain, _has, _list, _include, _id or another order than the newest first")
    found: Filter | None = _within(Filter(), query.last_updated)
    if query.compartment is not None:
        owner = query.compartment.owner
        if owner.types != ("Patient",) or found is None:
            return _not_offered("another compartment than a patient's")
        found = found._replace(patients=(owner.id or "",))
    for each in query.criteria:
        narrow = _PARAMETERS.get(each.parameter.name)
        found = narrow(found, each) if narrow is not None and found is not None else None
        if found is None:
            name = each.parameter.name + (f":{each.modifier}" if each.modifier else "")
            return _not_offered(f"'{name}' with this value")
    return found if found is not None else _not_offered("this form of _lastUpdated")


def _sorts_by_time(parameter: object) -> bool:
    return parameter == "_lastUpdated" or getattr(parameter, "name", "") == "date"


def _not_offered(what: str) -> Refusal:
    message = f"The log is not searched by {what}. It is searched by {OFFERED}."
    return refuse(RefusalKind.BAD_REQUEST, "not-supported", message)


def position_in_log(cursor: str | None) -> Position | Refusal | None:
    """Where the page begins that a cursor names."""
    parts = (cursor or "").split(".")
    if cursor is None:
        return None
    if len(parts) != 4 or not all(each.isascii() and each.isdigit() and len(each) < 19 for each in parts):
        return refuse(RefusalKind.BAD_REQUEST, "value", "_cursor is not one that a search of the log gave.")
    return Position(*map(int, parts))


def _patient(found: Filter, asked: Criterion) -> Filter | None:
    ids = _references(asked, "Patient")
    if asked.modifier is not None or len(ids) != 1 or tuple(found.patients) not in ((), (ids[0],)):
        return None
    return found._replace(patients=(ids[0],))


def _agent(found: Filter, asked: Criterion) -> Filter | None:
    values = [each for each in asked.values if isinstance(each, TokenValue)]
    if asked.modifier == "missing" and values[0].code == "true":
        return found._replace(unknown=True)
    if asked.modifier == "identifier" and len(values) == 1 and values[0].code is not None:
        return found._replace(unit=values[0].code)
    ids = _references(asked, "Practitioner", "Patient")
    return found._replace(actors=ids) if asked.modifier is None and ids and not found.actors else None


def _references(asked: Criterion, *types: str) -> list[str]:
    values = [each for each in asked.values if isinstance(each, ReferenceValue)]
    ids = [each.id for each in values if each.id is not None and set(types) & set(each.types)]
    return ids if len(ids) == len(asked.values) else []


def _date(found: Filter, asked: Criterion) -> Filter | None:
    if asked.modifier is not None or len(asked.values) != 1:
        return None
    return _within(found, (each for each in asked.values if isinstance(each, DateValue)))


def _within(found: Filter, dates: Iterable[DateValue]) -> Filter | None:
    for each in dates:
        low, high = _SPANS[each.prefix](each) if each.prefix in _SPANS else (None, None)
        if low is None and high is None:
            return None
        since = [moment for moment in (found.since, low) if moment is not None]
        until = [moment for moment in (found.until, high) if moment is not None]
        found = found._replace(since=max(since, default=None), until=min(until, default=None))
    return found


_SPANS: dict[str, Callable[[DateValue], tuple[int | None, int | None]]] = {
    "eq": lambda each: (each.low, each.high),
    "ge": lambda each: (each.low, None),
    "gt": lambda each: (each.high, None),
    "sa": lambda each: (each.high, None),
    "le": lambda each: (None, each.high),
    "lt": lambda each: (None, each.low),
    "eb": lambda each: (None, each.low),
}
"""From when (inclusive) until when (exclusive) each prefix looks; an entry is one moment."""


def _codes(asked: Criterion) -> list[str] | None:
    if asked.modifier is not None:
        return None
    codes = [each.code for each in asked.values if isinstance(each, TokenValue) and each.code]
    return codes if len(codes) == len(asked.values) else None


def _action(found: Filter, asked: Criterion) -> Filter | None:
    codes = _codes(asked)
    if codes is None or not set(codes) <= {*_CODED, "E"}:
        return None
    if "E" not in codes:
        return _only(found, frozenset().union(*(_CODED[code] for code in codes)))
    others = (names for code, names in _CODED.items() if code not in codes)
    return _never(found, frozenset().union(*others))


def _type(found: Filter, asked: Criterion) -> Filter | None:
    match _codes(asked):
        case ["rest"]:
            return _never(found, AUTHENTICATING)
        case ["110114"]:
            return _only(found, AUTHENTICATING)
    return None


def _subtype(found: Filter, asked: Criterion) -> Filter | None:
    codes = _codes(asked)
    if codes is None:
        return None
    interactions = (name for name, (interaction, _) in INTERACTIONS.items() if interaction in codes)
    return _only(found, frozenset((*codes, *interactions)))


def _only(found: Filter, names: frozenset[str]) -> Filter:
    kept = names if found.actions is None else names & set(found.actions)
    return found._replace(actions=tuple(sorted(kept)))


def _never(found: Filter, names: frozenset[str]) -> Filter:
    return found._replace(actions_not=tuple(sorted(names | set(found.actions_not))))


def _outcome(found: Filter, asked: Criterion) -> Filter | None:
    codes = _codes(asked)
    if codes is None or not set(codes) <= _NAMED_OUTCOMES.keys() or found.outcomes:
        return None
    return found._replace(outcomes=tuple(_NAMED_OUTCOMES[code] for code in codes))


def _altid(found: Filter, asked: Criterion) -> Filter | None:
    codes = _codes(asked)
    return found._replace(assignments=tuple(codes)) if codes and not found.assignments else None


_PARAMETERS: dict[str, _Narrow] = {
    "patient": _patient,
    "agent": _agent,
    "altid": _altid,
    "date": _date,
    "action": _action,
    "type": _type,
    "subtype": _subtype,
    "outcome": _outcome,
}
