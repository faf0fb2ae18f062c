"""A draft is handed to a colleague, who signs; whoever wrote it stays named."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
from tests.http.pages.conftest import PATIENT, csrf_of
from tests.http.pages.test_escalation import ANNA, BO, HSA, _decide, staff
from tests.http.pages.test_journal import _found
from tests.http.pages.test_work import COLLEAGUE, KAJSA, ROLE, UNIT, _directory, _kajsa

from kontinuum.app.services import Services
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.validation import validate
from kontinuum.kernel.i18n import local
from kontinuum.record import Record, Refusal
from kontinuum.record.tasks import Party

__all__ = ["staff"]
TEMPLATE = "lakarbesok-primarvard"
CONTENT = fhir_json.dumps({"kontaktorsak": ["Hosta"]})


async def test_a_draft_is_handed_over_and_signed_with_both_named(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    kajsas = await _kajsa(application)
    mine = await kajsas.save_draft(PATIENT, TEMPLATE, CONTENT, 0)
    assert not isinstance(mine, Refusal)
    inbox = await doctor.get("/inbox?of=unit")
    assert mine.id not in inbox.text, "it is another's"
    item = f"draft/{PATIENT}/{mine.id}/0/"
    taken = {"csrf": csrf_of(inbox), "of": "unit", "item": item, "to": BO.reference}
    assert (await doctor.post("/inbox/hand-over", data=taken)).status_code == 409, "nor is it hers to take"
    clerk = {**COLLEAGUE, "id": "clerk"}
    purpose = [{"url": "urn:kontinuum:structure:assignment-purpose", "valueCode": "administration"}]
    works = {"practitioner": {"reference": "Practitioner/clerk"}, "extension": purpose}
    await _directory(application, clerk, {**ROLE, "id": "role-clerk", **works})
    assert isinstance(
        await kajsas.work.hand_draft(mine.id, Party("Practitioner/clerk", "Kontoret"), patient=PATIENT),
        Refusal,
    )
    assert await kajsas.work.hand_draft(mine.id, ANNA, patient=PATIENT) is None
    assert await kajsas.drafts(PATIENT) == []
    stale = await kajsas.save_draft(PATIENT, TEMPLATE, b"{}", mine.version)
    assert isinstance(stale, Refusal), "a window that was open does not write over it"
    inbox = await doctor.get("/inbox")
    assert item in inbox.text
    assert "Kajsa Ek" in inbox.text.split('id="group-draft"')[1].split("</section>")[0]
    page = await doctor.get(f"/patient/{PATIENT}/journal/write?template={TEMPLATE}")
    assert "Påbörjad av Kajsa Ek, som står kvar" in page.text
    form = page.text.split('<form class="writing"')[1].split("</form>")[0]
    hidden = dict(re.findall(r'<input type="hidden" name="([~\w]+)" value="([^"]*)"', form))
    fields = {"kontaktorsak": "Hosta", "bedomning": "Virus", "do": "sign"}
    signed = await doctor.post(f"/patient/{PATIENT}/journal/sign", data={**hidden, **fields})
    assert signed.status_code == 303, re.findall(r'role="alert">.*', signed.text)
    (note,) = await _found(doctors_record, "Composition")
    assert [one["reference"] for one in note["author"]] == [ANNA.reference, KAJSA.reference]
    assert [one["party"]["reference"] for one in note["attester"]] == [ANNA.reference]


async def test_values_that_are_not_saved_are_handed_over_and_are_of_both_who_measured(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    kajsas = await _kajsa(application)
    own = await doctors_record.save_draft(PATIENT, "vitals", b"{}", 0)
    typed = fhir_json.dumps({"pulse": ["88"], "saturation": ["93"]})
    values = await kajsas.save_draft(PATIENT, "vitals", typed, 0)
    assert not isinstance(own, Refusal)
    assert not isinstance(values, Refusal)
    inbox = await doctor.get("/inbox")
    assert f'value="draft/{PATIENT}/{own.id}/0/"' in inbox.text, "one's own can be handed over"
    taken = await kajsas.work.hand_draft(values.id, ANNA, patient=PATIENT)
    assert isinstance(taken, Refusal), "she measures this patient herself"
    await doctors_record.discard_draft(PATIENT, own.id)
    assert await kajsas.work.hand_draft(values.id, ANNA, patient=PATIENT) is None
    there = f"/patient/{PATIENT}/vitals"
    page = await doctor.get(f"{there}/entry")
    assert "Mätt av Kajsa Ek, som står kvar" in page.text
    form = page.text.split('<form class="writing vitals"')[1].split("</form>")[0]
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
    filled = dict(re.findall(r'name="(pulse|saturation)" value="([^"]+)"', form))
    assert filled == {"pulse": "88", "saturation": "93"}
    saved = await doctor.post(f"{there}/save", data={**hidden, **filled, "temperature": "37,2"})
    assert saved.status_code == 303, re.findall(r'role="alert">.*', saved.text)
    found = await _found(doctors_record, "Observation")
    assert {one["id"].rpartition("-")[2] for one in found} == {"pulse", "saturation", "temperature"}
    by = [[party["reference"] for party in one["performer"]] for one in found]
    assert by == [[ANNA.reference, KAJSA.reference]] * 3
    assert "Kajsa Ek" in (await doctor.get(f"{there}/flowsheet")).text
    assert [issue for one in found for issue in validate(one) if issue.refuses] == []


async def test_who_is_away_has_drafts_handed_over_by_who_is_responsible_and_read_by_who_may(
    doctors_record: Record, application: Services
) -> None:
    anna = await doctors_record.save_draft(PATIENT, TEMPLATE, CONTENT, 0)
    assert not isinstance(anna, Refusal)
    kajsas = await _kajsa(application)
    await _decide(application, f"{UNIT}; 1 d; {HSA}")
    assert isinstance(await kajsas.work.hand_draft(anna.id, KAJSA, patient=PATIENT), Refusal), (
        "its writer is here"
    )
    today = local(application.clock.now()).date()
    away = await doctors_record.work.absences.state(BO, today - timedelta(days=2), today + timedelta(days=2))
    assert not isinstance(away, Refusal), away
    unit = await kajsas.work.of_unit()
    assert not isinstance(unit, Refusal)
    assert unit.handable == {anna.id}
    own = await kajsas.save_draft(PATIENT, TEMPLATE, b"{}", 0)
    assert not isinstance(own, Refusal)
    assert isinstance(await kajsas.work.hand_draft(anna.id, KAJSA, patient=PATIENT), Refusal), (
        "she writes on one of her own"
    )
    await kajsas.discard_draft(PATIENT, own.id)
    assert await kajsas.work.hand_draft(anna.id, KAJSA, patient=PATIENT) is None
    await application.pool.execute("delete from care_relation")
    assert isinstance(await kajsas.draft(PATIENT, TEMPLATE), Refusal), "read as the record is"
    assert await kajsas.drafts(PATIENT) == []
    assert [one.id for one in await kajsas.work.begun()] == [anna.id], "that it waits is told"
