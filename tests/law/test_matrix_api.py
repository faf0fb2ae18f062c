"""Who sees what by every way into the API: cast x every type of a patient's compartment x interaction.

The ways are taken from the tables by which the API parses requests and from the table of operations: a new
interaction fails the last test until it is named here, and a new operation is asked as all others are.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import httpx
import pytest

from kontinuum.web.api import interactions
from kontinuum.web.api.asgi import HANDLERS
from kontinuum.web.api.operation_table import OPERATIONS
from kontinuum.web.api.operations import Level
from tests.law.cast import ADULT
from tests.law.marked import TYPES, identity, marked, parameter_of
from tests.law.town import (
    EXPECTED,
    MARKS,
    MAY_EXPORT,
    NOT_TOLD_OF,
    PANEL,
    PLACES,
    WHO,
    Mark,
    Town,
    marks_in,
    reference,
)
from tests.support.resources import bundle, request

LOGGED = "AuditEvent"
"""Of this type a search gives the log, which has readers of its own."""

SEARCHED = tuple(name for name in TYPES if name != LOGGED)
SIGNED_IN = tuple(name for name, who in WHO.items() if who is not None)
AT_ONCE = 24
ALL = "_count=500"
CHANGE = b'[{"op": "add", "path": "/language", "value": "sv"}]'


async def together(town: Town, who: str, asked: Iterable[tuple[str, str, Any]]) -> list[httpx.Response]:
    """The answers to requests (method, path, form or resource), some at a time."""
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(method: str, path: str, sent: Any) -> httpx.Response:
        async with limit:
            if method == "PATCH":
                how = {"content": CHANGE, "headers": {"content-type": "application/json-patch+json"}}
            elif sent is None:
                how = {}
            else:
                how = {"data" if path.endswith("_search") else "json": sent}
            return await town.fhir(who, method, path, **how)

    return await asyncio.gather(*(one(*each) for each in asked))


def seen(answers: Sequence[httpx.Response]) -> frozenset[Mark]:
    """The marks in answers, none of which may be a fault."""
    assert all(each.status_code < 500 for each in answers), [each.text for each in answers]
    return frozenset(mark for each in answers for mark in marks_in(each.text))


def gets(paths: Iterable[str]) -> list[tuple[str, str, Any]]:
    return [("GET", path, None) for path in paths]


Way = Callable[[Town, str], Awaitable[frozenset[Mark]]]


def by(*asked: tuple[str, str, Any]) -> Way:
    """A way that is these requests."""

    async def way(town: Town, who: str) -> frozenset[Mark]:
        return seen(await together(town, who, asked))

    return way


def of_types(who: str, types: Iterable[str]) -> dict[str, frozenset[Mark]]:
    """What somebody is to see, by type."""
    return {name: frozenset(mark for mark in EXPECTED[who] if mark[0] == name) for name in types}


async def by_count(town: Town, who: str) -> frozenset[Mark]:
    """A number tells of resources as well as their text does."""
    expected = of_types(who, SEARCHED)
    paths = [
        f"/{name}?_id={ids_of(mark for mark in MARKS if mark[0] == name)}&_summary=count" for name in expected
    ]
    answers = await together(town, who, gets(paths))
    right = (
        marks
        for marks, answer in zip(expected.values(), answers, strict=True)
        if answer.json().get("total", 0) == len(marks)
    )
    return frozenset().union(*right)


async def by_being_referred_to(town: Town, who: str) -> frozenset[Mark]:
    """Who refers to the patient tells of itself: `_has` is asked for what is seen and for what is not."""
    shown: set[Mark] = set()
    expected = of_types(who, SEARCHED)
    hidden = {
        name: frozenset(mark for mark in MARKS if mark[0] == name) - marks for name, marks in expected.items()
    }
    groups = [group for group in (*expected.values(), *hidden.values()) if group]
    paths = [f"/Patient?_id={ADULT}&_has:{has_of(group)}&_total=accurate" for group in groups]
    for group, answer in zip(groups, await together(town, who, gets(paths)), strict=True):
        shown |= group if answer.json().get("total") else set()
    return frozenset(shown)


def has_of(group: frozenset[Mark]) -> str:
    """The `_has` that finds the patient by resources of one type."""
    name = min(group)[0]
    return f"{name}:{parameter_of(name)}:_id={ids_of(group)}"


def ids_of(marks: Iterable[Mark]) -> str:
    return ",".join(identity(*mark) for mark in sorted(marks))


async def by_head(town: Town, who: str) -> frozenset[Mark]:
    """HEAD answers no body, but a status."""
    answers = await together(town, who, [("HEAD", f"/{reference(mark)}", None) for mark in MARKS])
    assert not any(answer.content for answer in answers)
    return frozenset(mark for mark, answer in zip(MARKS, answers, strict=True) if answer.status_code == 200)


async def by_bulk(town: Town, who: str) -> frozenset[Mark]:
    """Every level of export, ordered, carried out and fetched; nobody else fetches what somebody ordered."""
    levels = ("/$export", "/Patient/$export", f"/Group/{identity('Group', 'a')}/$export")
    shown: frozenset[Mark] = frozenset()
    for path in levels[:2] if who in MAY_EXPORT else levels:
        ordered = await town.fhir(who, "GET", path, headers={"Prefer": "respond-async"})
        assert (ordered.status_code == 202) is (who in MAY_EXPORT), (who, path, ordered.text)
        shown |= marks_in(ordered.text)
        if ordered.status_code != 202:
            continue
        await town.runner.look()
        place = ordered.headers["content-location"].partition("/fhir")[2]
        manifest = (await town.fhir(who, "GET", place)).json()
        paths = [each["url"].partition("/fhir")[2] for each in manifest["output"]]
        assert paths
        shown |= seen(await together(town, who, gets(paths)))
        for other in (name for name in WHO if name != who):
            answers = await together(town, other, gets([place, *paths]))
            assert {each.status_code for each in answers} <= {401, 404}, other
            assert seen(answers) == frozenset()
        assert (await town.fhir(who, "DELETE", place)).status_code == 202
    return shown


READS = gets(f"/{reference(mark)}" for mark in MARKS)
SEARCHES = [f"/{name}?{ALL}" for name in SEARCHED]
MEMBERS = [f"/Patient/{ADULT}/{name}?{ALL}" for name in SEARCHED]
BATCH = bundle("batch", *(request("GET", reference(mark)) for mark in MARKS))
LISTED = ",".join(SEARCHED)

WAYS: dict[str, tuple[Way, frozenset[str]]] = {
    "read": (by(*READS), frozenset(TYPES)),
    "read of the head": (by_head, frozenset(TYPES)),
    "vread": (by(*gets(f"{path}/_history/1" for _, path, _ in READS)), frozenset(TYPES)),
    "history of a resource": (by(*gets(f"{path}/_history" for _, path, _ in READS)), frozenset(TYPES)),
    "history of a type": (by(*gets(f"/{name}/_history?{ALL}" for name in TYPES)), frozenset(TYPES)),
    "history of everything": (by(("GET", "/_history?_count=1000", None)), frozenset(TYPES)),
    "search of a type": (by(*gets(SEARCHES)), frozenset(SEARCHED)),
    "search by a form": (
        by(*(("POST", f"/{name}/_search", {"_count": "500"}) for name in SEARCHED)),
        frozenset(SEARCHED),
    ),
    "search by id": (
        by(*gets(f"/{n}?_id={ids_of(m for m in MARKS if m[0] == n)}" for n in SEARCHED)),
        frozenset(SEARCHED),
    ),
    "search across types": (by(("GET", f"/?_type={LISTED}&_count=1000", None)), frozenset(SEARCHED)),
    "search across types by a form": (
        by(("POST", "/_search", {"_type": LISTED, "_count": "1000"})),
        frozenset(SEARCHED),
    ),
    "compartment": (by(*gets(MEMBERS)), frozenset(SEARCHED)),
    "compartment by a form": (
        by(*(("POST", f"/Patient/{ADULT}/{name}/_search", {"_count": "500"}) for name in SEARCHED)),
        frozenset(SEARCHED),
    ),
    "whole compartment": (by(("GET", f"/Patient/{ADULT}/*?_count=1000", None)), frozenset(SEARCHED)),
    "batch": (by(("POST", "", BATCH)), frozenset(TYPES)),
    "count": (by_count, frozenset(SEARCHED)),
    "chain": (
        by(
            *gets(f"/{n}?{parameter_of(n)}:Patient.identifier=urn:example:patients|{ADULT}" for n in SEARCHED)
        ),
        frozenset(SEARCHED),
    ),
    "reverse include": (
        by(*gets(f"/Patient?_id={ADULT}&_revinclude={n}:{parameter_of(n)}" for n in SEARCHED)),
        frozenset(SEARCHED),
    ),
    "_has": (by_being_referred_to, frozenset(SEARCHED)),
    "include": (by(("GET", f"/List?_id={PANEL}&_include=List:item", None)), frozenset(TYPES)),
    "bulk": (by_bulk, frozenset(SEARCHED)),
}
"""Each way, and the types that it is asked for."""

NOT_THE_PATIENT = ("proxy", "other patient", "nobody")
"""Who does not see the Patient, and so nothing by a way that leads over it."""

LEADING_OVER = {
    **dict.fromkeys(("chain", "reverse include", "_has"), NOT_THE_PATIENT),
    "include": ("colleague", "outsider", *NOT_THE_PATIENT),
    "bulk": tuple(who for who in WHO if who not in MAY_EXPORT),
}
"""Ways that begin at a resource, and who does not see that."""


@pytest.mark.parametrize("way", WAYS)
async def test_every_way_shows_each_of_the_cast_the_same(town: Town, way: str) -> None:
    ask, types = WAYS[way]
    wrong = {}
    for who in WHO:
        shown = await ask(town, who)
        blind = who in LEADING_OVER.get(way, ())
        expected = frozenset() if blind else frozenset(mark for mark in EXPECTED[who] if mark[0] in types)
        if shown != expected:
            wrong[who] = (
                sorted(shown - expected)[:5],
                sorted(expected - shown)[:5],
                len(shown),
                len(expected),
            )
    assert wrong == {}


def anonymous(answer: httpx.Response, *names: str) -> tuple[int, str]:
    """An answer without the ids and moments in it."""
    text = answer.text
    for name in names:
        text = text.replace(name, "…")
    return answer.status_code, re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "…", text)


@pytest.mark.parametrize("who", NOT_TOLD_OF)
async def test_what_must_not_be_told_of_is_as_if_it_were_not_there(town: Town, who: str) -> None:
    """Rules 13, 15, 27 and 28: the answers about it and about what never was differ in nothing."""
    hidden = sorted(NOT_TOLD_OF[who])
    below = ("", "/_history", "/_history/1")
    there = await together(town, who, gets(f"/{reference(m)}{end}" for m in hidden for end in below))
    never = await together(town, who, gets(f"/{m[0]}/never-was{end}" for m in hidden for end in below))
    told = {
        first.url.path: (anonymous(first, mark_id), anonymous(second, "never-was"))
        for mark_id, first, second in zip(
            [identity(*m) for m in hidden for _ in below], there, never, strict=True
        )
        if anonymous(first, mark_id) != anonymous(second, "never-was")
    }
    assert told == {}


def invocations(operation: Any) -> list[str]:
    """Where an operation can be invoked about the patient and what is the patient's."""
    places = []
    types = operation.types or ("Patient", *TYPES)
    if Level.SYSTEM in operation.levels:
        places.append(f"/${operation.name}")
    if Level.TYPE in operation.levels:
        places += [f"/{name}/${operation.name}" for name in types]
    if Level.INSTANCE in operation.levels:
        places += [f"/Patient/{ADULT}/${operation.name}"] if "Patient" in types else []
        places += [f"/{reference(m)}/${operation.name}" for m in MARKS if m[0] in types]
    return places


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: f"{'+'.join(each.types)}${each.name}")
async def test_no_operation_shows_what_is_hidden(town: Town, operation: Any) -> None:
    """Whatever is added to the table of operations is asked here, about the patient and all that is there."""
    given = {
        name: reference_or_text(each.type)
        for name, each in operation.parameters.items()
        if each.offered and name in ("patient", "subject", "code")
    }
    query = "&".join(f"{name}={value}" for name, value in given.items())
    asked = [f"{place}?{query}" for place in invocations(operation)]
    for who in WHO:
        for method in ("GET",) if not operation.affects_state else ("POST",):
            shown = seen(await together(town, who, [(method, path, None) for path in asked]))
            assert shown <= EXPECTED[who], (who, sorted(shown - EXPECTED[who])[:5])


