"""OpenID Connect relying party: who someone is, on the word of a provider that was checked.

`party` is imported where there are providers: its libraries cost every start half a second.
"""

from kontinuum.identity.oidc.asked import Asked
from kontinuum.identity.oidc.outcome import Authenticated, Fault, LoggedOut, Refused

__all__ = ["Asked", "Authenticated", "Fault", "LoggedOut", "Refused"]
