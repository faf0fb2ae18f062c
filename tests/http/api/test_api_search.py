"""Searching over HTTP: http://hl7.org/fhir/R4/http.html#search and http://hl7.org/fhir/R4/search.html."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from api_samples import SYSTEM, entries, links, numbered, observation, patient, refused, stored

FORM = {"content-type": "application/x-www-form-urlencoded"}


async def family(client: httpx.AsyncClient, count: int) -> list[str]:
    """Store several patients; their ids."""
    return [(await stored(client, numbered(str(number))))["id"] for number in range(count)]


async def test_a_search_finds_what_matches_with_its_address(client: httpx.AsyncClient) -> None:
    created = await stored(client, numbered("7"))
    await stored(client, numbered("8"))
    response = await client.get("/fhir/Patient", params={"identifier": f"{SYSTEM}|7"})
    bundle = response.json()
    assert (response.status_code, bundle["resourceType"], bundle["type"]) == (200, "Bundle", "searchset")
    assert bundle["entry"] == [
        {
            "fullUrl": f"http://test/fhir/Patient/{created['id']}",
            "resource": created,
            "search": {"mode": "match"},
        }
    ]
    assert "total" not in bundle


async def test_a_search_that_finds_nothing_has_no_entries(client: httpx.AsyncClient) -> None:
    bundle = (await client.get("/fhir/Patient?name=nobody")).json()
    assert "entry" not in bundle
    assert set(links(bundle)) == {"self"}


async def test_the_self_link_shows_what_was_really_used(client: httpx.AsyncClient) -> None:
    asked = "/fhir/Patient?name=%C3%85ker&identifier=http://example.org/mrn%7C7&_format=json&_pretty=false"
    shown = links((await client.get(asked)).json())["self"]
    query = "name=%C3%85ker&identifier=http://example.org/mrn%7C7&_count=50"
    assert shown == f"http://test/fhir/Patient?{query}"
    assert (await client.get(shown)).status_code == 200
    largest = links((await client.get("/fhir/Patient?_count=5000")).json())["self"]
    assert largest.endswith("?_count=1000")


@pytest.mark.parametrize(
    "address", ["Patient", "", "Patient/_history", "Patient/p/*", "Patient/p/$everything"]
)
async def test_the_next_page_comes_in_the_form_that_was_asked_for(
    client: httpx.AsyncClient, address: str
) -> None:
    """A browser's client that accepts XML alone asks for JSON by `_format`, and follows the link as it is."""
    await family(client, 3)
    await client.put("/fhir/Patient/p", json=numbered("p", id="p"))
    await client.put("/fhir/Observation/o", json=observation("Patient/p", id="o"))
    headers = {"Accept": "application/fhir+xml"}
    question = f"/fhir/{address}?_count=1&_format=application/fhir%2Bjson&_pretty=true"
    following = links((await client.get(question, headers=headers)).json())["next"]
    page = await client.get(following, headers=headers)
    assert page.status_code == 200, page.text
    assert page.text.startswith("{\n")
    assert "_format" not in links(page.json())["self"]


async def test_the_form_that_a_posted_search_asks_for_is_given_or_refused(client: httpx.AsyncClient) -> None:
    for path in ("Patient/_search", "_search", "Patient/p/Observation/_search"):
        posted = await client.post(f"/fhir/{path}", data={"_format": "xml"})
        refused(posted, 406, "not-supported", "_format=xml")
        refused(await client.post(f"/fhir/{path}", data={"_pretty": "very"}), 400, "value", "_pretty")
    assert (await client.post("/fhir/Patient/_search", data={"_format": "json"})).status_code == 200


async def test_pages_follow_each_other_until_all_is_shown_once(client: httpx.AsyncClient) -> None:
    ids = await family(client, 7)
    address: str | None = "/fhir/Patient?_count=3&_sort=_id"
    sizes, seen = [], []
    while address is not None:
        bundle = (await client.get(address)).json()
        found = [resource["id"] for resource in entries(bundle)]
        sizes.append(len(found))
        seen += found
        assert links(bundle)["self"].startswith("http://test/fhir/Patient?")
        address = links(bundle).get("next")
    assert sizes == [3, 3, 1]
    assert seen == sorted(ids)


