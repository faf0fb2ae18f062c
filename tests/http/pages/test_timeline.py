"""The timeline, search inside the chart and two days compared, over HTTP."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import httpx
from tests.http.pages.conftest import PATIENT, note, patient, write

from kontinuum.app.services import Services
from kontinuum.fhir.swedish import stem
from kontinuum.kernel.i18n import local
from kontinuum.record import Record

HERE = f"/patient/{PATIENT}"


def entry(kind: str, identity: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": identity, "subject": {"reference": f"Patient/{PATIENT}"}, **more}


def value(identity: str, text: str, number: str, when: str, category: str = "laboratory") -> dict[str, Any]:
    return entry(
        "Observation",
        identity,
        status="final",
        category=[
            {
                "coding": [
                    {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": category}
                ]
            }
        ],
        code={"coding": [{"system": "urn:oid:1.2.752.108.1", "code": f"NPU-{text}"}], "text": text},
        valueQuantity={"value": Decimal(number), "unit": "g/L"},
        effectiveDateTime=when,
    )


def ids(page: httpx.Response) -> list[str]:
    """The entries of a page, in order."""
    return re.findall(r'href="/patient/[^"]+/timeline/entry/\w+/([^"?]+)', page.text)


async def chart(record: Record) -> None:
    nurse = [{"display": "Karin Öhman, Distriktssköterska"}]
    await write(
        record,
        patient(),
        note("n-1", "Buken mjuk. Ingen blödning."),
        note(
            "n-2",
            "Tidigare hjärtsvikt &amp; ödem.",
            date="2026-03-02T10:00:00+01:00",
            author=nurse,
            status="preliminary",
        ),
        value("o-1", "Hemoglobin", "116", "2026-03-01T08:00:00+01:00"),
        value("o-2", "Kreatinin", "80", "2026-03-01T08:00:00+01:00"),
        value("o-3", "Kroppsvikt", "62.50", "2026-03-02T08:00:00+01:00", "vital-signs"),
        entry(
            "Condition",
            "c-1",
            category=[
                {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/condition-category",
                            "code": "problem-list-item",
                        }
                    ]
                }
            ],
            clinicalStatus={
                "coding": [
                    {"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}
                ]
            },
            code={
                "coding": [{"system": "urn:oid:1.2.752.116.1.1.1.1.3", "code": "I50.9"}],
                "text": "Hjärtsvikt",
            },
            recordedDate="2026-02-20",
        ),
    )


async def test_everything_stands_in_the_order_in_which_it_happened_day_by_day(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await chart(doctors_record)
    page = await doctor.get(f"{HERE}/timeline")
    assert page.status_code == 200
    assert ids(page) == ["n-2", "o-3", "n-1", "o-2", "o-1", "c-1"]
    days = re.findall(r'<h3><span class="number">([\d-]+)</span>', page.text)
    assert days == ["2026-03-02", "2026-03-01", "2026-02-20"]
    assert page.text.count("Osignerad") == 1
    assert "Tallbackens vårdcentral" in page.text
    assert "Region Stockholm" in page.text or "SE2321000016" in page.text
    assert page.text.count('class="row-values"') == 1, "what was sampled together is one row"


async def test_filters_stand_in_the_address_and_pages_hold_everything_once(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await chart(doctors_record)

    async def shown(query: str) -> set[str]:
        return set(ids(await doctor.get(f"{HERE}/timeline?{query}")))

    assert await shown("kind=notes") == {"n-1", "n-2"}
    assert await shown("kind=vitals&kind=diagnoses") == {"o-3", "c-1"}
    assert await shown("profession=nurse") == {"n-2"}
    assert await shown("profession=doctor&kind=notes") == {"n-1"}
    assert await shown("from=2026-03-02") == {"n-2", "o-3"}
    assert await shown("to=2026-02-20") == {"c-1"}
    assert await shown("unit=SE0000000000-NONE") == set()
    for wrong in (
        "kind=x",
        "profession=x",
        "period=x",
        "from=2026-02-31",
        "from=2026-03-02&to=2026-03-01",
        "cursor=x",
    ):
        assert (await doctor.get(f"{HERE}/timeline?{wrong}")).status_code == 400, wrong

    days = [f"2025-{month:02}-{day:02}T09:00:00+01:00" for month in (1, 2) for day in range(1, 28)]
    many = [note(f"old-{number}", "Oförändrat.", date=when) for number, when in enumerate(days)]
    await write(doctors_record, *many)
    seen: list[str] = []
    address, headers = f"{HERE}/timeline?kind=notes", {}
    while address:
        page = await doctor.get(address, headers=headers)
        seen += ids(page)
        following = re.search(r'hx-get="([^"]+)"', page.text)
        address, headers = (unescape(following[1]) if following else ""), {"hx-request": "true"}
    assert len(seen) == len(set(seen)) == 2 + len(many)
    assert await shown("kind=notes&from=2025-01-05&to=2025-01-06") == {"old-4", "old-5"}


async def test_words_are_found_in_every_form_and_quoted_with_what_denies_them(
    doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await chart(doctors_record)

    async def found(**asked: str) -> httpx.Response:
        return await doctor.get(f"{HERE}/search", params=asked)

    page = await found(q="blödningar")
    assert ids(page) == ["n-1"]
    assert "Buken mjuk. Ingen <mark>blödning</mark>." in page.text
    page = await found(q="svikt")
    assert set(ids(page)) == {"n-2", "c-1"}, "a body weight is no failure"
    assert "Tidigare hjärt<mark>svikt</mark> &amp; ödem." in page.text
    assert ids(await found(q="I50")) == ["c-1"]
    assert ids(await found(q="Hb")) == ["o-1"]
    assert ids(await found(q="NPU-kreatinin")) == ["o-2"]
    assert ids(await found(q="svikt ödem")) == ["n-2"]
    assert ids(await found(q='"ingen blödning"', kind="diagnoses")) == []
    assert "Ingen post" in (await found(q="stroke")).text
    assert "minst två bokstäver" in (await found(q="a")).text
    assert ids(await found(q="<script>")) == []

    opened = await doctor.get(
        f"{HERE}/timeline/entry/Composition/n-2?q=svikt", headers={"hx-request": "true"}
    )
    assert f'data-patient="{PATIENT}"' in opened.text
    assert "hjärt<mark>svikt</mark>" in opened.text
    other = patient("p-other")
    await write(doctors_record, {name: each for name, each in other.items() if name != "identifier"})
    assert (await doctor.get("/patient/p-other/timeline/entry/Composition/n-2")).status_code == 404


async def test_two_days_are_compared_by_versions_and_dates(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    await chart(doctors_record)
    today = local(application.clock.now()).date()
    page = await doctor.get(f"{HERE}/compare", params={"from": "2026-02-01", "to": today.isoformat()})
    assert page.status_code == 200
    row = re.search(r'<tr class="compare-added">.*?Hjärtsvikt.*?</tr>', page.text, re.DOTALL)
    assert row, page.text
    assert doctors_record.principal.assignment.unit in row[0], "whose it is stands beside it"
    hidden = re.search(r"Hemoglobin.*?</tr>", page.text, re.DOTALL)
    assert hidden
    assert "116 g/L" in hidden[0]
    assert doctors_record.principal.assignment.unit in hidden[0]
    same = await doctor.get(
        f"{HERE}/compare", params={"from": "2026-03-05", "to": (today - timedelta(days=2)).isoformat()}
    )
    assert 'class="compare-same"' in same.text
    for wrong in ("from=x", "from=2026-03-02&to=2026-03-01"):
        assert (await doctor.get(f"{HERE}/compare?{wrong}")).status_code == 400


async def test_what_is_shown_of_the_timeline_is_in_the_log(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    await chart(doctors_record)
    await doctor.get(
        f"{HERE}/search", params={"q": "blödning", "kind": "notes"}, headers={"hx-request": "true"}
    )
    told = await application.pool.fetch("select convert_from(content, 'UTF8') as told from audit_entry")
    (search,) = [one["told"] for one in told if "_content=blödning" in one["told"]]
    assert f"Composition?patient={PATIENT}" in search
    assert PATIENT in search


async def test_stems_are_those_of_the_index(application: Services) -> None:
    text = (
        "blödningar hjärtsvikten utlöst fullt sjukdomarnas läkarens vanligheten skadades andningen"
        " kroppstemperaturen undersökningarna öronen ben magsmärtor hastigt plötsligt godartad"
    )
    rows = await application.pool.fetch(
        "select w, (ts_lexize('swedish_stem', w))[1] from unnest($1::text[]) w", text.split()
    )
    assert {row[0]: stem(row[0]) for row in rows} == {row[0]: row[1] for row in rows}
