"""How an app proves who it is where tokens are given out: nothing, a secret, or a signed assertion.

RFC 6749 section 2.3 and RFC 7523;
https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html
"""

from __future__ import annotations

import base64
import binascii
import hmac
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_plus, urlsplit

import httpx
import msgspec
from joserfc import jws
from joserfc.errors import JoseError

from kontinuum.identity.oidc.network import SECONDS, exchange
from kontinuum.identity.oidc.outcome import Refused
from kontinuum.identity.oidc.tokens import LONGEST_TOKEN, Claims, UnknownKeyError, read_keys, verified
from kontinuum.identity.secret import hashed
from kontinuum.identity.smart.apps import App, Apps, Authentication
from kontinuum.identity.smart.grants import Wrong
from kontinuum.identity.steps import Steps
from kontinuum.kernel.clock import Clock

ALGORITHMS: Final = ("RS384", "ES384")
ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST: Final = 300
"""Seconds for which an assertion may be valid."""
SKEW: Final = 30
_KEYS_FOR: Final = 300.0
_KEYS_AT_LEAST: Final = 10.0


class Clients:
    """Recognises apps; remembers for some minutes the keys that it fetched."""

    def __init__(self, apps: Apps, steps: Steps, clock: Clock) -> None:
        self._apps = apps
        self._steps = steps
        self._clock = clock
        self._fetched: dict[str, tuple[float, list[Any]]] = {}

    async def recognise(
        self, form: Mapping[str, str], authorization: str | None, audience: str
    ) -> App | Wrong:
        """The app that sent a form, or why it is not believed; `audience` is the address it was sent to."""
        if "client_assertion" in form or "client_assertion_type" in form:
            return await self._by_assertion(form, audience)
        name, secret = form.get("client_id", ""), form.get("client_secret")
        if authorization is not None:
            basic = _basic(authorization)
            if basic is None:
                return _unknown(
                    "Authorization must be: Basic and the id and secret, form-encoded, in Base64."
                )
            name, secret = basic
        app = await self._apps.find(name)
        if app is None:
            return _unknown("There is no such app here, or it has ended.")
        match app.authentication:
            case Authentication.NONE:
                return app if secret is None else _unknown("A public app has no secret.")
            case Authentication.SECRET:
                agrees = hmac.compare_digest(hashed(secret or ""), app.secret or b"")
                return app if agrees else _unknown("The app's secret is missing or wrong.")
            case Authentication.KEY:
                return _unknown("This app proves itself by a signed assertion (private_key_jwt).")

    async def recognise_caller(self, authorization: str | None, audience: str) -> App | Wrong:
        """The app that calls a service by a JWT of its own (https://cds-hooks.hl7.org/2.0/#trusting-cds-clients).

        `iss` is the app's id; or `jku` is its registered address of keys, and `iss` of the same origin.
        """
        scheme, _, token = (authorization or "").strip().partition(" ")
        claimed = _unverified(token.strip()) if scheme.lower() == "bearer" else None
        if claimed is None:
            return _unknown(f"Authorization must be: Bearer and a JWT signed by {' or '.join(ALGORITHMS)}.")
        issuer, header = claimed
        app = await self._apps.find(issuer)
        if app is None and isinstance(header.get("jku"), str):
            app = await self._apps.with_keys_at(header["jku"])
            same = app is not None and _origin(issuer) == _origin(header["jku"])
            app = app if same else None
        if app is None or app.authentication is not Authentication.KEY:
            return _unknown("iss must be the id of an app that is registered with a key, or jku its keys.")
        believed = await self._verified(app, token.strip())
        if isinstance(believed, Wrong):
            return believed
        fault = self._fault_of_time(believed, audience)
        if fault is not None:
            return _unknown(fault)
        first = await self._steps.is_first(f"call {app.id} {believed['jti']}")
        return app if first else _unknown("The JWT was used before: sign a new one for each request.")

    async def _by_assertion(self, form: Mapping[str, str], audience: str) -> App | Wrong:
        token = form.get("client_assertion", "")
        if form.get("client_assertion_type") != ASSERTION:
            return _unknown(f"client_assertion_type must be {ASSERTION}.")
        claimed = _unverified(token)
        if claimed is None:
            return _unknown(f"The assertion must be a JWT signed by {' or '.join(ALGORITHMS)}, with a kid.")
        app = await self._apps.find(claimed[0])
        if app is None or app.authentication is not Authentication.KEY:
            return _unknown("iss must be the id of an app that is registered with a key.")
        if form.get("client_id", app.id) != app.id:
            return _unknown("client_id and the assertion name different apps.")
        believed = await self._verified(app, token)
        if isinstance(believed, Wrong):
            return believed
        fault = self._fault(app, believed, audience)
        if fault is not None:
            return _unknown(fault)
        if not await self._steps.is_first(f"assertion {app.id} {believed['jti']}"):
            return _unknown(
                "The assertion was used before: sign a new one, with a new jti, for each request."
            )
        return app

    async def _verified(self, app: App, token: str) -> Claims | Wrong:
        for fresh in (False, True):
            found = list(app.keys) if app.jwks_uri is None else await self._fetch(app.jwks_uri, fresh)
            if isinstance(found, Wrong):
                return found
            try:
                checked = verified(token, read_keys(found))
            except UnknownKeyError:
                continue
            return (
                _unknown("The assertion is not a signed JWT.") if isinstance(checked, Refused) else checked[1]
            )
        return _unknown("None of the app's registered keys has made the signature.")

    async def _fetch(self, uri: str, fresh: bool) -> list[Any] | Wrong:
        """The keys at an address; asked for again when they are old, or did not fit and may have changed."""
        known = self._fetched.get(uri)
        age = time.monotonic() - known[0] if known else _KEYS_FOR
        if known is not None and age < (_KEYS_AT_LEAST if fresh else _KEYS_FOR):
            return known[1]
        async with httpx.AsyncClient(timeout=SECONDS, follow_redirects=False) as client:
            answer = await exchange(client, "GET", uri)
        keys = None if isinstance(answer, Refused) or answer[0] != 200 else answer[1].get("keys")
        if not isinstance(keys, list):
            return _unknown("The app's keys cannot be fetched from its registered jwks_uri.")
        self._fetched[uri] = (time.monotonic(), keys)
        return keys

    def _fault(self, app: App, claims: Claims, audience: str) -> str | None:
        if claims.get("iss") != app.id or claims.get("sub") != app.id:
            return "iss and sub must both be the app's id."
        return self._fault_of_time(claims, audience)

    def _fault_of_time(self, claims: Claims, audience: str) -> str | None:
        now = self._clock.now().timestamp()
        expires, jti = claims.get("exp"), claims.get("jti")
        audiences = claims.get("aud")
        if audience not in (audiences if isinstance(audiences, list) else [audiences]):
            return f"aud must be {audience}."
        if isinstance(expires, bool) or not isinstance(expires, int | float):
            return "exp must be a number."
        if not now - SKEW < expires <= now + LONGEST + SKEW:
            return f"exp must lie ahead, and at most {LONGEST} seconds."
        if not isinstance(jti, str) or not 0 < len(jti) <= 255:
            return "jti must be a text that is new with each assertion."
        begins = claims.get("nbf", now)
        return None if isinstance(begins, int | float) and begins <= now + SKEW else "nbf lies ahead."


def _unverified(token: str) -> tuple[str, Mapping[str, Any]] | None:
    """Whose a token says it is, and its header, before they are believed; None when it cannot be one."""
    if not 0 < len(token) <= LONGEST_TOKEN or not token.isascii():
        return None
    try:
        content = jws.extract_compact(token.encode())
        header = content.headers()
        issuer = msgspec.json.decode(content.payload, type=dict[str, Any]).get("iss")
    except (JoseError, ValueError, KeyError, TypeError):
        return None
    fits = header.get("alg") in ALGORITHMS and isinstance(header.get("kid"), str)
    return (issuer, header) if fits and isinstance(issuer, str) else None


def _origin(address: str) -> tuple[str, str]:
    try:
        parts = urlsplit(address)
    except ValueError:
        return "", address
    return parts.scheme, parts.netloc


def _basic(header: str) -> tuple[str, str] | None:
    scheme, _, encoded = header.strip().partition(" ")
    try:
        name, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (unquote_plus(name), unquote_plus(secret)) if scheme.lower() == "basic" and colon else None


def _unknown(description: str) -> Wrong:
    return Wrong("invalid_client", description)
