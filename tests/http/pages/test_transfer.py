"""A patient moves from one ward to another in one contact, told to the other and taken in there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest
from tests.http.pages.conftest import PATIENT, admission, patient, persona, sign_in, write
from tests.http.pages.test_contacts_made import HERE, _do, _form, _led
from tests.http.pages.test_journal import _found

from kontinuum.access.circumstances import Level
from kontinuum.app.commands.demo_contacts import WARD
from kontinuum.app.services import Services
from kontinuum.demo.region import region
from kontinuum.fhir.validation import validate
from kontinuum.kernel.principal import Actor, ActorKind, Assignment, Principal, Purpose
from kontinuum.record import Done, Incoming, Record, Refusal, Written

OTHER = "SE2321000016-DEMO1999"
BED = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/location-physical-type", "code": "bd"}]}


def _there() -> Assignment:
    """Per Lindgren at another ward."""
    at = next(one for one in persona("Per Lindgren").assignments if one.unit == region().units[WARD].hsa)
    return replace(at, id="per-other", unit=OTHER, unit_name="Avdelning 99")


@pytest.fixture
async def wards(application: Services, doctors_record: Record) -> Record:
    """Two wards with beds, and the record as the first one's doctor has it."""
    unit, who = region().units[WARD], persona("Per Lindgren")
    at = next(one for one in who.assignments if one.unit == unit.hsa)
    ours = [
        one for _, of, one in region().resources() if of is unit and one["resourceType"] != "PractitionerRole"
    ]
    # An assignment that says only whose it is, as the administration writes them.
    nurse = {"reference": "Practitioner/s-maria-papadopoulos"}
    at_ward = {"reference": f"Organization/{WARD}"}
    ours.append(
        {
            "resourceType": "PractitionerRole",
            "id": "bare",
            "active": True,
            "practitioner": nurse,
            "organization": at_ward,
        }
    )
    identifier = [{"system": "urn:oid:1.2.752.129.2.1.4.1", "value": OTHER}]
    theirs: list[dict[str, Any]] = [
        {"resourceType": "Organization", "id": "o-99", "name": "Avdelning 99", "identifier": identifier},
        {"resourceType": "Location", "id": "l-99", "name": "Avdelning 99"},
        {"resourceType": "Location", "id": "l-99-1", "name": "1:1", "physicalType": BED},
    ]
    for one in theirs[1:]:
        one["managingOrganization"] = {"reference": "Organization/o-99"}
    theirs[2]["partOf"] = {"reference": "Location/l-99", "display": "Avdelning 99"}
    for place, resources in ((at, ours), (_there(), theirs)):
        loads = Principal(
            Actor(ActorKind.SYSTEM, "loader", "loader"), replace(place, purpose=Purpose.SYSTEM), "test"
        )
        for done in await application.gate.record(loads).take_in([Incoming(one) for one in resources]):
            assert isinstance(done, Written), done
    await write(doctors_record, patient())
    ward = application.gate.record(Principal(who.actor, at, "test"))
    assert isinstance(await ward.law.relate(PATIENT, "Inläggning"), Done)
    return ward


@pytest.fixture
async def sender(visitor: httpx.AsyncClient, wards: Record) -> httpx.AsyncClient:
    """A browser at the first ward."""
    at = wards.principal.assignment
    assert (await sign_in(visitor, "Per Lindgren", assignment=at.id)).status_code == 303
    return visitor


