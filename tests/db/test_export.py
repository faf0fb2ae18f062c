"""`kontinuum export`: everything comes out, and goes into an empty store as it was."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from kontinuum.app.postgres import scratch_database
from kontinuum.fhir import json
from kontinuum.kernel.config import Settings
from tests.conftest import OTHER
from tests.support.delivery import PROVIDER, UNIT, Installation, write_json, write_lines
from tests.support.resources import observation, patient, variety


@pytest.fixture
def here(dsn: str, settings: Settings, tmp_path: Path) -> Installation:
    """An installation that holds resources of two providers, in several versions, one deleted."""
    here = Installation(dsn, settings, tmp_path)
    mine = write_lines(tmp_path / "mine.ndjson", *variety(), observation("p1", id="changed", value="1.00"))
    change = write_json(tmp_path / "change.json", observation("p1", id="changed", value="2.50"))
    theirs = write_lines(tmp_path / "theirs.ndjson", *(observation("p1", id=f"o{n}") for n in range(5)))
    without_id = write_lines(tmp_path / "new.ndjson", patient("no id"), patient("nor here", gender="other"))
    assert here.take_in(mine, without_id) == 0
    assert here.take_in(change) == 0
    assert here.take_in(theirs, unit=OTHER, provider=OTHER) == 0
    return here


@pytest.fixture
def there(database_server: str, template: str, settings: Settings, tmp_path: Path) -> Iterator[Installation]:
    """Another, empty installation."""
    with scratch_database(database_server, template=template) as dsn:
        yield Installation(dsn, settings, tmp_path / "there")


def files(folder: Path) -> dict[str, bytes]:
    """What lies in a folder, without the manifest, which tells when it was made."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "manifest.json"}


def test_what_was_exported_is_restored_as_it_was(here: Installation, there: Installation) -> None:
    """Ids, versions, times, bodies and accountable units; and it comes out again in identical files."""
    assert here.give_out(here.folder / "out") == 0
    assert there.take_in(here.folder / "out", processes=2) == 0
    changed, restored = here.read("Observation/changed"), there.read("Observation/changed")
    assert changed == restored
    assert changed is not None
    assert changed.version == 2
    assert changed.body is not None
    assert b'"value":2.50' in changed.body
    assert here.read("Observation/o3", provider=OTHER) == there.read("Observation/o3", provider=OTHER)
    assert there.read("Observation/o3") is None, "still the other provider's"
    assert there.give_out(here.folder / "again") == 0
    assert files(here.folder / "again") == files(here.folder / "out")


def test_a_restored_store_goes_on(here: Installation, there: Installation) -> None:
    """What was restored can be changed, and its versions go on counting; restoring twice changes nothing."""
    assert here.give_out(here.folder / "out") == 0
    assert there.take_in(here.folder / "out") == 0
    assert there.take_in(here.folder / "out") == 0
    assert there.value("select count(*) from history") == 0
    change = write_json(here.folder / "change.json", observation("p1", id="changed", value="3"))
    assert there.take_in(change) == 0
    assert there.content("Observation/changed")["meta"]["versionId"] == "3"


def test_the_manifest_proves_the_files(here: Installation) -> None:
    """Counts and SHA-256 of each file; every line is a resource of the file's type."""
    assert here.give_out(here.folder / "out") == 0
    about = json.loads((here.folder / "out" / "manifest.json").read_bytes())
    assert about["resources"] == here.value("select count(*) from resource where body is not null")
    assert sum(file["count"] for file in about["files"]) == about["resources"]
    for file in about["files"]:
        content = (here.folder / "out" / file["name"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file["sha256"]
        lines = [json.loads(line) for line in content.splitlines()]
        assert len(lines) == file["count"]
        assert {line["resourceType"] for line in lines} == {file["type"]}


def test_types_can_be_chosen(here: Installation) -> None:
    """Only these come out."""
    assert here.give_out(here.folder / "out", types=["Patient"]) == 0
    assert set(files(here.folder / "out")) == {"Patient.ndjson", "accountable.ndjson"}


def test_an_unknown_type_is_refused(here: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """With the nearest name."""
    assert here.give_out(here.folder / "out", types=["Pateint"]) == 2
    assert "Patient" in capsys.readouterr().err
    assert not (here.folder / "out").exists()


def test_a_folder_that_holds_something_is_refused(
    here: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is overwritten, except what an interrupted export left."""
    out = here.folder / "out"
    write_json(out / "Patient.ndjson.unfinished", {})
    assert here.give_out(out) == 0
    assert not list(out.glob("*.unfinished"))
    before = files(out)
    assert here.give_out(out) == 2
    assert "not empty" in capsys.readouterr().err
    assert files(out) == before


def test_a_damaged_export_is_not_restored(
    here: Installation, there: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """A single changed byte, or a missing file, is told before anything is taken in."""
    out = here.folder / "out"
    assert here.give_out(out) == 0
    file = out / "Observation.ndjson"
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"2.50", b"9.50"))
    assert there.take_in(out) == 2
    assert "Observation.ndjson" in capsys.readouterr().err
    file.unlink()
    assert there.take_in(out) == 2
    assert "missing" in capsys.readouterr().err
    assert there.value("select count(*) from resource") == 0


def test_an_export_is_in_the_log_of_every_provider(here: Installation) -> None:
    """Each provider's documentation is given out under that provider."""
    assert here.give_out(here.folder / "out") == 0
    logged = here.value(
        "select array_agg(provider order by provider) from audit_entry where action = 'export'"
    )
    assert logged == sorted([PROVIDER, OTHER])


def test_an_empty_store_gives_an_empty_export(there: Installation) -> None:
    """A manifest without files, which can be imported again."""
    there.folder.mkdir()
    assert there.give_out(there.folder / "out") == 0
    assert set(files(there.folder / "out")) == {"accountable.ndjson"}
    assert there.take_in(there.folder / "out") == 0


def test_exported_files_are_open_to_their_owner_only(here: Installation) -> None:
    """They are patient data."""
    assert here.give_out(here.folder / "out") == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in (here.folder / "out").iterdir())


def test_accountable_units_are_those_of_the_import(here: Installation) -> None:
    """Beside the files stands who is accountable."""
    assert here.give_out(here.folder / "out") == 0
    lines = (here.folder / "out" / "accountable.ndjson").read_bytes().splitlines()
    runs = [json.loads(line) for line in lines]
    assert {(run["unit"], run["provider"]) for run in runs} == {(UNIT, PROVIDER), (OTHER, OTHER)}
