"""Giving out reserve numbers of the care provider's series: each once, whatever becomes of it."""

from __future__ import annotations

from kontinuum.fhir.definitions import search_parameters
from kontinuum.fhir.search.query import Criterion, SearchQuery, TokenValue
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import local, phrase
from kontinuum.kernel.provider_settings import reserve_series_of
from kontinuum.kernel.sql import Fragment
from kontinuum.record.context import Context
from kontinuum.record.outcome import Refusal, RefusalKind, refuse
from kontinuum.store import persons as store
from kontinuum.store.resources import search as searching
from kontinuum.sweden.equivalents import written_forms
from kontinuum.sweden.identifiers import LocalReserveNumber, LocalScheme, schemes_of

_EVERYTHING = Fragment("true")


async def draw(context: Context) -> tuple[str, str] | Refusal:
    """The next number of the care provider's first series that gives any, passing over those in the record.

    The running number is committed before the Patient that it is for is written: a number that was drawn is
    never drawn again, also when nothing came of it. Numbers from before the series, or from elsewhere, are
    recognised in the index and passed over.
    """
    own = schemes_of(reserve_series_of(await context.settings()))
    scheme = next((each for each in own if each.digits), None)
    if scheme is None:
        none = phrase(
            "Your care provider gives out no reserve numbers: none of its series, which are decided among "
            "the settings of administration, has a form that ends in #."
        )
        return refuse(RefusalKind.CONFLICT, "not-supported", none)
    while True:
        number = scheme.numbered(await store.next_number(context.pool, scheme.system))
        if number is None:
            out = phrase("The series of %(name)s has no more numbers.", name=scheme.name)
            return refuse(RefusalKind.CONFLICT, "conflict", out)
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
