"""Published tables: text with columns, in whichever character set, separator and order they come."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kontinuum.terminology.content import ContentError

Advance = Callable[[int], None]

_SAMPLE = 64 * 1024
_SEPARATORS = ("\t", ";", ",", "|")


@dataclass(frozen=True, slots=True)
class File:
    """A file to read, perhaps within an archive; `size` is in bytes, unpacked."""

    name: str
    size: int
    open: Callable[[], io.BufferedIOBase]


@dataclass(frozen=True, slots=True)
class Row:
    """One row by the names of its columns, with the line on which it stands."""

    file: str
    line: int
    values: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values.get(column, "")

    def fault(self, column: str, message: str) -> ContentError:
        """What is wrong with a value: file, line, column and what to do."""
        return ContentError(f"{self.file}, line {self.line}, column {column}: {message}")


def files(path: Path, *suffixes: str) -> list[File]:
    """The files at a path: the file itself, those below a folder, or those in a .zip, by name."""
    if path.is_dir():
        found = [_plain(each) for each in sorted(path.rglob("*")) if each.is_file()]
    elif path.suffix.lower() == ".zip":
        found = _zipped(path)
    else:
        return [_plain(path)]
    return [each for each in found if each.name.lower().endswith(suffixes)]


def _plain(path: Path) -> File:
    return File(str(path), path.stat().st_size, lambda: path.open("rb"))


def _zipped(path: Path) -> list[File]:
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise ContentError(f"{path}: not a zip file that can be read; fetch it again.") from error

    def opener(name: str) -> Callable[[], io.BufferedIOBase]:
        return lambda: archive.open(name)  # type: ignore[return-value]

    return [
        File(f"{path}!{each.filename}", each.file_size, opener(each.filename))
        for each in sorted(archive.infolist(), key=lambda each: each.filename)
        if not each.is_dir()
    ]


def rows(
    file: File,
    columns: Mapping[str, Sequence[str]],
    required: Sequence[str],
    advance: Advance,
    *,
    headless: Sequence[str] = (),
    separator: str | None = None,
    quoted: bool = True,
) -> Iterator[Row]:
    """The rows of a table. `columns` gives for each name the headings, in lower case, that it may have.

    Without a heading row the columns are those of `headless`. The character set is UTF-8, else Windows-1252.
    Raises ContentError when a required column is not there, and for a row with a required value missing.
    """
    with file.open() as binary:
        start = binary.read(_SAMPLE)
        encoding = _encoding(start, file.size > len(start))
        sample = start.decode(encoding, errors="replace")
        separator = separator or max(_SEPARATORS, key=sample.split("\n", 1)[0].count)
    with file.open() as binary:
        counted = _Counted(binary, advance)
        text = io.TextIOWrapper(io.BufferedReader(counted), encoding=encoding, newline="")
        reader = csv.reader(
            text, delimiter=separator, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
        )
        try:
            yield from _named(file, reader, columns, required, headless)
        except UnicodeDecodeError as error:
            raise ContentError(
                f"{file.name}, line {reader.line_num + 1}: not {encoding} text ({error.reason} at byte "
                f"{error.start} of a piece); save it as UTF-8."
            ) from error
        except csv.Error as error:
            raise ContentError(f"{file.name}, line {reader.line_num}: {error}.") from error


def _named(
    file: File,
    reader: Iterator[list[str]],
    columns: Mapping[str, Sequence[str]],
    required: Sequence[str],
    headless: Sequence[str],
) -> Iterator[Row]:
    places: dict[str, int] | None = None
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if places is None:
            places = _places(cells, columns)
            if all(name in places for name in required):
                continue
            if not headless or len(cells) < len(required):
                raise _no_heading(file, cells, columns, required, places)
            places = {name: number for number, name in enumerate(headless)}
        line: int = reader.line_num  # type: ignore[attr-defined]
        values = {name: cells[at].strip() for name, at in places.items() if at < len(cells)}
        row = Row(file.name, line, values)
        missing = next((name for name in required if not row[name]), None)
        if missing is not None:
            raise row.fault(missing, "nothing stands there; fill it in or remove the row.")
        yield row


def _places(cells: Sequence[str], columns: Mapping[str, Sequence[str]]) -> dict[str, int]:
    headings = [cell.strip().lower().lstrip("\ufeff") for cell in cells]
    found = {}
    for name, known in columns.items():
        at = next((headings.index(each) for each in known if each in headings), None)
        if at is not None:
            found[name] = at
    return found


def _no_heading(
    file: File,
    cells: Sequence[str],
    columns: Mapping[str, Sequence[str]],
    required: Sequence[str],
    places: Mapping[str, int],
) -> ContentError:
    missing = next(name for name in required if name not in places)
    known = " or ".join(f"'{each}'" for each in columns[missing])
    heading = ", ".join(cells[:8])
    return ContentError(f"{file.name}, line 1: no column {known}. Its heading is: {heading}.")


def _encoding(start: bytes, more: bool) -> str:
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    # A cut may fall within a character.
    for cut in range(4 if more else 1):
        try:
            start[: len(start) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return "utf-8-sig"
    return "cp1252"


class _Counted(io.RawIOBase):
    """Tells how many bytes were read."""

    def __init__(self, inner: io.BufferedIOBase, advance: Advance) -> None:
        self._inner = inner
        self._advance = advance

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self._inner.read(len(buffer))
        buffer[: len(piece)] = piece
        self._advance(len(piece))
        return len(piece)
