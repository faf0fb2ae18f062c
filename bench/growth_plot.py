"""The picture of growth: for each question its p50 and p99 at each size, on scales of powers of ten."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import log10

WIDTH, HEIGHT, COLUMNS = 250, 170, 4
LEFT, RIGHT, TOP, BOTTOM = 34, 12, 30, 26


def drawn(points: Sequence[tuple[str, int, float, float]]) -> str:
    """SVG of (question, patients, p50, p99): one small chart for each question, all on the same scale."""
    questions = list(dict.fromkeys(question for question, *_ in points))
    sizes = sorted({size for _, size, *_ in points})
    top = max(p99 for *_, p99 in points)
    ceiling = 10 ** max(1, -int(-log10(top) // 1))
    rows = -(-len(questions) // COLUMNS)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH * COLUMNS} {HEIGHT * rows}"'
        ' font-family="system-ui, sans-serif" font-size="11" role="img"'
        ' aria-label="Milliseconds of each question as the record grows">',
        f'<rect width="{WIDTH * COLUMNS}" height="{HEIGHT * rows}" fill="#ffffff"/>',
    ]
    for place, question in enumerate(questions):
        left, above = place % COLUMNS * WIDTH, place // COLUMNS * HEIGHT
        own = [each for each in points if each[0] == question]
        parts.append(f'<g transform="translate({left} {above})">')
        parts += _panel(question, own, sizes, ceiling)
        parts.append("</g>")
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(
    question: str, points: Sequence[tuple[str, int, float, float]], sizes: Sequence[int], ceiling: float
) -> list[str]:
    across, down = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(size: int) -> float:
        first, last = log10(sizes[0]), log10(sizes[-1])
        return LEFT + (across * (log10(size) - first) / (last - first) if last > first else across / 2)

    def y(milliseconds: float) -> float:
        return TOP + down * (1 - max(0.0, log10(max(milliseconds, 1.0)) / log10(ceiling)))

    parts = [f'<text x="{LEFT}" y="16" font-weight="600" fill="#1d2529">{escape(question)}</text>']
    mark = 1
    while mark <= ceiling:
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(mark):.1f}" y2="{y(mark):.1f}" stroke="#dfe4e6"/>'
            f'<text x="{LEFT - 5}" y="{y(mark) + 4:.1f}" text-anchor="end" fill="#5a666c">{mark}</text>'
        )
        mark *= 10
    for size in sizes:
        label = f"{size // 1000}k"
        parts.append(
            f'<text x="{x(size):.1f}" y="{HEIGHT - 9}" text-anchor="middle" fill="#5a666c">{label}</text>'
        )
    for column, colour, name in ((2, "#0b6b79", "p50"), (3, "#b4562a", "p99")):
        places = [(x(each[1]), y(each[column])) for each in points]  # type: ignore[arg-type]
        line = " ".join(f"{one:.1f},{two:.1f}" for one, two in places)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{one:.1f}" cy="{two:.1f}" r="2.5" fill="{colour}"/>' for one, two in places]
        last = points[-1][column]
        parts.append(
            f'<text x="{places[-1][0] - 2:.1f}" y="{places[-1][1] - 6:.1f}" text-anchor="end"'
            f' fill="{colour}">{name} {last:.0f} ms</text>'
        )
    return parts
