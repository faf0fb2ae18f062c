"""An entry's page: its history word by word, corrections, dissent, and what is kept back from the patient."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest
from tests.http.pages.conftest import PATIENT, csrf_of, note, patient, write
from tests.support.entries import content

from kontinuum.record import Record, Stored

ENTRY = f"/patient/{PATIENT}/entry/Composition/n1"


@pytest.fixture
async def page(doctor: httpx.AsyncClient, doctors_record: Record) -> httpx.Response:
    await write(doctors_record, patient(), patient("p-other"), note("n1", "<p>Ingen blödning.</p>"))
    answer = await doctor.get(ENTRY)
    assert answer.status_code == 200, answer.text
    return answer


async def act(doctor: httpx.AsyncClient, page: httpx.Response, what: str, **form: str) -> httpx.Response:
    """Send one of the page's forms."""
    version = re.search(r'name="version" value="(\d+)"', page.text)
    assert version
    fields = {"csrf": csrf_of(page), "patient": PATIENT, "version": version[1], **form}
    return await doctor.post(f"{ENTRY}/{what}", data=fields)


async def test_a_correction_is_shown_word_by_word_with_who_when_and_why(
    doctor: httpx.AsyncClient, page: httpx.Response
) -> None:
    form = {"text-0": "Liten blödning.", "reason": "Fel i dikteringen."}
    done = await act(doctor, page, "correct", **form)
    assert done.status_code == 303
    shown = (await doctor.get(ENTRY)).text
    assert "<del>Ingen</del><ins>Liten</ins><span> blödning.</span>" in shown
    assert "Fel i dikteringen." in shown
    assert "Rättad" in shown
    history = shown[shown.index("Version 2") :]
    assert "Anna Berglund" in history[: history.index("Version 1")]
    assert "Ingen blödning." in history[history.index("Version 1") :]


async def test_the_chart_marks_a_corrected_note_and_leads_to_its_history(
    doctor: httpx.AsyncClient, page: httpx.Response
) -> None:
    await act(doctor, page, "correct", **{"text-0": "Liten blödning.", "reason": "Fel."})
    chart = (await doctor.get(f"/patient/{PATIENT}")).text
    assert "Rättad och signerad" in chart
    assert f'href="{ENTRY}"' in chart


async def test_without_a_reason_nothing_is_saved_and_what_was_typed_stays(
    doctor: httpx.AsyncClient, page: httpx.Response, doctors_record: Record
) -> None:
    refused = await act(
        doctor, page, "correct", **{"text-0": "Ny text <b>&", "reason": " ", "form": "correct"}
    )
    assert refused.status_code == 422
    assert "Skriv en orsak." in refused.text
    assert "Ny text &lt;b&gt;&amp;</textarea>" in refused.text
    stored = await doctors_record.read("Composition", "n1")
    assert isinstance(stored, Stored)
    assert stored.version == 1


async def test_who_comes_second_is_told_and_keeps_the_text(
    doctor: httpx.AsyncClient, page: httpx.Response
) -> None:
    await act(doctor, page, "correct", **{"text-0": "Liten blödning.", "reason": "Fel."})
    late = await act(doctor, page, "correct", **{"text-0": "Min text.", "reason": "Annat."})
    assert late.status_code == 409
    assert "Min text.</textarea>" in late.text
    assert "Någon har ändrat anteckningen" in late.text


async def test_a_form_without_its_token_changes_nothing(
    doctor: httpx.AsyncClient, page: httpx.Response
) -> None:
    refused = await act(doctor, page, "correct", **{"csrf": "x", "text-0": "Ny.", "reason": "Fel."})
    assert refused.status_code == 403


@pytest.mark.parametrize("what", ["correct", "withdraw", "dissent", "keep-back", "lift"])
async def test_nothing_is_done_from_another_patients_page(
    doctor: httpx.AsyncClient, page: httpx.Response, doctors_record: Record, what: str
) -> None:
    fields = {
        "csrf": csrf_of(page),
        "patient": "p-other",
        "version": "1",
        "reason": "Fel.",
        "text-0": "Ny.",
        "dissent": "Fel.",
        "kind": "violence",
        "place": "0",
    }
    refused = await doctor.post(f"/patient/p-other/entry/Composition/n1/{what}", data=fields)
    assert refused.status_code == 404
    stored = await doctors_record.read("Composition", "n1")
    assert isinstance(stored, Stored)
    assert stored.version == 1


