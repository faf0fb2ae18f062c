"""Nursing plans: what is asked for on a day, until when, and what settles it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from kontinuum.care.nursing import writing
from kontinuum.care.nursing.board import notes
from kontinuum.care.nursing.kinds import HEADINGS, NEEDED
from kontinuum.care.nursing.model import CarePlan, Task
from kontinuum.care.nursing.rules import Slot, State, count, latest, read_times, slot_of, slots
from kontinuum.care.nursing.writing import Action, Writer
from kontinuum.demo import generate
from kontinuum.fhir import json
from kontinuum.fhir.datatypes import decoder
from kontinuum.fhir.validation import validate
from kontinuum.kernel.around import Board
from kontinuum.kernel.i18n import local
from kontinuum.record.outcome import SearchPage, Stored
from kontinuum.web.languages import load_translators

NURSE = {"reference": "Practitioner/s-1", "display": "Kim Ek, Sjuksköterska"}
WHO = Writer("p-1", NURSE, "2026-05-04T09:00:00+02:00")
MONDAY = date(2026, 5, 4)
NOON = local("2026-05-04T12:00:00+02:00")


def stored(*actions: Action) -> dict[str, Any]:
    made = writing.plan("plan-1", WHO, "skin", "Risk för trycksår", ("Hel hud", "2026-05-20"), actions)
    assert [issue for one in made for issue in validate(one) if issue.refuses] == []
    return made[1]


def read(resource: dict[str, Any]) -> CarePlan:
    return decoder(CarePlan).decode(json.dumps(resource))


def on(resource: dict[str, Any], day: date) -> list[str]:
    return [f"{one.at:%H:%M}" if one.at else one.text for one in slots([read(resource)], day) if one.asked]


@pytest.mark.parametrize(
    ("typed", "times"),
    [
        ("", ()),
        ("8", ("08:00:00",)),
        ("20, 8 14.30", ("08:00:00", "14:30:00", "20:00:00")),
        ("08:00 8", ("08:00:00",)),
        ("24", None),
        ("8.60", None),
        ("morgon", None),
        ("8-10", None),
    ],
)
def test_times_as_they_are_typed(typed: str, times: tuple[str, ...] | None) -> None:
    assert read_times(typed) == times


def test_a_day_asks_for_each_action_at_its_times_and_what_has_none_last() -> None:
    plan = stored(
        Action("Vid behov", NEEDED, ()),
        Action("Munvård", "1", ()),
        Action("Vändning", "1", ("14:00:00", "02:00:00")),
    )
    assert on(plan, MONDAY) == ["02:00", "14:00", "Munvård", "Vid behov"]
    assert on(plan, MONDAY - timedelta(days=1)) == []


def test_every_other_day_and_once_a_week_count_from_the_first() -> None:
    for interval in (2, 3, 7):
        plan = stored(Action("Omläggning", str(interval), ("10:00:00",)))
        asked = [day for day in range(15) if on(plan, MONDAY + timedelta(days=day))]
        assert asked == list(range(0, 15, interval))


def test_what_is_stopped_is_not_asked_for_from_that_day_and_stays_on_the_days_before() -> None:
    plan = stored(Action("Vändning", "1", ("08:00:00",)), Action("Vägning", "1", ("07:00:00",)))
    thursday = MONDAY + timedelta(days=3)
    made = writing.stopped(plan, plan["activity"][0]["id"], thursday.isoformat())
    assert validate(made) == []
    assert on(made, thursday - timedelta(days=1)) == ["07:00", "08:00"]
    assert on(made, thursday) == ["07:00"]
    assert on(made, thursday + timedelta(days=1)) == ["07:00"]


def test_the_end_of_a_plan_ends_its_actions_and_its_goal_and_keeps_what_was_written_before() -> None:
    plan = {**stored(Action("Vändning", "1", ("08:00:00",))), "note": [{"text": "Först"}]}
    goal = {"resourceType": "Goal", "id": writing.goal_id("plan-1"), "lifecycleStatus": "active"}
    goal |= {"description": {"text": "Hel hud"}, "subject": {"reference": "Patient/p-1"}}
    later = Writer("p-1", {"display": "Kim Ek"}, "2026-05-07T10:00:00+02:00")
    made, reached = writing.evaluated(plan, goal, later, "Huden är hel.", "achieved", end=True)
    assert [issue for one in (made, reached) for issue in validate(one) if issue.refuses] == []
    assert [note["text"] for note in made["note"]] == ["Först", "Huden är hel."]
    assert (made["status"], made["period"]["end"], reached["lifecycleStatus"]) == (
        "completed",
        "2026-05-07",
        "completed",
    )
    assert on(made, date(2026, 5, 6)) == ["08:00"]
    assert on(made, date(2026, 5, 8)) == []
    (going_on, _) = writing.evaluated(plan, goal, later, "Fortsätter.", "improving", end=False)
    assert (going_on["status"], on(going_on, date(2026, 5, 8))) == ("active", ["08:00"])


def _slot(at: str = "08:00:00") -> Slot:
    (found,) = slots([read(stored(Action("Vändning", "1", (at,))))], MONDAY)
    return found


def _task(slot: Slot, **more: Any) -> Task:
    resource = writing.carried_out("t-1", slot, WHO, local("2026-05-04T08:10:00+02:00"), **more)
    assert [issue for issue in validate(resource) if issue.refuses] == []
    return decoder(Task).decode(json.dumps(resource))


def test_what_is_done_or_not_done_settles_its_own_time_and_no_other() -> None:
    slot, other = _slot(), _slot("09:00:00")
    done, not_done = _task(slot), _task(slot, reason="Patienten avböjer", comment="Försöker igen kl. 10.")
    assert (slot.state(done, NOON), slot.state(not_done, NOON)) == (State.DONE, State.NOT_DONE)
    assert latest([done], slot) is done
    assert latest([done], other) is None
    struck = decoder(Task).decode(
        json.dumps({**writing.carried_out("t-1", slot, WHO, NOON), "status": "entered-in-error"})
    )
    assert latest([struck], slot) is None


@pytest.mark.parametrize(
    ("at", "state"),
    [("10:59:00", State.LATE), ("11:00:00", State.DUE), ("12:00:00", State.DUE), ("20:00:00", State.DUE)],
)
def test_an_action_is_late_an_hour_after_its_time(at: str, state: State) -> None:
    assert _slot(at).state(None, NOON) is state


def test_what_has_no_time_is_late_when_the_day_is_over_and_what_is_done_when_needed_never() -> None:
    some_time, needed = slots(
        [read(stored(Action("Munvård", "1", ()), Action("Bladderscan", NEEDED, ())))], MONDAY
    )
    morning = datetime.fromisoformat("2026-05-05T06:00:00+02:00")
    assert some_time.state(None, local(NOON)) is State.DUE
    assert [one.state(None, local(morning)) for one in (some_time, needed)] == [State.LATE, State.DUE]
    assert count([State.DONE, State.NOT_DONE, State.LATE, State.DUE]) == (2, 4, 1)


def test_a_form_names_only_an_action_that_is_planned_for_that_day() -> None:
    slot = _slot()
    assert slot_of([slot.plan], slot.key) == slot
    for key in ("", "a/b/c/d", slot.key.replace("0800", "0900"), slot.key.replace("05-04", "05-03")):
        assert slot_of([slot.plan], key) is None


def test_the_demos_ward_has_plans_that_can_be_carried_out() -> None:
    today = date(2026, 11, 23)
    plans = [
        read(one)
        for batch in generate(1, 3, today=today)
        for one in batch.resources
        if one["resourceType"] == "CarePlan"
    ]
    asked = slots([one for one in plans if one.active], today)
    assert {one.plan.heading for one in asked} <= HEADINGS.keys()
    assert {one.needed for one in asked} == {True, False}


def test_the_board_tells_how_many_actions_are_late_and_nothing_of_what_is_written() -> None:
    plan = stored(Action("Vändning", "1", ("08:00:00", "10:00:00", "11:30:00")), Action("Munvård", "1", ()))
    slot = next(one for one in slots([read(plan)], MONDAY) if one.at is not None)
    done = writing.carried_out("task-1", slot, WHO, NOON)

    def page(*resources: dict[str, Any]) -> SearchPage:
        return SearchPage(
            tuple(
                Stored(one["resourceType"], one["id"], 1, 0, json.dumps(one), "SE-U", "SE-P")
                for one in resources
            )
        )

    board = Board(("p-1", "p-2"), NOON, load_translators()["sv"])
    told = [notes(board, [page(plan), page(*tasks)]) for tasks in ((), (done,))]
    assert [[one.text for one in each.get("p-1", ())] for each in told] == [
        ["2 åtgärder försenade"],
        ["1 åtgärd försenad"],
    ]
    assert all("p-2" not in each for each in told)
    assert notes(board, [page(), page()]) == {}
