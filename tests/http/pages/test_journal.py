"""Writing a note: the draft, the signature, and what stands in the record afterwards."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import httpx
import pytest
from tests.http.pages.conftest import PATIENT, csrf_of, patient, sign_in, write

from kontinuum.app.asgi import build
from kontinuum.app.services import Services
from kontinuum.fhir import json as fhir_json
from kontinuum.kernel.principal import Actor, ActorKind, Principal, Purpose
from kontinuum.record import Record

NOTE = f"/patient/{PATIENT}/journal/write?template=lakarbesok-primarvard"
TEXT = 'Ingen blödning.\n  Två steg in, "citat" & <tecken> 🫀 e\u0301 \u202bעברית\u202c\n\nSlut'
_SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire"
_FHIRPATH = "text/fhirpath"


def _worked_out(kind: str, expression: str) -> dict[str, Any]:
    return {"url": f"{_SDC}-{kind}", "valueExpression": {"language": _FHIRPATH, "expression": expression}}


MADE_ELSEWHERE: dict[str, Any] = {
    "resourceType": "Questionnaire",
    "id": "q-made-elsewhere",
    "url": "https://example.se/fhir/Questionnaire/made-elsewhere",
    "version": "1",
    "title": "Mål",
    "status": "active",
    "item": [
        {
            "linkId": "faktor",
            "type": "integer",
            "extension": [
                {"url": "http://hl7.org/fhir/StructureDefinition/questionnaire-hidden", "valueBoolean": True},
                _worked_out("initialExpression", "3"),
            ],
        },
        {"linkId": "antal", "text": "Antal", "type": "integer"},
        {
            "linkId": "val",
            "text": "Hur ofta",
            "type": "choice",
            "readOnly": True,
            "answerOption": [
                {"valueCoding": {"code": "a", "display": "Alltid"}, "initialSelected": True},
                {"valueCoding": {"code": "b", "display": "Ibland"}},
            ],
        },
        {"linkId": "mal", "text": "Mål", "type": "string", "repeats": True},
        {
            "linkId": "rad",
            "text": "Steg",
            "type": "group",
            "repeats": True,
            "item": [{"linkId": "vad", "text": "Vad", "type": "string"}],
        },
        {
            "linkId": "summa",
            "text": "Summa",
            "type": "integer",
            "extension": [
                _worked_out(
                    "calculatedExpression",
                    "%resource.item.where(linkId='antal').answer.value"
                    " * %resource.item.where(linkId='faktor').answer.value",
                )
            ],
        },
    ],
}


async def _open(browser: httpx.AsyncClient, address: str = NOTE) -> dict[str, str]:
    page = await browser.get(address)
    assert page.status_code == 200, page.text[:800]
    return _hidden(page)


def _hidden(page: httpx.Response) -> dict[str, str]:
    """What the form of the pane sends along."""
    shown = re.search(r'<form class="writing".*?</header>', page.text, re.DOTALL)
    assert shown
    return dict(re.findall(r'<input type="hidden" name="([\w~]+)" value="([^"]*)"', shown[0]))


async def _save(browser: httpx.AsyncClient, opened: dict[str, str], **fields: str) -> httpx.Response:
    data = {**opened, **{name.replace("__", "/"): value for name, value in fields.items()}}
    return await browser.post(f"/patient/{PATIENT}/journal/draft", data=data)


async def _sign(browser: httpx.AsyncClient, opened: dict[str, str], **fields: str) -> httpx.Response:
    data = {"do": "sign", **opened, **{name.replace("__", "/"): value for name, value in fields.items()}}
    return await browser.post(f"/patient/{PATIENT}/journal/sign", data=data)


async def _found(record: Record, kind: str, parameter: str = "patient") -> list[dict[str, Any]]:
    pages = await record.find_many([f"{kind}?{parameter}={PATIENT}&_count=50"])
    return [fhir_json.loads(one.body) for one in pages[0].matches if one.body]


@pytest.fixture(autouse=True)
async def somebody(doctors_record: Record) -> None:
    await write(doctors_record, patient())


async def test_what_is_written_is_kept_and_there_at_another_workstation(
    doctor: httpx.AsyncClient, application: Services
) -> None:
    opened = await _open(doctor)
    kept = await _save(doctor, opened, kontaktorsak=TEXT)
    assert kept.status_code == 200
    assert kept.json()["fields"] == {"kontaktorsak": [TEXT]}
    transport = httpx.ASGITransport(app=build(application))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as elsewhere:
        await sign_in(elsewhere, "Anna Berglund")
        page = await elsewhere.get(NOTE)
        assert "Två steg in" in page.text
        assert (await elsewhere.get(f"/patient/{PATIENT}/journal/write")).text.count("begun") > 0


async def test_a_draft_is_its_authors_only(doctor: httpx.AsyncClient, application: Services) -> None:
    await _save(doctor, await _open(doctor), kontaktorsak="Bara min")
    transport = httpx.ASGITransport(app=build(application))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as other:
        await sign_in(other, _somebody_else())
        page = await other.get(NOTE)
        assert "Bara min" not in page.text


def _somebody_else() -> str:
    from kontinuum.demo import personas

    return next(one.actor.name for one in personas() if one.actor.name != "Anna Berglund")


async def test_what_is_asked_calculated_and_wrong_is_told_while_writing(doctor: httpx.AsyncClient) -> None:
    opened = await _open(doctor)
    answer = (
        await _save(
            doctor,
            opened,
            anamnes__tobak="1",
            status__vitalparametrar__langd="178",
            status__vitalparametrar__vikt="82,5",
            status__vitalparametrar__puls="72x",
        )
    ).json()
    assert answer["shown"]["anamnes/rokslut"] is True
    assert answer["calculated"]["status/vitalparametrar/bmi"] == "26,0"
    assert answer["problems"] == {"status/vitalparametrar/puls": "Inte ett heltal"}
    assert answer["fields"]["status/vitalparametrar/puls"] == ["72x"]


async def test_a_signed_note_stands_in_the_chart_with_what_follows_from_it(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    opened = await _open(doctor)
    fields = {
        "kontaktorsak": TEXT,
        "bedomning": "Ingen misstanke om pneumoni.",
        "status__vitalparametrar__blodtryck__systoliskt": "142",
        "status__vitalparametrar__blodtryck__diastoliskt": "85",
        "diagnos__diagnos-text": "Akut bronkit",
        "diagnos__diagnos-kod": "J20.9",
    }
    done = await _sign(doctor, opened, **fields)
    assert (done.status_code, done.headers["location"]) == (303, f"/patient/{PATIENT}#notes")
    (response,) = await _found(doctors_record, "QuestionnaireResponse")
    (note,) = await _found(doctors_record, "Composition")
    (pressure,) = await _found(doctors_record, "Observation")
    (condition,) = await _found(doctors_record, "Condition")
    assert response["status"] == "completed"
    assert response["item"][0]["answer"] == [{"valueString": TEXT}]
    assert (note["status"], note["attester"][0]["mode"]) == ("final", "legal")
    assert [part["valueQuantity"]["value"] for part in pressure["component"]] == [142, 85]
    assert pressure["derivedFrom"] == [{"reference": f"QuestionnaireResponse/{response['id']}"}]
    assert condition["code"]["text"] == "Akut bronkit"
    chart = await doctor.get(f"/patient/{PATIENT}")
    assert "Ingen misstanke om pneumoni." in chart.text
    assert "Två steg in" in chart.text
    again = await _sign(doctor, {**opened, "draft": response["id"], "version": "1"}, **fields)
    assert again.status_code == 303
    assert len(await _found(doctors_record, "Composition")) == 1


async def test_a_scale_has_no_sum_until_it_is_whole_and_then_stands_in_the_chart(
    doctor: httpx.AsyncClient,
) -> None:
    opened = await _open(doctor, f"/patient/{PATIENT}/journal/write?template=downton")
    begun = {"svar__fall": "1", "svar__medicin": "2", "svar__sinne": "0", "svar__orientering": "0"}
    told = (await _save(doctor, opened, **begun)).json()
    assert told["calculated"] == {"svar/summa": "Inte komplett", "svar/tolkning": ""}
    assert {"Summa": "inte komplett"}.items() <= {one["label"]: one["text"] for one in told["lines"]}.items()
    done = await _sign(
        doctor, {**opened, "draft": told["draft"], "version": str(told["version"])}, **begun, svar__gang="1"
    )
    assert done.status_code == 303, done.text
    chart = await doctor.get(f"/patient/{PATIENT}")
    card = re.search(r'id="scores".*?</section>', chart.text, re.DOTALL)
    assert card is not None
    assert "Fallrisk enligt Downton (DFRI)" in card[0]
    assert "Hög fallrisk" in card[0]
    trend = re.search(r'href="([^"]*observations/trend[^"]*)"', card[0])
    assert trend is not None
    assert "Hög fallrisk" in (await doctor.get(trend[1].replace("&amp;", "&"))).text


async def test_a_note_is_not_signed_while_something_is_missing(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    answer = await _sign(doctor, await _open(doctor), anamnes__aktuellt="Hosta")
    assert answer.status_code == 200
    assert "2 saker behöver rättas" in answer.text
    assert "Hosta" in answer.text
    assert await _found(doctors_record, "Composition") == []


async def test_an_unsigned_note_is_preliminary_and_can_be_signed_later(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    done = await _sign(doctor, await _open(doctor), do="save", anamnes__aktuellt="Hosta")
    assert done.status_code == 303
    (note,) = await _found(doctors_record, "Composition")
    assert note["status"] == "preliminary"
    assert "attester" not in note
    opened = await _open(doctor)
    assert (opened["draft"], opened["~base"]) == (note["id"], "1")
    reopened = await _open(doctor, f"/patient/{PATIENT}/journal/write?note={note['id']}")
    assert reopened == opened, "what is written in a note has one place"
    done = await _sign(doctor, reopened, do="save", anamnes__aktuellt="Hosta sedan i går")
    assert done.status_code == 303
    fields = {"anamnes__aktuellt": "Hosta sedan i går", "kontaktorsak": "Hosta", "bedomning": "Virus"}
    more = await _save(doctor, await _open(doctor), **fields)
    inbox = await doctor.get("/inbox")
    item = {"csrf": opened["csrf"], "item": f"sign/{PATIENT}/{note['id']}/2/"}
    told = await doctor.post("/inbox/sign", data=item)
    assert "Öppna det utkastet" in told.text, "what was typed since would go with the signature"
    assert "skrivs vidare på" in inbox.text or item["item"] not in inbox.text
    assert more.json()["fields"]["bedomning"] == ["Virus"]
    assert (await _sign(doctor, await _open(doctor), **fields)).status_code == 303
    (note,) = await _found(doctors_record, "Composition")
    assert note["status"] == "final"
    assert "Hosta sedan i går" in str(note["section"])


async def test_what_a_later_answer_hides_is_told_once_before_it_is_left_out(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    fields = {"kontaktorsak": "Hosta", "bedomning": "Virus", "anamnes__rokslut": "2019"}
    asked = await _sign(doctor, await _open(doctor), **fields)
    assert "står text som inte följer med i anteckningen: Rökstopp, år: 2019." in asked.text
    assert await _found(doctors_record, "Composition") == []
    done = await _sign(doctor, _hidden(asked), **fields)
    assert done.status_code == 303
    (note,) = await _found(doctors_record, "Composition")
    assert "2019" not in str(note["section"])


async def test_a_form_made_elsewhere_keeps_what_is_hidden_locked_and_repeated(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    author = Actor(ActorKind.SYSTEM, "import", "Import")
    place = replace(doctors_record.principal.assignment, purpose=Purpose.SYSTEM)
    await write(application.gate.record(Principal(author, place, "test")), MADE_ELSEWHERE)
    address = f"/patient/{PATIENT}/journal/write?template={MADE_ELSEWHERE['id']}"
    page = await doctor.get(address)
    assert re.search(r'<input type="hidden" name="faktor" value="3">', page.text)
    assert re.search(r'<input type="radio" disabled value="0" checked>', page.text)
    rows = {f"rad:{row}/vad": f"rad {row}" for row in range(1, 12)} | {"rad/vad": "rad 0"}
    answers = {"antal": "4", "faktor": "3", "val": "0", "mal": ["gå till bussen", "laga mat själv"], **rows}
    kept = await doctor.post(f"/patient/{PATIENT}/journal/draft", data={**_hidden(page), **answers})
    assert kept.json()["calculated"]["summa"] == "12"
    assert kept.json()["shown"]["rad:12*row"] is True
    again = await doctor.get(address)
    assert re.findall(
        r'<input (?:id="f-mal"|aria-label="[^"]*") name="mal" [^>]*value="([^"]*)"', again.text
    ) == [
        "gå till bussen",
        "laga mat själv",
        "",
    ]
    assert (
        await doctor.post(
            f"/patient/{PATIENT}/journal/sign", data={"do": "sign", **_hidden(again), **answers}
        )
    ).status_code == 303
    (response,) = await _found(doctors_record, "QuestionnaireResponse")
    given = {one["linkId"]: one.get("answer") for one in response["item"]}
    assert given["mal"] == [{"valueString": "gå till bussen"}, {"valueString": "laga mat själv"}]
    assert given["val"] == [{"valueCoding": {"code": "a", "display": "Alltid"}}]
    assert (given["faktor"], given["summa"]) == ([{"valueInteger": 3}], [{"valueInteger": 12}])
    assert [one["linkId"] for one in response["item"]].count("rad") == 12


async def test_two_windows_lose_nothing(doctor: httpx.AsyncClient) -> None:
    first, second = await _open(doctor), await _open(doctor)
    await _save(doctor, first, kontaktorsak="Hosta", bedomning="Ena")
    answer = (
        await _save(doctor, second, bedomning="Andra", planering="Återbesök", before=json.dumps({}))
    ).json()
    assert answer["fields"] == {
        "kontaktorsak": ["Hosta"],
        "bedomning": ["Ena\nAndra"],
        "planering": ["Återbesök"],
    }
    assert answer["both"] == {"bedomning": "Skrevs i två fönster samtidigt; båda texterna finns kvar."}


async def test_a_save_whose_answer_was_lost_is_not_merged_with_itself(doctor: httpx.AsyncClient) -> None:
    opened = await _open(doctor)
    first = {**opened, "saving": "s1", "before": json.dumps({})}
    kept = (await _save(doctor, first, kontaktorsak="Hosta")).json()
    later = {"draft": kept["draft"], "version": "1", "saves": kept["saves"], "saving": "s2"}
    before = json.dumps({"kontaktorsak": ["Hosta"]})
    await _save(doctor, {**opened, **later, "before": before}, kontaktorsak="Torr hosta och feber")
    again = await _save(doctor, first, kontaktorsak="Hosta")
    assert again.json()["fields"] == {"kontaktorsak": ["Torr hosta och feber"]}, "it is in there already"
    assert again.json()["version"] == 2
    assert (await _save(doctor, {**opened, "before": json.dumps({})}, kontaktorsak="Feber")).json()["both"]


async def test_a_form_of_another_patient_is_refused(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await write(doctors_record, patient("p-other"))
    opened = await _open(doctor)
    for path in ("draft", "sign", "discard", "restore"):
        answer = await doctor.post(f"/patient/p-other/journal/{path}", data={**opened, "kontaktorsak": "x"})
        assert answer.status_code == 409
        assert "annan patient" in answer.text
    assert await _found(doctors_record, "Composition") == []


async def test_a_post_without_the_sessions_token_is_refused(doctor: httpx.AsyncClient) -> None:
    opened = {**(await _open(doctor)), "csrf": "x"}
    assert (await _save(doctor, opened, kontaktorsak="x")).status_code == 403


async def test_a_discarded_draft_can_be_taken_back(doctor: httpx.AsyncClient) -> None:
    kept = (await _save(doctor, await _open(doctor), kontaktorsak="Ångrat")).json()
    data = {"csrf": (await _open(doctor))["csrf"], "patient": PATIENT, "draft": kept["draft"]}
    gone = await doctor.post(f"/patient/{PATIENT}/journal/discard", data=data)
    assert "Ångrat" not in (await doctor.get(NOTE)).text
    page = await doctor.get(gone.headers["location"])
    assert "Ångra" in page.text
    assert csrf_of(page)
    back = await doctor.post(f"/patient/{PATIENT}/journal/restore", data=data)
    assert back.status_code == 303
    assert "Ångrat" in (await doctor.get(NOTE)).text


async def test_a_field_that_the_template_does_not_have_is_refused(doctor: httpx.AsyncClient) -> None:
    opened = await _open(doctor)
    for name in (
        "kontaktorsak:1",
        "anamnes/kontaktorsak",
        "status/vitalparametrar/bmi",
        "diagnos:200/diagnos-kod",
    ):
        answer = await doctor.post(f"/patient/{PATIENT}/journal/draft", data={**opened, name: "x"})
        assert (answer.status_code, answer.json()["refused"]) == (400, [f"The template has no field {name}."])


async def test_what_was_discarded_in_another_window_is_signed_all_the_same(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    opened = await _open(doctor)
    kept = (await _save(doctor, opened, kontaktorsak="Hosta")).json()
    opened = {**opened, "draft": kept["draft"], "version": str(kept["version"])}
    await doctor.post(f"/patient/{PATIENT}/journal/discard", data=opened)
    done = await _sign(doctor, opened, kontaktorsak="Hosta", bedomning="Virus")
    assert done.status_code == 303
    (note,) = await _found(doctors_record, "Composition")
    assert note["status"] == "final"


async def test_an_unknown_template_is_not_found(doctor: httpx.AsyncClient) -> None:
    answer = await doctor.get(f"/patient/{PATIENT}/journal/write?template=../secret")
    assert answer.status_code == 404


async def test_a_field_of_a_phrase_that_is_not_filled_in_is_asked_about_once(
    doctor: httpx.AsyncClient,
) -> None:
    opened = await _open(doctor)
    fields = {"kontaktorsak": "Hosta", "bedomning": "Cor: {rytm}, {rytm}. {a\nb}"}
    asked = await _sign(doctor, opened, **fields)
    assert asked.status_code == 200
    assert "Fält i en fras är inte ifyllda: {rytm}." in asked.text
    again = _hidden(asked)
    assert again["unfilled"] == "{rytm}"
    other = await _sign(doctor, again, **{**fields, "kontaktorsak": "{besvär}"})
    assert "{besvär}, {rytm}" in other.text
    done = await _sign(doctor, _hidden(other), **{**fields, "kontaktorsak": "{besvär}"})
    assert done.status_code == 303
