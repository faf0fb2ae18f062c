"""Rule 25: a record is destroyed only on a decision by the authority, recorded, and kept at least ten years.

patientdatalagen (2008:355) 3:17 and 8:4.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from kontinuum import bulk
from kontinuum.access.kept_back import Kind
from kontinuum.app.services import Services
from kontinuum.fhir import json
from kontinuum.fhir.questionnaire import extracted_id
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.principal import DESTRUCTION, Purpose
from kontinuum.record import (
    Draft,
    Gate,
    Incoming,
    Record,
    Refusal,
    RefusalKind,
    SearchPage,
    Stored,
    Written,
)
from kontinuum.record.destroying import Order
from kontinuum.record.extracting import Extent
from kontinuum.record.keeping_back import Place
from kontinuum.record.persons.rules import Conflict
from kontinuum.store.destruction import Decision
from kontinuum.store.packing import unpack
from tests.conftest import OTHER, SYSTEM, principal
from tests.support.entries import content, meeting, note, patients_principal, person, put, section

SECRET = "Den uppgift som skall bort."
ORDER = Order("IVO", "3.7-12345/2026", date(2026, 3, 1), "p", "Anna Karlsson", ("Composition/n",))
WHOLE = Order("IVO", "3.7-12345/2026", date(2026, 3, 1), "p", "Anna Karlsson")
REGISTRAR = principal("registrator", purpose=Purpose.ADMINISTRATION, rights=(DESTRUCTION,))
EXECUTOR = principal("arkivarie", purpose=Purpose.ADMINISTRATION, rights=(DESTRUCTION,))


@pytest.fixture
async def registrar(gate: Gate, record: Record) -> Record:
    await put(record, person(), person("q"), note("n", section("Status", SECRET)), note("m"))
    await put(record, note("other", patient="q"), note("n", section("Status", SECRET + " Mer.")))
    return gate.record(REGISTRAR)


@pytest.fixture
def executor(gate: Gate) -> Record:
    return gate.record(EXECUTOR)


async def registered(registrar: Record, order: Order = ORDER) -> Decision:
    decision = await registrar.destruction.register(order)
    assert isinstance(decision, Decision), decision
    return decision


async def executed(registrar: Record, executor: Record, order: Order = ORDER) -> Decision:
    decision = await registered(registrar, order)
    done = await executor.destruction.execute(decision.number, patient="p")
    assert isinstance(done, Decision), done
    return done


TABLES = (
    "resource",
    "history",
    "identity",
    "hot",
    "search_date",
    "search_number",
    "search_string",
    "search_words",
)


async def remains(services: Services, name: str) -> dict[str, int]:
    """How many rows of an entry's own stand in each table, by the keys that it had."""
    keys = [row["key"] for row in await services.pool.fetch("select key from resource where id = $1", name)]
    keys += [row["key"] for row in await services.pool.fetch("select key from history where id = $1", name)]
    return {
        table: await services.pool.fetchval(
            f"select count(*) from {table} where key = any($1::bigint[])", keys
        )
        for table in TABLES
    }


async def test_rule_25_nothing_remains_of_a_destroyed_entry_but_that_it_was(
    registrar: Record, executor: Record, record: Record, services: Services
) -> None:
    before = await remains(services, "n")
    filled = ("resource", "history", "identity", "hot", "search_date", "search_words")
    assert all(before[table] for table in filled)
    keys = [row["key"] for row in await services.pool.fetch("select key from resource where id = 'n'")]
    done = await executed(registrar, executor)
    assert done.removed == 1
    for table in TABLES:
        left = await services.pool.fetchval(
            f"select count(*) from {table} where key = any($1::bigint[])", keys
        )
        assert left == 0, table
    for table in ("destruction", "tombstone", "audit_entry"):
        rows = await services.pool.fetch(f"select t::text as text from {table} t")
        assert SECRET.encode().hex() not in " ".join(row["text"] for row in rows), table
    for table in ("resource", "history"):
        rows = await services.pool.fetch(f"select body from {table} where body is not null")
        assert SECRET.encode() not in b" ".join(unpack(row["body"]) for row in rows), table
    other = await record.read("Composition", "m")
    assert isinstance(other, Stored)


