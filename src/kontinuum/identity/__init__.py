"""Who acts: sign-in, sessions, tokens."""

from kontinuum.identity.service import Identity
from kontinuum.identity.sessions import Ending, Limits, Proof, Session

__all__ = ["Ending", "Identity", "Limits", "Proof", "Session"]
