"""Who sees what, by every way in: the cast x the types x the ways, one expectation for all ways.

A way that is added to the gate later must be added here, or the last test fails.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from typer.main import get_command

from kontinuum.access.circumstances import Kind, Level
from kontinuum.app.asgi import build
from kontinuum.app.cli import app
from kontinuum.fhir import json
from kontinuum.fhir.search.joined import compartment_of
from kontinuum.fhir.search.parse import parse_search
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.kernel.principal import ActorKind, Principal
from kontinuum.record import Gate, Record, Refusal, RefusalKind, Stored
from kontinuum.record.chronicle import Part
from kontinuum.record.everything import Wanted
from kontinuum.record.extracting import Extent
from tests.law.cast import (
    ADULT,
    CAST,
    CHILD,
    COLLEAGUE,
    GUARDIAN_ID,
    KINDS,
    PATIENT,
    PROVIDER,
    TREATING,
    UNIT_A,
    UNIT_B,
    UNIT_C,
    entries,
)
from tests.law.conftest import Region, done
from tests.law.subscribed import by_subscription
from tests.support.resources import bundle, request

EVERYTHING = {
    unit: {f"{entry['resourceType']}/{entry['id']}" for entry in entries(ADULT, unit)}
    for unit in (UNIT_A, UNIT_B, UNIT_C)
}
REFERENCES = sorted(set().union(*EVERYTHING.values()))
A, B, C = (EVERYTHING[unit] for unit in (UNIT_A, UNIT_B, UNIT_C))
MEDICATION_OF_B = {reference for reference in B if reference.startswith("MedicationRequest")}

EXPECTED: dict[str, set[str]] = {
    "treating doctor": A | MEDICATION_OF_B | C,
    "colleague at another unit": B,
    "doctor at another provider": set(),
    "nurse": A,
    "administrator": A,
    "patient": A | B | C,
    "guardian": set(),
    "person with protected identity": set(),
    "system client": A | B,
}
"""What of the adult patient's data each sees.

The treating doctor has chosen both other units and noted consent; unit B is blocked but for medication; the
colleague has stated a relation; nobody at the other provider has one.
"""


@pytest.fixture
async def decided(region: Region) -> Region:
    """The region after the choices, consents and blocks that `EXPECTED` describes."""
    treating = region.record(TREATING).law
    done(await treating.consent(ADULT, region.later(days=30)))
    done(await treating.choose(ADULT, [UNIT_B, UNIT_C]))
    done(await region.record(COLLEAGUE).law.relate(ADULT, "Konsult"))
    done(await region.record(PATIENT).law.block(ADULT, Level.INNER, UNIT_B, PROVIDER, kept=["medication"]))
    done(await treating.represent(CHILD, GUARDIAN_ID, Kind.GUARDIAN, region.later(days=900)))
    members = [{"reference": ref} for ref in REFERENCES if ref.startswith("Observation/")]
    panel = {**entries(ADULT, UNIT_A)[0], "id": "panel", "code": {"text": "panel"}, "hasMember": members}
    await region.write(UNIT_A, panel)
    return region


def of_adult(found: Any) -> set[str]:
    """References of the patient's data among what was shown."""
    return {stored.reference for stored in found if isinstance(stored, Stored)} & set(REFERENCES)


async def by_read(region: Region, who: Principal) -> set[str]:
    record = region.record(who)
    return of_adult([await record.read(*reference.split("/")) for reference in REFERENCES])


async def by_version(region: Region, who: Principal) -> set[str]:
    record = region.record(who)
    return of_adult([await record.vread(*reference.split("/"), 1) for reference in REFERENCES])


async def by_several(region: Region, who: Principal) -> set[str]:
    return of_adult((await region.record(who).read_many(REFERENCES)).values())


async def by_history(region: Region, who: Principal) -> set[str]:
    record = region.record(who)
    pages = [await record.history(*reference.split("/")) for reference in REFERENCES]
    return of_adult([each for page in pages if not isinstance(page, Refusal) for each in page.entries])


async def by_history_of_types(region: Region, who: Principal) -> set[str]:
    record = region.record(who)
    pages = [await record.history(kind, count=500) for kind in (*KINDS, None)]
    return of_adult([each for page in pages if not isinstance(page, Refusal) for each in page.entries])


async def by_search_of_patient(region: Region, who: Principal) -> set[str]:
    pages = [await region.record(who).find(f"{kind}?patient={ADULT}") for kind in KINDS]
    return of_adult([each for page in pages if not isinstance(page, Refusal) for each in page.matches])


async def by_search_of_type(region: Region, who: Principal) -> set[str]:
    pages = await region.record(who).find_many([f"{kind}?_count=500" for kind in KINDS])
    return of_adult([each for page in pages for each in page.matches])


