"""The question that a browser carries to a provider."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from kontinuum.identity.secret import new_secret


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that was put to a provider, to be kept until the answer; the verifier never leaves.

    `fresh` says that the person must be asked again, whatever session it has at the provider.
    """

    provider: str
    redirect_uri: str
    asked: datetime
    fresh: bool = False
    nonce: str = field(default_factory=new_secret, repr=False)
    verifier: str = field(default_factory=new_secret, repr=False)

    @property
    def challenge(self) -> str:
        """The PKCE challenge of the verifier, method S256."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
