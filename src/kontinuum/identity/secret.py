"""Secrets that let someone in: 256 random bits, kept as SHA-256 only."""

from __future__ import annotations

import hashlib
import secrets


def new_secret() -> str:
    """A secret to hand out."""
    return secrets.token_urlsafe(32)


def hashed(secret: str) -> bytes:
    """What is kept of a secret: a copy of the database lets nobody in."""
    return hashlib.sha256(secret.encode()).digest()
