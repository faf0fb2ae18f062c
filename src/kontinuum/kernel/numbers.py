"""Numbers as they come in forms and addresses."""

from __future__ import annotations

from typing import Final

DIGITS: Final = 18
"""A number of more digits is none that is stored."""


def whole(text: str, otherwise: int = 0) -> int:
    """The number that a text is in digits; `otherwise` for what is none, or more than can be stored."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS else otherwise
