"""$everything, $lastn, $validate and the labels: http://hl7.org/fhir/R4/operationslist.html."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from api_samples import links, observation, patient, refused

from kontinuum.fhir.validation import validate

CLASS = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}


def reference(to: str) -> dict[str, str]:
    return {"reference": to}


def region() -> list[dict[str, Any]]:
    """A patient with what belongs to it and what that refers to; another patient; what belongs to nobody."""
    about = {"subject": reference("Patient/p")}
    seen = {"class": CLASS, "status": "finished", **about}
    return [
        {"resourceType": "Organization", "id": "region", "name": "Region"},
        {"resourceType": "Organization", "id": "unit", "partOf": reference("Organization/region"),
         "name": "Enhet"},
        {"resourceType": "Location", "id": "room", "managingOrganization": reference("Organization/unit")},
        {"resourceType": "Practitioner", "id": "dr", "name": [{"family": "Lind"}]},
        {"resourceType": "Practitioner", "id": "nobody", "name": [{"family": "Utan"}]},
        {"resourceType": "Medication", "id": "m", "code": {"text": "Alvedon"}},
        {"resourceType": "Binary", "id": "letter", "contentType": "text/plain", "data": "aGVq"},
        patient(id="p", generalPractitioner=[reference("Practitioner/dr")]),
        patient(id="q"),
        {"resourceType": "Encounter", "id": "e", **seen,
         "location": [{"location": reference("Location/room")}],
         "period": {"start": "2024-03-01T08:00:00Z", "end": "2024-03-01T09:00:00Z"}},
        observation("Patient/p", id="o1", effectiveDateTime="2024-03-01", encounter=reference("Encounter/e")),
        observation("Patient/p", id="o2", effectiveDateTime="2023-01-01"),
        observation("Patient/p", id="o3"),
        observation("Patient/q", id="of-q", effectiveDateTime="2024-03-01"),
        {"resourceType": "MedicationRequest", "id": "r", "status": "active", "intent": "order", **about,
         "medicationReference": reference("Medication/m"), "authoredOn": "2024-03-02"},
        {"resourceType": "DocumentReference", "id": "d", "status": "current", **about,
         "content": [{"attachment": {"url": "Binary/letter"}}], "date": "2024-03-03T00:00:00Z",
         "context": {"related": [reference("Observation/of-q")]}},
        {"resourceType": "Condition", "id": "c", **about, "recordedDate": "2001-01-01"},
    ]  # fmt: skip


@pytest.fixture
async def fhir(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client of a server that holds the region."""
    for each in region():
        response = await client.put(f"/fhir/{each['resourceType']}/{each['id']}", json=each)
        assert response.status_code == 201, response.text
    return client


def names(bundle: dict[str, Any], mode: str) -> list[str]:
    """The resources of a searchset with that search mode."""
    assert [issue for issue in validate(bundle) if issue.refuses] == []
    found = [each["resource"] for each in bundle.get("entry", []) if each["search"]["mode"] == mode]
    return sorted(f"{each['resourceType']}/{each['id']}" for each in found)


OF_P = ["Condition/c", "DocumentReference/d", "Encounter/e", "MedicationRequest/r"]
OF_P += ["Observation/o1", "Observation/o2", "Observation/o3", "Patient/p"]
BEHIND = ["Binary/letter", "Location/room", "Medication/m", "Organization/region", "Organization/unit"]
BEHIND += ["Practitioner/dr"]


async def everything(client: httpx.AsyncClient, address: str, **asked: Any) -> dict[str, Any]:
    response = await client.get(f"/fhir/{address}/$everything", params=asked)
    assert response.status_code == 200, response.text
    return response.json()


