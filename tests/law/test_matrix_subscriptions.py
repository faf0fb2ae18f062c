"""What a subscription tells is decided when it leaves, as its subscriber; the rest leaves no trace.

That each of the cast is told exactly what they may read is a row of test_matrix.py.
"""

from __future__ import annotations

import json
from dataclasses import replace

from kontinuum.access.circumstances import Level
from kontinuum.access.kept_back import ACT_CODE
from kontinuum.identity.smart import Authentication
from kontinuum.identity.smart.apps import service_of
from kontinuum.kernel.principal import App, Principal
from kontinuum.record import Refusal, Written
from tests.law.cast import (
    ADULT,
    COLLEAGUE,
    NURSE,
    PATIENT,
    PROVIDER,
    SECRET,
    SYSTEM_A,
    TREATING,
    TRUSTED,
    UNIT_A,
    UNIT_B,
    UNIT_C,
    entries,
    people,
)
from tests.law.conftest import Region, done
from tests.law.subscribed import client_of, follows, subscribe
from tests.support.smart import GROWTH
from tests.support.subscribing import quiet, receiver, subscription, until, until_status

FAILURES = "select max(failures) from subscription"


async def write(region: Region, unit: str, suffix: str) -> str:
    """The reference of an Observation of the adult patient's that is new at a unit."""
    made = entries(ADULT, unit)[0]
    made["id"] += suffix
    await region.write(unit, made)
    return f"Observation/{made['id']}"


async def go_on(region: Region) -> None:
    """Let so much time pass that what failed is tried again."""
    region.wait(hours=1)
    region.services.courier.wake()


async def test_rights_that_end_between_event_and_delivery_leave_no_trace(region: Region) -> None:
    """A consent is withdrawn, a block set, while the receiver is away; numbers show no gap afterwards."""
    region.services.courier.start()
    law = region.record(TREATING).law
    consent = done(await law.consent(ADULT, region.later(days=30))).name
    done(await law.choose(ADULT, [UNIT_B, UNIT_C]))
    async with receiver() as hook, client_of(region, TREATING) as client:
        identity = await subscribe(client, follows(hook, "Observation", content="full-resource"))
        seen = [await write(region, unit, "-1") for unit in (UNIT_B, UNIT_C)]
        await quiet(region.services)
        assert hook.events == [(1, seen[0]), (2, seen[1])]
        await hook.stop()
        lost = [await write(region, unit, "-2") for unit in (UNIT_C, UNIT_B)]
        kept = await write(region, UNIT_A, "-2")
        await until(lambda: region.services.pool.fetchval(FAILURES), bool)
        done(await law.annul(ADULT, consent))
        done(await region.record(PATIENT).law.block(ADULT, Level.INNER, UNIT_B, PROVIDER))
        await hook.start()
        await go_on(region)
        await quiet(region.services)
        assert hook.events[2:] == [(3, kept)]
        status = (await client.get(f"/fhir/Subscription/{identity}/$status")).text
        assert '"events-since-subscription-start","valueString":"3"' in status
        # Nor are they told again of what they were told of before.
        again = (await client.get(f"/fhir/Subscription/{identity}/$events")).text
        assert [name for name in (*seen, *lost, kept) if name in again] == [kept]


async def test_what_the_receiver_may_have_seen_is_not_repeated_without_the_right(region: Region) -> None:
    region.services.courier.start()
    law = region.record(TREATING).law
    consent = done(await law.consent(ADULT, region.later(days=30))).name
    done(await law.choose(ADULT, [UNIT_C]))
    async with receiver() as hook, client_of(region, TREATING) as client:
        await subscribe(client, follows(hook, "Observation"))
        hook.answer = lambda _: 500
        await write(region, UNIT_C, "-1")
        await until(lambda: region.services.pool.fetchval(FAILURES), bool)
        done(await law.annul(ADULT, consent))
        hook.answer = lambda _: 200
        own = await write(region, UNIT_A, "-1")
        await go_on(region)
        await quiet(region.services)
        assert hook.events == [(2, own)]


