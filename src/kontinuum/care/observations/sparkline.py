"""A trend small enough to stand in a line of text. Pure geometry, in units of a fixed drawing.

The reference interval is a band behind the line; time runs left to right in true proportion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from kontinuum.kernel.i18n import local

WIDTH = 68
HEIGHT = 22
_MARGIN = 3
_AT_MOST = 24


@dataclass(frozen=True, slots=True)
class Sparkline:
    """Polyline points of one or two lines, the latest point of each, and the band (y, height) or None."""

    line: str
    second: str
    ends: tuple[tuple[str, str], ...]
    band: tuple[str, str] | None


def draw(
    points: Sequence[tuple[str, Decimal, Decimal | None]], limits: tuple[Decimal | None, Decimal | None]
) -> Sparkline | None:
    """Draw (when, value, second value), oldest first; None when there are fewer than two."""
    recent = [
        (_seconds(when), float(one), None if two is None else float(two))
        for when, one, two in points[-_AT_MOST:]
    ]
    if len(recent) < 2:
        return None
    values = [value for _, one, two in recent for value in (one, two) if value is not None]
    low, high = (None if limit is None else float(limit) for limit in limits)
    # A limit is drawn when it lies near the values; one far away would flatten the line.
    spread = (max(values) - min(values)) or abs(values[0]) * 0.1 or 1.0
    near = [limit for limit in (low, high) if limit is not None and _near(limit, values, spread)]
    bottom, top = min([*values, *near]), max([*values, *near])
    if bottom == top:
        bottom, top = bottom - spread / 2, top + spread / 2
    first, last = recent[0][0], recent[-1][0]
    wide = (WIDTH - 2 * _MARGIN) / (last - first) if last > first else 0.0
    high_up = (HEIGHT - 2 * _MARGIN) / (top - bottom)
    left = _MARGIN if last > first else WIDTH - _MARGIN

    def y(value: float) -> float:
        return _MARGIN + (top - value) * high_up

    across = [left + (when - first) * wide for when, _, _ in recent]
    line = [(x, y(one)) for x, (_, one, _) in zip(across, recent, strict=True)]
    second = [(x, y(two)) for x, (_, _, two) in zip(across, recent, strict=True) if two is not None]
    ends = [(f"{part[-1][0]:.1f}", f"{part[-1][1]:.1f}") for part in (line, second) if part]
    return Sparkline(_path(line), _path(second), tuple(ends), _band(low, high, y))


@lru_cache(maxsize=4096)
def _seconds(when: str) -> float:
    return local(when).timestamp()


def _near(limit: float, values: Sequence[float], spread: float) -> bool:
    return min(values) - spread <= limit <= max(values) + spread


def _band(low: float | None, high: float | None, y: Callable[[float], float]) -> tuple[str, str] | None:
    if low is None and high is None:
        return None
    upper = 0.0 if high is None else min(max(y(high), 0.0), float(HEIGHT))
    lower = float(HEIGHT) if low is None else min(max(y(low), 0.0), float(HEIGHT))
    return (f"{upper:.1f}", f"{lower - upper:.1f}") if lower > upper else None


def _path(points: Sequence[tuple[float, float]]) -> str:
    return " ".join([f"{one:.1f},{two:.1f}" for one, two in points])
