"""A strict OpenID Connect provider in the test's own process, that can be told to misbehave.

It checks what a provider must check of a client: redirect URI, PKCE, that a code is used once. What it says
in its tokens can be changed claim by claim, and so can the key and the algorithm of the signature.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from kontinuum.identity.oidc.party import RelyingParty
from kontinuum.kernel.clock import Clock
from kontinuum.kernel.providers import OidcProvider

ISSUER = "https://idp.test"
CLIENT = "kontinuum"
LOA3 = "http://id.sambi.se/loa/loa3"
LOA2 = "http://id.sambi.se/loa/loa2"
HSA_CLAIM = "employeeHsaId"
NUMBER_CLAIM = "personalIdentityNumber"
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"

SITHS = OidcProvider(
    key="siths",
    title="SITHS eID",
    issuer=ISSUER,
    client_id=CLIENT,
    client_secret="hemligt",
    acr=(LOA3, "http://id.sambi.se/loa/loa4"),
    hsa_id_claim=HSA_CLAIM,
    personnummer_claim=NUMBER_CLAIM,
)


def key(kid: str) -> RSAKey:
    """A new key of a provider."""
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})


FIRST_KEY = key("first")


@dataclass
class StrictProvider:
    """A provider; the fields after `clock` are how it misbehaves."""

    clock: Clock
    issuer: str = ISSUER
    signing: RSAKey | ECKey = field(default_factory=lambda: FIRST_KEY)
    published: list[Any] = field(default_factory=lambda: [FIRST_KEY])
    algorithm: str = "RS256"
    secret: bytes = b""
    change: Callable[[dict[str, Any]], None] = lambda _claims: None
    metadata: dict[str, Any] = field(default_factory=dict)
    unsaid: tuple[str, ...] = ()
    userinfo: dict[str, Any] | None = None
    away: bool = False
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    people: dict[str, dict[str, Any]] = field(default_factory=dict)

    def party(self, provider: OidcProvider = SITHS) -> RelyingParty:
        """The relying party that speaks with this provider and no other."""
        client = httpx.AsyncClient(transport=httpx.MockTransport(self.answer))
        return RelyingParty(provider, self.clock, client)

    def authenticate(self, address: str, subject: str, **changes: str) -> dict[str, str]:
        """What the provider sends a person back with who was sent to `address` and proved to be `subject`."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert address.startswith(f"{self.issuer}/authorize?")
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = {**asked, "subject": subject}
        return {"code": code, "state": asked["state"], **changes}

    def answer(self, request: httpx.Request) -> httpx.Response:
        """One request of a relying party."""
        self.asked.append(f"{request.method} {request.url.path}")
        if self.away:
            raise httpx.ConnectError("nobody there", request=request)
        match request.url.path:
            case "/.well-known/openid-configuration":
                return httpx.Response(200, json=self._about())
            case "/jwks":
                public = [each.as_dict(private=False) for each in self.published]
                return httpx.Response(200, json={"keys": public})
            case "/token":
                return self._token(request)
            case "/userinfo" if self.userinfo is not None:
                return httpx.Response(200, json=self.userinfo)
        return httpx.Response(404, json={})

    def _about(self) -> dict[str, Any]:
        said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "end_session_endpoint": f"{self.issuer}/end",
            **({"userinfo_endpoint": f"{self.issuer}/userinfo"} if self.userinfo is not None else {}),
            **self.metadata,
        }
        return {name: value for name, value in said.items() if name not in self.unsaid}

    def _token(self, request: httpx.Request) -> httpx.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        basic = base64.b64encode(b"kontinuum:hemligt").decode()
        if (
            asked is None
            or asked["redirect_uri"] != form["redirect_uri"]
            or asked["code_challenge"] != base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
            or request.headers.get("authorization") != f"Basic {basic}"
        ):
            return httpx.Response(400, json={"error": "invalid_grant"})
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": self.issuer,
            "sub": asked["subject"],
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "auth_time": now,
            "nonce": asked["nonce"],
            "acr": LOA3,
            "sid": f"sid-{asked['subject']}",
            **self.people[asked["subject"]],
        }
        self.change(claims)
        return httpx.Response(
            200, json={"access_token": "access", "token_type": "Bearer", "id_token": self.signed(claims)}
        )

    def signed(self, claims: dict[str, Any], **header: Any) -> str:
        """A token with these claims, by the key and algorithm in force."""
        if self.algorithm in ("none", "HS256"):  # by hand: libraries refuse to make such tokens
            parts = ({"alg": self.algorithm, "kid": "first"}, claims)
            signed = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
            seal = hmac.digest(self.secret, signed.encode(), "sha256") if self.algorithm == "HS256" else b""
            return f"{signed}.{_encoded(seal)}"
        kid = self.signing.kid
        return jwt.encode({"alg": self.algorithm, "kid": kid, **header}, claims, self.signing)

    def logout_token(self, **changes: Any) -> str:
        """What the provider sends when a session there has ended."""
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_urlsafe(8),
            "events": {LOGOUT_EVENT: {}},
            **changes,
        }
        told = {name: value for name, value in claims.items() if value is not None}
        return self.signed(told, typ="logout+jwt")


def _encoded(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()