async def test_protected_identity_is_taken_out_and_found_by_no_filter(region: Region) -> None:
    region.services.courier.start()
    (secret,) = [each for each in people() if each["id"] == SECRET]
    told: dict[tuple[str, str], list[str]] = {}
    async with receiver() as hook:
        asked = {}
        for name, who in (("nurse", NURSE), ("trusted", TRUSTED)):
            for criteria in (f"_id={SECRET}", "address-city=Stockholm"):
                async with client_of(region, who) as client:
                    wanted = subscription(hook.url, "changed", f"Patient?{criteria}", content="full-resource")
                    asked[await subscribe(client, wanted)] = (name, criteria)
        written = await region.record(TRUSTED).update("Patient", SECRET, secret | {"active": True})
        assert isinstance(written, Written), written
        await quiet(region.services)
        for each in hook.of("event-notification"):
            identity = each.told["subscription"]["reference"].rpartition("/")[2]
            told.setdefault(asked[identity], []).append(json.dumps(each.bundle, ensure_ascii=False))
    assert told.keys() == {("nurse", f"_id={SECRET}"), *(("trusted", c) for _, c in asked.values())}
    hidden = ("Hornsgatan", "070-174", "Anhörig")
    assert not any(word in told["nurse", f"_id={SECRET}"][0] for word in hidden)
    assert all(word in told["trusted", f"_id={SECRET}"][0] for word in hidden)


async def test_a_subscription_is_its_maker_s_alone(region: Region) -> None:
    region.services.courier.start()
    async with receiver() as hook, client_of(region, TREATING) as own:
        wanted = follows(hook, "Observation", header=["Authorization: Bearer secret"])
        identity = await subscribe(own, wanted)
        path = f"/fhir/Subscription/{identity}"
        body = (await own.get(path)).json() | {"status": "requested"}
        elsewhere = replace(TREATING, assignment=COLLEAGUE.assignment)
        for who in (NURSE, elsewhere, COLLEAGUE, PATIENT, SYSTEM_A, replace(TREATING, client="another")):
            async with client_of(region, who) as other:
                answers = [
                    await other.get(f"{path}{below}")
                    for below in ("", "/_history", "/_history/1", "/$status", "/$events")
                ]
                never = (await other.get("/fhir/Subscription/never")).text
                assert {answer.status_code for answer in answers} == {404}, who
                assert answers[0].text.replace(identity, "never") == never
                for listed in ("Subscription", "Subscription/_history", "Subscription/$status"):
                    assert "entry" not in (await other.get(f"/fhir/{listed}")).json(), (who, listed)
                assert identity not in (await other.get("/fhir/_history?_count=1000")).text
                assert (await other.put(path, json=body)).status_code == 403
                assert (await other.get(f"{path}/$get-ws-binding-token")).status_code == 404
                assert (await other.delete(path)).status_code in (204, 403)
        assert (await own.get(path)).status_code == 200
        # What a client says of the owner does not count.
        foreign = body["meta"]["tag"][0] | {"code": "0" * 32}
        changed = await own.put(path, json=body | {"meta": {"tag": [foreign]}})
        assert changed.json()["meta"]["tag"] == body["meta"]["tag"]
        async for page in region.services.gate.export([SYSTEM_A], ["Subscription"]):
            assert page.resources == ()


async def test_nothing_is_sent_once_token_or_assignment_are_over(region: Region) -> None:
    region.services.courier.start()
    async with receiver() as hook:
        for who in (NURSE, TREATING):
            async with client_of(region, who) as client:
                identity = await subscribe(client, follows(hook, "Observation"))
        ended = "insert into assignment_end (assignment, ends) values ($1, $2)"
        await region.services.pool.execute(ended, NURSE.assignment.id, region.later(seconds=-1))
        seen = await write(region, UNIT_A, "-1")
        await quiet(region.services)
        assert hook.events == [(1, seen)]
        region.wait(days=31)
        await write(region, UNIT_A, "-2")
        await quiet(region.services)
        assert hook.events == [(1, seen)]
    async with client_of(region, TREATING) as client:
        assert (await until_status(client, identity, "off"))["error"].startswith("The token")


