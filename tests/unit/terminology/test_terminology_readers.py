"""Reading releases: small files of the shape in which each is published, and what is said of broken ones."""

from __future__ import annotations

import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from kontinuum.sweden import systems
from kontinuum.terminology.content import CodeSystem, ContentError
from kontinuum.terminology.loading.loader import Format, read

ICD = """Kod\tTitel\tLatin
I10-I15\tHypertonisjukdomar\t
I10\tEssentiell hypertoni\tHypertonia essentialis
I109\tEssentiell hypertoni\t
"""

CLAML = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE ClaML SYSTEM "ClaML.dtd">
<ClaML version="2.0.0"><Title name="ICD-10-SE" version="2026" date="2026-01-01">ICD-10-SE</Title>
<Class code="IX" kind="chapter"><SubClass code="I10"/>
 <Rubric kind="preferred"><Label xml:lang="sv">Cirkulationsorganens sjukdomar</Label></Rubric></Class>
<Class code="I10" kind="category"><SuperClass code="IX"/>
 <Rubric kind="preferred"><Label xml:lang="sv">Essentiell
  hypertoni</Label></Rubric>
 <Rubric kind="inclusion"><Label xml:lang="sv">Högt blodtryck</Label></Rubric>
 <Rubric kind="exclusion"><Label xml:lang="sv">Förhöjt värde (R03.0)</Label></Rubric></Class>
</ClaML>
"""


def system(form: Format, path: Path, version: str | None = None) -> CodeSystem:
    """What is read."""
    (content,) = read(form, path, version, lambda _: None).contents
    assert isinstance(content, CodeSystem)
    return content


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    """Write a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", ["\t", ";"])
def test_icd_as_a_table(tmp_path: Path, encoding: str, separator: str) -> None:
    text = (ICD + "J06\tÖvre luftvägsinfektion\t\n").replace("\t", separator)
    found = system(Format.ICD_10_SE, write(tmp_path / "icd.txt", text, encoding), "2026")
    assert (found.url, found.version) == (systems.ICD_10_SE, "2026")
    assert [(each.code, list(each.parents)) for each in found.concepts] == [
        ("I10-I15", []),
        ("I10", ["I10-I15"]),
        ("I10.9", ["I10"]),
        ("J06", []),
    ]
    assert found.concepts[3].display == "Övre luftvägsinfektion"
    assert [name.text for name in found.concepts[1].names] == ["Hypertonia essentialis"]
    assert "högt blodtryck" in [name.text for name in found.concepts[2].names]


def test_icd_as_claml(tmp_path: Path) -> None:
    found = system(Format.ICD_10_SE, write(tmp_path / "icd.xml", CLAML))
    assert found.version == "2026"
    chapter, category = found.concepts
    assert (chapter.code, chapter.selectable) == ("IX", False)
    assert (category.display, list(category.parents)) == ("Essentiell hypertoni", ["IX"])
    assert category.names[0].text == "Högt blodtryck"
    assert category.properties["exclusion"] == ["Förhöjt värde (R03.0)"]


def test_kva_and_atc(tmp_path: Path) -> None:
    kva = system(Format.KVA, write(tmp_path / "kva.csv", "Kod;Text\nJEA01;Laparoskopisk appendektomi\n"), "1")
    assert (kva.url, kva.concepts[0].code) == (systems.KVA, "JEA01")
    table = "code,name\nA,Matsmältning\nA10,Diabetesmedel\nA10BA02,Metformin\n"
    atc = system(Format.ATC, write(tmp_path / "atc.csv", table), "2026")
    assert [list(each.parents) for each in atc.concepts] == [[], ["A"], ["A10"]]


