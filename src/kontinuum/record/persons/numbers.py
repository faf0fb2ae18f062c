"""Giving out reserve numbers from the configured series: each once, whatever becomes of it."""

from __future__ import annotations

from kontinuum.fhir.definitions import search_parameters
from kontinuum.fhir.search.query import Criterion, SearchQuery, TokenValue
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import local
from kontinuum.kernel.sql import Fragment
from kontinuum.record.context import Context
from kontinuum.record.outcome import Refusal, RefusalKind, refuse
from kontinuum.store import persons as store
from kontinuum.store.resources import search as searching
from kontinuum.sweden.equivalents import written_forms
from kontinuum.sweden.identifiers import LocalReserveNumber, LocalScheme

_EVERYTHING = Fragment("true")


async def draw(context: Context) -> tuple[str, str] | Refusal:
    """The next number of the first scheme that has a series, passing over those that are in the record.

    The running number is committed before the Patient that it is for is written: a number that was drawn is
    never drawn again, also when nothing came of it. Numbers from before the series, or from elsewhere, are
    recognised in the index and passed over.
    """
    scheme = next((each for each in context.services.schemes if each.digits), None)
    if scheme is None:
        return refuse(
            RefusalKind.CONFLICT,
            "not-supported",
            "No series of reserve numbers is configured: KONTINUUM_RESERVE_NUMBERS_FILE needs a scheme with "
            "prefix and digits.",
        )
    while True:
        number = scheme.numbered(await store.next_number(context.pool, scheme.system))
        if number is None:
            return refuse(
                RefusalKind.CONFLICT, "conflict", f"The series of {scheme.name} has no more numbers."
            )
        if not await _is_taken(context, scheme, number):
            await context.log(
                "draw-number",
                "permitted",
                "patient-index",
                what=(f"{scheme.system}|{number.value}",),
                count=1,
            )
            return number.system, number.value


async def _is_taken(context: Context, scheme: LocalScheme, number: LocalReserveNumber) -> bool:
    """Whether any Patient has the number, whoever keeps it: this only tells that it is not free."""
    today = local(from_micros(context.now())).date()
    forms = written_forms(number, today, context.services.schemes)
    values = tuple(TokenValue(scheme.system, form) for form in forms)
    parameter = search_parameters("Patient")["identifier"]
    query = SearchQuery("Patient", (Criterion(parameter, None, values),))
    return bool(await searching.search(context.pool, query, _EVERYTHING, 1))
