"""Our own decision support services, called by registered systems of others.

https://cds-hooks.hl7.org/2.0/. What comes along in `prefetch` is the caller's; what lacks is read at
`fhirServer` with the caller's token. When that is this server, the gate is asked as whom the token is for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from kontinuum.audit import entry
from kontinuum.care.support import SERVICES, Service, about_another, given_of
from kontinuum.fhir import json
from kontinuum.fhir.hooks import Call, fill, read_call, written
from kontinuum.identity import Identity
from kontinuum.identity.smart import App, Wrong
from kontinuum.identity.smart.apps import service_of
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.i18n import negotiate
from kontinuum.kernel.principal import Assignment, Purpose
from kontinuum.record import Gate
from kontinuum.web.hooks.feedback import read_feedback
from kontinuum.web.hooks.reading import from_elsewhere, from_record
from kontinuum.web.languages import load_translators
from kontinuum.web.smart import addresses
from kontinuum.web.smart import endpoints as smart

PATH: Final = "/cds-services"
_LARGEST: Final = 5_000_000
_NO_STORE: Final = {"cache-control": "no-store"}
_log = structlog.get_logger(__name__)


class Services(smart.Services, Protocol):
    """What these addresses need of the application, beside what sign-in of apps needs."""

    @property
    def gate(self) -> Gate:
        """The way to patient data."""
        ...

    @property
    def identity(self) -> Identity:
        """Tokens."""
        ...


def routes(services: Services) -> list[BaseRoute]:
    """The routes of our services."""
    published = Published(services)
    return [
        Route(PATH, published.discovery, methods=["GET"]),
        Route(f"{PATH}/{{service}}", published.call, methods=["POST"]),
        Route(f"{PATH}/{{service}}/feedback", published.feedback, methods=["POST"]),
    ]


class Published:
    """The addresses over one application's services."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def discovery(self, _request: Request) -> Response:
        """Answer `GET /cds-services`."""
        return JSONResponse({"services": [service.described() for service in SERVICES]})

    async def call(self, request: Request) -> Response:
        """Answer `POST /cds-services/{service}`: cards, of which one says what was not checked."""
        service, app = await self._caller(request)
        if service is None or isinstance(app, Response):
            return app if isinstance(app, Response) else _problem(404, "There is no such service.")
        body = await _body(request)
        question = body if isinstance(body, Response) else read_call(body, service.hook)
        if isinstance(question, Response):
            return question
        if isinstance(question, str):
            return _problem(400, question)
        foreign = about_another(given_of(question.prefetch), question.patient)
        if foreign is not None:
            return _problem(400, f"prefetch.{foreign} is about another patient than context.patientId.")
        found = await self._gather(request, service, app, question)
        if isinstance(found, str):
            return _problem(412, found)
        given = given_of(found)
        if service.needs.isdisjoint(given.resources):
            lacking = ", ".join(sorted(service.needs))
            return _problem(412, f"Nothing that is needed came along, and nothing could be read: {lacking}.")
        await self._tell(app, "answer-call", service, question.instance)
        translator = load_translators()[negotiate(request.headers.get("accept-language", ""))]
        return JSONResponse(written(service.advise(given, question, translator)), headers=_NO_STORE)

    async def feedback(self, request: Request) -> Response:
        """Answer `POST /cds-services/{service}/feedback`: what became of cards stands in the log."""
        service, app = await self._caller(request)
        if service is None or isinstance(app, Response):
            return app if isinstance(app, Response) else _problem(404, "There is no such service.")
        body = await _body(request)
        told = body if isinstance(body, Response) else read_feedback(body)
        if isinstance(told, Response):
            return told
        if isinstance(told, str):
            return _problem(400, told)
        await self._tell(app, "feedback", service, *told)
        return JSONResponse({}, headers=_NO_STORE)

    async def _caller(self, request: Request) -> tuple[Service | None, App | Response]:
        origin = self._origin(request)
        authorization = request.headers.get("authorization")
        recognised = await self._services.smart.clients.recognise_caller(
            authorization, origin + request.url.path
        )
        if isinstance(recognised, Wrong):
            _log.warning("app_not_recognised", reason=recognised.description)
            return None, _problem(401, recognised.description, {"www-authenticate": "Bearer"})
        wanted = request.path_params["service"]
        return next((one for one in SERVICES if one.id == wanted), None), recognised

    async def _gather(self, request: Request, service: Service, app: App, call: Call) -> dict[str, Any] | str:
        """What came along, and what of the rest can be read; or why it cannot be asked for."""
        came = ((name, call.prefetch.get(name)) for name in service.prefetch)
        found = {name: value for name, value in came if value is not None}
        lacking = {name: template for name, template in service.prefetch.items() if name not in found}
        if not lacking or call.server is None:
            return found
        wanted = {
            name: query
            for name, template in lacking.items()
            if (query := fill(template, call.context, str(call.context["userId"]))) is not None
        }
        if call.server == self._origin(request) + addresses.FHIR:
            principal = await self._services.identity.principal_of_token(call.token or "")
            if principal is None:
                return "The token in fhirAuthorization is not valid here."
            read = await from_record(self._services.gate.record(principal), call.patient, wanted)
            return read if isinstance(read, str) else found | read
        if not _belongs(call.server, app):
            return f"{call.server} is not an address of {app.id}: send what is needed in prefetch."
        return found | await from_elsewhere(call.server, call.token, wanted)

    async def _tell(self, app: App, action: str, service: Service, *what: str) -> None:
        """Log a call. The patient is the caller's: what is read here stands in the gate's own entries."""
        nowhere = Assignment("", "", "", "", app.provider, "", Purpose.SYSTEM)
        principal = app.service or service_of(app.id, app.name, nowhere)
        now, about = to_micros(self._services.clock.now()), (f"service/{service.id}", *what)
        made = entry(principal, now, action, "permitted", "private-key-jwt", what=about)
        await self._services.audit.durable(made)

    def _origin(self, request: Request) -> str:
        public = self._services.settings.public_url
        return addresses.origin_of(public, request.url.scheme, request.url.netloc)


def _belongs(server: str, app: App) -> bool:
    """Whether an address has the origin of one that is registered for an app: no other is ever asked."""
    known = filter(None, (app.jwks_uri, app.launch_url, *app.redirect_uris))
    try:
        wanted = urlsplit(server)
    except ValueError:
        return False
    origins = {(parts.scheme, parts.netloc) for parts in map(urlsplit, known)}
    return wanted.scheme in ("http", "https") and (wanted.scheme, wanted.netloc) in origins


async def _body(request: Request) -> Any:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        return _problem(415, "Send application/json.")
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > _LARGEST:
                return _problem(413, f"The body is longer than {_LARGEST} bytes.")
        return json.loads(body)
    except ClientDisconnect:
        return _problem(400, "The body did not arrive.")
    except ValueError as error:
        return _problem(400, f"The body is not JSON: {error}")


def _problem(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"message": message}, status, {**_NO_STORE, **(headers or {})})
