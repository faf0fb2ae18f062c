"""Orders: their panels, their days, and what stands in the resources."""

from __future__ import annotations

from datetime import date

from kontinuum.care.orders import writing
from kontinuum.care.orders.kinds import REFERRAL, panels, system_of
from kontinuum.care.orders.rules import read_day
from kontinuum.fhir.validation import validate
from kontinuum.sweden import systems
from kontinuum.terminology.loading import starter

DAY = date(2026, 11, 23)


def test_every_analysis_of_a_panel_is_one_that_can_be_looked_up() -> None:
    known = {row.get("npu", key): row["name"] for key, row in starter.analyses().items()}
    npu = {row["npu"] for row in starter.analyses().values() if "npu" in row}
    for panel in panels().values():
        for code, name in panel.analyses:
            assert known[code] == name, panel.key
            assert (system_of(code) == systems.NPU) is (code in npu)


def test_a_sample_is_taken_today_or_on_a_day_to_come() -> None:
    assert read_day(" ", DAY) == DAY
    assert read_day("2026-12-01", DAY) == date(2026, 12, 1)
    assert read_day("2026-11-22", DAY) is None
    assert read_day("i morgon", DAY) is None


def test_what_is_written_is_valid_and_says_who_sees_to_it() -> None:
    me = {"reference": "Practitioner/a", "display": "Anna"}
    moment = "2026-11-23T10:00:00+01:00"
    order = writing.Order(
        "t-1",
        REFERRAL,
        "p-1",
        me,
        me,
        moment,
        DAY,
        "2026-12-07",
        question="Ej akut?",
        background="Waran",
        contact="e-1",
    )
    made = writing.requested(order, "r-1", {"text": "Ej akut?"})
    task = writing.waiting(order, [made])
    assert validate(made) == validate(task) == []
    assert task["basedOn"] == [{"reference": "ServiceRequest/r-1"}]
    assert task["owner"] == me
    assert made["encounter"] == task["encounter"] == {"reference": "Encounter/e-1"}
