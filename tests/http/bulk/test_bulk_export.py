"""Bulk Data 2: ordering, asking, fetching, giving up; what the files hold, and what they never do."""

from __future__ import annotations

import asyncio
import errno
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import IO, Any
from urllib.parse import parse_qsl, urlsplit

import asyncpg
import pytest
from tests.conftest import REGION, SYSTEM, principal
from tests.support.bulk import Client
from tests.support.resources import observation, patient

from kontinuum.app.commands import jobs
from kontinuum.bulk import Folder
from kontinuum.fhir import json
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.config import Settings
from kontinuum.kernel.principal import BULK_EXPORT, PROTECTED_IDENTITY, App, Purpose
from kontinuum.sweden import systems

OF_PATIENTS = {"Patient/p1", "Patient/p2", "Observation/o1", "Observation/o2", "Group/g"}
SHARED = {"Organization/ward", "Practitioner/dr"}
LONG_AGO = datetime(2021, 1, 1, tzinfo=UTC)
APP = App("lab", "grant", ("system/Observation.rs?code=http://loinc.org|8480-6", "system/Organization.rs"))


def mentioned(*patients: str) -> list[dict[str, Any]]:
    """The parameter `patient`."""
    return [{"name": "patient", "valueReference": {"reference": f"Patient/{each}"}} for each in patients]


async def test_a_manifest_repeats_its_request_as_it_can_be_asked_again(bulk: Client) -> None:
    filtered = "Observation%3Fcode%3Dx%26status%3Dfinal"
    asked = f"_type=Observation&_typeFilter={filtered}&_since=2020-01-01T00:00:00%2B01:00"
    place = await bulk.ordered(f"$export?{asked}")
    await bulk.runner.look()
    again = urlsplit((await bulk.http.get(place)).json()["request"])
    assert parse_qsl(again.query) == parse_qsl(asked)


async def test_an_export_is_ordered_asked_after_fetched_and_given_up(bulk: Client) -> None:
    place = await bulk.ordered("$export?_outputFormat=ndjson")
    waiting = await bulk.http.get(place)
    assert waiting.status_code == 202
    assert waiting.headers["x-progress"] == "waiting to begin"
    assert int(waiting.headers["retry-after"]) > 0
    await bulk.runner.look()
    done = await bulk.http.get(place, headers={"Accept": "application/json"})
    assert done.status_code == 200
    assert done.headers["content-type"] == "application/json"
    assert "expires" in done.headers
    manifest = done.json()
    assert manifest["request"].endswith("/fhir/$export?_outputFormat=ndjson")
    assert manifest["requiresAccessToken"] is True
    assert manifest["deleted"] == []
    (remarks,) = manifest["error"]
    (remark,) = await bulk.lines([remarks])
    assert "protected identity" in remark["issue"][0]["diagnostics"]
    found = {(each["resourceType"], each["id"]): each for each in await bulk.lines(manifest["output"])}
    assert {f"{kind}/{name}" for kind, name in found} == OF_PATIENTS | SHARED
    assert found["Observation", "o1"] == json.loads((await bulk.http.get("/fhir/Observation/o1")).content)

    url = next(each["url"] for each in manifest["output"] if each["type"] == "Patient")
    plain = await bulk.http.get(url, headers={"Accept": "application/fhir+ndjson", "Accept-Encoding": ""})
    packed = await bulk.http.get(url, headers={"Accept-Encoding": "gzip"})
    assert plain.headers["content-type"] == "application/fhir+ndjson"
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.content == packed.content
    head = await bulk.http.head(url)
    assert (head.status_code, head.content) == (200, b"")

    assert (await bulk.http.get(url, headers={"Authorization": ""})).status_code == 401
    other = await bulk.speaking_for(replace(SYSTEM, client="another"))
    for address in (place, url):
        assert (await bulk.http.get(address, headers=other)).status_code == 404
    assert (await bulk.http.delete(place, headers=other)).status_code == 404
    assert (await bulk.http.get(f"{place}/..%2f..%2fserve.lock")).status_code == 404
    assert (await bulk.http.delete(place)).status_code == 202
    for address in (place, url):
        assert (await bulk.http.get(address)).status_code == 404
    await bulk.runner.look()
    assert list(bulk.folder.iterdir()) == []


