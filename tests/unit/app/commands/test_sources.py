"""Files in pieces: nothing lost, nothing twice, the same cuts each time."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontinuum.app.commands import sources
from kontinuum.app.commands.sources import Broken, Piece


def pieces(path: Path) -> list[Piece]:
    """All pieces of one file that can be read."""
    found = [piece for source in sources.find([path]).sources for piece in sources.read(source)]
    good = [piece for piece in found if isinstance(piece, Piece)]
    assert len(good) == len(found)
    return good


@given(lines=st.lists(st.integers(0, 40), max_size=60), ended=st.booleans())
def test_lines_are_cut_between_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[int], ended: bool
) -> None:
    """Together the pieces are the file, each begins at the line it says, and they cost what the file has."""
    text = b"\n".join(b"x" * length for length in lines) + (b"\n" if ended else b"")
    path = tmp_path_factory.mktemp("lines") / "a.ndjson"
    path.write_bytes(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "PIECE_BYTES", 100)
        cut = pieces(path)
        assert [piece.key for piece in cut] == [piece.key for piece in pieces(path)]
    assert b"".join(piece.data for piece in cut) == text
    assert sum(piece.cost for piece in cut) == len(text)
    line = 1
    for piece in cut:
        assert piece.first == line
        line += piece.data.count(b"\n")
    assert all(piece.data.endswith(b"\n") for piece in cut[:-1])


def test_packed_lines_are_those_of_the_plain_file(tmp_path: Path) -> None:
    """gzip and zip, and gzip in zip."""
    text = b"".join(b'{"n":%d}\n' % number for number in range(1000))
    (tmp_path / "a.ndjson").write_bytes(text)
    (tmp_path / "b.ndjson.gz").write_bytes(gzip.compress(text))
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("c.ndjson", text)
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.writestr("d.ndjson.gz", gzip.compress(text))
    for name in ("a.ndjson", "b.ndjson.gz", "c.zip", "d.zip"):
        assert b"".join(piece.data for piece in pieces(tmp_path / name)) == text


def test_a_changed_file_has_other_keys(tmp_path: Path) -> None:
    """What was noted of the old one does not hold for the new one."""
    path = tmp_path / "a.json"
    path.write_bytes(b"{}")
    before = pieces(path)[0].key
    path.write_bytes(b"[]")
    assert pieces(path)[0].key != before


def test_members_that_are_not_read_are_told(tmp_path: Path) -> None:
    """An archive is a delivery: what lies in it was meant to be taken in."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("readme.txt", "x")
    (source,) = sources.find([tmp_path]).sources
    (broken,) = sources.read(source)
    assert isinstance(broken, Broken)
    assert broken.file.endswith("a.zip: readme.txt")


def test_a_document_larger_than_allowed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory has an end."""
    monkeypatch.setattr(sources, "LARGEST_DOCUMENT", 10)
    (tmp_path / "a.json").write_bytes(b"[1,2,3,4,5,6,7]")
    (source,) = sources.find([tmp_path]).sources
    (broken,) = sources.read(source)
    assert isinstance(broken, Broken)


def test_a_line_longer_than_allowed_ends_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told at which line."""
    monkeypatch.setattr(sources, "LONGEST_LINE", 50)
    monkeypatch.setattr(sources, "PIECE_BYTES", 20)
    (tmp_path / "a.ndjson").write_bytes(b"{}\n{}\n" + b"x" * 200 + b"\n{}\n")
    (source,) = sources.find([tmp_path]).sources
    *_, last = sources.read(source)
    assert isinstance(last, Broken)
    assert "line 3 " in last.reason


def test_folders_are_read_in_the_order_of_names(tmp_path: Path) -> None:
    """So that the same folder is the same delivery."""
    for name in ("b.json", "a.ndjson", "c/a.json", "README"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"{}")
    delivery = sources.find([tmp_path])
    assert [source.path.name for source in delivery.sources] == ["a.ndjson", "b.json", "a.json"]
    assert [path.name for path in delivery.passed_over] == ["README"]
    assert delivery.size == 6
