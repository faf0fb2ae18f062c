"""Rule 27: guardians whom a RelatedPerson names by number, from whichever of the two is written first."""

from __future__ import annotations

from typing import Any

import pytest

from kontinuum.record import Written, rebuilding
from kontinuum.sweden import systems
from tests.law.cast import CHILD, GUARDIAN, GUARDIAN_ID, SYSTEM_A, UNIT_A, patient_of, people
from tests.law.conftest import Region
from tests.law.test_rebuild import rebuild, tables

NUMBER, ANOTHER = "198011289801", "198011289819"
CHILDS = f"Observation/obs-{CHILD}-a"


def related(code: str = "GUARD", number: str = NUMBER, **changes: Any) -> dict[str, Any]:
    """What the record says of somebody close to the child."""
    return {
        "resourceType": "RelatedPerson",
        "id": "custody",
        "patient": {"reference": f"Patient/{CHILD}"},
        "relationship": [{"coding": [{"system": systems.ROLE_CODE, "code": code}]}],
        "identifier": [{"system": systems.PERSONNUMMER, "value": number}],
        **changes,
    }


def guardian(number: str = NUMBER, identity: str = GUARDIAN_ID) -> dict[str, Any]:
    """The guardian as a Patient with a number."""
    body = next(one for one in people() if one["id"] == GUARDIAN_ID)
    return {**body, "id": identity, "identifier": [{"system": systems.PERSONNUMMER, "value": number}]}


@pytest.mark.parametrize("person_first", [True, False])
async def test_rule_27_permits_a_guardian_named_by_number(region: Region, person_first: bool) -> None:
    both = [guardian(f"{NUMBER[2:8]}-{NUMBER[8:]}"), related()]
    for resource in both if person_first else both[::-1]:
        assert not await region.sees(GUARDIAN, CHILDS)
        await region.write(UNIT_A, resource)
    assert await region.sees(GUARDIAN, CHILDS)
    assert CHILDS.partition("/")[2] in await region.finds(GUARDIAN, f"Observation?patient={CHILD}")
    before = await tables(region)
    await rebuilding.restart(region.services.pool)
    assert await rebuild(region) > 10
    assert await tables(region) == before


@pytest.mark.parametrize(
    "other",
    [
        related("PRN"),
        related("MTH"),
        related(number=ANOTHER),
        related(active=False),
        related(period={"end": "2026-11-01"}),
        related(period={"start": "2027-01-01"}),
        related(identifier=[]),
    ],
    ids=["parent", "mother", "another", "inactive", "ended", "to come", "without number"],
)
async def test_rule_27_refuses_who_is_close_but_no_guardian_now(
    region: Region, other: dict[str, Any]
) -> None:
    other = {name: value for name, value in other.items() if value != []}
    await region.write(UNIT_A, guardian(), related())
    assert await region.sees(GUARDIAN, CHILDS)
    await region.write(UNIT_A, other)
    assert not await region.sees(GUARDIAN, CHILDS)


async def test_rule_27_refuses_when_the_number_is_no_longer_that_persons_or_not_one_persons(
    region: Region,
) -> None:
    await region.write(UNIT_A, guardian(), related())
    await region.write(UNIT_A, guardian(ANOTHER))
    assert not await region.sees(GUARDIAN, CHILDS)
    await region.write(UNIT_A, {**guardian(), "active": True})
    assert await region.sees(GUARDIAN, CHILDS)
    await region.write(UNIT_A, guardian(identity="p-namesake"))
    assert not await region.sees(GUARDIAN, CHILDS)
    assert not await region.sees(patient_of("p-namesake"), CHILDS)
    await region.write(UNIT_A, guardian(ANOTHER, "p-namesake"))
    assert await region.sees(GUARDIAN, CHILDS)
    assert isinstance(await region.record(SYSTEM_A).delete("RelatedPerson", "custody"), Written)
    assert not await region.sees(GUARDIAN, CHILDS)
