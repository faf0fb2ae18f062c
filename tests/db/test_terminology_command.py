"""`kontinuum terminology load` and `list`: what they say, and what a broken file leaves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from kontinuum.app.commands import first_start, terminology
from kontinuum.kernel.config import Settings
from kontinuum.terminology.loading.loader import Format
from tests.support.delivery import Installation


@pytest.fixture
def here(dsn: str, settings: Settings, tmp_path: Path) -> Installation:
    """An empty installation."""
    return Installation(dsn, settings, tmp_path)


ATC = "code,name\nA,Matsmältningsorgan\nA10BA02,Metformin\n"
COUNT = "select count(*) from terminology_concept"
RESOURCES = "select count(*) from resource"


def load(here: Installation, text: str, **options: object) -> int:
    """Load a file with this text as ATC."""
    path = here.folder / "atc.csv"
    path.write_text(text)
    return terminology.load(here.dsn, here.settings, form=Format.ATC, path=path, version="2026", **options)  # type: ignore[arg-type]


def test_a_release_is_loaded_once(here: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    assert load(here, ATC) == 0
    assert "2 concepts: loaded." in capsys.readouterr().out
    assert (here.value(COUNT), here.value(RESOURCES)) == (2, 1)
    assert load(here, ATC) == 0
    said = capsys.readouterr().out
    assert "nothing changed" in said
    assert "unchanged" in said
    assert (here.value(COUNT), here.value(RESOURCES)) == (2, 1)
    assert terminology.list_(here.dsn, here.settings) == 0
    assert "2026" in capsys.readouterr().out


def test_a_broken_release_leaves_what_was_there(
    here: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load(here, ATC) == 0
    assert load(here, ATC + "A10BA02,Metformin\n", replace=True) == 1
    said = capsys.readouterr().err
    assert "line 4, column code" in said
    assert "Nothing was loaded." in said
    assert here.value(COUNT) == 2


def test_other_content_of_a_version_is_refused_unless_told(
    here: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load(here, ATC) == 0
    assert load(here, ATC + "B,Blod\n") == 1
    assert "--replace" in capsys.readouterr().err
    assert here.value(COUNT) == 2
    assert load(here, ATC + "B,Blod\n", replace=True) == 0
    assert here.value(COUNT) == 3


def test_fhir_resources_are_written_through_the_record(here: Installation) -> None:
    path = here.folder / "vs.json"
    path.write_text(
        '{"resourceType": "ValueSet", "url": "http://e.org/vs", "status": "active", "compose": '
        '{"include": [{"system": "http://e.org/s", "concept": [{"code": "a"}]}]}}'
    )
    assert terminology.load(here.dsn, here.settings, form=Format.FHIR, path=path) == 0
    assert here.value(RESOURCES) == 1
    assert here.value("select count(*) from terminology_artifact where origin <> ''") == 1


def test_in_production_someone_must_be_accountable(
    here: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    production = replace(here.settings, environment="production")
    assert terminology.load(here.dsn, production, form=Format.STARTER) == 2
    assert "--provider" in capsys.readouterr().err
    assert here.value(COUNT) == 0


def test_a_first_start_has_codes_to_work_with(here: Installation) -> None:
    first_start.write_starter(here.dsn)
    held = here.value(COUNT)
    assert held > 1000
    first_start.write_starter(here.dsn)
    assert here.value(COUNT) == held


def test_an_interruption_leaves_nothing(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted(*_: object) -> None:
        raise asyncpg.PostgresConnectionError("gone")

    monkeypatch.setattr("kontinuum.store.terminology.loading.derive", interrupted)
    with pytest.raises(asyncpg.PostgresConnectionError):
        load(here, ATC)
    assert here.value(COUNT) == 0
    assert here.value("select count(*) from terminology_artifact") == 0
