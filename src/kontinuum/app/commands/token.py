"""`kontinuum token`: a bearer token for a system client or a persona of the demo region."""

from __future__ import annotations

import asyncio
import difflib
import getpass
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta

from kontinuum.app.commands import acting
from kontinuum.audit import AuditLog, entry
from kontinuum.identity import Identity
from kontinuum.kernel.clock import SystemClock, instant, to_micros
from kontinuum.kernel.config import Settings
from kontinuum.kernel.principal import Persona, Principal
from kontinuum.store.pool import create_pool

LIFETIME = timedelta(days=30)
LONGEST_NAME = 100


def run(
    dsn: str,
    settings: Settings,
    *,
    client: str | None = None,
    persona: str | None = None,
    unit: str | None = None,
    provider: str | None = None,
) -> int:
    """Print a new token, alone on standard output; about it on standard error."""
    if client is not None:
        principal = client_principal(settings, client, unit, provider)
    elif unit or provider:
        principal = acting.Refused("--unit and --provider go with --client; a persona has own assignments.")
    else:
        principal = persona_principal(persona or "")
    if isinstance(principal, acting.Refused):
        print(principal.message, file=sys.stderr)
        return 2
    token = asyncio.run(_mint(dsn, principal))
    about = principal.assignment
    print(
        f"For {principal.actor.name} at {about.unit_name}, {about.provider_name}, {LIFETIME.days} days.",
        file=sys.stderr,
    )
    print(token)
    return 0


def client_principal(
    settings: Settings, name: str, unit: str | None = None, provider: str | None = None
) -> Principal | acting.Refused:
    """A system client of any name, with an assignment of its own."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        return acting.Refused(f"--client needs a name of 1 to {LONGEST_NAME} printable characters.")
    place = acting.place(settings, unit, provider)
    if isinstance(place, acting.Refused):
        return place
    return acting.system(name, place, client=name, actor=f"client:{name}")


def persona_principal(asked: str) -> Principal | acting.Refused:
    """A persona of the demo region, by id or name in any case, under the first of its assignments."""
    from kontinuum.demo import personas

    found = personas()
    wanted = asked.strip().casefold()
    for each in found:
        if wanted in (each.actor.id.casefold(), each.actor.name.casefold()):
            return Principal(each.actor, each.assignments[0], "token")
    return acting.Refused(_not_found(asked, found))


def _not_found(asked: str, found: Sequence[Persona]) -> str:
    names = {text.casefold(): text for each in found for text in (each.actor.name, each.actor.id)}
    near = difflib.get_close_matches(asked.strip().casefold(), names, n=1, cutoff=0.5)
    hint = f" Did you mean {names[near[0]]}?" if near else ""
    everyone = "".join(f"\n  {each.actor.name} ({each.actor.id}), {each.title}" for each in found)
    return f"There is no persona '{asked}'.{hint} There are:{everyone}"


async def _mint(dsn: str, principal: Principal) -> str:
    """Make the token; that it is made is in the log first, under the assignment that it carries."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        pool = await create_pool(dsn, size=1)
        stack.push_async_callback(pool.close)
        log = AuditLog(dsn, clock)
        await log.start()
        stack.push_async_callback(log.stop)
        now = clock.now()
        note = f"by {getpass.getuser()} at the server, valid until {instant(to_micros(now + LIFETIME))}"
        await log.durable(entry(principal, to_micros(now), "mint-token", "permitted", "operator", note=note))
        return await Identity(pool, clock).mint_token(principal, LIFETIME)
