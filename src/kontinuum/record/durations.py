"""How long what is decided about access lasts, in microseconds.

What a care provider decides for itself (stated relations, openings, lifts, consents) stands in its settings:
`kernel.provider_settings`.
"""

from __future__ import annotations

from datetime import timedelta

HOUR = timedelta(hours=1) // timedelta(microseconds=1)
DAY = 24 * HOUR
DOCUMENTED_FOR = 24 * HOUR
"""How long a relation that a write states lasts, for the person who wrote."""
CHOICE_FOR = 12 * HOUR
"""How long an active choice lasts: a day's work."""
