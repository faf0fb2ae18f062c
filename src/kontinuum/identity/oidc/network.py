"""Speaking to a provider: over TLS, with a time limit, without following redirects, and no long answers."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from typing import Any, Final

import httpx

from kontinuum.identity.oidc.outcome import Fault, Refused
from kontinuum.kernel.providers import OidcProvider

SECONDS: Final = 10.0
LARGEST: Final = 1_000_000


def client_of(provider: OidcProvider) -> httpx.AsyncClient:
    """A client that trusts the system's authorities, or only those of the provider's `ca_file`."""
    trusted: ssl.SSLContext | bool = True
    if provider.ca_file is not None:
        trusted = ssl.create_default_context(cafile=str(provider.ca_file))
    return httpx.AsyncClient(verify=trusted, timeout=SECONDS, follow_redirects=False)


async def exchange(
    client: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    **options: Any,
) -> tuple[int, dict[str, Any]] | Refused:
    """The status and JSON object that a provider answers with."""
    sent = {"accept": "application/json", **(headers or {})}
    try:
        async with client.stream(method, url, headers=sent, **options) as answer:
            body = b""
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > LARGEST:
                    return Refused(Fault.UNREACHABLE, f"{url}: the answer is longer than {LARGEST} bytes")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Refused(Fault.UNREACHABLE, f"{url}: {type(error).__name__}")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        return Refused(Fault.UNREACHABLE, f"{url}: status {answer.status_code}, not a JSON object")
    return answer.status_code, content
