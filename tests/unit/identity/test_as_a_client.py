"""How an installation proves to a provider who it is, and what it asks of a provider's address."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from tests.support.oidc import HSA_CLAIM, ISSUER, SITHS, StrictProvider

from kontinuum.identity.oidc import Asked, Authenticated, Fault, Refused
from kontinuum.identity.oidc.party import RelyingParty
from kontinuum.kernel.clock import FixedClock
from kontinuum.kernel.providers import OidcProvider

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BACK = "https://journal.test/sign-in/siths/answer"


async def redeemed(provider: OidcProvider, **metadata: Any) -> tuple[httpx.Headers, dict[str, str]]:
    """The headers and form with which a code is redeemed."""
    seen: list[httpx.Request] = []
    strict = StrictProvider(FixedClock(NOW), people={"anna": {HSA_CLAIM: "SE1"}}, metadata=metadata)

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return strict.answer(request)

    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    party = RelyingParty(provider, FixedClock(NOW), client)
    asked = Asked("siths", BACK, NOW)
    place = await party.question(asked, "state")
    assert isinstance(place, str)
    await party.answer(asked, strict.authenticate(place, "anna"))
    await party.close()
    request = next(one for one in seen if one.url.path == "/token")
    return request.headers, {name: values[0] for name, values in parse_qs(request.content.decode()).items()}


async def test_a_secret_goes_into_the_header_unless_the_provider_takes_it_in_the_form_only() -> None:
    headers, form = await redeemed(SITHS)
    assert headers["authorization"].startswith("Basic ")
    assert "client_secret" not in form
    headers, form = await redeemed(SITHS, token_endpoint_auth_methods_supported=["client_secret_post"])
    assert "authorization" not in headers
    assert (form["client_id"], form["client_secret"]) == ("kontinuum", "hemligt")


async def test_without_a_secret_the_code_verifier_is_the_proof() -> None:
    headers, form = await redeemed(replace(SITHS, client_secret=None))
    assert "authorization" not in headers
    assert "client_secret" not in form
    assert len(form["code_verifier"]) >= 43


RSA, EC = RSAKey.generate_key(2048), ECKey.generate_key("P-256")
UNDERSTOOD = "token_endpoint_auth_signing_alg_values_supported"


@pytest.mark.parametrize(
    ("key", "understood", "algorithm"),
    [(RSA, {}, "RS256"), (RSA, {UNDERSTOOD: ["RS256", "PS256"]}, "PS256"), (EC, {}, "ES256")],
)
async def test_a_key_signs_a_short_statement_for_this_provider(
    key: RSAKey | ECKey, understood: dict[str, Any], algorithm: str
) -> None:
    pem = key.as_pem(private=True).decode()
    provider = replace(SITHS, client_secret=None, private_key=pem, private_key_id="k1")
    _, form = await redeemed(provider, **understood)
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    said = jwt.decode(form["client_assertion"], key, algorithms=[algorithm])
    assert said.header["kid"] == "k1"
    assert said.claims["iss"] == said.claims["sub"] == "kontinuum"
    assert said.claims["aud"] == f"{ISSUER}/token"
    assert 0 < said.claims["exp"] - NOW.timestamp() <= 60
    _, form = await redeemed(provider, **understood)
    again = jwt.decode(form["client_assertion"], key, algorithms=[algorithm])
    assert again.claims["jti"] != said.claims["jti"]


def test_a_text_that_is_no_private_key_stops_the_start() -> None:
    public = RSAKey.generate_key(2048).as_pem(private=False).decode()
    for text in ("hemligt", public):
        with pytest.raises(ValueError, match="not a private RSA or EC key"):
            RelyingParty(replace(SITHS, private_key=text), FixedClock(NOW))


async def test_tokens_by_an_elliptic_key_are_taken() -> None:
    key = ECKey.generate_key("P-256", {"kid": "ec"})
    strict = StrictProvider(
        FixedClock(NOW), people={"anna": {HSA_CLAIM: "SE1"}}, signing=key, published=[key], algorithm="ES256"
    )
    who = await _identified(strict)
    assert isinstance(who, Authenticated)
    assert who.hsa_id == "SE1"


async def test_a_key_for_encryption_does_not_sign() -> None:
    key = RSAKey.generate_key(2048, {"kid": "enc", "use": "enc"})
    strict = StrictProvider(FixedClock(NOW), people={"anna": {}}, published=[key])
    strict.signing = RSAKey.import_key(key.as_pem(private=True), {"kid": "enc"})
    who = await _identified(strict)
    assert isinstance(who, Refused)
    assert who.fault is Fault.SIGNATURE


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"x" * 1_000_001])
async def test_an_answer_that_is_not_what_was_asked_for_is_told(body: bytes) -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, content=body))
    party = RelyingParty(SITHS, FixedClock(NOW), httpx.AsyncClient(transport=transport))
    place = await party.question(Asked("siths", BACK, NOW), "state")
    assert isinstance(place, Refused)
    assert place.fault is Fault.UNREACHABLE


async def test_a_redirect_of_the_provider_is_not_followed() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(302, headers={"location": "http://169.254.169.254/"})

    party = RelyingParty(SITHS, FixedClock(NOW), httpx.AsyncClient(transport=httpx.MockTransport(answer)))
    assert isinstance(await party.question(Asked("siths", BACK, NOW), "state"), Refused)
    assert asked == [f"{ISSUER}/.well-known/openid-configuration"]


async def _identified(strict: StrictProvider) -> Authenticated | Refused:
    party = strict.party()
    asked = Asked("siths", BACK, NOW)
    place = await party.question(asked, "state")
    assert isinstance(place, str)
    return await party.answer(asked, strict.authenticate(place, "anna"))
