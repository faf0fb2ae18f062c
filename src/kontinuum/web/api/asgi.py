"""The REST API as one ASGI application: parse, authenticate, ask the gate, respond.

It parses its own paths and carries no middleware: these few steps stand on every request's way.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from time import perf_counter
from typing import Any, Protocol

import msgspec
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from kontinuum.bulk import Desk
from kontinuum.fhir.issues import Issue
from kontinuum.kernel.logging import describe_exception, get_logger
from kontinuum.kernel.principal import Principal
from kontinuum.record import Gate
from kontinuum.terminology import Terminology
from kontinuum.web.api import bulk, handlers
from kontinuum.web.api import interactions as fhir
from kontinuum.web.api.across import search_compartment, search_system
from kontinuum.web.api.answer import Answer, Problem, Response, Stream, finish, problem
from kontinuum.web.api.body import ClientGoneError
from kontinuum.web.api.call import Call
from kontinuum.web.api.capability import capabilities
from kontinuum.web.api.interactions import Capabilities, Description, parse_interaction
from kontinuum.web.api.limits import Limits
from kontinuum.web.api.negotiation import FHIR_JSON
from kontinuum.web.api.openapi import describe
from kontinuum.web.api.operation_table import invoke_operation
from kontinuum.web.api.past import history
from kontinuum.web.api.request import Request, open_request
from kontinuum.web.api.searching import search
from kontinuum.web.api.submission import submit

_log = get_logger(__name__)
_standard_log = logging.getLogger(__name__)

Handler = Callable[[Call, Any], Awaitable[Answer]]

HANDLERS: Mapping[type, Handler] = {
    fhir.Read: handlers.read,
    fhir.VersionRead: handlers.read_version,
    fhir.Create: handlers.create,
    fhir.Update: handlers.update,
    fhir.ConditionalUpdate: handlers.conditional_update,
    fhir.Patch: handlers.patch,
    fhir.ConditionalPatch: handlers.conditional_patch,
    fhir.Delete: handlers.delete,
    fhir.ConditionalDelete: handlers.conditional_delete,
    fhir.Search: search,
    fhir.SystemSearch: search_system,
    fhir.CompartmentSearch: search_compartment,
    fhir.History: history,
    fhir.BundleSubmission: submit,
    fhir.Invocation: invoke_operation,
    fhir.BulkStatus: bulk.status,
    fhir.BulkCancel: bulk.cancel,
    fhir.BulkFile: bulk.file,
}


class Tokens(Protocol):
    """What knows the bearer tokens."""

    async def principal_of_token(self, token: str) -> Principal | None:
        """Who a token speaks for; None when it is not valid."""
        ...


class Services(Protocol):
    """What the API needs of the application."""

    @property
    def gate(self) -> Gate:
        """The way to the record."""
        ...

    @property
    def identity(self) -> Tokens:
        """The bearer tokens."""
        ...

    @property
    def terminology(self) -> Terminology:
        """Code systems, value sets and concept maps."""
        ...

    @property
    def bulk(self) -> Desk:
        """Exports and imports in bulk."""
        ...


class Api:
    """The FHIR endpoint below `prefix`."""

    def __init__(self, services: Services, prefix: str = "/fhir", limits: Limits | None = None) -> None:
        self._gate = services.gate
        self._tokens = services.identity
        self._terminology = services.terminology
        self._bulk = services.bulk
        self._prefix = prefix
        self._limits = limits or Limits()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; whatever happens, the client gets a FHIR answer."""
        started = perf_counter()
        asked = "unparsed"
        request: Request | Problem | None = None
        try:
            request = open_request(scope, self._prefix, self._limits)
            if isinstance(request, Problem):
                answer: Answer = request
            else:
                wanted = parse_interaction(request.method, request.path)
                asked = type(wanted).__name__
                address = (scope.get("client") or ("",))[0]
                answer = await self._answer(request, wanted, receive, address)
            response = finish(answer)
        except ClientGoneError:
            return
        except Exception as error:
            response = _fault(asked, error)
        await _send(scope["method"], request if isinstance(request, Request) else None, response, send)
        if _standard_log.isEnabledFor(logging.DEBUG):
            # Neither address nor parameters: they name patients.
            millis = round((perf_counter() - started) * 1000, 2)
            _log.debug("fhir request", interaction=asked, status=response.status, millis=millis)

    async def _answer(
        self, request: Request, wanted: fhir.Interaction | Problem, receive: Receive, address: str
    ) -> Answer:
        if isinstance(wanted, Capabilities):
            return await capabilities(request, self._terminology, await self._gate.profiles())
        if isinstance(wanted, Description):
            return await describe(request)
        principal = await self._authenticate(request)
        if isinstance(principal, Problem):
            known = b"authorization" in request.headers
            await self._gate.turned_away(address, "invalid-token" if known else "no-token")
            return principal
        if isinstance(wanted, Problem):
            return wanted
        record = self._gate.record(principal, base=request.base)
        call = Call(request, record, self._limits, receive, self._terminology, self._bulk)
        return await HANDLERS[type(wanted)](call, wanted)

    async def _authenticate(self, request: Request) -> Principal | Problem:
        """Who calls, by bearer token (RFC 6750)."""
        header = request.header(b"authorization")
        if header is None:
            return _sign_in("Bearer", "Sign in: send the header Authorization: Bearer and a token.")
        scheme, _, token = header.strip().partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return _sign_in("Bearer", "Authorization must be: Bearer and a token.")
        principal = await self._tokens.principal_of_token(token.strip())
        if principal is None:
            return _sign_in(
                'Bearer error="invalid_token"', "The token is not valid here, or no longer; get a new one."
            )
        return principal


