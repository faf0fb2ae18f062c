"""Settings with their history, and files that are looked at before they are written."""

from __future__ import annotations

import re
from dataclasses import replace

import httpx
import pytest
from tests.http.administration.conftest import ADMINISTRATOR, Open, post
from tests.http.pages.conftest import csrf_of
from tests.support.directory import csv_of

from kontinuum.app.asgi import build
from kontinuum.app.services import Services
from kontinuum.demo.region import region
from kontinuum.store.provider_settings import SettingsReader

REGION = region().providers["region-stockholm"].hsa
PAGE = "/admin/settings"


async def seen(browser: httpx.AsyncClient, name: str) -> str:
    """The number of the latest decision on a setting that the page shows."""
    section = (await browser.get(PAGE)).text.partition(f'action="/admin/settings/{name}"')[2]
    found = re.search(r'name="seen" value="(\d+)"', section)
    assert found
    return found[1]


async def decide(browser: httpx.AsyncClient, name: str, **form: str) -> httpx.Response:
    """Decide on a setting."""
    return await post(browser, f"{PAGE}/{name}", PAGE, **{"seen": await seen(browser, name), **form})


async def test_a_setting_is_decided_holds_and_stands_in_the_history(
    rickard: httpx.AsyncClient, application: Services
) -> None:
    assert (await decide(rickard, "relation_days", value="60", reason="Beslut 12")).status_code == 303
    assert (await application.provider_settings.of(REGION)).relation_days == 60
    page = (await rickard.get(PAGE)).text
    assert "<del>30 days</del>" in page
    assert "<ins>60 days</ins>" in page
    assert "Beslut 12" in page
    assert "60 days" in (await rickard.get("/admin")).text
    assert (await decide(rickard, "relation_days", usual="1", reason="Åter")).status_code == 303
    assert (await application.provider_settings.of(REGION)).relation_days == 30
    # Who is told of what waits for too long is decided on the page of each unit, of its own people.
    unit = region().units["avd-32"]
    place = f"/admin/unit/{unit.reference.partition('/')[2]}"
    first = re.search(
        r'name="who-0">.*?<option value="(SE[^"]+)">', (await rickard.get(place)).text, re.DOTALL
    )
    assert first
    rule = {"after-0": "4", "time-0": "h", "who-0": "asker", "after-2": "2", "time-2": "d", "who-2": first[1]}
    asked = await post(rickard, f"{place}/escalation", place, **rule)
    assert (asked.status_code, 'value="4"' in asked.text) == (422, True), "why is not said"
    odd = await post(rickard, f"{place}/escalation", place, **{**rule, "after-2": "x", "reason": "Ny chef"})
    assert (odd.status_code, 'value="x"' in odd.text) == (422, True)
    done = await post(rickard, f"{place}/escalation", place, **rule, reason="Ny chef")
    assert done.status_code == 303
    decided = (await application.provider_settings.of(REGION)).escalation
    assert decided == ("*; 0 min; asker", f"{unit.hsa}; 4 h; asker", f"{unit.hsa}; 2 d; {first[1]}")
    assert (await post(rickard, f"{place}/escalation", place, usual="1", reason="Åter")).status_code == 303
    assert (await application.provider_settings.of(REGION)).escalation == ("*; 0 min; asker",)


async def test_a_setting_that_is_a_day_may_be_left_empty(
    rickard: httpx.AsyncClient, application: Services
) -> None:
    assert (await decide(rickard, "informed_generally", value="", reason="En i taget")).status_code == 303
    assert (await application.provider_settings.of(REGION)).informed_generally == ""
    assert "<ins>Each patient is told in person</ins>" in (await rickard.get(PAGE)).text
    assert (await decide(rickard, "informed_generally", usual="1", reason="Åter")).status_code == 303
    assert "<ins>2023-01-01</ins>" in (await rickard.get(PAGE)).text


@pytest.mark.parametrize(
    ("name", "form", "said"),
    [
        ("lift_days_max", {"value": "8", "reason": "x"}, "Allowed is 1 to 7."),
        ("log_years", {"value": "4", "reason": "x"}, "Allowed is 5 to 100."),
        ("opening_hours", {"value": "", "reason": "x"}, "Allowed is 1 to 24."),
        ("opening_hours", {"value": "2"}, "Say why"),
        ("reserve_series", {"value": "x", "reason": "x"}, "Each line is name; system; form"),
        ("informed_generally", {"value": "2023-02-30", "reason": "x"}, "Write the day as YYYY-MM-DD"),
    ],
)
async def test_what_is_not_allowed_is_refused_where_it_stands(
    rickard: httpx.AsyncClient, application: Services, name: str, form: dict[str, str], said: str
) -> None:
    page = await decide(rickard, name, **form)
    assert page.status_code == 422
    assert said in page.text
    assert await application.provider_settings.history(REGION) == []


async def test_one_who_did_not_see_the_latest_decision_is_told(
    rickard: httpx.AsyncClient, open_as: Open
) -> None:
    other = await open_as(ADMINISTRATOR)
    await decide(other, "consent_days", value="30", reason="A")
    late = await decide(rickard, "consent_days", value="60", reason="B", seen="0")
    assert late.status_code == 409
    assert f"{ADMINISTRATOR} changed this" in late.text


