"""Rules 12, 14 and 29: the patient's own page of blocks, consents and proxies."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest
from tests.http.pages.conftest import csrf_of, note, patient, persona, sign_in, write

from kontinuum.access.circumstances import Kind
from kontinuum.access.kept_back import Kind as KeptKind
from kontinuum.app.services import Services
from kontinuum.demo import personas
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.i18n import local
from kontinuum.kernel.principal import Principal
from kontinuum.record import Done, Record, Refusal, Stored
from kontinuum.record.keeping_back import Place

OTHER_NUMBER = "198011289819"


@pytest.fixture
async def own(
    visitor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> tuple[httpx.AsyncClient, str]:
    """A browser in which a patient has signed in, about whom Anna Berglund has documented; and the id."""
    someone = next(one for one in personas() if one.actor.kind == "patient")
    about = {"reference": f"Patient/{someone.actor.id}"}
    number = {"system": "http://electronichealth.se/identifier/personnummer", "value": OTHER_NUMBER}
    await write(
        doctors_record,
        patient(someone.actor.id),
        patient("p-friend", identifier=[number], name=[{"given": ["Vera"], "family": "Vän"}]),
        note("n-1", "Feber", subject=about),
    )
    assert (await sign_in(visitor, someone.actor.name)).status_code == 303
    return visitor, someone.actor.id


async def send(browser: httpx.AsyncClient, act: str, **form: object) -> httpx.Response:
    """Send a form of the page."""
    token = csrf_of(await browser.get("/my-privacy"))
    return await browser.post(f"/my-privacy/{act}", data={"csrf": token, **form})


def ways(page: httpx.Response, level: str) -> list[str]:
    """What the page offers to block."""
    return re.findall(rf'name="where" value="({level} [^"]+)"', page.text)


async def test_rule_29_permits_a_patient_to_set_and_annul_a_block(
    own: tuple[httpx.AsyncClient, str], application: Services
) -> None:
    browser, _ = own
    colleague = next(
        one
        for one in personas()
        if one.assignments[0].provider == persona("Anna Berglund").assignments[0].provider
        and one.assignments[0].unit != persona("Anna Berglund").assignments[0].unit
        and one.assignments[0].purpose == "care"
    )
    elsewhere = application.gate.record(Principal(colleague.actor, colleague.assignments[0], "test"))
    assert isinstance(await elsewhere.law.relate(own[1], "Jour"), Done)
    assert isinstance(
        await elsewhere.law.choose(own[1], [persona("Anna Berglund").assignments[0].unit]), Done
    )
    assert isinstance(await elsewhere.read("Composition", "n-1"), Stored)
    (where,) = ways(await browser.get("/my-privacy"), "inner")
    form = {"where": where, "start": "2026-01-01", "group": ["medication", "alerts"]}
    assert (await send(browser, "block", **form)).status_code == 303
    page = await browser.get("/my-privacy")
    assert "Dolt för andra enheter" in page.text
    assert "Visas ändå: läkemedel, allergier och varningar" in page.text
    assert "2026-01-01–" in page.text
    assert not isinstance(await elsewhere.read("Composition", "n-1"), Stored)
    (consent,) = re.findall(r'name="consent" value="(Consent/[^"]+)"', page.text)
    assert (await send(browser, "annul", consent=consent)).status_code == 303
    assert "Inget är spärrat" in (await browser.get("/my-privacy")).text
    assert isinstance(await elsewhere.read("Composition", "n-1"), Stored)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"where": "inner SE0000000000-X SE0000000000-Y"}, "Välj vad som ska spärras"),
        ({"where": ""}, "Välj vad som ska spärras"),
        ({"where": "known", "start": "2026-02-30"}, "ÅÅÅÅ-MM-DD"),
        ({"where": "known", "start": "2026-02-02", "end": "2026-02-01"}, "ÅÅÅÅ-MM-DD"),
    ],
)
async def test_rule_29_refuses_a_block_that_cannot_be_kept_to(
    own: tuple[httpx.AsyncClient, str], form: dict[str, str], words: str
) -> None:
    browser, _ = own
    (known,) = ways(await browser.get("/my-privacy"), "outer")
    answer = await send(browser, "block", **{k: known if v == "known" else v for k, v in form.items()})
    assert answer.status_code == 422
    assert words in answer.text
    assert "Inget är spärrat" in answer.text
    unknown = await send(browser, "block", where=known, group=["notes"])
    assert unknown.status_code == 422 or unknown.status_code == 400


async def test_rule_14_permits_a_patient_to_withdraw_a_consent_at_once(
    own: tuple[httpx.AsyncClient, str], doctors_record: Record, application: Services
) -> None:
    browser, identity = own
    until = to_micros(application.clock.now() + timedelta(days=30))
    assert isinstance(await doctors_record.law.consent(identity, until), Done)
    page = await browser.get("/my-privacy")
    assert "får läsa vad andra vårdgivare har dokumenterat" in page.text
    (consent,) = re.findall(r'name="consent" value="(Consent/[^"]+)"', page.text)
    assert (await send(browser, "annul", consent=consent)).status_code == 303
    assert not (await doctors_record.standing(identity)).circumstances.consented


async def test_rule_29_permits_a_proxy_with_a_scope_and_an_end(
    own: tuple[httpx.AsyncClient, str], application: Services
) -> None:
    browser, _ = own
    last = (local(application.clock.now()).date() + timedelta(days=9)).isoformat()
    sent = await send(browser, "appoint", number="801128-9819", until=last, group=["notes"])
    assert sent.status_code == 303
    page = await browser.get("/my-privacy")
    assert "Vera Vän" in page.text
    assert last in page.text
    (consent,) = re.findall(r'name="consent" value="(Consent/[^"]+)"', page.text)
    assert (await send(browser, "annul", consent=consent)).status_code == 303
    assert "Ingen läser din journal åt dig" in (await browser.get("/my-privacy")).text


@pytest.mark.parametrize("form", [{"number": "19800101"}, {"until": "2020-01-01"}, {"until": "snart"}])
async def test_rule_29_refuses_a_proxy_without_an_end_or_a_person(
    own: tuple[httpx.AsyncClient, str], application: Services, form: dict[str, str]
) -> None:
    last = (local(application.clock.now()).date() + timedelta(days=9)).isoformat()
    sent = await send(own[0], "appoint", **{"number": OTHER_NUMBER, "until": last, **form})
    assert sent.status_code == 422
    assert "Ingen läser din journal åt dig" in sent.text


YOUNG = (
    ("2012-08-21", "2028-08-21", "Mellan 13 och 15 år"),
    ("2020-02-29", "2036-02-29", "Tills du fyller 13"),
)


@pytest.mark.parametrize(("born", "from_day", "words"), YOUNG)
async def test_rule_27_a_patient_under_16_is_told_why_and_what_applies(
    own: tuple[httpx.AsyncClient, str],
    doctors_record: Record,
    application: Services,
    born: str,
    from_day: str,
    words: str,
) -> None:
    browser, identity = own
    await write(doctors_record, patient(identity, birthDate=born))
    for path in ("/my-privacy", "/my-record"):
        page = await browser.get(path)
        assert page.status_code == 200
        assert words in page.text
        assert f"Från {from_day}, när du fyller 16" in page.text
        assert "prata med enheten" in page.text
        assert 'action="/my-privacy/' not in page.text
    token = csrf_of(page)
    for act in ("block", "appoint", "annul"):
        sent = await browser.post(f"/my-privacy/{act}", data={"csrf": token, "where": "inner a b"})
        assert sent.status_code in (403, 404, 422), act
    assert (await browser.get("/my-record/Composition/n-1")).status_code == 404
    until = to_micros(application.clock.now() + timedelta(days=30))
    decided = await doctors_record.law.represent(identity, identity, Kind.DECISION, until)
    assert isinstance(decided, Done)
    assert "Daganteckning" in (await browser.get("/my-record")).text
    assert "Du anser" not in (await browser.get("/my-record/Composition/n-1")).text
    assert 'action="/my-privacy/' not in (await browser.get("/my-privacy")).text


async def test_rule_24_a_patient_says_that_an_entry_is_wrong_and_takes_it_back(
    own: tuple[httpx.AsyncClient, str], doctors_record: Record
) -> None:
    browser, _ = own
    entry = "/my-record/Composition/n-1"
    assert f'href="{entry}"' in (await browser.get("/my-record")).text
    token = csrf_of(await browser.get(entry))
    empty = await browser.post(f"{entry}/dissent", data={"csrf": token, "dissent": " "})
    assert empty.status_code == 422
    assert "Skriv vad patienten anser är fel." in empty.text
    said = {"csrf": token, "dissent": "Jag hade ingen feber.\r\n<b>Alls.</b>"}
    assert (await browser.post(f"{entry}/dissent", data=said)).status_code == 303
    page = (await browser.get(entry)).text
    assert "Jag hade ingen feber.\n&lt;b&gt;Alls.&lt;/b&gt;" in page
    assert "Du anser att detta är fel" in (await browser.get("/my-record")).text
    (taken,) = re.findall(r'action="(/my-record/[^"]+/take-back/[^"]+)"', page)
    assert (await browser.post(taken, data={"csrf": token})).status_code == 303
    assert "Du har tagit tillbaka detta" in (await browser.get(entry)).text
    assert "Du anser att detta är fel" not in (await browser.get("/my-record")).text


async def test_rule_24_refuses_a_dissent_about_anybody_elses_entry_or_by_staff(
    own: tuple[httpx.AsyncClient, str], doctors_record: Record
) -> None:
    browser, _ = own
    await write(doctors_record, note("n-2", "Hosta", subject={"reference": "Patient/p-friend"}))
    token = csrf_of(await browser.get("/my-privacy"))
    for path in ("n-2", "none"):
        assert (await browser.get(f"/my-record/Composition/{path}")).status_code == 404
        sent = await browser.post(
            f"/my-record/Composition/{path}/dissent", data={"csrf": token, "dissent": "Fel."}
        )
        assert sent.status_code == 404
    gone = await browser.post("/my-record/Composition/n-1/take-back/none", data={"csrf": token})
    assert gone.status_code in (403, 404)
    browser.cookies.clear()
    await sign_in(browser, "Anna Berglund")
    assert (await browser.get("/my-record")).status_code == 403


async def test_rule_28_what_is_kept_back_is_not_in_the_own_record(
    own: tuple[httpx.AsyncClient, str], doctors_record: Record
) -> None:
    browser, _ = own
    place = Place("Composition", "n-1", 1, (0,))
    assert not isinstance(
        await doctors_record.text.keep_back(place, KeptKind.VIOLENCE, "Fara hemma"), Refusal
    )
    assert "Feber" not in (await browser.get("/my-record/Composition/n-1")).text


async def test_rule_12_refuses_the_page_to_all_but_the_patient(
    own: tuple[httpx.AsyncClient, str], application: Services
) -> None:
    browser, _ = own
    # What another patient has decided is not there for this one, whatever the form names.
    foreign = await send(browser, "annul", consent="Consent/somebody-elses")
    assert foreign.status_code == 404
    assert (await browser.post("/my-privacy/block", data={"where": "x"})).status_code == 403  # no token


async def test_rule_12_refuses_the_page_to_staff(doctor: httpx.AsyncClient) -> None:
    assert (await doctor.get("/my-privacy")).status_code == 403
    token = csrf_of(await doctor.get("/"))
    assert (await doctor.post("/my-privacy/block", data={"csrf": token})).status_code == 403


async def test_rule_13_an_objection_hides_from_other_providers_at_once_and_is_refused_elsewhere(
    own: tuple[httpx.AsyncClient, str], doctors_record: Record
) -> None:
    browser, identity = own
    page = await browser.get("/my-privacy")
    (provider,) = re.findall(r'name="provider" value="([^"]+)"', page.text)
    assert (await send(browser, "object", provider="SE0000000000-X")).status_code == 422
    assert (await send(browser, "object", provider=provider)).status_code == 303
    page = await browser.get("/my-privacy")
    assert 'name="provider"' not in page.text
    assert "Dolt för andra vårdgivare" in page.text
    (block,) = (await doctors_record.standing(identity)).circumstances.blocks
    assert (block.level.value, block.provider, block.unit) == ("outer", provider, "")
    (consent,) = re.findall(r'name="consent" value="(Consent/[^"]+)"', page.text)
    assert (await send(browser, "annul", consent=consent)).status_code == 303
    assert 'name="provider"' in (await browser.get("/my-privacy")).text
