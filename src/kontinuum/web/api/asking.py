"""What a bundle asks that is more than one resource or a search of one type: it is answered as by itself.

http://hl7.org/fhir/R4/http.html#transaction: an entry may be a version, a history, a search of a compartment
or of several types, and an operation by GET. Each goes the way of a request of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Raw

from kontinuum.web.api import across, handlers, past
from kontinuum.web.api.answer import Answer, Problem, Response, finish, problem
from kontinuum.web.api.bundles import Entry, EntryResponse
from kontinuum.web.api.call import Call
from kontinuum.web.api.interactions import (
    CompartmentSearch,
    History,
    Interaction,
    Invocation,
    SystemSearch,
    VersionRead,
)
from kontinuum.web.api.negotiation import FHIR_JSON
from kontinuum.web.api.operation_table import invoke_operation
from kontinuum.web.api.request import parse_parameters

MOST_SHOWN: Final = 64 * 1024 * 1024
"""How many bytes such answers of one bundle may come to."""

_ANSWERED: Final[Mapping[type, Callable[[Call, Any], Awaitable[Answer]]]] = {
    VersionRead: handlers.read_version,
    History: past.history,
    SystemSearch: across.search_system,
    CompartmentSearch: across.search_compartment,
    Invocation: invoke_operation,
}
_CARRIED_OUT_LATER: Final = ("export", "import")


def is_asked(method: str, wanted: Interaction) -> bool:
    """Whether an entry of a bundle asks something that is answered here."""
    if method != "GET" or type(wanted) not in _ANSWERED or getattr(wanted, "form", False):
        return False
    return not (isinstance(wanted, Invocation) and wanted.name in _CARRIED_OUT_LATER)


@dataclass(slots=True)
class Asking:
    """The questions of one bundle; their answers are held until the last, so they have a limit together."""

    call: Call
    shown: int = 0

    async def answer(self, wanted: Interaction, path: str, url: str) -> Entry:
        """The entry that answers one question."""
        response = finish(await self._answer(wanted, path, url))
        body = response.body or b""
        if self.shown + len(body) > MOST_SHOWN:
            message = (
                f"With this answer the bundle would show more than {MOST_SHOWN // 1_048_576} MiB: ask for it "
                "in another bundle, or for smaller pages (_count)."
            )
            response = finish(problem(413, "too-costly", message))
            body = response.body or b""
        self.shown += len(body)
        return _entry(response, body)

    async def _answer(self, wanted: Interaction, path: str, url: str) -> Answer:
        parameters = parse_parameters(urlsplit(url).query.encode(), self.call.limits)
        if isinstance(parameters, Problem):
            return parameters
        request = replace(
            self.call.request,
            method="GET",
            path=f"/{path}",
            parameters=parameters,
            # Those of the bundle concern none of its entries; what stands in an entry is a resource.
            headers={b"accept": FHIR_JSON.encode()},
            pretty=False,
        )
        return await _ANSWERED[type(wanted)](replace(self.call, request=request), wanted)


def _entry(response: Response, body: bytes) -> Entry:
    told = EntryResponse(f"{response.status} {HTTPStatus(response.status).phrase}")
    if "etag" in response.headers:
        told.etag = response.headers["etag"]
    if response.status >= 400:
        told.outcome = Raw(body)
        return Entry(response=told)
    return Entry(resource=Raw(body), response=told) if body else Entry(response=told)
