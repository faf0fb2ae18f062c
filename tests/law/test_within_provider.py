"""Rules 7 to 12: within one care provider."""

from __future__ import annotations

from typing import Any

import pytest

from kontinuum.access.circumstances import Level
from kontinuum.access.vocabulary import CONSENT_KIND, INFORMATION_TYPE
from kontinuum.kernel.principal import ActorKind, Purpose
from kontinuum.record import RefusalKind, Way, Written
from kontinuum.store import law as store
from kontinuum.sweden import systems
from tests.law.cast import (
    ADMINISTRATOR,
    ADULT,
    COLLEAGUE,
    GUARDIAN,
    NURSE,
    PATIENT,
    PROVIDER,
    SYSTEM_A,
    TREATING,
    UNIT_A,
    UNIT_B,
    UNIT_C,
    entries,
    someone,
    visit,
)
from tests.law.conftest import Region, done, refused
from tests.support.resources import bundle, request

OWN = f"Observation/obs-{ADULT}-a"
OTHERS = f"Observation/obs-{ADULT}-b"


async def block_unit_a(region: Region, **options: object) -> str:
    """The patient blocks unit A; gives the Consent's reference."""
    blocked = await region.record(PATIENT).law.block(ADULT, Level.INNER, UNIT_A, PROVIDER, **options)
    return done(blocked).name


async def key_of_block(region: Region) -> int:
    """The key of the patient's only block."""
    from kontinuum.kernel.ids import bucket_of

    (block,) = await store.blocks(region.services.pool, bucket_of(ADULT), ADULT)
    return block.key


async def test_rule_07_permits_staff_whose_unit_takes_part_in_the_care(region: Region) -> None:
    assert await region.sees(TREATING, OWN)
    assert await region.sees(NURSE, OWN)
    assert await region.finds(NURSE, f"Observation?patient={ADULT}") == [f"obs-{ADULT}-a"]


async def test_rule_07_permits_who_documents_care_to_read_it_back_for_a_day(region: Region) -> None:
    note = {**entries(ADULT, UNIT_B)[0], "id": "call"}
    assert isinstance(await region.record(COLLEAGUE).update("Observation", "call", note), Written)
    assert await region.sees(COLLEAGUE, "Observation/call")
    (relation,) = await region.services.pool.fetch("select * from care_relation where person <> ''")
    assert (relation["basis"], relation["source"]) == ("documentation", "Observation/call")
    assert (relation["unit"], relation["person"]) == (UNIT_B, "colleague")
    region.wait(hours=25)
    assert not await region.sees(COLLEAGUE, "Observation/call")


@pytest.mark.parametrize("way", ["create", "transaction"])
async def test_rule_07_permits_by_a_write_only_the_writer_and_only_what_is_missing(
    region: Region, way: str
) -> None:
    note = {name: value for name, value in entries(ADULT, UNIT_B)[0].items() if name != "id"}
    for who in (COLLEAGUE, COLLEAGUE, TREATING, SYSTEM_A):
        record = region.record(who)
        if way == "create":
            assert isinstance(await record.create(note), Written)
        else:
            done_all = await record.transaction(bundle("transaction", request("POST", "Observation", note)))
            assert isinstance(done_all, list)
    assert await region.services.pool.fetchval("select count(*) from care_relation where person <> ''") == 1
    assert not await region.sees(someone("other-nurse", UNIT_B), OTHERS)


async def test_rule_07_refuses_a_relation_to_who_only_keeps_up_an_identity(region: Region) -> None:
    person = {"resourceType": "Patient", "id": "p-new", "birthDate": "1990-01-01"}
    assert isinstance(await region.record(COLLEAGUE).update("Patient", "p-new", person), Written)
    assert await region.services.pool.fetchval("select count(*) from care_relation where person <> ''") == 0


async def test_rule_07_refuses_staff_without_a_care_relation(region: Region) -> None:
    refusal = refused(await region.record(COLLEAGUE).read("Observation", f"obs-{ADULT}-b"))
    assert refusal.kind is RefusalKind.FORBIDDEN
    assert refusal.provision == "patientdatalagen (2008:355) 4:1"
    assert await region.finds(COLLEAGUE, f"Observation?patient={ADULT}") == []
    assert await region.finds(COLLEAGUE, "Observation") == []