def test_loinc_and_npu(tmp_path: Path) -> None:
    table = (
        '"LOINC_NUM","COMPONENT","PROPERTY","SYSTEM","STATUS","SHORTNAME","LONG_COMMON_NAME",'
        '"RELATEDNAMES2","VersionLastChanged"\n'
        '"718-7","Hemoglobin","MCnc","Bld","ACTIVE","Hgb Bld","Hemoglobin [Mass/volume] in Blood",'
        '"Hb; HGB","2.9"\n"1-8","Old","X","Y","DEPRECATED","","","","2.78"\n'
    )
    found = system(Format.LOINC, write(tmp_path / "LoincTable" / "Loinc.csv", table).parent)
    assert (found.version, found.language) == ("2.78", "en")
    assert [(each.display, each.active) for each in found.concepts] == [
        ("Hemoglobin [Mass/volume] in Blood", True),
        ("Old", False),
    ]
    assert [name.text for name in found.concepts[0].names] == ["Hgb Bld", "Hb", "HGB"]
    assert found.concepts[0].properties["SYSTEM"] == ["Bld"]
    npu = "NPU code;Short definition;Unit;Active\nNPU28309;B-Hemoglobin;g/L;1\nNPU00001;X;;0\n"
    units = system(Format.NPU, write(tmp_path / "npu.csv", npu), "2026-10")
    assert [(each.code, each.active) for each in units.concepts] == [("NPU28309", True), ("NPU00001", False)]
    assert units.concepts[0].properties == {"unit": ["g/L"]}


def release(folder: Path) -> Path:
    """A snapshot with three concepts, a Swedish and English name each, and a reference set."""
    stamp = "SE1000052_20261130.txt"
    head = "id\teffectiveTime\tactive\tmoduleId\t"
    terms = folder / "Snapshot" / "Terminology"
    sets = folder / "Snapshot" / "Refset"
    ids = ("138875005", "404684003", "22298006")
    write(
        terms / f"sct2_Concept_Snapshot_{stamp}",
        head + "definitionStatusId\n" + "".join(f"{id_}\t20260101\t1\t1\t9\n" for id_ in ids),
    )
    described = head + "conceptId\tlanguageCode\ttypeId\tterm\tcaseSignificanceId\n"
    fsn, synonym = "900000000000003001", "900000000000013009"
    described += f"1\t2026\t1\t1\t{ids[2]}\ten\t{fsn}\tMyocardial infarction (disorder)\t9\n"
    described += f'2\t2026\t1\t1\t{ids[2]}\ten\t{synonym}\tHeart "attack"\t9\n'
    swedish = head + "conceptId\tlanguageCode\ttypeId\tterm\tcaseSignificanceId\n"
    swedish += f"3\t2026\t1\t1\t{ids[2]}\tsv\t{synonym}\thjärtattack\t9\n"
    swedish += f"4\t2026\t1\t1\t{ids[2]}\tsv\t{synonym}\thjärtinfarkt\t9\n"
    swedish += f"5\t2026\t0\t1\t{ids[2]}\tsv\t{synonym}\tgammalt namn\t9\n"
    write(terms / f"sct2_Description_Snapshot-en_{stamp}", described)
    write(terms / f"sct2_Description_Snapshot-sv_{stamp}", swedish)
    related = head + "sourceId\tdestinationId\trelationshipGroup\ttypeId\tcharacteristicTypeId\tmodifierId\n"
    for child, parent in ((ids[1], ids[0]), (ids[2], ids[1])):
        related += f"9\t2026\t1\t1\t{child}\t{parent}\t0\t116680003\t9\t9\n"
    write(terms / f"sct2_Relationship_Snapshot_{stamp}", related)
    language = head + "refsetId\treferencedComponentId\tacceptabilityId\n"
    language += "a\t2026\t1\t1\t46011000052107\t4\t900000000000548007\n"
    language += "b\t2026\t1\t1\t46011000052107\t3\t900000000000549004\n"
    write(sets / "Language" / f"der2_cRefset_LanguageSnapshot-sv_{stamp}", language)
    simple = head + f"refsetId\treferencedComponentId\na\t2026\t1\t1\t{ids[1]}\t{ids[2]}\n"
    write(sets / "Content" / f"der2_Refset_SimpleSnapshot_{stamp}", simple)
    return folder


