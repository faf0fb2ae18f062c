"""What was measured at a contact, on the page of the contact: sets as lines, not a line for each value."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import httpx
from tests.http.pages.conftest import PATIENT, admission, write
from tests.http.pages.test_vitals import FULL, HERE, _hidden, _save, somebody

from kontinuum.app.services import Services
from kontinuum.kernel.i18n import local
from kontinuum.record import Record

__all__ = ["somebody"]
POTASSIUM = {
    "resourceType": "Observation",
    "id": "lab-1",
    "status": "final",
    "code": {"coding": [{"system": "urn:oid:1.2.752.108.1", "code": "NPU03230"}], "text": "P-Kalium"},
    "subject": {"reference": f"Patient/{PATIENT}"},
    "encounter": {"reference": "Encounter/stay"},
    "effectiveDateTime": "2026-03-02T10:00:00+01:00",
    "valueQuantity": {"value": Decimal("3.9"), "unit": "mmol/L"},
}


async def _parts(browser: httpx.AsyncClient) -> dict[str, list[tuple[str, str]]]:
    """The links of each part of the page: address and words."""
    page = (await browser.get(f"/patient/{PATIENT}/contacts/one?id=stay")).text
    found = re.findall(r'<section class="contact-part"><h4>(.*?)</h4>(.*?)</section>', page, re.DOTALL)
    return {title: re.findall(r'<a href="(.*?)"[^>]*>(.*?)</a>', inside) for title, inside in found}


async def test_the_latest_sets_are_a_line_each_and_the_flowsheet_has_the_rest(
    doctor: httpx.AsyncClient, application: Services, doctors_record: Record
) -> None:
    await write(doctors_record, admission(), POTASSIUM)
    now = local(application.clock.now())
    assert "Vitalparametrar" not in await _parts(doctor)
    for hours in (8, 6, 4, 2):
        form = await _hidden(doctor)
        assert form["contact"] == "stay"
        when = f"{now - timedelta(hours=hours):%Y-%m-%dT%H:%M}"
        await _save(doctor, **{**FULL, "pulse": str(80 + hours)}, when=when, contact="stay")
    parts = await _parts(doctor)
    lines = parts["Vitalparametrar"]
    assert {address for address, _ in lines} == {f"{HERE}/flowsheet?period=all"}
    assert len(lines) == 4
    assert lines[0][1].startswith("NEWS2 4 · Andningsfrekvens 22")
    assert [
        f"Puls {80 + hours}\N{NO-BREAK SPACE}/min" in lines[place][1] for place, hours in enumerate((2, 4, 6))
    ] == [True] * 3
    assert lines[3][1] == "Tidigare mätningar, i övervakningslistan"
    assert parts["Mätvärden"] == [(f"/patient/{PATIENT}/entry/Observation/lab-1", "P-Kalium: 3,9 mmol/L")]