async def by_id(region: Region, who: Principal) -> set[str]:
    found = [await region.record(who).find(f"{r.split('/')[0]}?_id={r.split('/')[1]}") for r in REFERENCES]
    return of_adult([each for page in found if not isinstance(page, Refusal) for each in page.matches])


async def by_count(region: Region, who: Principal) -> set[str]:
    """A count that tells of a resource shows it, as far as secrecy goes."""
    shown = set()
    for reference in REFERENCES:
        kind, identity = reference.split("/")
        page = await region.record(who).find(f"{kind}?_id={identity}&_summary=count")
        assert not isinstance(page, Refusal)
        if page.total:
            shown.add(reference)
    return shown


async def by_reverse_include(region: Region, who: Principal) -> set[str]:
    parts = "&".join(f"_revinclude={kind}:patient" for kind in KINDS if kind != "Patient")
    page = await region.record(who).find(f"Patient?_id={ADULT}&{parts}")
    assert not isinstance(page, Refusal)
    return of_adult(page.included) if page.matches else set()


async def by_compartment(region: Region, who: Principal) -> set[str]:
    pages = [await region.record(who).search(within(kind)) for kind in KINDS]
    return of_adult([each for page in pages if not isinstance(page, Refusal) for each in page.matches])


async def by_types(region: Region, who: Principal) -> set[str]:
    page = await region.record(who).search_types([within(kind) for kind in KINDS])
    assert not isinstance(page, Refusal)
    return of_adult(page.matches)


async def by_everything(region: Region, who: Principal) -> set[str]:
    """Of the patient, page by page, and of the encounters in which data were written."""
    shown = await every_page(region, who, "Patient", ADULT)
    for reference in REFERENCES:
        kind, identity = reference.split("/")
        if kind == "Encounter":
            shown |= await every_page(region, who, kind, identity)
    return shown


async def every_page(region: Region, who: Principal, kind: str, identity: str | None) -> set[str]:
    shown: set[str] = set()
    cursor = None
    while True:
        page = await region.record(who).everything(kind, identity, Wanted(count=3, cursor=cursor))
        if isinstance(page, Refusal):
            return shown
        shown |= of_adult([*page.matches, *page.included])
        cursor = page.next
        if cursor is None:
            return shown


async def by_chronicle(region: Region, who: Principal) -> set[str]:
    """All types in clinical order, page by page; the units told of are those behind what is shown."""
    shown: dict[str, str] = {}
    cursor = ""
    while True:
        part = Part(tuple(KINDS), count=3, cursor=cursor)
        leaves = await region.record(who).chronicle(ADULT, [part])
        assert not isinstance(leaves, Refusal)
        stored = [one.stored for one in leaves[0].entries]
        shown |= {f"{one.type}/{one.id}": one.unit for one in stored}
        cursor = leaves[0].next
        if not cursor:
            break
    if who.actor.kind is ActorKind.STAFF:
        assert set(shown.values()) <= set(await region.record(who).readable_units(ADULT))
    return set(shown) & set(REFERENCES)


async def by_latest(region: Region, who: Principal) -> set[str]:
    """Only Observations: what else there is must be found as by any search."""
    query = parse_search("Observation", [("patient", ADULT)])
    assert isinstance(query, SearchQuery)
    page = await region.record(who).latest(query, 100)
    others = [kind for kind in KINDS if kind != "Observation"]
    pages = [page, *[await region.record(who).find(f"{kind}?patient={ADULT}") for kind in others]]
    return of_adult([each for page in pages if not isinstance(page, Refusal) for each in page.matches])


def within(kind: str) -> SearchQuery:
    """Everything of a type in the adult patient's compartment."""
    query = parse_search(kind, [("_count", "500")])
    assert isinstance(query, SearchQuery)
    return replace(query, compartment=compartment_of("Patient", ADULT, kind))


async def by_chain(region: Region, who: Principal) -> set[str]:
    """By the patient's identifier, which everybody with a task in care may look up."""
    asked = f"patient.identifier=urn:example:patients|{ADULT}"
    pages = [await region.record(who).find(f"{kind}?{asked}") for kind in KINDS]
    return of_adult([each for page in pages if not isinstance(page, Refusal) for each in page.matches])


async def by_being_referred_to(region: Region, who: Principal) -> set[str]:
    """Who refers to a resource tells of it: `_has` is asked of the patient, for each resource by its id."""
    shown = set()
    for reference in REFERENCES:
        kind, identity = reference.split("/")
        page = await region.record(who).find(f"Patient?_id={ADULT}&_has:{kind}:patient:_id={identity}")
        assert not isinstance(page, Refusal)
        if page.matches:
            shown.add(reference)
    return shown


async def by_batch(region: Region, who: Principal) -> set[str]:
    results = await region.record(who).batch(bundle("batch", *(request("GET", r) for r in REFERENCES)))
    assert not isinstance(results, Refusal)
    return of_adult([result.stored for result in results])


