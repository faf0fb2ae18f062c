"""Carrying out an import that was ordered by HTTP: the NDJSON that was sent, as `kontinuum import` takes it.

What is refused is given back whole: its line as it came, and why. After an interruption it goes on behind the
last piece that was taken in.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import IO, Final

from kontinuum.app.commands import acting
from kontinuum.app.commands.sources import LONGEST_LINE, Piece
from kontinuum.app.commands.taking import Importing, Refused
from kontinuum.app.services import Services
from kontinuum.bulk import INPUT, Desk, Job, Place, Progress, Result, ResultFile, Runner, make_durable
from kontinuum.fhir import json
from kontinuum.fhir.issues import Issue, operation_outcome
from kontinuum.record import Record
from kontinuum.store import roles

PIECE_BYTES: Final = 64 * 1024
"""How much is taken in at a time: validating holds up the requests that this process answers meanwhile."""
_REFUSED: Final = "refused.1.ndjson"
_TOLD: Final = "error.1.ndjson"
_LINE: Final = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-line"


async def bulk_runner(services: Services, dsn: str) -> Runner:
    """What carries the jobs of a worker process out: exports and imports."""
    async with services.pool.acquire() as connection:
        role = await roles.for_application(connection)
    return Runner(services.bulk, dsn, role, {"import": carry_out})


async def carry_out(desk: Desk, job: Job) -> AsyncGenerator[Progress | Result, None]:
    """How far an import has come, and in the end what came of it. Raises OSError, as for a full disk."""
    folder = desk.folder(job.id)
    base = job.request.partition("/$import")[0]
    taking = _Taking(desk.gate.record(job.principal, base=base), job.progress.place)
    size = (folder.path / INPUT).stat().st_size
    with (
        (folder.path / INPUT).open("rb") as given,
        _appended(folder.path / _REFUSED, taking.place.refused) as refused,
        _appended(folder.path / _TOLD, taking.place.told) as told,
    ):
        given.seek(taking.place.offset)
        for piece in _pieces(given, taking.place.line):
            await taking.take(piece, refused, told)
            yield Progress(taking.place.offset / size, sum(taking.changes.values()), taking.place)
    count = sum(number for (_, change), number in taking.changes.items() if change == "refused")
    files = (
        ResultFile(_TOLD, "OperationOutcome", "error", count),
        ResultFile(_REFUSED, "Resource", "error", count),
    )
    yield Result(moment=desk.now(), files=files if count else (), changes=taking.place.changes)


class _Taking:
    def __init__(self, record: Record, begun: Place | None) -> None:
        self._record = record
        at = record.principal.assignment
        place = acting.Place(at.unit, at.unit_name, at.provider, at.provider_name)
        self._importing = Importing(place)
        self.place = begun or Place(0, 1, 0, 0, ())
        self.changes: Counter[tuple[str, str]] = Counter(
            {(kind, change): number for kind, change, number in self.place.changes}
        )

    async def take(self, piece: Piece, refused: IO[bytes], told: IO[bytes]) -> None:
        """Take a piece in, keep what is refused, and go on behind it."""
        outcome = await self._importing.take(self._record, piece)
        self.changes.update(outcome.changes)
        await asyncio.to_thread(_keep, piece, outcome.refused, refused, told)
        self.place = Place(
            offset=self.place.offset + len(piece.data),
            line=piece.first + piece.data.count(b"\n"),
            refused=refused.tell(),
            told=told.tell(),
            changes=tuple((*name, number) for name, number in sorted(self.changes.items())),
        )


def _pieces(given: IO[bytes], line: int) -> Iterator[Piece]:
    while data := given.read(PIECE_BYTES):
        if not data.endswith(b"\n"):
            data += given.readline(LONGEST_LINE)
        yield Piece("body", "", "resources", line, data, len(data), final=True)
        line += data.count(b"\n")


def _keep(piece: Piece, refusals: Sequence[Refused], refused: IO[bytes], told: IO[bytes]) -> None:
    """Write each refused line down as it came, and in the same order why."""
    lines = piece.data.split(b"\n")
    for each in sorted(refusals, key=lambda one: one.entry):
        refused.write(lines[each.entry - piece.first] + b"\n")
        told.write(json.dumps(_reasons(each)) + b"\n")
    make_durable(refused)
    make_durable(told)


def _reasons(refusal: Refused) -> dict[str, object]:
    outcome = operation_outcome(refusal.issues or [Issue("error", "processing", "It was refused.")])
    for issue in outcome["issue"]:
        issue["extension"] = [{"url": _LINE, "valueInteger": refusal.entry}]
    return outcome


def _appended(path: os.PathLike[str], size: int) -> IO[bytes]:
    """A file to write on after its first bytes: what an interrupted attempt wrote beyond is done again."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    os.ftruncate(descriptor, size)
    os.lseek(descriptor, size, os.SEEK_SET)
    return os.fdopen(descriptor, "wb")