async def test_rule_25_who_asks_for_a_destroyed_entry_is_told_by_which_decision(
    registrar: Record, executor: Record, record: Record, client: httpx.AsyncClient
) -> None:
    await executed(registrar, executor)
    for path in ("Composition/n", "Composition/n/_history/1", "Composition/n/_history"):
        answer = await client.get(f"/fhir/{path}")
        assert answer.status_code == 410
        assert "IVO, case 3.7-12345/2026 of 2026-03-01" in answer.text
    found = await record.find("Composition?patient=p")
    assert isinstance(found, SearchPage)
    assert [one.id for one in found.matches] == ["m"]


async def test_rule_25_another_provider_is_told_nothing(
    registrar: Record, executor: Record, gate: Gate
) -> None:
    await executed(registrar, executor)
    refused = await gate.record(principal("annan", provider=OTHER)).read("Composition", "n")
    assert isinstance(refused, Refusal)
    assert refused.kind is RefusalKind.NOT_FOUND


@pytest.mark.parametrize(
    "bring_back",
    [
        lambda r: r.update("Composition", "n", note("n")),
        lambda r: r.transaction(
            {
                "resourceType": "Bundle",
                "type": "transaction",
                "entry": [{"resource": note("n"), "request": {"method": "PUT", "url": "Composition/n"}}],
            }
        ),
    ],
    ids=["update", "transaction"],
)
async def test_rule_25_what_was_destroyed_does_not_come_back(
    registrar: Record, executor: Record, record: Record, bring_back: Any
) -> None:
    await executed(registrar, executor)
    refused = await bring_back(record)
    assert isinstance(refused, Refusal)
    assert refused.kind is RefusalKind.GONE


async def test_rule_25_an_import_of_an_old_copy_does_not_bring_it_back(
    registrar: Record, executor: Record, record: Record
) -> None:
    await executed(registrar, executor)
    back, other = await record.take_in([Incoming(note("n")), Incoming(note("new"))])
    assert isinstance(back, Refusal)
    assert isinstance(other, Written)


async def test_rule_25_with_the_entry_go_its_reasons_and_what_the_patient_said(
    registrar: Record, executor: Record, gate: Gate, record: Record
) -> None:
    doctor = await meeting(gate, principal("dr-lind"))
    await doctor.text.correct(note("n", section("Status", "Rätt.")), f"Stod: {SECRET}", version=2)
    await doctor.text.dissent("Composition", "n", f"Fel: {SECRET}")
    own = gate.record(patients_principal())
    assert isinstance(await own.text.write_words("Composition", "n", f"Jag vet: {SECRET}"), Written)
    kept = await doctor.text.dissent("Composition", "m", "Annat är fel.")
    assert isinstance(kept, Written)
    done = await executed(registrar, executor)
    assert done.removed == 4
    for url in ("Provenance?patient=p", "Communication?patient=p"):
        page = await record.find(url)
        assert isinstance(page, SearchPage)
        assert SECRET not in " ".join((one.body or b"").decode() for one in page.matches)
    assert isinstance(await doctor.read("Communication", kept.stored.id), Stored)


async def test_rule_25_with_a_note_go_its_files_and_not_what_it_only_mentions(
    registrar: Record, executor: Record, record: Record
) -> None:
    for name, related in (("own", "Composition/n"), ("mentioned", "Composition/m")):
        document = {
            "resourceType": "DocumentReference",
            "id": name,
            "status": "current",
            "subject": {"reference": "Patient/p"},
            "content": [{"attachment": {"url": f"Binary/{name}"}}],
            "context": {"related": [{"reference": related}]},
        }
        content = {
            "resourceType": "Binary",
            "id": name,
            "contentType": "image/png",
            "securityContext": {"reference": "Patient/p"},
            "data": b64encode(SECRET.encode()).decode(),
        }
        await put(record, document, content)
    entries = [{"reference": f"DocumentReference/{name}"} for name in ("own", "mentioned")]
    await put(record, note("n", {**section("Status", SECRET), "entry": entries}))
    done = await executed(registrar, executor)
    assert done.removed == 3
    for kind in ("DocumentReference", "Binary"):
        gone = await record.read(kind, "own")
        assert isinstance(gone, Refusal)
        assert gone.kind is RefusalKind.GONE
        assert isinstance(await record.read(kind, "mentioned"), Stored)


