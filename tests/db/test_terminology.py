"""The terminology against PostgreSQL: subsumption, value sets, suggestions, loading; by the definitions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kontinuum.app.services import Services
from kontinuum.fhir.terminology.selection import (
    Both,
    Codes,
    Either,
    Everything,
    Exists,
    HasValue,
    InSet,
    Selection,
    Under,
    Without,
)
from kontinuum.store.terminology import artifacts, concepts
from kontinuum.sweden import systems
from kontinuum.terminology import (
    Coded,
    Expansion,
    Found,
    NotKnown,
    Page,
    Refused,
    Subject,
    Subsumption,
    Terminology,
    Translation,
    Validation,
    expanding,
)
from kontinuum.terminology.content import CodeSystem, Concept, ConceptMap, ContentError, Name
from kontinuum.terminology.loading import loader, starter
from kontinuum.terminology.storing import Source, store

URL = "http://example.org/s"


def code_system(
    *listed: Concept, url: str = URL, version: str = "1", content: str = "complete"
) -> CodeSystem:
    """A small code system."""
    return CodeSystem(url, version, "S", "S", list(listed), content=content)


async def add(services: Services, system: CodeSystem, origin: str = "") -> int:
    """Write a system as a command does."""
    async with services.pool.acquire() as connection, connection.transaction():
        return await store(connection, system, Source(origin, b"x", 1))


def codes_of(expansion: Expansion | NotKnown | Refused) -> list[str]:
    """The codes on a page."""
    assert isinstance(expansion, Expansion), expansion
    return [each.coded.code for each in expansion.concepts]


def value_set(*include: dict[str, Any], exclude: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    """A ValueSet resource to be worked out."""
    compose: dict[str, Any] = {"include": list(include)}
    if exclude:
        compose["exclude"] = list(exclude)
    return {"resourceType": "ValueSet", "status": "active", "compose": compose}


TREE = (
    Concept("heart", "Hjärtsjukdom"),
    Concept("failure", "Hjärtsvikt", ["heart"], [Name("en", "synonym", "Heart failure")]),
    Concept("acute", "Akut hjärtsvikt", ["failure"], properties={"course": ["acute"]}),
    Concept("kidney", "Njursvikt", ["heart"], [Name("sv", "everyday", "trötta njurar")]),
    Concept("old", "Hjärtfel", ["heart"], active=False),
)


@pytest.fixture
async def terms(services: Services) -> Terminology:
    """The terminology with a small system."""
    await add(services, code_system(*TREE))
    return services.terminology


# --- the hierarchy, by brute force
# ---------------------------------------------------------------------------

HIERARCHIES = st.lists(st.sets(st.integers(0, 30), max_size=3), min_size=1, max_size=14).map(
    lambda drawn: [
        sorted({each % place for each in above}) if place else [] for place, above in enumerate(drawn)
    ]
)


def reaches(parents: list[list[int]], low: int, high: int) -> bool:
    """Whether one climbs from `low` to `high`."""
    return low == high or any(reaches(parents, each, high) for each in parents[low])


@settings(max_examples=25)
@given(parents=HIERARCHIES)
async def test_subsumption_is_the_closure(services: Services, parents: list[list[int]]) -> None:
    await clear(services)
    listed = [Concept(f"c{n}", f"C{n}", [f"c{each}" for each in above]) for n, above in enumerate(parents)]
    artifact = await add(services, code_system(*listed))
    found = await concepts.ancestors(services.pool, artifact, [each.code for each in listed])
    for a in range(len(parents)):
        for b in range(len(parents)):
            (key_a, above_a), (key_b, above_b) = found[f"c{a}"], found[f"c{b}"]
            assert (key_b in above_a) == reaches(parents, a, b)
            assert (key_a in above_b) == reaches(parents, b, a)
    answer = await services.terminology.subsumes(URL, "c0", f"c{len(parents) - 1}")
    last = len(parents) - 1
    expected = (
        Subsumption.EQUIVALENT
        if last == 0
        else Subsumption.SUBSUMES
        if reaches(parents, last, 0)
        else Subsumption.NOT_SUBSUMED
    )
    assert answer == expected


async def clear(services: Services) -> None:
    """Remove everything."""
    rows = await services.terminology.known(("CodeSystem", "ValueSet", "ConceptMap"))
    await artifacts.remove(services.pool, [row.key for row in rows])


CODES = [f"c{n}" for n in range(8)]
LEAVES = st.one_of(
    st.just(Everything()),
    st.lists(st.sampled_from(CODES), max_size=3).map(lambda drawn: Codes(tuple(drawn))),
    st.builds(Under, st.sampled_from(CODES), st.booleans()),
    st.builds(InSet, st.sampled_from(CODES)),
    st.builds(HasValue, st.sampled_from("pq"), st.tuples(st.sampled_from(["1", "x", "true", "y"]))),
    st.builds(Exists, st.sampled_from("pq"), st.booleans()),
)
SELECTIONS: st.SearchStrategy[Selection] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: Both(tuple(parts))),
        st.lists(inner, max_size=3).map(lambda parts: Either(tuple(parts))),
        st.builds(Without, inner, inner),
    ),
    max_leaves=8,
)
ALGEBRA = [
    Concept("c0", "0"),
    Concept("c1", "1", ["c0"], properties={"p": [1]}, sets=["c7"]),
    Concept("c2", "2", ["c0"], properties={"p": ["x"], "q": [True]}),
    Concept("c3", "3", ["c1", "c2"], properties={"q": [{"system": "s", "code": "y"}]}, sets=["c7", "c6"]),
    Concept("c4", "4", ["c3"], properties={"p": ["1", "y"]}),
    Concept("c5", "5", ["c2"], sets=["c6"]),
    Concept("c6", "6"),
    Concept("c7", "7", ["c6"]),
]


def evaluated(selection: Selection) -> set[str]:
    """A selection by its definition."""
    by_code = {each.code: each for each in ALGEBRA}

    def climbs(low: str, high: str) -> bool:
        return low == high or any(climbs(each, high) for each in by_code[low].parents)

    def has(concept: Concept, name: str, value: str) -> bool:
        for each in concept.properties.get(name, ()):
            text = (
                each["code"] if isinstance(each, dict) else str(each).lower() if each is True else str(each)
            )
            if text == value:
                return True
        return False

    def holds(code: str, part: Selection) -> bool:
        match part:
            case Everything():
                return True
            case Codes(listed):
                return code in listed
            case Under(top, itself):
                return climbs(code, top) and (itself or code != top)
            case InSet(top):
                return top in by_code[code].sets
            case HasValue(name, values):
                return any(has(by_code[code], name, value) for value in values)
            case Exists(name, present):
                return (name in by_code[code].properties) == present
            case Both(parts):
                return all(holds(code, each) for each in parts)
            case Either(parts):
                return any(holds(code, each) for each in parts)
            case Without(whole, less):
                return holds(code, whole) and not holds(code, less)

    return {code for code in CODES if holds(code, selection)}


async def test_selections_are_evaluated_as_defined(services: Services) -> None:
    artifact = await add(services, code_system(*ALGEBRA))
    keys = await concepts.keys_of(services.pool, artifact, CODES)

    drawn: list[Selection] = []

    @settings(max_examples=150)
    @given(selection=SELECTIONS)
    def draw(selection: Selection) -> None:
        drawn.append(selection)

    draw()
    for selection in drawn:
        rows = await concepts.page(
            services.pool, artifact, selection, keys, active_only=False, offset=0, limit=100
        )
        assert {row.code for row in rows} == evaluated(selection), selection


# --- value sets
# ----------------------------------------------------------------------------------------------


async def test_a_value_set_is_expanded_in_the_order_of_its_system(terms: Terminology) -> None:
    whole = value_set({"system": URL})
    found = await terms.expand(whole)
    assert codes_of(found) == ["heart", "failure", "acute", "kidney", "old"]
    assert isinstance(found, Expansion)
    assert (found.total, found.systems, found.fragments) == (5, (f"{URL}|1",), ())
    assert codes_of(await terms.expand(whole, Page(active_only=True)))[-1] == "kidney"
    second = await terms.expand(whole, Page(offset=3, count=1))
    assert (codes_of(second), isinstance(second, Expansion) and second.total) == (["kidney"], 5)
    assert codes_of(await terms.expand(whole, Page(count=0))) == []


async def test_includes_are_united_and_excludes_taken_away(terms: Terminology) -> None:
    below = {"system": URL, "filter": [{"property": "concept", "op": "descendent-of", "value": "heart"}]}
    acute = {"system": URL, "filter": [{"property": "course", "op": "=", "value": "acute"}]}
    named = {"system": URL, "concept": [{"code": "heart", "display": "Hjärtat"}]}
    assert codes_of(await terms.expand(value_set(below, exclude=(acute,)))) == ["failure", "kidney", "old"]
    found = await terms.expand(value_set(acute, named))
    assert isinstance(found, Expansion)
    assert [(each.coded.code, each.coded.display) for each in found.concepts] == [
        ("heart", "Hjärtat"),
        ("acute", "Akut hjärtsvikt"),
    ]


async def test_a_nested_expansion_follows_the_hierarchy(terms: Terminology) -> None:
    found = await terms.expand(value_set({"system": URL}), Page(nested=True))
    assert isinstance(found, Expansion)
    (root,) = found.concepts
    assert [each.coded.code for each in root.below] == ["failure", "kidney", "old"]
    assert [each.coded.code for each in root.below[0].below] == ["acute"]


async def test_codes_of_a_system_that_is_not_here_stay_as_they_are_listed(terms: Terminology) -> None:
    listed = {"system": "http://e.org/other", "concept": [{"code": "a", "display": "A"}, {"code": "b"}]}
    less = {"system": "http://e.org/other", "concept": [{"code": "b"}]}
    found = await terms.expand(value_set(listed, exclude=(less,)))
    assert codes_of(found) == ["a"]
    whole = await terms.expand(value_set({"system": "http://e.org/other"}))
    assert isinstance(whole, NotKnown)
    assert whole.subject is Subject.CODE_SYSTEM


async def test_what_cannot_be_worked_out_is_told(terms: Terminology, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = {"system": URL, "filter": [{"property": "concept", "op": "is-a", "value": "nothing"}]}
    assert isinstance(await terms.expand(value_set(unknown)), NotKnown)
    regex = {"system": URL, "filter": [{"property": "code", "op": "regex", "value": "a"}]}
    assert isinstance(await terms.expand(value_set(regex)), Refused)
    assert isinstance(await terms.expand("http://e.org/none"), NotKnown)
    other = await terms.expand(value_set({"system": URL, "version": "9"}))
    assert isinstance(other, NotKnown)
    assert "known: 1" in other.message
    monkeypatch.setattr(expanding, "MOST_AT_ONCE", 4)
    large = await terms.expand(value_set({"system": URL}))
    assert isinstance(large, Refused)
    assert large.code == "too-costly"
    assert len(codes_of(await terms.expand(value_set({"system": URL}), Page(count=4)))) == 4


# --- single codes
# --------------------------------------------------------------------------------------------


async def test_a_code_is_looked_up(terms: Terminology) -> None:
    found = await terms.lookup(URL, "failure", language="en")
    assert isinstance(found, Found)
    assert (found.coded.display, found.complete) == ("Heart failure", True)
    assert (found.parents, found.children) == (
        (("heart", "Hjärtsjukdom"),),
        (("acute", "Akut hjärtsvikt"),),
    )
    assert isinstance(await terms.lookup(URL, "Failure"), NotKnown)
    assert isinstance(await terms.lookup("http://e.org/none", "failure"), NotKnown)


async def test_a_code_is_validated(terms: Terminology) -> None:
    async def judged(code: str, display: str | None = None) -> Validation:
        found = await terms.validate(URL, code, display=display)
        assert isinstance(found, Validation)
        return found

    assert (await judged("failure", "heart  FAILURE")).result
    wrong = await judged("failure", "Njursvikt")
    assert (wrong.result, wrong.display) == (False, "Hjärtsvikt")
    assert not (await judged("none")).result
    old = await judged("old")
    assert old.result
    assert "no longer active" in (old.message or "")
    assert isinstance(await terms.validate("http://e.org/none", "x"), NotKnown)


async def test_a_part_of_a_system_does_not_say_no(services: Services) -> None:
    await add(services, code_system(Concept("a", "A"), content="fragment"))
    found = await services.terminology.validate(URL, "b")
    assert isinstance(found, Validation)
    assert (found.result, found.complete) == (False, False)
    assert "not known" in (found.message or "")


async def test_the_newest_whole_version_answers(services: Services) -> None:
    for version, content in (("2.9", "complete"), ("2.78", "complete"), ("9999", "fragment")):
        await add(services, code_system(Concept(f"v{version}", version), version=version, content=content))
    terms = services.terminology
    assert isinstance(await terms.lookup(URL, "v2.78"), Found)
    assert isinstance(await terms.lookup(URL, "v2.9"), NotKnown)
    assert isinstance(await terms.lookup(URL, "v2.9", version="2.9"), Found)
    assert isinstance(await terms.lookup(f"{URL}|2.9", "v2.9"), Found)


async def test_membership_of_a_value_set(terms: Terminology) -> None:
    below = value_set({"system": URL, "filter": [{"property": "concept", "op": "is-a", "value": "failure"}]})

    async def member(code: str, system: str | None = URL) -> bool:
        found = await terms.validate_in(below, code, system=system)
        assert isinstance(found, Validation)
        return found.result

    assert await member("acute")
    assert await member("acute", None)
    assert not await member("kidney")
    assert not await member("acute", "http://e.org/other")


# --- suggestions
# ---------------------------------------------------------------------------------------------


async def suggested(terms: Terminology, text: str, **options: Any) -> list[str]:
    """The codes that are suggested."""
    found = await terms.suggest(options.pop("where", URL), text, **options)
    assert isinstance(found, list), found
    assert all(isinstance(each, Coded) for each in found)
    return [each.code for each in found]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("hjärtsvikt", ["failure", "acute"]),
        ("HJARTSV", ["failure", "acute"]),
        ("akut hj", ["acute"]),
        ("h", ["failure", "heart", "acute"]),
        ("heart fail", ["failure"]),
        ("trötta", ["kidney"]),
        ("svikt", ["kidney", "failure", "acute"]),
        ("kidney", ["kidney"]),
        ("xyz", []),
        ("", []),
        ("%_", []),
        ("hjärt xyz", []),
    ],
)
async def test_what_is_typed_finds(terms: Terminology, text: str, codes: list[str]) -> None:
    assert await suggested(terms, text) == codes


async def test_what_is_no_longer_active_comes_last_and_only_when_asked(terms: Terminology) -> None:
    assert "old" not in await suggested(terms, "hjärt")
    assert (await suggested(terms, "hjärtf", active_only=False)) == ["old"]


async def test_what_a_unit_chooses_often_comes_first_there(terms: Terminology) -> None:
    for _ in range(2):
        await terms.chose(URL, "acute", context="unit-a")
    assert await suggested(terms, "svik", contexts=("unit-a",)) == ["acute", "kidney", "failure"]
    assert (await suggested(terms, "svik", contexts=("unit-b",)))[0] == "kidney"


async def test_the_exact_code_comes_first(services: Services) -> None:
    await add(
        services, code_system(Concept("I10", "Zeta"), Concept("I10.9", "Alfa I10"), Concept("I109X", "B"))
    )
    assert (await suggested(services.terminology, "I10.9"))[0] == "I10.9"
    assert (await suggested(services.terminology, "i10"))[0] == "I10"
    assert (await suggested(services.terminology, "i109"))[0] == "I10.9"


async def test_suggestions_stay_within_their_value_set(terms: Terminology) -> None:
    below = {"system": URL, "filter": [{"property": "concept", "op": "is-a", "value": "failure"}]}
    found = await terms.expand(value_set(below), Page(filter="svikt", count=10))
    assert codes_of(found) == ["failure", "acute"]
    first = await terms.expand(value_set(below), Page(filter="svikt", count=1))
    assert isinstance(first, Expansion)
    assert (codes_of(first), first.total) == (["failure"], None)


async def test_asking_an_unknown_system_is_told(terms: Terminology) -> None:
    assert isinstance(await terms.suggest("http://e.org/none", "x"), NotKnown)


# --- loading
# -------------------------------------------------------------------------------------------------


async def test_the_starter_sets_are_loaded_once_and_found(services: Services) -> None:
    async with services.pool.acquire() as connection:
        first = await loader.write_starter(connection, 1)
        again = await loader.write_starter(connection, 2)
    assert all(each.new for each in first)
    assert not any(each.new for each in again)
    terms = services.terminology
    assert (await suggested(terms, "högt blodtryck", where=systems.ICD_10_SE))[0] == "I10.9"
    assert "I50.9" in await suggested(terms, "svikt", where=starter.DIAGNOSES)
    vaccines = codes_of(await terms.expand(starter.VACCINES))
    assert "J07BN01" in vaccines
    assert all(code.startswith("J07") and len(code) == 7 for code in vaccines)
    assert len(codes_of(await terms.expand(starter.ANALYSES))) >= 200
    assert len(codes_of(await terms.expand(starter.ALERTS))) == 10
    assert await terms.subsumes(systems.ATC, "J01", "J01CE02") == Subsumption.SUBSUMES


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        ((Concept("a", "A", ["b"]), Concept("b", "B", ["a"])), "circle"),
        ((Concept("a", "A", ["c"]),), "parent 'c'"),
        ((Concept("a", "A"), Concept("a", "B")), "twice"),
    ],
)
async def test_a_release_that_cannot_be_is_not_loaded(
    services: Services, listed: tuple[Concept, ...], words: str
) -> None:
    delivery = loader.Delivery(
        [code_system(Concept("x", "X"), url="http://e.org/good"), code_system(*listed)], [], b"1"
    )
    async with services.pool.acquire() as connection:
        with pytest.raises(ContentError, match=words):
            await loader.write(connection, delivery, 1, replace=False, advance=lambda _: None)
    assert await services.terminology.known() == []


async def test_a_version_is_replaced_only_when_told(services: Services) -> None:
    async def load(code: str, *, replace: bool = False) -> list[loader.Loaded]:
        delivery = loader.Delivery([code_system(Concept(code, code))], [], code.encode())
        async with services.pool.acquire() as connection:
            return await loader.write(connection, delivery, 1, replace=replace, advance=lambda _: None)

    assert [each.new for each in await load("a")] == [True]
    assert [each.new for each in await load("a")] == [False]
    with pytest.raises(ContentError, match="--replace"):
        await load("b")
    assert isinstance(await services.terminology.lookup(URL, "a"), Found)
    await load("b", replace=True)
    assert isinstance(await services.terminology.lookup(URL, "a"), NotKnown)
    assert isinstance(await services.terminology.lookup(URL, "b"), Found)
    assert len(await services.terminology.known()) == 1


async def test_no_map_is_told(services: Services) -> None:
    found = await services.terminology.translate(URL, "a")
    assert not isinstance(found, Translation)
    assert found.subject is Subject.CONCEPT_MAP


async def test_maps_that_lead_to_each_other_come_to_an_end(services: Services) -> None:
    for url, other in (("http://e.org/a", "http://e.org/b"), ("http://e.org/b", "http://e.org/a")):
        rule = {"source": URL, "target": "t", "mode": "other-map", "url": other}
        content = ConceptMap(url, "", "n", "t", [], unmapped=[rule])
        async with services.pool.acquire() as connection, connection.transaction():
            await store(connection, content, Source("", b"x", 1))
    found = await services.terminology.translate(URL, "a", map_url="http://e.org/a")
    assert isinstance(found, Translation)
    assert not found.result
    fixed = {"source": URL, "target": "t", "mode": "fixed", "code": "other"}
    async with services.pool.acquire() as connection, connection.transaction():
        map_ = ConceptMap("http://e.org/c", "", "n", "t", [], unmapped=[fixed])
        await store(connection, map_, Source("", b"x", 1))
    found = await services.terminology.translate(URL, "a", map_url="http://e.org/c")
    assert isinstance(found, Translation)
    assert [each.code for each in found.matches] == ["other"]
