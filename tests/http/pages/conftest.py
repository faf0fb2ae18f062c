"""The pages over HTTP: a signed-in district doctor, and patients written for each test."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from kontinuum.app.asgi import build
from kontinuum.app.services import Services, open_services
from kontinuum.demo import personas
from kontinuum.kernel.config import Settings
from kontinuum.kernel.principal import Persona, Principal
from kontinuum.record import Done, Record
from kontinuum.record.outcome import Written

PATIENT = "p-anna"
NUMBER = "198011289801"


def persona(name: str) -> Persona:
    """Someone of the demo's staff."""
    return next(one for one in personas() if one.actor.name == name)


@pytest.fixture
async def application(settings: Settings, dsn: str) -> AsyncIterator[Services]:
    """The services over an empty database, with the demo's personas."""
    async with open_services(settings, dsn, personas=personas(), connections=4) as opened:
        yield opened


@pytest.fixture
def doctors_record(application: Services) -> Record:
    """The record as the district doctor Anna Berglund sees it."""
    doctor = persona("Anna Berglund")
    return application.gate.record(Principal(doctor.actor, doctor.assignments[0], "test"))


@pytest.fixture
async def visitor(application: Services) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that has not signed in."""
    transport = httpx.ASGITransport(app=build(application), raise_app_exceptions=False)
    headers = {"accept-language": "sv"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as opened:
        yield opened


@pytest.fixture
async def doctor(visitor: httpx.AsyncClient) -> httpx.AsyncClient:
    """A browser in which Anna Berglund has signed in."""
    answer = await sign_in(visitor, "Anna Berglund")
    assert answer.status_code == 303
    return visitor


async def sign_in(browser: httpx.AsyncClient, name: str, **changes: str) -> httpx.Response:
    """Choose a persona and its first assignment on the sign-in page."""
    chosen = persona(name)
    page = await browser.get("/sign-in")
    form = {
        "csrf": csrf_of(page),
        "actor": chosen.actor.id,
        "assignment": chosen.assignments[0].id,
        "next": "/",
        **changes,
    }
    return await browser.post("/sign-in", data=form)


def csrf_of(page: httpx.Response) -> str:
    """The token that a page's forms carry."""
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found, page.text[:500]
    return found[1]


def patient(identity: str = PATIENT, **changes: Any) -> dict[str, Any]:
    """A patient with a personnummer of the test series."""
    return {
        "resourceType": "Patient",
        "id": identity,
        "identifier": [{"system": "http://electronichealth.se/identifier/personnummer", "value": NUMBER}],
        "name": [{"use": "official", "given": ["Anna", "Maria"], "family": "Karlsson"}],
        "gender": "female",
        "birthDate": "1980-11-28",
        "telecom": [{"system": "phone", "value": "070-174 06 31", "use": "mobile"}],
        "address": [{"line": ["Hornsgatan 14"], "postalCode": "118 20", "city": "Stockholm"}],
        **changes,
    }


def admission(**changes: Any) -> dict[str, Any]:
    """An admission of the patient that goes on."""
    return {
        "resourceType": "Encounter",
        "id": "stay",
        "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "period": {"start": "2026-03-01T10:00:00+01:00"},
        **changes,
    }


async def write(record: Record, *resources: dict[str, Any]) -> None:
    """Write resources under their own ids; the doctor takes part in the care of the patients."""
    for resource in resources:
        written = await record.update(resource["resourceType"], resource["id"], resource)
        assert isinstance(written, Written), written
        if resource["resourceType"] == "Patient":
            stated = await record.law.relate(resource["id"], "Besök på mottagningen")
            assert isinstance(stated, Done), stated


def note(identity: str, text: str, **changes: Any) -> dict[str, Any]:
    """A note with one section of narrative XHTML."""
    return {
        "resourceType": "Composition",
        "id": identity,
        "status": "final",
        "type": {"text": "Daganteckning"},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "date": "2026-03-01T10:00:00+01:00",
        "author": [{"display": "Anna Berglund, Distriktsläkare"}],
        "title": "Daganteckning",
        "section": [
            {
                "title": "Status",
                "text": {
                    "status": "generated",
                    "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{text}</div>',
                },
            }
        ],
        **changes,
    }


def allowed(settings: Settings) -> Settings:
    """The settings of production, over the same database."""
    return replace(settings, environment="production")
