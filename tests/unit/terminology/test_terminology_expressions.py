"""ECL and `ValueSet.compose`: what is taken, and what is refused where."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontinuum.fhir.terminology.compose import faults, filter_selection, implicit_compose
from kontinuum.fhir.terminology.ecl import EclError, parse_ecl
from kontinuum.fhir.terminology.selection import (
    Both,
    Codes,
    Either,
    Everything,
    Exists,
    HasValue,
    InSet,
    Under,
    Without,
)

A, B, C = "404684003", "73211009", "22298006"


@pytest.mark.parametrize(
    ("text", "selection"),
    [
        (A, Codes((A,))),
        (f"{A} |Clinical finding (finding)|", Codes((A,))),
        ("*", Everything()),
        (f"< {A}", Under(A, itself=False)),
        (f"<<{A}|x y|", Under(A, itself=True)),
        (f"^ {A}", InSet(A)),
        (f"<< {A} AND ^ {B}", Both((Under(A, True), InSet(B)))),
        (f"<< {A}, ^ {B}, {C}", Both((Under(A, True), InSet(B), Codes((C,))))),
        (f"<{A} or <{B}", Either((Under(A, False), Under(B, False)))),
        (f"<{A} MINUS <<{B}", Without(Under(A, False), Under(B, True))),
        (f"(<{A} OR {B}) MINUS ({C})", Without(Either((Under(A, False), Codes((B,)))), Codes((C,)))),
        ("<< *", Everything()),
    ],
)
def test_an_expression_is_read(text: str, selection: object) -> None:
    assert parse_ecl(text) == selection


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("", 0, "ends"),
        ("<", 1, "ends"),
        (f"<< {A} AND", 16, "ends"),
        (f"<{A} AND <{B} OR <{C}", 25, "parentheses"),
        (f"{A} MINUS {B} MINUS {C}", 25, "parentheses"),
        (f"<< {A} : {B} = {C}", 13, "refinements"),
        (f">> {A}", 0, "ancestors"),
        (f"<! {A}", 0, "children"),
        (f"<< {A} {{{{ term = x }}}}", 13, "filters"),
        (f"({A}", 10, "ends"),
        (f"{A} {B}", 10, "AND, OR or MINUS"),
        ("^ *", 2, "not offered"),
        ("< *", 2, "not offered"),
        ("12", 0, "6 to 18 digits"),
        ("(" * 60 + A, 41, "nested"),
    ],
)
def test_what_is_not_taken_is_refused_with_its_place(text: str, position: int, words: str) -> None:
    error = parse_ecl(text)
    assert isinstance(error, EclError)
    assert words in error.message
    assert error.position == position


@given(st.text(alphabet="<>^()*|, ANDORMIUS0123456789:.{}!\n", max_size=60))
def test_any_text_is_answered(text: str) -> None:
    answer = parse_ecl(text)
    assert answer is not None
    if isinstance(answer, EclError):
        assert 0 <= answer.position <= len(text)


@pytest.mark.parametrize(
    ("filter_", "selection"),
    [
        (("concept", "is-a", "x"), Under("x", True)),
        (("concept", "descendent-of", "x"), Under("x", False)),
        (("concept", "is-not-a", "x"), Without(Everything(), Under("x", True))),
        (("concept", "in", A), InSet(A)),
        (("status", "=", "ACTIVE"), HasValue("status", ("ACTIVE",))),
        (("class", "in", "a, b"), HasValue("class", ("a", "b"))),
        (("class", "not-in", "a"), Without(Everything(), HasValue("class", ("a",)))),
        (("code", "in", "a,b"), Codes(("a", "b"))),
        (("unit", "exists", "false"), Exists("unit", False)),
        (("constraint", "=", f"<< {A}"), Under(A, True)),
    ],
)
def test_a_filter_is_read(filter_: tuple[str, str, str], selection: object) -> None:
    assert filter_selection(*filter_) == selection


@pytest.mark.parametrize(
    ("filter_", "words"),
    [
        (("code", "regex", "A.*"), "regex are refused"),
        (("concept", "generalizes", "x"), "not offered"),
        (("unit", "exists", "maybe"), "true or false"),
        (("constraint", "=", "<"), "character 1"),
        (("class", "is-a", "x"), "property concept"),
    ],
)
def test_a_filter_that_is_not_offered_is_refused(filter_: tuple[str, str, str], words: str) -> None:
    refused = filter_selection(*filter_)
    assert isinstance(refused, str)
    assert words in refused


def test_a_fault_of_a_value_set_names_its_place() -> None:
    filters = [{"property": "a", "op": "=", "value": "b"}, {"property": "a", "op": "regex", "value": "b"}]
    compose: dict[str, Any] = {
        "include": [{"system": "s"}],
        "exclude": [{"system": "s", "filter": filters}],
    }
    (issue,) = faults(compose, "ValueSet.compose")
    assert issue.location == "ValueSet.compose.exclude[0].filter[1]"


def test_implicit_value_sets_of_snomed() -> None:
    root = "http://snomed.info/sct"
    assert implicit_compose("http://example.org/vs") is None
    assert implicit_compose(f"{root}?fhir_vs") == {"include": [{"system": root}]}
    isa = implicit_compose(f"{root}/45991000052106?fhir_vs=isa/{A}")
    assert isinstance(isa, dict)
    assert isa["include"][0]["version"] == f"{root}/45991000052106"
    assert isa["include"][0]["filter"] == [{"property": "concept", "op": "is-a", "value": A}]
    assert isinstance(implicit_compose(f"{root}?fhir_vs=new/{A}"), str)
