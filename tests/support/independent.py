"""An independent OpenID Connect provider in a process of its own, on loopback: `oidc-provider-mock`."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx

from tests.support.serving import free_port


@contextlib.contextmanager
def independent_provider() -> Iterator[str]:
    """Run the provider; gives its issuer."""
    port = free_port()
    environ = {**os.environ, "AUTHLIB_INSECURE_TRANSPORT": "1"}
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(command, env=environ, stdout=quiet, stderr=quiet)
    issuer = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 30
        while True:
            assert server.poll() is None, "the provider did not start"
            assert time.monotonic() < deadline, "the provider does not answer"
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{issuer}/jwks", timeout=5).status_code == 200:
                    break
            time.sleep(0.1)
        yield issuer
    finally:
        server.terminate()
        server.wait(timeout=10)


def register(issuer: str, subject: str, **claims: object) -> None:
    """Let the provider know a person."""
    assert httpx.put(f"{issuer}/users/{subject}", json=claims).status_code == 204
