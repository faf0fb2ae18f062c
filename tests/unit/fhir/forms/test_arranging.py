"""The order in which a unit offers its templates, and what stands first at a contact."""

from __future__ import annotations

from typing import Any

import pytest

from kontinuum.fhir.questionnaire import arranging
from kontinuum.fhir.questionnaire.arranging import Place, Situation

COUGH = {"class": {"code": "AMB"}, "type": [{"text": "Oplanerat besök"}], "reasonCode": [{"text": "Hosta"}]}
WARD = {"class": {"code": "ACUTE"}, "reasonCode": [{"coding": [{"display": "Hjärtsvikt"}]}]}
PLACES = (
    Place("day", contact="IMP"),
    Place("cough", words=("hosta", "feber")),
    Place("nurse", professions=("sjuksköterska",)),
    Place("both", words=("hosta",), professions=("läkare",)),
    Place("plain"),
)


def order(contact: dict[str, Any] | None, *professions: str) -> tuple[list[str], list[str]]:
    urls = ["a-new-one", "both", "cough", "day", "nurse", "plain"]
    return arranging.arranged(urls, str, PLACES, Situation(contact, professions))


@pytest.mark.parametrize(
    ("contact", "profession", "first"),
    [
        (COUGH, "Distriktsläkare", ["both", "cough"]),
        (COUGH, "Undersköterska", ["cough"]),
        (WARD, "Sjuksköterska", ["day", "nurse"]),
        (None, "Specialistsjuksköterska", ["nurse"]),
        (None, "Dietist", []),
    ],
)
def test_what_fits_stands_first_and_the_rest_as_the_unit_has_decided(
    contact: dict[str, Any] | None, profession: str, first: list[str]
) -> None:
    fitting, rest = order(contact, profession)
    assert fitting == first
    decided = ["day", "cough", "nurse", "both", "plain", "a-new-one"]
    assert rest == [one for one in decided if one not in first]


def test_an_order_is_read_as_it_was_kept_and_what_is_none_is_left_out() -> None:
    assert arranging.read(arranging.content_of(PLACES)) == PLACES
    strange = {
        "templates": [{"url": "a", "contact": "MOON", "words": "hosta"}, {"url": 7}, "b", {"url": "a"}]
    }
    assert arranging.read(strange) == (Place("a"),)
    assert arranging.read({"templates": None}) == ()
