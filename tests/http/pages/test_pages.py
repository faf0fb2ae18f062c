"""What every page promises: headers, static files, languages, and the patient it is about."""

from __future__ import annotations

import re

import httpx
import pytest
from tests.http.pages.conftest import NUMBER, PATIENT, csrf_of, note, patient, write

from kontinuum.record import Record
from kontinuum.web.workspace.assets import Assets

CHART = f"/patient/{PATIENT}"


async def chart(browser: httpx.AsyncClient) -> str:
    answer = await browser.get(CHART)
    assert answer.status_code == 200, answer.text[:1000]
    return answer.text


async def test_no_page_is_cached_framed_or_allowed_inline_code(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await write(doctors_record, patient())
    nonces = set()
    for path in ("/", CHART, "/patient/nobody"):
        answer = await doctor.get(path)
        policy = answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert re.search(r"<script(?![^>]*\bsrc=)", answer.text) is None
        assert re.search(r"\sstyle=|\son[a-z]+=|javascript:", answer.text) is None
        nonces.add(re.search(r"'nonce-([^']+)'", policy)[1])  # type: ignore[index]
    assert len(nonces) == 3


async def test_static_files_are_found_by_hash_kept_for_ever_and_answered_304(
    visitor: httpx.AsyncClient,
) -> None:
    address = Assets().url("css/tokens.css")
    answer = await visitor.get(address)
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"].startswith("text/css")
    again = await visitor.get(address, headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""
    former = await visitor.get("/static/000000000000/css/tokens.css")
    assert former.content == answer.content
    assert former.headers["cache-control"] == "no-cache"
    assert (await visitor.get("/static/x/css/absent.css")).status_code == 404
    assert (await visitor.get("/static/x/%2e%2e/%2e%2e/__init__.py")).status_code == 404


async def test_a_patient_that_does_not_exist_is_not_shown_as_empty(doctor: httpx.AsyncClient) -> None:
    answer = await doctor.get("/patient/nobody")
    assert answer.status_code == 404
    assert "Patienten finns inte i den här journalen." in answer.text
    assert 'class="banner"' not in answer.text


async def test_the_words_of_a_note_reach_the_page_letter_for_letter(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    words = (
        "Ingen blödning. Inga hållpunkter för malignitet; Hb &lt; 100 ger ny kontakt. 5 × 2,5 mg – åäöÅÄÖ é µ"
    )
    await write(doctors_record, patient(), note("n-1", f"<p>{words}</p><p>Rad två.<br/>Ny rad.</p>"))
    page = await chart(doctor)
    assert f'<p class="exact">{words}</p>' in page
    assert '<p class="exact">Rad två.\nNy rad.</p>' in page


async def test_markup_in_a_record_is_shown_as_text_and_never_run(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    hostile = "<b>x</b>&lt;script&gt;alert(1)&lt;/script&gt;"
    named = patient(name=[{"family": "<img src=x onerror=alert(1)>", "given": ["{{7*7}}"]}])
    await write(doctors_record, named, note("n-1", f"<p>{hostile}</p>"))
    page = await chart(doctor)
    assert "<img" not in page
    assert "&lt;img src=x" in page
    assert "{{7*7}}" in page
    assert '<p class="exact">x&lt;script&gt;alert(1)&lt;/script&gt;</p>' in page


async def test_an_unsigned_note_says_so_and_a_withdrawn_one_is_not_shown(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await write(
        doctors_record,
        patient(),
        note("n-1", "<p>Preliminär bedömning.</p>", status="preliminary"),
        note("n-2", "<p>Fel patient.</p>", status="entered-in-error"),
    )
    page = await chart(doctor)
    assert "1 osignerad" in page
    assert "Preliminär bedömning." in page
    assert "Fel patient." not in page


@pytest.mark.parametrize("label", ["sekretessmarkering", "skyddadFolkbokforing"])
async def test_protected_identity_keeps_address_and_telephone_off_every_page(
    doctor: httpx.AsyncClient, doctors_record: Record, label: str
) -> None:
    system = "http://hl7.se/fhir/ig/base/CodeSystem/SecurityLabel"
    await write(doctors_record, patient(meta={"security": [{"system": system, "code": label}]}))
    pages = [await chart(doctor), (await doctor.get("/")).text]
    form = {"q": NUMBER, "csrf": csrf_of(await doctor.get("/"))}
    pages.append((await doctor.post("/patients", data=form)).text)
    for page in pages:
        assert "Hornsgatan" not in page
        assert "070-174" not in page
        assert "Anna" in page
    assert "band-danger" in pages[0]
    assert "Skyddade personuppgifter" in pages[2]
    below = (await doctor.get(f"/patient/{PATIENT}/medication/list")).text
    assert "Anna" not in re.findall("<title>(.*?)</title>", below)[0], "a window's title is seen by others"


async def test_nothing_recorded_about_allergies_differs_from_no_known_allergy(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await write(doctors_record, patient())
    assert "Uppgift om överkänslighet saknas." in await chart(doctor)
    denial = {
        "resourceType": "AllergyIntolerance",
        "id": "a-1",
        "clinicalStatus": {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
                    "code": "active",
                }
            ]
        },
        "code": {
            "coding": [{"system": "http://snomed.info/sct", "code": "716186003"}],
            "text": "Ingen känd överkänslighet",
        },
        "patient": {"reference": f"Patient/{PATIENT}"},
    }
    await write(doctors_record, denial)
    page = await chart(doctor)
    assert "Uppgift om överkänslighet saknas." not in page
    assert "Ingen känd överkänslighet" in page


async def test_decimals_are_shown_with_the_digits_that_were_recorded(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    potassium = {
        "resourceType": "Observation",
        "id": "o-1",
        "status": "final",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                        "code": "laboratory",
                    }
                ]
            }
        ],
        "code": {"coding": [{"system": "urn:oid:1.2.752.108.1", "code": "NPU03230"}], "text": "P-Kalium"},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "effectiveDateTime": "2026-03-01T07:30:00+01:00",
        "valueQuantity": {"value": 4, "unit": "mmol/L"},
    }
    from decimal import Decimal

    potassium["valueQuantity"]["value"] = Decimal("4.00")  # type: ignore[index]
    await write(doctors_record, patient(), potassium)
    page = await chart(doctor)
    assert '<span class="value">4,00</span>' in page
    english = (await doctor.get(CHART, headers={"accept-language": "en"})).text
    assert '<span class="value">4.00</span>' in english
    trend = await doctor.get(
        f"{CHART}/observations/trend",
        params={"code": "urn:oid:1.2.752.108.1|NPU03230"},
        headers={"hx-request": "true"},
    )
    assert 'data-value="4.00"' in trend.text
    assert "<html" not in trend.text


async def test_a_page_view_is_one_entry_in_the_log(
    doctor: httpx.AsyncClient, doctors_record: Record, dsn: str
) -> None:
    import asyncpg

    await write(doctors_record, patient())
    connection = await asyncpg.connect(dsn)
    count = "select count(*) from audit_entry"
    await chart(doctor)  # names of units are looked up once
    before = await connection.fetchval(count)
    await chart(doctor)
    after = await connection.fetchval(count)
    await connection.close()
    assert after - before == 1


async def test_what_cannot_be_found_on_a_modules_page_is_said(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await write(doctors_record, patient())
    for path in ("observations/trend", "observations/trend?code=x|y", "nothing/here"):
        answer = await doctor.get(f"{CHART}/{path}")
        assert answer.status_code == 404, path
        assert "<h1>" in answer.text
    assert (await doctor.get("/patient/nobody/notes/older")).status_code == 404
    assert (await doctor.get(f"{CHART}/notes/older?cursor=nonsense")).status_code == 404


async def test_a_part_that_fails_says_so_and_takes_no_other_with_it(
    doctor: httpx.AsyncClient, doctors_record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kontinuum.care.problems import views

    def broken(*_: object) -> None:
        raise RuntimeError("broken on purpose")

    await write(doctors_record, patient(), note("n-1", "<p>Läsbar text.</p>"))
    monkeypatch.setattr(views, "split", broken)
    page = await chart(doctor)
    assert "Det betyder inte att uppgifter saknas." in page
    assert "Läsbar text." in page