async def test_rule_25_with_a_note_go_the_answers_behind_it_and_what_was_extracted_from_them(
    registrar: Record, executor: Record, record: Record
) -> None:
    subject = {"reference": "Patient/p"}
    answers = {
        "resourceType": "QuestionnaireResponse",
        "id": "n",
        "status": "completed",
        "subject": subject,
        "item": [{"linkId": "a", "text": "Status", "answer": [{"valueString": SECRET}]}],
    }
    value = {"resourceType": "Observation", "status": "final", "code": {"text": "Status"}, "subject": subject}
    extracted, other = extracted_id("n", "Observation", "a", 1), "other-value"
    source = {
        "resourceType": "Provenance",
        "id": extracted_id("n", "Provenance"),
        "target": [{"reference": f"Observation/{extracted}"}],
        "recorded": "2026-03-01T10:00:00+01:00",
        "agent": [{"who": {"display": "Anna Berglund"}}],
    }
    entries = [{"reference": "QuestionnaireResponse/n"}, {"reference": f"Observation/{other}"}]
    await put(record, answers, {**value, "id": extracted}, {**value, "id": other}, source)
    await put(record, note("n", {**section("Status", SECRET), "entry": entries}))
    done = await executed(registrar, executor)
    assert done.removed == 4
    for gone in (answers, {**value, "id": extracted}, source):
        read = await record.read(gone["resourceType"], gone["id"])
        assert isinstance(read, Refusal)
        assert read.kind is RefusalKind.GONE
    assert isinstance(await record.read("Observation", other), Stored)


async def test_rule_25_a_whole_record_goes_and_other_patients_stay(
    registrar: Record, executor: Record, record: Record
) -> None:
    done = await executed(registrar, executor, WHOLE)
    assert done.removed == 3
    for name, logical_id in (("Patient", "p"), ("Composition", "n"), ("Composition", "m")):
        refused = await record.read(name, logical_id)
        assert isinstance(refused, Refusal)
        assert refused.kind is RefusalKind.GONE
    assert isinstance(await record.read("Composition", "other"), Stored)


async def begun(gate: Gate, author: str, patient: str) -> Draft:
    draft = await gate.record(principal(author)).save_draft(patient, "note", SECRET.encode(), 0)
    assert isinstance(draft, Draft), draft
    return draft


async def test_rule_25_a_record_that_is_linked_to_another_is_not_destroyed_by_half(
    registrar: Record, executor: Record, gate: Gate, services: Services
) -> None:
    decision = await registered(registrar, WHOLE)
    doctor = await meeting(gate, principal("dr-lind"), "p", "q")
    linked = await doctor.persons.link("q", "p", reason="Samma person.", confirmed=list(Conflict))
    assert not isinstance(linked, Refusal), linked
    for refused in (
        await registrar.destruction.register(replace(WHOLE, case_number="3.7-2/2026")),
        await executor.destruction.execute(decision.number, patient="p"),
    ):
        assert isinstance(refused, Refusal)
        assert "Patient/q" in refused.issues[0].message
    undone = await doctor.persons.unlink("q", reason="Två personer.")
    assert not isinstance(undone, Refusal), undone
    done = await executor.destruction.execute(decision.number, patient="p")
    assert isinstance(done, Decision), done
    assert await services.pool.fetchval("select count(*) from patient_link") == 0
    assert isinstance(await doctor.read("Patient", "q"), Stored)


