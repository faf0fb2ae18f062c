"""`kontinuum import`: what goes in, under which id, what is refused and told, and what a second time does."""

from __future__ import annotations

import gzip
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from kontinuum.fhir import json
from kontinuum.kernel.config import Settings
from tests.conftest import OTHER, SHARED
from tests.support.delivery import PROVIDER, UNIT, Installation, write_json, write_lines
from tests.support.resources import bundle, observation, patient, request

SYNTHEA = SHARED / "samples" / "synthea"


@pytest.fixture
def here(dsn: str, settings: Settings, tmp_path: Path) -> Installation:
    """An empty installation."""
    return Installation(dsn, settings, tmp_path)


def practitioner(number: str, **more: Any) -> dict[str, Any]:
    """A practitioner with an identifier."""
    return {
        "resourceType": "Practitioner",
        "identifier": [{"system": "urn:example:staff", "value": number}],
        **more,
    }


def test_it_works(here: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """A single resource goes in under its own id, with its decimals as they were written."""
    file = here.folder / "observation.json"
    file.write_text(
        '{"resourceType":"Observation","id":"o1","status":"final","code":{"text":"Vikt"},'
        '"valueQuantity":{"value":70.50,"unit":"kg"}}'
    )
    assert here.take_in(file) == 0
    stored = here.read("Observation/o1")
    assert stored is not None
    assert stored.body is not None
    assert b'"value":70.50' in stored.body
    assert (stored.unit, stored.provider, stored.version) == (UNIT, PROVIDER, 1)
    assert "1 resources" in capsys.readouterr().out
    assert here.refused() == []


@pytest.mark.slow
@pytest.mark.skipif(not SYNTHEA.is_dir(), reason="../shared/samples/synthea is not there")
def test_all_of_synthea_goes_in_and_a_second_time_changes_nothing(
    here: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """7,854 entries, of which some are the same practitioner or organisation with other content."""
    assert here.take_in(SYNTHEA, processes=2) == 0
    first = capsys.readouterr().out
    assert "7,854 resources" in first
    assert here.refused() == []
    assert here.value("select count(*) from resource") == 7807
    before = here.value("select count(*) from history")
    assert here.take_in(SYNTHEA, processes=2) == 0
    total = next(line for line in capsys.readouterr().out.splitlines() if "Total" in line)
    assert total.split() == ["Total", "0", "0", "7,854", "0"]
    assert here.value("select count(*) from history") == before


def test_every_kind_of_file_is_read(here: Installation) -> None:
    """Folders with all below them, NDJSON, gzip, zip; names in either case."""
    source = here.folder / "in"
    write_json(source / "a.json", patient("1", id="plain"))
    write_lines(source / "deep" / "b.ndjson", patient("2", id="line-1"), patient("3", id="line-2"))
    write_lines(source / "c.JSONL", patient("4", id="line-3"))
    (source / "d.ndjson.gz").write_bytes(gzip.compress(json.dumps(patient("5", id="gz"))))
    (source / "e.json.gz").write_bytes(gzip.compress(json.dumps(patient("6", id="gz-json"))))
    with zipfile.ZipFile(source / "f.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/one.json", json.dumps(bundle("collection", {"resource": patient("7", id="zip")})))
        archive.writestr("two.ndjson", json.dumps(patient("8", id="zip-line")))
    (source / "notes.txt").write_text("not FHIR")
    assert here.take_in(source, processes=2) == 0
    names = ["plain", "line-1", "line-2", "line-3", "gz", "gz-json", "zip", "zip-line"]
    assert all(here.read(f"Patient/{name}") for name in names)
    assert here.value("select count(*) from resource") == len(names)


def test_files_passed_over_in_a_folder_are_told(
    here: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is not read is named."""
    write_json(here.folder / "in" / "a.json", patient(id="a"))
    (here.folder / "in" / "notes.txt").write_text("not FHIR")
    assert here.take_in(here.folder / "in") == 0
    assert "1 files (notes.txt)" in capsys.readouterr().err


def test_a_given_file_that_is_not_read_is_refused(
    here: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing goes in when the command itself is wrong."""
    file = here.folder / "patients.csv"
    file.write_text("a;b")
    assert here.take_in(file) == 2
    assert ".ndjson" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["transaction", "batch", "collection", "searchset", "document"])
def test_bundles_are_unpacked(here: Installation, kind: str) -> None:
    """References by fullUrl become references by id, and the bundle itself is not kept."""
    content = bundle(
        kind,
        {**request("POST", "Patient", patient(id="p")), "fullUrl": "urn:uuid:1b2c"},
        {
            "fullUrl": "urn:uuid:3d4e",
            "resource": observation("x", id="o", subject={"reference": "urn:uuid:1b2c"}),
        },
    )
    assert here.take_in(write_json(here.folder / "b.json", content)) == 0
    assert here.content("Observation/o")["subject"] == {"reference": "Patient/p"}
    assert here.value("select count(*) from resource") == 2


@pytest.mark.parametrize("kind", ["history", "message", "transaction-response"])
def test_bundles_that_are_no_containers_of_records_are_refused(here: Installation, kind: str) -> None:
    """Their entries mean something else than that a resource is as they say."""
    content = bundle(kind, {"resource": patient(id="p")})
    assert here.take_in(write_json(here.folder / "b.json", content)) == 3
    (refused,) = here.refused()
    assert kind in refused["issues"][0]["message"]
    assert here.read("Patient/p") is None


def test_resources_without_id_get_the_same_id_each_time(here: Installation) -> None:
    """So that reading a file twice does not double what is in it."""
    entries = [
        {**request("POST", "Patient", patient()), "fullUrl": "urn:uuid:aa"},
        request("POST", "Observation", observation("x", subject={"reference": "urn:uuid:aa"})),
    ]
    first = write_json(here.folder / "b.json", bundle("transaction", *entries))
    lines = write_lines(here.folder / "l.ndjson", patient("7"), patient("8"))
    assert here.take_in(first, lines) == 0
    assert here.take_in(first, lines) == 0
    assert here.value("select count(*) from resource") == 4
    assert here.value("select count(*) from history") == 0
    link = "select count(*) from resource o join resource p on o.patient = p.id where o.id <> p.id"
    assert here.value(link) == 1


def test_ids_come_from_the_request_or_the_address_of_an_entry(here: Installation) -> None:
    """`PUT Type/id` names the resource, and so does a fullUrl on a server."""
    content = bundle(
        "batch",
        request("PUT", "Patient/by-request", patient("1")),
        {"fullUrl": "https://ehr.example/fhir/Patient/by-address", "resource": patient("2")},
        {
            "fullUrl": "https://ehr.example/fhir/Observation/o",
            "resource": observation(
                "x", subject={"reference": "https://ehr.example/fhir/Patient/by-address"}, id="o"
            ),
        },
    )
    assert here.take_in(write_json(here.folder / "b.json", content)) == 0
    assert here.read("Patient/by-request")
    assert here.read("Patient/by-address")
    assert here.content("Observation/o")["subject"] == {"reference": "Patient/by-address"}


def test_what_is_wrong_is_refused_with_its_reason_and_the_rest_goes_in(
    here: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each refused resource stands in a file with source, entry and issues."""
    file = here.folder / "in" / "mixed.ndjson"
    write_lines(file, patient(id="good"), patient(id="bad", gender="sometimes"))
    with file.open("ab") as more:
        more.write(b"{not json\n\n")
    write_json(
        here.folder / "in" / "b.json",
        bundle(
            "transaction",
            request("DELETE", "Patient/good"),
            request("POST", "Observation", observation("x", id="o", subject={"reference": "urn:uuid:none"})),
            request("PUT", "Patient/one", patient(id="other")),
        ),
    )
    assert here.take_in(here.folder / "in") == 3
    refused = {(Path(each["source"]).name, each["entry"]): each for each in here.refused()}
    assert sorted(refused) == [*(("b.json", n) for n in (0, 1, 2)), *(("mixed.ndjson", n) for n in (2, 3))]
    assert refused["mixed.ndjson", 2]["resource"]["id"] == "bad"
    assert refused["mixed.ndjson", 2]["issues"][0]["location"] == "Patient.gender"
    assert "JSON" in refused["mixed.ndjson", 3]["issues"][0]["message"]
    assert "DELETE" in refused["b.json", 0]["issues"][0]["message"]
    assert "urn:uuid:none" in refused["b.json", 1]["issues"][0]["message"]
    assert here.read("Patient/good")
    assert here.value("select count(*) from resource") == 1
    assert here.refused_file.stat().st_mode & 0o077 == 0, "patient data must not be open to others"
    assert "5 refused" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.ndjson.gz", gzip.compress(b'{"resourceType":"Patient"}' * 50, mtime=0)[:-12]),
        ("none.zip", b"not a zip"),
        ("empty.json", b""),
        ("latin.json", '{"resourceType":"Basic","language":"å"}'.encode("latin-1")),
        ("list.json", b"[1, 2]"),
    ],
    ids=["cut", "no-zip", "empty", "latin-1", "list"],
)
def test_files_that_cannot_be_read_are_refused_by_name(here: Installation, name: str, content: bytes) -> None:
    """And what lies beside them goes in."""
    folder = here.folder / "in"
    write_json(folder / "good.json", patient(id="good"))
    (folder / name).write_bytes(content)
    assert here.take_in(folder) == 3
    assert [Path(each["source"]).name for each in here.refused()] == [name]
    assert here.read("Patient/good")


def test_conditional_references_find_what_comes_with_the_delivery_in_any_order(here: Installation) -> None:
    """The file that is referred to may be read last."""
    by_staff = {"reference": "Practitioner?identifier=urn:example:staff|7"}
    folder = here.folder / "in"
    write_json(folder / "a.json", bundle("transaction", request("POST", "Patient", patient(id="p"))))
    write_json(
        folder / "b.json",
        bundle("transaction", request("POST", "Observation", observation("p", id="o", performer=[by_staff]))),
    )
    write_lines(folder / "z.ndjson", practitioner("7", id="staff-7"))
    assert here.take_in(folder, processes=2) == 0
    assert here.content("Observation/o")["performer"] == [{"reference": "Practitioner/staff-7"}]


def test_conditional_references_that_find_nothing_or_several_are_refused(here: Installation) -> None:
    """The resource that carries one stays out; its bundle goes in."""
    none = {"reference": "Practitioner?identifier=urn:example:staff|0"}
    two = {"reference": "Practitioner?identifier=urn:example:staff|2"}
    wrong = {"reference": "Practitioner?unheard-of=1"}
    content = bundle(
        "transaction",
        request("POST", "Practitioner", practitioner("2", id="a")),
        request("POST", "Practitioner", practitioner("2", id="b")),
        *(
            request("POST", "Observation", observation("p", id=name, performer=[reference]))
            for name, reference in (("none", none), ("two", two), ("wrong", wrong))
        ),
    )
    assert here.take_in(write_json(here.folder / "b.json", content)) == 3
    issues = {each["resource"]["id"]: each["issues"][0] for each in here.refused()}
    assert {name: issue["location"] for name, issue in issues.items()} == dict.fromkeys(
        ("none", "two", "wrong"), "Observation.performer[0].reference"
    )
    assert issues["none"]["code"] == "not-found"
    assert issues["two"]["code"] == "multiple-matches"
    assert "unheard-of" in issues["wrong"]["message"]
    assert here.value("select count(*) from resource") == 2


def test_a_conditional_create_is_made_once(here: Installation) -> None:
    """`ifNoneExist` finds what the record has, and two files that create the same thing create it once."""
    exists = {"ifNoneExist": "identifier=urn:example:staff|9"}
    for name in ("a", "b"):
        content = bundle(
            "transaction",
            request("POST", "Practitioner", practitioner("9"), fullUrl="urn:uuid:77", **exists),
            {"resource": observation("p", id=name, performer=[{"reference": "urn:uuid:77"}])},
        )
        write_json(here.folder / "in" / f"{name}.json", content)
    assert here.take_in(here.folder / "in", processes=2) == 0
    assert here.value("select count(*) from resource") == 3
    assert here.content("Observation/a")["performer"] == here.content("Observation/b")["performer"]


def test_what_has_been_superseded_is_not_brought_back(here: Installation) -> None:
    """An old delivery that is read again leaves what is newer."""
    old = write_json(here.folder / "old.json", patient(id="p", gender="male"))
    new = write_json(here.folder / "new.json", patient(id="p", gender="female"))
    assert [here.take_in(old), here.take_in(new), here.take_in(old)] == [0, 0, 0]
    assert here.content("Patient/p")["gender"] == "female"
    assert here.content("Patient/p")["meta"]["versionId"] == "2"


def test_another_providers_resource_is_not_overwritten(here: Installation) -> None:
    """The gate decides for an import as for anyone."""
    mine = write_json(here.folder / "mine.json", observation("p", id="o", value=1))
    theirs = write_json(here.folder / "theirs.json", observation("p", id="o", value=2))
    assert here.take_in(mine) == 0
    assert here.take_in(theirs, unit=OTHER, provider=OTHER) == 3
    assert here.refused()[0]["issues"][0]["code"] == "forbidden"
    assert here.content("Observation/o")["valueQuantity"]["value"] == 1


def test_the_same_resource_twice_in_a_delivery_becomes_two_versions(here: Installation) -> None:
    """Both contents are kept, in their order."""
    first, second = patient(id="p", gender="male"), patient(id="p", gender="female")
    assert here.take_in(write_lines(here.folder / "l.ndjson", first, second)) == 0
    assert here.content("Patient/p")["gender"] == "female"
    assert here.value("select count(*) from history where id = 'p'") == 1


def test_every_import_is_in_the_log(here: Installation) -> None:
    """With the patients whom it concerned."""
    assert here.take_in(write_json(here.folder / "p.json", patient(id="p"))) == 0
    assert here.value("select count(*) from audit_entry where action = 'import' and 'p' = any(patients)") == 1


def test_an_hsa_id_that_is_none_is_refused(here: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is read."""
    file = write_json(here.folder / "p.json", patient(id="p"))
    assert here.take_in(file, unit="ward 7") == 2
    assert "ward 7" in capsys.readouterr().err
    assert here.read("Patient/p") is None


def test_large_files_are_read_in_pieces(here: Installation) -> None:
    """More lines than one piece holds, the last without a line end."""
    file = here.folder / "many.ndjson"
    lines = [json.dumps(observation("p", id=f"o{n}", note=[{"text": "x" * 400}])) for n in range(1500)]
    file.write_bytes(b"\n".join(lines))
    assert here.take_in(file, processes=2) == 0
    assert here.value("select count(*) from resource") == 1500


def test_a_changed_file_is_read_anew(here: Installation) -> None:
    """The journal of an import does not outlive it."""
    folder = here.folder / "in"
    write_json(folder / "p.json", patient(id="p", gender="male"))
    assert here.take_in(folder) == 0
    assert here.value("select count(*) from delivery_progress") == 0
    shutil.rmtree(folder)
    write_json(folder / "p.json", patient(id="p", gender="female"))
    assert here.take_in(folder) == 0
    assert here.content("Patient/p")["gender"] == "female"
