"""Numbers in every form, reserve numbers given out, and Patients that may be one person."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import pytest

from kontinuum.app.services import Services
from kontinuum.record import Gate, Record, Refusal, RefusalKind, Written
from kontinuum.record.persons.rules import Conflict
from kontinuum.sweden import systems
from tests.conftest import OTHER, REGION, principal
from tests.db.test_patient_index import NUMBER, found, kinds, linked, person, unknown, write

# --- numbers -------------------------------------------------------------------------------------------

FORMS = ["198011289801", "19801128-9801", "8011289801", "801128-9801"]


@pytest.mark.parametrize("stored", FORMS)
async def test_a_personnummer_is_found_in_every_form_however_it_is_stored(
    record: Record, stored: str
) -> None:
    await write(record, person("x", stored))
    for form in FORMS:
        for system in ("", f"{systems.PERSONNUMMER}|", "urn:oid:1.2.752.129.2.1.3.1|"):
            url = f"Patient?identifier={quote(system + form)}"
            assert await found(record, url) == ["Patient/x"], url
    assert await found(record, "Patient?identifier=19801128-9819") == []
    assert await found(record, f"Patient?identifier={systems.SAMORDNINGSNUMMER}|{NUMBER}") == []
    made = await record.create(
        person("", "801128-9801") | {"id": "q"}, if_none_exist="identifier=801128-9801"
    )
    assert isinstance(made, Written)
    assert made.stored.id == "x"


async def test_somebody_over_a_hundred_is_found_with_a_plus(record: Record) -> None:
    await write(record, person("x", "191212121212"))
    assert await found(record, f"Patient?identifier={quote('121212+1212')}") == ["Patient/x"]
    assert await found(record, "Patient?identifier=121212-1212") == []


async def test_an_hsa_id_is_found_under_both_uris(record: Record) -> None:
    for number, system in enumerate(sorted(systems.HSA_ID_FORMS)):
        await write(
            record,
            {
                "resourceType": "Organization",
                "id": f"o{number}",
                "identifier": [{"system": system, "value": "SE2321000016-1A2B"}],
            },
        )
    for system in systems.HSA_ID_FORMS:
        for value in ("SE2321000016-1A2B", "se2321000016-1a2b"):
            assert set(await found(record, f"Organization?identifier={system}|{value}")) == {
                "Organization/o0",
                "Organization/o1",
            }


async def test_reserve_numbers_are_given_out_once_and_pass_over_those_in_use(record: Record) -> None:
    taken = {"system": systems.STOCKHOLM_RESERVE_NUMBER, "value": "99000000-0003"}
    await write(record, unknown(identifier=[taken]))
    drawn = await asyncio.gather(*(record.persons.draw_reserve_number() for _ in range(12)))
    values = [each[1] for each in drawn if not isinstance(each, Refusal)]
    assert len(values) == len(set(values)) == 12
    assert "990000000003" not in values
    assert all(value.startswith("99") and len(value) == 12 for value in values)


async def test_each_care_provider_decides_its_series_and_all_recognise_it(
    record: Record, services: Services, gate: Gate
) -> None:
    async def decide(series: tuple[str, ...], seen: int) -> int:
        decided = services.provider_settings
        done = await decided.decide(record.principal, "reserve_series", series, "Ny serie", seen=seen)
        assert done is True
        return (await decided.history(REGION))[0].number

    elsewhere = gate.record(principal("dr-annan", provider=OTHER))
    seen = await decide(("Exempel; urn:oid:1.2.3; EX######",), 0)
    assert await record.persons.draw_reserve_number() == ("urn:oid:1.2.3", "EX000001")
    drawn = await elsewhere.persons.draw_reserve_number()
    assert not isinstance(drawn, Refusal)
    assert drawn[0] == systems.STOCKHOLM_RESERVE_NUMBER
    await write(record, unknown(identifier=[{"system": "urn:oid:1.2.3", "value": "EX00-0001"}]))
    assert len(await found(elsewhere, "Patient?identifier=ex000001")) == 1
    await decide((), seen)
    assert kinds(await record.persons.draw_reserve_number()) is RefusalKind.CONFLICT


# --- those that may be one person ------------------------------------------------------------------------


async def test_pairs_that_may_be_one_person_are_found_kept_dismissed_and_taken_up_again(
    record: Record,
) -> None:
    await write(
        record,
        person("a", NUMBER),
        person("b", "198011289819"),
        person("c", "198101019809", birthDate="1981-01-01"),
        unknown("d", name=[{"given": ["Ana"], "family": "Carlsson"}]),
    )
    scanned = await record.persons.find_duplicates(2)
    assert (scanned.compared, scanned.left) == (2, 2)
    assert (await record.persons.find_duplicates(100)).left == 0
    assert (await record.persons.find_duplicates(100)).left == 0  # once more: nothing is found twice
    pairs = await record.persons.duplicates()
    assert [(pair.one, pair.other) for pair in pairs] == [("a", "b")]
    assert {str(reason) for reason in pairs[0].reasons} == {
        "same-name-and-birth-date",
        "same-address-or-telephone",
    }
    assert kinds(await record.persons.dismiss("b", "a", reason="")) is RefusalKind.BAD_REQUEST
    assert await record.persons.dismiss("b", "a", reason="Tvillingar") is None
    assert kinds(await record.persons.dismiss("a", "b", reason="Tvillingar")) is RefusalKind.CONFLICT
    assert await record.persons.duplicates() == []
    await write(record, person("a", NUMBER, maritalStatus={"text": "gift"}))
    await record.persons.find_duplicates(100)
    assert await record.persons.duplicates() == []
    (dismissed,) = await record.persons.duplicates(dismissed=True)
    assert dismissed.dismissal == "Tvillingar"
    assert await record.persons.reopen("a", "b") is None
    assert len(await record.persons.duplicates(patient="a")) == 1
    await linked(record, "b", "a", confirmed=[Conflict.TWO_NUMBERS])
    assert await record.persons.duplicates() == []


async def test_somebody_who_is_to_be_registered_is_compared_first(record: Record) -> None:
    await write(record, person("a", NUMBER))
    slip = person("", "198011829801", birthDate="1980-11-29")
    assert [pair.other for pair in await record.persons.duplicates_of(slip)] == ["a"]
    assert await record.persons.duplicates_of(person("", "195001019809", birthDate="1950-01-01")) == []