async def test_levels_types_and_filters_say_what_an_export_holds(bulk: Client) -> None:
    beginning_with_b = "Observation%3Fpatient.identifier%3Durn:example:patients%7CB%26code%3D1-1,1-2"
    holds = {
        "Patient/$export": OF_PATIENTS,
        "Group/g/$export": {"Patient/p2", "Observation/o2", "Group/g"},
        "$export?_type=Patient,Organization": {"Patient/p1", "Patient/p2", "Organization/ward"},
        "Patient/$export?_type=Patient,Practitioner": {"Patient/p1", "Patient/p2", "Practitioner/dr"},
        "$export?_type=Observation&_typeFilter=Observation%3Fcode%3D1-1": {"Observation/o2"},
        f"Patient/$export?_typeFilter=Observation%3Fdate%3Dge2024,{beginning_with_b}": OF_PATIENTS,
        "Patient/$export?_typeFilter=Observation%3Fdate%3Dge2024": OF_PATIENTS - {"Observation/o2"},
        "$export?_type=Observation&_typeFilter=Observation%3Fpatient.identifier%3Dnobody": set(),
    }
    assert {path: await bulk.ids(path) for path in holds} == holds


async def test_patients_are_named_by_post(bulk: Client) -> None:
    assert await bulk.ids("Patient/$export", mentioned("p1")) == {"Patient/p1", "Observation/o1"}
    # Whose Patient is another provider's is exported when named, and otherwise not taken away in bulk.
    assert await bulk.ids("Patient/$export", mentioned("p3")) == {"Patient/p3"}
    beyond = await bulk.asks("Group/g/$export", mentioned("p1"))
    assert beyond.status_code == 400
    assert "no member" in beyond.text
    assert (await bulk.asks("Patient/$export", mentioned("nobody"))).status_code == 404


REFUSED: list[tuple[str, dict[str, str], int, str]] = [
    ("$export", {"Prefer": "return=minimal"}, 400, "Prefer: respond-async"),
    ("$export?_outputFormat=csv", {}, 400, "_outputFormat must be"),
    ("$export?_until=2026-01-01T00:00:00Z", {}, 400, "'_until' of $export is not offered"),
    ("$export?_elements=colour", {}, 400, "_elements names 'colour'"),
    ("$export?_elements=Patient.name.family", {}, 400, "_elements names 'Patient.name.family'"),
    ("$export?_elements=Observation.birthDate", {}, 400, "no top-level element"),
    ("$export?allowPartialManifests=true", {}, 400, "is not offered"),
    ("$export?organizeOutputBy=Patient", {}, 400, "is not offered"),
    ("$export?includeAssociatedData=LatestProvenanceResources", {}, 400, "is not offered"),
    ("$export?colour=red", {}, 400, "has no parameter 'colour'"),
    ("$export?_type=Pasient", {}, 400, "'Pasient'"),
    ("$export?_type=AuditEvent", {}, 400, "log"),
    ("$export?_since=yesterday", {"Prefer": "respond-async, handling=lenient"}, 400, "_since"),
    ("$export?_typeFilter=category%3Dlab", {}, 400, "_typeFilter must be searches"),
    ("$export?_typeFilter=Observation%3F_count%3D1", {}, 400, "takes no _count"),
    ("$export?_typeFilter=Observation%3Fcolour%3Dred", {}, 400, "colour"),
    ("$export?_type=Patient&_typeFilter=Observation%3Fcode%3D1", {}, 400, "_type leaves out"),
    ("Observation/$export", {}, 404, "not offered here"),
    ("Group/nobody/$export", {}, 404, "There is no Group"),
    ("bulk/unknown", {}, 404, "There is no bulk/unknown"),
]


