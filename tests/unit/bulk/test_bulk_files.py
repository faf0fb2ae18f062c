"""Files of a job: written in parts, served whole or without the lines of some persons."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from kontinuum.bulk import Folder, files
from kontinuum.bulk.files import Writer, served

LINES: list[files.Line] = [
    (b'{"id":"a1"}', "a1"),
    (b'{"subject":{"reference":"Patient/a1"}}', None),
    (b'{"status":"final"}', "a1"),
    (b'{"id":"a10"}', "a10"),
    (b'{"id":"b.a1"}', None),
    (b'{"id":"c"}', "c"),
]
BODIES = [body for body, _ in LINES]


@pytest.mark.parametrize("size", [1, 7, 12, 40, 4096])
@pytest.mark.parametrize("compressed", [False, True])
async def test_lines_of_somebody_and_that_name_them_are_left_out_wherever_a_piece_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, compressed: bool
) -> None:
    monkeypatch.setattr(files, "_SERVED", size)
    folder = Folder(tmp_path, "job")
    folder.create()
    writer = Writer(folder)
    writer.write("Patient", "Patient", "output", LINES)
    (file,) = writer.finish()
    path = folder.find(file.name)
    assert path is not None
    for without, left in (((), BODIES), (("a1",), BODIES[3:]), (("a1", "c"), BODIES[3:5])):
        found = b"".join([piece async for piece in served(path, without, compressed=compressed)])
        content = zlib.decompress(found, wbits=31) if compressed else found
        assert content.splitlines() == left


def test_a_large_file_is_followed_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST", 20)
    folder = Folder(tmp_path, "job")
    folder.create()
    writer = Writer(folder)
    for line in LINES:
        writer.write("Patient", "Patient", "output", [line])
    written = writer.finish()
    assert [each.name for each in written] == [f"Patient.{number}.ndjson" for number in (1, 2, 3)]
    text = b"".join((folder.path / each.name).read_bytes() for each in written)
    assert text.splitlines() == BODIES
    assert sum(each.count for each in written) == len(LINES)
    assert (folder.path.stat().st_mode & 0o77, (folder.path / written[0].name).stat().st_mode & 0o77) == (
        0,
        0,
    )
