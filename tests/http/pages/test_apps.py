"""Apps by SMART on FHIR over HTTP: opened from a chart, permitted, narrowed, renewed and ended."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from tests.http.pages.conftest import NUMBER, PATIENT, csrf_of, patient, persona, sign_in, write
from tests.support.smart import ORIGIN, REDIRECT, Client, answer_of, assertion, launch_of, registered

from kontinuum.app.services import Services
from kontinuum.audit.entry import AuditEntry, read_entry
from kontinuum.identity.smart import Authentication
from kontinuum.identity.smart.apps import service_of
from kontinuum.record import Record

OTHER = "p-bo"
DOCTOR = persona("Anna Berglund")
PROVIDER = DOCTOR.assignments[0].provider
SCOPES = "launch openid fhirUser offline_access patient/Patient.rs patient/Observation.rs?category=laboratory"


def observation(identity: str, category: str, whose: str = PATIENT) -> dict[str, Any]:
    """An observation of a category."""
    system = "http://terminology.hl7.org/CodeSystem/observation-category"
    return {
        "resourceType": "Observation",
        "id": identity,
        "status": "final",
        "category": [{"coding": [{"system": system, "code": category}]}],
        "code": {"text": "P-CRP"},
        "subject": {"reference": f"Patient/{whose}"},
    }


@pytest.fixture
async def app(application: Services, doctors_record: Record, doctor: httpx.AsyncClient) -> Client:
    """An app that is registered at the doctor's care provider, in the doctor's browser; two patients."""
    await registered(application, PROVIDER)
    number = [{"system": "http://electronichealth.se/identifier/personnummer", "value": "199012172385"}]
    await write(
        doctors_record,
        patient(),
        patient(OTHER, identifier=number),
        observation("crp", "laboratory"),
        observation("pulse", "vital-signs"),
        observation("foreign", "laboratory", OTHER),
    )
    return Client(doctor, SCOPES)


async def opened(app: Client, whose: str = PATIENT) -> dict[str, str]:
    """What the app is opened with from a chart."""
    page = await app.browser.get(f"/patient/{whose}/apps")
    assert "https://app.example" in page.headers["content-security-policy"]
    form = {"csrf": csrf_of(page), "patient": whose, "app": app.id}
    return launch_of(await app.browser.post(f"/patient/{whose}/apps", data=form))


async def tokens_of(app: Client) -> dict[str, Any]:
    """The tokens that an app has after it was opened from the chart."""
    launch = (await opened(app))["launch"]
    answered = await app.exchanges(answer_of(await app.asks(launch=launch))["code"])
    assert answered.status_code == 200, answered.text
    return dict(answered.json())


async def test_an_app_that_is_opened_from_a_chart_sees_what_its_scopes_say(app: Client) -> None:
    given = await opened(app)
    assert given["iss"] == f"{ORIGIN}/fhir"
    answer = answer_of(await app.asks(launch=given["launch"]))
    assert answer["state"] == "s-1"
    tokens = (await app.exchanges(answer["code"])).json()
    assert tokens["patient"] == PATIENT
    assert tokens["scope"] == SCOPES
    assert tokens["expires_in"] == 900
    token = tokens["access_token"]
    assert (await app.reads(token, f"Patient/{PATIENT}")).status_code == 200
    assert (await app.reads(token, "Observation/crp")).status_code == 200
    found = (await app.reads(token, "Observation")).json()
    assert [each["resource"]["id"] for each in found["entry"]] == ["crp"]
    past = (await app.reads(token, "Observation/_history")).json()
    assert [each["resource"]["id"] for each in past["entry"]] == ["crp"]
    everything = (await app.reads(token, f"Patient/{PATIENT}/$everything")).json()
    assert {each["resource"]["id"] for each in everything["entry"]} == {PATIENT, "crp"}
    for path in ("Observation/pulse", "Observation/foreign", f"Patient/{OTHER}"):
        refused = await app.reads(token, path)
        assert refused.status_code == 403, path
        assert "lacks the scope patient/" in refused.text
    for path in ("Condition", "Condition/_history", "Observation?encounter.status=planned"):
        assert (await app.reads(token, path)).status_code == 403, path
    for changed in (
        await app.reads(token, "Observation/crp", "PUT", json=observation("crp", "laboratory")),
        await app.reads(token, "Observation/crp", "DELETE"),
        await app.reads(token, "Observation", "POST", json=observation("new", "laboratory")),
    ):
        assert changed.status_code == 403
        assert "lacks the scope patient/Observation." in changed.text


async def test_who_the_person_is_is_told_by_a_token_that_can_be_checked(app: Client) -> None:
    tokens = await tokens_of(app)
    keys = KeySet.import_key_set((await app.browser.get("/oauth/keys")).json())
    claims = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"]).claims
    assert claims["iss"] == ORIGIN
    assert claims["aud"] == "growth"
    assert claims["nonce"] == "n-1"
    assert (
        claims["fhirUser"] == f"{ORIGIN}/fhir/{DOCTOR.actor.reference or f'Practitioner/{DOCTOR.actor.id}'}"
    )
    assert claims["exp"] > time.time()
    described = (await app.browser.get("/.well-known/openid-configuration")).json()
    assert described["issuer"] == ORIGIN
    assert described["jwks_uri"] == f"{ORIGIN}/oauth/keys"


async def test_a_refresh_token_is_used_once_and_its_copy_ends_everything(app: Client) -> None:
    first = await tokens_of(app)
    narrowed = await app.refreshes(first["refresh_token"], scope="patient/Patient.rs")
    assert narrowed.status_code == 200
    second = narrowed.json()
    assert second["scope"] == "patient/Patient.rs"
    assert (await app.reads(second["access_token"], "Observation")).status_code == 403
    wider = await app.refreshes(second["refresh_token"], scope="user/*.rs")
    assert wider.json()["error"] == "invalid_scope"
    third = (await app.refreshes(second["refresh_token"])).json()
    assert third["scope"] == SCOPES
    asked = await app.sends({"token": third["access_token"]}, "/oauth/introspect")
    assert asked.json() | {"active": True, "patient": PATIENT, "client_id": "growth"} == asked.json()
    assert asked.json()["exp"] - asked.json()["iat"] == third["expires_in"]
    renewing = (await app.sends({"token": third["refresh_token"]}, "/oauth/introspect")).json()
    assert renewing["exp"] > asked.json()["exp"]
    # A copy shows up: nobody knows whose the newest is.
    assert (await app.refreshes(first["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await app.refreshes(third["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await app.reads(third["access_token"], f"Patient/{PATIENT}")).status_code == 401
    asked = await app.sends({"token": third["access_token"]}, "/oauth/introspect")
    assert asked.json() == {"active": False}


async def test_a_code_is_used_once_soon_and_by_who_asked_for_it(app: Client) -> None:
    async def code() -> str:
        return answer_of(await app.asks(launch=(await opened(app))["launch"]))["code"]

    for changes in (
        {"code_verifier": "x" * 43},
        {"redirect_uri": "https://app.example/other"},
        {"code": "nothing"},
    ):
        refused = await app.exchanges(await code(), **changes)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant"), changes
    used = await code()
    tokens = (await app.exchanges(used)).json()
    assert (await app.exchanges(used)).json()["error"] == "invalid_grant"
    assert (await app.reads(tokens["access_token"], f"Patient/{PATIENT}")).status_code == 401
    missing = await app.sends({"grant_type": "authorization_code", "code": used})
    assert missing.json()["error"] == "invalid_request"
    assert (await app.sends({"grant_type": "password"})).json()["error"] == "unsupported_grant_type"
    unknown = await app.browser.post("/oauth/token", data={"grant_type": "refresh_token", "client_id": "x"})
    assert (unknown.status_code, unknown.json()["error"]) == (401, "invalid_client")


async def test_a_launch_is_of_its_session_its_app_and_once(app: Client, application: Services) -> None:
    await registered(application, PROVIDER, id="other-app")
    launch = (await opened(app))["launch"]
    elsewhere = Client(app.browser, SCOPES, id="other-app")
    assert answer_of(await elsewhere.asks(launch=launch))["error"] == "invalid_request"
    assert answer_of(await app.asks(launch=launch))["error"] == "invalid_request"
    launch = (await opened(app))["launch"]
    assert "code" in answer_of(await app.asks(launch=launch))
    assert answer_of(await app.asks(launch=launch))["error"] == "invalid_request"
    assert answer_of(await app.asks(launch=None))["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "patient/Observation.rx"}, "invalid_scope"),
        ({"scope": "patient/*.cruds"}, "invalid_scope"),
        ({"scope": "system/*.rs"}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
        ({"aud": "https://elsewhere.example/fhir"}, "invalid_request"),
        ({"aud": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"state": None}, "invalid_request"),
        ({"prompt": "none"}, "invalid_request"),
        ({"launch": "forged"}, "invalid_request"),
    ],
)
async def test_an_app_is_told_what_is_wrong_with_its_request(
    app: Client, changes: dict[str, str | None], error: str
) -> None:
    assert answer_of(await app.asks(**changes))["error"] == error


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "nobody"},
        {"redirect_uri": f"{REDIRECT}/more"},
        {"redirect_uri": "https://thief.example/answer"},
        {"redirect_uri": None},
    ],
)
async def test_nothing_is_sent_to_an_address_that_is_not_registered(
    app: Client, changes: dict[str, str | None]
) -> None:
    answer = await app.asks(**changes)
    assert answer.status_code == 400
    assert "location" not in answer.headers


async def test_staff_choose_the_patient_of_an_app_that_comes_from_elsewhere(app: Client) -> None:
    app.scope = "launch/patient patient/Observation.rs"
    page = await app.asks()
    assert page.status_code == 200
    assert "Tillväxtkurvan" in page.text
    assert "https://app.example" in page.headers["content-security-policy"]
    form = {"csrf": csrf_of(page), "step": step_of(page)}
    hasty = await app.browser.post("/oauth/authorize", data={**form, "answer": "permit"})
    assert hasty.status_code == 200
    found = await app.browser.post("/oauth/authorize", data={**form, "find": "1", "q": NUMBER})
    assert f'value="{PATIENT}"' in found.text
    chosen = await app.browser.post("/oauth/authorize", data={**form, "patient": PATIENT})
    form = {"csrf": csrf_of(chosen), "step": step_of(chosen), "answer": "permit"}
    answer = answer_of(await app.browser.post("/oauth/authorize", data=form))
    tokens = (await app.exchanges(answer["code"])).json()
    assert tokens["patient"] == PATIENT
    assert "refresh_token" not in tokens
    assert "id_token" not in tokens
    again = await app.browser.post("/oauth/authorize", data=form)
    assert again.status_code == 400
    page = await app.asks()
    form = {"csrf": csrf_of(page), "step": step_of(page), "answer": "refuse"}
    refused = answer_of(await app.browser.post("/oauth/authorize", data=form))
    assert refused["error"] == "access_denied"


async def test_a_patient_permits_an_app_and_withdraws_it(
    app: Client, application: Services, visitor: httpx.AsyncClient
) -> None:
    myself = next(one for one in application.identity.personas() if one.actor.kind.value == "patient")
    await write_patient(application, myself.actor.id)
    app.scope = "openid fhirUser offline_access patient/*.rs"
    visitor.cookies.clear()
    sent = await app.asks()
    assert sent.status_code == 303
    assert sent.headers["location"].startswith("/sign-in?next=/oauth/authorize%3F")
    assert (await sign_in(visitor, myself.actor.name)).status_code == 303
    page = await app.asks()
    assert "Läsa allt i journalen" in page.text
    form = {"csrf": csrf_of(page), "step": step_of(page), "answer": "permit"}
    tokens = (
        await app.exchanges(answer_of(await visitor.post("/oauth/authorize", data=form))["code"])
    ).json()
    assert tokens["patient"] == myself.actor.id
    own = await app.reads(tokens["access_token"], f"Patient/{myself.actor.id}")
    assert own.status_code == 200
    assert (await app.reads(tokens["access_token"], f"Patient/{PATIENT}")).status_code in (403, 404)
    assert (await app.reads(tokens["access_token"], "AuditEvent/log-1-1-1")).status_code in (403, 404)
    listed = await visitor.get("/my-apps")
    assert "Tillväxtkurvan" in listed.text
    permission = listed.text.split('name="permission" value="')[1].split('"')[0]
    form = {"csrf": csrf_of(listed), "permission": permission}
    assert (await visitor.post("/my-apps", data=form)).status_code == 303
    assert (await app.reads(tokens["access_token"], f"Patient/{myself.actor.id}")).status_code == 401
    assert (await app.refreshes(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await visitor.post("/my-apps", data=form)).status_code == 404


async def write_patient(application: Services, identity: str) -> None:
    """Write the patient who signs in."""
    record = application.gate.record(service_principal())
    number = [{"system": "http://electronichealth.se/identifier/personnummer", "value": "194003209289"}]
    await record.update("Patient", identity, patient(identity, identifier=number))


def service_principal() -> Any:
    """A system at the doctor's unit."""
    return service_of("lab", "Lab", DOCTOR.assignments[0])


