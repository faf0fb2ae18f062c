"""Where scales are begun: NEWS2 at the bedside, where its score also makes what it asks for."""

from __future__ import annotations

import re

import httpx
import pytest
from tests.http.pages.conftest import PATIENT, csrf_of, patient, write

from kontinuum.record import Record


@pytest.fixture(autouse=True)
async def somebody(doctors_record: Record) -> None:
    await write(doctors_record, patient())


async def test_news2_is_begun_at_the_bedside_and_nowhere_else(doctor: httpx.AsyncClient) -> None:
    listed = (await doctor.get(f"/patient/{PATIENT}/journal/write")).text
    ways = dict(re.findall(r'<li><a data-beside href="([^"]+)">([^<]+)</a>', listed))
    assert ways[f"/patient/{PATIENT}/vitals/entry"] == "NEWS2"
    assert ways[f"/patient/{PATIENT}/journal/write?template=gcs"] == "Medvetandegrad enligt GCS"
    form = {"q": "news", "csrf": csrf_of(await doctor.get("/phrases")), "at": PATIENT}
    palette = (await doctor.post("/patients", data=form, headers={"hx-request": "true"})).text
    assert f"/patient/{PATIENT}/vitals/entry" in palette
    assert "template=news2" not in listed + palette


async def test_a_news2_that_was_begun_as_a_note_is_still_found(doctor: httpx.AsyncClient) -> None:
    page = await doctor.get(f"/patient/{PATIENT}/journal/write?template=news2")
    assert page.status_code == 200
    assert "Inte komplett" in page.text
