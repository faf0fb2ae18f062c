"""OpenID Connect relying party: who someone is, on the word of a provider that was checked."""

from kontinuum.identity.oidc.outcome import Authenticated, Fault, LoggedOut, Refused
from kontinuum.identity.oidc.party import Asked, RelyingParty, relying_parties

__all__ = ["Asked", "Authenticated", "Fault", "LoggedOut", "Refused", "RelyingParty", "relying_parties"]
