"""History of a resource, a type, or everything: `_count`, `_since`, `_at`, and pages.

http://hl7.org/fhir/R4/http.html#history
"""

from __future__ import annotations

from dataclasses import dataclass

from kontinuum.fhir.search.dates import date_range
from kontinuum.fhir.subset import Subset
from kontinuum.record.outcome import Refusal
from kontinuum.web.api import bundles
from kontinuum.web.api.answer import Answer, Problem, Response, bad_request
from kontinuum.web.api.call import Call
from kontinuum.web.api.interactions import History
from kontinuum.web.api.limits import Limits
from kontinuum.web.api.request import Parameters, Request, form_of, refuse_parameters, single
from kontinuum.web.api.subset import subset_of_parameters

_PARAMETERS = ("_count", "_since", "_at", "_cursor", "_summary", "_elements")


@dataclass(frozen=True, slots=True)
class _Span:
    """Which versions: those written from `since`, before `until`, and not superseded by `at` (all µs)."""

    since: int | None = None
    until: int | None = None
    at: int | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the parameters of a history ask for."""

    count: int
    span: _Span
    cursor: str | None
    subset: Subset | None


async def history(call: Call, wanted: History) -> Answer:
    """A page of versions, newest first, deletions among them."""
    request = call.request
    asked = _asked(request, wanted, call.limits)
    if isinstance(asked, Problem):
        return asked
    span = asked.span
    page = await call.record.history(
        wanted.type,
        wanted.id,
        count=asked.count,
        cursor=asked.cursor,
        since=span.since,
        until=span.until,
        at=span.at,
    )
    if isinstance(page, Refusal):
        return page
    used = _used(request.parameters, asked.count)
    body = bundles.history(
        request.base, request.path.rstrip("/"), used, page, asked.subset, form_of(request.parameters)
    )
    return Response(200, body)


def _asked(request: Request, wanted: History, limits: Limits) -> _Asked | Problem:
    refused = refuse_parameters(request.parameters, _PARAMETERS)
    if refused is not None:
        return refused
    count = _page_size(request, limits)
    if isinstance(count, Problem):
        return count
    span = _span(request)
    if isinstance(span, Problem):
        return span
    cursor = single(request.parameters, "_cursor")
    if isinstance(cursor, Problem):
        return cursor
    subset = subset_of_parameters(request.parameters, wanted.type)
    return subset if isinstance(subset, Problem) else _Asked(count, span, cursor, subset)


def _page_size(request: Request, limits: Limits) -> int | Problem:
    text = single(request.parameters, "_count")
    if text is None or isinstance(text, Problem):
        return limits.count_default if text is None else text
    if not (text.isascii() and text.isdigit()) or not 0 < len(text) < 10 or int(text) == 0:
        return bad_request(
            "value", f"_count must be a whole number from 1 to {limits.count_max}, not '{text}'."
        )
    return min(int(text), limits.count_max)


def _span(request: Request) -> _Span | Problem:
    since, at = _moment(request, "_since"), _moment(request, "_at")
    if isinstance(since, Problem):
        return since
    if isinstance(at, Problem):
        return at
    if at is None:
        return _Span() if since is None else _Span(since=since[0])
    if since is not None:
        return bad_request("invalid", "_since and _at exclude each other; give one of them.")
    return _Span(until=at[1], at=at[0])


def _moment(request: Request, name: str) -> tuple[int, int] | Problem | None:
    text = single(request.parameters, name)
    if text is None or isinstance(text, Problem):
        return text
    # A plus sign in a query stands for a space; clients forget to write %2B before a zone.
    found = date_range(text.replace(" ", "+"))
    return found or bad_request(
        "value", f"{name} must be a FHIR date or time such as 2026-03-01T08:00:00Z, not '{text}'."
    )


def _used(parameters: Parameters, count: int) -> Parameters:
    kept = [(name, value) for name, value in parameters if name not in ("_count", "_format", "_pretty")]
    return [*kept, ("_count", str(count))]