async def test_rule_07_permits_who_states_a_reason_and_logs_it(region: Region) -> None:
    done(await region.record(COLLEAGUE).law.relate(ADULT, "Konsulteras per telefon"))
    assert await region.sees(COLLEAGUE, OTHERS)
    (entry,) = await region.logged("state-relation")
    assert (entry["patients"], entry["what"][1]) == ([ADULT], "Konsulteras per telefon")
    region.wait(days=31)
    assert not await region.sees(COLLEAGUE, OTHERS)


async def test_rule_07_refuses_a_relation_stated_without_a_reason(region: Region) -> None:
    refusal = refused(await region.record(COLLEAGUE).law.relate(ADULT, "  "))
    assert refusal.kind is RefusalKind.BAD_REQUEST
    stranger = someone("statistician", UNIT_B, ActorKind.STAFF, Purpose.STATISTICS)
    assert refused(await region.record(stranger).law.relate(ADULT, "Nyfiken")).kind is RefusalKind.FORBIDDEN


@pytest.mark.parametrize(
    ("resource", "permits"),
    [
        (visit(ADULT, UNIT_B), True),
        (visit(ADULT, UNIT_B, status="planned", period={"start": "2026-12-01T09:00:00Z"}), True),
        (visit(ADULT, UNIT_B, status="finished", period={"start": "2026-09-01", "end": "2026-09-01"}), True),
        (visit(ADULT, UNIT_B, status="finished", period={"start": "2024-09-01", "end": "2024-09-01"}), False),
        (visit(ADULT, UNIT_B, status="cancelled"), False),
    ],
)
async def test_rule_07_a_relation_follows_from_contacts(
    region: Region, resource: dict, permits: bool
) -> None:
    await region.write(UNIT_B, resource)
    assert await region.sees(COLLEAGUE, OTHERS) is permits
    await region.record(someone("loader", UNIT_B, ActorKind.SYSTEM, Purpose.SYSTEM)).delete(
        "Encounter", resource["id"]
    )
    assert not await region.sees(COLLEAGUE, OTHERS)


async def test_rule_07_a_relation_follows_from_a_listing_and_a_referral(region: Region) -> None:
    about = {"reference": f"Patient/{ADULT}"}
    referral = {
        "resourceType": "ServiceRequest",
        "id": "referral",
        "status": "active",
        "intent": "order",
        "subject": about,
        "authoredOn": "2026-11-01",
        "performer": [{"reference": "Organization/unit-b"}],
    }
    await region.write(UNIT_A, referral)
    assert not await region.sees(COLLEAGUE, OTHERS)  # nobody knows yet which unit that is
    hsa = {"system": "urn:oid:1.2.752.29.4.19", "value": UNIT_B}
    organization = {"resourceType": "Organization", "id": "unit-b", "identifier": [hsa]}
    await region.write(UNIT_B, organization)
    assert await region.sees(COLLEAGUE, OTHERS)


async def test_rule_07_other_purposes_reach_the_own_unit_only(region: Region) -> None:
    assert await region.sees(ADMINISTRATOR, OWN)
    assert not await region.sees(ADMINISTRATOR, OTHERS)
    assert await region.sees(SYSTEM_A, OTHERS)
    refused(await region.record(ADMINISTRATOR).law.choose(ADULT, [UNIT_B]))


async def test_rule_08_permits_content_after_an_active_choice(region: Region) -> None:
    done(await region.record(TREATING).law.choose(ADULT, [UNIT_B]))
    assert await region.sees(TREATING, OTHERS)
    assert await region.finds(TREATING, f"Observation?patient={ADULT}") == [
        f"obs-{ADULT}-a",
        f"obs-{ADULT}-b",
    ]
    assert not await region.sees(NURSE, OTHERS)  # a choice is a person's own
    (entry,) = await region.logged("active-choice")
    assert entry["what"] == [UNIT_B]
    region.wait(hours=13)
    assert not await region.sees(TREATING, OTHERS)


