"""The template studio: staff build, review, take into use and exchange their own note templates."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from tests.http.pages.conftest import PATIENT, csrf_of, patient, persona, sign_in, write
from tests.http.pages.test_journal import _found, _open

from kontinuum.app.asgi import build
from kontinuum.app.services import Services
from kontinuum.kernel.principal import Actor, ActorKind, Principal, Purpose
from kontinuum.record import Record

WRITER, REVIEWER = "Karin Öhman", "Helena Lundqvist"
UNIT = persona(WRITER).assignments[0].unit
SYSTEM = Actor(ActorKind.SYSTEM, "theirs", "Deras system")


@pytest.fixture(autouse=True)
async def somebody(doctors_record: Record) -> None:
    await write(doctors_record, patient())


@pytest.fixture
async def writer(application: Services) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which a district nurse has signed in who may change templates."""
    async with _browser(application) as opened:
        assert (await sign_in(opened, WRITER)).status_code == 303
        yield opened


@pytest.fixture
async def reviewer(application: Services) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which a colleague of hers has signed in who may too."""
    async with _browser(application) as opened:
        assert (await sign_in(opened, REVIEWER)).status_code == 303
        yield opened


def _browser(application: Services) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=build(application), raise_app_exceptions=False)
    headers = {"accept-language": "sv"}
    return httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers)


async def _begin(browser: httpx.AsyncClient, title: str) -> str:
    csrf = csrf_of(await browser.get("/templates"))
    begun = await browser.post("/templates", data={"csrf": csrf, "title": title})
    assert begun.status_code == 303, begun.text[:2000]
    return begun.headers["location"]


def _version(page: httpx.Response) -> str:
    found = re.search(r'name="version" value="(\d+)"', page.text)
    assert found, page.text[:2000]
    return found[1]


async def _edit(browser: httpx.AsyncClient, address: str, do: str, **fields: str) -> httpx.Response:
    page = await browser.get(address)
    data = {"csrf": csrf_of(page), "version": _version(page), "do": do}
    done = await browser.post(f"{address}/edit", data=data | _named(fields))
    assert done.status_code == 303, done.text[:3000]
    return done


async def _keep(browser: httpx.AsyncClient, address: str, **fields: str) -> Any:
    page = await browser.get(address)
    data = {"csrf": csrf_of(page), "version": _version(page)}
    return (await browser.post(f"{address}/draft", data=data | _named(fields))).json()


def _named(fields: dict[str, str]) -> dict[str, str]:
    """`_1_text` as `1.text`, `try_puls` as `try:puls`."""
    return {re.sub(r"^_(\d+)_", r"\1.", name).replace("try_", "try:"): text for name, text in fields.items()}


async def _step(browser: httpx.AsyncClient, address: str, do: str, **fields: Any) -> httpx.Response:
    page = await browser.get(address)
    return await browser.post(f"{address}/step", data={"csrf": csrf_of(page), "do": do, **fields})


async def _take_into_use(
    writer: httpx.AsyncClient, reviewer: httpx.AsyncClient, address: str, **fields: Any
) -> None:
    for browser, do, more in (
        (writer, "submit", {}),
        (reviewer, "approve", {}),
        (writer, "use", {"unit": UNIT, **fields}),
    ):
        done = await _step(browser, address, do, **more)
        assert done.status_code == 303, (do, re.findall(r'role="alert">.*', done.text))


def _title(page: httpx.Response) -> list[str]:
    return re.findall(r'<span class="studio-label" data-label>([^<]*)', page.text)


async def _wound_note(writer: httpx.AsyncClient) -> str:
    """A template with a condition, a table and a measurement."""
    address = await _begin(writer, "Sårvård")
    await _edit(writer, address, "add:", **{"new-kind": "choice"})
    await _edit(
        writer,
        address,
        "add:",
        **{"new-kind": "text"},
        _0_text="Sår",
        _0_options="Finns inte\nFinns | 2",
        _0_link="sar",
        _0_help="Titta på båda hälarna.",
    )
    await _edit(writer, address, "add:", **{"new-kind": "decimal"}, _1_text="Utseende", _1_link="utseende")
    told = await _keep(
        writer,
        address,
        **{"1.c0.question": "sar", "1.c0.operator": "=", "1.c0.answer": "finns"},
        _2_text="Temperatur",
        _2_link="temp",
        _2_unit="°C",
        _2_min="25",
        _2_max="45",
        _2_becomes="observation",
        _2_system="http://loinc.org",
        _2_code="8310-5",
        _2_display="Kroppstemperatur",
    )
    assert "Inget att rätta" in told["remarks"], told["remarks"]
    return address


async def test_a_template_is_built_reviewed_taken_into_use_and_written_in(
    writer: httpx.AsyncClient,
    reviewer: httpx.AsyncClient,
    doctor: httpx.AsyncClient,
    doctors_record: Record,
) -> None:
    address = await _wound_note(writer)
    shown = await _keep(writer, address, try_sar="1", try_utseende="Rodnad", try_temp="37,4")
    assert "Tolvan" not in shown["preview"]
    assert '<p class="line-text">37,4 °C</p>' in shown["preview"]
    assert "Titta på båda hälarna." in shown["preview"]
    assert _title(await writer.get(address)) == ["Sår", "Utseende", "Temperatur"]
    done = await _step(writer, address, "submit")
    assert done.status_code == 303
    own = await _step(writer, address, "approve")
    assert own.status_code == 422
    assert "granskar" in own.text
    assert (await doctor.post(f"{address}/step", data={"csrf": "x", "do": "approve"})).status_code == 403
    assert (await _step(reviewer, address, "approve")).status_code == 303
    foreign = await _step(writer, address, "use", unit="SE2321000016-XXXX")
    assert foreign.status_code == 422
    chart = await doctor.get(f"/patient/{PATIENT}/journal/write")
    assert "Sårvård" not in chart.text
    assert (await _step(writer, address, "use", unit=UNIT)).status_code == 303
    assert "Sårvård" in (await doctor.get(f"/patient/{PATIENT}")).text
    identity = address.rpartition("/")[2]
    note = f"/patient/{PATIENT}/journal/write?template={identity}"
    opened = await _open(doctor, note)
    await _changes_while_a_draft_is_open(writer, reviewer, doctor, address)
    fields = {"sar": "1", "utseende": "Ingen rodnad.", "temp": "37,4", "do": "sign"}
    signed = await doctor.post(f"/patient/{PATIENT}/journal/sign", data={**opened, **fields})
    assert signed.status_code == 303, signed.text[:3000]
    (temperature,) = await _found(doctors_record, "Observation")
    assert str(temperature["valueQuantity"]["value"]) == "37.4"
    (response,) = await _found(doctors_record, "QuestionnaireResponse")
    assert response["questionnaire"].endswith("|1")


async def _changes_while_a_draft_is_open(
    writer: httpx.AsyncClient, reviewer: httpx.AsyncClient, doctor: httpx.AsyncClient, address: str
) -> None:
    """A second version, what became another in words, and the way back."""
    begun = await _step(writer, address, "next")
    second = begun.headers["location"]
    assert second != address
    await _edit(writer, second, "up:2", _0_text="Sår på hälen", _0_options="Finns inte\nFinns | 2\nOklart")
    await _take_into_use(writer, reviewer, second)
    page = await reviewer.get(second)
    for sentence in (
        "”Sår” heter nu ”Sår på hälen”",
        "Sår på hälen: alternativet ”Oklart” är nytt",
        "Flyttat: Temperatur",
    ):
        assert sentence in page.text, re.findall(r"<li>.*</li>", page.text)
    offered = (await doctor.get(f"/patient/{PATIENT}/journal/write")).text
    assert second.rpartition("/")[2] in offered
    assert address.rpartition("/")[2] not in offered
    back = await _step(writer, address, "roll-back")
    third = back.headers["location"]
    assert "Versionerna är lika" in (await writer.get(f"{third}?with={address.rpartition('/')[2]}")).text
    assert third.rpartition("/")[2] in (await doctor.get(f"/patient/{PATIENT}/journal/write")).text


async def test_what_is_wrong_is_told_with_its_place_and_holds_the_template_back(
    writer: httpx.AsyncClient,
) -> None:
    address = await _begin(writer, "Fel")
    for kind in ("text", "decimal", "choice", "group"):
        await _edit(writer, address, "add:", **{"new-kind": kind})
    told = await _keep(
        writer,
        address,
        _0_text="Ett",
        _0_link="ett",
        _1_text="Två",
        _1_link="ett",
        _2_text="Tre",
        _2_valueset="http://example.org/nowhere",
        **{"0.c0.question": "borta", "0.c0.operator": "=", "0.c0.answer": "ja"},
        _0_initial="%patient.name.(",
    )
    for words in (
        "linkId ”ett” är upptaget",
        "känns inte igen här",
        "finns ingen fråga ”borta”",
        "kan inte läsas",
    ):
        assert words in told["remarks"].replace("&#39;", "'"), told["remarks"]
    assert "Questionnaire.item[2].answerValueSet" in told["remarks"]
    refused = await _step(writer, address, "submit")
    assert refused.status_code == 422
    told = await _keep(
        writer,
        address,
        _1_link="tva",
        **{"0.c0.question": "tva", "0.c0.operator": ">", "0.c0.answer": "3"},
        _0_initial="",
        _1_calculated="%resource.item.where(linkId='tre').answer.value",
        **{"1.c0.question": "ett", "1.c0.operator": "exists", "1.c0.answer": ""},
        _2_link="tre",
    )
    assert "väntar på varandra" in told["remarks"]
    stale = await writer.post(
        f"{address}/draft", data={"csrf": csrf_of(await writer.get(address)), "version": "1"}
    )
    assert stale.status_code == 409


async def test_only_the_right_changes_templates_and_everybody_sees_and_copies_none_away(
    doctor: httpx.AsyncClient, writer: httpx.AsyncClient
) -> None:
    seen = await doctor.get("/templates/lakarbesok-primarvard")
    assert seen.status_code == 200
    assert "Kontaktorsak" in seen.text
    assert (await doctor.post("/templates", data={"csrf": csrf_of(seen), "title": "X"})).status_code == 403
    copied = await _step(writer, "/templates/lakarbesok-primarvard", "copy")
    address = copied.headers["location"]
    page = await writer.get(address)
    assert "Kontaktorsak" in _title(page)
    kept = await _keep(writer, address)
    assert "studio-error" not in kept["remarks"]
    exported = json.loads((await writer.get(f"{address}/export")).content)
    shipped = json.loads((await writer.get("/templates/lakarbesok-primarvard/export")).content)
    assert exported["item"] == shipped["item"]
    assert exported["derivedFrom"] == ["urn:kontinuum:questionnaire:lakarbesok-primarvard|1"]
    assert (await writer.get(f"/templates/{'9' * 8}")).status_code == 404


def _extension(name: str, **value: Any) -> dict[str, Any]:
    return {"url": f"http://hl7.org/fhir/{name}", **value}


def _formula(text: str) -> dict[str, Any]:
    return {"valueExpression": {"language": "text/fhirpath", "expression": text}}


SDC = "uv/sdc/StructureDefinition/sdc-questionnaire-"
CONTROL = "http://hl7.org/fhir/questionnaire-item-control"
MADE_ELSEWHERE = {
    "resourceType": "Questionnaire",
    "url": "http://example.org/forms/vitals-panel",
    "version": "2.4",
    "title": "Vital signs panel",
    "status": "draft",
    "meta": {"tag": [{"code": "lformsVersion: 33"}]},
    "code": [{"system": "http://loinc.org", "code": "34566-0", "display": "Vital signs panel"}],
    "contained": [
        {
            "resourceType": "ValueSet",
            "id": "positions",
            "status": "active",
            "compose": {
                "include": [
                    {
                        "system": "http://loinc.org",
                        "concept": [
                            {"code": "LA11868-9", "display": "Sitting"},
                            {"code": "LA11869-7", "display": "Lying"},
                        ],
                    }
                ]
            },
        }
    ],
    "item": [
        {
            "linkId": "/position",
            "type": "choice",
            "text": "Position",
            "answerValueSet": "#positions",
            "extension": [
                _extension(
                    "StructureDefinition/questionnaire-itemControl",
                    valueCodeableConcept={"coding": [{"system": CONTROL, "code": "drop-down"}]},
                ),
                _extension("uv/xyz/StructureDefinition/colour", valueString="blue"),
                _extension("StructureDefinition/questionnaire-sliderStepValue", valueDecimal="STEP"),
            ],
        },
        {
            "linkId": "/position-why",
            "type": "string",
            "text": "Why lying?",
            "enableWhen": [
                {
                    "question": "/position",
                    "operator": "=",
                    "answerCoding": {"system": "http://loinc.org", "code": "LA11869-7"},
                }
            ],
        },
        {"linkId": "/photo", "type": "attachment", "text": "Photo"},
        {
            "linkId": "/8716-3",
            "type": "group",
            "text": "Measured",
            "item": [
                {
                    "linkId": f"/8716-3/{code}",
                    "type": "decimal",
                    "text": text,
                    "code": [{"system": "http://loinc.org", "code": code, "display": text}],
                    "extension": [
                        _extension(
                            "StructureDefinition/questionnaire-unit",
                            valueCoding={
                                "system": "http://unitsofmeasure.org",
                                "code": unit,
                                "display": unit,
                            },
                        ),
                        _extension(f"{SDC}observationExtract", valueBoolean=True),
                        *more,
                    ],
                }
                for code, text, unit, more in (
                    ("29463-7", "Body weight", "kg", ()),
                    (
                        "8302-2",
                        "Body height",
                        "cm",
                        [_extension(f"{SDC}initialExpression", **_formula("170"))],
                    ),
                    (
                        "39156-5",
                        "BMI",
                        "kg/m2",
                        [
                            _extension(
                                f"{SDC}calculatedExpression",
                                **_formula(
                                    "(%resource.item.item.where(linkId='/8716-3/29463-7').answer.value / "
                                    "(%resource.item.item.where(linkId='/8716-3/8302-2').answer.value / 100)"
                                    ".power(2)).round(1)"
                                ),
                            )
                        ],
                    ),
                )
            ],
        },
        {
            "linkId": "/drugs",
            "type": "group",
            "text": "Medicines",
            "repeats": True,
            "extension": [
                _extension(
                    "StructureDefinition/questionnaire-itemControl",
                    valueCodeableConcept={"coding": [{"system": CONTROL, "code": "gtable"}]},
                )
            ],
            "item": [
                {"linkId": "/drugs/name", "type": "string", "text": "Name"},
                {"linkId": "/drugs/dose", "type": "string", "text": "Dose"},
            ],
        },
    ],
}


VENUE = {
    "code": {"system": "http://terminology.hl7.org/CodeSystem/usage-context-type", "code": "venue"},
    "valueCodeableConcept": {"coding": [{"system": "urn:oid:1.2.752.29.4.19", "code": UNIT}]},
}
DEEP = b'{"resourceType":"Questionnaire","item":[' + b'{"item":[' * 40 + b"{}" + b"]}" * 40 + b"]}"


async def test_a_form_made_elsewhere_is_taken_in_filled_in_and_stands_in_the_chart(
    writer: httpx.AsyncClient,
    reviewer: httpx.AsyncClient,
    doctor: httpx.AsyncClient,
    doctors_record: Record,
    application: Services,
) -> None:
    csrf = csrf_of(await writer.get("/templates"))
    for wrong in (b"{", b'{"resourceType":"Patient"}', b'{"resourceType":"Questionnaire","item":[1]}', DEEP):
        answer = await writer.post("/templates", data={"csrf": csrf}, files={"file": ("f.json", wrong)})
        assert answer.status_code == 422
    data = json.dumps(MADE_ELSEWHERE).encode().replace(b'"STEP"', b'"0.50"')
    taken = await writer.post("/templates", data={"csrf": csrf}, files={"file": ("f.json", data)})
    address = taken.headers["location"]
    page = await writer.get(address)
    for told in ("uv/xyz/StructureDefinition/colour", "questionnaire-sliderStepValue", "”drop-down” behålls"):
        assert told in page.text
    assert "inom citattecken har lästs som sådana: Questionnaire.item" in page.text
    assert "Svar av den här typen (attachment)" in page.text
    saved = (await writer.get(f"{address}/export")).content
    exported = json.loads(saved.replace(b"0.50", b'"STEP"'))
    assert exported["item"] == MADE_ELSEWHERE["item"]
    assert exported["contained"] == MADE_ELSEWHERE["contained"]
    await _take_into_use(writer, reviewer, address)
    template = address.rpartition("/")[2]
    opened = await _open(doctor, f"/patient/{PATIENT}/journal/write?template={template}")
    fields = {
        "%2Fposition": "1",
        "%2Fposition-why": "Yrsel",
        "%2F8716-3/%2F8716-3%2F29463-7": "82,5",
        "%2F8716-3/%2F8716-3%2F8302-2": "178",
        "%2Fdrugs/%2Fdrugs%2Fname": "Alvedon",
        "%2Fdrugs:1/%2Fdrugs%2Fname": "Ipren",
        "do": "sign",
    }
    signed = await doctor.post(f"/patient/{PATIENT}/journal/sign", data={**opened, **fields})
    assert signed.status_code == 303, signed.text[:4000]
    found = await _found(doctors_record, "Observation")
    values = {one["code"]["coding"][0]["code"]: str(one["valueQuantity"]["value"]) for one in found}
    assert values == {"29463-7": "82.5", "8302-2": "178", "39156-5": "26.0"}
    charts = await doctor.get(f"/patient/{PATIENT}/vitals/charts")
    assert {"82,5", "178"} <= set(re.findall(r">([\d,]+)<", charts.text))
    (note,) = await _found(doctors_record, "Composition")
    assert "Ipren" in json.dumps(note, default=str)
    # A form of one's own that comes back is its next version.
    in_use = (await writer.get(f"{address}/export")).content.replace(b"0.50", b"5")
    again = json.dumps({**json.loads(in_use), "title": "Vitalt"})
    back = await writer.post("/templates", data={"csrf": csrf}, files={"file": ("f.json", again.encode())})
    assert ">version 2<" in (await writer.get("/templates")).text.replace(" · ", ">"), back.text[:500]
    # Another care provider cannot put its template into use here, sees what is offered, and changes none.
    foreign = replace(doctors_record.principal.assignment, unit="SE165567", provider="SE165567")
    principal = Principal(SYSTEM, replace(foreign, purpose=Purpose.SYSTEM), "test")
    theirs = {**json.loads(again), "id": "theirs", "status": "active", "title": "Deras", "version": "9"}
    theirs |= {"useContext": [VENUE], "url": "urn:theirs"}
    await write(application.gate.record(principal), theirs)
    assert "Deras" not in (await doctor.get(f"/patient/{PATIENT}/journal/write")).text
    assert "Deras" not in (await writer.get("/templates")).text
    assert (await writer.get("/templates/theirs")).status_code == 404
    await _step(writer, address, "offer")
    assert "Sluta erbjuda" in (await writer.get(address)).text


async def test_a_template_in_use_has_its_codes_and_a_diagnosis_of_a_table_is_a_condition(
    writer: httpx.AsyncClient, reviewer: httpx.AsyncClient, doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    address = await _begin(writer, "Diagnoser")
    await _edit(writer, address, "add:", **{"new-kind": "group*"})
    await _edit(writer, address, "add-in:0", _0_text="Diagnoser", _0_becomes="Condition")
    await _edit(writer, address, "add:", **{"new-kind": "choice", "1.definition": PART}, _1_text="Diagnos")
    told = await _keep(
        writer, address, _2_text="Kön", _2_valueset="http://hl7.org/fhir/ValueSet/administrative-gender"
    )
    assert "Att rätta" not in told["remarks"]
    if "studio-error" in told["remarks"]:
        # Without that terminology the place is told; the template goes on with words of its own.
        await _keep(writer, address, _2_valueset="", _2_options="Kvinna\nMan")
    await _take_into_use(writer, reviewer, address)
    template = address.rpartition("/")[2]
    opened = await _open(doctor, f"/patient/{PATIENT}/journal/write?template={template}")
    table, question = (await _links(writer, address))[:2]
    fields = {f"{table}/{question}": "Akut bronkit", f"{table}:1/{question}": "Hösnuva", "do": "sign"}
    signed = await doctor.post(f"/patient/{PATIENT}/journal/sign", data={**opened, **fields})
    assert signed.status_code == 303, signed.text[:4000]
    conditions = await _found(doctors_record, "Condition")
    assert sorted(one["code"]["text"] for one in conditions) == ["Akut bronkit", "Hösnuva"]


PART = "http://hl7.org/fhir/StructureDefinition/Condition#Condition.code.text"


async def _links(browser: httpx.AsyncClient, address: str) -> list[str]:
    exported = json.loads((await browser.get(f"{address}/export")).content)
    first = exported["item"][0]
    return [first["linkId"], first["item"][0]["linkId"]]
