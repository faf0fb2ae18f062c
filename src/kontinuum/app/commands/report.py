"""What an import came to: counts by type, and a file of what was refused and why."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from rich import box
from rich.console import Console
from rich.table import Table

from kontinuum.app.commands.taking import Refused
from kontinuum.fhir import json

CHANGES = ("created", "updated", "unchanged", "refused")


class Refusals:
    """The file of refused resources, one JSON object a line; made when the first one comes.

    It holds patient data: only its owner may read it. `keep` bytes of an earlier, interrupted run stay.
    """

    def __init__(self, path: Path, keep: int = 0) -> None:
        self.path = path
        self.size = keep if keep and path.is_file() and path.stat().st_size >= keep else 0
        self._file: IO[bytes] | None = None

    def add(self, source: str, refused: Iterable[Refused]) -> None:
        """Write refusals of a file down."""
        lines = [json.dumps(_line(source, each)) + b"\n" for each in refused]
        if not lines:
            return
        if self._file is None:
            self._file = self._open()
        for line in lines:
            self.size += self._file.write(line)
        self._file.flush()

    def close(self) -> None:
        """Close the file, if there is one."""
        if self._file is not None:
            self._file.close()

    def _open(self) -> IO[bytes]:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.ftruncate(descriptor, self.size)
        os.lseek(descriptor, self.size, os.SEEK_SET)
        return os.fdopen(descriptor, "wb")


def _line(source: str, refused: Refused) -> dict[str, object]:
    issues = [
        {
            name: text
            for name, text in (
                ("severity", issue.severity),
                ("code", issue.code),
                ("message", issue.message),
                ("location", issue.location),
            )
            if text is not None
        }
        for issue in refused.issues
    ]
    return {"source": source, "entry": refused.entry, "resource": refused.resource, "issues": issues}


def show(console: Console, changes: Counter[tuple[str, str]]) -> None:
    """Print how many resources of each type were created, updated, unchanged and refused."""
    table = Table(box=box.SIMPLE_HEAD, show_footer=True)
    totals = {change: sum(n for (_, c), n in changes.items() if c == change) for change in CHANGES}
    table.add_column("Resource", footer="Total")
    for change in CHANGES:
        table.add_column(change, footer=f"{totals[change]:,}", justify="right")
    for name in sorted({type_name for type_name, _ in changes}):
        shown = "(unreadable)" if name == "?" else name
        numbers = (changes[name, change] for change in CHANGES)
        table.add_row(shown, *(f"{number:,}" if number else "" for number in numbers))
    console.print(table)
