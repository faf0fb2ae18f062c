"""What commands of an operator share that change what the installation works with: apps, services."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

from kontinuum.app.services import Services, open_services
from kontinuum.audit.entry import by_the_system
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.config import Settings

T = TypeVar("T")


def with_services(dsn: str, settings: Settings, use: Callable[[Services], Awaitable[T]]) -> T:
    """Use the application's services for one piece of work."""

    async def run() -> T:
        async with open_services(settings, dsn, connections=2) as services:
            return await use(services)

    return asyncio.run(run())


async def log(services: Services, action: str, *what: str) -> None:
    """Write to the log what an operator did, by the name of the account at the server."""
    note = f"by {getpass.getuser()} at the server"
    now = to_micros(services.clock.now())
    await services.audit.durable(by_the_system(now, action, what=what, note=note))


def refused(message: str) -> int:
    """Say why a command does nothing, and give its exit code."""
    print(message, file=sys.stderr)
    return 2