async def test_a_backend_service_proves_itself_by_a_key(app: Client, application: Services) -> None:
    rsa, curve = RSAKey.generate_key(2048, {"kid": "k1"}), ECKey.generate_key("P-384", {"kid": "k2"})
    keys = tuple(dict(key.as_dict(private=False)) for key in (rsa, curve))
    await registered(
        application,
        PROVIDER,
        id="lab",
        authentication=Authentication.KEY,
        scopes=("system/Observation.rs", "system/Patient.r"),
        redirect_uris=(),
        launch_url=None,
        keys=keys,
        service=service_principal(),
    )
    asked = {"grant_type": "client_credentials", "scope": "system/Observation.rs"}

    async def answer(**more: str) -> httpx.Response:
        return await app.browser.post("/oauth/token", data={**asked, **more})

    for key, algorithm in ((rsa, "RS384"), (curve, "ES384")):
        tokens = (await answer(**assertion(key, "lab", algorithm))).json()
        assert tokens["expires_in"] == 300
        assert "refresh_token" not in tokens
        assert (await app.reads(tokens["access_token"], "Observation/crp")).status_code == 200
        refused = await app.reads(tokens["access_token"], f"Patient/{PATIENT}")
        assert refused.status_code == 403
        assert "lacks the scope system/Patient.r" in refused.text
    used = assertion(rsa, "lab")
    assert (await answer(**used)).status_code == 200
    wrong = [
        used,
        assertion(rsa, "lab", aud="https://elsewhere.example"),
        assertion(rsa, "lab", exp=int(time.time()) + 3600),
        assertion(rsa, "lab", exp=int(time.time()) - 60),
        assertion(rsa, "lab", sub="growth"),
        assertion(rsa, "lab", jti=None),
        assertion(rsa, "lab", "RS256"),
        assertion(rsa, "growth"),
        assertion(RSAKey.generate_key(2048, {"kid": "k1"}), "lab"),
    ]
    for each in wrong:
        refused = await answer(**each)
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client"), refused.text
    beyond = await answer(**{**assertion(rsa, "lab"), "scope": "system/*.cruds"})
    assert beyond.json()["error"] == "invalid_scope"
    person = await app.sends({"grant_type": "client_credentials", "scope": "patient/*.rs"})
    assert person.json()["error"] == "unauthorized_client"


