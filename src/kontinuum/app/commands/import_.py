"""`kontinuum import`: read FHIR resources into the record, however many, and say what became of each."""

from __future__ import annotations

import hashlib
import pickle
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

import msgspec
from rich.console import Console
from rich.markup import escape

from kontinuum.app.commands import acting, report, sources
from kontinuum.app.commands.crew import UNREACHABLE, Crew, CrewError
from kontinuum.app.commands.journal import Done, Journal
from kontinuum.app.commands.progress import Bar
from kontinuum.app.commands.sources import Broken, Delivery, Piece
from kontinuum.app.commands.taking import Importing, Outcome, Refused
from kontinuum.fhir.issues import Issue
from kontinuum.kernel.config import Settings, usable_cores

REFUSED_FILE = Path("refused.ndjson")
SOME_REFUSED = 3
"""The exit code when everything was read, but not all of it could be taken in."""


def run(
    dsn: str,
    settings: Settings,
    *,
    paths: Sequence[Path],
    processes: int | None = None,
    refused: Path | None = None,
    again: bool = False,
    unit: str | None = None,
    provider: str | None = None,
) -> int:
    """Import what the paths lead to; 0 when all went in, 3 when some was refused, 1 or 2 when it failed."""
    console = Console(highlight=False)
    place = acting.place(settings, unit, provider)
    if isinstance(place, acting.Refused):
        print(place.message, file=sys.stderr)
        return 2
    try:
        delivery = sources.find(paths)
    except sources.SourceError as error:
        print(error, file=sys.stderr)
        return 2
    _tell_passed_over(delivery)
    with Journal(dsn, _name(paths, place)) as journal:
        if again:
            journal.forget()
        if journal.finished:
            print(f"Continuing an import that was interrupted: {len(journal.finished):,} pieces are done.")
        importing = _Import(
            delivery, journal, report.Refusals(refused or REFUSED_FILE, journal.refused_bytes)
        )
        try:
            importing.work(dsn, settings, place, processes or usable_cores())
        except KeyboardInterrupt:
            print("\nInterrupted. The same command continues where it stopped.", file=sys.stderr)
            raise
        except (CrewError, *UNREACHABLE) as error:
            print(f"{error}\nThe import stopped. The same command continues it.", file=sys.stderr)
            return 1
        finally:
            importing.refusals.close()
        importing.tell(console)
        journal.forget()
        if importing.changed:
            journal.settle()
    return SOME_REFUSED if importing.refused else 0


class _Import:
    """One run of the command: what it has come to so far."""

    def __init__(self, delivery: Delivery, journal: Journal, refusals: report.Refusals) -> None:
        self.delivery = delivery
        self.journal = journal
        self.refusals = refusals
        self.changes: Counter[tuple[str, str]] = Counter()
        self.bar = Bar("Import", delivery.size)
        self._deferred = _Spool()

    @property
    def refused(self) -> int:
        """How many resources were refused."""
        return sum(number for (_, change), number in self.changes.items() if change == "refused")

    @property
    def changed(self) -> int:
        """How many resources were created or updated."""
        return sum(n for (_, change), n in self.changes.items() if change in ("created", "updated"))

    def work(self, dsn: str, settings: Settings, place: acting.Place, processes: int) -> None:
        """Read everything; then, as long as that helps, what waits for something it refers to."""
        with self.bar, Crew(dsn, settings, Importing(place), processes) as crew:
            crew.work(self._pieces(), self._answered)
            before = 0
            while self._deferred.count:
                with self._deferred as waiting:
                    self._deferred = _Spool()
                    final = waiting.count == before
                    before = waiting.count
                    crew.work((replace(piece, final=final) for piece in waiting), self._answered)

    def tell(self, console: Console) -> None:
        """Print the report."""
        report.show(console, self.changes)
        total = sum(self.changes.values())
        print(f"{total:,} resources in {self.bar.seconds:.1f} s, {self.bar.rate:,.0f} a second.")
        if self.refused:
            console.print(
                f"[red]{self.refused:,} refused[/]; they stand with the reasons in "
                f"[bold]{escape(str(self.refusals.path))}[/]."
            )

    def _pieces(self) -> Iterator[Piece]:
        for source in self.delivery.sources:
            for piece in sources.read(source):
                if isinstance(piece, Broken):
                    issue = Issue("fatal", "structure", f"{piece.file}: {piece.reason}")
                    self._refuse(piece.file, [Refused(0, None, (issue,))])
                    self.changes["?", "refused"] += 1
                elif (done := self.journal.finished.get(piece.key)) is not None:
                    self.changes.update(done.counter())
                    self.bar.advance(piece.cost, 0)
                else:
                    yield piece

    def _answered(self, piece: Piece, outcome: Outcome) -> None:
        if outcome.deferred:
            self._deferred.add(piece)
            return
        self._refuse(piece.file, outcome.refused)
        self.changes.update(outcome.changes)
        self.bar.advance(piece.cost, sum(outcome.changes.values()))
        flat = [(type_name, change, number) for (type_name, change), number in outcome.changes.items()]
        self.journal.note(piece.key, Done(flat, self.refusals.size))

    def _refuse(self, file: str, refused: list[Refused]) -> None:
        self.refusals.add(file, sorted(refused, key=lambda each: each.entry))


class _Spool:
    """Pieces that wait, on disk: there may be as many as the delivery has."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self.count = 0

    def __enter__(self) -> _Spool:
        return self

    def __exit__(self, *_failure: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, piece: Piece) -> None:
        """Keep a piece."""
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the spool
        pickle.dump(piece, self._file)
        self.count += 1

    def __iter__(self) -> Iterator[Piece]:
        if self._file is not None:
            self._file.seek(0)
            for _ in range(self.count):
                yield pickle.load(self._file)  # noqa: S301 - written by this process


def _name(paths: Sequence[Path], place: acting.Place) -> str:
    """The delivery's name in the journal: the same for the same command."""
    asked = ["import", sorted(str(path.absolute()) for path in paths), place.unit, place.provider]
    return hashlib.sha256(msgspec.json.encode(asked)).hexdigest()


def _tell_passed_over(delivery: Delivery) -> None:
    if delivery.passed_over:
        shown = ", ".join(path.name for path in delivery.passed_over[:5])
        more = "…" if len(delivery.passed_over) > 5 else ""
        print(
            f"Passed over, by their names neither JSON nor NDJSON: {len(delivery.passed_over):,} files "
            f"({shown}{more})",
            file=sys.stderr,
        )
