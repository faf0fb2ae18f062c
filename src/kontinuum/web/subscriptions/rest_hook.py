"""One notification by HTTP: over TLS, with a time limit, without following redirects or reading the answer.

http://hl7.org/fhir/uv/subscriptions-backport/STU1.1/channels.html#rest-hook
"""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from kontinuum.fhir.subscriptions.terms import Terms

_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.InvalidURL, httpx.UnsupportedProtocol)


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a notification was not received, and whether it may have been seen all the same."""

    reason: str
    reached: bool


async def post(client: httpx.AsyncClient, terms: Terms, body: bytes) -> Failed | None:
    """Send a notification; None when it was received (any 2xx)."""
    assert terms.endpoint is not None, "a rest-hook has an endpoint"
    headers = [*terms.headers, ("content-type", f"{terms.format}; charset=utf-8"), ("accept", terms.format)]
    asked = client.build_request("POST", terms.endpoint, headers=headers, content=body, timeout=terms.timeout)
    try:
        answer = await client.send(asked, stream=True)
        await answer.aclose()
    except _NEVER_LEFT as error:
        return Failed(f"The endpoint cannot be reached ({type(error).__name__}).", reached=False)
    except httpx.TimeoutException:
        return Failed(f"The endpoint did not answer within {terms.timeout} seconds.", reached=True)
    except httpx.HTTPError as error:
        return Failed(f"The endpoint did not answer ({type(error).__name__}).", reached=True)
    if answer.is_success:
        return None
    return Failed(f"The endpoint answered with status {answer.status_code}.", reached=True)