SCOPES = ("system/Subscription.cruds", "system/Observation.rs", "system/AllergyIntolerance.r")


async def service(region: Region) -> Principal:
    """A backend service with these scopes, as its tokens say."""
    place = SYSTEM_A.assignment
    principal = service_of("growth", "Growth", place)
    keys = ({"kty": "EC", "crv": "P-256", "kid": "k", "x": _X, "y": _Y},)
    registered = replace(
        GROWTH,
        provider=place.provider,
        authentication=Authentication.KEY,
        scopes=SCOPES,
        redirect_uris=(),
        launch_url=None,
        keys=keys,
        service=principal,
    )
    _, wrong = await region.services.smart.apps.add(registered, "test")
    assert wrong == []
    issued = await region.services.smart.grants.serve(registered, principal, SCOPES)
    return replace(principal, app=App("growth", issued.permission.id, SCOPES))


_X = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"
_Y = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"


async def test_an_app_is_told_within_its_scopes_as_long_as_it_is_registered(region: Region) -> None:
    """Its tokens are short; what counts for what it left running is its registration."""
    region.services.courier.start()
    app = await service(region)
    assert app.app is not None
    for scope in ("system/Observation.rs", "system/Subscription.r"):
        less = replace(app, app=replace(app.app, scopes=(scope,)))
        made = await region.record(less).create(subscription("http://127.0.0.1:9/"))
        assert isinstance(made, Refusal)
        assert "Subscription.c" in made.issues[0].message
    async with receiver() as hook, client_of(region, app) as client:
        kinds = ("Observation", "Composition", "AllergyIntolerance")
        await subscribe(client, follows(hook, *kinds))
        region.wait(hours=2)  # the permission of five minutes is over
        written = entries(ADULT, UNIT_A)
        await region.write(UNIT_A, *(each | {"id": each["id"] + "-1"} for each in written))
        await quiet(region.services)
        told = sorted(name.split("/")[0] for _, name in hook.events if name)
        assert told == ["AllergyIntolerance", "Observation"]
        await region.services.pool.execute("update app set scopes = $1", list(SCOPES[:2]))
        await region.write(UNIT_A, *(each | {"id": each["id"] + "-2"} for each in written))
        await quiet(region.services)
        assert [name.split("/")[0] for _, name in hook.events[2:] if name] == ["Observation"]
        assert await region.services.smart.apps.end("growth")
        await write(region, UNIT_A, "-after")
        await quiet(region.services)
        assert len(hook.events) == 3
        over = await region.services.pool.fetchrow("select status, error from subscription")
        assert over["status"] == "off"
        assert "app" in over["error"]


async def test_a_heartbeat_is_the_same_whatever_is_hidden(region: Region) -> None:
    """Neither what a colleague has no relation for leaves a trace, nor what is kept back from the patient."""
    region.services.courier.start()
    kept_back = entries(ADULT, UNIT_A)[0]
    kept_back |= {"id": "obs-kept", "meta": {"security": [{"system": ACT_CODE, "code": "NOPAT"}]}}
    async with receiver() as idle, receiver() as hidden:
        for who in (COLLEAGUE, PATIENT):
            async with client_of(region, who) as client:
                await subscribe(client, subscription(idle.url, "document", heartbeat_period=60))
                await subscribe(client, follows(hidden, "Observation", heartbeat_period=60))
        region.wait(seconds=30)
        await region.write(UNIT_A, kept_back)
        await quiet(region.services)
        region.wait(seconds=31)
        region.services.courier.wake()
        for each in (idle, hidden):
            await each.until(lambda each=each: len(each.of("heartbeat")) == 2)
        same = [
            sorted((one.told["type"], one.told["events-since-subscription-start"]) for one in each.got)
            for each in (idle, hidden)
        ]
        assert same[0] == same[1]