async def test_rule_25_with_a_whole_record_go_everybodys_drafts_about_the_patient(
    registrar: Record, executor: Record, gate: Gate
) -> None:
    for author in ("dr-lind", "dr-berg"):
        await begun(gate, author, "p")
    about_another = await begun(gate, "dr-lind", "q")
    theirs = gate.record(principal("annan", provider=OTHER))
    elsewhere = await theirs.save_draft("p", "note", b"{}", 0)
    await executed(registrar, executor, WHOLE)
    for author in ("dr-lind", "dr-berg"):
        assert await gate.record(principal(author)).draft("p", "note") is None
    assert await gate.record(principal("dr-lind")).draft("q", "note") == about_another
    assert await theirs.draft("p", "note") == elsewhere


async def test_rule_25_with_a_record_go_the_exports_that_hold_it(
    registrar: Record, executor: Record, services: Services
) -> None:
    await services.bulk.order(SYSTEM, "export", "job", "$export", bulk.Order(Extent("system")))
    assert await services.bulk.find(SYSTEM, "job") is not None
    await executed(registrar, executor, WHOLE)
    assert await services.bulk.find(SYSTEM, "job") is None


async def test_rule_25_with_an_unsigned_note_goes_its_draft_and_no_other(
    registrar: Record, executor: Record, gate: Gate, record: Record
) -> None:
    draft, other = await begun(gate, "dr-lind", "p"), await begun(gate, "dr-berg", "p")
    await put(record, note(draft.id, section("Status", SECRET), status="preliminary"))
    # So does what somebody has begun to write about the entry in a form, and of another entry nothing.
    author = gate.record(principal("dr-lind"))
    about, longer = f"form:notes/one?id={draft.id}#strike", f"form:notes/one?id={draft.id}-2"
    for form in (about, longer):
        assert isinstance(await author.save_draft("p", form, SECRET.encode(), 0), Draft)
    await executed(registrar, executor, replace(ORDER, entries=(f"Composition/{draft.id}",)))
    for gone in ("note", about):
        assert await author.draft("p", gone) is None
    assert await author.draft("p", longer) is not None
    assert await gate.record(principal("dr-berg")).draft("p", "note") == other


async def test_rule_25_other_providers_entries_and_the_patients_identity_for_them_stay(
    registrar: Record, executor: Record, gate: Gate, record: Record
) -> None:
    elsewhere = gate.record(principal("annan", provider=OTHER))
    await put(elsewhere, note("theirs"))
    await executed(registrar, executor, WHOLE)
    assert isinstance(await elsewhere.read("Composition", "theirs"), Stored)
    assert isinstance(await record.read("Patient", "p"), Stored)


async def test_rule_25_a_decision_alone_destroys_nothing(registrar: Record, record: Record) -> None:
    await registered(registrar)
    stored = await record.read("Composition", "n")
    assert isinstance(stored, Stored)
    assert SECRET in (stored.body or b"").decode()


async def test_rule_25_without_a_decision_nothing_is_destroyed(registrar: Record, executor: Record) -> None:
    refused = await executor.destruction.execute(4711, patient="p")
    assert isinstance(refused, Refusal)
    assert refused.kind is RefusalKind.NOT_FOUND


async def test_rule_25_the_same_person_does_not_register_and_carry_out(
    registrar: Record, record: Record
) -> None:
    decision = await registered(registrar)
    refused = await registrar.destruction.execute(decision.number, patient="p")
    assert isinstance(refused, Refusal)
    assert isinstance(await record.read("Composition", "n"), Stored)


async def test_rule_25_a_decision_is_carried_out_once_and_on_the_right_patient(
    registrar: Record, executor: Record
) -> None:
    decision = await registered(registrar)
    wrong = await executor.destruction.execute(decision.number, patient="q")
    assert isinstance(wrong, Refusal)
    assert isinstance(await executor.destruction.execute(decision.number, patient="p"), Decision)
    again = await executor.destruction.execute(decision.number, patient="p")
    assert isinstance(again, Refusal)


