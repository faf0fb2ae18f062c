"""Apps at a contact, for whom a guardian represents, as long as one is signed in; keys by their address."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey
from tests.http.pages.conftest import PATIENT, csrf_of, patient, persona, sign_in, write
from tests.support.smart import Client, answer_of, assertion, launch_of, registered

from kontinuum.access.circumstances import Kind
from kontinuum.app.services import Services
from kontinuum.identity.smart import Authentication
from kontinuum.identity.smart.apps import service_of
from kontinuum.kernel.clock import to_micros
from kontinuum.record import Done, Record

OTHER = "p-bo"
DOCTOR = persona("Anna Berglund")
PROVIDER = DOCTOR.assignments[0].provider
AT_CONTACT = "launch launch/encounter patient/Patient.rs patient/Encounter.rs"
SCOPES = (*AT_CONTACT.split(), "launch/patient", "online_access", "offline_access", "patient/*.rs")


def contact(identity: str, whose: str = PATIENT, **changes: Any) -> dict[str, Any]:
    """A visit."""
    return {
        "resourceType": "Encounter",
        "id": identity,
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "type": [{"text": f"Besök {identity}"}],
        "subject": {"reference": f"Patient/{whose}"},
        "period": {"start": "2026-03-01T10:00:00+01:00", "end": "2026-03-01T10:30:00+01:00"},
        **changes,
    }


@pytest.fixture
async def app(application: Services, doctors_record: Record, doctor: httpx.AsyncClient) -> Client:
    """An app in the doctor's browser; two patients with contacts."""
    await registered(application, PROVIDER, scopes=SCOPES)
    number = [{"system": "http://electronichealth.se/identifier/personnummer", "value": "199012172385"}]
    await write(
        doctors_record,
        patient(),
        patient(OTHER, identifier=number),
        contact("visit-1"),
        contact("never", status="cancelled"),
        contact("of-other", OTHER),
    )
    return Client(doctor, AT_CONTACT)


async def opens(app: Client, **form: str) -> httpx.Response:
    """The answer when the app is opened from the chart."""
    page = await app.browser.get(f"/patient/{PATIENT}/apps?encounter={form.get('encounter', '')}")
    return await app.browser.post(
        f"/patient/{PATIENT}/apps", data={"csrf": csrf_of(page), "patient": PATIENT, "app": app.id, **form}
    )


async def chooses(app: Client, page: httpx.Response, **form: str) -> httpx.Response:
    """The answer to a choice on the page on which the person is asked."""
    step = page.text.split('name="step" value="')[1].split('"')[0]
    return await app.browser.post("/oauth/authorize", data={"csrf": csrf_of(page), "step": step, **form})


async def tokens_for(app: Client, answer: httpx.Response) -> dict[str, Any]:
    """The tokens for the code in an answer."""
    return dict((await app.exchanges(answer_of(answer)["code"])).json())


async def test_an_app_is_opened_at_a_contact(app: Client) -> None:
    page = await app.browser.get(f"/patient/{PATIENT}/apps?encounter=visit-1")
    assert '<option value="visit-1" selected>' in page.text
    assert "never" not in page.text
    for wrong in ("of-other", "never", "nothing", "'"):
        assert (await opens(app, encounter=wrong)).status_code == 404, wrong
    launch = launch_of(await opens(app, encounter="visit-1"))["launch"]
    tokens = await tokens_for(app, await app.asks(launch=launch))
    assert (tokens["patient"], tokens["encounter"]) == (PATIENT, "visit-1")
    told = (await app.sends({"token": tokens["access_token"]}, "/oauth/introspect")).json()
    assert told["encounter"] == "visit-1"
    # The contact tells the app where it is; what it reaches is the patient's, as its scopes say.
    assert (await app.reads(tokens["access_token"], "Encounter/visit-1")).status_code == 200
    assert (await app.reads(tokens["access_token"], "Encounter/of-other")).status_code == 403


async def test_the_contact_is_asked_for_where_the_app_needs_one(app: Client) -> None:
    page = await app.asks(launch=launch_of(await opens(app))["launch"])
    assert "Vilken kontakt gäller det?" in page.text
    assert "Besök visit-1" in page.text
    for wrong in ({"answer": "permit"}, {"encounter": "of-other"}):
        refused = await chooses(app, page, **wrong)
        assert refused.status_code in (200, 404), wrong
    assert (await tokens_for(app, await chooses(app, page, encounter="visit-1")))["encounter"] == "visit-1"
    app.scope = "launch/encounter patient/Encounter.rs"
    page = await app.asks()
    page = await chooses(app, page, patient=PATIENT)
    assert 'value="permit"' not in page.text
    page = await chooses(app, page, encounter="visit-1")
    tokens = await tokens_for(app, await chooses(app, page, answer="permit"))
    assert (tokens["patient"], tokens["encounter"]) == (PATIENT, "visit-1")


