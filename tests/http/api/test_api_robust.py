"""No input makes the server fail, and a failure tells nothing of the patient."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from api_doubles import OneToken
from api_samples import issues, links, numbered, observation, patient, refused, stored
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kontinuum.web.api import Api

METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
PARTS = [
    "Patient",
    "Observation",
    "p",
    "_history",
    "_search",
    "1",
    "metadata",
    "$x",
    "$everything",
    "$lastn",
    "$validate",
    "$meta",
    "",
    "å",
    "%00",
    "*",
]
NAMES = [
    "_id", "_lastUpdated", "_count", "_sort", "_include", "_revinclude", "_summary", "_elements", "_total",
    "_cursor", "_since", "_at", "_format", "_pretty", "name", "identifier", "birthdate",
    "general-practitioner", "value-quantity", "code-value-quantity", "date", "code", "subject:Patient",
    "name:exact", "code:not", "birthdate:missing", "_tag", "combo-value-quantity",
]  # fmt: skip
VALUES = [
    "", "1", "-1", "0", "true", "x|y", "|", "$", "\\", ",", "ge2026", "1e400", "1e-400",
    "5.4|http://unitsofmeasure.org|mg",
    "9" * 40, "2026-02-30", "9999-12-31", "0001-01-01", "-date", "Patient/1", "a" * 300, "\x00",
    "å\u0301", "\U0001f600",
    "Observation:subject", "Patient:*", "http://x$1", "NaN", "ap1e30", "ap9999",
]  # fmt: skip
HEADERS = {
    "If-Match": ['W/"1"', "*", "x", 'W/"2147483648"'],
    "If-None-Match": ["*", 'W/"1"', "x", '"'],
    "If-Modified-Since": ["x", "Mon, 01 Jan 0001 00:00:00 GMT", "Mon, 01 Jan 2024 00:00:00 +9999"],
    "If-None-Exist": ["", "name=x", "name", "_count=1", "%FF=%FF", "identifier=%00"],
    "Prefer": ["return=minimal", "handling=lenient", "=;,", "return"],
    "Accept": ["application/fhir+json", "*/*;q=x", ";;;", "application/fhir+xml"],
    "Content-Type": [
        "application/fhir+json",
        "application/json-patch+json",
        "application/x-www-form-urlencoded",
        "x",
    ],
    "Content-Length": ["-1", "x"],
}
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
RESOURCES = st.builds(
    lambda kind, extra: {"resourceType": kind, **extra},
    st.sampled_from(["Patient", "Observation", "Bundle", "Colour"]),
    st.dictionaries(
        st.sampled_from(
            ["id", "meta", "name", "status", "code", "subject", "type", "entry", "identifier", "text"]
        ),
        JSON,
        max_size=4,
    ),
)
POINTERS = st.sampled_from(
    ["", "/name", "/name/0", "/name/0/given/-", "/id", "/meta", "/x~1", "x", "/name/9"]
)
OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "?"]), "path": POINTERS},
    optional={"from": POINTERS, "value": JSON},
)
PATHS = st.sampled_from(
    ["Patient", "Patient.name", "Patient.name[0].given", "name.given[9]", "%x", "1", "((", ""]
)
PART = st.builds(
    lambda name, value: {"name": name, **value},
    st.sampled_from(["type", "path", "name", "value", "index", "source", "destination"]),
    st.one_of(
        PATHS.map(lambda path: {"valueString": path}),
        st.sampled_from(["add", "insert", "delete", "replace", "move"]).map(lambda kind: {"valueCode": kind}),
        st.integers(-1, 2).map(lambda number: {"valueInteger": number}),
        st.sampled_from(
            [{"valueHumanName": {"family": "x"}}, {"part": [{"name": "use", "valueCode": "usual"}]}, {}]
        ),
    ),
)
PATCHES = st.one_of(
    st.lists(OPERATIONS, max_size=3),
    st.lists(st.lists(PART, max_size=5), max_size=2).map(
        lambda listed: {
            "resourceType": "Parameters",
            "parameter": [{"name": "operation", "part": parts} for parts in listed],
        }
    ),
)


@given(patch=PATCHES)
@settings(max_examples=120)
async def test_whatever_stands_in_a_patch_the_answer_is_no_fault_of_the_server(
    client: httpx.AsyncClient, patch: Any
) -> None:
    kind = "application/json-patch+json" if isinstance(patch, list) else "application/fhir+json"
    await client.put("/fhir/Patient/p", json=patient(id="p"))
    response = await client.patch(
        "/fhir/Patient/p", content=json.dumps(patch), headers={"content-type": kind}
    )
    assert response.status_code < 500, (patch, response.text)


BODIES = st.one_of(RESOURCES.map(lambda value: json.dumps(value).encode()), st.binary(max_size=20))


@given(
    method=st.sampled_from(METHODS),
    parts=st.lists(st.sampled_from(PARTS), max_size=4),
    query=st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=3),
    headers=st.fixed_dictionaries(
        {}, optional={name: st.sampled_from(values) for name, values in HEADERS.items()}
    ),
    body=BODIES,
)
@example(
    method="PUT", parts=["Patient", "p"], query=[], headers={}, body=b'{"resourceType":"Patient","id":"p"}'
)
@settings(max_examples=300)
async def test_whatever_is_asked_the_answer_is_no_fault_of_the_server(
    client: httpx.AsyncClient,
    method: str,
    parts: list[str],
    query: list[tuple[str, str]],
    headers: dict[str, str],
    body: bytes,
) -> None:
    sent = {"Content-Type": "application/fhir+json", **headers}
    address = "/fhir/" + "/".join(parts)
    response = await client.request(method, address, params=query, headers=sent, content=body)
    assert response.status_code < 500, (method, address, query, headers, body, response.text)
    if response.status_code >= 400 and method != "HEAD":
        assert issues(response)


ENTRY_VALUES = st.sampled_from(
    [None, 1, "", "x", [], {}, ["x"], "Patient/p", "Patient?name=x", "%00", "a\x00b", "\ud7ff"]
)


@given(
    kind=st.sampled_from(["transaction", "batch"]),
    listed=st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "fullUrl": ENTRY_VALUES,
                "resource": st.one_of(ENTRY_VALUES, st.just(patient()), st.just(patient(id="p")), RESOURCES),
                "request": st.fixed_dictionaries(
                    {"method": st.sampled_from([*METHODS, None, 1])},
                    optional={
                        "url": st.one_of(
                            ENTRY_VALUES,
                            st.sampled_from(["Patient", "Patient/p/_history/1", "http://x/Patient/p"]),
                        ),
                        "ifMatch": ENTRY_VALUES,
                        "ifNoneMatch": ENTRY_VALUES,
                        "ifNoneExist": ENTRY_VALUES,
                        "ifModifiedSince": ENTRY_VALUES,
                    },
                ),
            },
        ),
        max_size=3,
    ),
)
@settings(max_examples=300)
async def test_whatever_stands_in_a_bundle_the_answer_is_no_fault_of_the_server(
    client: httpx.AsyncClient, kind: str, listed: list[Any]
) -> None:
    response = await client.post("/fhir", json={"resourceType": "Bundle", "type": kind, "entry": listed})
    assert response.status_code < 500, (listed, response.text)
    if kind == "batch" and response.status_code == 200 and listed:
        assert len(response.json()["entry"]) == len(listed)


def repacked(token: str, change: Any) -> str:
    """A page token with its content changed."""
    content = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    return base64.urlsafe_b64encode(json.dumps(change(content)).encode()).decode().rstrip("=")


CHANGES = [
    lambda content: [*content[:-1], 2**62],
    lambda content: [*content[:-1], 2**64],
    lambda content: [*content[:-1], "x"],
    lambda content: [*content[:-1], None],
    lambda content: [content[0], *("x" for _ in content[1:])],
    lambda content: [content[0], *(-1 for _ in content[1:])],
    lambda content: [content[0], *("a\x00b" for _ in content[1:])],
    lambda content: content[:-1],
    lambda content: {"a": content},
]


@pytest.mark.parametrize("change", CHANGES, ids=range(len(CHANGES)))
async def test_a_page_token_that_was_tampered_with_is_no_fault_of_the_server(
    client: httpx.AsyncClient, change: Any
) -> None:
    subject = await stored(client, numbered("1"))
    for _ in range(2):
        await stored(client, numbered("2"))
        await stored(client, observation(f"Patient/{subject['id']}", effectiveDateTime="2026-01-01"))
    for place in (
        "/fhir/Patient",
        "/fhir/Observation?_sort=date",
        "/fhir/Patient?_sort=name",
        "/fhir/_history",
        "/fhir/Patient/_history",
    ):
        address = place + ("&" if "?" in place else "?") + "_count=1"
        following = httpx.URL(links((await client.get(address)).json())["next"])
        forged = following.copy_set_param("_cursor", repacked(following.params["_cursor"], change))
        response = await client.get(forged)
        assert response.status_code < 500, (place, response.text)


@pytest.mark.parametrize("place", ["name", "id", "text"])
async def test_a_null_character_in_a_resource_is_refused(client: httpx.AsyncClient, place: str) -> None:
    wrong = {
        "name": patient(name=[{"family": "a\x00b"}]),
        "id": patient(id="a\x00b"),
        "text": patient(language="a\x00"),
    }
    response = await client.put("/fhir/Patient/p", json={"id": "p", **wrong[place]})
    assert response.status_code in (400, 422)


class BrokenGate:
    """A gate that fails with a patient's data in its message."""

    def record(self, principal: Any) -> Any:
        return self

    async def read(self, *_: Any) -> Any:
        raise RuntimeError("duplicate key (19121212-1212, Tolvan Tolvansson)")


async def test_a_fault_answers_500_with_a_number_and_no_patient_data(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    services: Any = SimpleNamespace(gate=BrokenGate(), identity=OneToken(), terminology=None, bulk=None)
    headers = {"Authorization": "Bearer valid"}
    transport = httpx.ASGITransport(app=Api(services), raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        response = await client.get("/fhir/Patient/tolvan")
    fault = refused(response, 500, "exception", "report fault")
    assert fault["severity"] == "fatal"
    number = fault["diagnostics"].split()[-1].rstrip(".")
    logged = caplog.text + "".join(capsys.readouterr())
    assert number in logged
    for secret in ("Tolvansson", "19121212", "tolvan"):
        assert secret not in response.text
        assert secret not in logged


async def test_the_log_of_requests_names_no_patient(
    closed: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level("DEBUG", logger="kontinuum.web.api.asgi"):
        await closed.get("/fhir/Patient/tolvan?name=Tolvansson&identifier=19121212-1212")
    logged = caplog.text + "".join(capsys.readouterr())
    assert "fhir request" in logged
    assert "Read" in logged
    for secret in ("tolvan", "Tolvansson", "19121212"):
        assert secret not in logged
