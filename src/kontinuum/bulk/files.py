"""The files of a job: NDJSON, written while the job is under way and complete when it is done.

http://hl7.org/fhir/R4/nd-json.html. They hold patient data: folders and files are for their owner alone.
Beside each lies another with the patient of every line, as not every line names whose it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import zlib
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal

NDJSON: Final = "application/fhir+ndjson"
LARGEST: Final = 512 * 1024 * 1024
"""Bytes after which a further file is begun."""
_BUFFER: Final = 1 << 20
_SERVED: Final = 256 * 1024
_NAME: Final = re.compile(r"[A-Za-z]+\.[0-9]+\.ndjson")

_WHOSE: Final = ".whose"

Role = Literal["output", "deleted", "error"]
Line = tuple[bytes, str | None]
"""What stands on a line, and the id of the patient whose it is."""


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A file of a job: `type` is that of its resources, `count` the number of its lines."""

    name: str
    type: str
    role: Role
    count: int


@dataclass(slots=True)
class _Open:
    stream: IO[bytes]
    whose: IO[bytes]
    type: str
    role: Role
    count: int = 0
    size: int = 0


class Folder:
    """The folder of a job."""

    def __init__(self, root: Path, job: str) -> None:
        self.path = root / job

    def create(self) -> None:
        """Make the folder anew and empty: what an interrupted attempt left is of no use."""
        self.remove()
        self.path.mkdir(mode=0o700, parents=True)

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.path)

    def open_new(self, name: str) -> IO[bytes]:
        """A new file for its owner alone."""
        descriptor = os.open(self.path / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        return os.fdopen(descriptor, "wb", buffering=_BUFFER)

    def find(self, name: str) -> Path | None:
        """A file to read; None when the job has no such file (any more)."""
        path = self.path / name
        return path if _NAME.fullmatch(name) is not None and path.is_file() else None


class Writer:
    """Writes lines to files by what they are called, one begun after the other when they grow large."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._files: dict[str, list[_Open]] = {}

    def write(self, name: str, type_name: str, role: Role, lines: Sequence[Line]) -> None:
        """Add lines. Raises OSError, as for a disk that is full."""
        files = self._files.get(name, [])
        if not files or files[-1].size > LARGEST:
            if files:
                _complete(files[-1])
            path = f"{name}.{len(files) + 1}.ndjson"
            streams = self._folder.open_new(path), self._folder.open_new(path + _WHOSE)
            files.append(_Open(*streams, type_name, role))
            self._files[name] = files
        file = files[-1]
        text = b"".join(body + b"\n" for body, _ in lines)
        file.stream.write(text)
        file.whose.write("".join(f"{patient or ''}\n" for _, patient in lines).encode())
        file.count += len(lines)
        file.size += len(text)

    def finish(self) -> list[ResultFile]:
        """Make all files durable; gives them in the order of their names."""
        done = []
        for name, files in sorted(self._files.items()):
            _complete(files[-1])
            done += [
                ResultFile(f"{name}.{number}.ndjson", each.type, each.role, each.count)
                for number, each in enumerate(files, start=1)
            ]
        return done

    def close(self) -> None:
        """Close what is open, also after a fault."""
        for files in self._files.values():
            for stream in (files[-1].stream, files[-1].whose):
                with contextlib.suppress(OSError):
                    stream.close()


def make_durable(stream: IO[bytes]) -> None:
    """Return when what was written outlasts a power cut."""
    stream.flush()
    os.fsync(stream.fileno())


def _complete(file: _Open) -> None:
    for stream in (file.stream, file.whose):
        make_durable(stream)
        stream.close()


async def served(path: Path, without: Sequence[str], *, compressed: bool) -> AsyncGenerator[bytes, None]:
    """A file piece by piece, gzip on the way where that was accepted.

    Lines that belong to a patient of `without`, or in which the id of one stands, are left out.
    """
    packer = zlib.compressobj(1, wbits=31) if compressed else None
    with contextlib.ExitStack() as opened:
        stream = opened.enter_context(path.open("rb"))
        pieces = iter(lambda: stream.read(_SERVED), b"")
        if without:
            whose = opened.enter_context(path.with_name(path.name + _WHOSE).open("rb"))
            pieces = _left(stream, whose, without)
        while piece := await asyncio.to_thread(next, pieces, b""):
            packed = piece if packer is None else await asyncio.to_thread(packer.compress, piece)
            if packed:
                yield packed
    if packer is not None:
        yield packer.flush()


def _left(stream: IO[bytes], whose: IO[bytes], without: Sequence[str]) -> Iterator[bytes]:
    """What is left of a file without the lines of some patients and those that name them."""
    ids = frozenset(each.encode() for each in without)
    alternatives = b"|".join(re.escape(each) for each in ids)
    names_one = re.compile(rb"(?<![A-Za-z0-9.\-])(?:" + alternatives + rb")(?![A-Za-z0-9.\-])").search
    while lines := stream.readlines(_SERVED):
        owners = (next(whose).rstrip() for _ in lines)
        beside = zip(lines, owners, strict=True)
        if kept := b"".join(line for line, owner in beside if owner not in ids and not names_one(line)):
            yield kept