async def test_what_cannot_be_served_is_refused_in_words(bulk: Client) -> None:
    for path, headers, status, says in REFUSED:
        answer = await bulk.asks(path, **headers)
        assert (answer.status_code, says in answer.text) == (status, True), answer.text
    assert (await bulk.http.head("/fhir/$export", headers={"Prefer": "respond-async"})).status_code == 405


async def test_what_a_lenient_client_asks_in_vain_is_told_beside_the_result(bulk: Client) -> None:
    lenient = {"Prefer": "respond-async, handling=lenient"}
    manifest = await bulk.exported("$export?_type=Patient&colour=red&_until=2026-01-01T00:00:00Z", **lenient)
    told = [each["issue"][0]["diagnostics"] for each in await bulk.lines(manifest["error"])]
    assert any("colour" in each for each in told)
    assert any("_until" in each for each in told)
    assert len(await bulk.lines(manifest["output"])) == 2


async def test_only_the_elements_that_were_named_are_exported(bulk: Client) -> None:
    asked = "$export?_type=Patient,Observation,Organization&_elements=Observation.issued,Patient.birthDate"
    found = {each["id"]: each for each in await bulk.lines((await bulk.exported(asked))["output"])}
    part = found["o1"]
    assert set(part) == {"resourceType", "id", "meta", "status", "code"}, "with what must be"
    assert part["meta"]["tag"][-1]["code"] == "SUBSETTED"
    assert set(found["p1"]) <= {"resourceType", "id", "meta", "birthDate"}
    assert found["ward"] == json.loads((await bulk.http.get("/fhir/Organization/ward")).content)
    ids = await bulk.lines((await bulk.exported("$export?_type=Organization&_elements=id"))["output"])
    assert [set(each) for each in ids] == [{"resourceType", "id", "meta"}]


async def test_the_next_export_holds_what_was_written_and_deleted_since(bulk: Client) -> None:
    moment = (await bulk.exported("$export"))["transactionTime"]
    later = (datetime.fromisoformat(moment) + timedelta(days=2)).isoformat()
    assert await bulk.ids("$export", [{"name": "_since", "valueInstant": later}]) == set()
    await bulk.http.delete("/fhir/Observation/o2")
    manifest = await bulk.exported(f"$export?_since={moment}&_type=Observation")
    assert [each["id"] for each in await bulk.lines(manifest["output"])] == ["o1"]
    (deleted,) = await bulk.lines(manifest["deleted"])
    assert deleted["type"] == "transaction"
    assert deleted["entry"] == [{"request": {"method": "DELETE", "url": "Observation/o2"}}]


async def test_a_write_that_commits_late_is_in_the_export_or_after_its_time(bulk: Client, dsn: str) -> None:
    """What is being written when an export begins is waited for: no moment lies between two exports."""
    writer: Any = await asyncpg.connect(dsn)
    writing = writer.transaction()
    await writing.start()
    await writer.execute(
        "insert into resource"
        " (key, sort, updated, accountable, version, bucket, type, id, patient, hashes, body)"
        " select key + 1, sort, updated, accountable, version, bucket, type, 'late', patient, hashes, body"
        "   from resource where id = 'o1'"
    )
    place = await bulk.ordered("$export?_type=Observation")
    exporting = asyncio.create_task(bulk.runner.look())
    while (await bulk.http.get(place)).headers["x-progress"] == "waiting to begin":
        await asyncio.sleep(0.01)
    assert not exporting.done()
    await writing.commit()
    await writer.close()
    await exporting
    manifest = (await bulk.http.get(place)).json()
    assert manifest["output"][0]["count"] == 3


async def test_a_client_has_only_so_many_at_once(bulk: Client) -> None:
    places = [await bulk.ordered("$export") for _ in range(3)]
    full = await bulk.asks("$export")
    assert full.status_code == 429
    assert int(full.headers["retry-after"]) > 0
    other = await bulk.speaking_for(replace(SYSTEM, client="another"))
    assert (await bulk.asks("$export", **other)).status_code == 202
    await bulk.http.delete(places[0])
    assert (await bulk.asks("$export")).status_code == 202


