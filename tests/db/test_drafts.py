"""Drafts behind the gate: their author's alone, versioned, logged, taken back for a day."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from kontinuum.app.services import Services, open_services
from kontinuum.fhir import json
from kontinuum.kernel.clock import FixedClock
from kontinuum.kernel.config import Settings
from kontinuum.kernel.principal import ActorKind, Principal, Purpose
from kontinuum.record import Draft, Record, Refusal, RefusalKind
from tests.conftest import OTHER, principal

AUTHOR = principal("dr-lind")
TEMPLATE = "lakarbesok-primarvard"


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 3, 12, 9, tzinfo=UTC))


@pytest.fixture
async def region(settings: Settings, dsn: str, clock: FixedClock) -> AsyncIterator[Services]:
    async with open_services(settings, dsn, clock=clock, connections=4) as opened:
        yield opened


@pytest.fixture
def mine(region: Services) -> Record:
    return region.gate.record(AUTHOR)


async def saved(record: Record, content: bytes = b"{}", version: int = 0, patient: str = "p-1") -> Draft:
    draft = await record.save_draft(patient, TEMPLATE, content, version)
    assert not isinstance(draft, Refusal), draft
    return draft


async def test_a_draft_is_read_back_as_it_was_saved(mine: Record) -> None:
    content = json.dumps({"bedomning": ["Ingen blödning\n\té e\u0301"]})
    first = await saved(mine, b"{}")
    second = await saved(mine, content, first.version)
    assert (second.id, second.version) == (first.id, 2)
    assert await mine.draft("p-1", TEMPLATE) == second
    assert await mine.drafts("p-1") == [second]
    assert await mine.drafts("p-2") == []


@pytest.mark.parametrize(
    "other",
    [principal("dr-berg"), principal("dr-lind", provider=OTHER)],
    ids=["a colleague", "the author at another provider"],
)
async def test_nobody_else_finds_or_touches_a_draft(region: Services, mine: Record, other: Principal) -> None:
    draft = await saved(mine)
    others = region.gate.record(other)
    assert await others.draft("p-1", TEMPLATE) is None
    assert await others.drafts("p-1") == []
    assert isinstance(await others.discard_draft("p-1", draft.id), Refusal)
    assert isinstance(await others.save_draft("p-1", TEMPLATE, b"x", draft.version), Refusal)
    await others.remove_draft("p-1", draft.id)
    assert await mine.draft("p-1", TEMPLATE) == draft


async def test_a_patient_keeps_no_drafts_in_the_record(region: Services) -> None:
    patient = region.gate.record(principal("p-1", kind=ActorKind.PATIENT, purpose=Purpose.PATIENT))
    refused = await patient.save_draft("p-1", TEMPLATE, b"{}", 0)
    assert isinstance(refused, Refusal)
    assert refused.kind is RefusalKind.FORBIDDEN


async def test_the_second_of_two_windows_is_told(mine: Record) -> None:
    first = await saved(mine)
    await saved(mine, b"one", first.version)
    for version in (0, first.version, 99):
        refused = await mine.save_draft("p-1", TEMPLATE, b"two", version)
        assert isinstance(refused, Refusal)
        assert refused.kind is RefusalKind.CONFLICT
    draft = await mine.draft("p-1", TEMPLATE)
    assert isinstance(draft, Draft)
    assert draft.content == b"one"


async def test_a_draft_of_another_patient_cannot_be_discarded_or_taken_back(mine: Record) -> None:
    draft = await saved(mine)
    assert isinstance(await mine.discard_draft("p-2", draft.id), Refusal)
    assert isinstance(await mine.discard_draft("p-1", draft.id), Draft)
    assert isinstance(await mine.restore_draft("p-2", draft.id), Refusal)


async def test_a_discarded_draft_is_taken_back_within_a_day(mine: Record, clock: FixedClock) -> None:
    draft = await saved(mine, b"kept")
    await mine.discard_draft("p-1", draft.id)
    assert await mine.draft("p-1", TEMPLATE) is None
    assert await mine.restore_draft("p-1", draft.id) == draft
    await mine.discard_draft("p-1", draft.id)
    clock.advance(timedelta(days=2))
    other = await saved(mine, patient="p-2")
    await mine.discard_draft("p-2", other.id)
    assert isinstance(await mine.restore_draft("p-1", draft.id), Refusal)


async def test_what_is_kept_of_drafts_no_longer_is_removed(
    region: Services, mine: Record, clock: FixedClock
) -> None:
    """Discarded drafts go with their files after a day, sound when its days after the signature are over."""
    content = b"\x1a\x45\xdf\xa3sound"
    signed, discarded = await saved(mine), await saved(mine, patient="p-2")
    for draft in (signed, discarded):
        added = await mine.files.attach(draft.patient, draft.id, "dictation", "Diktat.webm", content)
        assert not isinstance(added, Refusal), added
    await mine.remove_draft("p-1", signed.id)
    await mine.discard_draft("p-2", discarded.id)
    for days, left in ((0, 2), (2, 1), (27, 1), (2, 0)):
        clock.advance(timedelta(days=days))
        await region.gate.forget_drafts()
        assert await region.pool.fetchval("select count(*) from draft_file") == left
    assert await region.pool.fetchval("select count(*) from draft") == 0


async def test_a_draft_does_not_come_back_beside_a_newer_one(mine: Record) -> None:
    draft = await saved(mine, b"old")
    await mine.discard_draft("p-1", draft.id)
    newer = await saved(mine, b"new")
    assert isinstance(await mine.restore_draft("p-1", draft.id), Refusal)
    assert await mine.draft("p-1", TEMPLATE) == newer


async def test_the_log_tells_of_a_draft_and_not_of_each_keystroke(region: Services, mine: Record) -> None:
    draft = await saved(mine)
    for version in range(1, 6):
        await saved(mine, b"x", version)
    await mine.draft("p-1", TEMPLATE)
    await mine.discard_draft("p-1", draft.id)
    await mine.restore_draft("p-1", draft.id)
    await mine.drafts("p-1")
    rows = await region.pool.fetch("select content from audit_entry order by writer, block, ord")
    logged = [json.loads(row["content"]) for row in rows]
    assert [entry["note"] for entry in logged] == ["begun", "opened", "discarded", "restored", "listed"]
    assert {(entry["action"], *entry["patients"]) for entry in logged} == {("draft", "p-1")}