def test_snomed_as_a_snapshot(tmp_path: Path) -> None:
    folder = release(tmp_path / "release")
    archive = tmp_path / "release.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for each in sorted(folder.rglob("*.txt")):
            packed.write(each, each.relative_to(folder))
    for path in (folder, archive):
        found = system(Format.SNOMED, path)
        assert found.version == "http://snomed.info/sct/45991000052106/version/20261130"
        infarct = found.concepts[2]
        assert (infarct.display, list(infarct.parents)) == ("hjärtinfarkt", ["404684003"])
        assert {name.text for name in infarct.names} == {
            "hjärtattack",
            'Heart "attack"',
            "Myocardial infarction (disorder)",
        }
        assert infarct.properties == {"semanticTag": ["disorder"]}
        assert list(infarct.sets) == ["404684003"]


def test_fhir_resources_from_a_package(tmp_path: Path) -> None:
    resource = {
        "resourceType": "CodeSystem",
        "url": "http://example.org/s",
        "status": "active",
        "content": "complete",
        "concept": [{"code": "a"}],
    }
    inner = write(tmp_path / "CodeSystem-s.json", json.dumps(resource))
    other = write(tmp_path / "package.json", '{"name": "x"}')
    package = tmp_path / "x.tgz"
    with tarfile.open(package, "w:gz") as packed:
        for each in (inner, other):
            packed.add(each, f"package/{each.name}")
    (found,) = read(Format.FHIR, package, None, lambda _: None).resources
    assert found["url"] == "http://example.org/s"
    assert found["id"].startswith("loaded-")


@pytest.mark.parametrize(
    ("form", "name", "text", "words"),
    [
        (Format.ICD_10_SE, "i.txt", "Kod\tTitel\nI10\tX\nI10\tY\n", ("line 3", "column code", "line 2")),
        (Format.ICD_10_SE, "i.txt", "Kod\tTitel\nI10\t\n", ("line 2", "column text", "fill it in")),
        (Format.ICD_10_SE, "i.txt", "Kod\tTitel\tÖverordnad\nI10\tX\tQ99\n", ("line 2", "parent", "Q99")),
        (Format.ICD_10_SE, "i.xml", "<ClaML><Class code='A'>", ("line 1", "not complete")),
        (Format.ICD_10_SE, "i.xml", "<ClaML><Class></ClaML>", ("line 1, column", "no code")),
        (Format.ICD_10_SE, "i.xml", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", ("entity",)),
        (Format.ICD_10_SE, "i.xml", "<a/>", ("no ClaML Class",)),
        (Format.LOINC, "Loinc.csv", "a,b\n1,2\n", ("line 1", "loinc_num", "a, b")),
        (Format.SNOMED, "s.zip", "no zip", ("not a zip",)),
        (Format.SNOMED, "s.txt", "id\n1\n", ("sct2_Concept_Snapshot",)),
        (Format.FHIR, "r.json", '{"resourceType": "CodeSystem"}', ("r.json", "status")),
        (Format.FHIR, "r.json", '{"resourceType": ', ("r.json", "not JSON")),
        (Format.FHIR, "r.json", '{"resourceType": "Patient"}', ("holds no CodeSystem",)),
        (Format.FHIR, "r.tgz", "x", ("package",)),
    ],
)
def test_a_broken_file_is_refused_with_its_place(
    tmp_path: Path, form: Format, name: str, text: str, words: tuple[str, ...]
) -> None:
    with pytest.raises(ContentError) as refused:
        read(form, write(tmp_path / name, text), "1", lambda _: None)
    for word in words:
        assert word in str(refused.value), str(refused.value)


def test_a_version_must_be_known(tmp_path: Path) -> None:
    path = write(tmp_path / "icd.txt", ICD)
    with pytest.raises(ContentError, match="--version"):
        read(Format.ICD_10_SE, path, None, lambda _: None)
    with pytest.raises(ContentError, match="PATH"):
        read(Format.ATC, None, "1", lambda _: None)
