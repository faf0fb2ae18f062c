"""Our validation beside two others, on sound resources and on thousands that are broken in one place each.

fhirkit (R4) and fhir.resources (pydantic models of R4B) were written by others, from the same specification.
Where one of them refuses what we take, or takes what we refuse, the reason stands in a table here; a
disagreement without a reason, and a reason without a disagreement, fail.
"""

from __future__ import annotations

import importlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache
from typing import Any, NamedTuple

import fhirkit
import pytest
from pydantic import ValidationError
from tests.support.broken import broken

from kontinuum.demo import generate
from kontinuum.fhir import json
from kontinuum.fhir.issues import Issue
from kontinuum.fhir.validation import validate

BROKEN = 4_000
OF_A_TYPE = 40


class Reason(NamedTuple):
    """Why others take what we refuse for an issue of this code, whose message begins or goes on like this."""

    others: tuple[str, ...]
    code: str
    message: str
    reason: str


BOTH = ("fhirkit", "fhir.resources")
REASONS = (
    Reason(BOTH, "code-invalid", "", "they know no value sets, and R4 requires a code of this one"),
    Reason(BOTH, "invariant", "", "they run none of R4's invariants, nor look for `#id` (ref-1)"),
    Reason(BOTH, "value", "is not a reference", "they take any text as a reference"),
    Reason(BOTH, "value", "is not a resource type of FHIR R4", "they do not look at the type in a reference"),
    Reason(BOTH, "value", "and this element refers to", "they do not check where a reference may lead"),
    Reason(BOTH, "structure", "the [A-Z][A-Za-z.]+ is empty", "they take an object without content (ele-1)"),
    Reason(
        BOTH, "structure", "is an empty array", "they take an empty array (http://hl7.org/fhir/R4/json.html)"
    ),
    Reason(("fhirkit",), "value", "is not an id", "it takes any text as an id"),
    Reason(("fhir.resources",), "value", "contains white space", "it takes white space in a URI"),
    Reason(("fhir.resources",), "value", "the value is empty", "it takes an empty text"),
    Reason(("fhir.resources",), "structure", "null", "it takes null as an element that is left out"),
    Reason(
        ("fhir.resources",),
        "structure",
        "a number stands where an? (dateTime|instant|date)",
        "it takes a number as seconds since 1970",
    ),
)


def by_fhirkit(resource: dict[str, Any]) -> list[str]:
    """The errors that fhirkit finds."""
    found = (str(issue) for issue in fhirkit.validate(json.dumps(resource)))
    return [each for each in found if each.startswith(("error", "fatal"))]


def by_models(resource: dict[str, Any]) -> list[str]:
    """The errors that fhir.resources finds."""
    name = resource["resourceType"]
    model = getattr(importlib.import_module(f"fhir.resources.R4B.{name.lower()}"), name)
    try:
        model.model_validate_json(json.dumps(resource))
    except ValidationError as error:
        return [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
    return []


OTHERS: dict[str, Callable[[dict[str, Any]], list[str]]] = {
    "fhirkit": by_fhirkit,
    "fhir.resources": by_models,
}


@cache
def sound() -> tuple[dict[str, Any], ...]:
    """Some resources of each type in the demo region."""
    of_type: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for batch in generate(1, 8, today=date(2026, 11, 22)):
        for resource in batch.resources:
            listed = of_type[resource["resourceType"]]
            if len(listed) < OF_A_TYPE:
                listed.append(resource)
    return tuple(each for listed in of_type.values() for each in listed)


@cache
def judged() -> tuple[tuple[str, dict[str, Any], tuple[Issue, ...]], ...]:
    """What we find in each broken resource."""
    return tuple(
        (done, resource, tuple(issue for issue in validate(resource) if issue.refuses))
        for done, resource in broken(sound(), BROKEN)
    )


def reason_for(other: str, issue: Issue) -> Reason | None:
    return next(
        (
            each
            for each in REASONS
            if other in each.others and each.code == issue.code and re.search(each.message, issue.message)
        ),
        None,
    )


def disagreements(other: str) -> Iterator[tuple[str, dict[str, Any], tuple[Issue, ...], list[str]]]:
    for done, resource, ours in judged():
        theirs = OTHERS[other](resource)
        if bool(ours) != bool(theirs):
            yield done, resource, ours, theirs


@pytest.mark.parametrize("other", OTHERS)
def test_all_find_nothing_wrong_with_what_is_sound(other: str) -> None:
    refused = [
        (each["resourceType"], each.get("id"), found) for each in sound() if (found := OTHERS[other](each))
    ]
    assert refused == []


@pytest.mark.parametrize("other", OTHERS)
def test_every_disagreement_has_a_reason(other: str) -> None:
    used: set[Reason] = set()
    unexplained = []
    for done, resource, ours, theirs in disagreements(other):
        reasons = [reason_for(other, issue) for issue in ours]
        used |= {each for each in reasons if each is not None}
        if theirs or None in reasons:
            unexplained.append((done, resource["resourceType"], [(i.code, i.message) for i in ours], theirs))
    assert unexplained == []
    assert used == {each for each in REASONS if other in each.others}


def test_most_of_what_is_broken_is_refused_by_us() -> None:
    refused = sum(bool(ours) for _, _, ours in judged())
    assert refused > BROKEN * 0.8