async def test_rule_08_refuses_content_before_it_and_tells_that_it_exists(region: Region) -> None:
    refusal = refused(await region.record(TREATING).read("Observation", f"obs-{ADULT}-b"))
    assert refusal.kind is RefusalKind.FORBIDDEN
    access = await region.record(TREATING).access(ADULT)
    ways = {(held.unit, held.entries, held.way) for held in access.withheld}
    assert (UNIT_B, 4, Way.CHOICE) in ways
    without = await region.record(COLLEAGUE).access(ADULT)
    assert (without.withheld, without.hides_something) == ((), True)
    refused(await region.record(COLLEAGUE).law.choose(ADULT, [UNIT_A]))


async def test_rule_09_permits_the_blocked_unit_itself(region: Region) -> None:
    await block_unit_a(region)
    assert await region.sees(TREATING, OWN)
    assert len(await region.finds(NURSE, f"Observation?patient={ADULT}")) == 1


async def test_rule_09_refuses_every_other_unit(region: Region) -> None:
    done(await region.record(COLLEAGUE).law.relate(ADULT, "Vård"))
    done(await region.record(COLLEAGUE).law.choose(ADULT, [UNIT_A]))
    assert await region.sees(COLLEAGUE, OWN)
    await block_unit_a(region)
    assert not await region.sees(COLLEAGUE, OWN)
    assert await region.finds(COLLEAGUE, "Observation") == [f"obs-{ADULT}-b"]
    access = await region.record(COLLEAGUE).access(ADULT)
    assert [(held.unit, held.way) for held in access.withheld if held.unit == UNIT_A] == [(UNIT_A, Way.LIFT)]


async def test_rule_10_permits_a_lift_for_one_unit_and_seven_days(region: Region) -> None:
    await block_unit_a(region)
    law = region.record(COLLEAGUE).law
    done(await law.relate(ADULT, "Vård"))
    done(await law.choose(ADULT, [UNIT_A]))
    key = await key_of_block(region)
    until = region.later(days=7)
    done(await law.lift(ADULT, key, ground="consent", reason="Patienten samtycker", until=until))
    assert await region.sees(COLLEAGUE, OWN)
    (entry,) = await region.logged("lift")
    assert entry["note"] == "consent: Patienten samtycker"
    assert any(what.startswith("until=2026-11-29") for what in entry["what"])
    region.wait(days=7)
    done(await law.relate(ADULT, "Vård"))
    done(await law.choose(ADULT, [UNIT_A]))
    assert not await region.sees(COLLEAGUE, OWN)


async def test_rule_10_a_lift_is_for_the_requester_or_for_all_staff_of_the_unit(region: Region) -> None:
    await block_unit_a(region)
    friend = someone("friend", UNIT_B)
    key = await key_of_block(region)
    for who in (COLLEAGUE, friend):
        done(await region.record(who).law.relate(ADULT, "Vård"))
        done(await region.record(who).law.choose(ADULT, [UNIT_A]))
    lift = region.record(COLLEAGUE).law.lift
    done(await lift(ADULT, key, ground="emergency", reason="Medvetslös", until=region.later(hours=5)))
    assert [await region.sees(who, OWN) for who in (COLLEAGUE, friend)] == [True, False]
    done(await lift(ADULT, key, ground="consent", reason="Ja", until=region.later(hours=5), everyone=True))
    assert await region.sees(friend, OWN)


async def test_rule_10_refuses_longer_lifts_and_any_edit_of_a_block(region: Region) -> None:
    name = await block_unit_a(region)
    done(await region.record(COLLEAGUE).law.relate(ADULT, "Vård"))
    lift = region.record(COLLEAGUE).law.lift
    key = await key_of_block(region)
    for until in (region.later(days=7, seconds=1), region.later(seconds=-1)):
        refused(await lift(ADULT, key, ground="consent", reason="Ja", until=until))
    refused(await lift(ADULT, key, ground="curiosity", reason="Ja", until=region.later(days=1)))
    from kontinuum.fhir import json

    identity = name.removeprefix("Consent/")
    stored = await region.record(SYSTEM_A).read("Consent", identity)
    edited = json.loads(stored.body)
    edited["provision"]["dataPeriod"] = {"start": "2026-01-01"}
    refusal = refused(await region.record(SYSTEM_A).update("Consent", identity, edited))
    assert "annulled" in refusal.issues[0].message
    refused(await region.record(SYSTEM_A).delete("Consent", identity))


