"""Phrases of the unit, and the order of its templates: what the studio makes beside templates."""

from __future__ import annotations

import re
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
    back = (await _step(writer, second, "next")).headers["location"]
    told = await _keep(writer, back, title="kontroll2", phrase="Vikt {=vikt}.")
    assert "Inget att rätta" in told["remarks"], told
    await _take_into_use(writer, reviewer, back)
    used = await _step(writer, other, "use", unit=UNIT)
    assert used.status_code == 303, (await doctor.get("/phrases/list")).json()
    refused = await _step(writer, second, "roll-back")
    assert refused.status_code == 422, "an earlier version brings its name back"
    assert "samma namn" in refused.text
    saved = (await writer.get(f"{other}/export")).content
    form = {"csrf": csrf_of(await writer.get("/templates"))}
    form_file = {"file": ("fras.json", saved.replace(b"urn:uuid:", b"urn:x:"), "application/json")}
    taken = await writer.post("/templates", data=form, files=form_file)
    assert "Ändra fras" in (await writer.get(taken.headers["location"])).text


SHIPPED = "urn:kontinuum:questionnaire:"


def _offered(page: httpx.Response) -> list[str]:
    card = page.text.split('id="journal"')[-1].split("</section>")[0]
    return re.findall(r"journal/write\?template=([a-z-]+)", card)


async def test_a_unit_decides_the_order_of_its_templates_and_which_fit_a_contact(
    writer: httpx.AsyncClient, doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    page = await doctor.get("/templates/order")
    assert "Telefonrådgivning" in page.text
    refused = await doctor.post(
        "/templates/order", data={"csrf": csrf_of(page), "template": SHIPPED + "hembesok"}
    )
    assert refused.status_code == 403
    form = {
        "csrf": csrf_of(await writer.get("/templates/order")),
        "version": "0",
        "template": [SHIPPED + "lakarbesok-primarvard", SHIPPED + "telefonradgivning", SHIPPED + "hembesok"],
        f"words:{SHIPPED}telefonradgivning": " hosta , feber",
        f"contact:{SHIPPED}telefonradgivning": "VR",
    }
    moved = await writer.post("/templates/order", data={**form, "do": f"down:{SHIPPED}lakarbesok-primarvard"})
    titles = ("Telefonrådgivning", "Läkarbesök, primärvård", "Hembesök")
    places = [moved.text.index(f"Flytta upp {title}") for title in titles]
    assert places == sorted(places)
    assert (await writer.post("/templates/order", data={**form, "do": "save"})).status_code == 303
    assert (await writer.post("/templates/order", data={**form, "do": "save"})).status_code == 412
    chart = await doctor.get(f"/patient/{PATIENT}")
    assert _offered(chart)[:3] == ["lakarbesok-primarvard", "telefonradgivning", "hembesok"]
    call = {
        "resourceType": "Encounter",
        "id": "call",
        "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VR"},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "reasonCode": [{"text": "Långvarig hosta"}],
    }
    await write(doctors_record, call)
    assert _offered(await doctor.get(f"/patient/{PATIENT}"))[:2] == [
        "telefonradgivning",
        "lakarbesok-primarvard",
    ]
    choose = await doctor.get(f"/patient/{PATIENT}/journal/write")
    assert "Långvarig hosta" in choose.text.split("Passar här")[1][:200]
    changed = {**form, "version": "1", "template": [SHIPPED + "hembesok"]}
    assert (await writer.post("/templates/order", data={**changed, "do": "save"})).status_code == 303
    assert "hosta, feber" in (await writer.get("/templates/order?version=1")).text
    assert (await writer.get("/templates/order?version=7")).status_code == 404
