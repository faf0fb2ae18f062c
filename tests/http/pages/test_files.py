"""Files of a note: put beside the draft, signed with it, read by who may read it, and by nobody else."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.http.pages.conftest import PATIENT, csrf_of, patient, persona, sign_in, write
from tests.support.entries import patients_principal
from tests.support.pictures import POSITION, WEBM, jpeg, png

from kontinuum.access.kept_back import Kind
from kontinuum.app.asgi import build
from kontinuum.app.services import Services
from kontinuum.fhir import json as fhir_json
from kontinuum.kernel.principal import Principal
from kontinuum.record import Record, Refusal, SearchPage, Stored
from kontinuum.record.correcting import Corrected
from kontinuum.record.draft_files import MIB
from kontinuum.record.keeping_back import Place

SECRETARY = "Karin Öhman"
PANE = f"/patient/{PATIENT}/journal/write?template=hembesok"
NAME = "Sår – vänster ”knä” 🦵🏽 e\u0301 \u202bברך\u202c; 100%.png"


@pytest.fixture(autouse=True)
async def somebody(doctors_record: Record) -> None:
    await write(doctors_record, patient())


@pytest.fixture
async def colleague(application: Services) -> AsyncIterator[httpx.AsyncClient]:
    """A nurse of the same unit."""
    transport = httpx.ASGITransport(app=build(application), raise_app_exceptions=False)
    headers = {"accept-language": "sv"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as opened:
        await sign_in(opened, "Karin Öhman")
        yield opened


def carried(page: httpx.Response) -> dict[str, str]:
    """What the form of the pane sends along."""
    form = re.search(r'<form class="writing".*?</form>', page.text, re.DOTALL)
    assert form, page.text
    return dict(re.findall(r'<input type="hidden" name="([~\w]+)" value="([^"]*)"', form[0]))


async def begin(browser: httpx.AsyncClient, **fields: str) -> dict[str, str]:
    """A draft with some fields; what its forms carry."""
    page = await browser.get(PANE)
    sent = {**carried(page), **fields}
    kept = (await browser.post(f"/patient/{PATIENT}/journal/draft", data=sent)).json()
    return {**sent, "draft": kept["draft"], "version": str(kept["version"])}


async def put(
    browser: httpx.AsyncClient, draft: dict[str, str], content: bytes, name: str, kind: str = "attachment"
) -> httpx.Response:
    return await browser.post(
        f"/patient/{PATIENT}/draft/{draft['draft']}/files",
        params={"name": name, "kind": kind},
        content=content,
        headers={
            "x-csrf-token": draft["csrf"],
            "x-patient": draft["patient"],
            "content-type": "application/octet-stream",
        },
    )


async def finish(browser: httpx.AsyncClient, draft: dict[str, str], do: str = "sign") -> httpx.Response:
    return await browser.post(f"/patient/{PATIENT}/journal/sign", data={**draft, "do": do})


async def found(record: Record, url: str) -> list[dict[str, Any]]:
    page = await record.find(url)
    assert isinstance(page, SearchPage), page
    return [fhir_json.loads(one.body) for one in page.matches if one.body]


async def test_a_picture_is_signed_with_its_note_and_shown_as_it_is(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    draft = await begin(doctor, kontaktorsak="Omläggning", bedomning="Läker väl.")
    added = (await put(doctor, draft, png(text=POSITION), NAME)).json()
    whole = (await put(doctor, draft, jpeg(), "foto.jpg")).json()
    described = await doctor.post(
        f"/patient/{PATIENT}/draft/{draft['draft']}/files/{added['id']}",
        data={
            "csrf": draft["csrf"],
            "patient": PATIENT,
            "heading": "bedomning",
            "text": "Ingen rodnad <i kanten> 🙂",
        },
    )
    assert described.status_code == 200
    shown = await doctor.get(added["address"])
    assert (shown.content, shown.headers["content-type"]) == (png(), "image/png")
    assert (await finish(doctor, draft)).status_code == 303

    (note,) = await found(doctors_record, f"Composition?patient={PATIENT}")
    headings = {one["title"]: one for one in note["section"]}
    assert headings["Bedömning"]["entry"] == [{"reference": f"DocumentReference/{added['id']}"}]
    assert headings["Bilagor"]["entry"] == [{"reference": f"DocumentReference/{whole['id']}"}]
    read = await doctors_record.read("DocumentReference", added["id"])
    assert isinstance(read, Stored)
    document = fhir_json.loads(read.body or b"")
    attachment = document["content"][0]["attachment"]
    assert (document["docStatus"], attachment["title"]) == ("final", NAME)
    assert document["description"] == "Ingen rodnad <i kanten> 🙂"
    assert document["context"]["related"] == [{"reference": f"Composition/{note['id']}"}]
    binary = await doctors_record.read("Binary", added["id"])
    assert isinstance(binary, Stored)
    assert base64.b64decode(fhir_json.loads(binary.body or b"")["data"]) == png()

    address = f"/patient/{PATIENT}/file/{added['id']}"
    for page in (f"/patient/{PATIENT}", f"/patient/{PATIENT}/entry/Composition/{note['id']}"):
        text = (await doctor.get(page)).text
        assert f'src="{address}" alt="Ingen rodnad &lt;i kanten&gt; 🙂"' in text
        assert NAME in text.replace("&#34;", '"')
    file = await doctor.get(address)
    assert file.content == png()
    assert file.headers["content-type"] == "image/png"
    assert file.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in file.headers["content-security-policy"]
    part = await doctor.get(address, headers={"range": "bytes=1-3"})
    assert (part.status_code, part.content) == (206, b"PNG")
    assert (await doctor.get(added["address"])).status_code == 404  # nothing is left beside the draft


async def test_what_cannot_be_attached_is_refused_with_why(doctor: httpx.AsyncClient) -> None:
    draft = await begin(doctor, kontaktorsak="x")
    cases = (
        (b"<script>alert(1)</script>", "bild.png", 422, "bild.png är inget av de slag"),
        (png() + b"\0" * 10 * MIB, "stor.png", 413, "stor.png är större än 10 MB"),
        (jpeg()[:200], "halv.jpg", 422, "halv.jpg är skadad"),
        (b"", "tom.png", 422, "tom.png är tom"),
        (png(), "  ", 422, "behöver ett namn"),
        (png(), "rad\nbrytning.png", 422, "behöver ett namn"),
    )
    for content, name, status, said in cases:
        answer = await put(doctor, draft, content, name)
        assert (answer.status_code, said in answer.json()["refused"][0]) == (status, True), answer.text
    wrong = await put(doctor, {**draft, "draft": "00000000-0000-0000-0000-000000000000"}, png(), "a.png")
    assert wrong.status_code == 404
    without = await put(doctor, {**draft, "csrf": "x"}, png(), "a.png")
    assert without.status_code == 403


async def test_a_draft_that_is_put_aside_leaves_nothing_and_is_its_authors_only(
    doctor: httpx.AsyncClient, colleague: httpx.AsyncClient, application: Services
) -> None:
    draft = await begin(doctor, kontaktorsak="x")
    kept, gone = [(await put(doctor, draft, png(), name)).json() for name in ("a.png", "b.png")]
    removing = {"csrf": draft["csrf"], "patient": PATIENT, "do": "remove"}
    address = f"/patient/{PATIENT}/draft/{draft['draft']}/files"
    assert (await colleague.get(kept["address"])).status_code == 404
    assert (await doctor.post(f"{address}/{gone['id']}", data=removing)).status_code == 200
    assert (await doctor.get(gone["address"])).status_code == 404
    assert "a.png" in (await doctor.get(PANE)).text
    await doctor.post(f"/patient/{PATIENT}/journal/discard", data=draft)
    await application.pool.execute("delete from draft")  # as a day later
    assert (await doctor.get(kept["address"])).status_code == 404
    assert await application.pool.fetchval("select count(*) from draft_file") == 0


async def test_a_picture_that_was_removed_after_the_note_was_saved_unsigned_is_in_error(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    draft = await begin(doctor, kontaktorsak="x", bedomning="y")
    kept, gone = [(await put(doctor, draft, png(), name)).json()["id"] for name in ("a.png", "b.png")]
    assert (await finish(doctor, draft, "save")).status_code == 303
    states = {
        one["id"]: one["docStatus"]
        for one in await found(doctors_record, f"DocumentReference?patient={PATIENT}")
    }
    assert states == {kept: "preliminary", gone: "preliminary"}
    await doctor.post(
        f"/patient/{PATIENT}/draft/{draft['draft']}/files/{gone}",
        data={"csrf": draft["csrf"], "patient": PATIENT, "do": "remove"},
    )
    assert (await finish(doctor, draft)).status_code == 303
    documents = {
        one["id"]: one for one in await found(doctors_record, f"DocumentReference?patient={PATIENT}")
    }
    assert documents[kept]["docStatus"] == "final"
    assert documents[gone]["status"] == "entered-in-error"
    assert (await doctor.get(f"/patient/{PATIENT}/file/{gone}")).status_code == 404


async def _signed(doctor: httpx.AsyncClient, record: Record) -> tuple[dict[str, Any], str]:
    """A signed note with a picture under its second heading."""
    draft = await begin(doctor, kontaktorsak="x", bedomning="y")
    file = (await put(doctor, draft, png(), "a.png")).json()["id"]
    fields = {"csrf": draft["csrf"], "patient": PATIENT, "heading": "bedomning", "text": "Blåmärken"}
    await doctor.post(f"/patient/{PATIENT}/draft/{draft['draft']}/files/{file}", data=fields)
    await finish(doctor, draft)
    (note,) = await found(record, f"Composition?patient={PATIENT}")
    return note, file


async def test_rule_28_what_is_kept_back_with_a_heading_is_its_files_too(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    note, file = await _signed(doctor, doctors_record)
    mine = application.gate.record(patients_principal(PATIENT))
    ways = [("DocumentReference", file), ("Binary", file)]

    async def seen() -> list[bool]:
        return [isinstance(await mine.read(*way), Stored) for way in ways]

    assert await seen() == [True, True]
    place = Place("Composition", note["id"], 1, (1,))
    assert isinstance(
        await doctors_record.text.keep_back(place, Kind.VIOLENCE, "Kan utsätta patienten för fara."),
        Corrected,
    )
    assert await seen() == [False, False]
    assert isinstance(await mine.vread("Binary", file, 1), Refusal)
    whole = Place("Composition", note["id"], 2)
    assert isinstance(await doctors_record.text.keep_back(whole, Kind.CHILD, "Oro för barn."), Corrected)
    heading = Place("Composition", note["id"], 3, (1,))
    assert isinstance(await doctors_record.text.lift(heading, "Utrett."), Corrected)
    assert await seen() == [False, False]  # the whole note is kept back still
    assert isinstance(
        await doctors_record.text.lift(Place("Composition", note["id"], 4), "Utrett."), Corrected
    )
    assert await seen() == [True, True]


async def test_rule_24_a_note_entered_in_error_takes_its_files_with_it(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    note, file = await _signed(doctor, doctors_record)
    done = await doctors_record.text.withdraw("Composition", note["id"], "Fel patient.", version=1)
    assert isinstance(done, Corrected)
    assert (await doctor.get(f"/patient/{PATIENT}/file/{file}")).status_code == 404
    assert f"/file/{file}" not in (await doctor.get(f"/patient/{PATIENT}")).text


async def test_a_dictation_is_written_out_by_who_may_and_signed_by_its_author(
    doctor: httpx.AsyncClient, application: Services, doctors_record: Record
) -> None:
    draft = await begin(doctor)
    sound = (await put(doctor, draft, WEBM, "Diktat 0.12.webm", "dictation")).json()
    picture = (await put(doctor, draft, png(), "a.png")).json()["id"]
    assert (await finish(doctor, draft, "dictated")).status_code == 303
    (note,) = await found(doctors_record, f"Composition?patient={PATIENT}")
    assert note["status"] == "preliminary"
    assert "Dikterat, att skriva ut" in (await doctor.get("/inbox?of=unit")).text
    assert (await doctor.get("/inbox/count")).json()["own"] == 0  # it waits for somebody else

    transport = httpx.ASGITransport(app=build(application), raise_app_exceptions=False)
    headers = {"accept-language": "sv"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as secretary:
        await sign_in(secretary, SECRETARY, assignment=persona(SECRETARY).assignments[0].id)
        writes = persona(SECRETARY)
        together = f"/patient/{PATIENT}/together?template=hembesok~{note['id']}"
        for unrelated in (sound["address"], together):
            assert (await secretary.get(unrelated)).status_code in (403, 404)
        related = application.gate.record(Principal(writes.actor, writes.assignments[0], "test"))
        await related.law.relate(PATIENT, "Skriver ut diktat")
        assert (await secretary.get("/inbox/count")).json()["own"] == 1
        address = f"/patient/{PATIENT}/journal/write?note={note['id']}"
        page = await secretary.get(address)
        assert page.status_code == 200, page.text
        assert "Du skriver ut det som Anna Berglund" in page.text
        assert sound["address"] in page.text
        assert (await secretary.get(sound["address"])).content == WEBM
        fields = {**carried(page), "kontaktorsak": "Sår på benet", "bedomning": "Läker väl."}
        kept = (await secretary.post(f"/patient/{PATIENT}/journal/draft", data=fields)).json()
        fields |= {"draft": kept["draft"], "version": str(kept["version"])}
        told = (await doctor.get(together)).json()
        assert (told["note"], told["others"]) == (1, ["En kollega"])
        assert (await secretary.get(together)).json() == {"version": 1, "note": 1, "others": []}
        plain = (await doctor.get(together.partition("~")[0])).json()
        assert plain == {"version": 0, "note": 0, "others": []}  # two new notes are not one
        told = await finish(secretary, fields)
        assert "Anteckningen signeras av författaren" in told.text
        assert (await finish(secretary, fields, "save")).status_code == 303
        assert (await secretary.get("/inbox/count")).json()["own"] == 0
        assert (await secretary.get(address)).status_code == 404  # it is its author's again

    (written,) = await found(doctors_record, f"Composition?patient={PATIENT}")
    assert (written["author"], written["date"], written["status"]) == (
        note["author"],
        note["date"],
        "preliminary",
    )
    assert written["section"][-1]["entry"] == [{"reference": f"DocumentReference/{picture}"}]
    assert (await doctor.get("/inbox/count")).json()["own"] == 1
    history = (await doctor.get(f"/patient/{PATIENT}/entry/Composition/{note['id']}")).text
    assert SECRETARY in history
    assert "Utskriven efter diktat." in history
    reading = await doctor.get(f"/patient/{PATIENT}/journal/write?note={note['id']}")
    assert "Läker väl." in reading.text
    assert sound["address"] in reading.text
    item = f"sign/{PATIENT}/{note['id']}/2/"
    signing = await doctor.get("/inbox/sign", params={"item": item})
    assert f"/file/{picture}" in signing.text
    done = await doctor.post("/inbox/sign", data={"csrf": csrf_of(signing), "item": item})
    assert done.status_code == 303
    (signed,) = await found(doctors_record, f"Composition?patient={PATIENT}")
    (document,) = await found(doctors_record, f"DocumentReference?patient={PATIENT}")
    assert (signed["status"], document["docStatus"]) == ("final", "final")
    await application.gate.forget_drafts()
    expires = await application.pool.fetchval("select expires from draft_file where kind = 'dictation'")
    assert expires is not None  # kept for as long as the care provider decides, then removed


async def test_a_note_that_was_changed_meanwhile_is_not_written_over(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    draft = await begin(doctor, kontaktorsak="Hosta", bedomning="Virus")
    assert (await finish(doctor, draft, "save")).status_code == 303
    await doctor.post(f"/patient/{PATIENT}/journal/discard", data=draft)
    (note,) = await found(doctors_record, f"Composition?patient={PATIENT}")
    page = await doctor.get(f"/patient/{PATIENT}/journal/write?note={note['id']}")
    opened = {**carried(page), "kontaktorsak": "Hosta", "bedomning": "Virus. Ingen feber."}
    (response,) = await found(doctors_record, f"QuestionnaireResponse?patient={PATIENT}")
    for item in response["item"]:
        if item["linkId"] == "bedomning":
            item["answer"] = [{"valueString": "Bakteriellt"}]
    await write(doctors_record, response, {**note, "title": "Hembesök, ändrat"})
    told = await finish(doctor, opened)
    assert told.status_code == 200
    assert "Bakteriellt\nVirus. Ingen feber." in told.text
    done = await finish(doctor, {**opened, **carried(told), "bedomning": "Bakteriellt"})
    assert done.status_code == 303
    (signed,) = await found(doctors_record, f"Composition?patient={PATIENT}")
    assert (signed["status"], signed["id"]) == ("final", note["id"])