async def test_a_page_token_that_is_not_ours_is_refused(client: httpx.AsyncClient) -> None:
    await family(client, 3)
    following = links((await client.get("/fhir/Patient?_count=1")).json())["next"]
    token = httpx.URL(following).params["_cursor"]
    for wrong in ("x", "AAAA", "å", token[:-4], "WzEsMiwzXQ", "W10", "bnVsbA"):
        response = await client.get("/fhir/Patient", params={"_count": "1", "_cursor": wrong})
        refused(response, 400, "value", "_cursor")
    other = await client.get("/fhir/Patient", params={"_count": "1", "name": "x", "_cursor": token})
    refused(other, 400, "value", "_cursor")


async def test_a_form_finds_the_same_as_the_address(client: httpx.AsyncClient) -> None:
    created = await stored(client, numbered("7"))
    await stored(client, numbered("8"))
    asked = {"identifier": f"{SYSTEM}|7"}
    response = await client.post("/fhir/Patient/_search", data=asked)
    assert [one["id"] for one in entries(response.json())] == [created["id"]]
    assert links(response.json())["self"].startswith("http://test/fhir/Patient?identifier=")
    both = await client.post("/fhir/Patient/_search?_count=1", data={"name": "Åker"})
    assert len(entries(both.json())) == 1
    assert (await client.get(links(both.json())["next"])).status_code == 200
    bare = await client.post("/fhir/Patient/_search")
    assert len(entries(bare.json())) == 2


async def test_a_form_must_be_one(closed: httpx.AsyncClient) -> None:
    wrong = await closed.post("/fhir/Patient/_search", json={"name": "x"})
    refused(wrong, 415, "not-supported", "application/x-www-form-urlencoded")
    refused(await closed.post("/fhir/Patient/_search", content=b"a=%FF", headers=FORM), 400, "value", "UTF-8")
    refused(
        await closed.post("/fhir/Patient/_search", content=b"a=\xff", headers=FORM), 400, "value", "UTF-8"
    )
    many = b"&".join(b"name=x" for _ in range(30))
    refused(await closed.post("/fhir/Patient/_search", content=many, headers=FORM), 400, "too-long", "20")
    large = b"name=" + b"x" * 2000
    refused(await closed.post("/fhir/Patient/_search", content=large, headers=FORM), 413, "too-long")


async def test_an_unknown_parameter_is_refused_unless_the_client_is_lenient(
    client: httpx.AsyncClient,
) -> None:
    created = await stored(client, patient())
    for strict in ({}, {"Prefer": "handling=strict"}):
        refused(await client.get("/fhir/Patient?colour=red", headers=strict), 400, "not-found", "colour")
    response = await client.get("/fhir/Patient?colour=red&name=Ö", headers={"Prefer": "handling=lenient"})
    bundle = response.json()
    assert response.headers["preference-applied"] == "handling=lenient"
    assert [one["id"] for one in entries(bundle)] == [created["id"]]
    (outcome,) = entries(bundle, "outcome")
    assert outcome["resourceType"] == "OperationOutcome"
    assert outcome["issue"][0]["severity"] == "warning"
    assert "colour" in outcome["issue"][0]["diagnostics"]
    assert "colour" not in links(bundle)["self"]


@pytest.mark.parametrize(
    "query",
    [
        "birthdate=yesterday",
        "_count=-1",
        "_count=x",
        "_sort=colour",
        "_include=Patient:colour",
        "_summary=all",
        "name=",
    ],
)
async def test_a_value_that_means_nothing_is_refused_even_to_the_lenient(
    closed: httpx.AsyncClient, query: str
) -> None:
    response = await closed.get(f"/fhir/Patient?{query}", headers={"Prefer": "handling=lenient"})
    refused(response, 400, "value", query.partition("=")[0])