async def test_an_app_with_a_secret_shows_it_and_learns_of_its_own_tokens_only(
    app: Client, application: Services
) -> None:
    secret = await registered(application, PROVIDER, id="web", authentication=Authentication.SECRET)
    assert secret is not None
    tokens = await tokens_of(app)
    web = Client(app.browser, SCOPES, id="web")
    asked = {"token": tokens["access_token"]}
    assert (await web.sends(asked, "/oauth/introspect")).status_code == 401
    assert (await web.sends({**asked, "client_secret": "wrong"}, "/oauth/introspect")).status_code == 401
    foreign = await web.sends({**asked, "client_secret": secret}, "/oauth/introspect")
    assert foreign.json() == {"active": False}
    assert (await web.sends({**asked, "client_secret": secret}, "/oauth/revoke")).status_code == 200
    assert (await app.reads(tokens["access_token"], f"Patient/{PATIENT}")).status_code == 200
    by_header = await app.browser.post("/oauth/introspect", data=asked, auth=("web", secret))
    assert by_header.json() == {"active": False}
    denied = await app.browser.post("/oauth/introspect", data=asked, auth=("web", "no"))
    assert denied.headers["www-authenticate"].startswith("Basic")
    # The app itself ends one token, then all.
    assert (await app.sends(asked, "/oauth/revoke")).status_code == 200
    assert (await app.reads(tokens["access_token"], f"Patient/{PATIENT}")).status_code == 401
    assert (await app.refreshes(tokens["refresh_token"])).status_code == 200


