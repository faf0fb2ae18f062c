"""A record that is older than the law's tables: until they are made from it, the answer is no."""

from __future__ import annotations

import asyncio
import json as plain_json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from kontinuum.access.circumstances import Level
from kontinuum.app.services import open_services
from kontinuum.kernel.config import Settings
from kontinuum.kernel.ids import BUCKETS
from kontinuum.record import Incoming, Refusal, Written, rebuilding
from kontinuum.store import law as store
from tests.law.cast import (
    ADULT,
    COLLEAGUE,
    DEAD,
    PATIENT,
    PROVIDER,
    SECRET,
    SYSTEM_A,
    TREATING,
    UNIT_A,
    UNIT_B,
    UNIT_C,
    patient_of,
    visit,
)
from tests.law.conftest import Region, done, refused

OWN = f"Observation/obs-{ADULT}-a"

_FORGET = "update law_projection set complete = false, bucket = -1, key = 0"


async def tables(region: Region) -> dict[str, list[str]]:
    """What the tables of the law hold."""
    pool = region.services.pool
    return {
        table: sorted(
            map(str, await pool.fetch(f"select {', '.join(store.COLUMNS[table].split())} from {table}"))
        )
        for table in store.COLUMNS
    }


async def forget(region: Region) -> None:
    """Leave the record as a version without the law left it."""
    for table in store.PROJECTED:
        await region.services.pool.execute(f"delete from {table} where {_projected(table)}")
    await region.services.pool.execute(_FORGET)


def _projected(table: str) -> str:
    return "basis <> 'stated'" if table == "care_relation" else "true"


async def rebuild(region: Region) -> int:
    """Rebuild to the end; gives how many resources that took."""
    return sum([batch.resources async for batch in rebuilding.rebuild(region.services.pool, region.clock)])


@pytest.fixture
async def older(region: Region, settings: Settings, dsn: str) -> AsyncIterator[Region]:
    """Another process over the region, started when the law's tables were still empty."""
    done(await region.record(PATIENT).law.block(ADULT, Level.INNER, UNIT_B, PROVIDER, kept=["medication"]))
    done(await region.record(TREATING).law.consent(ADULT, region.later(days=3)))
    done(await region.record(COLLEAGUE).law.relate(ADULT, "Telefonråd"))
    await region.write(UNIT_B, visit(SECRET, UNIT_B))
    await region.write(UNIT_A, {"resourceType": "Patient", "id": "p-gone", "birthDate": "1950-01-01"})
    assert isinstance(await region.record(SYSTEM_A).delete("Patient", "p-gone"), Written)
    region.before = await tables(region)  # type: ignore[attr-defined]
    await forget(region)
    async with open_services(settings, dsn, clock=region.clock, connections=4) as services:
        yield Region(services, region.clock)


async def test_rule_17_refuses_what_cannot_be_checked_but_in_an_emergency_until_the_rebuild_has_run(
    region: Region, older: Region
) -> None:
    refusal = refused(await older.record(TREATING).read("Observation", f"obs-{ADULT}-a"))
    assert "cannot be checked" in refusal.issues[0].message
    for who in (TREATING, COLLEAGUE, PATIENT, patient_of(DEAD)):
        assert await older.finds(who, "Observation") == []
        assert await older.finds(who, f"Observation?patient={ADULT}") == []
    page = await older.record(TREATING).history("Observation", None)
    assert not isinstance(page, Refusal)
    assert page.entries == ()
    assert SECRET not in await older.finds(TREATING, "Patient?address-city=stockholm")
    assert await older.sees(SYSTEM_A, OWN)
    done(await older.record(TREATING).law.open(ADULT, "Medvetslös"))
    access = await older.record(TREATING).access(ADULT)
    assert (access.related, access.circumstances.unchecked) == (True, True)
    # Another provider's outer block cannot be lifted from here: what it may cover is not shown.
    seen = [f"obs-{ADULT}-{letter}" for letter in "ab"]
    assert await older.finds(TREATING, f"Observation?patient={ADULT}") == seen
    assert [await older.sees(TREATING, f"Observation/obs-{ADULT}-{at}") for at in "abc"] == [
        True,
        True,
        False,
    ]
    assert (await older.logged("read"))[-2]["basis"] == "unchecked-emergency"
    assert not await older.sees(COLLEAGUE, OWN)
    done(await older.record(TREATING).law.close(ADULT))
    assert not await older.sees(TREATING, OWN)
    await rebuild(region)
    assert await older.sees(TREATING, OWN)
    assert await older.finds(TREATING, f"Observation?patient={ADULT}") == [f"obs-{ADULT}-a"]


