"""An app's scopes: understood or refused, the same in both forms, and never more than the law permits."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kontinuum.access import Action, Circumstances, Deny, Facts, Question, decide
from kontinuum.access.scopes import LAUNCH, UnknownScopeError, covers, parse_scope, parse_scopes
from kontinuum.app.services import Services
from kontinuum.fhir import json
from kontinuum.kernel.principal import App
from kontinuum.store import law as store
from tests.law.cast import ADULT
from tests.law.test_agreement import agree, circumstances, facts, generated, permits, questions
from tests.law.worlds import ASKING, resources

CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
SCOPES = (
    "patient/Patient.rs",
    "patient/*.rs",
    "patient/Observation.rs?category=laboratory",
    f"user/Observation.cruds?category={CATEGORY}|vital-signs,{CATEGORY}|laboratory",
    "user/*.cruds",
    "user/Organization.r",
    "user/MedicationRequest.s",
    "system/*.rs",
    "system/Observation.u",
    "launch/patient",
)


def described(about: Facts, rng: random.Random) -> Facts:
    """The resource with a body, as far as a scope looks into it."""
    if about.type != "Observation" or about.kept_back:
        return about
    codes = rng.sample(["laboratory", "vital-signs", "survey"], rng.randint(0, 2))
    body = {
        "resourceType": "Observation",
        "category": [{"coding": [{"system": rng.choice([CATEGORY, "urn:x"]), "code": c}]} for c in codes],
    }
    return replace(about, body=json.dumps(body))


async def test_check_and_predicate_agree_on_what_an_app_reaches(services: Services) -> None:
    rng = random.Random(5)
    rows: dict[str, list[tuple[Any, ...]]] = {}
    about: list[Facts] = []
    names = [f"s-{number}" for number in range(40)]
    for number, (name, world) in enumerate(zip(names, generated(77), strict=False)):
        for table, found in world.of(name, number * 100).items():
            rows.setdefault(table, []).extend(found)
        about += [described(each, rng) for each in rng.sample(resources(name), 12)]
    about += resources(None)
    for table, found in rows.items():
        async with services.pool.acquire() as connection:
            await store.add(connection, table, found)
    refused = 0
    for who in ASKING:
        for action in Action:
            scopes = tuple(rng.sample(SCOPES, 3))
            app = App("app", "g", scopes, tuple(rng.sample(names, 3)))
            refused += (await agree(services, replace(who, app=app), action, about))["scope"]
    assert refused > 500


apps = st.builds(
    App,
    st.just("app"),
    st.just("g"),
    st.lists(st.sampled_from(SCOPES), max_size=3).map(tuple),
    st.lists(st.sampled_from([ADULT, "p-adult", "p-other"]), max_size=2).map(tuple),
)


@settings(max_examples=3000)
@given(questions, facts, circumstances, apps)
def test_an_app_is_never_shown_more_than_whom_it_acts_for_nor_by_fewer_scopes(
    question: Question, about: Facts, known: Circumstances, app: App
) -> None:
    by_app = replace(question, principal=replace(question.principal, app=app))
    if permits(by_app, about, known):
        assert permits(question, about, known)
    fewer = replace(by_app, principal=replace(question.principal, app=replace(app, scopes=app.scopes[1:])))
    assert permits(by_app, about, known) or not permits(fewer, about, known)
    elsewhere = replace(by_app, principal=replace(question.principal, app=replace(app, patients=())))
    assert permits(by_app, about, known) or not permits(elsewhere, about, known)
    # What the law refuses is refused in the law's words: a scope tells nothing of what is hidden.
    law = decide(question, about, known)
    assert not isinstance(law, Deny) or decide(by_app, about, known) == law


@settings(max_examples=500)
@given(
    st.from_regex(
        r"(patient|user|system)/(Observation|\*|[A-Z][a-z]+)\.[a-z*]{1,5}(\?[a-z]+=[a-z]*)?", fullmatch=True
    )
)
def test_a_scope_is_understood_whole_or_refused(text: str) -> None:
    try:
        scope = parse_scope(text)
    except UnknownScopeError:
        return
    assert scope.letters
    assert set(scope.letters) <= set("cruds")
    assert bool(scope.criteria) is ("?" in text)
    assert covers(text, text)


@pytest.mark.parametrize(
    "text",
    [
        "patient/Observation",
        "patient/Observation.",
        "patient/Observation.sr",
        "patient/Observation.rx",
        "patient/Nothing.rs",
        "doctor/Observation.rs",
        "patient/Observation.read?category=laboratory",
        "patient/*.rs?category=laboratory",
        "patient/Observation.rs?colour=red",
        "patient/Observation.rs?date=ge2020",
        "patient/Observation.rs?category:not=laboratory",
        "patient/Observation.rs?patient.name=x",
        "patient/Observation.rs?_id=1",
        "patient/Observation.rs?",
        "launch/practitioner",
        "email",
    ],
)
def test_what_is_not_a_scope_here_is_refused(text: str) -> None:
    with pytest.raises(UnknownScopeError):
        parse_scopes(f"launch {text}")


def test_version_one_and_the_launch_are_understood() -> None:
    assert parse_scope("patient/Observation.read").letters == "rs"
    assert parse_scope("user/*.write").letters == "cud"
    assert parse_scope("system/*.*").letters == "cruds"
    assert parse_scopes(" ".join([*LAUNCH, *LAUNCH])) == tuple(LAUNCH)


@pytest.mark.parametrize(
    ("holder", "wanted", "whole"),
    [
        ("patient/*.cruds", "patient/Observation.rs?category=laboratory", True),
        ("patient/Observation.rs?category=laboratory", "patient/Observation.rs", False),
        ("patient/Observation.r", "patient/Observation.rs", False),
        ("user/*.rs", "patient/Observation.rs", False),
        ("launch/patient", "launch/patient", True),
        ("openid", "user/*.rs", False),
    ],
)
def test_one_scope_covers_another_only_where_it_permits_all_of_it(
    holder: str, wanted: str, whole: bool
) -> None:
    assert covers(holder, wanted) is whole
