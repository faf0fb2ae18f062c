"""A progress bar with rate and time left; plain lines now and then where nobody watches a terminal."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

LINE_SECONDS = 10.0


class _Rate(ProgressColumn):
    """Resources so far and per second."""

    def render(self, task: Task) -> Text:
        """The two numbers, once there are any."""
        resources = int(task.fields["resources"])
        elapsed = task.elapsed or 0.0
        rate = f"  {resources / elapsed:,.0f}/s" if resources and elapsed > 0.5 else ""
        return Text(f"{resources:,} {task.fields['unit']}{rate}", style="progress.data.speed")


class Bar:
    """Shows how far a command is: steps of any unit towards a total, and resources (see `unit`) done.

    On standard error, so that what a command prints can be piped. Nothing is shown when `total` is 0.
    """

    def __init__(
        self, label: str, total: int, *, console: Console | None = None, unit: str = "resources"
    ) -> None:
        self._unit = unit
        self._label = label
        self._total = total
        self._console = console or Console(stderr=True, highlight=False)
        self._progress: Progress | None = None
        self._task: object = None
        self._done = 0
        self._begun = time.monotonic()
        self._told = self._begun
        self.resources = 0

    def __enter__(self) -> Bar:
        self._begun = self._told = time.monotonic()
        if self._console.is_terminal and self._total:
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                _Rate(),
                TimeRemainingColumn(compact=True),
                console=self._console,
                transient=False,
            )
            self._progress.start()
            self._task = self._progress.add_task(self._label, total=self._total, resources=0, unit=self._unit)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    @property
    def seconds(self) -> float:
        """Since the bar was opened."""
        return time.monotonic() - self._begun

    @property
    def rate(self) -> float:
        """Resources a second since the bar was opened."""
        return self.resources / max(self.seconds, 1e-9)

    def advance(self, steps: int, resources: int) -> None:
        """Count steps towards the total and resources done."""
        self._done += steps
        self.resources += resources
        if self._progress is not None:
            self._progress.update(self._task, advance=steps, resources=self.resources)  # type: ignore[arg-type]
        elif self._total and time.monotonic() - self._told > LINE_SECONDS:
            self._told = time.monotonic()
            self._tell()

    def _tell(self) -> None:
        share = min(1.0, self._done / self._total)
        left = self.seconds * (1 - share) / share if share else 0.0
        print(
            f"{self._label}: {share:.0%}, {self.resources:,} {self._unit}, {self.rate:,.0f}/s, "
            f"about {left:,.0f} s left",
            file=sys.stderr,
            flush=True,
        )