async def test_everything_of_a_patient_is_the_compartment_and_what_stands_behind_it(
    fhir: httpx.AsyncClient,
) -> None:
    whole = await everything(fhir, "Patient/p")
    assert (names(whole, "match"), names(whole, "include")) == (OF_P, BEHIND)
    assert links(whole) == {"self": "http://test/fhir/Patient/p/$everything?_count=1000"}
    for asked, matches, included in (
        (
            {"_type": "Observation,Patient"},
            ["Observation/o1", "Observation/o2", "Observation/o3", "Patient/p"],
            [],
        ),
        ({"_type": ["Patient", "Practitioner"]}, ["Patient/p"], ["Practitioner/dr"]),
        ({"_type": "Medication"}, [], ["Medication/m"]),
        (
            {"start": "2024-03-01", "end": "2024-03-02", "_type": "Observation,MedicationRequest,Condition"},
            ["Condition/c", "MedicationRequest/r", "Observation/o1", "Observation/o3"],
            [],
        ),
        ({"end": "2023", "_type": "Observation,Encounter"}, ["Observation/o2", "Observation/o3"], []),
        ({"_since": "2999-01-01T00:00:00Z"}, [], []),
    ):
        found = await everything(fhir, "Patient/p", **asked)
        assert (names(found, "match"), names(found, "include")) == (matches, included), asked
    since = (await fhir.get("/fhir/Observation/o3")).json()["meta"]["lastUpdated"]
    assert "Observation/o2" not in names(await everything(fhir, "Patient/p", _since=since), "match")
    posted = {"resourceType": "Parameters", "parameter": [{"name": "_type", "valueCode": "Condition"}]}
    by_post = await fhir.post("/fhir/Patient/p/$everything", json=posted)
    assert names(by_post.json(), "match") == ["Condition/c"]


async def test_pages_of_everything_miss_nothing_while_others_write(fhir: httpx.AsyncClient) -> None:
    address: str | None = "/fhir/Patient/p/$everything?_count=2"
    seen: list[str] = []
    behind: set[str] = set()
    while address is not None:
        page = (await fhir.get(address)).json()
        seen += names(page, "match")
        behind |= set(names(page, "include"))
        if len(seen) == 2:
            await fhir.put("/fhir/Observation/late", json=observation("Patient/p", id="late"))
        address = links(page).get("next")
    assert sorted(seen) == sorted([*OF_P, "Observation/late"])
    assert behind == set(BEHIND)
    others = links(await everything(fhir, "Patient/p", _count=1))["next"].replace("Patient/p", "Patient/q")
    refused(await fhir.get(others), 400, "value", "_cursor")


async def test_everything_of_an_encounter_has_the_patient_with_it(fhir: httpx.AsyncClient) -> None:
    found = await everything(fhir, "Encounter/e")
    assert names(found, "match") == ["Encounter/e", "Observation/o1"]
    assert names(found, "include") == [
        "Location/room", "Organization/region", "Organization/unit", "Patient/p", "Practitioner/dr"
    ]  # fmt: skip


async def test_a_system_may_ask_for_everything_of_every_patient(fhir: httpx.AsyncClient) -> None:
    whole = await everything(fhir, "Patient")
    assert names(whole, "match") == sorted([*OF_P, "Observation/of-q", "Patient/q"])
    assert names(whole, "include") == BEHIND


async def test_what_cannot_be_asked_of_everything_is_refused(fhir: httpx.AsyncClient) -> None:
    refused(await fhir.get("/fhir/Patient/x/$everything"), 404, "not-found")
    refused(
        await fhir.get("/fhir/Observation/o1/$everything"), 404, "not-supported", "/Patient/id/$everything"
    )
    refused(await fhir.get("/fhir/Encounter/$everything"), 404, "not-supported", "/Encounter/id/$everything")
    for query, words in {
        "_type=Patients": "Patients",
        "_since=yesterday": "_since",
        "start=x": "start",
        "_count=0": "_count",
        "_cursor=x": "_cursor",
    }.items():
        refused(await fhir.get(f"/fhir/Patient/p/$everything?{query}"), 400, "value", words)
    refused(await fhir.get("/fhir/Patient/p/$everything?code=x"), 400, "not-supported", "code")
    refused(
        await fhir.get("/fhir/Patient/p/$everything?_type=AuditEvent"), 400, "not-supported", "AuditEvent"
    )
    await fhir.delete("/fhir/Patient/p")
    refused(await fhir.get("/fhir/Patient/p/$everything"), 410, "deleted")


def measured(name: str, day: str, *codes: str, **more: Any) -> dict[str, Any]:
    code = {"coding": [{"system": "urn:c", "code": each} for each in codes]} if codes else {"text": "fri"}
    return observation("Patient/p", id=name, effectiveDateTime=day, code=code, **more)


