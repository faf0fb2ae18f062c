"""Discovery, tokens, revocation, introspection and keys, for programs.

https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html, RFC 6749, RFC 7009, RFC 7662, OpenID Connect
Discovery 1.0. Where a person is asked, see `kontinuum.web.workspace.apps`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from kontinuum.access.scopes import LAUNCH, UnknownScopeError, covers, parse_scopes
from kontinuum.audit import AuditLog, entry
from kontinuum.identity.smart import App, Issued, Smart, Wrong
from kontinuum.identity.smart.clients import ALGORITHMS
from kontinuum.identity.smart.keys import ALGORITHM
from kontinuum.kernel.clock import Clock, to_micros
from kontinuum.kernel.principal import ActorKind, Principal
from kontinuum.web.smart import addresses

_log = structlog.get_logger(__name__)
_LARGEST: Final = 65_536
_NO_STORE: Final = {"cache-control": "no-store", "pragma": "no-cache"}

CAPABILITIES: Final = (
    "launch-ehr",
    "launch-standalone",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-ehr-patient",
    "context-ehr-encounter",
    "context-standalone-patient",
    "context-standalone-encounter",
    "permission-offline",
    "permission-online",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
)


class _Settings(Protocol):
    @property
    def public_url(self) -> str | None:
        """The address under which the installation is reached."""
        ...


class Services(Protocol):
    """What these addresses need of the application."""

    @property
    def settings(self) -> _Settings:
        """The settings in force."""
        ...

    @property
    def clock(self) -> Clock:
        """The clock."""
        ...

    @property
    def audit(self) -> AuditLog:
        """The log."""
        ...

    @property
    def smart(self) -> Smart:
        """Apps, their permissions and keys."""
        ...


def routes(services: Services) -> list[BaseRoute]:
    """The routes, which stand before those of the FHIR API."""
    programs = Endpoints(services)
    return [
        Route("/fhir/.well-known/smart-configuration", programs.smart_configuration, methods=["GET"]),
        Route("/.well-known/openid-configuration", programs.openid_configuration, methods=["GET"]),
        Route(addresses.KEYS, programs.keys, methods=["GET"]),
        Route(addresses.TOKEN, programs.posted(programs.token), methods=["POST"]),
        Route(addresses.REVOKE, programs.posted(programs.revoke), methods=["POST"]),
        Route(addresses.INTROSPECT, programs.posted(programs.introspect), methods=["POST"]),
    ]


Form = dict[str, str]
_Answer = Callable[[str, App, Form], Awaitable["dict[str, Any] | Wrong | None"]]


class Endpoints:
    """The addresses over one application's services."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._smart = services.smart

    async def smart_configuration(self, request: Request) -> Response:
        """Answer `GET /fhir/.well-known/smart-configuration`."""
        origin = self._origin(request)
        return _json(
            {
                **_described(origin),
                "management_endpoint": origin + addresses.APPS,
                "capabilities": CAPABILITIES,
            }
        )

    async def openid_configuration(self, request: Request) -> Response:
        """Answer `GET /.well-known/openid-configuration`."""
        return _json(
            {
                **_described(self._origin(request)),
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
                "claims_supported": ["iss", "sub", "aud", "exp", "iat", "nonce", "name", "fhirUser"],
            }
        )

    async def keys(self, _request: Request) -> Response:
        """Answer `GET /oauth/keys`: the JWK set."""
        return _json({"keys": await self._smart.keys.published()})

    def posted(self, answer: _Answer) -> Callable[[Request], Awaitable[Response]]:
        """An address that takes a form of an app which proves who it is."""

        async def endpoint(request: Request) -> Response:
            authorization = request.headers.get("authorization")
            try:
                form = await _form(request)
                if isinstance(form, Wrong):
                    return _wrong(form)
                origin = self._origin(request)
                app = await self._smart.clients.recognise(form, authorization, origin + addresses.TOKEN)
                if isinstance(app, Wrong):
                    _log.warning("app_not_recognised", reason=app.description)
                    return _wrong(app, by_header=authorization is not None)
                done = await answer(origin, app, form)
            except Exception:
                _log.exception("oauth_failed", path=request.url.path)
                return JSONResponse({"error": "server_error"}, 500, _NO_STORE)
            return _wrong(done) if isinstance(done, Wrong) else _json({} if done is None else done)

        return endpoint

    async def token(self, origin: str, app: App, form: Form) -> dict[str, Any] | Wrong:
        """Answer `POST /oauth/token`."""
        match form.get("grant_type"):
            case "authorization_code":
                issued = await self._by_code(app, form)
            case "refresh_token":
                issued = await self._by_refresh(app, form)
            case "client_credentials":
                issued = await self._as_service(app, form)
            case _:
                kinds = "authorization_code, refresh_token or client_credentials"
                return Wrong("unsupported_grant_type", f"grant_type is {kinds}.")
        return issued if isinstance(issued, Wrong) else await self._answer(origin, app, issued)

    async def revoke(self, _origin: str, app: App, form: Form) -> Wrong | None:
        """Answer `POST /oauth/revoke` (RFC 7009): of what is not the app's nothing is told."""
        if not form.get("token"):
            return Wrong("invalid_request", "Give the token that is to end.")
        await self._smart.grants.revoke(app, form["token"])
        return None

    async def introspect(self, origin: str, app: App, form: Form) -> dict[str, Any] | Wrong:
        """Answer `POST /oauth/introspect` (RFC 7662): an app learns of its own tokens only."""
        if not form.get("token"):
            return Wrong("invalid_request", "Give the token that is asked about.")
        found = await self._smart.grants.known(app, form["token"])
        if found is None:
            return {"active": False}
        told = {
            "active": True,
            "client_id": app.id,
            "scope": " ".join(found.scopes),
            "iss": origin,
            "sub": subject_of(found.principal),
            "iat": int(found.created.timestamp()),
            "exp": int(found.expires.timestamp()),
            "patient": found.patient,
            "encounter": found.encounter,
            "fhirUser": fhir_user(origin, found.principal) if "fhirUser" in found.scopes else None,
        }
        return {name: value for name, value in told.items() if value is not None}

    async def _by_code(self, app: App, form: Form) -> Issued | Wrong:
        wanted = [form.get(name) for name in ("code", "redirect_uri", "code_verifier")]
        if not all(wanted):
            return Wrong("invalid_request", "Give code, redirect_uri and code_verifier.")
        code, redirect_uri, verifier = map(str, wanted)
        return await self._smart.grants.exchange(app, code, redirect_uri, verifier)

    async def _by_refresh(self, app: App, form: Form) -> Issued | Wrong:
        if not form.get("refresh_token"):
            return Wrong("invalid_request", "Give refresh_token.")
        scopes = _scopes(form["scope"]) if form.get("scope") else None
        if isinstance(scopes, Wrong):
            return scopes
        return await self._smart.grants.refresh(app, form["refresh_token"], scopes)

    async def _as_service(self, app: App, form: Form) -> Issued | Wrong:
        if app.service is None:
            return Wrong("unauthorized_client", "This app acts for people: let it be launched.")
        scopes = _scopes(form.get("scope", ""))
        if isinstance(scopes, Wrong):
            return scopes
        beyond = unpermitted(app, scopes)
        if beyond or not scopes:
            held = " ".join(app.scopes)
            return Wrong(
                "invalid_scope", f"Ask for some of: {held}. Not permitted: {' '.join(beyond) or '-'}"
            )
        issued = await self._smart.grants.serve(app, app.service, scopes)
        # What the token is used for is logged as it happens; this tells that it was given out.
        now = to_micros(self._services.clock.now())
        note = f"app {app.id}: {' '.join(scopes)}"
        await self._services.audit.durable(
            entry(app.service, now, "mint-token", "permitted", "private-key-jwt", note=note)
        )
        return issued

    async def _answer(self, origin: str, app: App, issued: Issued) -> dict[str, Any]:
        permission = issued.permission
        answer: dict[str, Any] = {
            "access_token": issued.access,
            "token_type": "Bearer",
            "expires_in": round(issued.lifetime.total_seconds()),
            "scope": " ".join(permission.scopes),
        }
        if issued.refresh is not None:
            answer["refresh_token"] = issued.refresh
        if permission.patient is not None:
            answer |= {"patient": permission.patient, "need_patient_banner": True}
        if permission.encounter is not None:
            answer["encounter"] = permission.encounter
        if "openid" in permission.scopes:
            answer["id_token"] = await self._id_token(origin, app, issued)
        return answer

    async def _id_token(self, origin: str, app: App, issued: Issued) -> str:
        """OpenID Connect Core 1.0 section 2, with SMART's `fhirUser`."""
        permission, now = issued.permission, int(self._services.clock.now().timestamp())
        claims: dict[str, Any] = {
            "iss": origin,
            "sub": subject_of(permission.principal),
            "aud": app.id,
            "iat": now,
            "exp": now + int(issued.lifetime.total_seconds()),
            "auth_time": int(permission.created.timestamp()),
        }
        if permission.nonce is not None:
            claims["nonce"] = permission.nonce
        if "fhirUser" in permission.scopes:
            claims |= {
                "fhirUser": fhir_user(origin, permission.principal),
                "name": permission.principal.actor.name,
            }
        return await self._smart.keys.sign(claims)

    def _origin(self, request: Request) -> str:
        public = self._services.settings.public_url
        return addresses.origin_of(public, request.url.scheme, request.url.netloc)


