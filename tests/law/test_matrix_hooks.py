"""Decision support, both ways: what leaves with a question, and what our answers tell, cast x way."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from kontinuum.identity.hooks import Terms
from kontinuum.identity.smart import Authentication
from tests.law.cast import ADULT, ELSEWHERE, NOW, PROVIDER
from tests.law.town import ADDRESS, EXPECTED, WHO, Mark, Town, marks_in
from tests.law.ways import ASKING, RELATED
from tests.support.decision import Peer, Received, peer
from tests.support.smart import registered

SENT = ("AllergyIntolerance", "Composition", "Condition", "MedicationRequest", "Observation")
KEY = ECKey.generate_key("P-384", {"kid": "k1"})


def expected(who: str, *types: str) -> frozenset[Mark]:
    """What somebody sees of some types."""
    return frozenset(one for one in EXPECTED[who] if one[0] in types)


@pytest.fixture
async def service(town: Town) -> AsyncIterator[Peer]:
    """A service that wants everything, and is trusted by both care providers; it reads with its token too."""
    async with peer() as running:
        templates = {name: f"{name}?patient={{{{context.patientId}}}}&_count=100" for name in SENT}
        running.offers("all", [], patient="Patient/{{context.patientId}}", **templates)
        town.services.advice.limit = timedelta(seconds=60)
        services = town.services.advice.services
        for provider in (PROVIDER, ELSEWHERE):
            terms = Terms(provider, scopes=("patient/*.rs",), token=True, active=True)
            assert (await services.add(running.address, terms, "test"))[1] == []
        yield running
        for each in await services.all():
            await services.end(each.id)


async def test_a_service_is_sent_and_reads_what_whoever_asks_may_see(town: Town, service: Peer) -> None:
    read: dict[str, frozenset[Mark]] = {}
    asking = ""

    async def look(received: Received) -> None:
        headers = {"Authorization": f"Bearer {received.body['fhirAuthorization']['access_token']}"}
        answers = [
            await town.client.get(f"/fhir/{name}?patient={ADULT}&_count=100", headers=headers)
            for name in SENT
        ]
        read[asking] = frozenset().union(*(marks_in(each.text) for each in answers))

    service.look = look
    for asking in ASKING:
        service.asked.clear()
        cookie, _ = await town.signed_in(asking)
        headers = {"cookie": f"kontinuum_session={cookie}", "hx-request": "true"}
        answer = await town.client.get(f"/patient/{ADULT}/advice", headers=headers)
        if asking not in RELATED:
            # Neither the patient nor who administers, reviews or has no care relation lets data leave.
            assert service.asked == [], asking
            continue
        assert answer.status_code == 200, asking
        (received,) = service.asked
        assert marks_in(received.raw.decode()) == expected(asking, *SENT), asking
        assert read[asking] == expected(asking, *SENT), asking
    rows = await town.services.pool.fetch("select content from audit_entry where action = 'ask-service'")
    logged = [json.loads(row["content"]) for row in rows]
    asked = {who.actor.id for name, who in WHO.items() if name in RELATED and who is not None}
    assert {each["actor"] for each in logged} == asked
    assert all(each["patients"] == [ADULT] for each in logged)


async def call(town: Town, who: str) -> httpx.Response:
    """The answer of our own service to a registered system, with the token of one of the cast."""
    path = "/cds-services/patient-warnings"
    now = int(NOW.timestamp())
    claims = {"iss": "ehr", "aud": f"http://test{path}", "exp": now + 200, "jti": str(uuid.uuid4())}
    signed = jwt.encode({"alg": "ES384", "kid": "k1"}, claims, KEY, algorithms=["ES384"])
    body: dict[str, Any] = {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "context": {"userId": "Practitioner/x", "patientId": ADULT},
        "fhirServer": "http://test/fhir",
    }
    if who in town.tokens:
        body["fhirAuthorization"] = {"access_token": town.tokens[who], "token_type": "Bearer"}
    return await town.client.post(path, json=body, headers={"Authorization": f"Bearer {signed}"})


async def test_our_services_tell_what_whose_token_came_along_may_see(town: Town) -> None:
    keys = (dict(KEY.as_dict(private=False)),)
    await registered(town.services, PROVIDER, id="ehr", authentication=Authentication.KEY, keys=keys)
    for who in WHO:
        answer = await call(town, who)
        told = marks_in(answer.text)
        assert told <= EXPECTED[who], who
        assert told >= expected(who, "AllergyIntolerance"), who
        assert ADDRESS not in answer.text
        # Who sees nothing of the patient is not answered with an empty all-clear.
        assert answer.status_code == (200 if expected(who, "AllergyIntolerance") else 412), who
        # Each of the others sees a part only, and is told that it may be one.
        said = answer.json().get("cards", [{"summary": "Allt kunde inte kontrolleras"}])
        assert any(each["summary"] == "Allt kunde inte kontrolleras" for each in said), who