async def test_rule_10_a_block_is_annulled_and_its_history_stays(region: Region) -> None:
    name = await block_unit_a(region)
    done(await region.record(COLLEAGUE).law.relate(ADULT, "Vård"))
    done(await region.record(COLLEAGUE).law.choose(ADULT, [UNIT_A]))
    assert not await region.sees(COLLEAGUE, OWN)
    done(await region.record(PATIENT).law.annul(ADULT, name))
    assert await region.sees(COLLEAGUE, OWN)
    page = await region.record(SYSTEM_A).history("Consent", name.removeprefix("Consent/"))
    assert [entry.version for entry in page.entries] == [2, 1]
    assert [entry["outcome"] for entry in await region.logged("annul")] == ["permitted"]


async def test_rule_09_refuses_staff_whose_purpose_is_neither_care_nor_administration_to_note_a_block(
    region: Region,
) -> None:
    for purpose in (Purpose.QUALITY, Purpose.SUPERVISION):
        reader = region.record(someone("granskare", UNIT_A, purpose=purpose))
        refused(await reader.law.block(ADULT, Level.INNER, UNIT_A, PROVIDER))
    noted = done(await region.record(ADMINISTRATOR).law.block(ADULT, Level.INNER, UNIT_A, PROVIDER))
    done(await region.record(TREATING).law.annul(ADULT, noted.name))


async def test_rule_11_permits_what_a_block_keeps_and_what_lies_outside_its_interval(region: Region) -> None:
    done(await region.record(COLLEAGUE).law.relate(ADULT, "Vård"))
    done(await region.record(COLLEAGUE).law.choose(ADULT, [UNIT_A]))
    first = await block_unit_a(region, kept=("medication", "alerts"))
    assert await region.sees(COLLEAGUE, f"MedicationRequest/med-{ADULT}-a")
    assert await region.sees(COLLEAGUE, f"AllergyIntolerance/alg-{ADULT}-a")
    assert not await region.sees(COLLEAGUE, f"Composition/note-{ADULT}-a")
    done(await region.record(PATIENT).law.annul(ADULT, first))
    await block_unit_a(region, start="2024-03-02")
    assert await region.sees(COLLEAGUE, OWN)  # of the day before
    await block_unit_a(region, end="2024-03-01")
    assert not await region.sees(COLLEAGUE, OWN)


async def test_rule_11_refuses_an_unknown_information_type(region: Region) -> None:
    law = region.record(PATIENT).law
    refused(await law.block(ADULT, Level.INNER, UNIT_A, PROVIDER, kept=("poetry",)))
    resource = {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"text": "spärr"},
        "category": [{"coding": [{"system": CONSENT_KIND, "code": "inner-block"}]}],
        "patient": {"reference": f"Patient/{ADULT}"},
        "policy": [{"uri": "urn:example:policy"}],
        "organization": [{"identifier": {"system": "urn:oid:1.2.752.29.4.19", "value": UNIT_A}}],
        "provision": {
            "type": "deny",
            "provision": [
                {"type": "permit", "class": [{"system": INFORMATION_TYPE, "code": "poetry"}]},
            ],
        },
    }
    refusal = refused(await region.record(SYSTEM_A).create(resource))
    assert refusal.kind is RefusalKind.INVALID
    assert refusal.issues[0].location == "Consent.provision.provision[0].class"
    resource["provision"]["provision"][0]["class"][0]["code"] = "medication"
    assert isinstance(await region.record(SYSTEM_A).create(resource), Written)
    resource["provision"]["actor"] = [{"role": {"text": "x"}, "reference": {"display": "någon"}}]
    assert refused(await region.record(SYSTEM_A).create(resource)).issues[0].location == (
        "Consent.provision.actor"
    )


async def test_rule_12_permits_the_patient_to_block_and_refuses_a_guardian(region: Region) -> None:
    from kontinuum.access.circumstances import Kind
    from tests.law.cast import CHILD, GUARDIAN_ID

    represent = region.record(TREATING).law.represent
    done(await represent(CHILD, GUARDIAN_ID, Kind.GUARDIAN, region.later(days=900)))
    refusal = refused(await region.record(GUARDIAN).law.block(CHILD, Level.INNER, UNIT_A, PROVIDER))
    assert refusal.kind is RefusalKind.FORBIDDEN
    assert "guardian" in refusal.issues[0].message
    assert await block_unit_a(region)


