"""What comes of asking a provider who someone is."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Fault(StrEnum):
    """Why a provider's word was not taken."""

    UNREACHABLE = "unreachable"
    CANCELLED = "cancelled"
    PROVIDER_ERROR = "provider-error"
    STATE = "state"
    ISSUER = "issuer"
    CODE = "code"
    TOKEN = "token"
    SIGNATURE = "signature"
    AUDIENCE = "audience"
    EXPIRED = "expired"
    NOT_YET = "not-yet"
    NONCE = "nonce"
    WEAK = "weak"
    STALE = "stale"
    IDENTITY = "identity"


@dataclass(frozen=True, slots=True)
class Refused:
    """A sign-in that is refused; `detail` is for the log and holds no claim about the person."""

    fault: Fault
    detail: str


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Who someone is, by a provider's word; at least one of the last two is set."""

    issuer: str
    subject: str
    acr: str
    sid: str | None
    id_token: str = field(repr=False)
    hsa_id: str | None = field(repr=False)
    personnummer: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """A provider's word that a person, or one session there, has ended; it has a `token_id` of its own."""

    issuer: str
    subject: str | None
    sid: str | None
    token_id: str
