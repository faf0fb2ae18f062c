"""The meaning of a search in a record: which forms of numbers count here, and who is linked now."""

from __future__ import annotations

from typing import Any

from kontinuum.fhir.search.query import SearchQuery
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.i18n import local
from kontinuum.record.context import Context
from kontinuum.record.persons.meaning import in_every_form, of_whole_person, patients_named
from kontinuum.store import persons


def in_all_forms(context: Context, query: SearchQuery) -> SearchQuery:
    """A search in which each identifier stands in every form that counts in this record today."""
    return in_every_form(query, local(from_micros(context.now())).date(), context.services.schemes)


async def meant_by(context: Context, connection: Any, asked: SearchQuery) -> SearchQuery:
    """What a search means: every form of its identifiers, every Patient that is the person asked for."""
    query = in_all_forms(context, asked)
    named = patients_named([query])
    return of_whole_person(query, await persons.members(connection, named)) if named else query