class ApiRoute(BaseRoute):
    """Hands everything at and below a prefix to the API.

    Starlette's `Mount` would redirect `POST /fhir`, where transactions are sent, to `/fhir/`.
    """

    def __init__(self, api: Api, prefix: str = "/fhir") -> None:
        self._api = api
        self._prefix = prefix
        self._below = prefix + "/"

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the request's path lies at or below the prefix."""
        if scope["type"] != "http":
            return Match.NONE, {}
        path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        found = path == self._prefix or path.startswith(self._below)
        return (Match.FULL if found else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the API."""
        await self._api(scope, receive, send)


def routes(services: Services, prefix: str = "/fhir") -> list[BaseRoute]:
    """The routes of the REST API, for the application to list."""
    return [ApiRoute(Api(services, prefix), prefix)]


def _sign_in(challenge: str, message: str) -> Problem:
    return problem(401, "login", message, headers={"www-authenticate": challenge})


def _fault(asked: str, error: Exception) -> Response:
    """The answer to a fault of ours: its number stands in the log, and no patient data in either."""
    number = secrets.token_hex(6)
    # The type and the places, never the message, however this process has arranged its log.
    described = describe_exception(None, "error", {"exc_info": error})
    _log.error("fhir request failed", fault=number, interaction=asked, cause=described["exception"])
    message = f"The server failed; nothing is known to have been done. Please report fault {number}."
    return finish(Problem(500, (Issue("fatal", "exception", message),)))


async def _send(method: str, request: Request | None, response: Response, send: Send) -> None:
    body = response.body
    headers = [(name.encode(), value.encode("latin-1")) for name, value in response.headers.items()]
    # Patient data is kept by no cache on the way (RFC 9111 section 5.2.2.5).
    headers += [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
    if request is not None and request.prefer.applied is not None:
        headers.append((b"preference-applied", request.prefer.applied.encode()))
    if body is not None:
        if "content-type" not in response.headers:
            content_type = request.content_type if request is not None else f"{FHIR_JSON}; charset=utf-8"
            headers.append((b"content-type", content_type.encode()))
        if request is not None and request.pretty and not response.as_it_is:
            body = msgspec.json.format(body, indent=2)
    if response.stream is not None:
        await _send_stream(method, response.status, headers, response.stream, send)
        return
    if response.status not in (204, 304):
        headers.append((b"content-length", b"%d" % len(body or b"")))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": body if body and method != "HEAD" else b""})


async def _send_stream(
    method: str,
    status: int,
    headers: list[tuple[bytes, bytes]],
    stream: Stream,
    send: Send,
) -> None:
    async with aclosing(stream) as pieces:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if method != "HEAD":
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
