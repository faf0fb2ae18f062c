"""An app as SMART sees it: it is launched, proves itself, and keeps its secrets."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from kontinuum.app.services import Services
from kontinuum.identity.smart import App, Authentication

ORIGIN = "http://test"
REDIRECT = "https://app.example/answer"
GROWTH = App(
    id="growth",
    name="Tillväxtkurvan",
    provider="",
    authentication=Authentication.NONE,
    scopes=("launch", "launch/patient", "openid", "fhirUser", "offline_access", "patient/*.rs", "user/*.rs"),
    redirect_uris=(REDIRECT, "https://app.example/other"),
    launch_url="https://app.example/launch",
)


async def registered(services: Services, provider: str, **changes: Any) -> str | None:
    """Register the app at a care provider; gives its secret where it has one."""
    secret, wrong = await services.smart.apps.add(replace(GROWTH, provider=provider, **changes), "test")
    assert wrong == []
    return secret


@dataclass
class Client:
    """An app that asks for scopes and exchanges what it is answered with."""

    browser: httpx.AsyncClient
    scope: str
    id: str = "growth"
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = "s-1"

    @property
    def request(self) -> dict[str, str]:
        """What it sends the browser to the authorization endpoint with."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return {
            "response_type": "code",
            "client_id": self.id,
            "redirect_uri": REDIRECT,
            "scope": self.scope,
            "state": self.state,
            "aud": f"{ORIGIN}/fhir",
            "nonce": "n-1",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }

    async def asks(self, **changes: str | None) -> httpx.Response:
        """The answer to its request, perhaps with changes; None leaves a parameter out."""
        given = {name: value for name, value in {**self.request, **changes}.items() if value is not None}
        return await self.browser.get("/oauth/authorize", params=given)

    async def exchanges(self, code: str, /, **changes: str) -> httpx.Response:
        """The answer to its code."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
        return await self.sends(form | {"code_verifier": self.verifier} | changes)

    async def refreshes(self, token: str, **more: str) -> httpx.Response:
        """The answer to a refresh token."""
        return await self.sends({"grant_type": "refresh_token", "refresh_token": token, **more})

    async def sends(self, form: dict[str, str], path: str = "/oauth/token") -> httpx.Response:
        """The answer to a form, sent as the app."""
        return await self.browser.post(path, data={"client_id": self.id, **form})

    async def reads(self, token: str, path: str, method: str = "GET", **more: Any) -> httpx.Response:
        """The answer of the FHIR API."""
        headers = {"authorization": f"Bearer {token}"}
        return await self.browser.request(method, f"/fhir/{path}", headers=headers, **more)


def answer_of(response: httpx.Response) -> dict[str, str]:
    """What the app is answered with, at its own address."""
    assert response.status_code == 303, response.text[:2000]
    place = urlsplit(response.headers["location"])
    assert f"{place.scheme}://{place.netloc}{place.path}" == REDIRECT, place
    return {name: values[0] for name, values in parse_qs(place.query).items()}


def launch_of(response: httpx.Response) -> dict[str, str]:
    """What an app is opened with."""
    assert response.status_code == 303, response.text[:2000]
    assert response.headers["location"].startswith("https://app.example/launch?")
    return {
        name: values[0] for name, values in parse_qs(urlsplit(response.headers["location"]).query).items()
    }


def assertion(key: RSAKey | ECKey, app: str, algorithm: str = "RS384", **changes: Any) -> dict[str, str]:
    """The form fields by which a backend service proves itself."""
    claims = {
        "iss": app,
        "sub": app,
        "aud": f"{ORIGIN}/oauth/token",
        "exp": int(time.time()) + 200,
        "jti": secrets.token_hex(8),
        **changes,
    }
    signed = jwt.encode({"alg": algorithm, "kid": key.kid}, claims, key, algorithms=[algorithm])
    return {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": signed,
    }
