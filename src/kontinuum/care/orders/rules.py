"""When a sample is to be taken. Pure."""

from __future__ import annotations

from datetime import date


def read_day(text: str, today: date) -> date | None:
    """The day of a sample: today where nothing is written; None for what is no day or has passed."""
    text = text.strip()
    if not text:
        return today
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day >= today else None