@pytest.mark.parametrize(
    "who",
    [
        principal("dr-lind"),
        principal("dr-with-right", rights=(DESTRUCTION,)),
        principal("administrator", purpose=Purpose.ADMINISTRATION),
        principal("annan", provider=OTHER, purpose=Purpose.ADMINISTRATION, rights=(DESTRUCTION,)),
    ],
    ids=["a doctor", "a doctor with the right", "no right", "another provider's administrator"],
)
async def test_rule_25_only_the_providers_own_administration_with_the_right(
    registrar: Record, gate: Gate, who: Any
) -> None:
    decision = await registered(registrar)
    stranger = gate.record(who)
    assert isinstance(await stranger.destruction.register(WHOLE), Refusal)
    assert isinstance(await stranger.destruction.execute(decision.number, patient="p"), Refusal)
    for listed in (await stranger.destruction.decisions(), await stranger.destruction.thinnable()):
        # Another provider's administrator sees the own provider's, of which there are none.
        assert isinstance(listed, Refusal) or (who.assignment.provider == OTHER and listed == [])
    assert isinstance(await gate.record(EXECUTOR).destruction.execute(decision.number, patient="p"), Decision)


@pytest.mark.parametrize(
    "change",
    [
        {"authority": " "},
        {"case_number": ""},
        {"requested_by": ""},
        {"decided": date.today() + timedelta(days=3)},
        {"patient": "nobody"},
        {"entries": ("Composition/other",)},
        {"entries": ("Composition/none",)},
        {"entries": ("Patient/p",)},
        {"entries": ("not a reference",)},
    ],
    ids=str,
)
async def test_rule_25_an_order_that_does_not_hold_is_refused(
    registrar: Record, change: dict[str, Any]
) -> None:
    values = {name: getattr(ORDER, name) for name in ORDER.__slots__} | change
    assert isinstance(await registrar.destruction.register(Order(**values)), Refusal)


async def test_rule_25_a_case_is_registered_once(registrar: Record) -> None:
    await registered(registrar)
    refused = await registrar.destruction.register(ORDER)
    assert isinstance(refused, Refusal)
    assert refused.kind is RefusalKind.CONFLICT


async def test_rule_25_the_log_keeps_who_registered_and_who_carried_out(
    registrar: Record, executor: Record, services: Services
) -> None:
    await executed(registrar, executor)
    rows = await services.pool.fetch("select actor, action, content from audit_entry order by recorded")
    told = [(row["actor"], row["action"]) for row in rows if "destr" in row["action"]]
    assert told == [("registrator", "register-destruction"), ("arkivarie", "destroy")]
    assert SECRET not in " ".join(json.dumps(json.loads(row["content"])).decode() for row in rows)


async def test_rule_25_what_is_old_enough_is_listed_and_stays(
    registrar: Record, record: Record, services: Services
) -> None:
    old = to_micros(services.clock.now() - timedelta(days=365 * 12))
    await put(record, person("old"))
    await services.pool.execute("update resource set updated = $1, sort = $1 where patient = 'old'", old)
    found = await registrar.destruction.thinnable()
    assert isinstance(found, list)
    assert [(each.patient, each.entries) for each in found] == [("old", 1)]
    assert isinstance(await record.read("Patient", "old"), Stored)


async def test_rule_25_nothing_younger_than_ten_years_is_listed(registrar: Record, gate: Gate) -> None:
    assert isinstance(await registrar.destruction.thinnable(9), Refusal)
    assert isinstance(await gate.record(principal("dr-lind")).destruction.thinnable(), Refusal)


async def test_rule_25_a_destroyed_label_is_no_hindrance(
    registrar: Record, executor: Record, gate: Gate
) -> None:
    doctor = await meeting(gate, principal("dr-lind"))
    done = await doctor.text.keep_back(Place("Composition", "n", 2, (0,)), Kind.VIOLENCE, "Fara")
    assert not isinstance(done, Refusal)
    assert "NOPAT" in json.dumps(content(done.entry.stored)).decode()
    assert (await executed(registrar, executor)).removed == 2