async def test_what_the_installation_decides_cannot_be_changed_here(
    application: Services, open_as: Open
) -> None:
    reader = SettingsReader(application.pool, application.clock, {"opening_hours": 8})
    transport = httpx.ASGITransport(app=build(replace(application, provider_settings=reader)))
    rickard = await open_as(ADMINISTRATOR)
    async with httpx.AsyncClient(
        transport=transport,
        base_url="http://test",
        cookies=rickard.cookies,
        headers={"accept-language": "en"},
    ) as browser:
        page = await browser.get(PAGE)
        assert "KONTINUUM_OPENING_HOURS" in page.text
        assert 'action="/admin/settings/opening_hours"' not in page.text
        form = {"csrf": csrf_of(page), "value": "2", "reason": "x"}
        assert (await browser.post(f"{PAGE}/opening_hours", data=form)).status_code == 403


async def test_an_unknown_setting_is_not_found(rickard: httpx.AsyncClient) -> None:
    assert (await post(rickard, f"{PAGE}/none", PAGE, value="1", reason="x")).status_code == 404


# Files

ROWS = [
    {
        "kind": "unit",
        "hsa_id": "SE2321000016-NEWUNIT",
        "name": "Nya enheten",
        "parent": REGION,
        "type": "clinic",
    },
    {"kind": "person", "hsa_id": "SE2321000016-NEWP", "given_name": "Nils", "family_name": "Ny"},
    {
        "kind": "assignment",
        "hsa_id": "SE2321000016-NEWU",
        "person": "SE2321000016-NEWP",
        "unit": "SE2321000016-NEWUNIT",
        "purpose": "Vård och behandling",
        "from": "2026-01-01",
    },
]


async def upload(browser: httpx.AsyncClient, text: str, **form: str) -> httpx.Response:
    """Send a file to be looked at."""
    token = csrf_of(await browser.get("/admin/import"))
    files = {"file": ("katalog.csv", text.encode(), "text/csv")}
    return await browser.post("/admin/import", data={"csrf": token, **form}, files=files)


async def write(browser: httpx.AsyncClient, shown: httpx.Response) -> httpx.Response:
    """Write what was shown."""
    found = re.search(r'name="step" value="([^"]+)"', shown.text)
    assert found, shown.text[:3000]
    form = {"csrf": csrf_of(shown), "step": found[1]}
    return await browser.post("/admin/import/apply", data=form)


async def test_a_file_is_shown_then_written_and_the_second_time_there_is_nothing_to_write(
    rickard: httpx.AsyncClient,
) -> None:
    shown = await upload(rickard, csv_of(ROWS))
    assert shown.status_code == 200, shown.text[:2000]
    assert (await rickard.get("/admin/unit/SE2321000016-NEWUNIT")).status_code == 404
    written = await write(rickard, shown)
    assert written.status_code == 200, written.text[:2000]
    page = await rickard.get("/admin/assignment/SE2321000016-NEWU")
    assert "Import: katalog.csv" in page.text
    assert ADMINISTRATOR in page.text
    again = await upload(rickard, csv_of(ROWS))
    assert "There is nothing to write" in again.text
    assert (await write_again(rickard, shown)).status_code == 422


async def write_again(browser: httpx.AsyncClient, shown: httpx.Response) -> httpx.Response:
    """Send the same form a second time."""
    return await write(browser, shown)


async def test_what_changed_after_it_was_shown_is_shown_anew_and_not_written(
    rickard: httpx.AsyncClient,
) -> None:
    await write(rickard, await upload(rickard, csv_of(ROWS)))
    renamed = [{**ROWS[0], "name": "Tredje namnet"}, *ROWS[1:]]
    shown = await upload(rickard, csv_of(renamed))
    path = "/admin/unit/SE2321000016-NEWUNIT"
    await post(rickard, path, name="Andra namnet", parent=REGION, type="clinic")
    late = await write(rickard, shown)
    assert late.status_code == 409
    assert "The directory has changed" in late.text
    assert "Andra namnet" in (await rickard.get(path)).text


async def test_a_files_mistakes_are_told_with_their_lines(rickard: httpx.AsyncClient) -> None:
    wrong = [*ROWS, {**ROWS[1], "hsa_id": "nobody"}]
    page = await upload(rickard, csv_of(wrong))
    assert page.status_code == 422
    assert re.search(r'<td class="numeric">5</td><td>hsa_id</td>', page.text)


async def test_another_care_providers_rows_are_refused(rickard: httpx.AsyncClient) -> None:
    gotland = region().providers["region-gotland"].hsa
    page = await upload(rickard, csv_of([{**ROWS[0], "parent": gotland}]))
    assert page.status_code == 422
    assert gotland in page.text


async def test_nothing_chosen_is_said_so(rickard: httpx.AsyncClient) -> None:
    token = csrf_of(await rickard.get("/admin/import"))
    page = await rickard.post("/admin/import", data={"csrf": token})
    assert (page.status_code, "Choose a file first" in page.text) == (422, True)