async def test_what_an_app_opens_is_logged_under_the_person_and_the_app(
    app: Client, application: Services
) -> None:
    tokens = await tokens_of(app)
    await app.reads(tokens["access_token"], "Observation/crp")
    await app.reads(tokens["access_token"], "Observation/pulse")
    found = await entries(application)
    by_app = [each for each in found if each.client == "app:growth"]
    assert {(each.actor, each.action, each.outcome, each.basis) for each in by_app} == {
        (DOCTOR.actor.id, "read", "permitted", "same-unit"),
        (DOCTOR.actor.id, "read", "refused", "scope"),
    }
    (permitted,) = [each for each in found if each.action == "permit-app"]
    assert permitted.patients == (PATIENT,)
    assert "app/growth" in permitted.what


async def entries(application: Services) -> list[AuditEntry]:
    """What stands in the log."""
    rows = await application.pool.fetch("select content from audit_entry")
    return [read_entry(row["content"]) for row in rows]


async def test_apps_in_browsers_find_and_may_call_the_server(app: Client) -> None:
    described = (await app.browser.get("/fhir/.well-known/smart-configuration")).json()
    assert described["authorization_endpoint"] == f"{ORIGIN}/oauth/authorize"
    assert described["code_challenge_methods_supported"] == ["S256"]
    assert "launch-ehr" in described["capabilities"]
    statement = (await app.browser.get("/fhir/metadata")).json()
    places = statement["rest"][0]["security"]["extension"][0]["extension"]
    assert {"url": "token", "valueUri": f"{ORIGIN}/oauth/token"} in places
    asking = {"origin": "https://app.example", "access-control-request-method": "GET"}
    allowed = await app.browser.options("/fhir/Patient", headers=asking)
    assert allowed.status_code == 204
    assert "authorization" in allowed.headers["access-control-allow-headers"]
    refused = await app.browser.get("/fhir/Patient", headers={"origin": "https://app.example"})
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "*"
    services = await app.browser.get("/cds-services", headers={"origin": "https://app.example"})
    assert services.headers["access-control-allow-origin"] == "*"
    page = await app.browser.get("/my-apps", headers={"origin": "https://app.example"})
    assert "access-control-allow-origin" not in page.headers


def step_of(page: httpx.Response) -> str:
    """The question that a page's form answers."""
    return page.text.split('name="step" value="')[1].split('"')[0]