async def by_transaction(region: Region, who: Principal) -> set[str]:
    asked = bundle("transaction", *(request("GET", f"{kind}?patient={ADULT}") for kind in KINDS))
    results = await region.record(who).transaction(asked)
    assert not isinstance(results, Refusal)
    return of_adult([each for result in results if result.page for each in result.page.matches])


async def by_export(region: Region, who: Principal) -> set[str]:
    shown = set()
    async for page in region.services.gate.export([who], KINDS):
        bodies = [json.loads(each.body) for each in page.resources]
        shown |= {f"{body['resourceType']}/{body['id']}" for body in bodies}
    return shown & set(REFERENCES)


async def by_bulk(region: Region, who: Principal) -> set[str]:
    bulk = region.record(who).bulk
    extent = Extent("system")
    if await bulk.may_export(extent, "$export") is not None:
        return set()
    shown = set()
    async for found in bulk.extract(extent, "job"):
        assert not isinstance(found, Refusal)
        shown |= {f"{line.type}/{line.id}" for line in found.lines}
    return shown & set(REFERENCES)


async def by_own_export(region: Region, who: Principal) -> set[str]:
    found = await region.record(who).own_export()
    assert isinstance(found, list) is (who.actor.kind is ActorKind.PATIENT)
    bodies = [json.loads(each.body) for each in found] if isinstance(found, list) else []
    return {f"{body['resourceType']}/{body['id']}" for body in bodies} & set(REFERENCES)


