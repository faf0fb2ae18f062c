"""The relying party of one provider: asks who someone is, and checks the answer.

Authorization code flow with PKCE (RFC 7636), `state`, `nonce` and, where the provider sends it, `iss`
(RFC 9207). What the provider says of itself (Discovery 1.0) and its keys are fetched when first needed and
kept for an hour; keys also when a signature was made with one not seen before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from kontinuum.identity.oidc import tokens
from kontinuum.identity.oidc.asked import Asked
from kontinuum.identity.oidc.network import client_of, exchange
from kontinuum.identity.oidc.outcome import Authenticated, Fault, LoggedOut, Refused
from kontinuum.identity.oidc.tokens import Expected, Key, UnknownKeyError
from kontinuum.identity.secret import new_secret
from kontinuum.kernel.clock import Clock
from kontinuum.kernel.providers import OidcProvider, is_safe_url

_KEEP: Final = timedelta(hours=1)
_ASK_AGAIN: Final = timedelta(seconds=30)
_ASSERTION_SECONDS: Final = 60
_BY_KEY: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(slots=True)
class _Known:
    """What is known of the provider, and when it was fetched."""

    metadata: dict[str, Any]
    keys: list[Key]
    fetched: datetime


class RelyingParty:
    """One provider's client: what this installation is to it."""

    def __init__(self, provider: OidcProvider, clock: Clock, client: httpx.AsyncClient | None = None) -> None:
        if provider.private_key is not None:
            signing_key(provider.private_key)
        self.provider = provider
        self._clock = clock
        self._client = client
        self._known: _Known | None = None
        self._lock = asyncio.Lock()

    async def close(self) -> None:
        """Close connections."""
        if self._client is not None:
            await self._client.aclose()

    async def question(self, asked: Asked, state: str) -> str | Refused:
        """The address at the provider that a person is sent to."""
        known = await self._learn()
        if isinstance(known, Refused):
            return known
        parameters = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": asked.redirect_uri,
            "scope": " ".join(self.provider.scopes),
            "state": state,
            "nonce": asked.nonce,
            "code_challenge": asked.challenge,
            "code_challenge_method": "S256",
            "acr_values": " ".join(self.provider.acr),
        }
        if asked.fresh:
            parameters |= {"prompt": "login", "max_age": "0"}
        return _with_query(known.metadata["authorization_endpoint"], parameters)

    async def answer(self, asked: Asked, parameters: Mapping[str, str]) -> Authenticated | Refused:
        """Who the person is, from the parameters with which the provider sent it back."""
        known = await self._learn()
        if isinstance(known, Refused):
            return known
        issuer = parameters.get("iss")
        if issuer is None and known.metadata.get("authorization_response_iss_parameter_supported") is True:
            return Refused(Fault.ISSUER, "the answer does not say which provider it is from")
        if issuer is not None and issuer != self.provider.issuer:
            return Refused(Fault.ISSUER, "the answer is from another provider")
        if "error" in parameters:
            fault = Fault.CANCELLED if parameters["error"] == "access_denied" else Fault.PROVIDER_ERROR
            return Refused(fault, f"the provider says {parameters['error'][:60]!r}")
        if not parameters.get("code"):
            return Refused(Fault.CODE, "the answer holds no code")
        return await self._redeem(known, asked, parameters["code"])

    async def _redeem(self, known: _Known, asked: Asked, code: str) -> Authenticated | Refused:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": asked.redirect_uri,
            "code_verifier": asked.verifier,
        }
        client = self._http()
        endpoint = known.metadata["token_endpoint"]
        given = await exchange(client, "POST", endpoint, **self._as_client(known.metadata, form))
        if isinstance(given, Refused):
            return given
        status, content = given
        token, access_token = content.get("id_token"), content.get("access_token")
        if status != 200 or not isinstance(token, str):
            return Refused(Fault.CODE, f"status {status}, {str(content.get('error'))[:60]!r}")
        expected = Expected(
            issuer=self.provider.issuer,
            client_id=self.provider.client_id,
            skew=timedelta(seconds=self.provider.clock_skew),
            nonce=asked.nonce,
            acr=self.provider.acr,
            access_token=access_token if isinstance(access_token, str) else "",
            authenticated_after=asked.asked if asked.fresh else None,
        )
        checked = await self._verify(token)
        if isinstance(checked, Refused):
            return checked
        fault = tokens.id_token_fault(*checked, expected, self._clock.now())
        return fault or await self._person(known, token, checked[1], expected.access_token)

    async def _person(
        self, known: _Known, token: str, claims: tokens.Claims, access_token: str
    ) -> Authenticated | Refused:
        """Who the claims say it is; what the ID token lacks is asked for at the UserInfo endpoint."""
        hsa_id, number = self._identity(claims)
        endpoint = known.metadata.get("userinfo_endpoint")
        if not (hsa_id or number) and endpoint and access_token:
            given = await exchange(self._http(), "GET", endpoint, auth=_Bearer(access_token))
            if isinstance(given, Refused):
                return given
            status, more = given
            if status != 200 or more.get("sub") != claims["sub"]:
                return Refused(Fault.IDENTITY, f"the UserInfo endpoint answered {status} or about another")
            hsa_id, number = self._identity(more)
        if not (hsa_id or number):
            return Refused(Fault.IDENTITY, "neither an HSA-id nor a personnummer among the claims")
        sid = claims.get("sid")
        return Authenticated(
            issuer=self.provider.issuer,
            subject=claims["sub"],
            acr=claims["acr"],
            sid=sid if isinstance(sid, str) else None,
            id_token=token,
            hsa_id=hsa_id,
            personnummer=number,
        )

    def _identity(self, claims: tokens.Claims) -> tuple[str | None, str | None]:
        def text(name: str | None) -> str | None:
            value = claims.get(name) if name else None
            return value if isinstance(value, str) and 0 < len(value) <= 64 else None

        return text(self.provider.hsa_id_claim), text(self.provider.personnummer_claim)

    async def leaving(self, id_token: str | None, back: str) -> str | None:
        """Where to send a person who signs out, so that the provider's session ends too.

        RP-Initiated Logout 1.0. None when the provider offers no such thing or cannot be reached.
        """
        known = await self._learn()
        if isinstance(known, Refused) or not known.metadata.get("end_session_endpoint"):
            return None
        parameters = {"client_id": self.provider.client_id, "post_logout_redirect_uri": back}
        if id_token:
            parameters["id_token_hint"] = id_token
        return _with_query(known.metadata["end_session_endpoint"], parameters)

    async def logged_out(self, token: str) -> LoggedOut | Refused:
        """What has ended, from a logout token that the provider sent behind the browser's back."""
        checked = await self._verify(token)
        if isinstance(checked, Refused):
            return checked
        expected = Expected(
            self.provider.issuer, self.provider.client_id, timedelta(seconds=self.provider.clock_skew)
        )
        return tokens.logout_of(*checked, expected, self._clock.now())

    async def _verify(self, token: str) -> tuple[tokens.Claims, tokens.Claims] | Refused:
        """A token's header and claims, by the keys at hand or else by the provider's newest."""
        for newest in (False, True):
            known = await self._learn(newest=newest)
            if isinstance(known, Refused):
                return known
            try:
                return tokens.verified(token, known.keys)
            except UnknownKeyError:
                continue
        return Refused(Fault.SIGNATURE, "no key of the provider made this signature")

    async def _learn(self, *, newest: bool = False) -> _Known | Refused:
        """What the provider says of itself, fetched again after an hour; `newest` at most twice a minute."""
        async with self._lock:
            age = self._clock.now() - self._known.fetched if self._known else None
            if self._known and age is not None and age < (_ASK_AGAIN if newest else _KEEP):
                return self._known
            fetched = await self._fetch()
            if isinstance(fetched, _Known):
                self._known = fetched
            elif self._known is not None and not newest:
                return self._known  # a provider that is away for a moment has not changed
            return fetched

    async def _fetch(self) -> _Known | Refused:
        place = self.provider.issuer.removesuffix("/") + "/.well-known/openid-configuration"
        given = await exchange(self._http(), "GET", place)
        if isinstance(given, Refused):
            return given
        status, metadata = given
        if status != 200:
            return Refused(Fault.UNREACHABLE, f"{place}: status {status}")
        if metadata.get("issuer") != self.provider.issuer:
            return Refused(Fault.ISSUER, f"{place} is about another issuer")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not _is_endpoint(metadata.get(name)):
                return Refused(Fault.UNREACHABLE, f"{place}: {name} is missing or not https")
        for name in ("userinfo_endpoint", "end_session_endpoint"):
            if name in metadata and not _is_endpoint(metadata[name]):
                return Refused(Fault.UNREACHABLE, f"{place}: {name} is not https")
        answered = await exchange(self._http(), "GET", metadata["jwks_uri"])
        if isinstance(answered, Refused):
            return answered
        status, found = answered
        if status != 200 or not isinstance(found.get("keys"), list):
            return Refused(Fault.UNREACHABLE, f"{metadata['jwks_uri']}: status {status}, no keys")
        return _Known(metadata, tokens.read_keys(found["keys"]), self._clock.now())

    def _as_client(self, metadata: Mapping[str, Any], form: dict[str, str]) -> dict[str, Any]:
        """The form with proof of who we are: by key, by secret, or by PKCE alone."""
        identity = self.provider.client_id
        if self.provider.private_key is not None:
            assertion = self._assertion(metadata)
            form |= {"client_id": identity, "client_assertion_type": _BY_KEY, "client_assertion": assertion}
            return {"data": form}
        secret = self.provider.client_secret
        if secret is None:
            return {"data": {**form, "client_id": identity}}
        methods = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if "client_secret_basic" not in methods and "client_secret_post" in methods:
            return {"data": {**form, "client_id": identity, "client_secret": secret}}
        encoded = (urlencode({"": each})[1:] for each in (identity, secret))  # RFC 6749 section 2.3.1
        return {"data": form, "auth": httpx.BasicAuth(*encoded)}

    def _assertion(self, metadata: Mapping[str, Any]) -> str:
        """A statement signed by our key (RFC 7523; `private_key_jwt` of OpenID Connect Core section 9)."""
        key = signing_key(self.provider.private_key or "")
        understood = metadata.get("token_endpoint_auth_signing_alg_values_supported", ())
        algorithm = "ES256" if isinstance(key, ECKey) else "PS256" if "PS256" in understood else "RS256"
        now = int(self._clock.now().timestamp())
        header = {"alg": algorithm, "typ": "JWT"}
        if self.provider.private_key_id:
            header["kid"] = self.provider.private_key_id
        identity = self.provider.client_id
        claims = {
            "iss": identity,
            "sub": identity,
            "aud": metadata["token_endpoint"],
            "jti": new_secret(),
            "iat": now,
            "exp": now + _ASSERTION_SECONDS,
        }
        return jwt.encode(header, claims, key, algorithms=[algorithm])

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = client_of(self.provider)
        return self._client


class _Bearer(httpx.Auth):
    """RFC 6750."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Any:
        """Put the token into the request."""
        request.headers["authorization"] = f"Bearer {self._token}"
        yield request


def relying_parties(providers: Iterable[OidcProvider], clock: Clock) -> dict[str, RelyingParty]:
    """The relying party of each provider, by its key."""
    return {provider.key: RelyingParty(provider, clock) for provider in providers}


def signing_key(pem: str) -> Key:
    """The private key of a PEM text, RSA or EC. ValueError for any other text."""
    kinds: tuple[type[RSAKey] | type[ECKey], ...] = (RSAKey, ECKey)
    for kind in kinds:
        try:
            key = kind.import_key(pem)
        except (JoseError, ValueError, TypeError):
            continue
        if key.is_private:
            return key
    raise ValueError("not a private RSA or EC key in PEM form")


def _is_endpoint(value: Any) -> bool:
    return isinstance(value, str) and is_safe_url(value.partition("?")[0])


def _with_query(endpoint: str, parameters: Mapping[str, str]) -> str:
    return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(parameters)}"