def unpermitted(app: App, scopes: tuple[str, ...]) -> list[str]:
    """The scopes that an app asks for beyond those that it was registered with."""
    return [each for each in scopes if not any(covers(held, each) for held in app.scopes)]


def subject_of(principal: Principal) -> str:
    """The name of a person for apps, the same for all of them."""
    return f"{principal.actor.kind.value}:{principal.actor.id}"


def fhir_user(origin: str, principal: Principal) -> str:
    """The address of the resource that is the person."""
    actor = principal.actor
    kind = "Patient" if actor.kind is ActorKind.PATIENT else "Practitioner"
    return f"{origin}{addresses.FHIR}/{actor.reference or f'{kind}/{actor.id}'}"


def _described(origin: str) -> dict[str, Any]:
    return {
        "issuer": origin,
        "jwks_uri": origin + addresses.KEYS,
        "authorization_endpoint": origin + addresses.AUTHORIZE,
        "token_endpoint": origin + addresses.TOKEN,
        "revocation_endpoint": origin + addresses.REVOKE,
        "introspection_endpoint": origin + addresses.INTROSPECT,
        "token_endpoint_auth_methods_supported": [
            "none",
            "client_secret_basic",
            "client_secret_post",
            "private_key_jwt",
        ],
        "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": [
            *sorted(LAUNCH),
            *(
                f"{level}/*.{letters}"
                for level in ("patient", "user", "system")
                for letters in ("rs", "cruds")
            ),
        ],
    }