async def test_lastn_gives_the_latest_of_each_code(fhir: httpx.AsyncClient) -> None:
    lab = [{"coding": [{"system": "urn:k", "code": "lab"}]}]
    for each in (
        measured("a1", "2020-01-01", "a", category=lab),
        measured("a2", "2020-01-02", "a", "a-local", category=lab),
        measured("a3", "2020-01-03", "a-local"),
        measured("b1", "2021-01-01", "b", category=lab),
        measured("free1", "2019-01-01"),
        measured("free2", "2019-01-02"),
    ):
        assert (await fhir.put(f"/fhir/Observation/{each['id']}", json=each)).status_code == 201

    async def latest(query: str) -> list[str]:
        response = await fhir.get(f"/fhir/Observation/$lastn?{query}")
        assert response.status_code == 200, response.text
        assert [issue for issue in validate(response.json()) if issue.refuses] == []
        return [each["resource"]["id"] for each in response.json().get("entry", [])]

    old = "&date=lt2022"
    assert await latest(f"patient=p{old}") == ["b1", "a3", "free2"]
    assert await latest(f"patient=p&max=2{old}") == ["b1", "a3", "a2", "free2", "free1"]
    assert await latest(f"subject=Patient/p&category=lab{old}") == ["b1", "a2"]
    assert await latest(f"patient=Patient/p&code=urn:c|a&max=9{old}") == ["a2", "a1"]
    assert await latest("patient=nobody") == []
    posted = {"resourceType": "Parameters", "parameter": [
        {"name": "patient", "valueString": "p"}, {"name": "max", "valueInteger": 1},
        {"name": "code", "valueString": "urn:c|b"}]}  # fmt: skip
    answer = await fhir.post("/fhir/Observation/$lastn", json=posted)
    assert [each["resource"]["id"] for each in answer.json()["entry"]] == ["b1"]
    refused(await fhir.get("/fhir/Observation/$lastn?code=x"), 400, "required", "patient=id")
    refused(await fhir.get("/fhir/Observation/$lastn?patient=p,q"), 400, "required", "one patient")
    refused(await fhir.get("/fhir/Observation/$lastn?patient=p&max=0"), 400, "value", "max")
    refused(await fhir.get("/fhir/Observation/$lastn?patient=p&_sort=date"), 400, "not-supported", "_sort")
    refused(await fhir.get("/fhir/Observation/$lastn?patient=p&colour=x"), 400, "not-found", "colour")
    refused(await fhir.get("/fhir/Patient/$lastn?patient=p"), 404, "not-supported", "/Observation/$lastn")


def asked(resource: Any = None, **parts: str) -> dict[str, Any]:
    listed = [] if resource is None else [{"name": "resource", "resource": resource}]
    listed += [
        {"name": name, "valueCode" if name == "mode" else "valueUri": each} for name, each in parts.items()
    ]
    return {"resourceType": "Parameters", **({"parameter": listed} if listed else {})}


async def judged(client: httpx.AsyncClient, address: str, body: Any) -> list[dict[str, Any]]:
    """What $validate finds that refuses."""
    response = await client.post(f"/fhir/{address}/$validate", json=body)
    assert response.status_code == 200, response.text
    return [issue for issue in response.json()["issue"] if issue["severity"] in ("error", "fatal")]


async def test_validate_says_what_is_wrong_and_writes_nothing(fhir: httpx.AsyncClient) -> None:
    good, bad = patient(), {"resourceType": "Patient", "gender": "manly", "colour": 1}
    for body in (good, asked(good), asked(good, mode="create")):
        assert await judged(fhir, "Patient", body) == []
    for body in (bad, asked(bad), asked(bad, mode="create")):
        places = {place for issue in await judged(fhir, "Patient", body) for place in issue["expression"]}
        assert places == {"Patient.gender", "Patient.colour"}
    advice = await fhir.post("/fhir/Observation/$validate", json=observation("Patient/p"))
    assert {issue["severity"] for issue in advice.json()["issue"]} == {"warning"}
    changed = patient(id="p", gender="male")
    assert await judged(fhir, "Patient/p", asked(changed, mode="update")) == []
    assert await judged(fhir, "Patient", asked(changed, mode="update")) == []
    assert await judged(fhir, "Patient/p", asked(mode="delete")) == []
    base = "http://hl7.org/fhir/StructureDefinition/Patient"
    assert await judged(fhir, "Patient/p", asked(mode="profile", profile=base)) == []
    assert (await fhir.get("/fhir/Patient/p/$validate")).status_code == 200
    assert (await fhir.get("/fhir/Patient/p")).headers["etag"] == 'W/"1"'
    assert (await fhir.get("/fhir/Patient?_summary=count")).json()["total"] == 2


