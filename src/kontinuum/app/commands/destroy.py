"""`kontinuum destroy`: list decisions on destruction, or carry one out on behalf of a named person."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from datetime import date

from kontinuum.app.commands import acting
from kontinuum.app.services import Services, open_services
from kontinuum.fhir import json
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.config import Settings
from kontinuum.kernel.i18n import local
from kontinuum.kernel.principal import DESTRUCTION, Actor, ActorKind, Principal, Purpose
from kontinuum.organisation.model import Role
from kontinuum.organisation.resources import role_of
from kontinuum.record import Record, Refusal, SearchPage
from kontinuum.store.destruction import Decision

CLIENT = "kontinuum destroy"
REFUSED = 3
"""The exit code when the law refuses."""


def run(
    dsn: str,
    settings: Settings,
    *,
    by: str,
    decision: int | None = None,
    patient: str | None = None,
    unit: str | None = None,
    provider: str | None = None,
) -> int:
    """Without a decision: list what is registered and what may be thinned. With one: carry it out."""
    place = acting.place(settings, unit, provider)
    if isinstance(place, acting.Refused):
        print(place.message, file=sys.stderr)
        return 2
    if decision is not None and patient is None:
        print("Give --patient ID, as it stands in the decision: nobody destroys by a number alone.",
              file=sys.stderr)  # fmt: skip
        return 2
    return asyncio.run(_run(dsn, settings, place, by, decision, patient or ""))


async def _run(
    dsn: str, settings: Settings, place: acting.Place, by: str, number: int | None, patient: str
) -> int:
    async with open_services(settings, dsn, connections=2) as services:
        person = await _person(services, place, by)
        if isinstance(person, str):
            print(person, file=sys.stderr)
            return 2
        record = services.gate.record(person)
        if number is None:
            return await _list(record)
        done = await record.destruction.execute(number, patient=patient)
        if isinstance(done, Refusal):
            return _refused(done)
        print(f"Destroyed by {done.authority} {done.case_number}: {done.removed} entries of {patient}.")
        return 0


async def _person(services: Services, place: acting.Place, by: str) -> Principal | str:
    """The member of staff who answers for it, under an assignment that permits it."""
    system = acting.system("destroy", place, client=CLIENT)
    page = await services.gate.record(system).find(f"PractitionerRole?practitioner={by}&_count=50")
    roles = [json.loads(one.body) for one in page.matches if one.body] if isinstance(page, SearchPage) else []
    today = local(services.clock.now()).date()
    if not any(_permits(role_of(each, {}), today) for each in roles):
        return (
            f"--by {by}: no member of staff with this id has an assignment for administration with the right "
            "to destroy records."
        )
    name = next((role["practitioner"].get("display") for role in roles if "practitioner" in role), None)
    own = f"destroy:{by}@{place.unit}"
    assignment = replace(
        system.assignment,
        id=own,
        title="Administration",
        purpose=Purpose.ADMINISTRATION,
        rights=(DESTRUCTION,),
    )
    return Principal(Actor(ActorKind.STAFF, by, name or by, f"Practitioner/{by}"), assignment, CLIENT)


def _permits(role: Role, today: date) -> bool:
    """Whether an assignment holds and is one under which decisions on destruction are carried out."""
    return role.holds_on(today) and role.purpose is Purpose.ADMINISTRATION and DESTRUCTION in role.rights


async def _list(record: Record) -> int:
    decisions, thinnable = await record.destruction.decisions(), await record.destruction.thinnable()
    for refused in (decisions, thinnable):
        if isinstance(refused, Refusal):
            return _refused(refused)
    assert not isinstance(decisions, Refusal)
    assert not isinstance(thinnable, Refusal)
    print("\n".join(map(_line, decisions)) or "No decision is registered.")
    for one in thinnable:
        print(f"May be thinned: {one.patient}, {one.entries} entries, last {from_micros(one.last):%Y-%m-%d}.")
    return 0


def _line(one: Decision) -> str:
    state = f"carried out by {one.executor_name}" if one.executed else "to be carried out"
    what = ", ".join(one.entries) or "the whole record"
    return (
        f"{one.number}: {one.authority} {one.case_number} of {one.decided}, {one.patient}, {what}: {state}."
    )


def _refused(refusal: Refusal) -> int:
    print(" ".join(issue.message for issue in refusal.issues), file=sys.stderr)
    return REFUSED
