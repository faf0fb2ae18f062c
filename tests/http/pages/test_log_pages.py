"""The log's pages: who may open them, what they show, the documented review, the patient's extract."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from tests.conftest import SYSTEM
from tests.http.pages.conftest import PATIENT, csrf_of, patient, persona, sign_in, write
from tests.support.accesses import opened

from kontinuum.app.asgi import build
from kontinuum.app.services import Services, open_services
from kontinuum.demo import personas
from kontinuum.kernel.config import Settings
from kontinuum.kernel.i18n import local
from kontinuum.kernel.principal import Principal
from kontinuum.record import Record
from kontinuum.record.outcome import Written

REVIEWER = "Åsa Malmgren"
EVERY_PAGE = [
    "/log",
    "/log/reviews",
    "/log/reviews/1",
    "/log/findings/1",
    "/log/extract",
    f"/log/extract/{PATIENT}",
]


@pytest.fixture
async def read(application: Services, doctors_record: Record) -> None:
    """Anna Berglund and a namesake of the patient have opened the chart of Anna Karlsson."""
    staff = {
        "resourceType": "Practitioner",
        "id": "s-else",
        "name": [{"family": "Karlsson", "given": ["Bo"]}],
    }
    await write(doctors_record, patient())
    assert isinstance(await application.gate.record(SYSTEM).update("Practitioner", "s-else", staff), Written)
    doctor = persona("Anna Berglund")
    who = Principal(doctor.actor, doctor.assignments[0], "browser")
    namesake = replace(who, actor=replace(doctor.actor, id="s-else", name="Bo Karlsson"))
    now = datetime.now(UTC)
    await opened(application, who, now - timedelta(days=2, hours=1), PATIENT)
    await opened(application, who, now - timedelta(days=2), PATIENT)
    await opened(application, namesake, now - timedelta(days=1), PATIENT)


@pytest.fixture
async def reviewer(visitor: httpx.AsyncClient, read: None) -> httpx.AsyncClient:
    """A browser in which the region's log reviewer has signed in."""
    assert (await sign_in(visitor, REVIEWER)).status_code == 303
    return visitor


async def begun(reviewer: httpx.AsyncClient) -> str:
    """A review of the last days; the address of its page."""
    page = await reviewer.get("/log/reviews")
    day = local(datetime.now(UTC)).date()  # of those who review, also in the hours before midnight in UTC
    form = {"csrf": csrf_of(page), "since": f"{day - timedelta(days=20)}", "until": f"{day}"}
    answer = await reviewer.post("/log/reviews", data=form)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


@pytest.mark.parametrize("path", EVERY_PAGE)
async def test_who_has_no_assignment_for_supervision_is_refused(
    doctor: httpx.AsyncClient, read: None, path: str
) -> None:
    answer = await doctor.get(path)
    assert answer.status_code == 403
    assert "Anna Maria" not in answer.text


async def test_a_doctor_is_not_offered_the_log_and_a_reviewer_is(doctor: httpx.AsyncClient) -> None:
    assert 'href="/log"' not in (await doctor.get("/")).text
    await doctor.post("/sign-out", data={"csrf": csrf_of(await doctor.get("/"))})
    await sign_in(doctor, REVIEWER)
    assert 'href="/log"' in (await doctor.get("/")).text