async def test_with_online_access_everything_ends_with_the_session(app: Client) -> None:
    app.scope = "launch online_access patient/Patient.rs"
    tokens = await tokens_for(app, await app.asks(launch=launch_of(await opens(app))["launch"]))
    again = (await app.refreshes(tokens["refresh_token"])).json()
    assert (await app.reads(again["access_token"], f"Patient/{PATIENT}")).status_code == 200
    page = await app.browser.get("/my-apps")
    assert (await app.browser.post("/sign-out", data={"csrf": csrf_of(page)})).status_code == 303
    assert (await app.refreshes(again["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await app.reads(again["access_token"], f"Patient/{PATIENT}")).status_code == 401
    assert (await sign_in(app.browser, "Anna Berglund")).status_code == 303
    assert (await app.refreshes(again["refresh_token"])).json()["error"] == "invalid_grant"
    app.scope = "launch online_access offline_access patient/Patient.rs"
    launch = launch_of(await opens(app))["launch"]
    assert answer_of(await app.asks(launch=launch))["error"] == "invalid_request"


async def test_a_guardian_chooses_for_whom_an_app_acts(
    app: Client, application: Services, doctors_record: Record
) -> None:
    me = next(one for one in application.identity.personas() if one.actor.kind.value == "patient")
    own = [{"system": "http://electronichealth.se/identifier/personnummer", "value": "194003209289"}]
    today = datetime.now(UTC)
    young = (today - timedelta(days=6 * 365)).date().isoformat()
    teen = (today - timedelta(days=14 * 366)).date().isoformat()
    await write(
        doctors_record,
        patient(me.actor.id, identifier=own, birthDate="1980-01-01"),
        *(
            patient(
                name,
                identifier=[{"system": "urn:x", "value": number}],
                birthDate=born,
                name=[{"given": [given], "family": "Barn"}],
            )
            for name, born, given, number in (("child", young, "Lo", "c-1"), ("teen", teen, "Kim", "t-1"))
        ),
        contact("childs", "child"),
    )
    for child in ("child", "teen"):
        until = to_micros(today + timedelta(days=30))
        stated = await doctors_record.law.represent(child, me.actor.id, Kind.GUARDIAN, until)
        assert isinstance(stated, Done), stated
    app.browser.cookies.clear()
    assert (await sign_in(app.browser, me.actor.name)).status_code == 303
    app.scope = "launch/patient offline_access patient/*.rs"
    page = await app.asks()
    assert "För vem ska appen få agera?" in page.text
    assert 'value="child"' in page.text
    assert f'value="{me.actor.id}"' in page.text
    # From thirteen a guardian reads nothing, so no app is given anything either.
    assert "Kim" not in page.text
    assert 'name="q"' not in page.text
    for nobody in ("teen", OTHER, "never-was"):
        assert (await chooses(app, page, patient=nobody)).status_code in (403, 404)
    assert (await chooses(app, page, answer="permit")).status_code == 200
    chosen = await chooses(app, page, patient="child")
    assert "Lo" in chosen.text
    tokens = await tokens_for(app, await chooses(app, chosen, answer="permit"))
    assert tokens["patient"] == "child"
    found = (await app.reads(tokens["access_token"], "Encounter")).json()
    assert [each["resource"]["id"] for each in found["entry"]] == ["childs"]
    assert (await app.reads(tokens["access_token"], f"Patient/{me.actor.id}")).status_code == 403
    assert "<strong>" in (await app.browser.get("/my-apps")).text


@contextmanager
def key_server(answers: list[tuple[int, bytes]]) -> Iterator[str]:
    """Serves what stands first in the list; the address."""

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers[0]
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Keys) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/jwks"
        server.shutdown()


async def test_a_services_keys_are_fetched_from_its_own_address(app: Client, application: Services) -> None:
    key = ECKey.generate_key("P-384", {"kid": "k1"})
    keys = json.dumps({"keys": [key.as_dict(private=False)]}).encode()
    answers = [(200, b"{}")]
    with key_server(answers) as address:
        for name in ("lab", "unused"):
            await registered(
                application,
                PROVIDER,
                id=name,
                authentication=Authentication.KEY,
                scopes=("system/Patient.r",),
                redirect_uris=(),
                launch_url=None,
                jwks_uri=address,
                service=service_of(name, "Lab", DOCTOR.assignments[0]),
            )
        asked = {"grant_type": "client_credentials", "scope": "system/Patient.r"}

        async def answer(signer: ECKey, app_id: str = "lab") -> httpx.Response:
            form = {**asked, **assertion(signer, app_id, "ES384")}
            return await app.browser.post("/oauth/token", data=form)

        for broken in ((200, b"{}"), (404, keys), (200, b"<html>"), (302, b"")):
            answers[0] = broken
            refused = await answer(key)
            assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client"), broken
            assert "jwks_uri" in refused.json()["error_description"]
        answers[0] = (200, keys)
        assert (await answer(key)).status_code == 200
        assert (await answer(ECKey.generate_key("P-384", {"kid": "k1"}))).status_code == 401
    # The keys are remembered for some minutes: the address need not answer for each request.
    assert (await answer(key)).status_code == 200
