"""Codes in a note: searched in a value set and held to it, or beside the words of a diagnosis."""

from __future__ import annotations

import re
from dataclasses import replace

import httpx
import pytest
from tests.http.pages.conftest import PATIENT, csrf_of, patient, write
from tests.http.pages.test_journal import _found, _hidden

from kontinuum.app.services import Services
from kontinuum.kernel.principal import Actor, ActorKind, Principal, Purpose
from kontinuum.record import Record
from kontinuum.sweden import systems
from kontinuum.terminology.loading import loader

JOURNAL = f"/patient/{PATIENT}/journal"
DIAGNOSES = "urn:kontinuum:valueset:diagnosis"
FORM = {
    "resourceType": "Questionnaire",
    "id": "q-coded",
    "url": "https://example.se/fhir/Questionnaire/coded",
    "version": "1",
    "title": "Kodat",
    "status": "active",
    "item": [
        {
            "linkId": "diagnos",
            "text": "Diagnos",
            "type": "choice",
            "repeats": True,
            "answerValueSet": DIAGNOSES,
        },
        {
            "linkId": "okand",
            "text": "Okänt",
            "type": "choice",
            "answerValueSet": "https://example.se/vs/none",
        },
    ],
}


@pytest.fixture(autouse=True)
async def form(doctors_record: Record, application: Services) -> None:
    await write(doctors_record, patient())
    author = Actor(ActorKind.SYSTEM, "import", "Import")
    system = replace(doctors_record.principal.assignment, purpose=Purpose.SYSTEM)
    await write(application.gate.record(Principal(author, system, "test")), FORM)
    async with application.pool.acquire() as connection:
        await loader.write_starter(connection, 1)


async def test_codes_are_searched_in_the_value_set_and_held_to_it(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    pane = await doctor.get(f"{JOURNAL}/write?template=q-coded")
    assert f'data-codes="{DIAGNOSES}" data-codes-pick="diagnos"' in pane.text
    assert "ett urval som inte finns här: https://example.se/vs/none" in pane.text
    assert pane.text.count("ett urval som inte finns här") == 1
    asked = await doctor.post("/codes", data={"csrf": csrf_of(pane), "set": DIAGNOSES, "q": "J20.9"})
    found = re.search(r'data-code="J20.9" data-system="([^"]+)" data-display="([^"]+)"', asked.text)
    assert found
    assert found[1] == systems.ICD_10_SE
    assert (
        await doctor.post("/codes", data={"csrf": csrf_of(pane), "set": "x", "q": "a"})
    ).status_code == 404

    fields = {**_hidden(pane), "do": "sign"}
    right = f"{found[1]}|J20.9|{found[2]}"
    for wrong in (f"{found[1]}|J20.9|Inte bronkit", f"{found[1]}|XYZ|Bronkit", f"urn:x|J20.9|{found[2]}"):
        refused = await doctor.post(f"{JOURNAL}/sign", data={**fields, "diagnos": wrong})
        assert "Koden är inte en av dem som kan väljas här" in refused.text, wrong
        fields |= _hidden(refused)
    words = await doctor.post(f"{JOURNAL}/sign", data={**fields, "diagnos": right, "diagnos~words": "hosta"})
    assert "Välj en av koderna i listan" in words.text, "words that are no code are not left out in silence"
    assert f'value="{right}" checked' in words.text
    done = await doctor.post(f"{JOURNAL}/sign", data={**fields, **_hidden(words), "diagnos": right})
    assert done.status_code == 303, done.text
    (response,) = await _found(doctors_record, "QuestionnaireResponse")
    coding = {"system": found[1], "code": "J20.9", "display": found[2]}
    assert response["item"] == [{"linkId": "diagnos", "answer": [{"valueCoding": coding}], "text": "Diagnos"}]
    (note,) = await _found(doctors_record, "Composition")
    assert found[2] in str(note["section"])


async def test_a_code_that_means_something_else_than_the_words_is_told_and_not_refused(
    doctor: httpx.AsyncClient,
) -> None:
    opened = _hidden(await doctor.get(f"{JOURNAL}/write?template=lakarbesok-primarvard"))

    async def told(words: str, code: str) -> str:
        nonlocal opened
        fields = {"diagnos/diagnos-text": words, "diagnos/diagnos-kod": code}
        kept = (await doctor.post(f"{JOURNAL}/draft", data={**opened, **fields})).json()
        opened = {**opened, "draft": kept["draft"], "version": str(kept["version"])}
        return str(kept["problems"].get("diagnos/diagnos-kod", ""))

    assert await told("Akut bronkit, ospecificerad", "J20.9") == ""
    assert await told("Akut bronkit, ospecificerad, tredje i år", "J20.9") == ""
    assert await told("Luftrörskatarr", "J20.9") == ""
    assert await told("Gikt", "J20.9") == (
        "J20.9 betyder ”Akut bronkit, ospecificerad”. Kontrollera att det är den kod du menar."
    )
    assert (await told("", "J20.9")).startswith("J20.9 betyder")
    assert (await told("Gikt", "Q99.99")).startswith("Q99.99 finns inte bland koderna här.")
    assert await told("Gikt", "gikt") == "Skriv som J20.9"
    written = {"kontaktorsak": "Hosta", "bedomning": "Gikt.", "diagnos/diagnos-text": "Gikt"}
    signed = await doctor.post(
        f"{JOURNAL}/sign", data={**opened, **written, "diagnos/diagnos-kod": "J20.9", "do": "sign"}
    )
    assert signed.status_code == 303
