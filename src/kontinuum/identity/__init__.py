"""Who acts: sign-in, sessions, tokens."""

from kontinuum.identity.service import Identity, Session

__all__ = ["Identity", "Session"]
