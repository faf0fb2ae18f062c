"""Where an import reads: files, folders, archives, and the folders that an export has written.

Everything is read in pieces of bounded size, so that memory does not grow with the delivery: NDJSON a few
hundred lines at a time, other files a document at a time. http://hl7.org/fhir/R4/nd-json.html
"""

from __future__ import annotations

import gzip
import hashlib
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, cast

from kontinuum.app.commands import manifest

PIECE_BYTES = 384 * 1024
LONGEST_LINE = 64 * 1024 * 1024
LARGEST_DOCUMENT = 512 * 1024 * 1024
LINES = (".ndjson", ".jsonl")
DOCUMENT = (".json",)

Kind = Literal["document", "lines", "resources"]
"""One document; a resource or bundle a line; a resource a line."""
Owner = tuple[int, str, str]
"""So many resources in a row, and the care unit and provider accountable for them."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one process takes in at a time.

    `file` is how a person finds it, `key` its name in the journal, `first` the number of its first line.
    `cost` is its share of the bytes of the delivery. `owners` are set for what an export has written: it is
    restored. `final`: what it refers to and cannot be found will not come any more.
    """

    file: str
    key: str
    kind: Kind
    first: int
    data: bytes
    cost: int
    owners: tuple[Owner, ...] | None = None
    final: bool = False


