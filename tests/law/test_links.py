"""What is hidden is no link: a search finds what a scan of what one sees finds, for each of the cast."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest

from kontinuum.access.circumstances import Kind, Level
from kontinuum.fhir import json
from kontinuum.fhir.definitions import RESOURCE_TYPES
from kontinuum.fhir.search.match import matches
from kontinuum.fhir.search.parse import parse_search
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.kernel.principal import PROTECTED_IDENTITY, ActorKind, Purpose
from kontinuum.record import Refusal, Stored, Written
from tests.law.cast import (
    ADULT,
    CAST,
    CHILD,
    COLLEAGUE,
    GUARDIAN_ID,
    OWNER,
    PATIENT,
    PATIENTS,
    PROVIDER,
    SECRET,
    TREATING,
    TRUSTED,
    UNIT_A,
    UNIT_B,
    UNIT_C,
    entries,
    people,
    someone,
    visit,
)
from tests.law.conftest import Region, done

ASKED = (
    "Observation?patient.name=test",
    "Observation?patient.identifier=urn:example:patients|p-adult",
    "Observation?patient.address-city=stockholm",
    "Observation?patient.phone=070-174 06 31",
    "Observation?encounter.status=in-progress",
    "Observation?encounter.subject:Patient.birthdate=lt2020",
    "Observation?patient._has:AllergyIntolerance:patient:recorder:missing=true",
    "Observation?patient._has:Composition:patient:status=final",
    "Observation?has-member:Observation.status=final",
    "Observation?has-member:Observation.encounter.status=in-progress",
    "Encounter?_has:Observation:encounter:code=8480-6",
    "Encounter?_has:Observation:encounter:status=final",
    "Patient?_has:Observation:patient:status=final",
    "Patient?_has:Observation:patient:has-member:Observation.status=final",
    "Patient?_has:MedicationRequest:patient:status=active",
    "Patient?_has:Encounter:patient:_has:Observation:encounter:status=final",
    "Patient?_has:RelatedPerson:patient:name=nära",
    "Patient?general-practitioner:Organization.name=hemlig",
    "Organization?_has:Patient:general-practitioner:name=test",
    "Patient?_list=worklist",
    "Observation?_list=worklist",
    "Composition?_content=anteckning",
    "Patient?_text=hornsgatan",
    "Patient?_content=hornsgatan",
    "Observation?code:text=blodtryck",
)


@pytest.fixture
async def linked(region: Region) -> Region:
    """Resources of every unit that refer to each other, a block, a consent, a protected person."""
    for unit in OWNER:
        letter = unit[-1].lower()
        made: list[dict[str, Any]] = []
        for patient in PATIENTS:
            if unit != UNIT_A:
                made.append(visit(patient, unit))
            base = entries(patient, unit)[0]
            made.append(
                {
                    **base,
                    "id": f"at-{patient}-{letter}",
                    "code": {"text": f"Blodtryck {letter}"},
                    "encounter": {"reference": f"Encounter/enc-{patient}-{letter}"},
                    "hasMember": [
                        {"reference": f"Observation/obs-{patient}-{other[-1].lower()}"}
                        for other in OWNER
                        if other != unit
                    ],
                }
            )
        await region.write(unit, *made)
    practice = {"resourceType": "Organization", "id": "secret-practice", "name": "Hemlig mottagning"}
    relative = {
        "resourceType": "RelatedPerson",
        "id": "near",
        "patient": {"reference": f"Patient/{SECRET}"},
        "name": [{"text": "Nära Anhörig"}],
    }
    secret = next(each for each in people() if each["id"] == SECRET)
    secret["generalPractitioner"] = [{"reference": "Organization/secret-practice"}]
    secret["text"] = {
        "status": "generated",
        "div": '<div xmlns="http://www.w3.org/1999/xhtml">Hornsgatan 14</div>',
    }
    await region.write(UNIT_A, practice, relative)
    trusted = someone("trusted", UNIT_A, ActorKind.SYSTEM, Purpose.SYSTEM, PROTECTED_IDENTITY)
    assert isinstance(await region.record(trusted).update("Patient", SECRET, secret), Written)
    worklist = {
        "resourceType": "List",
        "id": "worklist",
        "status": "current",
        "mode": "working",
        "subject": {"reference": f"Patient/{ADULT}"},
        "entry": [
            {"item": {"reference": f"Patient/{ADULT}"}},
            {"item": {"reference": "Observation/obs-p-adult-a"}},
        ],
    }
    await region.write(UNIT_C, worklist)
    treating = region.record(TREATING).law
    done(await treating.consent(ADULT, region.later(days=30)))
    done(await treating.choose(ADULT, [UNIT_B, UNIT_C]))
    done(await region.record(COLLEAGUE).law.relate(ADULT, "Konsult"))
    done(await region.record(PATIENT).law.block(ADULT, Level.INNER, UNIT_B, PROVIDER, kept=["medication"]))
    done(await treating.represent(CHILD, GUARDIAN_ID, Kind.GUARDIAN, region.later(days=900)))
    return region


TELLING = re.compile("address|phone|general-practitioner|RelatedPerson")


async def visible(region: Region, who: Any) -> list[dict[str, Any]]:
    """Everything that somebody may read, as it is shown."""
    names = await region.services.pool.fetch("select type, id from resource order by type, id")
    found = []
    for row in names:
        answer = await region.record(who).read(RESOURCE_TYPES[row["type"] - 1], row["id"])
        if isinstance(answer, Stored) and answer.body is not None:
            found.append(json.loads(answer.body))
    return found


def expected(query: SearchQuery, seen: Sequence[dict[str, Any]]) -> list[str]:
    return sorted(each["id"] for each in seen if matches(query, each, seen))


async def test_a_search_finds_what_a_scan_of_what_one_sees_finds(linked: Region) -> None:
    hits = 0
    for name, who in {**CAST, "trusted": TRUSTED}.items():
        seen = await visible(linked, who)
        for url in ASKED:
            if "_content" in url or "_text" in url:
                continue
            type_name, _, text = url.partition("?")
            key, _, value = text.partition("=")
            query = parse_search(type_name, [(key, value), ("_count", "500"), ("_total", "accurate")])
            assert isinstance(query, SearchQuery), query
            page = await linked.record(who).search(query)
            assert not isinstance(page, Refusal), page
            wanted = expected(query, seen)
            found = sorted(each.id for each in page.matches)
            assert page.total == len(found), (name, url)
            if name == "person with protected identity" and TELLING.search(url):
                # A search by what is protected finds no protected person, not even for that person.
                assert set(found) <= set(wanted), (name, url)
                continue
            assert found == wanted, (name, url)
            hits += bool(wanted)
    assert hits > 80


async def test_words_do_not_tell_what_is_taken_out_of_a_protected_persons_resource(linked: Region) -> None:
    for url in ("Patient?_text=hornsgatan", "Patient?_content=hornsgatan"):
        assert await linked.finds(TREATING, url) == []
        assert await linked.finds(TRUSTED, url) == [SECRET]
    # Where the person's practice is would tell where the person lives.
    assert await linked.finds(TREATING, "Organization?_has:Patient:general-practitioner:_id=p-secret") == []
    assert await linked.finds(TRUSTED, "Organization?_has:Patient:general-practitioner:_id=p-secret") == [
        "secret-practice"
    ]
    assert await linked.finds(TREATING, "Patient?general-practitioner:Organization.name=hemlig") == []
    assert await linked.finds(TREATING, "Observation?patient.phone=070-174 06 31&patient=p-secret") == []