async def test_rule_22_permits_documenting_without_a_relation_and_never_for_another_unit(
    region: Region,
) -> None:
    new = {**entries(ADULT, UNIT_B)[0], "id": "new"}
    assert isinstance(await region.record(COLLEAGUE).update("Observation", "new", new), Written)
    changed = {**entries(ADULT, UNIT_A)[0], "status": "amended"}
    refused(await region.record(COLLEAGUE).update("Observation", changed["id"], changed))


async def decided(region: Region, **values: int) -> None:
    """The care provider of the units A and B decides on its settings."""
    for name, value in values.items():
        await region.services.provider_settings.decide(ADMINISTRATOR, name, value, "Beslut", seen=0)


async def test_rule_07_permits_a_stated_relation_for_as_long_as_the_provider_decided(region: Region) -> None:
    await decided(region, relation_days=2)
    stated = done(await region.record(COLLEAGUE).law.relate(ADULT, "Konsulteras"))
    assert stated.until == region.later(days=2)
    region.wait(days=1, hours=23)
    assert await region.sees(COLLEAGUE, OTHERS)
    region.wait(hours=2)
    assert not await region.sees(COLLEAGUE, OTHERS)


async def test_rule_17_permits_an_opening_for_as_long_as_the_own_provider_decided(region: Region) -> None:
    await decided(region, opening_hours=1)
    assert done(await region.record(COLLEAGUE).law.open(ADULT, "Akut")).until == region.later(hours=1)
    elsewhere = region.record(someone("duty-doctor", UNIT_C))
    assert done(await elsewhere.law.open(ADULT, "Akut")).until == region.later(hours=4)


async def test_rule_10_refuses_a_lift_for_longer_than_the_provider_decided(region: Region) -> None:
    await decided(region, lift_days_max=2)
    await block_unit_a(region)
    key = await key_of_block(region)
    done(await region.record(COLLEAGUE).law.relate(ADULT, "Konsulteras"))
    law = region.record(COLLEAGUE).law
    longer = await law.lift(ADULT, key, ground="consent", reason="Ja", until=region.later(days=3))
    assert "for 2 days at most" in refused(longer).issues[0].message
    done(await law.lift(ADULT, key, ground="consent", reason="Ja", until=region.later(days=2)))


ABOUT = {"reference": f"Patient/{ADULT}"}
EPISODE = {"resourceType": "EpisodeOfCare", "id": "episode", "status": "active", "patient": ABOUT}
MEMBER = {"identifier": {"system": systems.HSA_ID, "value": UNIT_B}}
TEAM = {
    "resourceType": "CareTeam",
    "id": "team",
    "status": "active",
    "subject": ABOUT,
    "participant": [{"member": MEMBER}],
}


@pytest.mark.parametrize(
    ("unit", "relating", "ended"),
    [
        (UNIT_B, EPISODE, {**EPISODE, "status": "finished"}),
        (UNIT_B, EPISODE, {**EPISODE, "status": "entered-in-error"}),
        (UNIT_B, EPISODE, {**EPISODE, "period": {"start": "2026-01-01", "end": "2026-11-21"}}),
        (UNIT_A, TEAM, {**TEAM, "status": "inactive"}),
        (UNIT_A, TEAM, {**TEAM, "participant": [{"member": {"reference": f"Patient/{ADULT}"}}]}),
        (UNIT_A, TEAM, {**TEAM, "period": {"end": "2026-11-21"}}),
        (
            UNIT_A,
            {**TEAM, "participant": [], "managingOrganization": [MEMBER]},
            {**TEAM, "managingOrganization": [MEMBER], "status": "suspended"},
        ),
    ],
)
async def test_rule_07_permits_by_an_episode_or_care_team_and_refuses_when_it_is_over(
    region: Region, unit: str, relating: dict[str, Any], ended: dict[str, Any]
) -> None:
    assert not await region.sees(COLLEAGUE, OTHERS)
    await region.write(unit, {name: value for name, value in relating.items() if value != []})
    assert await region.sees(COLLEAGUE, OTHERS)
    assert await region.finds(COLLEAGUE, f"Observation?patient={ADULT}") == [f"obs-{ADULT}-b"]
    await region.write(unit, ended)
    assert not await region.sees(COLLEAGUE, OTHERS)