def reference_or_text(type_name: str) -> str:
    return f"Patient/{ADULT}" if type_name == "Reference" else "x"


async def test_nothing_that_is_hidden_can_be_written_or_found_out_by_writing(town: Town) -> None:
    """Every interaction that changes something is refused at what somebody does not see; nothing changes."""
    count = "select count(*) from resource where version > 1 or body is null"
    before = await town.services.pool.fetchval(count)
    for who in WHO:
        unit = "" if (principal := WHO[who]) is None else principal.assignment.unit
        # Who documents at a unit may change what the unit has documented, and is held to account for it.
        hidden = sorted(mark for mark in set(MARKS) - EXPECTED[who] if PLACES[mark[1]] != unit)
        asked: list[tuple[str, str, Any]] = []
        for mark in hidden:
            body = marked(mark[0], ADULT, mark[1])
            asked += [
                (method, f"/{reference(mark)}", body if method != "DELETE" else None)
                for method in interactions.INSTANCE
                if method not in ("GET", "HEAD")
            ]
            found_by = f"/{mark[0]}?_id={identity(*mark)}"
            asked += [("DELETE", found_by, None)]
        answers = await together(town, who, asked)
        assert seen(answers) == frozenset(), who
        done = [answer.url.path for answer in answers if answer.status_code in (200, 201)]
        assert done == [], who
    assert await town.services.pool.fetchval(count) == before


