"""Packages of profiles: what is read, what is refused with its file, and those that come with Kontinuum."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
from tests.support.profiles import HOME, profile, value_set

from kontinuum.fhir import json
from kontinuum.fhir.profiles import judge, judge_extensions, untold
from kontinuum.profiles.packages import PackageError, read_package
from kontinuum.profiles.service import library_of
from kontinuum.profiles.shipped import shipped

MANIFEST = {
    "name": "example.base",
    "version": "1.0.0",
    "fhirVersions": ["4.0.1"],
    "dependencies": {"hl7.fhir.r4.core": "4.0.1"},
}
NAMED = profile("Named", "Patient", {"id": "Patient.name", "min": 1}, id="named")
SEARCH = {"resourceType": "SearchParameter", "id": "x"}


def packed(path: Path, files: dict[str, Any]) -> Path:
    """A .tgz with these files; what is not bytes is written as JSON."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            text = content if isinstance(content, bytes) else json.dumps(content)
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return path


def test_a_package_is_the_same_packed_and_unpacked(tmp_path: Path) -> None:
    files = {"package.json": MANIFEST, "a.json": NAMED, "b.json": value_set("few", "a"), "s.json": SEARCH}
    folder = tmp_path / "unpacked" / "package"
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(json.dumps(content))
    archive = packed(
        tmp_path / "p.tgz",
        {
            **{f"package/{k}": v for k, v in files.items()},
            "package/example/broken.json": b"{",
            "package/x.txt": b"?",
        },
    )
    for read in (read_package(archive), read_package(folder.parent), read_package(folder)):
        assert (read.told, read.dependencies) == ("example.base#1.0.0", {"hl7.fhir.r4.core": "4.0.1"})
        assert [each.url for each in read.structures] == [HOME + "Named"]
        assert read.structures[0].package == "example.base#1.0.0"
        assert [each["resourceType"] for each in read.resources] == ["StructureDefinition", "ValueSet"]
        assert read.unused == {"SearchParameter": 1}
    assert read_package(folder).fingerprint == read_package(folder.parent).fingerprint


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"package/a.json": NAMED}, "there is no package/package.json"),
        (
            {"package/package.json": {**MANIFEST, "fhirVersions": ["5.0.0"]}},
            "is for FHIR 5.0.0, and this server is",
        ),
        ({"package/package.json": {"name": "x", "version": "1"}}, "is for FHIR none"),
        ({"package/package.json": {"fhirVersions": ["4.0.1"]}}, "says no name and version"),
        ({"package/package.json": MANIFEST, "package/a.json": b'{"a": '}, "p.tgz!a.json: "),
        ({"package/package.json": MANIFEST, "package/a.json": b"[]"}, "p.tgz!a.json: holds no JSON object"),
        ({"package/package.json": MANIFEST, "package/../../a.json": b"{}"}, "leads out of the package"),
        ({"/package/package.json": MANIFEST}, "leads out of the package"),
        (
            {"package/package.json": MANIFEST, "package/a.json": {**NAMED, "status": "sound"}},
            "p.tgz!a.json, StructureDefinition.status: ",
        ),
        (
            {"package/package.json": MANIFEST, "package/a.json": {**NAMED, "type": "Horse"}},
            "p.tgz!a.json, StructureDefinition",
        ),
    ],
)
def test_a_package_that_cannot_be_taken_says_where_and_why(
    tmp_path: Path, files: dict[str, Any], said: str
) -> None:
    with pytest.raises(PackageError) as refused:
        read_package(packed(tmp_path / "p.tgz", files))
    assert said in str(refused.value)