@dataclass(frozen=True, slots=True)
class Broken:
    """A file or part of one that cannot be read, and why."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class Source:
    """One file of a delivery, with its size on disk in bytes; `exported` when an export has written it."""

    path: Path
    size: int
    exported: manifest.ExportedFile | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """All files that the paths of a command lead to; `passed_over` are no FHIR by their names."""

    sources: tuple[Source, ...]
    passed_over: tuple[Path, ...]

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(source.size for source in self.sources)


class SourceError(Exception):
    """A path that cannot be imported; the message says why."""


def find(paths: Sequence[Path]) -> Delivery:
    """Look up what paths lead to: files as given, folders with all below them in the order of their names.

    Raises SourceError for a given file of a kind that is not read, and for an export that is damaged.
    """
    sources: list[Source] = []
    passed_over: list[Path] = []
    for path in paths:
        if not path.is_dir():
            if not _readable(path.name):
                raise SourceError(
                    f"{path} is not read by its name: give .json, .ndjson or .jsonl, those with .gz, or .zip."
                )
            sources.append(Source(path, path.stat().st_size))
        elif manifest.is_export(path):
            sources += _exported(path)
        else:
            for found in sorted(each for each in path.rglob("*") if each.is_file()):
                if _readable(found.name):
                    sources.append(Source(found, found.stat().st_size))
                else:
                    passed_over.append(found)
    return Delivery(tuple(sources), tuple(passed_over))


def read(source: Source) -> Iterator[Piece | Broken]:
    """Give a file in pieces; where it cannot be read further, the reason comes last."""
    file = str(source.path)
    try:
        if source.exported is not None:
            yield from _restored(source, source.exported)
        elif source.path.suffix.lower() == ".zip":
            yield from _zipped(source)
        else:
            yield from _plain(source)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        # RuntimeError is how zipfile tells of a password, NotImplementedError of an unknown compression.
        yield Broken(file, f"it cannot be read: {error}")


def _readable(name: str) -> bool:
    name = name.lower()
    return name.endswith(".zip") or _kind(name) is not None


def _kind(name: str) -> Kind | None:
    """What a file holds, by its name without `.gz`; None for what is no FHIR."""
    name = name.lower().removesuffix(".gz")
    return "lines" if name.endswith(LINES) else "document" if name.endswith(DOCUMENT) else None


def _fingerprint(path: Path) -> str:
    """Tells a file from others and from its own earlier content."""
    about = path.stat()
    with path.open("rb") as file:
        head = file.read(65536)
    parts = f"{path.absolute()}|{about.st_size}|{about.st_mtime_ns}|".encode()
    return hashlib.blake2b(parts + head, digest_size=16).hexdigest()


def _plain(source: Source) -> Iterator[Piece | Broken]:
    name, key = str(source.path), _fingerprint(source.path)
    kind = _kind(source.path.name)
    with source.path.open("rb") as raw:
        packed = source.path.name.lower().endswith(".gz")
        stream = cast(IO[bytes], gzip.GzipFile(fileobj=raw) if packed else raw)
        if kind == "lines":
            yield from _in_lines(stream, raw, name, key, 1.0)
        else:
            yield _document(stream, name, key, source.size)


def _zipped(source: Source) -> Iterator[Piece | Broken]:
    key = _fingerprint(source.path)
    with zipfile.ZipFile(source.path) as archive:
        for member in archive.infolist():
            name = f"{source.path}: {member.filename}"
            if member.is_dir():
                continue
            kind = _kind(member.filename)
            if kind is None:
                yield Broken(name, "by its name it is neither JSON nor NDJSON")
                continue
            own_key = f"{key}/{member.header_offset}"
            with archive.open(member) as raw:
                packed = member.filename.lower().endswith(".gz")
                stream = cast(IO[bytes], gzip.GzipFile(fileobj=raw) if packed else raw)
                if kind == "lines":
                    share = member.compress_size / max(1, member.file_size)
                    yield from _in_lines(stream, raw, name, own_key, share)
                else:
                    yield _document(stream, name, own_key, member.compress_size)


def _document(stream: IO[bytes], name: str, key: str, cost: int) -> Piece | Broken:
    data = stream.read(LARGEST_DOCUMENT + 1)
    if len(data) > LARGEST_DOCUMENT:
        limit = LARGEST_DOCUMENT // 1024 // 1024
        return Broken(name, f"a single document of more than {limit} MB; split it, or give NDJSON")
    return Piece(name, f"{key}:0", "document", 1, data, cost)


def _in_lines(
    stream: IO[bytes], raw: IO[bytes], name: str, key: str, share: float
) -> Iterator[Piece | Broken]:
    """Cut at line ends; `share` turns bytes read from `raw` into bytes on disk."""
    first, before = 1, 0
    while data := stream.read(PIECE_BYTES):
        rest = b"" if data.endswith(b"\n") else stream.readline(LONGEST_LINE)
        if len(rest) == LONGEST_LINE:
            limit = LONGEST_LINE // 1024 // 1024
            line = first + data.count(b"\n")
            yield Broken(name, f"line {line} is longer than {limit} MB; the file is read up to there")
            return
        data += rest
        position = raw.tell()
        yield Piece(name, f"{key}:{first}", "lines", first, data, int((position - before) * share))
        before = position
        first += data.count(b"\n")


def _exported(folder: Path) -> list[Source]:
    """The files of an export, each proved to be what was written before anything is taken in."""
    try:
        about = manifest.read(folder)
    except manifest.ManifestError as error:
        raise SourceError(str(error)) from None
    for name, expected in [(file.name, file.sha256) for file in about.files] + [
        (manifest.ACCOUNTABLE, about.accountable_sha256)
    ]:
        path = folder / name
        if not path.is_file():
            raise SourceError(f"{folder} is a damaged export: {name} is missing.")
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            raise SourceError(
                f"{folder} is a damaged export: {name} is not the file that was written. To take the files "
                f"in as they are, as new resources, move {manifest.MANIFEST} out of the folder."
            )
    return [Source(folder / file.name, (folder / file.name).stat().st_size, file) for file in about.files]


def _restored(source: Source, exported: manifest.ExportedFile) -> Iterator[Piece | Broken]:
    """A file of an export, with the owners of its lines beside it."""
    name, key = str(source.path), _fingerprint(source.path)
    owners = manifest.owners(source.path.parent, exported.name)
    left: Owner | None = None
    with source.path.open("rb") as raw:
        for piece in _in_lines(raw, raw, name, key, 1.0):
            if isinstance(piece, Broken):
                yield piece
                return
            wanted = piece.data.count(b"\n")
            runs: list[Owner] = []
            while wanted:
                run = left or next(owners)
                taken = min(wanted, run[0])
                runs.append((taken, run[1], run[2]))
                left = (run[0] - taken, run[1], run[2]) if run[0] > taken else None
                wanted -= taken
            yield Piece(
                piece.file, piece.key, piece.kind, piece.first, piece.data, piece.cost, owners=tuple(runs)
            )
