"""Phrases of the unit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
from tests.http.pages.conftest import PATIENT, csrf_of, write
from tests.http.pages.test_studio import UNIT, _keep, _step, _take_into_use, reviewer, somebody, writer

from kontinuum.record import Record

__all__ = ["reviewer", "somebody", "writer"]


async def _phrase(writer: httpx.AsyncClient, name: str, text: str) -> str:
    form = {"csrf": csrf_of(await writer.get("/phrases")), "name": name, "text": text, "of": "unit"}
    begun = await writer.post("/phrases", data=form)
    assert begun.status_code == 303, begun.text[:3000]
    return begun.headers["location"]


async def test_a_phrase_of_the_unit_goes_the_way_of_templates_and_takes_from_the_chart(
    writer: httpx.AsyncClient,
    reviewer: httpx.AsyncClient,
    doctor: httpx.AsyncClient,
    doctors_record: Record,
) -> None:
    address = await _phrase(writer, "kontroll", "Vikt {=viktt}")
    told = await _keep(writer, address)
    assert "”viktt” är inget som hämtas ur journalen" in told["remarks"]
    assert (await _step(writer, address, "submit")).status_code == 422
    text = "Vikt {=vikt}, {=puls}. \n\t{Opåverkad/Påverkad} é "
    told = await _keep(writer, address, phrase=text)
    assert "Inget att rätta" in told["remarks"]
    assert "Opåverkad eller Påverkad" in told["preview"]
    await _take_into_use(writer, reviewer, address)
    assert (await doctor.get("/phrases/list")).json() == {"kontroll": text}
    identity = address.rpartition("/")[2]
    chart = f"/patient/{PATIENT}/journal"
    assert identity not in (await doctor.get(f"{chart}/write")).text
    assert (await doctor.get(f"{chart}/write?template={identity}")).status_code == 404
    for code, value, unit in (("29463-7", "78.50", "kg"), ("8310-5", "37.2", "Cel")):
        await write(doctors_record, _measured(code, value, unit))
    fill = {"csrf": csrf_of(await doctor.get("/phrases")), "patient": PATIENT, "text": text}
    filled = (await doctor.post(f"{chart}/phrase", data=fill)).json()
    assert filled["patient"] == PATIENT
    assert filled["text"] == text.replace("{=vikt}", "78,50 kg (2026-01-10)").replace("{=puls}", "{puls}")
    await _a_second_version_of_a_phrase(writer, reviewer, doctor, address)


def _measured(code: str, value: str, unit: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"o-{code}",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "effectiveDateTime": "2026-01-10T10:00:00+01:00",
        "valueQuantity": {
            "value": Decimal(value),
            "unit": unit,
            "system": "http://unitsofmeasure.org",
            "code": unit,
        },
    }


async def _a_second_version_of_a_phrase(
    writer: httpx.AsyncClient, reviewer: httpx.AsyncClient, doctor: httpx.AsyncClient, address: str
) -> None:
    """What became another word by word, the way back, a file, and a name that is taken."""
    before = (await doctor.get("/phrases/list")).json()["kontroll"]
    second = (await _step(writer, address, "next")).headers["location"]
    await _keep(writer, second, phrase="Vikt {=vikt}, oförändrad. ")
    await _take_into_use(writer, reviewer, second)
    assert "<ins>oförändrad</ins>" in (await reviewer.get(second)).text
    assert (await doctor.get("/phrases/list")).json() == {"kontroll": "Vikt {=vikt}, oförändrad. "}
    assert (await _step(writer, address, "roll-back")).status_code == 303
    assert (await doctor.get("/phrases/list")).json() == {"kontroll": before}
    other = await _phrase(writer, "kontroll", "Annan")
    for browser, do in ((writer, "submit"), (reviewer, "approve")):
        assert (await _step(browser, other, do)).status_code == 303
    refused = await _step(writer, other, "use", unit=UNIT)
    assert refused.status_code == 422
    assert "samma namn" in refused.text
    saved = (await writer.get(f"{other}/export")).content
    form = {"csrf": csrf_of(await writer.get("/templates"))}
    form_file = {"file": ("fras.json", saved.replace(b"urn:uuid:", b"urn:x:"), "application/json")}
    taken = await writer.post("/templates", data=form, files=form_file)
    assert "Ändra fras" in (await writer.get(taken.headers["location"])).text