def test_what_is_no_archive_or_holds_links_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "p.tgz"
    broken.write_bytes(b"not packed")
    with pytest.raises(PackageError, match="not a package that can be read"):
        read_package(broken)
    with tarfile.open(broken, "w:gz") as archive:
        link = tarfile.TarInfo("package/package.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with pytest.raises(PackageError, match="a link or device has no place"):
        read_package(broken)


# --- the packages that come with Kontinuum --------------------------------------------------------

SE = "http://hl7.se/fhir/ig/base/StructureDefinition/"
PERSONNUMMER = {"system": "http://electronichealth.se/identifier/personnummer", "value": "190001019801"}
HSA = {"system": "urn:oid:1.2.752.29.4.19", "value": "SE2321000016-1"}
PRN = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "PRN"}]}


def test_all_profiles_that_are_shipped_can_be_used() -> None:
    library = library_of([])
    assert [each.told for each in shipped()] == ["hl7se.fhir.base#1.1.0", "kontinuum.base#1.0.0"]
    for structure in library:
        assert library.derived(structure).faults == [], structure.name
        assert untold(structure, library) == [], structure.name


@pytest.mark.parametrize(
    ("name", "resource", "errors"),
    [
        ("SEBasePatient", {"identifier": [PERSONNUMMER], "name": [{"family": "Ek"}]}, []),
        ("SEBasePatient", {"identifier": [PERSONNUMMER, PERSONNUMMER]}, ["Patient.identifier"]),
        ("SEBasePatient", {"name": [{"text": "A"}, {"text": "B"}]}, ["Patient.name"]),
        ("SEBaseOrganization", {"identifier": [{**HSA, "type": PRN}]}, []),
        (
            "SEBaseOrganization",
            {"identifier": [{**HSA, "type": {"text": "x"}}]},
            ["Organization.identifier[0].type"],
        ),
        ("SEBasePractitioner", {"identifier": [HSA, HSA]}, ["Practitioner.identifier"]),
        (
            "SEBasePractitioner",
            {
                "qualification": [
                    {"code": {"text": "x"}, "identifier": [{"system": "urn:oid:1.2.752.116.3.1.1"}] * 2}
                ]
            },
            ["Practitioner.qualification[0].identifier"],
        ),
        (
            "SEBasePractitionerRole",
            {"identifier": [{**HSA, "type": PRN}, HSA]},
            ["PractitionerRole.identifier"],
        ),
    ],
)
def test_the_swedish_profiles_hold_resources_to_what_they_say(
    name: str, resource: dict[str, Any], errors: list[str]
) -> None:
    library = library_of([])
    structure = library.find(SE + name)
    assert structure is not None
    judged = judge({"resourceType": structure.type, **resource}, [structure], library)
    assert [issue.location for issue in judged.issues if issue.refuses] == errors


def test_a_swedish_name_is_called_by_one_of_its_given_names() -> None:
    library = library_of([])
    called = {
        "extension": [
            {"url": "http://hl7.org/fhir/StructureDefinition/iso21090-EN-qualifier", "valueCode": "{}"}
        ]
    }
    for code, errors in (("CL", []), ("NB", ["Patient.name[0].given[0].extension[0].value"])):
        called["extension"][0]["valueCode"] = code
        middle = [{"url": SE + "SEBaseMiddleNameExtension", "valueString": "Ek"}]
        person = {
            "resourceType": "Patient",
            "name": [{"given": ["Maja", "Lo"], "_given": [called, None], "extension": middle}],
            "address": [
                {
                    "city": "Visby",
                    "extension": [
                        {
                            "url": SE + "SEBaseAddressPersonExtension",
                            "valueCodeableConcept": {
                                "coding": [{"system": "http://snomed.info/sct", "code": "63381000052101"}]
                            },
                        }
                    ],
                }
            ],
        }
        patient = library.find(SE + "SEBasePatient")
        assert patient is not None
        assert [issue.location for issue in judge(person, [patient], library).issues] == errors
        assert judge_extensions(person, library).issues == ()


def test_an_lma_number_is_an_identifier_of_its_own_system() -> None:
    library = library_of([])
    number = library.find(SE + "SEBaseLMANummer")
    assert number is not None
    assert number.type == "Identifier"
