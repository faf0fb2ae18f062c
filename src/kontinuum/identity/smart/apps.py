"""The register of apps. A care provider registers whom it trusts; nobody registers itself."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from kontinuum.identity.oidc.tokens import read_keys
from kontinuum.identity.secret import hashed, new_secret
from kontinuum.kernel.clock import Clock, to_micros
from kontinuum.kernel.principal import Actor, ActorKind, Assignment, Principal, Purpose
from kontinuum.store import apps as store
from kontinuum.store.apps import AppRow

LONGEST_NAME: Final = 100
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{1,62}")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*\.[a-z0-9+.-]+")
"""Of an app on a telephone: a reversed domain name, which no other app has (RFC 8252 7.1)."""


class Authentication(StrEnum):
    """How an app proves who it is: not at all (public), by a shared secret, or by a key of its own."""

    NONE = "none"
    SECRET = "secret"
    KEY = "key"


KINDS: Final = (*(each.value for each in Authentication), "service")
"""What an app is registered as: how it proves itself, or a backend service, which does so by a key."""


@dataclass(frozen=True, slots=True)
class App:
    """A registered app.

    `keys` are the JWKs with which it signs, unless they are fetched from `jwks_uri`. `service` is the
    assignment of a backend service, which acts for nobody but itself. `scopes` are the most it may ask for.
    """

    id: str
    name: str
    provider: str
    authentication: Authentication
    scopes: tuple[str, ...]
    redirect_uris: tuple[str, ...] = ()
    launch_url: str | None = None
    keys: tuple[dict[str, Any], ...] = ()
    jwks_uri: str | None = None
    service: Principal | None = None
    secret: bytes | None = None


class Apps:
    """Registers, finds and ends apps."""

    def __init__(self, pool: Any, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def add(self, app: App, registrar: str) -> tuple[str | None, list[str]]:
        """Register an app: its secret where it has one, shown once; or what is wrong with it."""
        wrong = faults(app)
        if wrong:
            return None, wrong
        secret = new_secret() if app.authentication is Authentication.SECRET else None
        row = AppRow(
            id=app.id,
            name=app.name,
            provider=app.provider,
            authentication=app.authentication.value,
            secret=None if secret is None else hashed(secret),
            jwks=msgspec.json.encode({"keys": app.keys}).decode() if app.keys else None,
            jwks_uri=app.jwks_uri,
            redirect_uris=list(app.redirect_uris),
            launch_url=app.launch_url,
            scopes=list(app.scopes),
            principal=None if app.service is None else msgspec.json.encode(app.service).decode(),
            registered=to_micros(self._clock.now()),
            registrar=registrar,
            ended=None,
        )
        if not await store.insert_app(self._pool, row):
            return None, [f"The id '{app.id}' is taken, perhaps by an app that has ended: choose another."]
        return secret, []

    async def find(self, identity: str) -> App | None:
        """The app with this id, None when there is none or it has ended."""
        row = await store.app(self._pool, identity) if "\0" not in identity else None
        return None if row is None or row.ended is not None else _app(row)

    async def with_keys_at(self, address: str) -> App | None:
        """The one app whose keys are registered to be at an address; None when there is none, or several."""
        found = [row for row in await store.apps(self._pool, None) if row.jwks_uri == address]
        return _app(found[0]) if len(found) == 1 else None

    async def all(self, provider: str | None = None) -> list[App]:
        """The apps of a care provider (None: of all), by name."""
        return [_app(row) for row in await store.apps(self._pool, provider)]

    async def end(self, identity: str, provider: str | None = None) -> bool:
        """End an app with all that was permitted to it; false when the care provider has no such app."""
        return await store.end_app(self._pool, identity, to_micros(self._clock.now()), provider)


def service_of(identity: str, name: str, place: Assignment) -> Principal:
    """A backend service with an assignment of its own, as a system at a unit."""
    assignment = Assignment(
        id=f"system:app:{identity}@{place.unit}",
        title=f"System, {place.unit_name}",
        unit=place.unit,
        unit_name=place.unit_name,
        provider=place.provider,
        provider_name=place.provider_name,
        purpose=Purpose.SYSTEM,
    )
    return Principal(Actor(ActorKind.SYSTEM, f"app:{identity}", name), assignment, f"app:{identity}")


def read_jwks(text: str) -> tuple[dict[str, Any], ...] | None:
    """The keys in a JWK set (RFC 7517 section 5), none of an empty text; None when it is not one."""
    if not text.strip():
        return ()
    try:
        found = msgspec.json.decode(text, type=dict[str, Any]).get("keys")
    except msgspec.DecodeError:
        return None
    fits = isinstance(found, list) and found and all(isinstance(each, dict) for each in found)
    return tuple(found) if fits and isinstance(found, list) else None


def _app(row: AppRow) -> App:
    return App(
        id=row.id,
        name=row.name,
        provider=row.provider,
        authentication=Authentication(row.authentication),
        scopes=tuple(row.scopes),
        redirect_uris=tuple(row.redirect_uris),
        launch_url=row.launch_url,
        keys=tuple(msgspec.json.decode(row.jwks)["keys"]) if row.jwks else (),
        jwks_uri=row.jwks_uri,
        service=None if row.principal is None else msgspec.json.decode(row.principal, type=Principal),
        secret=row.secret,
    )


def faults(app: App) -> list[str]:
    """What is wrong with a registration; nothing when it can be made. Scopes are checked by who asks."""
    wrong = []
    if _ID.fullmatch(app.id) is None:
        wrong.append("The id has 2 to 63 lower-case letters, digits, dots, hyphens and underscores.")
    if not 0 < len(app.name) <= LONGEST_NAME or not app.name.isprintable():
        wrong.append(f"The name has 1 to {LONGEST_NAME} printable characters.")
    if not app.scopes:
        wrong.append("Say which scopes the app may ask for.")
    if app.service is None and not app.redirect_uris:
        wrong.append("Give the addresses to which answers may be sent (redirect URIs).")
    if app.service is not None and app.authentication is not Authentication.KEY:
        wrong.append("A backend service proves itself by a key: give its JWKS or the address of it.")
    if app.service is not None and (app.redirect_uris or app.launch_url):
        wrong.append("A backend service is not launched: it has no addresses to send answers to.")
    level = "system/" if app.service is not None else ("patient/", "user/")
    for scope in app.scopes:
        if "/" in scope and not scope.startswith(level) and not scope.startswith("launch/"):
            wrong.append(f"{scope} is not for such an app: a backend service has system/ scopes alone.")
    wrong += [fault for uri in app.redirect_uris if (fault := _fault_of_redirect(uri))]
    if app.launch_url is not None and not _is_safe(app.launch_url):
        wrong.append(f"{app.launch_url}: must begin with https:// (or http:// on the machine itself).")
    return wrong + _fault_of_keys(app)


def _fault_of_keys(app: App) -> list[str]:
    has_keys = bool(app.keys) or app.jwks_uri is not None
    if has_keys is not (app.authentication is Authentication.KEY):
        return ["Keys belong to an app that proves itself by a key, and such an app needs them."]
    if app.jwks_uri is not None and not _is_safe(app.jwks_uri):
        return [f"{app.jwks_uri}: must begin with https:// (or http:// on the machine itself)."]
    if any("d" in each or each.get("kty") == "oct" for each in app.keys):
        return ["The JWKS holds a private key: register the public half, and make a new pair."]
    if app.keys and len(read_keys(app.keys)) < len(app.keys):
        return ["The JWKS holds a key that is neither RSA nor EC, or is broken."]
    return []


def _fault_of_redirect(uri: str) -> str | None:
    parts = urlsplit(uri)
    if "#" in uri or not uri.isascii() or not uri.isprintable() or " " in uri:
        return f"{uri}: an address for answers has no fragment, space or letter beyond ASCII."
    if _is_safe(uri) or (parts.scheme not in ("http", "https") and _SCHEME.fullmatch(parts.scheme)):
        return None
    return f"{uri}: must begin with https://, or http:// on the machine itself, or a reversed domain name."


def _is_safe(uri: str) -> bool:
    """Whether nobody on the way can read what is sent to an address."""
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.username is not None or not host:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def origins(uris: Sequence[str]) -> list[str]:
    """Where a form may lead, as sources of a Content-Security-Policy: origins, or schemes of apps."""
    found = []
    for uri in uris:
        parts = urlsplit(uri)
        web = parts.scheme in ("http", "https")
        found.append(f"{parts.scheme}://{parts.netloc}" if web else f"{parts.scheme}:")
    return list(dict.fromkeys(found))
