"""The way out by subscription: what each of the cast is sent of what is written about the adult patient."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from typing import Any

import httpx

from kontinuum.app.asgi import build
from kontinuum.kernel.principal import Principal
from tests.law.cast import ADULT, KINDS, OWNER, entries
from tests.law.conftest import Region
from tests.support.subscribing import Receiver, quiet, receiver, subscription, until_status

_AGAIN = count()


@asynccontextmanager
async def client_of(region: Region, who: Principal) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API with a token of somebody's."""
    token = await region.services.identity.mint_token(who, timedelta(days=30))
    transport = httpx.ASGITransport(app=build(region.services), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        yield client


async def subscribe(client: httpx.AsyncClient, wanted: dict[str, Any]) -> str:
    """The id of a new Subscription that is active."""
    answer = await client.post("/fhir/Subscription", json=wanted)
    assert answer.status_code == 201, answer.text
    identity = str(answer.json()["id"])
    await until_status(client, identity, "active")
    return identity


def follows(hook: Receiver, *kinds: str, **more: Any) -> dict[str, Any]:
    """A Subscription to every change of some types about the adult patient."""
    filters = [f"{kind}?patient=Patient/{ADULT}" for kind in kinds or KINDS]
    return subscription(hook.url, "changed", *filters, **more)


async def by_subscription(region: Region, who: Principal) -> set[str]:
    """What is written anew at every unit tells somebody as much as what was there before would.

    That it is the same by `$events`, that numbers have no gaps, and that every event is in the log are asked
    at once.
    """
    suffix = f"-{next(_AGAIN)}"
    region.services.courier.start()
    async with receiver() as hook, client_of(region, who) as client:
        identity = await subscribe(client, follows(hook, content="full-resource"))
        for unit in OWNER:
            await region.write(unit, *({**each, "id": each["id"] + suffix} for each in entries(ADULT, unit)))
        await quiet(region.services)
        told = [reference for _, reference in hook.events if reference is not None]
        assert [number for number, _ in hook.events] == list(range(1, len(told) + 1))
        bodies = {
            f"{resource['resourceType']}/{resource['id']}"
            for each in hook.of("event-notification")
            for resource in (entry.get("resource") for entry in each.bundle["entry"][1:])
            if resource is not None
        }
        assert bodies == set(told)
        again = await client.get(f"/fhir/Subscription/{identity}/$events")
        assert {entry["resource"]["id"] for entry in again.json()["entry"][1:]} == {
            reference.split("/")[1] for reference in told
        }
        logged = [
            each for each in await region.logged("notify") if each["note"] == f"Subscription/{identity}"
        ]
        assert {what.split("/_history")[0] for each in logged for what in each["what"]} == set(told)
        assert all(each["actor"] == who.actor.id for each in logged)
        assert (await client.delete(f"/fhir/Subscription/{identity}")).status_code == 204
    return {reference.removesuffix(suffix) for reference in told}
