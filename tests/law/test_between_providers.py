"""Rules 13 to 17: between care providers."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from kontinuum.access.circumstances import Level
from kontinuum.record import RefusalKind, Way
from kontinuum.store import law as store
from tests.law.cast import (
    ADULT,
    COLLEAGUE,
    ELSEWHERE,
    NURSE,
    OUTSIDE,
    PATIENT,
    PROVIDER,
    TREATING,
    UNIT_A,
    UNIT_C,
    entries,
    someone,
)
from tests.law.conftest import Region, done, refused

THEIRS = f"Observation/obs-{ADULT}-c"


async def consented(region: Region, **options: Any) -> str:
    """The treating doctor notes the patient's consent and chooses the other provider's unit."""
    law = region.record(TREATING).law
    given = done(await law.consent(ADULT, region.later(days=30), **options))
    done(await law.choose(ADULT, [UNIT_C]))
    return given.name


async def test_rule_13_refuses_other_providers_what_the_patient_objects_to_at_once(region: Region) -> None:
    await consented(region)
    assert await region.sees(TREATING, THEIRS)
    blocked = await region.record(PATIENT).law.block(ADULT, Level.OUTER, ELSEWHERE, ELSEWHERE)
    done(blocked)
    refusal = refused(await region.record(TREATING).read("Observation", f"obs-{ADULT}-c"))
    nothing = refused(await region.record(TREATING).read("Observation", "never-was"))
    assert refusal.kind is nothing.kind is RefusalKind.NOT_FOUND
    assert refusal.issues[0].message == nothing.issues[0].message.replace("never-was", f"obs-{ADULT}-c")
    assert await region.finds(TREATING, f"Observation?patient={ADULT}") == [f"obs-{ADULT}-a"]
    access = await region.record(TREATING).access(ADULT)
    assert UNIT_C not in {held.unit for held in access.withheld}


async def test_rule_13_refuses_a_write_in_the_same_words_with_and_without_a_block(region: Region) -> None:
    written = {**entries(ADULT, UNIT_C)[0], "status": "amended"}
    before = refused(await region.record(TREATING).update("Observation", written["id"], written))
    done(await region.record(PATIENT).law.block(ADULT, Level.OUTER, ELSEWHERE, ELSEWHERE))
    after = refused(await region.record(TREATING).update("Observation", written["id"], written))
    assert (after.kind, after.issues, after.provision) == (before.kind, before.issues, before.provision)


async def test_rule_13_permits_the_holder_itself_and_all_after_annulment(region: Region) -> None:
    await consented(region)
    law = region.record(PATIENT).law
    blocked = done(await law.block(ADULT, Level.OUTER, ELSEWHERE, ELSEWHERE))
    done(await region.record(OUTSIDE).law.relate(ADULT, "Vård"))
    assert await region.sees(OUTSIDE, THEIRS)
    done(await law.annul(ADULT, blocked.name))
    assert await region.sees(TREATING, THEIRS)


async def test_rule_14_permits_with_relation_significance_and_consent(region: Region) -> None:
    await consented(region)
    assert await region.sees(TREATING, THEIRS)
    assert await region.finds(TREATING, f"Observation?patient={ADULT}&code=8480-6") == [
        f"obs-{ADULT}-a",
        f"obs-{ADULT}-c",
    ]


async def test_rule_14_refuses_when_any_of_them_is_missing(region: Region) -> None:
    law = region.record(TREATING).law
    assert not await region.sees(TREATING, THEIRS)
    done(await law.choose(ADULT, [UNIT_C]))
    refusal = refused(await region.record(TREATING).read("Observation", f"obs-{ADULT}-c"))
    assert "consent" in refusal.issues[0].message
    given = done(await law.consent(ADULT, region.later(days=30)))
    assert await region.sees(TREATING, THEIRS)
    assert not await region.sees(NURSE, THEIRS)  # has not chosen
    refused(await region.record(COLLEAGUE).law.consent(ADULT, region.later(days=30)))  # no relation
    done(await region.record(COLLEAGUE).law.relate(ADULT, "Vård"))
    done(await region.record(COLLEAGUE).law.choose(ADULT, [UNIT_C]))
    assert await region.sees(COLLEAGUE, THEIRS)  # the same provider's consent
    done(await law.annul(ADULT, given.name))
    assert not await region.sees(COLLEAGUE, THEIRS)


async def test_rule_14_a_consent_has_scope_and_period_and_is_withdrawn_at_once(region: Region) -> None:
    name = await consented(region, only_my_unit=True)
    done(await region.record(COLLEAGUE).law.relate(ADULT, "Vård"))
    done(await region.record(COLLEAGUE).law.choose(ADULT, [UNIT_C]))
    assert await region.sees(TREATING, THEIRS)
    assert not await region.sees(COLLEAGUE, THEIRS)
    done(await region.record(PATIENT).law.annul(ADULT, name))
    assert not await region.sees(TREATING, THEIRS)
    await consented(region, only_me=True)
    done(await region.record(NURSE).law.choose(ADULT, [UNIT_C]))
    assert [await region.sees(who, THEIRS) for who in (TREATING, NURSE)] == [True, False]
    region.wait(days=31)
    done(await region.record(TREATING).law.choose(ADULT, [UNIT_C]))
    assert not await region.sees(TREATING, THEIRS)
    refused(await region.record(TREATING).law.consent(ADULT, region.later(seconds=-1)))


async def test_rule_15_refuses_a_lift_of_an_outer_block_by_another_provider(region: Region) -> None:
    from kontinuum.kernel.ids import bucket_of

    done(await region.record(PATIENT).law.block(ADULT, Level.OUTER, ELSEWHERE, ELSEWHERE))
    (block,) = await store.blocks(region.services.pool, bucket_of(ADULT), ADULT)
    arguments: dict[str, Any] = {"ground": "emergency", "reason": "Akut", "until": region.later(hours=5)}
    refused(await region.record(TREATING).law.lift(ADULT, block.key, **arguments))


async def test_rule_15_permits_the_holder_to_lift_for_a_unit_elsewhere(region: Region) -> None:
    from kontinuum.kernel.ids import bucket_of

    await consented(region)
    done(await region.record(PATIENT).law.block(ADULT, Level.OUTER, ELSEWHERE, ELSEWHERE))
    (block,) = await store.blocks(region.services.pool, bucket_of(ADULT), ADULT)
    done(await region.record(OUTSIDE).law.relate(ADULT, "Vård"))
    lifted = await region.record(OUTSIDE).law.lift(
        ADULT, block.key, ground="consent", reason="Ringde", until=region.later(days=1), unit=UNIT_A
    )
    done(lifted)
    assert await region.sees(TREATING, THEIRS)


async def test_rule_15_in_an_emergency_that_it_exists_and_who_holds_it_is_shown(region: Region) -> None:
    done(await region.record(PATIENT).law.block(ADULT, Level.OUTER, ELSEWHERE, ELSEWHERE))
    before = await region.record(TREATING).access(ADULT)
    assert UNIT_C not in {held.unit for held in before.withheld}
    done(await region.record(TREATING).law.open(ADULT, "Medvetslös efter trafikolycka"))
    after = await region.record(TREATING).access(ADULT)
    assert [(held.provider, held.entries, held.way) for held in after.withheld] == [
        (ELSEWHERE, None, Way.HOLDER)
    ]
    assert not await region.sees(TREATING, THEIRS)


async def test_rule_16_permits_when_the_patient_cannot_consent_and_the_attitude_is_documented(
    region: Region,
) -> None:
    await consented(region, unable="Sambon uppger att patienten velat det")
    assert await region.sees(TREATING, THEIRS)
    (entry,) = await region.logged("consent")
    assert entry["note"] == "Sambon uppger att patienten velat det"


async def test_rule_16_refuses_without_the_documentation(region: Region) -> None:
    law = region.record(TREATING).law
    assert refused(await law.consent(ADULT, region.later(days=1), unable=" ")).kind is RefusalKind.BAD_REQUEST


async def test_rule_17_refuses_when_the_check_cannot_be_made(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> list[Any]:
        raise asyncpg.InterfaceError("the tables of the law cannot be reached")

    monkeypatch.setattr(store, "of_staff", broken)
    refusal = refused(await region.record(TREATING).read("Observation", f"obs-{ADULT}-a"))
    assert refusal.kind is RefusalKind.FORBIDDEN
    assert "emergency opening" in refusal.issues[0].message
    assert not await region.sees(TREATING, f"Composition/note-{ADULT}-b")


async def test_rule_17_permits_an_emergency_opening_for_a_time_with_a_reason(region: Region) -> None:
    stranger = someone("duty-doctor", UNIT_C)
    law = region.record(stranger).law
    assert not await region.sees(stranger, f"Observation/obs-{ADULT}-a")
    refused(await law.open(ADULT, ""))
    opened = done(await law.open(ADULT, "Medvetslös"))
    assert await region.sees(stranger, f"Observation/obs-{ADULT}-a")
    assert opened.until == region.later(hours=4)
    (entry,) = await region.logged("emergency-opening")
    assert entry["what"][1] == "Medvetslös"
    region.wait(hours=4)
    assert not await region.sees(stranger, f"Observation/obs-{ADULT}-a")


async def test_rule_17_an_opening_is_ended_before_its_time_and_passes_no_block(region: Region) -> None:
    stranger = someone("duty-doctor", UNIT_C)
    done(await region.record(stranger).law.open(ADULT, "Medvetslös"))
    done(await region.record(PATIENT).law.block(ADULT, Level.INNER, UNIT_A, PROVIDER))
    assert not await region.sees(stranger, f"Observation/obs-{ADULT}-a")
    assert await region.sees(stranger, f"Observation/obs-{ADULT}-b")
    done(await region.record(stranger).law.close(ADULT))
    assert not await region.sees(stranger, f"Observation/obs-{ADULT}-b")
