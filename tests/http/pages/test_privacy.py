"""Rules 12, 14 and 29: the patient's own page of blocks, consents and proxies."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest
from tests.http.pages.conftest import csrf_of, note, patient, persona, sign_in, write

from kontinuum.app.services import Services
from kontinuum.demo import personas
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.i18n import local
from kontinuum.kernel.principal import Principal
from kontinuum.record import Done, Record, Stored

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
