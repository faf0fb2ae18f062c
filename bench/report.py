"""What was measured, as a table for people and as JSON lines for comparison over time."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Figure:
    """One measure: ours and its limit in the same unit, and the aim; `least` when smaller is better."""

    name: str
    ours: float
    unit: str
    aim: float
    limit: float | None = None
    limit_name: str = ""
    least: bool = False
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours as a share of the limit."""
        return None if self.limit is None else self.ours / self.limit

    @property
    def half_aim(self) -> float:
        """What must be reached at least."""
        return self.aim * 2 if self.least else self.aim / 2

    @property
    def verdict(self) -> str:
        """Whether the aim, half of it, or neither is reached."""
        if (self.ours <= self.aim) if self.least else (self.ours >= self.aim):
            return "aim"
        half = (self.ours <= self.half_aim) if self.least else (self.ours >= self.half_aim)
        return "half" if half else "below"


def show(figures: list[Figure], machine: dict[str, Any], dataset: str) -> None:
    """Print machine, versions, data and the table."""
    console = Console(highlight=False, width=132)
    console.print(
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, {machine['system']}; "
        f"load before {machine['load_before']}"
    )
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    console.print(f"Python {machine['python']}, {packages}")
    console.print(f"Data: {dataset}.")
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("Measure", "Unit"):
        table.add_column(name)
    for name in ("Ours", "Limit", "Ratio", "Aim", "Half aim"):
        table.add_column(name, justify="right")
    for name in ("Reached", "Note"):
        table.add_column(name)
    colours = {"aim": "green", "half": "yellow", "below": "red"}
    for each in figures:
        table.add_row(
            each.name,
            each.unit,
            _number(each.ours),
            "" if each.limit is None else _number(each.limit),
            "" if each.ratio is None else f"{each.ratio:.2f}",
            _number(each.aim),
            _number(each.half_aim),
            f"[{colours[each.verdict]}]{each.verdict}[/]",
            f"limit: {each.limit_name}. {each.note}".strip() if each.limit_name else each.note,
        )
    console.print(table)


def write(figures: list[Figure], machine: dict[str, Any], dataset: str) -> Path:
    """Append nothing, overwrite nothing: each run has a file of its own."""
    RESULTS.mkdir(exist_ok=True)
    moment = datetime.now(UTC)
    path = RESULTS / f"{moment:%Y%m%dT%H%M%SZ}.jsonl"
    common = {"when": moment.isoformat(), "machine": machine, "dataset": dataset}
    with path.open("w", encoding="utf-8") as file:
        for each in figures:
            more = {"ratio": each.ratio, "half_aim": each.half_aim, "verdict": each.verdict}
            file.write(json.dumps({**asdict(each), **more, **common}, ensure_ascii=False) + "\n")
    return path


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"