async def test_validate_tells_what_a_write_would_be_refused_for(fhir: httpx.AsyncClient) -> None:
    linked = patient(id="p", link=[{"other": reference("Patient/q"), "type": "replaces"}])
    found = await judged(fhir, "Patient/p", asked(linked, mode="update"))
    assert [each["code"] for each in found] == ["business-rule"]
    (missing,) = await judged(fhir, "Patient/never", asked(mode="delete"))
    assert missing["code"] == "not-found"


async def test_a_question_that_validate_cannot_answer_is_refused(fhir: httpx.AsyncClient) -> None:
    async def post(address: str, body: Any) -> httpx.Response:
        return await fhir.post(f"/fhir/{address}/$validate", json=body)

    unknown = asked(patient(), profile="http://example.org/StructureDefinition/x")
    refused(await post("Patient", unknown), 422, "not-supported", "StructureDefinition/x is not known here")
    refused(await post("Patient", asked(patient(), mode="guess")), 400, "value", "guess")
    refused(await post("Patient", asked()), 400, "required", "resource")
    refused(await post("Patient", asked(mode="delete")), 400, "required", "mode=delete")
    refused(await post("Patient", asked(patient(), mode="update")), 400, "required", "id")
    refused(await post("Patient/p", asked(patient(id="q"), mode="update")), 400, "invalid", "'p'")
    refused(await post("Patient/p", asked(mode="profile")), 400, "required", "mode=profile")
    refused(await post("Patient", {**asked(patient()), "colour": 1}), 400, "structure")
    assert (await post("Patient", asked(observation("Patient/p")))).json()["issue"][0]["code"] == "structure"


async def test_labels_are_read_added_and_removed(fhir: httpx.AsyncClient) -> None:
    def labels(**meta: Any) -> dict[str, Any]:
        return {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": meta}]}

    def shown(response: httpx.Response) -> dict[str, Any]:
        assert response.status_code == 200, response.text
        return response.json()["parameter"][0]["valueMeta"]

    tag, other = {"system": "urn:t", "code": "a"}, {"system": "urn:t", "code": "b"}
    assert "tag" not in shown(await fhir.get("/fhir/Patient/p/$meta"))
    added = await fhir.post(
        "/fhir/Patient/p/$meta-add", json=labels(tag=[tag, other], profile=["http://e.org/p"])
    )
    assert (shown(added)["tag"], shown(added)["versionId"]) == ([tag, other], "2")
    again = await fhir.post("/fhir/Patient/p/$meta-add", json=labels(tag=[tag]))
    assert shown(again)["versionId"] == "2"
    assert (await fhir.get("/fhir/Patient?_tag=urn:t|b")).json()["entry"][0]["resource"]["id"] == "p"
    removed = await fhir.post(
        "/fhir/Patient/p/$meta-delete", json=labels(tag=[other]), headers={"If-Match": 'W/"2"'}
    )
    assert (shown(removed)["tag"], shown(removed)["profile"]) == ([tag], ["http://e.org/p"])
    stale = await fhir.post(
        "/fhir/Patient/p/$meta-add", json=labels(tag=[other]), headers={"If-Match": 'W/"2"'}
    )
    refused(stale, 412, "conflict")
    source = await fhir.post("/fhir/Patient/p/$meta-add", json=labels(source="http://e.org"))
    refused(source, 400, "not-supported", "meta.source")
    refused(await fhir.post("/fhir/Patient/p/$meta-add"), 400, "required", "valueMeta")
    refused(await fhir.get("/fhir/Patient/p/$meta-add"), 405, "not-supported", "POST")
    for where in ("Patient/$meta", "$meta"):
        assert shown(await fhir.get(f"/fhir/{where}")) == {"tag": [tag], "profile": ["http://e.org/p"]}
    assert shown(await fhir.get("/fhir/Condition/$meta")) == {}
    refused(await fhir.get("/fhir/AuditEvent/$meta"), 400, "not-supported", "The log")
    refused(await fhir.get("/fhir/Patient/none/$meta"), 404, "not-found")
    nobody = await fhir.post("/fhir/Patient/none/$meta-add", json=labels(tag=[tag]))
    refused(nobody, 404, "not-found")
