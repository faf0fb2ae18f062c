"""Rule 6: nobody gives an assignment to oneself. Staff in care do not write the directory, by any way in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kontinuum.access.vetoes import DIRECTORY_TYPES
from kontinuum.kernel.principal import ActorKind, Purpose
from kontinuum.record import Incoming, Record, Refusal, RefusalKind, Stored, Written
from kontinuum.sweden import systems
from tests.law.cast import (
    ADMINISTRATOR,
    NURSE,
    OUTSIDE,
    PATIENT,
    SYSTEM_A,
    TREATING,
    TRUSTED,
    UNIT_A,
    UNIT_C,
    someone,
)
from tests.law.conftest import Region, refused
from tests.support.resources import bundle, request

QUALITY = someone("quality", UNIT_A, ActorKind.STAFF, Purpose.QUALITY)
LENT = someone("lent", UNIT_A, ActorKind.SYSTEM, Purpose.CARE)


def role(identity: str, **changes: Any) -> dict[str, Any]:
    """An assignment of the treating doctor."""
    return {
        "resourceType": "PractitionerRole",
        "id": identity,
        "identifier": [{"system": "urn:example:roles", "value": identity}],
        "practitioner": {"reference": "Practitioner/treating"},
        **changes,
    }


def without_id(resource: dict[str, Any]) -> dict[str, Any]:
    """A resource whose id the server is to choose."""
    return {name: value for name, value in resource.items() if name != "id"}


WANTED = role("mine", active=True)
ASKED = "identifier=urn:example:roles|mine"
WAYS: dict[str, Callable[[Record], Awaitable[Any]]] = {
    "create": lambda r: r.create(without_id(WANTED)),
    "conditional create": lambda r: r.create(without_id(WANTED), if_none_exist="identifier=none"),
    "update": lambda r: r.update("PractitionerRole", "mine", WANTED),
    "update as create": lambda r: r.update("PractitionerRole", "new", role("new")),
    "conditional update": lambda r: r.conditional_update("PractitionerRole", ASKED, WANTED),
    "conditional update as create": lambda r: r.conditional_update(
        "PractitionerRole", "identifier=none", without_id(WANTED)
    ),
    "delete": lambda r: r.delete("PractitionerRole", "mine"),
    "conditional delete": lambda r: r.conditional_delete("PractitionerRole", ASKED),
    "import": lambda r: r.take_in([Incoming(WANTED)]),
    "transaction: create": lambda r: r.transaction(
        bundle("transaction", request("POST", "PractitionerRole", without_id(WANTED)))
    ),
    "transaction: update": lambda r: r.transaction(
        bundle("transaction", request("PUT", "PractitionerRole/mine", WANTED))
    ),
    "transaction: conditional update": lambda r: r.transaction(
        bundle("transaction", request("PUT", f"PractitionerRole?{ASKED}", WANTED))
    ),
    "transaction: delete": lambda r: r.transaction(
        bundle("transaction", request("DELETE", "PractitionerRole/mine"))
    ),
    "batch: update": lambda r: r.batch(bundle("batch", request("PUT", "PractitionerRole/mine", WANTED))),
    "batch: delete": lambda r: r.batch(bundle("batch", request("DELETE", "PractitionerRole/mine"))),
}


def outcome(result: Any) -> Any:
    """A refusal, or what was written."""
    one = result[0] if isinstance(result, list) else result
    return getattr(one, "refusal", None) or getattr(one, "written", None) or one


@pytest.mark.parametrize("way", WAYS)
async def test_rule_06_refuses_care_staff_to_write_an_assignment(region: Region, way: str) -> None:
    await region.write(UNIT_A, role("mine"))
    for who in (TREATING, NURSE, TRUSTED, QUALITY, LENT, OUTSIDE, PATIENT):
        refusal = refused(outcome(await WAYS[way](region.record(who))))
        assert refusal.kind is RefusalKind.FORBIDDEN, (who.actor.id, refusal)
        assert "administration" in refusal.issues[0].message
    for identity in ("mine", "new"):
        kept = await region.record(SYSTEM_A).read("PractitionerRole", identity)
        assert isinstance(kept, Stored) == (identity == "mine")
        assert isinstance(kept, Refusal) or kept.version == 1
    assert len(await region.finds(SYSTEM_A, "PractitionerRole")) == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("who", [ADMINISTRATOR, SYSTEM_A], ids=["administrator", "system"])
async def test_rule_06_permits_administration_and_systems_to_write_an_assignment(
    region: Region, way: str, who: Any
) -> None:
    await region.write(UNIT_A, role("mine"))
    assert isinstance(outcome(await WAYS[way](region.record(who))), Written)


@pytest.mark.parametrize("type_name", sorted(DIRECTORY_TYPES))
async def test_rule_06_refuses_care_staff_every_type_of_the_directory(region: Region, type_name: str) -> None:
    resource = {"resourceType": type_name, "identifier": [{"system": "urn:example", "value": "x"}]}
    refusal = refused(await region.record(TREATING).create(resource))
    assert refusal.kind is RefusalKind.FORBIDDEN
    assert isinstance(await region.record(ADMINISTRATOR).create(resource), Written)


async def test_rule_06_permits_everybody_to_read_the_directory(region: Region) -> None:
    await region.write(UNIT_A, role("mine"))
    nowhere = someone("sign-in", "", ActorKind.SYSTEM, Purpose.SYSTEM)
    for who in (TREATING, OUTSIDE, ADMINISTRATOR, PATIENT, nowhere):
        assert await region.sees(who, "PractitionerRole/mine"), who.actor.id
        assert await region.finds(who, f"PractitionerRole?{ASKED}") == ["mine"], who.actor.id


async def test_a_transaction_with_one_entry_for_the_directory_writes_nothing(region: Region) -> None:
    device = {"resourceType": "Device", "id": "beside", "status": "active"}
    result = await region.record(TREATING).transaction(
        bundle(
            "transaction",
            request("PUT", "Device/beside", device),
            request("PUT", "PractitionerRole/mine", WANTED),
        )
    )
    assert refused(result).kind is RefusalKind.FORBIDDEN
    assert isinstance(await region.record(SYSTEM_A).read("Device", "beside"), Refusal)


ADMINISTRATOR_C = someone("administrator-c", UNIT_C, ActorKind.STAFF, Purpose.ADMINISTRATION)
SYSTEM_C = someone("system-c", UNIT_C, ActorKind.SYSTEM, Purpose.SYSTEM)
ON_EXISTING = sorted(way for way in WAYS if "create" not in way)


def unit(identity: str) -> dict[str, Any]:
    """A unit."""
    return {"resourceType": "Organization", "id": identity, "name": identity}


@pytest.mark.parametrize("way", ON_EXISTING)
@pytest.mark.parametrize("who", [ADMINISTRATOR_C, SYSTEM_C], ids=["administrator", "system"])
async def test_rule_06_refuses_to_write_another_providers_assignment(
    region: Region, way: str, who: Any
) -> None:
    await region.write(UNIT_A, role("mine"))
    refusal = refused(outcome(await WAYS[way](region.record(who))))
    assert refusal.kind is RefusalKind.FORBIDDEN
    assert "Another care provider" in refusal.issues[0].message
    kept = await region.record(SYSTEM_A).read("PractitionerRole", "mine")
    assert isinstance(kept, Stored)
    assert (kept.version, kept.provider) == (1, SYSTEM_A.assignment.provider)


@pytest.mark.parametrize("type_name", sorted(DIRECTORY_TYPES))
async def test_rule_06_refuses_every_type_of_another_providers_directory(
    region: Region, type_name: str
) -> None:
    resource = {
        "resourceType": type_name,
        "id": "theirs",
        "identifier": [{"system": "urn:example", "value": "x"}],
    }
    await region.write(UNIT_A, resource)
    for who in (ADMINISTRATOR_C, SYSTEM_C):
        changed = {**resource, "active": False} if type_name != "Location" else {**resource, "name": "Ours"}
        assert refused(await region.record(who).update(type_name, "theirs", changed)).kind is (
            RefusalKind.FORBIDDEN
        )
        assert refused(await region.record(who).delete(type_name, "theirs")).kind is RefusalKind.FORBIDDEN
    assert isinstance(await region.record(ADMINISTRATOR).delete(type_name, "theirs"), Written)
    for who in (ADMINISTRATOR_C, SYSTEM_C):  # what was deleted is still the other provider's
        assert refused(await region.record(who).update(type_name, "theirs", resource)).kind is (
            RefusalKind.FORBIDDEN
        )


NAMES = ("Organization/a", "https://elsewhere.example/fhir/Organization/a", "Organization/a/_history/1")


@pytest.mark.parametrize("reference", NAMES)
@pytest.mark.parametrize(
    "way", ["create", "update as create", "transaction", "batch", "conditional", "import", "later"]
)
async def test_rule_06_refuses_an_administrator_an_assignment_at_another_providers_unit(
    region: Region, way: str, reference: str
) -> None:
    await region.write(UNIT_A, unit("a"))
    await region.write(UNIT_C, unit("c"))
    record = region.record(ADMINISTRATOR_C)
    wanted = role("new", organization={"reference": reference})
    entry = request("PUT", "PractitionerRole/new", wanted)
    ways: dict[str, Callable[[], Awaitable[Any]]] = {
        "create": lambda: record.create(without_id(wanted)),
        "update as create": lambda: record.update("PractitionerRole", "new", wanted),
        "transaction": lambda: record.transaction(bundle("transaction", entry)),
        "batch": lambda: record.batch(bundle("batch", entry)),
        "conditional": lambda: record.create(without_id(wanted), if_none_exist="identifier=none"),
        "import": lambda: record.take_in([Incoming(wanted)]),
        "later": lambda: record.update("PractitionerRole", "new", wanted),
    }
    kept = 0
    if way == "later":
        own = role("new", organization={"reference": "Organization/c"})
        assert isinstance(await record.update("PractitionerRole", "new", own), Written)
        kept = 1
    assert refused(outcome(await ways[way]())).kind is RefusalKind.FORBIDDEN
    assert len(await region.finds(SYSTEM_C, "PractitionerRole")) == kept


async def test_rule_06_permits_assignments_at_the_own_providers_units(region: Region) -> None:
    await region.write(UNIT_A, unit("a"))
    await region.write(UNIT_C, unit("c"))
    own = role("new", organization={"reference": "Organization/c"})
    assert isinstance(await region.record(ADMINISTRATOR_C).update("PractitionerRole", "new", own), Written)
    made = await region.record(ADMINISTRATOR_C).transaction(
        bundle(
            "transaction",
            request("PUT", "Organization/d", unit("d")),
            request(
                "PUT", "PractitionerRole/both", role("both", organization={"reference": "Organization/d"})
            ),
        )
    )
    assert not isinstance(made, Refusal)


def person(identity: str, *hsa_ids: str) -> dict[str, Any]:
    """One of the staff, under HSA-ids of either system."""
    forms = sorted(systems.HSA_ID_FORMS)
    named = [{"system": forms[number % 2], "value": each} for number, each in enumerate(hsa_ids)]
    return {"resourceType": "Practitioner", "id": identity, "identifier": named, "name": [{"text": identity}]}


OURS, THEIRS = "SE5560000001-P1", "SE2321000016-P1"


@pytest.mark.parametrize("hsa_ids", [(THEIRS,), (OURS, THEIRS), (OURS, THEIRS.lower())], ids=str)
async def test_rule_06_refuses_an_administrator_a_person_with_another_providers_hsa_id(
    region: Region, hsa_ids: tuple[str, ...]
) -> None:
    record, wanted = region.record(ADMINISTRATOR_C), person("new", *hsa_ids)
    entry = bundle("transaction", request("PUT", "Practitioner/new", wanted))
    ways: list[Callable[[], Awaitable[Any]]] = [
        lambda: record.create(without_id(wanted)),
        lambda: record.update("Practitioner", "new", wanted),
        lambda: record.transaction(entry),
        lambda: record.take_in([Incoming(wanted)]),
    ]
    for way in ways:
        assert refused(outcome(await way())).kind is RefusalKind.FORBIDDEN
    assert isinstance(await record.update("Practitioner", "new", person("new", OURS)), Written)
    for way in ways[1:]:
        assert refused(outcome(await way())).kind is RefusalKind.FORBIDDEN
    assert await region.finds(SYSTEM_C, f"Practitioner?identifier={THEIRS}") == []


async def test_rule_06_permits_to_change_a_person_whom_a_system_brought_in_under_anothers_hsa_id(
    region: Region,
) -> None:
    await region.write(UNIT_C, person("lent", THEIRS))
    renamed = {**person("lent", THEIRS), "name": [{"text": "Nytt namn"}]}
    assert isinstance(await region.record(ADMINISTRATOR_C).update("Practitioner", "lent", renamed), Written)


@pytest.mark.parametrize("type_name", ["Library", "Questionnaire"])
async def test_rule_06_what_concerns_no_patient_is_changed_by_its_own_care_provider_only(
    region: Region, type_name: str
) -> None:
    shared = {"resourceType": type_name, "id": "shared", "status": "active"}
    shared |= {"type": {"text": "fras"}} if type_name == "Library" else {}
    await region.write(UNIT_A, shared)
    assert await region.sees(OUTSIDE, f"{type_name}/shared")
    changed = {**shared, "title": "Deras"}
    outside = region.record(OUTSIDE)
    for result in (
        await outside.update(type_name, "shared", changed),
        await outside.delete(type_name, "shared"),
    ):
        assert refused(result).kind is RefusalKind.FORBIDDEN
    assert isinstance(await region.record(SYSTEM_A).update(type_name, "shared", changed), Written)