async def test_rule_17_permits_after_the_rebuild_exactly_what_was_permitted_before(
    region: Region, older: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "BATCH", 3)
    assert await rebuild(region) > 10
    assert await tables(region) == region.before  # type: ignore[attr-defined]
    assert await rebuild(region) == 0
    await rebuilding.restart(region.services.pool)
    assert await store.is_complete(region.services.pool)
    assert await rebuild(region) > 10
    assert await tables(region) == region.before  # type: ignore[attr-defined]


async def test_an_interrupted_rebuild_goes_on_where_it_was(
    region: Region, older: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "BATCH", 4)
    begun = rebuilding.rebuild(region.services.pool, region.clock)
    first = await anext(begun)
    await begun.aclose()
    assert first.resources == 4
    assert not await store.is_complete(region.services.pool)
    async with region.services.pool.acquire() as connection, connection.transaction():
        assert 0 <= (await store.progress(connection)).bucket < BUCKETS
    # What is written meanwhile is known, however far the rebuild has come.
    await older.write(UNIT_C, visit(ADULT, UNIT_C))
    rest = await rebuild(region)
    after = await tables(region)
    assert rest > 0
    assert sum(UNIT_C in row and "visit" in row for row in after["care_relation"]) == 1
    before = region.before["care_relation"]  # type: ignore[attr-defined]
    assert [row for row in after["care_relation"] if UNIT_C not in row] == before


def unclear(**provision: Any) -> dict[str, Any]:
    """Somebody else's Consent about the adult."""
    return {
        "resourceType": "Consent",
        "id": "foreign",
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "x"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": f"Patient/{ADULT}"},
        "policy": [{"uri": "urn:example:policy"}],
        **provision,
    }


DENIALS = {
    "root rule": unclear(provision={"type": "deny"}),
    "nested rule": unclear(provision={"provision": [{"type": "deny", "class": [{"code": "Observation"}]}]}),
    "deep rule": unclear(
        provision={"type": "permit", "provision": [{"type": "permit", "provision": [{"type": "deny"}]}]}
    ),
    "opted out": unclear(
        policyRule={
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTOUT"}]
        }
    ),
}


@pytest.mark.parametrize("form", DENIALS)
async def test_rule_11_refuses_a_denial_that_is_not_understood(region: Region, form: str) -> None:
    for result in (
        await region.record(TREATING).update("Consent", "foreign", DENIALS[form]),
        (await region.record(SYSTEM_A).take_in([Incoming(DENIALS[form])]))[0],
    ):
        assert "cannot be kept to" in refused(result).issues[0].message
    inactive = {**DENIALS[form], "status": "inactive"}
    assert isinstance(await region.record(TREATING).update("Consent", "foreign", inactive), Written)


@pytest.mark.parametrize("form", DENIALS)
async def test_rule_11_refuses_all_that_an_old_denial_may_mean(region: Region, form: str) -> None:
    """It was written before such were refused: it hides everything that its provider has from other units."""
    await region.write(UNIT_A, {**DENIALS[form], "status": "inactive"})
    body = plain_json.dumps(DENIALS[form]).encode()
    await region.services.pool.execute("update resource set body = $1 where id = 'foreign'", body)
    done(await region.record(TREATING).law.choose(ADULT, [UNIT_B]))
    assert await region.sees(TREATING, f"Observation/obs-{ADULT}-b")
    await forget(region)
    await rebuild(region)
    assert await region.sees(TREATING, OWN)
    assert not await region.sees(TREATING, f"Observation/obs-{ADULT}-b")
    assert await region.finds(TREATING, f"Observation?patient={ADULT}") == [f"obs-{ADULT}-a"]


@pytest.mark.parametrize("arguments", [["migrate"], ["law", "rebuild"], ["law", "rebuild", "--again"]])
async def test_rule_17_permits_again_when_the_operator_has_run_the_command(
    region: Region, older: Region, dsn: str, tmp_path: Path, arguments: list[str]
) -> None:
    environment = {name: text for name, text in os.environ.items() if not name.startswith("KONTINUUM_")}
    environment |= {
        "KONTINUUM_ENV": "test",
        "KONTINUUM_DATABASE_URL": dsn,
        "KONTINUUM_DATA_DIR": str(tmp_path),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "kontinuum.app",
        *arguments,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    if arguments[0] == "law":
        assert "complete" in said.decode()
    assert await older.sees(TREATING, OWN)
    assert {name: rows for name, rows in (await tables(region)).items() if name != "care_relation"} == {
        name: rows
        for name, rows in region.before.items()  # type: ignore[attr-defined]
        if name != "care_relation"
    }
