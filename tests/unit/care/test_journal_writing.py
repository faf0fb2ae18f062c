"""Fields and merging: what is typed is kept, and two windows lose nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontinuum.care.journal.fields import from_state, strangers, to_response
from kontinuum.care.journal.library import all_templates, template
from kontinuum.care.journal.merging import merge
from kontinuum.fhir.questionnaire import Form, evaluate

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=40)
TYPED = TEXT.filter(lambda text: bool(text.strip()))


def _form(name: str = "lakarbesok-primarvard") -> Form:
    found = template(name)
    assert found is not None
    return found.form


@given(st.lists(TYPED, min_size=1, max_size=4).map("\n".join))
def test_a_text_goes_to_the_response_and_back_letter_for_letter(text: str) -> None:
    form = _form()
    response, unread = to_response(form, {"kontaktorsak": [text]})
    assert unread == []
    assert response["item"][0]["answer"] == [{"valueString": text}]
    assert from_state(evaluate(form, response)) == {"kontaktorsak": [text]}


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("82,50", Decimal("82.50")),
        ("82.5", Decimal("82.5")),
        ("82", 82),
        ("x", None),
        ("82,", None),
        ("1e3", None),
    ],
)
def test_a_number_keeps_the_digits_it_was_written_with(typed: str, value: object) -> None:
    response, unread = to_response(_form(), {"status/vitalparametrar/vikt": [typed]})
    if value is None:
        assert [one.text for one in unread] == [typed]
        assert "item" not in response
    else:
        answer = response["item"][0]["item"][0]["item"][0]["answer"][0]
        assert str(answer["valueDecimal"]) == str(value)


def test_rows_keep_their_places() -> None:
    form = _form()
    fields = {"diagnos:2/diagnos-text": ["Tredje raden"]}
    response, _ = to_response(form, fields)
    assert [one["linkId"] for one in response["item"]] == ["diagnos"] * 3
    assert from_state(evaluate(form, response)) == fields
    assert [one["linkId"] for one in evaluate(form, response).response["item"]] == ["diagnos"]


def test_a_field_without_a_place_is_a_stranger() -> None:
    assert strangers(_form(), {"gone": ["text"], "kontaktorsak": ["x"]}) == {"gone": ["text"]}
    for one in all_templates():
        assert strangers(one.form, {"gone": ["text"]})


FIELDS = st.dictionaries(st.sampled_from("abcd"), st.lists(TYPED, min_size=1, max_size=1), max_size=4)


@given(FIELDS, FIELDS, FIELDS)
def test_merging_keeps_every_text_that_either_window_wrote(
    before: dict[str, list[str]], theirs: dict[str, list[str]], mine: dict[str, list[str]]
) -> None:
    merged = merge(theirs, mine, before, frozenset("abcd"))
    for window in (theirs, mine):
        for name, (text,) in window.items():
            if [text] != before.get(name) and window.get(name) != before.get(name):
                assert text in "\n".join(merged.fields.get(name, [])) or name in merged.both


@given(FIELDS, FIELDS)
def test_a_window_that_changed_nothing_takes_what_the_other_wrote(
    before: dict[str, list[str]], theirs: dict[str, list[str]]
) -> None:
    merged = merge(theirs, before, before, frozenset("abcd"))
    assert (merged.fields, merged.both) == (theirs, {})


@pytest.mark.parametrize(
    ("theirs", "mine", "kept"),
    [
        ("den andras\nmitt", "mitt, och mer", "den andras\nmitt, och mer"),
        ("mitt\nden andras", "mitt, och mer", "mitt, och mer\nden andras"),
        ("något annat", "mitt, och mer", "något annat\nmitt, och mer"),
    ],
)
def test_who_types_on_while_another_text_comes_in_keeps_both_once(theirs: str, mine: str, kept: str) -> None:
    merged = merge({"a": [theirs]}, {"a": [mine]}, {"a": ["mitt"]}, frozenset("a"))
    assert merged.fields == {"a": [kept]}
    assert merged.both == {"a": [theirs]}


def test_a_choice_that_both_changed_is_told_with_the_other_value() -> None:
    merged = merge({"a": ["1"]}, {"a": ["2"]}, {"a": ["0"]}, frozenset())
    assert merged.fields == {"a": ["2"]}
    assert merged.both == {"a": ["1"]}
