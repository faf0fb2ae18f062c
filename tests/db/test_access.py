"""The two forms of a decision agree: the check of one resource and the predicate of a search."""

from __future__ import annotations

import itertools

import pytest

from kontinuum.access import Action, Facts, Permit, decide, predicate
from kontinuum.app.services import Services
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.kernel.principal import ActorKind, Purpose
from kontinuum.kernel.sql import Binder
from tests.conftest import OTHER, REGION, principal

CAST = [
    principal("doctor"),
    principal("colleague", unit=f"{REGION}-B"),
    principal("elsewhere", provider=OTHER),
    principal("client", kind=ActorKind.SYSTEM, purpose=Purpose.SYSTEM),
    principal("p1", kind=ActorKind.PATIENT, purpose=Purpose.PATIENT),
    principal("p2", kind=ActorKind.PATIENT, purpose=Purpose.PATIENT),
]
WORLD = [
    Facts(type_name, patient, f"{provider}-A", provider)
    for type_name, patient, provider in itertools.product(
        ("Patient", "Observation", "Organization", "Binary"), ("p1", "p2", None), (REGION, OTHER)
    )
]


@pytest.mark.parametrize("who", CAST, ids=lambda who: who.actor.id)
@pytest.mark.parametrize("action", list(Action))
async def test_check_and_predicate_agree(services: Services, who: object, action: Action) -> None:
    binder = Binder()
    condition = binder.add(predicate(who, action))
    statement = (
        "select r.number from unnest({}::int[], {}::smallint[], {}::text[]) as r(number, type, patient)"
        " join unnest({}::int[], {}::text[], {}::text[]) as a(number, unit, provider) using (number)"
    ).format(
        *map(
            binder.bind,
            (
                list(range(len(WORLD))),
                [TYPE_CODES[facts.type] for facts in WORLD],
                [facts.patient for facts in WORLD],
                list(range(len(WORLD))),
                [facts.unit for facts in WORLD],
                [facts.provider for facts in WORLD],
            ),
        )
    )
    rows = await services.pool.fetch(f"{statement} where {condition}", *binder.values)
    checked = {n for n, facts in enumerate(WORLD) if isinstance(decide(who, action, facts), Permit)}
    assert {row["number"] for row in rows} == checked
