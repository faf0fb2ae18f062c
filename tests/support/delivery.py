"""Running the import and export commands against a test's database, and looking at what they did."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from kontinuum.app.commands import export, import_
from kontinuum.app.services import Services, open_services
from kontinuum.fhir import json
from kontinuum.kernel.config import Settings
from kontinuum.kernel.principal import Actor, ActorKind, Assignment, Principal, Purpose
from kontinuum.record import Refusal, Stored

T = TypeVar("T")

UNIT = "SE2321000016-DEMO1010"
PROVIDER = "SE2321000016-DEMO1000"


@dataclass(frozen=True)
class Installation:
    """A database with the commands that work on it; `folder` is where files are made."""

    dsn: str
    settings: Settings
    folder: Path

    def take_in(self, *paths: Path, **options: Any) -> int:
        """Import with one process, unless told otherwise; gives the exit code."""
        usual = {"processes": 1, "refused": self.refused_file, "unit": UNIT, "provider": PROVIDER}
        return import_.run(self.dsn, self.settings, paths=paths, **{**usual, **options})

    def give_out(self, directory: Path, **options: Any) -> int:
        """Export; gives the exit code."""
        return export.run(self.dsn, self.settings, directory=directory, **options)

    @property
    def refused_file(self) -> Path:
        """Where refused resources are written."""
        return self.folder / "refused.ndjson"

    def refused(self) -> list[dict[str, Any]]:
        """What was refused."""
        if not self.refused_file.exists():
            return []
        return [json.loads(line) for line in self.refused_file.read_bytes().splitlines()]

    def read(self, reference: str, *, provider: str = PROVIDER) -> Stored | None:
        """A resource as a system of a provider sees it, None when it is not there."""
        type_name, _, logical_id = reference.partition("/")

        async def look(services: Services) -> Stored | None:
            found = await services.gate.record(_reader(provider)).read(type_name, logical_id)
            return None if isinstance(found, Refusal) else found

        return self.run(look)

    def content(self, reference: str, *, provider: str = PROVIDER) -> dict[str, Any]:
        """A resource's content."""
        found = self.read(reference, provider=provider)
        assert found is not None, f"{reference} is not there"
        assert found.body is not None, f"{reference} is deleted"
        content: dict[str, Any] = json.loads(found.body)
        return content

    def value(self, statement: str, *values: Any) -> Any:
        """One value from the database."""

        async def ask(services: Services) -> Any:
            return await services.pool.fetchval(statement, *values)

        return self.run(ask)

    def run(self, use: Callable[[Services], Awaitable[T]]) -> T:
        """Use services over the database."""

        async def opened() -> T:
            async with open_services(self.settings, self.dsn, connections=1) as services:
                return await use(services)

        return asyncio.run(opened())


def _reader(provider: str) -> Principal:
    assignment = Assignment("reader", "System", f"{provider}-X", "Enhet", provider, provider, Purpose.SYSTEM)
    return Principal(Actor(ActorKind.SYSTEM, "reader", "Reader"), assignment, "test")


def write_json(path: Path, value: Any) -> Path:
    """Write a JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(json.dumps(value))
    return path


def write_lines(path: Path, *values: Any) -> Path:
    """Write an NDJSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(json.dumps(value) + b"\n" for value in values))
    return path
