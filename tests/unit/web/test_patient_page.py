"""A patient's page reads that patient and nobody else; who the patient is is told in full."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from kontinuum.fhir import json
from kontinuum.kernel.i18n import Translator
from kontinuum.kernel.module import Chart
from kontinuum.record.outcome import Refusal, RefusalKind, SearchPage, Stored, refuse
from kontinuum.web.workspace.patient import NumberKind, Protection, age_in_words, read_person
from kontinuum.web.workspace.reading import PatientReader

TODAY = date(2026, 3, 1)
ENGLISH = Translator("en")


class NoNames:
    def unit(self, hsa_id: str) -> str:
        return hsa_id

    def name(self, reference: str | None, display: str | None = None) -> str:
        return display or ""


class Recorded:
    """A gate that notes what it is asked for, and holds one patient."""

    def __init__(self, identity: str = "p-1") -> None:
        self.asked: list[list[str]] = []
        self.identity = identity

    async def find_many(self, queries: list[str]) -> list[SearchPage]:
        self.asked.append(list(queries))
        found = Stored("Patient", self.identity, 1, 0, b'{"id":"p-1"}', "SE-U", "SE-P")
        return [SearchPage((found,) if query.startswith("Patient?") else ()) for query in queries]

    async def read(self, type_name: str, identity: str) -> Refusal:
        return refuse(RefusalKind.NOT_FOUND, "not-found", f"{type_name}/{identity}")


def chart(patient: str = "p-1") -> Chart:
    return Chart(patient, datetime(2026, 3, 1, tzinfo=UTC), ENGLISH, NoNames())


@pytest.mark.parametrize(
    "query",
    [
        "Condition?patient=p-2&_count=10",
        "Condition?_count=10",
        "Condition?patient=p-1&patient=p-2",
        "Condition?patient=p-1,p-2",
        "Patient?_id=p-2",
    ],
)
async def test_a_search_that_names_another_patient_or_none_is_never_sent(query: str) -> None:
    record = Recorded()
    with pytest.raises(ValueError, match="must name that patient"):
        await PatientReader(record, chart()).find_many([query])
    assert record.asked == []


async def test_the_patient_is_read_with_the_page_in_one_call_and_each_search_once() -> None:
    record = Recorded()
    reader = PatientReader(record, chart())
    query = "Condition?patient=p-1&_count=10"
    await reader.find_many([query, query])
    await reader.find_many([query])
    assert not isinstance(await reader.patient(), Refusal)
    assert record.asked == [["Patient?_id=p-1", query]]


async def test_a_patient_other_than_the_one_asked_for_is_refused() -> None:
    answer = await PatientReader(Recorded(identity="p-2"), chart()).patient()
    assert isinstance(answer, Refusal)
    assert answer.kind is RefusalKind.NOT_FOUND


def person(**parts: Any) -> Any:
    return read_person(json.dumps({"resourceType": "Patient", "id": "p", **parts}), TODAY, ENGLISH, NoNames())


def test_the_name_of_address_stands_out_among_given_names() -> None:
    called = {"url": "http://hl7.org/fhir/StructureDefinition/iso21090-EN-qualifier", "valueCode": "CL"}
    name = {"family": "Lind", "given": ["Eva", "Maria"], "_given": [None, {"extension": [called]}]}
    assert person(name=[name]).names == (("Eva", False), ("Maria", True), ("Lind", True))
    assert person(name=[{"text": "Okänd man"}]).name == "Okänd man"
    assert person().name == "Name not known"


def test_a_personnummer_is_shown_before_other_numbers_and_old_ones_are_not() -> None:
    personnummer = "http://electronichealth.se/identifier/personnummer"
    numbers = [
        {"system": "urn:other", "value": "77"},
        {"system": personnummer, "value": "198011289801"},
        {"system": personnummer, "value": "198011289827", "use": "old"},
    ]
    shown = person(identifier=numbers)
    assert (shown.number, shown.number_kind) == ("19801128-9801", NumberKind.PERSONNUMMER)
    assert person(identifier=numbers[:1]).number_kind is NumberKind.OTHER
    assert person().number_kind is NumberKind.NONE


@pytest.mark.parametrize(
    ("label", "level"),
    [("sekretessmarkering", Protection.MARKED), ("skyddadFolkbokforing", Protection.PROTECTED)],
)
def test_protected_identity_hides_where_and_how_the_person_is_reached(label: str, level: Protection) -> None:
    parts = {
        "telecom": [{"system": "phone", "value": "070-174 06 31"}],
        "address": [{"line": ["Hornsgatan 14"]}],
        "generalPractitioner": [{"display": "Tallbackens vårdcentral"}],
    }
    system = "http://hl7.se/fhir/ig/base/CodeSystem/SecurityLabel"
    hidden = person(meta={"security": [{"system": system, "code": label}]}, **parts)
    assert hidden.protection is level
    assert (hidden.phone, hidden.address, hidden.listed_at) == ("", "", "")
    assert person(**parts).phone == "070-174 06 31"


@pytest.mark.parametrize(
    ("born", "age"),
    [
        ("2026-02-27", "2 days"),
        ("2026-02-28", "1 day"),
        ("2025-12-15", "2 months"),
        ("2024-03-02", "23 months"),
        ("2024-03-01", "2 years"),
        ("1942-03-02", "83 years"),
        ("1980", "about 46 years"),
        (None, ""),
    ],
)
def test_age_is_given_as_it_is_said_in_care(born: str | None, age: str) -> None:
    assert age_in_words(born, TODAY, ENGLISH) == age


def test_the_deceased_keep_the_age_at_which_they_died() -> None:
    dead = person(birthDate="1938-02-02", deceasedDateTime="2020-02-01")
    assert (dead.deceased, dead.deceased_on, dead.age) == (True, "2020-02-01", "81 years")
    assert person(deceasedBoolean=True).deceased
