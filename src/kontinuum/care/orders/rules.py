"""When an answer is awaited, and when a sample is to be taken. Pure."""

from __future__ import annotations

from datetime import date, timedelta

from kontinuum.care.orders.kinds import AWAITED, ROUTINE


def awaited(category: str, priority: str, day: date) -> date:
    """The day until which an order is in good time, counted from its day."""
    days = AWAITED[category]
    return day + timedelta(days=days.get(priority, days[ROUTINE]))


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