async def test_a_full_disk_is_told_in_the_status(bulk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_folder: Folder, _name: str) -> IO[bytes]:
        raise OSError(errno.ENOSPC, "No space left on device")

    place = await bulk.ordered("$export")
    monkeypatch.setattr(Folder, "open_new", full)
    await bulk.runner.look()
    failed = await bulk.http.get(place)
    assert failed.status_code == 500
    assert "No space left on device" in failed.json()["issue"][0]["diagnostics"]
    assert list(bulk.folder.iterdir()) == []


async def test_files_are_removed_when_their_time_is_over(bulk: Client) -> None:
    manifest = await bulk.exported("$export")
    await bulk.services.pool.execute("update bulk_job set expires = 1")
    assert (await bulk.http.get(manifest["output"][0]["url"])).status_code == 404
    await bulk.runner.look()
    assert list(bulk.folder.iterdir()) == []
    assert await bulk.services.pool.fetchval("select count(*) from bulk_job") == 0


async def test_jobs_are_listed_for_whoever_runs_the_installation(
    bulk: Client,
    dsn: str,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    await bulk.exported("Patient/$export")
    await bulk.ordered("$export")
    assert await asyncio.to_thread(jobs.run, dsn, settings) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for expected in ("done", "waiting", "5 resources", "test-client"):
        assert expected in shown
    assert "p1" not in shown


async def test_rule_06_refuses_an_export_to_who_cares_for_patients_and_staff_without_the_right(
    bulk: Client,
) -> None:
    """Rule 6: an assignment gives no more than its task needs."""
    own = f"{REGION}-A"
    staff = {
        "care": (principal("dr"), 403),
        "no right": (principal("adm", purpose=Purpose.ADMINISTRATION), 403),
        "right without purpose": (principal("dr", rights=(BULK_EXPORT,)), 403),
        "right": (principal("adm", purpose=Purpose.QUALITY, rights=(BULK_EXPORT,)), 202),
        "right elsewhere": (
            principal("b", unit=f"{REGION}-B", purpose=Purpose.QUALITY, rights=(BULK_EXPORT,)),
            202,
        ),
    }
    assert SYSTEM.assignment.unit == own
    for name, (who, status) in staff.items():
        headers = await bulk.speaking_for(who)
        for path in ("$export", "Patient/$export", "$export?_typeFilter=nonsense"):
            expected = 400 if status == 202 and "nonsense" in path else status
            assert (await bulk.asks(path, **headers)).status_code == expected, (name, path)
    mine = await bulk.ids("Patient/$export", **await bulk.speaking_for(staff["right"][0]))
    assert mine == OF_PATIENTS
    theirs = await bulk.ids("Patient/$export", **await bulk.speaking_for(staff["right elsewhere"][0]))
    assert theirs == {"Patient/p1", "Patient/p2"}
    refused = [each for each in await bulk.logged("export") if each["outcome"] == "refused"]
    assert {each["basis"] for each in refused} == {"bulk-export"}


async def test_an_app_takes_out_what_its_scopes_permit_and_fetches_no_more_than_they_do(
    bulk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = replace(SYSTEM, client="app:lab", app=APP)
    headers = await bulk.speaking_for(service)
    await bulk.services.pool.execute(
        "insert into app (id, name, provider, authentication, scopes, registered, registrar)"
        " values ('lab', 'Lab', $1, 'key', '{}', 0, 'test')",
        REGION,
    )
    assert await bulk.ids("$export", **headers) == {"Observation/o1", "Organization/ward"}
    lacking = await bulk.asks("$export?_type=Patient", **headers)
    assert lacking.status_code == 403
    assert "lacks the scope system/Patient.s" in lacking.text
    place = await bulk.ordered("$export", **headers)
    await bulk.runner.look()
    manifest = (await bulk.http.get(place, headers=headers)).json()
    fewer = replace(service, app=replace(APP, scopes=("system/Organization.rs",)))
    now = await bulk.speaking_for(fewer)
    answers = {each["type"]: await bulk.http.get(each["url"], headers=now) for each in manifest["output"]}
    assert {kind: answer.status_code for kind, answer in answers.items()} == {
        "Observation": 403,
        "Organization": 200,
    }
    place = await bulk.ordered("$export", **headers)
    await bulk.services.pool.execute("update app set ended = 1 where id = 'lab'")
    await bulk.runner.look()
    await bulk.services.pool.execute("update app set ended = null where id = 'lab'")
    failed = await bulk.http.get(place, headers=headers)
    assert failed.status_code == 500
    assert "has ended" in failed.text


async def test_rule_04_refuses_an_export_protected_persons_also_when_protected_after_it(bulk: Client) -> None:
    """Rule 4: without the right to them they are in no file, nor in one that is fetched later."""
    mark = {"system": systems.SECURITY_LABEL, "code": systems.CONFIDENTIALITY_MARK}
    marked = {"meta": {"security": [mark]}}
    await bulk.write(patient("S", id="p4", **marked), observation("p4", id="o4"))
    assert await bulk.ids("Patient/$export") == OF_PATIENTS
    trusted = replace(
        SYSTEM, client="trusted", assignment=replace(SYSTEM.assignment, rights=(PROTECTED_IDENTITY,))
    )
    everybody = OF_PATIENTS | {"Patient/p4", "Observation/o4"}
    assert await bulk.ids("Patient/$export", **await bulk.speaking_for(trusted)) == everybody
    # Whose a line is counts also where it does not say so: in parts, by other numbers, in deletions.
    elsewhere = {"other": {"reference": "Patient/p2"}, "type": "replaced-by"}
    versioned = {"subject": {"reference": "Patient/p2/_history/1"}}
    await bulk.write(patient("B", id="p5", link=[elsewhere]), observation("p5", id="o5"))
    await bulk.write(observation("p2", id="o6", **versioned))
    await bulk.write(observation("p2", id="gone"), observation("p1", id="over"))
    for gone in ("gone", "over"):
        await bulk.http.delete(f"/fhir/Observation/{gone}")
    # The Patient beside the one that is marked below is not written for that.
    await bulk.services.pool.execute("update resource set updated = $1 where id = 'p5'", to_micros(LONG_AGO))
    manifest = await bulk.exported("Patient/$export?_since=2020-01-01")
    partly = await bulk.exported("Patient/$export?_type=Patient,Observation&_elements=id")
    assert {each["id"] for each in await bulk.lines(partly["output"])} >= {"p2", "p5", "o2", "o5", "o6"}
    await bulk.write(patient("B", id="p2", **marked))
    for each in (*manifest["output"], *partly["output"]):
        answer = await bulk.http.get(each["url"])
        left = [json.loads(line)["id"] for line in answer.text.splitlines()]
        assert left == {"Patient": ["p1"], "Observation": ["o1"], "Group": []}[each["type"]]
    (deletions,) = manifest["deleted"]
    text = (await bulk.http.get(deletions["url"])).text
    assert ("Observation/over" in text, "Observation/gone" in text) == (True, False)


async def test_rule_18_the_log_tells_who_ordered_an_export_whose_data_left_and_each_file(
    bulk: Client,
) -> None:
    """Rule 18: an export is in the log of every patient in it, before it can be fetched."""
    place = await bulk.ordered("Patient/$export")
    name = f"bulk/{place.rpartition('/')[2]}"
    (order,) = await bulk.logged("export")
    assert (order["what"], order["basis"]) == ([name], "bulk-order")
    assert order["note"].endswith("Patient/$export")
    await bulk.runner.look()
    entries = await bulk.logged("export")
    patients = [one for each in entries for one in each.get("patients", ())]
    assert sorted(patients) == ["p1", "p2"], "each once"
    assert all(each["what"][0] == name for each in entries)
    (file, *_) = (await bulk.http.get(place)).json()["output"]
    await bulk.http.get(file["url"])
    assert (await bulk.logged("export"))[-1]["what"] == [f"{name}/{file['url'].rpartition('/')[2]}"]