async def test_rule_28_labels_in_use_are_those_of_what_may_be_read(town: Town) -> None:
    for who in WHO:
        held_back = any(where == "kept" for _, where in EXPECTED[who])
        for path in ("/Observation/$meta", "/$meta"):
            answer = await town.fhir(who, "GET", path)
            assert ("NOPAT" in answer.text) is held_back, (who, path)


async def test_rule_19_only_a_reviewer_and_the_patient_search_the_log(town: Town) -> None:
    path = f"/AuditEvent?patient={ADULT}&_count=2"
    for who in WHO:
        answer = await town.fhir(who, "GET", path)
        told = {"reviewer": 200, "patient": 200, "nobody": 401}.get(who, 403)
        assert answer.status_code == told, (who, answer.text)
        if told == 200:
            following = next(link["url"] for link in answer.json()["link"] if link["relation"] == "next")
            more = await town.fhir(who, "GET", following.partition("/fhir")[2])
            ids = {entry["resource"]["id"] for one in (answer, more) for entry in one.json()["entry"]}
            assert len(ids) == 4


REACHED: dict[str, dict[str, tuple[str, ...]]] = {
    "INSTANCE": {
        "GET": ("read",),
        "HEAD": ("read of the head",),
        "PUT": ("written",),
        "DELETE": ("written",),
        "PATCH": ("written",),
    },
    "INSTANCE_HISTORY": dict.fromkeys(("GET", "HEAD"), ("history of a resource",)),
    "VERSION": dict.fromkeys(("GET", "HEAD"), ("vread",)),
    "TYPE": {
        **dict.fromkeys(
            ("GET", "HEAD"),
            ("search of a type", "search by id", "count", "chain", "reverse include", "_has", "include"),
        ),
        **dict.fromkeys(("POST", "PUT", "PATCH"), ("written",)),
        "DELETE": ("written",),
    },
    "TYPE_HISTORY": dict.fromkeys(("GET", "HEAD"), ("history of a type",)),
    "TYPE_SEARCH_FORM": {"POST": ("search by a form",)},
    "COMPARTMENT": dict.fromkeys(("GET", "HEAD"), ("compartment", "whole compartment")),
    "COMPARTMENT_FORM": {"POST": ("compartment by a form",)},
    "SYSTEM ": {**dict.fromkeys(("GET", "HEAD"), ("search across types",)), "POST": ("batch",)},
    "SYSTEM _search": {"POST": ("search across types by a form",)},
    "SYSTEM metadata": dict.fromkeys(("GET", "HEAD"), ("no patient data",)),
    "SYSTEM openapi.json": dict.fromkeys(("GET", "HEAD"), ("no patient data",)),
    "BULK": dict.fromkeys(("GET", "HEAD", "DELETE"), ("bulk",)),
    "BULK_FILE": dict.fromkeys(("GET", "HEAD"), ("bulk",)),
    "SYSTEM _history": dict.fromkeys(("GET", "HEAD"), ("history of everything",)),
}
"""By which ways above each method at each kind of address is asked; `written` is the test of writing."""


def test_every_interaction_is_in_the_matrix() -> None:
    tables = {
        name: value
        for name, value in vars(interactions).items()
        if name.isupper() and isinstance(value, dict) and name != "SYSTEM"
    }
    tables |= {f"SYSTEM {name}": methods for name, methods in interactions.SYSTEM.items()}
    offered = {(name, method) for name, methods in tables.items() for method in methods}
    named = {(name, method) for name, methods in REACHED.items() for method in methods}
    assert offered <= named, offered - named
    used = {way for methods in REACHED.values() for ways in methods.values() for way in ways}
    assert used == {*WAYS, "written", "no patient data"}


def test_every_kind_of_request_has_its_way() -> None:
    """A handler that no table of addresses leads to would be a way that nothing above asks."""
    named = """Read VersionRead Create Update ConditionalUpdate Delete ConditionalDelete Search SystemSearch
    CompartmentSearch History BundleSubmission Invocation Patch ConditionalPatch BulkStatus BulkCancel
    BulkFile"""
    assert {kind.__name__ for kind in HANDLERS} <= set(named.split())
