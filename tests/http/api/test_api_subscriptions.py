"""Subscriptions by HTTP: asked for, shaken hands on, told of changes, repeated, stopped."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import uvicorn
from api_samples import issues, observation, patient, stored
from tests.conftest import SYSTEM
from tests.support.subscribing import (
    GUIDE,
    Receiver,
    quiet,
    receiver,
    subscription,
    until,
    until_status,
)
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from kontinuum.app.asgi import build
from kontinuum.app.services import Services, open_services
from kontinuum.fhir.subscriptions.topics import TOPICS
from kontinuum.fhir.validation import validate
from kontinuum.kernel.clock import FixedClock, to_micros
from kontinuum.kernel.config import Settings
from kontinuum.record import Incoming, Refusal
from kontinuum.record.subscriptions.delivering import ATTEMPTS


@pytest.fixture
async def client(client: httpx.AsyncClient, services: Services) -> httpx.AsyncClient:
    """A client of an application that sends."""
    services.courier.start()
    return client


@pytest.fixture
async def hook() -> AsyncIterator[Receiver]:
    """A subscriber that listens."""
    async with receiver() as listening:
        yield listening


async def subscribed(client: httpx.AsyncClient, wanted: dict[str, Any]) -> str:
    """The id of a new Subscription that is active."""
    made = await stored(client, wanted)
    assert made["status"] == "requested"
    await until_status(client, made["id"], "active")
    return str(made["id"])


async def again(client: httpx.AsyncClient, identity: str, **changes: Any) -> httpx.Response:
    """The answer to writing a Subscription anew, with the status requested unless another is given."""
    body = (await client.get(f"/fhir/Subscription/{identity}")).json() | {"status": "requested"} | changes
    return await client.put(f"/fhir/Subscription/{identity}", json=body)


async def status_of(client: httpx.AsyncClient, identity: str) -> dict[str, str]:
    """What `$status` tells."""
    (entry,) = (await client.get(f"/fhir/Subscription/{identity}/$status")).json()["entry"]
    parameters = entry["resource"]["parameter"]
    return {
        each["name"]: next(str(value) for name, value in each.items() if name != "name")
        for each in parameters
    }


async def test_it_works(client: httpx.AsyncClient, services: Services, hook: Receiver) -> None:
    person, other = await stored(client, patient()), await stored(client, patient())
    narrowed = f"Observation?patient=Patient/{person['id']}"
    identity = await subscribed(
        client,
        subscription(hook.url, "observation", narrowed, header=["X-Ward: 7", "Authorization: Bearer x y"]),
    )
    assert [each.told["type"] for each in hook.got] == ["handshake"]
    weight = await stored(client, observation(f"Patient/{person['id']}"))
    await stored(client, observation(f"Patient/{other['id']}"))
    name = f"Observation/{weight['id']}"
    await client.put(f"/fhir/{name}", json=weight | {"status": "amended"})
    await client.delete(f"/fhir/{name}")
    await hook.until(lambda: len(hook.events) == 3)
    assert hook.events == [(1, name), (2, name), (3, name)]
    methods = [
        e["request"]["method"] for each in hook.of("event-notification") for e in each.bundle["entry"][1:]
    ]
    assert methods == ["POST", "PUT", "DELETE"]
    for each in hook.got:
        assert [issue for issue in validate(each.bundle) if issue.refuses] == []
        assert each.bundle["entry"][0]["resource"]["parameter"][0]["valueReference"]["reference"].endswith(
            f"/fhir/Subscription/{identity}"
        )
        assert each.headers["x-ward"] == "7"
        assert each.headers["authorization"] == "Bearer x y"
        assert each.headers["content-type"].startswith("application/fhir+json")
        assert not any("resource" in entry for entry in each.bundle["entry"][1:])
    assert hook.got[-1].told["events-since-subscription-start"] == "3"


@pytest.mark.parametrize("content", ["empty", "full-resource"])
async def test_a_notification_holds_as_much_as_was_asked_for(
    client: httpx.AsyncClient, hook: Receiver, content: str
) -> None:
    person = await stored(client, patient())
    identity = await subscribed(client, subscription(hook.url, content=content))
    weight = observation(f"Patient/{person['id']}")
    raw = weight | {"valueQuantity": {"value": 81}}
    body = httpx.Request("POST", "http://x", json=raw).content.replace(b"81", b"81.50")
    made = await client.post(
        "/fhir/Observation", content=body, headers={"content-type": "application/fhir+json"}
    )
    await hook.until(lambda: hook.events)
    (notified,) = hook.of("event-notification")
    told = await client.get(f"/fhir/Subscription/{identity}/$events?content=full-resource")
    if content == "empty":
        assert notified.events == [(1, None)]
        assert len(notified.bundle["entry"]) == 1
        assert made.json()["id"] not in told.text  # no more than what was asked for when it was made
    else:
        assert notified.bundle["entry"][1]["resource"] == made.json()
        assert b'"value":81.50' in made.content
        assert '"value":81.50' in told.text


REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "unknown topic",
        {"criteria": "urn:example:nothing"},
        "Subscription.criteria",
        "urn:kontinuum:topic:document",
    ),
    ("status of the server's", {"status": "active"}, "Subscription.status", "requested"),
    ("end that has passed", {"end": "2020-01-01T00:00:00Z"}, "Subscription.end", "later end"),
]
CHANNEL: list[tuple[str, dict[str, Any], str, str]] = [
    ("email", {"type": "email"}, "Subscription.channel.type", "rest-hook and websocket"),
    ("message", {"type": "message"}, "Subscription.channel.type", "not offered"),
    ("no endpoint", {"endpoint": None}, "Subscription.channel.endpoint", "where"),
    ("other scheme", {"endpoint": "ftp://hook.example/x"}, "Subscription.channel.endpoint", "https://"),
    (
        "user in the address",
        {"endpoint": "https://a:b@hook.example/"},
        "Subscription.channel.endpoint",
        "user",
    ),
    ("xml", {"payload": "application/fhir+xml"}, "Subscription.channel.payload", "application/fhir+json"),
    ("no content", {"_payload": None}, "Subscription.channel.payload.extension", "id-only"),
    ("header of the transport", {"header": ["Host: x"]}, "Subscription.channel.header[0]", "Host"),
    ("broken header", {"header": ["X-A: ok", "nonsense"]}, "Subscription.channel.header[1]", "Name: value"),
    (
        "heartbeat too often",
        {"extension": [{"url": f"{GUIDE}backport-heartbeat-period", "valueUnsignedInt": 1}]},
        "Subscription.channel.extension[0]",
        "10",
    ),
    (
        "unknown extension of the guide",
        {"extension": [{"url": f"{GUIDE}backport-speed", "valueUnsignedInt": 1}]},
        "Subscription.channel.extension[0]",
        "backport-speed",
    ),
]
FILTERS: list[tuple[str, str, str, str]] = [
    ("another type", "observation", "Condition?patient=Patient/1", "Observation"),
    ("unknown parameter", "observation", "Observation?colour=red", "colour"),
    ("not offered by the topic", "observation", "Observation?value-quantity=5", "value-quantity"),
    ("a chain", "changed", "Observation?patient.name=x", "chains"),
    ("sorting", "changed", "Observation?_sort=date", "sorting"),
    ("words", "changed", "Observation?_content=x", "_content"),
    ("no question mark", "changed", "Observation", "Type?parameter"),
    ("the log", "changed", "AuditEvent?patient=Patient/1", "resource type"),
]


async def test_what_is_not_done_is_refused_by_name(client: httpx.AsyncClient) -> None:
    def changed(**parts: Any) -> dict[str, Any]:
        base = subscription("https://hook.example/x")
        channel = base["channel"] | parts
        return base | {"channel": {name: value for name, value in channel.items() if value is not None}}

    asked = [(name, subscription("https://hook.example/x") | parts, *told) for name, parts, *told in REFUSED]
    asked += [(name, changed(**parts), *told) for name, parts, *told in CHANNEL]
    asked += [
        (
            name,
            subscription("https://hook.example/x", topic, text),
            "Subscription.criteria.extension[0]",
            said,
        )
        for name, topic, text, said in FILTERS
    ]
    unnarrowed = subscription("https://hook.example/x", "changed")
    asked.append(("changed, of nothing", unnarrowed, "Subscription.criteria.extension", "Condition?patient"))
    for name, resource, place, said in asked:
        answer = await client.post("/fhir/Subscription", json=resource)
        assert answer.status_code == 422, (name, answer.text)
        (issue,) = issues(answer)
        assert issue["expression"] == [place], (name, issue)
        assert said in issue["diagnostics"], (name, issue)
    several = subscription("https://hook.example/x", "observation", "Observation?colour=red")
    several["channel"] |= {"type": "email"}
    assert len(issues(await client.post("/fhir/Subscription", json=several))) == 2


async def test_production_sends_to_named_hosts_and_encrypted_alone(settings: Settings, dsn: str) -> None:
    strict = replace(settings, environment="production", notify_hosts=("*.region.example", "lab.example"))
    async with open_services(strict, dsn, connections=4) as services:
        record = services.gate.record(SYSTEM)
        may = {
            url: not hasattr(await record.create(subscription(url)), "issues")
            for url in (
                "https://lab.example/x",
                "https://ward.region.example:8443/x",
                "http://lab.example/x",
                "https://region.example.evil.example/x",
                "https://region.example/x",
            )
        }
    assert list(may.values()) == [True, True, False, False, False]


async def test_the_capability_statement_names_topics_and_websocket(client: httpx.AsyncClient) -> None:
    (rest,) = (await client.get("/fhir/metadata")).json()["rest"]
    assert rest["extension"][0]["valueUri"] == "ws://test/subscriptions"
    (told,) = [each for each in rest["resource"] if each["type"] == "Subscription"]
    assert [each["valueCanonical"] for each in told["extension"]] == list(TOPICS)
    assert {"status", "events", "get-ws-binding-token"} <= {each["name"] for each in told["operation"]}


async def test_a_visit_is_told_of_when_it_begins_and_when_it_ends(
    client: httpx.AsyncClient, services: Services, hook: Receiver
) -> None:
    await subscribed(client, subscription(hook.url, "encounter-start"))
    await subscribed(client, subscription(hook.url, "encounter-end"))
    person = await stored(client, patient())
    visit = {
        "resourceType": "Encounter",
        "id": "visit",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": f"Patient/{person['id']}"},
    }
    for state in ("planned", "in-progress", "in-progress", "finished", "finished"):
        period = {"start": f"2026-01-0{len(hook.got)}"}
        answer = await client.put("/fhir/Encounter/visit", json=visit | {"status": state, "period": period})
        assert answer.status_code in (200, 201)
        await quiet(services)
    told = [(each.told["topic"].rpartition(":")[2], each.events) for each in hook.of("event-notification")]
    assert told == [
        ("encounter-start", [(1, "Encounter/visit")]),
        ("encounter-end", [(1, "Encounter/visit")]),
    ]


async def test_one_who_does_not_shake_hands_is_told_why(client: httpx.AsyncClient, hook: Receiver) -> None:
    hook.answer = lambda _: 403
    made = await stored(client, subscription(hook.url))
    failed = await until_status(client, made["id"], "error")
    assert failed["error"] == "The endpoint answered with status 403."
    assert (await status_of(client, made["id"]))["error"].startswith("{'text': 'The endpoint answered")
    hook.answer = lambda _: 200
    assert (await again(client, made["id"])).status_code == 200
    now = await until_status(client, made["id"], "active")
    assert "error" not in now
    assert (await again(client, made["id"], status="off")).status_code == 200
    off = await client.get("/fhir/Subscription/$status?status=off")
    assert off.json()["total"] == 1
    assert (await client.get("/fhir/Subscription/$status?status=active")).json()["total"] == 0
    assert (await client.get("/fhir/Subscription/$status?status=broken")).status_code == 400


Later = tuple[Services, httpx.AsyncClient, FixedClock]


@pytest.fixture
async def later(settings: Settings, dsn: str) -> AsyncIterator[Later]:
    """The application with a clock that is moved by hand, and its client."""
    clock = FixedClock(datetime(2026, 11, 20, 9, tzinfo=UTC))
    async with open_services(settings, dsn, clock=clock, connections=4) as services:
        services.courier.start()
        token = await services.identity.mint_token(SYSTEM, timedelta(days=90))
        transport = httpx.ASGITransport(app=build(services), raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://test", headers={"Authorization": f"Bearer {token}"}
        ) as client:
            yield services, client, clock


async def pass_time(services: Services, clock: FixedClock, **duration: float) -> None:
    """Let time pass, and couriers look."""
    clock.advance(timedelta(**duration))
    services.courier.wake()


FAILURES = "select failures from subscription"


async def test_a_receiver_that_was_down_gets_everything_in_order(later: Later, hook: Receiver) -> None:
    services, client, clock = later
    identity = await subscribed(client, subscription(hook.url, max_count=2))
    person = await stored(client, patient())
    first = await stored(client, observation(f"Patient/{person['id']}"))
    await hook.until(lambda: len(hook.events) == 1)
    await hook.stop()
    names = [f"Observation/{first['id']}"]
    for _ in range(3):
        made = await stored(client, observation(f"Patient/{person['id']}"))
        names.append(f"Observation/{made['id']}")

    for number in range(1, ATTEMPTS):
        await until(lambda: services.pool.fetchval(FAILURES), number.__eq__)
        told = await status_of(client, identity)
        assert (told["status"], told["events-since-subscription-start"]) == ("active", "1"), told
        assert "cannot be reached" in told["error"]
        await pass_time(services, clock, hours=1)
    failed = await until_status(client, identity, "error")
    assert "cannot be reached" in failed["error"]
    await hook.start()
    assert (await again(client, identity)).status_code == 200
    await hook.until(lambda: len(hook.events) == 4)
    assert hook.events == list(enumerate(names, 1))
    assert [len(each.events) for each in hook.of("event-notification")] == [1, 2, 1]


async def test_what_may_have_been_received_keeps_its_number(later: Later, hook: Receiver) -> None:
    services, client, clock = later
    identity = await subscribed(client, subscription(hook.url))
    person = await stored(client, patient())
    seen: list[list[tuple[int, str | None]]] = []

    def stumbling(notified: Any) -> int | None:
        seen.append(notified.events)
        return None if len(seen) == 1 else 500 if len(seen) == 2 else 200

    hook.answer = stumbling
    await stored(client, observation(f"Patient/{person['id']}"))
    for number in (1, 2):
        await hook.until(lambda number=number: len(seen) == number)
        await until(lambda: services.pool.fetchval(FAILURES), number.__eq__)
        await pass_time(services, clock, hours=1)
    await hook.until(lambda: hook.events)
    assert seen[0] == seen[1] == seen[2] == hook.events
    assert (await status_of(client, identity))["events-since-subscription-start"] == "1"


BEAT = "select max(beat) from subscription"


async def test_a_heartbeat_comes_when_nothing_else_does(later: Later, hook: Receiver) -> None:
    services, client, clock = later
    await subscribed(client, subscription(hook.url, heartbeat_period=60))
    await subscribed(client, subscription(hook.url))
    for number in (1, 2):
        await pass_time(services, clock, seconds=61)
        await until(lambda: services.pool.fetchval(BEAT), to_micros(clock.now()).__lt__)
        assert len(hook.of("heartbeat")) == number
    assert hook.got[-1].told["events-since-subscription-start"] == "0"


async def test_it_ends_when_it_says_so(later: Later, hook: Receiver) -> None:
    services, client, clock = later
    identity = await subscribed(client, subscription(hook.url, end="2026-11-25T00:00:00Z"))
    await pass_time(services, clock, days=6)
    over = await until_status(client, identity, "off")
    assert "end" in over["error"]
    person = await stored(client, patient())
    await stored(client, observation(f"Patient/{person['id']}"))
    await quiet(services)
    assert hook.events == []
    assert await services.pool.fetchval("select count(*) from feed_watch") == 0


async def test_events_are_told_again(client: httpx.AsyncClient, services: Services, hook: Receiver) -> None:
    identity = await subscribed(client, subscription(hook.url))
    person = await stored(client, patient())
    made = [await stored(client, observation(f"Patient/{person['id']}")) for _ in range(4)]
    await quiet(services)
    path = f"/fhir/Subscription/{identity}/$events"
    told = await client.get(f"{path}?eventsSinceNumber=2&eventsUntilNumber=3")
    assert [e["fullUrl"].rpartition("/")[2] for e in told.json()["entry"][1:]] == [m["id"] for m in made[1:3]]
    assert {"name": "type", "valueCode": "query-event"} in told.json()["entry"][0]["resource"]["parameter"]
    assert len((await client.get(f"{path}?content=empty")).json()["entry"]) == 1
    for wrong in ("eventsSinceNumber=x", "content=everything", "since=1"):
        assert (await client.get(f"{path}?{wrong}")).status_code == 400, wrong
    assert (await client.get("/fhir/Subscription/never/$events")).status_code == 404
    deleted = await client.delete(f"/fhir/Subscription/{identity}")
    assert deleted.status_code == 204
    assert (await client.get(path)).status_code == 404


@asynccontextmanager
async def served(services: Services) -> AsyncIterator[str]:
    """The application behind a real server in this process; gives its address."""
    config = uvicorn.Config(
        build(services), port=0, log_level="error", lifespan="off", ws="websockets-sansio"
    )
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext  # type: ignore[method-assign,assignment]
    running = asyncio.create_task(server.serve())
    await until(lambda: asyncio.sleep(0, server.started), bool)
    yield f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await running


async def test_a_websocket_is_told_of_changes(client: httpx.AsyncClient, services: Services) -> None:
    made = await stored(client, subscription(None, content="full-resource"))
    person = await stored(client, patient())

    async def token() -> str:
        answer = await client.get(f"/fhir/Subscription/{made['id']}/$get-ws-binding-token")
        assert answer.status_code == 200, answer.text
        parts = {each["name"]: each for each in answer.json()["parameter"]}
        assert parts["subscription"]["valueString"] == made["id"]
        assert parts["websocket-url"]["valueUrl"] == "ws://test/subscriptions"
        return str(parts["token"]["valueString"])

    def told(text: str | bytes) -> tuple[str, list[str]]:
        bundle = json.loads(text)
        kind = next(
            e["valueCode"] for e in bundle["entry"][0]["resource"]["parameter"] if e["name"] == "type"
        )
        return kind, [entry["resource"]["id"] for entry in bundle["entry"][1:]]

    async with served(services) as address:
        url = f"ws://{address}/subscriptions"
        async with connect(url) as first:
            await first.send(f"bind-with-token {await token()}")
            assert told(await first.recv()) == ("handshake", [])
            await until_status(client, made["id"], "active")
            one = await stored(client, observation(f"Patient/{person['id']}"))
            assert told(await first.recv()) == ("event-notification", [one["id"]])
            await quiet(services)  # what is not noted as received is sent again
            async with connect(url) as second:  # takes over: the first may be dead without knowing it
                await second.send(f"bind-with-token {await token()}")
                assert told(await second.recv()) == ("handshake", [])
                with pytest.raises(ConnectionClosed):
                    await first.recv()
                two = await stored(client, observation(f"Patient/{person['id']}"))
                assert told(await second.recv()) == ("event-notification", [two["id"]])
                await quiet(services)
        three = await stored(client, observation(f"Patient/{person['id']}"))
        used = await token()
        async with connect(url) as third:  # what happened meanwhile has waited
            await third.send(f"bind-with-token {used}")
            assert told(await third.recv()) == ("handshake", [])
            assert told(await third.recv()) == ("event-notification", [three["id"]])
        for said in (f"bind-with-token {used}", "bind-with-token nonsense", "hello"):
            async with connect(url) as stranger:
                await stranger.send(said)
                with pytest.raises(ConnectionClosed):
                    await stranger.recv()


async def test_a_binding_token_is_for_websockets(client: httpx.AsyncClient, hook: Receiver) -> None:
    identity = await subscribed(client, subscription(hook.url))
    for place in (f"/{identity}/$get-ws-binding-token", "/$get-ws-binding-token"):
        assert (await client.get(f"/fhir/Subscription{place}")).status_code == 400


async def test_a_subscription_is_not_imported(services: Services) -> None:
    """It would act with the rights of whoever imports."""
    (result,) = await services.gate.record(SYSTEM).take_in([Incoming(subscription("https://hook.example/"))])
    assert isinstance(result, Refusal)
    assert "own rights" in result.issues[0].message
