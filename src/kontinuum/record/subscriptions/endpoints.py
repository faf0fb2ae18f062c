"""Where notifications may be sent: to hosts that the installation names, and encrypted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What the installation allows: hosts (`*.region.se`: all below; None: any), perhaps unencrypted."""

    hosts: Collection[str] | None = None
    plain: bool = False

    def fault(self, url: str) -> str | None:
        """Why nothing is sent to an address; None when it may be."""
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").lower()
            parts.port  # noqa: B018  (raises for a port that is none)
        except ValueError:
            return "it is not an address"
        if not host or parts.username is not None or parts.fragment or not url.isascii():
            return "it must be an address without user name, fragment and letters beyond ASCII"
        if parts.scheme != "https" and not (self.plain and parts.scheme == "http"):
            return "it must begin with https://"
        if self.hosts is not None and not any(_covers(each, host) for each in self.hosts):
            return "its host is not among those that the installation sends to (KONTINUUM_NOTIFY_HOSTS)"
        return None


def _covers(allowed: str, host: str) -> bool:
    return host == allowed or (allowed.startswith("*.") and host.endswith(allowed[1:]))