async def test_the_log_is_narrowed_by_patient_staff_unit_and_day(reviewer: httpx.AsyncClient) -> None:
    page = await reviewer.get("/log")
    assert "Läste: diagnoser" in page.text

    async def rows(**asked: str) -> list[str]:
        answer = await reviewer.post("/log", data={"csrf": csrf_of(page), **asked})
        assert answer.status_code == 200
        body = answer.text.partition("<tbody>")[2].partition("</tbody>")[0]
        return re.findall(r"Läste: diagnoser", body) if "Läste: diagnoser" in body else []

    assert len(await rows(patient="19801128-9801", since="2020-01-01")) == 3
    assert len(await rows(staff="Bo Karlsson")) == 1
    assert len(await rows(patient="Karlsson", staff="Bo")) == 1
    assert await rows(until="2020-01-01") == []
    assert await rows(unit="SE2321000016-DEMO1029") == []
    reviewer.headers["authorization"] = "Bearer kt_guessed"
    assert (await reviewer.get("/fhir/Patient")).status_code == 401
    unknown = (await reviewer.post("/log", data={"csrf": csrf_of(page), "unit": "unknown"})).text
    assert "Okänd, från 127.0.0.1" in unknown
    assert "Försökte logga in men nekades" in unknown
    assert "Läste: diagnoser" not in unknown.partition("<tbody>")[2]
    assert "Okänd, från" not in (await reviewer.get("/log")).text


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"since": "igår"}, "En dag skrivs ÅÅÅÅ-MM-DD."),
        ({"patient": "Nobodysson"}, "Ingen patient stämmer"),
        ({"staff": "Nobodysson"}, "Ingen i personalen heter så"),
    ],
)
async def test_what_cannot_be_searched_for_is_said(
    reviewer: httpx.AsyncClient, asked: dict[str, str], said: str
) -> None:
    page = await reviewer.get("/log")
    answer = await reviewer.post("/log", data={"csrf": csrf_of(page), **asked})
    assert said in answer.text
    assert "<tbody>" not in answer.text


async def test_earlier_accesses_are_reached_page_by_page(
    application: Services, reviewer: httpx.AsyncClient
) -> None:
    who = persona("Anna Berglund")
    principal = Principal(who.actor, who.assignments[0], "browser")
    for minute in range(60):
        await opened(application, principal, datetime(2026, 1, 5, 9, minute, tzinfo=UTC), PATIENT)
    page = await reviewer.get("/log")
    form = {"csrf": csrf_of(page), "until": "2026-01-05"}
    first = await reviewer.post("/log", data=form)
    after = re.search(r'name="after" value="([^"]+)"', first.text)
    assert after
    second = await reviewer.post("/log", data={**form, "after": after[1]})
    times = [re.findall(r"2026-01-05 \d\d:\d\d", answer.text) for answer in (first, second)]
    assert [len(one) for one in times] == [50, 10]
    assert not set(times[0]) & set(times[1])
    assert 'name="after"' not in second.text


async def test_a_review_puts_the_unusual_first_and_is_documented(reviewer: httpx.AsyncClient) -> None:
    place = await begun(reviewer)
    page = await reviewer.get(place)
    assert "Ovanliga åtkomster" in page.text
    assert "Inget besök eller bokning, samma efternamn" in page.text
    assert re.search(r"Draget med fröet [0-9a-f]{16}\.", page.text)
    stated, namesake, *_ = dict.fromkeys(re.findall(r'href="(/log/findings/\d+)"', page.text))
    assert "Besök på mottagningen" in (await reviewer.get(stated)).text
    file = await reviewer.get(namesake)
    assert "De kan vara släkt" in file.text
    assert "Bo Karlsson" in file.text
    form = {"csrf": csrf_of(file), "outcome": "ask", "note": ""}
    empty = await reviewer.post(namesake, data=form)
    assert empty.status_code == 422
    assert "Skriv i anteckningen" in empty.text
    done = await reviewer.post(namesake, data={**form, "note": "Fråga <Bo>"})
    assert done.status_code == 303
    assert "Ska frågas om" in (await reviewer.get(place)).text
    assert "Fråga &lt;Bo&gt;" in (await reviewer.get(namesake)).text
    assert "1 av" in (await reviewer.get("/log/reviews")).text


@pytest.mark.parametrize(
    "days",
    [("", ""), ("2026-02-30", "2026-03-01"), ("2026-03-02", "2026-03-01"), ("2020-01-01", "2026-01-01")],
)
async def test_a_period_that_is_none_is_refused(reviewer: httpx.AsyncClient, days: tuple[str, str]) -> None:
    page = await reviewer.get("/log/reviews")
    form = {"csrf": csrf_of(page), "since": days[0], "until": days[1]}
    answer = await reviewer.post("/log/reviews", data=form)
    assert answer.status_code == 422
    assert "Skriv två dagar" in answer.text


