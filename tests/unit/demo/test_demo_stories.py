"""The charts of the demo: every story is there, holds together, and reads as Swedish care writes."""

import re
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from kontinuum.care.vitals.reading import Reading, key_of, measured
from kontinuum.care.vitals.rules import Risk, news2
from kontinuum.demo import generate
from kontinuum.demo.cast import listing
from kontinuum.demo.tables import table
from kontinuum.fhir import json
from kontinuum.sweden import systems

TODAY = date(2026, 11, 22)
ICD, NPU, ATC = systems.ICD_10_SE, systems.NPU, systems.ATC

Resource = dict[str, Any]


@cache
def charts() -> dict[str, dict[str, list[Resource]]]:
    found: dict[str, dict[str, list[Resource]]] = {}
    for batch in generate(today=TODAY):
        for resource in batch.resources:
            if batch.patient:
                found.setdefault(batch.patient, {}).setdefault(resource["resourceType"], []).append(resource)
    return found


@cache
def units_of(patient: str) -> frozenset[tuple[str, str]]:
    return frozenset((b.unit, b.provider) for b in generate(today=TODAY) if b.patient == patient)


def patient_showing(words: str) -> str:
    return next(member.id for member in listing() if words in member.shows)


def chart(words: str) -> dict[str, list[Resource]]:
    return charts()[patient_showing(words)]


def codes(resources: list[Resource], element: str = "code") -> Counter[str]:
    return Counter(each["code"] for resource in resources for each in resource[element].get("coding", []))


def series(found: dict[str, list[Resource]], code: str) -> list[tuple[str, Decimal]]:
    values = [
        (each["effectiveDateTime"], each["valueQuantity"]["value"])
        for each in found["Observation"]
        if any(coding["code"] == code for coding in each["code"]["coding"])
    ]
    return sorted(values)


def text(composition: Resource) -> str:
    return "\n".join(unescape(re.sub("<[^>]+>", " ", each["text"]["div"])) for each in composition["section"])


def test_the_patients_of_the_cast_each_show_something_of_their_own() -> None:
    members = listing()
    assert len(members) == 62
    assert len({member.shows for member in members}) == 62
    assert set(charts()) == {member.id for member in members}


@pytest.mark.parametrize(
    ("words", "diagnosis"),
    [
        ("type 2 diabetes", "E11.9"),
        ("heart failure", "I50.9"),
        ("pregnancy", "Z34.9"),
        ("child with asthma", "J45.9"),
        ("colorectal cancer", "C18.2"),
        ("COPD", "J44.9"),
        ("stroke", "I63.9"),
        ("depression", "F32.1"),
        ("atrial fibrillation", "I48.9"),
        ("hip fracture", "S72.0"),
        ("chronic kidney disease", "N18.4"),
        ("Gotland, type 1", "E10.9"),
        ("rheumatoid", "M05.9"),
        ("dementia", "G30.1"),
        ("appendicitis", "K35.8"),
        ("newborn", "Z38.0"),
        ("palliative", "Z51.5"),
    ],
)
def test_the_story_has_its_diagnosis(words: str, diagnosis: str) -> None:
    assert codes(chart(words)["Condition"])[diagnosis] == 1


def test_the_multi_morbid_patient_is_84_and_has_the_largest_chart() -> None:
    found = chart("multi-morbid")
    sizes = {key: sum(map(len, kinds.values())) for key, kinds in charts().items()}
    patient = patient_showing("multi-morbid")
    assert 3000 <= sizes[patient] <= 6000
    assert sizes[patient] == max(sizes.values())
    born = date.fromisoformat(found["Patient"][0]["birthDate"])
    assert TODAY.year - born.year - ((TODAY.month, TODAY.day) < (born.month, born.day)) == 84
    active = [each for each in found["MedicationRequest"] if each["status"] == "active"]
    assert len({each["medicationCodeableConcept"]["text"] for each in active}) == len(active) == 25
    assert len({unit for unit, _ in units_of(patient)}) >= 8
    assert len({provider for _, provider in units_of(patient)}) >= 3
    dates = sorted(each["period"]["start"] for each in found["Encounter"])
    assert int(dates[-1][:4]) - int(dates[0][:4]) >= 20


