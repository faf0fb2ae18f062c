"""Each rule's two forms agree, and blocks and consents work in one direction only."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

from kontinuum.access import (
    NOTHING_KNOWN,
    Action,
    Block,
    Circumstances,
    Facts,
    Permit,
    Question,
    Representation,
    decide,
    predicate,
)
from kontinuum.access.bars import CARE_BARS, PORTAL_BARS
from kontinuum.access.circumstances import Kind, Level
from kontinuum.access.decide import CARE_GROUNDS, OPEN_GROUNDS, PORTAL_GROUNDS, UNCHECKED
from kontinuum.access.vetoes import VETOES
from kontinuum.app.services import Services
from kontinuum.fhir import json
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.search.extract import extract
from kontinuum.kernel.ids import bucket_of
from kontinuum.kernel.principal import Principal
from kontinuum.kernel.sql import Binder, Fragment
from kontinuum.record.circumstances import circumstances_of
from kontinuum.record.context import Context
from kontinuum.store import law as store
from kontinuum.store import law_linked, persons
from tests.law.cast import CAST, ELSEWHERE, OWNER
from tests.law.worlds import (
    ASKING,
    PRESENT,
    READERS,
    TYPES,
    UNITS,
    World,
    resources,
    subscriptions,
    tools,
    worlds,
)

BATCHES, WORLDS = 10, 200


LABELLED = b'{"meta":{"security":[{"code":"NOPAT"}]}}'
"""The body of a resource that is kept back from the patient."""


def generated(batch: int) -> list[World]:
    """The worlds of a batch: no two batches have the same."""
    found: list[World] = []

    @seed(batch)
    @settings(max_examples=WORLDS, phases=[Phase.generate], database=None)
    @given(worlds)
    def collect(world: World) -> None:
        found.append(world)

    collect()
    return found


async def shown(services: Services, scope: Fragment, about: Sequence[Facts]) -> set[int]:
    """The numbers of the resources that a scope finds among some."""
    binder = Binder()
    condition = binder.add(scope)
    bodies = [facts.body or (LABELLED if facts.kept_back else b"{}") for facts in about]
    indexed = [extract(json.loads(facts.body)).hashes if facts.body else () for facts in about]
    columns = (
        ("int", list(range(len(about)))),
        ("smallint", [bucket_of(facts.patient or "none") for facts in about]),
        ("text", [facts.patient for facts in about]),
        ("smallint", [TYPE_CODES[facts.type] for facts in about]),
        ("bigint", [facts.sort for facts in about]),
        ("bytea", bodies),
        ("text", [facts.unit for facts in about]),
        ("text", [facts.provider for facts in about]),
        ("text", ["{" + ",".join(map(str, hashes)) + "}" for hashes in indexed]),
    )
    unnested = ", ".join(f"{binder.bind(values)}::{kind}[]" for kind, values in columns)
    statement = (
        "with given as materialized (select number, bucket, patient, type, sort, body, unit, provider,"
        f" hashes::bigint[] from unnest({unnested})"
        " as g(number, bucket, patient, type, sort, body, unit, provider, hashes))"
        " select r.number from given r join given a on a.number = r.number"
        f" where {condition}"
    )
    return {row["number"] for row in await services.pool.fetch(statement, *binder.values)}


async def test_check_and_predicate_agree_in_thousands_of_worlds(services: Services) -> None:
    rng = random.Random(3)
    key = 0
    bases: Counter[str] = Counter()
    for batch in range(BATCHES):
        rows: dict[str, list[tuple[Any, ...]]] = {}
        about: list[Facts] = []
        for number, world in enumerate(generated(batch)):
            # Some of the patients are those who ask on their own behalf.
            name = READERS[number] if batch == 0 and number < len(READERS) else f"w{batch}-{number}"
            for table, found in world.of(name, key).items():
                rows.setdefault(table, []).extend(found)
            key += 100
            about += rng.sample(resources(name), 12)
        about += resources(None) + subscriptions() + tools()
        for table, found in rows.items():
            async with services.pool.acquire() as connection:
                await store.add(connection, table, found)
        if batch % 2:  # in some, a provider whose patients are told one by one
            await services.pool.execute("insert into offering values ($1, $2)", ELSEWHERE, PRESENT + 1)
        patients = sorted({facts.patient for facts in about if facts.patient})
        apart = await repeated(services, patients)
        await link(services, rng, patients)
        for who in ASKING:
            for action in (Action.READ, Action.WRITE):  # the others are the same to the law
                bases += await agree(services, who, action, about)
        if batch == 0:
            await services.pool.execute("update law_projection set complete = false")
            for who in ASKING:
                bases += await agree_unchecked(services, who, about)
            await services.pool.execute("update law_projection set complete = true")
        await services.pool.execute("delete from offering")
        await part(services, patients)
        assert await repeated(services, patients) == apart
        if batch == 0:
            await link(services, rng, patients)
            await more_blocks_never_show_more(services, rng, about)
            await part(services, patients)
    met = {name for name, times in bases.items() if times > 20}
    assert met >= {
        rule.name
        for rule in (
            UNCHECKED,
            *VETOES,
            *OPEN_GROUNDS,
            *CARE_GROUNDS,
            *PORTAL_GROUNDS,
            *CARE_BARS,
            *PORTAL_BARS,
        )
    }


async def link(services: Services, rng: random.Random, patients: list[str]) -> None:
    """Let some of the patients be one person by twos and threes, those who ask among them."""
    shuffled = [*READERS, *rng.sample(patients, len(patients) // 5)]
    people = {patient: shuffled[number - number % 3] for number, patient in enumerate(shuffled)}
    async with services.pool.acquire() as connection, connection.transaction():
        await persons.settle(connection, (), {one: other for one, other in people.items() if one != other})
        await law_linked.settle(connection, people)


async def part(services: Services, patients: list[str]) -> None:
    """Undo every link."""
    async with services.pool.acquire() as connection, connection.transaction():
        await persons.settle(connection, [*READERS, *patients], {})
        await law_linked.settle(connection, [*READERS, *patients])


async def repeated(services: Services, patients: list[str]) -> dict[str, list[str]]:
    """What the tables of the law hold about some patients, with what is repeated from others."""
    found = {}
    for table, columns in store.COLUMNS.items():
        listed = ", ".join([*columns.split(), "origin"])
        statement = f"select {listed} from {table} where patient = any($1::text[])"
        found[table] = sorted(map(str, await services.pool.fetch(statement, patients)))
    return found


async def more_blocks_never_show_more(services: Services, rng: random.Random, about: Sequence[Facts]) -> None:
    """A block on one of the Patients that are a person covers the others as well, and shows nobody more."""
    scopes = [(who, predicate(Question(who, Action.READ, PRESENT))) for who in ASKING]
    before = [await shown(services, scope, about) for _, scope in scopes]
    linked = [row["patient"] for row in await services.pool.fetch("select patient from linked_patient")]
    always = (-(2**63), 2**63 - 1)
    rows = [
        (-number, *always, bucket_of(patient), place, "inner", patient, OWNER[unit], unit, [], "x")
        for number, patient in enumerate(rng.sample(linked, len(linked) // 2), 1)
        for place, unit in enumerate(UNITS)
    ]
    async with services.pool.acquire() as connection, connection.transaction():
        await law_linked.insert(connection, "block", rows)
    after = [await shown(services, scope, about) for _, scope in scopes]
    assert all(late <= early for late, early in zip(after, before, strict=True))
    assert after != before
    for who in ASKING:
        await agree(services, who, Action.READ, about)


async def agree(services: Services, who: Principal, action: Action, about: Sequence[Facts]) -> Counter[str]:
    """The check and every shape of the predicate give the same answer on each resource.

    Gives how often each rule decided.
    """
    context = Context(services.gate._services, who)  # the loader's only way in
    question = Question(who, action, PRESENT)
    patients = sorted({facts.patient for facts in about if facts.patient})
    known = await circumstances_of(context, services.pool, patients, PRESENT)
    decisions = [decide(question, facts, known.get(facts.patient or "", NOTHING_KNOWN)) for facts in about]
    permitted = {number for number, decision in enumerate(decisions) if isinstance(decision, Permit)}
    assert await shown(services, predicate(question), about) == permitted, who.actor.id
    asking = predicate(replace(question, complete=False))
    assert await shown(services, asking, about) == permitted, who.actor.id
    for type_name in (
        "Observation",
        "Patient",
        "Organization",
        "Device",
        "Subscription",
        "Library",
        "Questionnaire",
    ):
        narrowed = predicate(replace(question, type=type_name))
        some = [n for n, facts in enumerate(about) if facts.type == type_name]
        found = await shown(services, narrowed, [about[n] for n in some])
        assert {some[n] for n in found} == permitted & set(some), (who.actor.id, type_name)
    for patient in patients[:3]:
        some = [n for n, facts in enumerate(about) if facts.patient == patient]
        bound = predicate(replace(question, patient=patient))
        found = await shown(services, bound, [about[n] for n in some])
        assert {some[n] for n in found} == permitted & set(some), (who.actor.id, patient)
    return Counter(each.basis if isinstance(each, Permit) else each.rule for each in decisions)


async def agree_unchecked(services: Services, who: Principal, about: Sequence[Facts]) -> Counter[str]:
    """The two forms agree while the tables of the law are known to be unfinished."""
    question = Question(who, Action.READ, PRESENT, complete=False)
    patients = sorted({facts.patient for facts in about if facts.patient})
    known = await circumstances_of(Context(services.gate._services, who), services.pool, patients, PRESENT)
    unchecked = {patient: replace(each, unchecked=True) for patient, each in known.items()}
    decisions = [
        decide(question, facts, unchecked.get(facts.patient or "", NOTHING_KNOWN)) for facts in about
    ]
    permitted = {number for number, decision in enumerate(decisions) if isinstance(decision, Permit)}
    assert await shown(services, predicate(question), about) == permitted, who.actor.id
    return Counter(each.basis if isinstance(each, Permit) else each.rule for each in decisions)


micros = st.integers(PRESENT - 3, PRESENT + 3)
some_block = st.builds(
    Block,
    key=st.integers(1, 3),
    level=st.sampled_from(Level),
    provider=st.sampled_from(sorted(set(OWNER.values()))),
    unit=st.sampled_from(["", *UNITS]),
    low=micros,
    high=micros,
    kept=st.frozensets(st.sampled_from(TYPES), max_size=2),
    lifted=st.booleans(),
)
circumstances = st.builds(
    Circumstances,
    relation=st.sampled_from([None, "visit"]),
    chosen=st.frozensets(st.sampled_from(UNITS)),
    consented=st.booleans(),
    opened=st.sampled_from([None, PRESENT + 1]),
    unoffered=st.frozensets(st.sampled_from(sorted(set(OWNER.values()))), max_size=1),
    blocks=st.lists(some_block, max_size=2).map(tuple),
    representations=st.lists(
        st.builds(Representation, st.sampled_from(Kind), st.frozensets(st.sampled_from(TYPES), max_size=2)),
        max_size=2,
    ).map(tuple),
    own=st.booleans(),
    born=st.frozensets(st.sampled_from([19800101, 20130101, 20200101]), max_size=2),
    deceased=st.booleans(),
)
facts = st.builds(
    lambda type_name, patient, unit, sort, held: Facts(type_name, patient, unit, OWNER[unit], sort, held),
    st.sampled_from(TYPES),
    st.sampled_from(["p-adult", "p-other", None]),
    st.sampled_from(UNITS),
    micros,
    st.booleans(),
)
questions = st.builds(
    Question, st.sampled_from(list(CAST.values())), st.sampled_from(Action), st.just(PRESENT)
)


def permits(question: Question, about: Facts, known: Circumstances | None) -> bool:
    """Whether the check says yes."""
    return isinstance(decide(question, about, known), Permit)


@settings(max_examples=3000)
@given(questions, facts, circumstances, some_block)
def test_adding_a_block_never_shows_more(
    question: Question, about: Facts, known: Circumstances, block: Block
) -> None:
    blocked = replace(known, blocks=(*known.blocks, block))
    assert permits(question, about, known) or not permits(question, about, blocked)


@settings(max_examples=3000)
@given(questions, facts, circumstances)
def test_taking_away_what_was_granted_never_shows_more(
    question: Question, about: Facts, known: Circumstances
) -> None:
    for less in (
        replace(known, consented=False),
        replace(known, relation=None),
        replace(known, opened=None),
        replace(known, chosen=frozenset()),
        replace(known, representations=()),
        replace(known, blocks=tuple(replace(block, lifted=False) for block in known.blocks)),
    ):
        assert permits(question, about, known) or not permits(question, about, less)


@settings(max_examples=2000)
@given(questions, facts, circumstances)
def test_without_consent_or_opening_nothing_of_another_provider_is_read(
    question: Question, about: Facts, known: Circumstances
) -> None:
    without = replace(known, consented=False, opened=None)
    foreign = about.provider != question.assignment.provider and not question.is_patient
    if foreign and about.patient is not None and about.type != "Patient":
        assert not permits(question, about, without)


@settings(max_examples=1000)
@given(questions, facts)
def test_what_cannot_be_checked_is_refused(question: Question, about: Facts) -> None:
    if permits(question, about, None):
        assert permits(question, about, NOTHING_KNOWN)
