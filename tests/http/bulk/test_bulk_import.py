"""`$import`: NDJSON goes into the record, and every line that is refused comes back with the reason."""

from __future__ import annotations

from typing import Any

import pytest
from tests.conftest import principal
from tests.support.bulk import ASYNC, Client
from tests.support.resources import bundle, observation, patient

from kontinuum.app import bulk_import
from kontinuum.bulk import Progress
from kontinuum.fhir import json
from kontinuum.kernel.principal import Purpose

NDJSON = {"Content-Type": "application/fhir+ndjson", **ASYNC}
BROKEN = '{"resourceType":"Patient","id":"bad","gender":"sometimes"}'
NO_JSON = "{not json}"
LINES = [
    json.dumps(patient("X", id="x1")).decode(),
    BROKEN,
    "",
    json.dumps(observation("x1", id="v1", value="1.00")).decode(),
    NO_JSON,
    json.dumps(bundle("collection", {"resource": patient("Y", id="x2")})).decode(),
    json.dumps(observation("p1", id="foreign")).decode(),
]


async def taken_in(bulk: Client, lines: list[str]) -> dict[str, Any]:
    """What came of an import."""
    ordered = await bulk.http.post("/fhir/$import", content="\n".join(lines).encode(), headers=NDJSON)
    assert ordered.status_code == 202, ordered.text
    place = ordered.headers["content-location"]
    await bulk.runner.look()
    done = await bulk.http.get(place)
    assert done.status_code == 200, done.text
    found: dict[str, Any] = done.json()
    return found


async def test_valid_lines_go_in_and_each_refused_line_comes_back_with_its_reason(bulk: Client) -> None:
    manifest = await taken_in(bulk, LINES)
    counts = {each.pop("type"): each for each in manifest["extension"]["urn:kontinuum:bulk:imported"]}
    assert counts == {
        "Patient": {"created": 1, "refused": 1},
        "Observation": {"created": 1, "refused": 1},
        "?": {"refused": 1},
        "Bundle": {"refused": 1},
    }
    assert b'"value":1.00' in (await bulk.http.get("/fhir/Observation/v1")).content
    reasons, lines = manifest["error"]
    assert (reasons["type"], reasons["count"], lines["count"]) == ("OperationOutcome", 4, 4)
    told = await bulk.lines([reasons])
    assert [each["issue"][0]["extension"][0]["valueInteger"] for each in told] == [2, 5, 6, 7]
    assert told[0]["issue"][0]["expression"] == ["Patient.gender"]
    refused = (await bulk.http.get(lines["url"])).text.splitlines()
    assert refused == [BROKEN, NO_JSON, LINES[5], LINES[6]], "as they came"
    again = await taken_in(bulk, LINES[:1] * 2)
    assert again["extension"]["urn:kontinuum:bulk:imported"] == [{"type": "Patient", "unchanged": 2}]
    assert again["error"] == []


async def test_references_by_the_servers_own_address_are_kept_as_relative_ones(bulk: Client) -> None:
    base = str(bulk.http.base_url.join("/fhir"))
    line = {**observation("p1", id="own"), "subject": {"reference": f"{base}/Patient/x1"}}
    await taken_in(bulk, [LINES[0], json.dumps(line).decode()])
    assert (await bulk.http.get("/fhir/Observation/own")).json()["subject"] == {"reference": "Patient/x1"}


async def test_an_import_goes_on_where_it_was_interrupted(
    bulk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was taken in before is counted as it was then, and no refused line is lost or told twice."""
    monkeypatch.setattr(bulk_import, "PIECE_BYTES", 1)
    ordered = await bulk.http.post("/fhir/$import", content="\n".join(LINES).encode(), headers=NDJSON)
    place = ordered.headers["content-location"]
    carry_out = bulk.runner._carriers["import"]

    async def interrupted(desk: Any, job: Any) -> Any:
        steps = 0
        async for step in carry_out(desk, job):
            yield step
            steps += isinstance(step, Progress)
            if steps == 4:
                raise TimeoutError

    monkeypatch.setitem(bulk.runner._carriers, "import", interrupted)
    with pytest.raises(TimeoutError):
        await bulk.runner.look()
    progress = (await bulk.http.get(place)).headers["x-progress"]
    assert progress.endswith("3 resources")
    monkeypatch.setitem(bulk.runner._carriers, "import", carry_out)
    await bulk.runner.look()
    manifest = (await bulk.http.get(place)).json()
    created = [each.get("created") for each in manifest["extension"]["urn:kontinuum:bulk:imported"]]
    assert created.count(1) == 2
    assert (await bulk.http.get(manifest["error"][1]["url"])).text.splitlines() == [
        BROKEN,
        NO_JSON,
        LINES[5],
        LINES[6],
    ]


async def test_what_cannot_be_read_is_refused(bulk: Client) -> None:
    refused: list[tuple[dict[str, str], int, str]] = [
        ({"Content-Type": "application/fhir+ndjson"}, 400, "Prefer: respond-async"),
        ({"Content-Type": "application/fhir+json", **ASYNC}, 415, "one a line"),
        ({**NDJSON, "Content-Encoding": "gzip"}, 415, "Content-Encoding"),
    ]
    for headers, status, says in refused:
        answer = await bulk.http.post("/fhir/$import", content=b"{}", headers=headers)
        assert (answer.status_code, says in answer.text) == (status, True), answer.text
    assert not bulk.folder.exists()


async def test_only_systems_import_in_bulk(bulk: Client) -> None:
    for who in (principal("dr"), principal("adm", purpose=Purpose.ADMINISTRATION)):
        headers = NDJSON | await bulk.speaking_for(who)
        assert (await bulk.http.post("/fhir/$import", content=b"{}", headers=headers)).status_code == 403
    assert (await bulk.logged("import"))[-1]["basis"] == "bulk-import"