async def _form(request: Request) -> Form | Wrong:
    """The fields of a form, each given once."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return Wrong("invalid_request", "Send a form: application/x-www-form-urlencoded.")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST:
            return Wrong("invalid_request", f"The form is longer than {_LARGEST} bytes.")
    return read_form(body)


def read_form(body: bytes) -> Form | Wrong:
    """The fields of an encoded form; a field that is given twice is refused (RFC 6749 section 3.2)."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=50)
    except (UnicodeDecodeError, ValueError):
        return Wrong("invalid_request", "The form is not percent-encoded UTF-8 with at most 50 fields.")
    fields = dict(pairs)
    if len(fields) != len(pairs) or any("\0" in text for pair in pairs for text in pair):
        return Wrong("invalid_request", "Give each field once, and no character U+0000.")
    return fields


def _scopes(text: str) -> tuple[str, ...] | Wrong:
    try:
        return parse_scopes(text)
    except UnknownScopeError as unknown:
        return Wrong("invalid_scope", f"{unknown}.")


def _json(content: dict[str, Any]) -> Response:
    return JSONResponse(content, headers=_NO_STORE)


def _wrong(wrong: Wrong, *, by_header: bool = False) -> Response:
    """OAuth's error (RFC 6749 section 5.2)."""
    denied = wrong.error == "invalid_client"
    headers = {**_NO_STORE, "www-authenticate": 'Basic realm="Kontinuum"'} if by_header else dict(_NO_STORE)
    content = {"error": wrong.error, "error_description": wrong.description}
    return JSONResponse(content, 401 if denied else 400, headers)