async def by_api(region: Region, who: Principal) -> set[str]:
    token = await region.services.identity.mint_token(who, timedelta(hours=1))
    transport = httpx.ASGITransport(app=build(region.services), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {token}"}
    shown = set()
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        for reference in REFERENCES:
            if (await client.get(f"/fhir/{reference}")).status_code == 200:
                shown.add(reference)
        for kind in KINDS:
            answer = (await client.get(f"/fhir/{kind}", params={"patient": ADULT})).json()
            for entry in answer.get("entry", ()):
                shown.add(f"{kind}/{entry['resource']['id']}")
    return shown & set(REFERENCES)


Way = Callable[[Region, Principal], Awaitable[set[str]]]
WAYS: dict[str, tuple[Way, tuple[str, ...]]] = {
    "read": (by_read, ("read",)),
    "vread": (by_version, ("vread",)),
    "read several": (by_several, ("read_many",)),
    "history of a resource": (by_history, ("history",)),
    "history of types and of everything": (by_history_of_types, ("history",)),
    "search within the patient": (by_search_of_patient, ("find", "search")),
    "search of a type": (by_search_of_type, ("find_many",)),
    "search by id": (by_id, ("find",)),
    "count": (by_count, ("find",)),
    "reverse include": (by_reverse_include, ("find",)),
    "compartment": (by_compartment, ("search",)),
    "search across types": (by_types, ("search_types",)),
    "everything": (by_everything, ("everything",)),
    "chronicle": (by_chronicle, ("chronicle", "readable_units")),
    "the latest of each": (by_latest, ("latest",)),
    "chain": (by_chain, ("find",)),
    "_has": (by_being_referred_to, ("find",)),
    "batch": (by_batch, ("batch",)),
    "transaction": (by_transaction, ("transaction",)),
    "export": (by_export, ("export",)),
    "own export": (by_own_export, ("own_export",)),
    "bulk": (by_bulk, ("bulk",)),
    "REST API": (by_api, ()),
    "subscription": (by_subscription, ("subscriptions", "deliveries")),
}

THROUGH_THE_PATIENT = ("reverse include", "chain", "_has", "everything")
"""Ways that begin at the Patient, whom a guardian of another and another patient do not see."""

WRITING = {
    "create",
    "update",
    "conditional_update",
    "patch",
    "conditional_patch",
    "try_write",
    "delete",
    "conditional_delete",
    "take_in",
    "text",
    "destruction",
}
OWN_DRAFTS = {
    "draft",
    "drafts",
    "known_draft",
    "save_draft",
    "discard_draft",
    "restore_draft",
    "remove_draft",
    "forget_drafts",
    "files",
    "together",
}
"""What an author has not signed: nobody else's to see (tests/db/test_drafts.py, http/pages/test_files.py)."""
OWN_LOG = {"log", "turned_away", "close"}
"""The log, which has readers and rules of its own (tests/db/test_log*.py)."""
UNSIGNED = {"work", "news"}
"""What waits to be signed, which has tests of its own (tests/http/pages/test_work.py)."""
AT_THE_UNIT = {"at_own_unit"}
"""A search that finds less (tests/law/test_matrix_units.py)."""
TAKEN_TIMES = {"agenda"}
"""Times of staff and beds, without whom they are taken for (tests/law/test_matrix_units.py)."""
ON_THE_WAY = {"coming", "receive"}
"""Who is moved to the unit is told of and taken in there (tests/law/test_matrix_units.py)."""
ON_THE_BOARD = {"feedback"}
"""Texts about a patient that lie in the record, as it gives them (tests/law/test_matrix_units.py)."""
ABOUT_ACCESS = {"learn_of_law", "law", "access", "standing", "principal", "record", "providers"}

ABOUT_PROFILES = {"judge", "profiles"}
"""What is known of profiles, and what a resource that is handed over lacks: nothing stored is read."""

ABOUT_IDENTITY = {"persons"}
"""The patient index tells who is who; tests/db/test_patient_index.py says to whom."""


async def test_every_way_shows_each_of_the_cast_the_same(decided: Region) -> None:
    wrong = []
    for name, who in CAST.items():
        for way, (ask, _) in WAYS.items():
            shown = await ask(decided, who)
            expected = EXPECTED[name]
            if way in THROUGH_THE_PATIENT and name in ("guardian", "person with protected identity"):
                expected = set()
            if (way == "own export" and name != "patient") or (way == "bulk" and name != "system client"):
                expected = set()
            if shown != expected:
                wrong.append((name, way, sorted(shown - expected), sorted(expected - shown)))
    assert wrong == []


async def test_everything_without_an_id_is_the_patient_s_own(decided: Region) -> None:
    own = await every_page(decided, PATIENT, "Patient", None)
    assert own == EXPECTED["patient"]
    assert await every_page(decided, CAST["system client"], "Patient", None) == EXPECTED["system client"]
    for name in ("treating doctor", "nurse", "administrator"):
        answer = await decided.record(CAST[name]).everything("Patient", None, Wanted())
        assert isinstance(answer, Refusal), name
        assert answer.kind is RefusalKind.BAD_REQUEST
    alone = await decided.record(PATIENT).everything("Patient", ADULT, Wanted())
    assert not isinstance(alone, Refusal)
    assert {each.type for each in alone.included} <= {
        "Organization",
        "Practitioner",
        "PractitionerRole",
        "Location",
    }


async def test_nothing_that_is_hidden_is_included(decided: Region) -> None:
    for name, who in CAST.items():
        page = await decided.record(who).find("Observation?_id=panel&_include=Observation:has-member")
        assert not isinstance(page, Refusal)
        expected = {reference for reference in EXPECTED[name] if reference.startswith("Observation/")}
        assert of_adult(page.included) == (expected if page.matches else set()), name
        assert bool(page.matches) is (EXPECTED[name] >= A), name


def test_every_way_in_is_in_the_matrix() -> None:
    covered = {operation for _, operations in WAYS.values() for operation in operations}
    offered = {
        name
        for owner in (Record, Gate)
        for name, member in inspect.getmembers(owner)
        if not name.startswith("_") and (callable(member) or isinstance(member, property))
    }
    assert (
        offered
        == covered
        | WRITING
        | OWN_DRAFTS
        | OWN_LOG
        | UNSIGNED
        | AT_THE_UNIT
        | TAKEN_TIMES
        | ON_THE_WAY
        | ON_THE_BOARD
        | ABOUT_ACCESS
        | ABOUT_IDENTITY
        | ABOUT_PROFILES
    )


COMMANDS = {
    **dict.fromkeys(("serve", "migrate", "doctor", "version", "demo"), "shows no patient data"),
    **dict.fromkeys(
        ("import", "organisation import", "terminology load", "profiles add"),
        "writes by `Record.take_in` alone",
    ),
    "profiles list": "shows no patient data",
    "profiles remove": "deletes by `Record.delete` what `profiles add` wrote, and shows nothing",
    **dict.fromkeys(("terminology list", "apps add", "apps list", "apps remove"), "shows no patient data"),
    **dict.fromkeys(
        (f"cds {each}" for each in ("add", "list", "on", "off", "remove")), "shows no patient data"
    ),
    "export": "the export above, by a principal of each care provider",
    "destroy": "carries out what `Record.destruction` permits",
    "token": "speaks for an assignment, which the decision is asked about",
    "law": "makes the law's tables anew, and shows nothing",
    "audit verify": "shows places in the log, and no entry",
    "audit anchor": "shows a hash",
    "audit export": "the log, by who runs the installation; logged",
    "audit retain": "removes, and shows counts",
    "jobs": "who ordered what in bulk, and no patient data",
}
"""How each command stands to the decision on access. They are run by who runs the installation."""


def test_every_command_is_in_the_matrix() -> None:
    def names(command: Any, *path: str) -> Iterator[str]:
        below = getattr(command, "commands", None)
        if below is None:
            yield " ".join(path)
        for name, each in (below or {}).items():
            yield from names(each, *path, name)

    assert set(names(get_command(app))) == COMMANDS.keys()