def test_hba1c_falls_over_years_of_diabetes() -> None:
    values = series(chart("type 2 diabetes"), "NPU27300")
    assert len(values) > 15
    assert int(values[-1][0][:4]) - int(values[0][0][:4]) >= 8
    early, late = [value for _, value in values[:4]], [value for _, value in values[-4:]]
    assert sum(early) / 4 > sum(late) / 4 + 5
    unit = {
        each["valueQuantity"]["unit"]
        for each in chart("type 2 diabetes")["Observation"]
        if "NPU27300" in str(each["code"])
    }
    assert unit == {"mmol/mol"}


def test_a_value_is_flagged_against_its_reference_interval() -> None:
    checked = 0
    for kinds in charts().values():
        for each in kinds.get("Observation", []):
            if "referenceRange" not in each:
                continue
            value, limits = each["valueQuantity"]["value"], each["referenceRange"][0]
            low, high = limits.get("low", {}).get("value"), limits.get("high", {}).get("value")
            expected = (
                "L" if low is not None and value < low else "H" if high is not None and value > high else "N"
            )
            assert each["interpretation"][0]["coding"][0]["code"] == expected
            checked += 1
    assert checked > 5000


def test_heart_failure_has_admissions_weights_and_a_peptide_that_rises_with_them() -> None:
    found = chart("heart failure")
    stays = [each for each in found["Encounter"] if each["class"]["code"] == "IMP"]
    assert sorted(each["status"] for each in stays) == ["finished"] * 3 + ["in-progress"]
    peptide = [value for _, value in series(found, "NPU21571")]
    assert max(peptide) > 2 * sorted(peptide)[len(peptide) // 2]
    assert len(series(found, "29463-7")) > 10


def test_the_note_names_the_values_measured_at_the_same_visit() -> None:
    agreed = 0
    for kinds in charts().values():
        measured = {
            each["encounter"]["reference"]: str(each["valueQuantity"]["value"])
            for each in kinds.get("Observation", [])
            if any(coding["code"] == "NPU27300" for coding in each["code"]["coding"])
        }
        for note in kinds.get("Composition", []):
            named = re.search(r"HbA1c (\d+)", text(note))
            if named and note["encounter"]["reference"] in measured:
                assert named[1] == measured[note["encounter"]["reference"]]
                agreed += 1
    assert agreed > 20


def test_a_growing_child_never_shrinks() -> None:
    lengths = [value for _, value in series(chart("child with asthma"), "8302-2")]
    assert len(lengths) > 8
    assert lengths[-1] - lengths[0] > 50
    assert all(later >= earlier - 2 for earlier, later in pairwise(lengths))


def test_the_cancer_pathway_runs_from_referral_to_answer_operation_and_courses() -> None:
    found = chart("colorectal cancer")
    urgent = [each for each in found["ServiceRequest"] if each["priority"] == "urgent"]
    assert len(urgent) == 1
    answers = [
        each
        for each in found["Composition"]
        if any(
            f"ServiceRequest/{urgent[0]['id']}" == detail["reference"]
            for event in each.get("event", [])
            for detail in event["detail"]
        )
    ]
    assert len(answers) == 1
    assert codes(found["Procedure"])["JFB31"] == 1
    assert (
        sum("kur" in note["title"] or "onkologi" in note["title"].lower() for note in found["Composition"])
        >= 6
    )


def test_protected_persons_show_two_levels_and_no_address_of_their_own() -> None:
    for words, code in (
        ("confidentiality mark", systems.CONFIDENTIALITY_MARK),
        ("protected registration", systems.PROTECTED_REGISTRATION),
    ):
        found = chart(words)
        patient = found["Patient"][0]
        assert code in {label["code"] for label in patient["meta"]["security"]}
        assert "telecom" not in patient
        assert "contact" not in patient
        assert "förmedlingsuppdrag" in patient["address"][0]["line"][0]
        assert "RelatedPerson" not in found


def test_the_unidentified_person_has_a_reserve_number_and_no_date_of_birth() -> None:
    patient = chart("unidentified")["Patient"][0]
    assert patient["identifier"][0]["system"] == systems.STOCKHOLM_RESERVE_NUMBER
    assert patient["identifier"][0]["use"] == "temp"
    assert "birthDate" not in patient
    assert "address" not in patient


def test_the_newly_arrived_has_an_empty_chart() -> None:
    assert set(chart("newly arrived")) == {"Patient"}


def test_nothing_happens_after_death() -> None:
    found = chart("deceased")
    died = found["Patient"][0]["deceasedDateTime"]
    assert found["Patient"][0]["active"] is False
    assert max(each["period"]["start"][:10] for each in found["Encounter"]) <= died
    assert "Appointment" not in found
    assert all(each["status"] != "active" for each in found["MedicationRequest"])


def test_the_wrong_patient_traps_are_set() -> None:
    first, second = chart("similar personnummer, first"), chart("similar personnummer, second")
    one, two = (each["Patient"][0]["identifier"][0]["value"] for each in (first, second))
    assert one[:8] == two[:8]
    assert sum(a != b for a, b in zip(one, two, strict=True)) == 2
    names = {
        each["Patient"][0]["name"][0]["text"]
        for each in (chart("birthday 12 March"), chart("birthday 3 December"))
    }
    assert names == {"Lars Andersson"}
    assert max(len(kinds["Patient"][0]["name"][0]["text"]) for kinds in charts().values()) > 50


def test_the_gotland_patient_is_treated_by_both_regions() -> None:
    providers = {
        provider.split("-")[0] for _, provider in units_of(patient_showing("Gotland patient treated"))
    }
    assert {"SE2321000016", "SE2120000803"} <= providers


def test_private_patient_and_municipality_have_their_own_accountability() -> None:
    assert "SE5599999017" in {p.split("-")[0] for _, p in units_of(patient_showing("private provider"))}
    assert "SE2120000183" in {
        p.split("-")[0] for _, p in units_of(patient_showing("rehabilitation by the municipality"))
    }


def test_mother_and_newborn_belong_together() -> None:
    baby = chart("newborn")
    mother = charts()[patient_showing("gave birth")]
    assert mother["Patient"][0]["name"][0]["text"] in {
        each["name"][0]["text"] for each in baby["RelatedPerson"]
    }
    story = next(note for note in mother["Composition"] if note["title"] == "Förlossningsberättelse")
    weight = series(baby, "8339-4")[0][1]
    assert f"{weight} g" in text(story)


def test_bookings_are_kept_missed_cancelled_and_still_to_come() -> None:
    states = Counter(each["status"] for kinds in charts().values() for each in kinds.get("Appointment", []))
    assert {"booked", "noshow", "cancelled", "fulfilled"} <= set(states)
    assert all(
        each["status"] != "booked" or each["start"] > f"{TODAY}"
        for kinds in charts().values()
        for each in kinds.get("Appointment", [])
    )


def test_children_are_vaccinated_by_the_programme() -> None:
    shots = codes(chart("healthy child, child health")["Immunization"], "vaccineCode")
    assert shots["J07CA09"] == 3
    assert shots["J07BD52"] == 1


def test_notes_have_keywords_author_unit_and_a_signature_unless_fresh() -> None:
    states: Counter[str] = Counter()
    for kinds in charts().values():
        for note in kinds.get("Composition", []):
            states[note["status"]] += 1
            assert note["section"]
            assert all(section["title"] for section in note["section"])
            assert note["author"][0]["reference"].startswith("PractitionerRole/")
            assert note["custodian"]
            assert ("attester" in note) == (note["status"] != "preliminary")
            if note["status"] == "preliminary":
                assert note["date"] > "2026-11-11"
    assert set(states) == {"final", "preliminary", "amended"}
    assert states["final"] > 20 * states["amended"]


def test_notes_are_varied_and_leave_no_gap() -> None:
    notes = [text(note) for kinds in charts().values() for note in kinds.get("Composition", [])]
    assert len(notes) > 1000
    assert len(set(notes)) / len(notes) > 0.93
    assert not [note for note in notes if "{" in note or "}" in note or "None" in note]
    assert sum("ngen blödning" in note for note in notes) > 20
    assert sum("nga hållpunkter för" in note for note in notes) > 100


def test_swedish_letters_survive_the_journey_through_json() -> None:
    note = next(
        n
        for kinds in charts().values()
        for n in kinds.get("Composition", [])
        if "nga hållpunkter för" in text(n)
    )
    encoded = json.dumps(note)
    assert "hållpunkter för".encode() in encoded
    assert json.loads(encoded) == note


def test_diagnoses_drugs_and_analyses_carry_the_official_systems() -> None:
    for kinds in charts().values():
        for each in kinds.get("Condition", []):
            assert each["code"]["coding"][0]["system"] == ICD
            assert re.fullmatch(r"[A-Z]\d\d\.\d[A-Z]?", each["code"]["coding"][0]["code"])
        for each in kinds.get("MedicationRequest", []):
            assert each["medicationCodeableConcept"]["coding"][0]["system"] == ATC
            assert each["dosageInstruction"][0]["text"]
    for row in table("drugs")["drug"].values():
        assert re.fullmatch(r"[A-Z]\d\d[A-Z]{1,2}(\d\d)?", row["atc"])
    for row in table("laboratory")["analysis"].values():
        assert (
            re.fullmatch(r"NPU\d{5}", row["npu"]) if "npu" in row else re.fullmatch(r"\d+-\d", row["loinc"])
        )
    for code in table("classifications")["procedure"]:
        assert re.fullmatch(r"[A-Z]{2,3}\d{2,3}", code)


def test_nobody_takes_two_drugs_of_a_group_of_which_one_is_enough() -> None:
    for patient, kinds in charts().items():
        groups = Counter(
            code[:3] if code[:3] in ("C09", "C07") else code[:5]
            for each in kinds.get("MedicationRequest", [])
            if each["status"] == "active"
            for code in [each["medicationCodeableConcept"]["coding"][0]["code"]]
            if code.startswith(("C09", "C07", "C10AA", "B01AF"))
        )
        assert all(count == 1 for count in groups.values()), (patient, groups)


def test_the_generated_population_has_ages_sizes_and_sexes_like_a_region() -> None:
    sizes: Counter[str] = Counter()
    ages: list[int] = []
    sexes: Counter[str] = Counter()
    for batch in generate(1, 360, today=TODAY):
        if batch.patient is None or batch.patient <= "p-0060":
            continue
        sizes[batch.patient] += len(batch.resources)
        for resource in batch.resources:
            if resource["resourceType"] == "Patient":
                ages.append(TODAY.year - int(resource["birthDate"][:4]))
                sexes[resource["gender"]] += 1
    assert len(sizes) == 300
    assert 60 <= sum(sizes.values()) / 300 <= 220
    assert min(sizes.values()) >= 8
    assert sum(age < 18 for age in ages) > 25
    assert sum(age >= 65 for age in ages) > 45
    assert min(sexes.values()) > 100


def test_the_documentation_lists_the_cast() -> None:
    page = (Path(__file__).parents[3] / "docs" / "demo.md").read_text("utf-8")
    for member in listing():
        assert f"| `{member.id}` | {member.name} | {member.age} | {member.shows} |" in page


def test_the_wards_sums_are_those_of_the_module_that_scores_at_the_bedside() -> None:
    found = [one for chart in charts().values() for one in chart.get("Observation", ())]
    observations = {one["id"]: one for one in found}
    risks = set()
    for one in observations.values():
        if one["code"].get("text") == "NEWS2":
            parts = [observations[part["reference"].partition("/")[2]] for part in one["derivedFrom"]]
            read = [Reading(key_of(part), part, 1, "", datetime.min) for part in parts]
            made = news2(measured(read), second=False)
            assert one["valueQuantity"]["value"] == made.total
            assert one["interpretation"][0]["coding"][0]["code"] == made.risk
            risks.add(made.risk)
    assert {Risk.ZERO, Risk.LOW, Risk.MEDIUM} <= risks
