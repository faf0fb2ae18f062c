"""The register of decision support services of others: a care provider says whom it asks, and with what.

https://cds-hooks.hl7.org/2.0/#discovery. Nobody registers itself. What a service is given is narrowed by
scopes: without any, by those that its own templates need.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec

from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.hooks import HOOKS, Offered, read_offered
from kontinuum.identity.oidc.network import exchange
from kontinuum.identity.oidc.outcome import Refused
from kontinuum.kernel.clock import Clock, to_micros
from kontinuum.kernel.providers import is_safe_url
from kontinuum.store import hooks as store
from kontinuum.store.hooks import ServiceRow

PATH: Final = "/cds-services"
_SECONDS: Final = 10.0
_UNIT: Final = re.compile(r"[A-Za-z0-9-]{1,40}")


@dataclass(frozen=True, slots=True)
class CdsService:
    """A registered service. `units` are those at which it is asked; none is all.

    `scopes` narrow what it is sent and, where it is given a `token`, what it may read by itself.
    """

    id: str
    provider: str
    base: str
    service: str
    hook: str
    title: str
    description: str
    prefetch: dict[str, str]
    units: tuple[str, ...]
    scopes: tuple[str, ...]
    token: bool
    active: bool

    @property
    def address(self) -> str:
        """Where it is asked."""
        return f"{self.base}{PATH}/{self.service}"

    @property
    def host(self) -> str:
        """Who it is by its address, for people."""
        return urlsplit(self.base).netloc

    def serves(self, hook: str, unit: str) -> bool:
        """Whether it is asked by a hook at a unit."""
        return self.active and self.hook == hook and (not self.units or unit in self.units)


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms services are registered: at which units, with which scopes, with a token or without."""

    provider: str
    units: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    token: bool = False
    active: bool = False


class CdsServices:
    """Registers, finds, switches and ends services."""

    def __init__(self, pool: Any, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def add(self, base: str, terms: Terms, registrar: str) -> tuple[list[CdsService], list[str]]:
        """Register the services at an address whose hooks are known here; or what is wrong with it."""
        base = base.strip().rstrip("/").removesuffix(PATH)
        if any(not each.startswith("patient/") for each in terms.scopes):
            return [], ["A question is about one patient: every scope begins with patient/."]
        if any(_UNIT.fullmatch(each) is None for each in terms.units):
            return [], ["Name units by their HSA-ids."]
        offered = await discover(base)
        if isinstance(offered, str):
            return [], [offered]
        known = [each for each in offered if each.hook in HOOKS]
        if not known:
            others = ", ".join(sorted({each.hook for each in offered})) or "-"
            return [], [f"No service there is for a hook that is called here ({', '.join(HOOKS)}): {others}."]
        added = []
        for each in known:
            row = self._row(base, each, terms, registrar)
            if await store.insert(self._pool, row):
                added.append(_service(row))
        return added, [] if added else ["All services of this address are registered already."]

    async def all(self, provider: str | None = None) -> list[CdsService]:
        """The services of a care provider (None: of all), by title."""
        return [_service(row) for row in await store.services(self._pool, provider)]

    async def serving(self, provider: str, unit: str, hook: str) -> list[CdsService]:
        """The services that are asked by a hook at a unit of a care provider."""
        return [each for each in await self.all(provider) if each.serves(hook, unit)]

    async def switch(self, identity: str, active: bool, provider: str | None = None) -> bool:
        """Let a service be asked, or not; false when there is none."""
        return "\0" not in identity and await store.switch(self._pool, identity, active, provider)

    async def end(self, identity: str, provider: str | None = None) -> bool:
        """End a service; false when there is none."""
        return "\0" not in identity and await store.end(
            self._pool, identity, to_micros(self._clock.now()), provider
        )

    def _row(self, base: str, offered: Offered, terms: Terms, registrar: str) -> ServiceRow:
        return ServiceRow(
            id=secrets.token_hex(4),
            provider=terms.provider,
            base=base,
            service=offered.id,
            hook=offered.hook,
            title=offered.title[:200],
            description=offered.description,
            prefetch=msgspec.json.encode(dict(offered.prefetch)).decode(),
            units=list(terms.units),
            scopes=list(terms.scopes or needed(offered.prefetch.values())),
            token=terms.token,
            active=terms.active,
            registered=to_micros(self._clock.now()),
            registrar=registrar,
            ended=None,
        )


def needed(templates: Iterable[str]) -> tuple[str, ...]:
    """The scopes that templates need, and no more: a type to read, or to read and search."""
    letters: dict[str, set[str]] = {}
    for template in templates:
        name = template.partition("?")[0].partition("/")[0]
        if name in TYPE_CODES:
            letters.setdefault(name, {"r"}).update("s" if "?" in template else "")
    return tuple(f"patient/{name}.{''.join(sorted(found))}" for name, found in sorted(letters.items()))


async def discover(base: str) -> list[Offered] | str:
    """What the services at an address say that they are, or why that cannot be told."""
    if not is_safe_url(base):
        return f"{base}: must begin with https:// (or http:// on the machine itself)."
    async with httpx.AsyncClient(timeout=_SECONDS, follow_redirects=False) as client:
        answer = await exchange(client, "GET", base + PATH)
    if isinstance(answer, Refused):
        return f"{answer.detail}."
    if answer[0] != 200:
        return f"{base}{PATH} answers with status {answer[0]}."
    return read_offered(answer[1])


def _service(row: ServiceRow) -> CdsService:
    return CdsService(
        id=row.id,
        provider=row.provider,
        base=row.base,
        service=row.service,
        hook=row.hook,
        title=row.title,
        description=row.description,
        prefetch=msgspec.json.decode(row.prefetch, type=dict[str, str]),
        units=tuple(row.units),
        scopes=tuple(row.scopes),
        token=row.token,
        active=row.active,
    )
