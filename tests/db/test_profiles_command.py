"""`kontinuum profiles add`, `list` and `remove`: what they say, and what they leave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kontinuum.app.commands import profiles
from kontinuum.fhir import json
from kontinuum.kernel.config import Settings
from tests.support.delivery import PROVIDER, UNIT, Installation
from tests.support.profiles import HOME, profile, sliced, value_set

NAMED = profile("Named", "Patient", {"id": "Patient.name", "min": 1}, version="1.0.0")
AT = "Patient.identifier"
VAGUE = profile("Vague", "Patient", sliced(AT, "value", "system"), {"id": f"{AT}:any", "sliceName": "any"})
WIDE = profile("Wide", "Patient", {"id": "Patient.name", "min": 0}, base=HOME + "Named")
MODEL = {**profile("Model", "Patient"), "kind": "logical"}
DEFINED = "select count(*) from profile_definition"
CURRENT = "select count(*) from resource where body is not null"


@pytest.fixture
def here(dsn: str, settings: Settings, tmp_path: Path) -> Installation:
    """An empty installation."""
    return Installation(dsn, settings, tmp_path)


def add(here: Installation, version: str, *resources: dict[str, Any], **manifest: Any) -> int:
    """Load a package of these resources."""
    folder = here.folder / version
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    told = {"name": "example.base", "version": version, "fhirVersions": ["4.0.1"], **manifest}
    for number, content in enumerate((told, *resources)):
        name = "package.json" if content is told else f"{number}.json"
        (folder / name).write_bytes(json.dumps(content))
    return profiles.add(here.dsn, here.settings, path=folder, unit=UNIT, provider=PROVIDER)


def test_a_package_is_loaded_once_listed_and_removed(
    here: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    few = value_set("few", "a", version="1.0.0")
    needs = {"hl7.fhir.r4.core": "4.0.1", "hl7se.fhir.base": "1.1.0", "other.base": "2.0.0"}
    whole = (NAMED, VAGUE, WIDE, MODEL, few, {"resourceType": "SearchParameter"})
    assert add(here, "1.0.0", *whole, dependencies=needs) == 0
    said = capsys.readouterr().out
    assert "example.base#1.0.0: loaded, 4 StructureDefinition, 1 ValueSet." in said
    assert "It depends on other.base#2.0.0, which is not loaded." in said
    assert said.count("It depends on") == 1
    assert "Not used here: 1 SearchParameter." in said
    assert "Not used here: Model: it is a logical model." in said
    assert "Wide cannot be used: Patient.name: min is 0, and what it builds on demands 1." in said
    assert "Vague: the slice Patient.identifier:any says nothing of system" in said
    assert (here.value(DEFINED), here.value(CURRENT)) == (5, 5)

    assert add(here, "1.0.0", *whole, dependencies=needs) == 0
    assert "was there already, nothing changed" in capsys.readouterr().out
    assert add(here, "1.0.0", NAMED) == 1
    assert "is there with other content" in capsys.readouterr().err
    assert add(here, "1.1.0", NAMED, {**NAMED, "version": "1.1.0"}) == 0
    assert (here.value(DEFINED), here.value(CURRENT)) == (7, 6)

    capsys.readouterr()
    assert profiles.list_(here.dsn, here.settings) == 0
    said = capsys.readouterr().out
    assert (
        "hl7se.fhir.base#1.1.0  HL7 Sweden's base profiles, expressed for Kontinuum (part of Kontinuum)\n"
        in said
    )
    assert said.count(f"{HOME}Named|1.0.0\n") == 2
    assert f"example.base#1.1.0  example.base\n  Patient                 {HOME}Named|1.0.0\n" in said
    assert f"{HOME}Wide  (cannot be used)\n" in said

    def remove(name: str) -> int:
        return profiles.remove(here.dsn, here.settings, package=name, unit=UNIT, provider=PROVIDER)

    assert remove("example.base#1.0.0") == 0
    assert "example.base#1.0.0: removed, with 4 resources." in capsys.readouterr().out
    assert (here.value(DEFINED), here.value(CURRENT)) == (2, 2)
    assert remove("example.base#1.0.0") == 1
    assert "Loaded: example.base#1.1.0" in capsys.readouterr().err
    assert remove("hl7se.fhir.base#1.1.0") == 1
    assert "stays" in capsys.readouterr().err


def test_what_is_broken_leaves_nothing(here: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    assert add(here, "1.0.0", NAMED, {**VAGUE, "status": "sound"}) == 1
    said = capsys.readouterr().err
    assert "2.json, StructureDefinition.status" in said
    assert "Nothing was loaded." in said
    assert add(here, "5.0.0", fhirVersions=["5.0.0"]) == 1
    assert "is for FHIR 5.0.0" in capsys.readouterr().err
    assert profiles.add(here.dsn, here.settings, path=here.folder, unit="x") == 2
    assert (here.value(DEFINED), here.value(CURRENT)) == (0, 0)
