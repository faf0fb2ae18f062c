"""What is typed into the patient search, and which names are alike."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kontinuum.fhir.search.parse import parse_search
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.web.workspace.matching import Advice, Question, likeness, sound, understand

TODAY = date(2026, 3, 1)


@pytest.mark.parametrize(
    "text", ["19420211-9808", "194202119808", "420211-9808", "4202119808", " 1942 0211 9808 "]
)
def test_a_personnummer_in_any_form_is_searched_for_as_twelve_digits(text: str) -> None:
    question = understand(text, TODAY)
    assert isinstance(question, Question)
    assert question.exact == ("Patient?identifier=194202119808&_count=10",)
    assert question.similar == ()


def test_six_digits_are_a_date_of_birth_in_either_century() -> None:
    question = understand("170211", TODAY)
    assert isinstance(question, Question)
    assert [query.split("=")[1].split("&")[0] for query in question.exact] == ["2017-02-11", "1917-02-11"]


def test_a_number_of_another_system_is_searched_for_as_written() -> None:
    question = understand("MRN-0012345", TODAY)
    assert isinstance(question, Question)
    assert "identifier=MRN-0012345" in question.exact[0]
    assert question.unmatched


def test_words_are_names_and_a_year_among_them_the_year_of_birth() -> None:
    question = understand("Lindqvist, Märta 1942", TODAY)
    assert isinstance(question, Question)
    assert question.exact == ("Patient?name=Lindqvist&name=M%C3%A4rta&birthdate=1942&_count=50",)


@pytest.mark.parametrize("text", ["a", "1", "  x ", "1942"])
def test_too_little_to_search_for_is_met_with_advice(text: str) -> None:
    assert isinstance(understand(text, TODAY), Advice)


@given(st.text(min_size=1, max_size=60))
@example("00 ¨")
@example("ab¨¨¨¨")
def test_whatever_is_typed_becomes_searches_that_the_record_understands(text: str) -> None:
    question = understand(text.strip(), TODAY)
    if isinstance(question, Advice):
        return
    from urllib.parse import parse_qsl

    for query in (*question.exact, *question.similar):
        parsed = parse_search("Patient", parse_qsl(query.partition("?")[2], keep_blank_values=True))
        assert isinstance(parsed, SearchQuery), (query, parsed)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Lindqvist", "Lindkvist"),
        ("Kristoffer", "Christopher"),
        ("Katarina", "Catharina"),
        ("Karlsson", "Carlson"),
        ("Wikström", "Vikström"),
        ("Ahlm", "Alm"),
        ("Åke", "Ake"),
    ],
)
def test_names_that_sound_alike_in_swedish_are_alike(one: str, other: str) -> None:
    assert likeness(sound(one), sound(other)) >= 0.75


@pytest.mark.parametrize(("one", "other"), [("Lindqvist", "Bergström"), ("Anna", "Karl"), ("Ali", "Eva")])
def test_different_names_are_not(one: str, other: str) -> None:
    assert likeness(sound(one), sound(other)) < 0.68


@given(st.text(max_size=12), st.text(max_size=12))
def test_likeness_is_the_same_both_ways_and_whole_for_equal_words(one: str, other: str) -> None:
    assert likeness(one, other) == likeness(other, one)
    assert likeness(one, one) == 1
    assert 0 <= likeness(one, other) <= 1
