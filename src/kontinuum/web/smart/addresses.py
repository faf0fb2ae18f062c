"""Where what is found: the addresses that discovery, the CapabilityStatement and tokens name."""

from __future__ import annotations

from typing import Final

FHIR: Final = "/fhir"
AUTHORIZE: Final = "/oauth/authorize"
TOKEN: Final = "/oauth/token"
REVOKE: Final = "/oauth/revoke"
INTROSPECT: Final = "/oauth/introspect"
KEYS: Final = "/oauth/keys"
APPS: Final = "/my-apps"


def origin_of(public_url: str | None, scheme: str, netloc: str) -> str:
    """The address of this installation, without a slash at its end: its own, else as it was asked for."""
    return public_url or f"{scheme}://{netloc}"
