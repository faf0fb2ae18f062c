"""Files of the staff directory: what is read, and what is refused at which line."""

from __future__ import annotations

from datetime import date

import pytest
from tests.support.directory import DELIVERY, csv_of

from kontinuum.kernel.principal import Purpose
from kontinuum.organisation.files import Fault, Line, read
from kontinuum.organisation.model import Kind, Person, Role, Unit

TODAY = date(2026, 3, 1)


def lines(text: str) -> list[Line]:
    found = list(read("a.csv", text.encode(), today=TODAY))
    assert not [each for each in found if isinstance(each, Fault)], found
    return [each for each in found if isinstance(each, Line)]


def faults(text: str | bytes) -> list[str]:
    data = text if isinstance(text, bytes) else text.encode()
    return [str(each) for each in read("a.csv", data, today=TODAY) if isinstance(each, Fault)]


def test_a_whole_delivery_is_read() -> None:
    records = [each.record for each in lines(csv_of(DELIVERY))]
    provider, hospital, _ward, anna, employment, assignment = records
    assert isinstance(provider, Unit)
    assert (provider.name, provider.type, provider.organisation_number) == (
        "Region Väst",
        "provider",
        "2321000016",
    )
    assert isinstance(hospital, Unit)
    assert hospital.parent == provider.hsa_id
    assert isinstance(anna, Person)
    assert anna == Person(
        hsa_id="SE2321000016-P001",
        given_name="Anna Maria",
        family_name="Berg",
        personal_number="198011289801",
        protected=True,
        professions=("LK",),
        prescriber_code="1234567",
    )
    assert isinstance(employment, Role)
    assert employment.kind is Kind.EMPLOYMENT
    assert isinstance(assignment, Role)
    assert assignment.purpose is Purpose.CARE
    assert assignment.rights == ("destruction", "protected-identity")
    assert (assignment.start, assignment.end) == (date(2026, 1, 1), date(2026, 12, 31))


@pytest.mark.parametrize("mark", [";", ","])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_both_separators_and_a_byte_order_mark_are_understood(mark: str, start: str) -> None:
    text = start + csv_of(DELIVERY, mark)
    assert len(lines(text)) == len(DELIVERY)


def test_text_within_quotes_is_kept_letter_for_letter_and_counts_its_lines() -> None:
    text = 'kind;hsa_id;name;parent\nunit;SE2321000016-A;"Öppen; ""vård""";SE2321000016-1003\nunit;;x;y\n'
    found = list(read("a.csv", text.encode(), today=TODAY))
    assert isinstance(found[0], Line)
    assert isinstance(found[0].record, Unit)
    assert found[0].record.name == 'Öppen; "vård"'
    assert isinstance(found[1], Fault)
    assert found[1].number == 3


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"kind": "robot"}, "line 2, kind: 'robot' is not known"),
        ({"kind": "person", "hsa_id": "SE1"}, "line 2, family_name: it is empty"),
        ({"kind": "person", "hsa_id": "SE1", "family_name": "B"}, "line 2, hsa_id: 'SE1' is not an HSA-id"),
        (
            {"kind": "person", "family_name": "B", "purpose": "care"},
            "line 2, purpose: a row of the kind 'person'",
        ),
        (
            {
                "kind": "person",
                "hsa_id": "SE2321000016-P1",
                "family_name": "B",
                "personal_number": "19801128-9802",
            },
            "line 2, personal_number: it is no personnummer",
        ),
        (
            {"kind": "person", "hsa_id": "SE2321000016-P1", "family_name": "B", "profession": "LK|XX"},
            "line 2, profession: 'XX' is not known",
        ),
        (
            {"kind": "person", "hsa_id": "SE2321000016-P1", "family_name": "B", "prescriber_code": "12"},
            "line 2, prescriber_code: '12' is not seven digits",
        ),
        (
            {
                "kind": "assignment",
                "person": "SE2321000016-P1",
                "unit": "SE2321000016-A",
                "purpose": "Forskning",
            },
            "line 2, purpose: 'Forskning' is no purpose of staff",
        ),
        (
            {
                "kind": "assignment",
                "person": "SE2321000016-P1",
                "unit": "SE2321000016-A",
                "purpose": "care",
                "rights": "all",
            },
            "line 2, rights: 'all' is not known",
        ),
        (
            {
                "kind": "employment",
                "person": "SE2321000016-P1",
                "unit": "SE2321000016-A",
                "from": "2026-02-30",
            },
            "line 2, from: '2026-02-30' is not a day",
        ),
        (
            {
                "kind": "employment",
                "person": "SE2321000016-P1",
                "unit": "SE2321000016-A",
                "from": "2026-02-03",
                "until": "2026-02-02",
            },
            "line 2, until: it lies before 'from'",
        ),
        (
            {
                "kind": "unit",
                "hsa_id": "SE2321000016-A",
                "name": "A",
                "parent": "SE2321000016-B",
                "type": "castle",
            },
            "line 2, type: 'castle' is not known",
        ),
        (
            {
                "kind": "provider",
                "hsa_id": "SE2321000016-A",
                "name": "A",
                "organisation_number": "2321000017",
            },
            "line 2, organisation_number: The last digit does not agree",
        ),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line_and_column(row: dict[str, str], said: str) -> None:
    (fault,) = faults(csv_of([row]))
    assert said in fault


def test_unknown_double_and_missing_columns_are_refused() -> None:
    assert "line 1, colour: there is no such column" in faults("kind;colour\nperson;red\n")[0]
    assert "line 1, kind: the column stands there twice" in faults("kind;kind\n")[0]
    assert "one is 'kind'" in faults("name\nx\n")[0]
    assert "it has 1 columns, but the first line names 2" in faults("kind;name\nperson\n")[0]


def test_a_file_in_another_encoding_is_refused_with_the_line() -> None:
    assert "a.csv, line 2: it is not UTF-8" in faults("kind;name\nunit;Öst\n".encode("latin-1"))[0]