@pytest.mark.parametrize(
    "query",
    [
        "_filter=name eq x",
        "_query=x",
        "name:text=x",
        "_contained=true",
    ],
)
async def test_what_is_not_done_is_refused_by_name(closed: httpx.AsyncClient, query: str) -> None:
    refused(
        await closed.get(f"/fhir/Patient?{query}"),
        400,
        "not-supported",
        query.partition("=")[0].split(":")[0],
    )


async def test_a_total_is_given_when_asked_for(client: httpx.AsyncClient) -> None:
    await family(client, 3)
    accurate = (await client.get("/fhir/Patient?_total=accurate&_count=1")).json()
    assert (accurate["total"], len(entries(accurate))) == (3, 1)
    assert "total" not in (await client.get("/fhir/Patient?_total=none")).json()
    for counting in ("_summary=count", "_count=0"):
        bundle = (await client.get(f"/fhir/Patient?{counting}")).json()
        assert bundle["total"] == 3
        assert "entry" not in bundle
        assert set(links(bundle)) == {"self"}
    estimate = (await client.get("/fhir/Patient?_total=estimate")).json()
    assert isinstance(estimate["total"], int)


async def test_what_is_included_is_told_from_what_matched(client: httpx.AsyncClient) -> None:
    subject = await stored(client, patient())
    weight = await stored(client, observation(f"Patient/{subject['id']}"))
    forward = (await client.get("/fhir/Observation?_include=Observation:subject")).json()
    assert entries(forward) == [weight]
    assert entries(forward, "include") == [subject]
    backward = (await client.get("/fhir/Patient?_revinclude=Observation:subject")).json()
    assert entries(backward) == [subject]
    assert entries(backward, "include") == [weight]
    assert forward["entry"][1]["fullUrl"] == f"http://test/fhir/Patient/{subject['id']}"


async def test_elements_and_summary_shorten_what_is_found(client: httpx.AsyncClient) -> None:
    subject = await stored(client, patient(maritalStatus={"text": "gift"}))
    created = await stored(client, observation(f"Patient/{subject['id']}", note=[{"text": "n"}]))
    part = (await client.get("/fhir/Observation?_elements=status&_include=Observation:subject")).json()
    assert set(entries(part)[0]) == {"resourceType", "id", "meta", "status", "code"}
    assert entries(part)[0]["meta"]["tag"][0]["code"] == "SUBSETTED"
    assert entries(part, "include") == [subject]
    short = (await client.get("/fhir/Observation?_summary=true&_include=Observation:subject")).json()
    assert "note" not in entries(short)[0]
    assert "maritalStatus" not in entries(short, "include")[0]
    assert entries((await client.get("/fhir/Observation?_summary=false")).json()) == [created]
    refused(await client.get("/fhir/Observation?_summary=data&_elements=status"), 400, "invalid", "exclude")
    refused(await client.get("/fhir/Observation?_elements=colour"), 400, "value", "colour")


async def test_the_order_is_the_one_asked_for(client: httpx.AsyncClient) -> None:
    subject = await stored(client, patient())
    about: dict[str, Any] = {}
    for day in ("02", "03", "01"):
        sent = observation(f"Patient/{subject['id']}", effectiveDateTime=f"2026-01-{day}")
        about[day] = (await stored(client, sent))["id"]
    for sort, days in (("date", ("01", "02", "03")), ("-date", ("03", "02", "01"))):
        bundle = (await client.get(f"/fhir/Observation?subject=Patient/{subject['id']}&_sort={sort}")).json()
        assert [one["id"] for one in entries(bundle)] == [about[day] for day in days]


async def test_a_reference_may_be_given_by_the_server_s_own_address(client: httpx.AsyncClient) -> None:
    subject = await stored(client, patient())
    created = await stored(client, observation(f"Patient/{subject['id']}"))
    absolute = f"http://test/fhir/Patient/{subject['id']}"
    bundle = (await client.get("/fhir/Observation", params={"subject": absolute})).json()
    assert entries(bundle) == [created]
