"""`kontinuum organisation import`: shows first, writes when told, refuses with lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from kontinuum.app.commands import organisation
from kontinuum.kernel.config import Settings
from tests.support.directory import DELIVERY, REGION, csv_of


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    """A file of the staff directory."""
    path = tmp_path / "katalog.csv"
    path.write_text(csv_of(DELIVERY), encoding="utf-8")
    return path


def test_nothing_is_written_until_it_is_told_to_and_then_it_is_so(
    dsn: str, settings: Settings, delivery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert organisation.run(dsn, settings, paths=[delivery]) == 0
    assert "Nothing is written" in capsys.readouterr().out
    assert organisation.run(dsn, settings, paths=[delivery], write=True) == 0
    assert "6 written" in capsys.readouterr().out
    assert organisation.run(dsn, settings, paths=[delivery], write=True, complete=[REGION]) == 0
    said = capsys.readouterr().out
    assert "0 written" in said
    assert "new" in said


def test_a_line_that_is_not_understood_refuses_the_delivery(
    dsn: str, settings: Settings, delivery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    delivery.write_text(csv_of([*DELIVERY, {"kind": "robot"}]), encoding="utf-8")
    assert organisation.run(dsn, settings, paths=[delivery], write=True) == 2
    told = capsys.readouterr().err
    assert "line 8, kind: 'robot' is not known" in told
    assert "nothing is written" in told
    assert organisation.run(dsn, settings, paths=[delivery], complete=["nobody"]) == 2
