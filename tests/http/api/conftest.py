"""The API alone, for what must be settled before the gate is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from api_doubles import ClosedGate, OneToken

from kontinuum.web.api import Api, Limits


@pytest.fixture
async def closed() -> AsyncIterator[httpx.AsyncClient]:
    """A client of an API whose gate fails the test when it is asked; small limits."""
    services: Any = SimpleNamespace(
        gate=ClosedGate(), identity=OneToken(), terminology=ClosedGate(), bulk=None
    )
    api = Api(services, limits=Limits(body_bytes=1024, url_bytes=1024, parameters=20))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=api, raise_app_exceptions=False),
        base_url="http://test",
        headers={"Authorization": "Bearer valid"},
    ) as client:
        yield client