async def test_one_contact_moves_from_ward_to_ward(
    sender: httpx.AsyncClient, wards: Record, application: Services
) -> None:
    other = application.gate.record(Principal(wards.principal.actor, _there(), "test"))
    form = await sender.get(f"{HERE}/admit")
    bed = f"Location/{WARD}-bed-1-1"
    page = await _led(sender, await _do(sender, form, "admit", reason="Pneumoni", bed=bed))
    assert "Välj till vilken avdelning." in (await _do(sender, page, "transfer", ward="Location/x")).text
    far = await _do(sender, page, "transfer", ward="Location/l-99", when="2019-01-01T10:00")
    assert "Välj när" in far.text
    assert await other.coming() == []
    assert not (await other.standing(PATIENT)).related
    page = await _led(sender, await _do(sender, page, "transfer", ward="Location/l-99"))
    assert "Flyttas till Avdelning 99" in page.text
    assert "flyttas till Avdelning 99" in (await sender.get("/unit/ward")).text
    (coming,) = await other.coming()
    assert (coming.patient, coming.unit) == (PATIENT, region().units[WARD].hsa)
    assert (await other.standing(PATIENT)).related, "who is to take over takes part in the care"
    (contact,) = await _found(wards, "Encounter")
    assert [
        issue for one in await _found(wards, "CareTeam") for issue in validate(one) if issue.refuses
    ] == []
    assert isinstance(await other.read("Encounter", contact["id"]), Refusal), "no more than that is told"
    page = await _led(sender, await _do(sender, page, "transfer", undo="1"))
    assert await other.coming() == []
    assert not (await other.standing(PATIENT)).related
    refused = await other.receive(contact["id"], coming.version + 1, [], {"display": "X"}, {"display": "Y"})
    assert isinstance(refused, Refusal), "it was taken back"
    page = await _led(sender, await _do(sender, page, "transfer", ward="Location/l-99"))
    (coming,) = await other.coming()
    who = {"reference": "Practitioner/someone", "display": "Någon"}
    here = [{"reference": "Location/l-99"}, {"reference": "Location/l-99-1"}]
    taken = await other.receive(coming.contact, coming.version, here, who, {"reference": "Organization/o-99"})
    assert isinstance(taken, Written), taken
    assert await other.coming() == []
    (contact,) = await _found(other, "Encounter")
    assert [issue for issue in validate(contact) if issue.refuses] == []
    assert (contact["status"], contact["serviceProvider"]["reference"]) == (
        "in-progress",
        "Organization/o-99",
    )
    lain = {one["location"]["reference"]: one["status"] for one in contact["location"]}
    ours = {f"Location/{WARD}": "completed", bed: "completed"}
    assert lain == {**ours, "Location/l-99": "active", "Location/l-99-1": "active"}
    assert [("end" in one["period"]) for one in contact["participant"][-1:]] == [False]
    assert await wards.agenda.taken([bed]) == frozenset()
    assert (await wards.standing(PATIENT)).related, "and so does who had the patient"
    assert "Pneumoni" not in (await sender.get("/unit/ward")).text


async def test_a_patient_on_the_way_is_taken_in_on_the_board_by_who_may(
    sender: httpx.AsyncClient, wards: Record, application: Services
) -> None:
    other = application.gate.record(Principal(wards.principal.actor, _there(), "test"))
    stay = admission(
        location=[
            {
                "location": {"reference": f"Location/{WARD}", "display": "Avdelning"},
                "status": "planned",
                "period": {"start": "2026-03-02T10:00:00+01:00"},
            }
        ]
    )
    await application.pool.execute("delete from care_relation")
    assert isinstance(await other.update("Encounter", "stay", stay), Written)
    board = await sender.get("/unit/ward")
    assert "På väg hit" in board.text
    assert f'data-patient="{PATIENT}"' in board.text
    assert "från Avdelning 99" in board.text
    assert '<option value="Practitioner/s-maria-papadopoulos">Maria Papadopoulos</option>' in board.text
    address = f"/patient/{PATIENT}/contacts/receive"
    fields = _form(board, address)
    assert fields["back"] == "ward"
    unrelated = await sender.post(address, data=fields)
    assert unrelated.status_code in (403, 404), "the other ward has not said that this one takes part"
    assert isinstance(await wards.law.relate(PATIENT, "Övertagande"), Done)
    no_bed = await sender.post(address, data={**fields, "bed": "Location/l-99-1"})
    assert no_bed.status_code == 404
    taken = await sender.post(address, data={**fields, "bed": f"Location/{WARD}-bed-2-1"})
    assert taken.headers.get("location") == "/unit/ward", taken.text
    board = await sender.get("/unit/ward")
    assert "På väg hit" not in board.text
    again = await sender.post(address, data=fields)
    assert again.status_code == 404
    # What a block keeps at the other ward does not come by this way either.
    assert isinstance(await other.update("Encounter", "stay-2", {**stay, "id": "stay-2"}), Written)
    assert len(await wards.coming()) == 1
    provider = wards.principal.assignment.provider
    blocked = await wards.law.block(PATIENT, Level.INNER, OTHER, provider)
    assert isinstance(blocked, Done), blocked
    assert await wards.coming() == []