@pytest.mark.parametrize("path", ["/log", "/log/reviews", "/log/findings/1", "/log/extract"])
async def test_no_form_of_the_log_works_without_its_token(reviewer: httpx.AsyncClient, path: str) -> None:
    assert (await reviewer.post(path, data={"csrf": "guessed"})).status_code == 403


@pytest.mark.parametrize("path", ["/log/reviews/99", "/log/findings/99"])
async def test_what_does_not_exist_is_said_not_to(reviewer: httpx.AsyncClient, path: str) -> None:
    assert (await reviewer.get(path)).status_code == 404


async def test_rule_21_the_extract_tells_unit_and_time_in_plain_words(reviewer: httpx.AsyncClient) -> None:
    page = await reviewer.get("/log/extract")
    found = await reviewer.post("/log/extract", data={"csrf": csrf_of(page), "q": "198011289801"})
    assert found.headers["location"] == f"/log/extract/{PATIENT}"
    extract = await reviewer.get(found.headers["location"])
    assert "Läste: diagnoser" in extract.text
    assert "Bo Karlsson" not in extract.text
    assert "Personalens namn anges inte" in extract.text
    assert "Condition?" not in extract.text
    english = await reviewer.get(found.headers["location"], headers={"accept-language": "en"})
    assert "Read: diagnoses" in english.text


async def test_rule_21_staff_are_named_where_the_provider_has_decided_so(
    settings: Settings, dsn: str, read: None
) -> None:
    named = replace(settings, provider_overrides={"extract_names": True})
    async with open_services(named, dsn, personas=personas(), connections=4) as services:
        transport = httpx.ASGITransport(app=build(services), raise_app_exceptions=False)
        headers = {"accept-language": "sv"}
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as browser:
            await sign_in(browser, REVIEWER)
            extract = await browser.get(f"/log/extract/{PATIENT}")
    assert "Bo Karlsson" in extract.text
    assert "Personalens namn anges inte" not in extract.text


async def test_the_extract_is_a_tagged_pdf(reviewer: httpx.AsyncClient) -> None:
    answer = await reviewer.get(f"/log/extract/{PATIENT}/pdf")
    assert answer.headers["content-type"] == "application/pdf"
    assert re.fullmatch(
        r'attachment; filename="loggutdrag-\d{4}-\d\d-\d\d.pdf"', answer.headers["content-disposition"]
    )
    assert answer.headers["cache-control"] == "no-store"
    assert answer.content.startswith(b"%PDF-")
    assert b"/StructTreeRoot" in answer.content
    assert b"pdfuaid" in answer.content


@pytest.fixture
async def themselves(
    application: Services, visitor: httpx.AsyncClient, doctors_record: Record
) -> tuple[httpx.AsyncClient, str]:
    """A browser in which a patient of the demo has signed in, and the patient's id."""
    someone = next(one for one in personas() if one.actor.kind == "patient")
    await write(doctors_record, patient(someone.actor.id))
    answer = await sign_in(visitor, someone.actor.name)
    assert answer.status_code == 303
    return visitor, someone.actor.id


async def test_rule_21_a_patient_reads_the_own_log_and_nobody_elses(
    themselves: tuple[httpx.AsyncClient, str], application: Services, read: None
) -> None:
    browser, _ = themselves
    page = await browser.get("/my-log")
    assert page.status_code == 200
    assert "Vem har haft åtkomst till journalen" in page.text
    assert (await browser.get("/my-log/pdf")).content.startswith(b"%PDF-")
    again = await browser.get("/my-log")
    assert "Du själv" in again.text
    for path in (*EVERY_PAGE, f"/log/extract/{PATIENT}/pdf"):
        assert (await browser.get(path)).status_code == 403, path


async def test_staff_have_no_log_of_their_own_as_patients_here(reviewer: httpx.AsyncClient) -> None:
    assert (await reviewer.get("/my-log")).status_code == 403
    assert (await reviewer.get("/my-log/pdf")).status_code == 403