async def test_an_entry_in_error_leaves_the_chart_and_stays_struck_in_its_history(
    doctor: httpx.AsyncClient, page: httpx.Response
) -> None:
    done = await act(doctor, page, "withdraw", reason="Skriven om fel patient.")
    assert done.status_code == 303
    shown = (await doctor.get(ENTRY)).text
    assert "Felaktigt införd" in shown
    assert "struck" in shown
    assert "Skriven om fel patient." in shown
    assert "Ingen blödning." not in (await doctor.get(f"/patient/{PATIENT}")).text


async def test_a_dissent_stands_wherever_the_entry_stands(
    doctor: httpx.AsyncClient, page: httpx.Response
) -> None:
    text = "Jag har <inte> sagt det.\nAldrig."
    assert (await act(doctor, page, "dissent", dissent=text)).status_code == 303
    for path in (ENTRY, f"/patient/{PATIENT}", f"/patient/{PATIENT}/notes/older"):
        shown = (await doctor.get(path)).text
        assert "Patienten anser att detta är fel" in shown
        assert text in unescape(shown)


async def test_staff_see_which_headings_the_patient_does_not(
    doctor: httpx.AsyncClient, page: httpx.Response, doctors_record: Record
) -> None:
    form = {"place": "0", "kind": "violence", "reason": "Fara.", "until": "2099-01-31"}
    assert (await act(doctor, page, "keep-back", **form)).status_code == 303
    for path in (ENTRY, f"/patient/{PATIENT}"):
        shown = (await doctor.get(path)).text
        assert "Visas inte för patienten" in shown
        assert "våldsutsatthet" in shown
    stored = await doctors_record.read("Composition", "n1")
    assert isinstance(stored, Stored)
    assert '"2099-01-31T23:00:00.000000Z"' in (stored.body or b"").decode()

    again = await doctor.get(ENTRY)
    assert (await act(doctor, again, "lift", place="0", reason="Samtal hållet.")).status_code == 303
    assert "Visas inte för patienten" not in (await doctor.get(f"/patient/{PATIENT}")).text


@pytest.mark.parametrize(
    "form",
    [
        {"place": "0", "kind": "gossip", "reason": "x"},
        {"place": "a", "kind": "violence", "reason": "x"},
        {"place": "0", "kind": "violence", "reason": "x", "until": "snart"},
        {"place": "0", "kind": "violence", "reason": "x", "until": "2001-01-01"},
        {"place": "8", "kind": "violence", "reason": "x"},
        {"place": "0", "kind": "violence", "reason": ""},
    ],
    ids=str,
)
async def test_a_decision_that_cannot_be_meant_is_refused(
    doctor: httpx.AsyncClient, page: httpx.Response, form: dict[str, str]
) -> None:
    assert (await act(doctor, page, "keep-back", **form)).status_code == 422


async def test_only_what_was_changed_is_rewritten(
    doctor: httpx.AsyncClient, page: httpx.Response, doctors_record: Record
) -> None:
    sections = [note("x", f"<p>{text}</p>")["section"][0] for text in ("Ett <b>fett</b>", "Två")]
    await write(doctors_record, note("n2", "", section=sections))
    address = f"/patient/{PATIENT}/entry/Composition/n2"
    texts = {"text-0": "Ett fett", "text-1": "Tre"}
    fields = {"csrf": csrf_of(page), "patient": PATIENT, "version": "1", **texts, "reason": "Fel."}
    assert (await doctor.post(f"{address}/correct", data=fields)).status_code == 303
    stored = await doctors_record.read("Composition", "n2")
    assert isinstance(stored, Stored)
    assert content(stored)["section"][0] == sections[0]
    assert "Tre" in content(stored)["section"][1]["text"]["div"]


async def test_what_is_not_there_is_told_so(doctor: httpx.AsyncClient, page: httpx.Response) -> None:
    for path in ("Composition/none", "Nonsense/n1", "Composition/a b"):
        assert (await doctor.get(f"/patient/{PATIENT}/entry/{path}")).status_code == 404
    assert (await doctor.get("/patient/p-other/entry/Composition/n1")).status_code == 404
