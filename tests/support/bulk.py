"""A client that orders in bulk, with the worker that carries out what it orders."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from kontinuum.app.services import Services
from kontinuum.bulk import Runner
from kontinuum.fhir import json
from kontinuum.kernel.principal import Principal
from kontinuum.record import Incoming, Written
from tests.conftest import SYSTEM

ASYNC = {"Prefer": "respond-async"}


class Client:
    """A client of the API."""

    def __init__(self, http: httpx.AsyncClient, runner: Runner, services: Services, folder: Path) -> None:
        self.http = http
        self.runner = runner
        self.services = services
        self.folder = folder

    async def speaking_for(self, who: Principal) -> dict[str, str]:
        """The headers of another client."""
        token = await self.services.identity.mint_token(who, timedelta(hours=1))
        return {"Authorization": f"Bearer {token}"}

    async def write(self, *resources: dict[str, Any], who: Principal = SYSTEM) -> None:
        """Bring resources into the record."""
        for result in await self.services.gate.record(who).take_in([Incoming(each) for each in resources]):
            assert isinstance(result, Written), result

    async def asks(self, path: str, parameters: Any = None, **headers: str) -> httpx.Response:
        """The answer to an order: by GET, or by POST with parameters."""
        headers = {**ASYNC, **headers}
        if parameters is None:
            return await self.http.get(f"/fhir/{path}", headers=headers)
        body = {"resourceType": "Parameters", "parameter": parameters}
        return await self.http.post(f"/fhir/{path}", json=body, headers=headers)

    async def ordered(self, path: str, parameters: Any = None, **headers: str) -> str:
        """The address of what was ordered."""
        answer = await self.asks(path, parameters, **headers)
        assert answer.status_code == 202, answer.text
        return answer.headers["content-location"]

    async def exported(self, path: str, parameters: Any = None, **headers: str) -> dict[str, Any]:
        """The manifest of an export."""
        place = await self.ordered(path, parameters, **headers)
        await self.runner.look()
        answer = await self.http.get(place, headers=headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def lines(self, files: list[dict[str, Any]], **headers: str) -> list[Any]:
        """The resources in files."""
        found = []
        for each in files:
            answer = await self.http.get(each["url"], headers=headers)
            assert answer.status_code == 200, answer.text
            lines = answer.text.splitlines()
            assert len(lines) == each["count"]
            found += [json.loads(line) for line in lines]
        return found

    async def ids(self, path: str, parameters: Any = None, **headers: str) -> set[str]:
        """The references of what an export holds."""
        manifest = await self.exported(path, parameters, **headers)
        found = await self.lines(manifest["output"], **headers)
        return {f"{each['resourceType']}/{each['id']}" for each in found}

    async def logged(self, action: str) -> list[dict[str, Any]]:
        """The log's entries about an action, oldest first."""
        asked = "select content from audit_entry where action = $1 order by writer, block, ord"
        return [json.loads(row["content"]) for row in await self.services.pool.fetch(asked, action)]
