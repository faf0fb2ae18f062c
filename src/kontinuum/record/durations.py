"""How long what is decided about access lasts, in microseconds."""

from __future__ import annotations

from datetime import timedelta

HOUR = timedelta(hours=1) // timedelta(microseconds=1)
DAY = 24 * HOUR
STATED_FOR = 24 * HOUR
"""How long a relation that was stated (by hand, or by documenting) lasts, for the person who stated it."""
CHOICE_FOR = 12 * HOUR
"""How long an active choice lasts: a day's work."""
OPENING_FOR = 4 * HOUR
"""How long an emergency opening lasts."""
LIFT_AT_MOST = 7 * DAY
"""How long a block may be lifted (rule 10)."""
