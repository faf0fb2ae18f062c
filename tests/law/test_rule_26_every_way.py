"""Rule 26 as one property: a text that is typed in the pane is the same text wherever it comes out again.

Typed, kept, taken up at another workstation, signed; read by the API, on every page of staff and patient,
found, exported in bulk and by the command line, and taken into another record.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from kontinuum.app.asgi import build
from kontinuum.app.bulk_import import bulk_runner
from kontinuum.app.postgres import scratch_database
from kontinuum.app.services import Services, open_services
from kontinuum.demo import personas
from kontinuum.fhir import json
from kontinuum.fhir.paragraphs import paragraphs
from kontinuum.kernel.config import Settings
from kontinuum.kernel.principal import Actor, ActorKind, Principal, Purpose
from kontinuum.record import Record, Stored
from kontinuum.sweden import systems
from tests.http.pages.conftest import csrf_of, doctors_record, patient, sign_in, visitor, write
from tests.law.test_rule_26_text import LONG, TEXTS, any_text
from tests.support.bulk import Client

__all__ = ["doctors_record", "visitor"]

SOMEONE = next(one for one in personas() if one.actor.kind == "patient").actor
HERE = f"/patient/{SOMEONE.id}"
PANE = f"{HERE}/journal/write?template=lakarbesok-primarvard"
FIELDS = (
    "kontaktorsak",
    *(f"anamnes/{one}" for one in ("aktuellt", "tidigare-sjukdomar", "hereditet", "socialt", "lakemedel")),
    "anamnes/overkanslighet",
    *("undersokningar", "bedomning", "atgard", "planering", "information"),
)
"""The fields of free text of a template."""

EDGES = (
    "\n\n  Först två tomma rader\tinte\n",
    "Sist blanka   \n \n",
    "e\u0301 och é; A\u030a och Å, ej Å",
    "<!--",
)
NASTY = [*TEXTS.values(), *EDGES][: len(FIELDS)]
assert len(NASTY) == len(FIELDS), "each field has a text"

# A field of nothing but white space says nothing; everything else does.
written = st.lists(any_text.filter(str.strip), min_size=len(FIELDS), max_size=len(FIELDS))


@pytest.fixture
async def application(configured: Settings, dsn: str) -> AsyncIterator[Services]:
    """The services over an empty database, with a data directory of their own."""
    async with open_services(configured, dsn, personas=personas(), connections=4) as opened:
        yield opened


@pytest.fixture
def configured(settings: Settings, tmp_path: Path) -> Settings:
    """The settings of a test run, which keeps its files apart."""
    return replace(settings, data_dir=tmp_path / "data")


@pytest.fixture
async def doctor(visitor: httpx.AsyncClient, doctors_record: Record) -> httpx.AsyncClient:
    """A browser in which the doctor has signed in, who sees the patient."""
    await write(doctors_record, patient(SOMEONE.id))
    await sign_in(visitor, "Anna Berglund")
    return visitor


class Blocks(HTMLParser):
    """The text of each block of a page, as a browser has it in its document."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self._open: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("p", "pre", "textarea", "td", "dd", "blockquote"):
            self._open.append((tag, len(self.texts)))
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        if any(name == tag for name, _ in self._open):
            while self._open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        for tag, place in self._open:
            # The line end right after the tag is of the markup.
            first = not self.texts[place] and tag in ("textarea", "pre")
            self.texts[place] += data.removeprefix("\n") if first else data


def shown(answer: httpx.Response) -> list[str]:
    """The texts that a page shows."""
    assert answer.status_code == 200, answer.request.url
    reader = Blocks()
    reader.feed(answer.text.replace("\r\n", "\n").replace("\r", "\n"))
    reader.close()
    return reader.texts


def missing(texts: list[str], places: list[str]) -> list[str]:
    """The texts that are in none of those that are shown, letter for letter."""
    return [text for text in texts if not any(text in one for one in places)]


async def open_pane(browser: httpx.AsyncClient) -> tuple[dict[str, str], httpx.Response]:
    """What the form of the pane sends along, and the page."""
    page = await browser.get(PANE)
    form = re.search(r'<form class="writing".*?</header>', page.text, re.DOTALL)
    assert form, page.text[:500]
    return dict(re.findall(r'<input type="hidden" name="([\w~]+)" value="([^"]*)"', form[0])), page


async def note_of(doctor: httpx.AsyncClient, elsewhere: httpx.AsyncClient, texts: list[str]) -> str:
    """Type the texts, take them up at another workstation and sign them there; gives the id of the note."""
    fields = dict(zip(FIELDS, texts, strict=True))
    opened, _ = await open_pane(doctor)
    kept = (await doctor.post(f"{HERE}/journal/draft", data={**opened, **fields})).json()
    assert kept["fields"] == {name: [text] for name, text in fields.items()}
    assert missing(texts, [line.get("text", "") for line in kept["lines"]]) == []
    resumed, page = await open_pane(elsewhere)
    assert missing(texts, shown(page)) == []
    # A browser without scripts sends its own line ends.
    sent = {name: text.replace("\n", "\r\n") for name, text in fields.items()}
    confirmed = re.findall(r"\{[^{}\n]*\}", "".join(texts))
    done = await elsewhere.post(f"{HERE}/journal/sign", data={"do": "sign", **resumed, **sent})
    if done.status_code == 200 and confirmed:
        again = re.search(r'name="unfilled" value="([^"]*)"', done.text)
        assert again
        data = {"do": "sign", **resumed, **sent, "unfilled": unescape(again[1])}
        done = await elsewhere.post(f"{HERE}/journal/sign", data=data)
    assert done.status_code == 303, re.findall(r'role="alert".*?</p>', done.text, re.DOTALL)
    return str(kept["draft"])


def told(resource: dict[str, Any]) -> list[str]:
    """Every text of the answers or sections of a resource."""
    if resource["resourceType"] == "Composition":
        return [
            one for part in resource["section"] for one in paragraphs(part.get("text", {}).get("div", ""))
        ]

    def answers(items: Any) -> list[str]:
        return [
            text
            for item in items
            for text in (
                *(one["valueString"] for one in item.get("answer", ()) if "valueString" in one),
                *answers(item.get("item", ())),
            )
        ]

    return answers(resource["item"])


async def seen_everywhere(doctor: httpx.AsyncClient, token: str, note: str, texts: list[str]) -> None:
    """The note by the API and on every page that shows it."""
    for kind in ("Composition", "QuestionnaireResponse"):
        read = await doctor.get(f"/fhir/{kind}/{note}", headers={"authorization": f"Bearer {token}"})
        assert missing(texts, told(json.loads(read.content))) == [], kind
    word = f"?q={note}"
    pages = ("", "/notes/older", f"/entry/Composition/{note}", f"/timeline/entry/Composition/{note}{word}")
    for path in pages:
        assert missing(texts, shown(await doctor.get(HERE + path))) == [], path


@pytest.fixture
async def elsewhere(application: Services, doctor: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """Another workstation, at which the doctor has signed in too."""
    transport = httpx.ASGITransport(app=build(application), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as opened:
        await sign_in(opened, "Anna Berglund")
        yield opened


@pytest.fixture
def system(doctors_record: Record) -> Principal:
    """A system at the doctor's unit."""
    place = replace(doctors_record.principal.assignment, purpose=Purpose.SYSTEM)
    return Principal(Actor(ActorKind.SYSTEM, "system", "System"), place, "test")


@pytest.fixture
async def token(application: Services, system: Principal) -> str:
    """What the system shows at the API."""
    return await application.identity.mint_token(system, timedelta(hours=1))


@settings(max_examples=4, phases=[Phase.explicit, Phase.generate], database=None)
@example(NASTY)
@given(written)
async def test_rule_26_what_is_typed_is_what_is_read_on_every_way(
    doctor: httpx.AsyncClient, elsewhere: httpx.AsyncClient, token: str, texts: list[str]
) -> None:
    note = await note_of(doctor, elsewhere, texts)
    await seen_everywhere(doctor, token, note, texts)
    elsewhere.cookies.clear()
    await sign_in(elsewhere, SOMEONE.name)
    own = await elsewhere.get(f"/my-record/Composition/{note}")
    assert missing(texts, shown(own)) == []
    elsewhere.cookies.clear()
    await sign_in(elsewhere, "Anna Berglund")


async def test_rule_26_what_is_typed_leaves_and_arrives_as_it_was(
    doctor: httpx.AsyncClient,
    elsewhere: httpx.AsyncClient,
    application: Services,
    token: str,
    system: Principal,
    configured: Settings,
    dsn: str,
    database_server: str,
    template: str,
    tmp_path: Path,
) -> None:
    texts = [LONG[:100_000] + "slut", *NASTY[1:]]
    note = await note_of(doctor, elsewhere, texts)
    await seen_everywhere(doctor, token, note, texts)
    found = await doctor.get(f"{HERE}/search?q=blödning")
    quoted = re.findall(r'<span class="exact">(.*?)</span>', found.text, re.DOTALL)
    assert quoted
    assert all(any(unescape(re.sub(r"</?mark>", "", one)) in text for text in texts) for one in quoted), (
        "a hit quotes the note"
    )
    doctor.headers["authorization"] = f"Bearer {token}"
    bulk = Client(doctor, await bulk_runner(application, dsn), application, tmp_path / "bulk")
    manifest = await bulk.exported("$export")
    notes = [one for one in await bulk.lines(manifest["output"]) if one["id"] == note]
    assert {one["resourceType"] for one in notes} == {"Composition", "QuestionnaireResponse"}
    assert all(missing(texts, told(one)) == [] for one in notes)
    await command(dsn, tmp_path, "export", tmp_path / "out")
    with scratch_database(database_server, template=template) as other:
        await command(other, tmp_path, "import", tmp_path / "out", "--processes", "1")
        async with open_services(configured, other, connections=1) as there:
            arrived = [
                await there.gate.record(system).read(kind, note)
                for kind in ("Composition", "QuestionnaireResponse")
            ]
    for one in arrived:
        assert isinstance(one, Stored)
        assert missing(texts, told(json.loads(one.body or b""))) == [], one.type


def coded(system: str, code: str) -> dict[str, Any]:
    """A CodeableConcept of a code system of HL7's."""
    return {"coding": [{"system": f"http://terminology.hl7.org/CodeSystem/{system}", "code": code}]}


MARGIN = re.compile(r'@top-left \{ content: "([^"]*)"; \}')


def margin(page: httpx.Response) -> str:
    """What stands at the top of each sheet that is printed of a page."""
    written = MARGIN.search(page.text)
    assert written, page.request.url
    return re.sub(r"\\([0-9a-f]+) ", lambda one: chr(int(one[1], 16)), written[1])


@settings(max_examples=3, phases=[Phase.explicit, Phase.generate], database=None)
@example("".join((*TEXTS.values(), *EDGES, "a\r\nb\rc")))
@given(any_text.filter(str.strip))
async def test_rule_26_a_text_is_the_same_on_a_sheet_on_two_days_and_in_a_hit(
    doctor: httpx.AsyncClient, doctors_record: Record, text: str
) -> None:
    """In a name, a problem, a hypersensitivity, a drug and how it is taken nothing is smoothed."""
    said = f"{text}. Ingen blödning. {text}"
    words = {"text": said}
    of = {"reference": f"Patient/{SOMEONE.id}"}
    prescribed = {
        "resourceType": "MedicationRequest",
        "id": "drug",
        "status": "active",
        "intent": "order",
        "subject": of,
        "authoredOn": "2026-01-02",
        "medicationCodeableConcept": words,
        "dosageInstruction": [words],
        "reasonCode": [words],
    }
    await write(
        doctors_record,
        patient(SOMEONE.id, name=[{"use": "official", "given": ["Anna"], "family": said}]),
        {
            "resourceType": "Condition",
            "id": "problem",
            "clinicalStatus": coded("condition-clinical", "active"),
            "category": [coded("condition-category", "problem-list-item")],
            "code": words,
            "subject": of,
            "onsetDateTime": "2026-01-02",
        },
        {
            "resourceType": "AllergyIntolerance",
            "id": "allergy",
            "clinicalStatus": coded("allergyintolerance-clinical", "active"),
            "code": words,
            "patient": of,
            "recordedDate": "2026-01-02",
        },
        prescribed,
    )
    for path, times in (
        ("", 4),
        ("/medication/list", 2),
        ("/compare?from=2025-12-31&to=2030-01-01", 3),
        ("/timeline", 3),
    ):
        page = await doctor.get(HERE + path)
        assert said in margin(page), path
        assert sum(said in one for one in shown(page)) >= times, path
    hits = await doctor.get(f"{HERE}/search?q=blödning")
    marked = re.findall(r'<span class="(?:exact|row-title)">(.*?)</span>', hits.text, re.DOTALL)
    assert len(marked) >= 3
    assert all("<mark>blödning</mark>" in one for one in marked)
    quoted = [unescape(re.sub(r"</?mark>", "", one)) for one in marked]
    assert missing(quoted, [said]) == []


async def test_rule_26_what_is_typed_elsewhere_is_read_as_it_was(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services
) -> None:
    """A phrase, a task, a report of a deviation, a problem's comment and a plan: each with every text."""
    who = doctors_record.principal
    office = replace(who, assignment=replace(who.assignment, purpose=Purpose.ADMINISTRATION))
    hsa = {"system": systems.HSA_ID, "value": who.assignment.unit}
    unit = {"resourceType": "Organization", "id": "unit", "name": "Mottagningen", "identifier": [hsa]}
    await write(application.gate.record(office), unit)
    text = "\n".join(NASTY)
    form = {"csrf": csrf_of(await doctor.get("/")), "patient": HERE.rsplit("/", 1)[1]}
    sent = text.replace("\n", "\r\n")
    heading = re.search(r'<option value="([^"]+)"', (await doctor.get(f"{HERE}/nursing/add")).text)
    assert heading
    plan = {
        "heading": heading[1],
        "problem": sent,
        "goal": sent,
        "action": sent,
        "interval": "1",
        "times": "08",
    }
    deeds: tuple[tuple[str, dict[str, str], str], ...] = (
        ("/phrases", {"name": "allt", "text": sent, "of": "me"}, "/phrases/list"),
        (
            "/inbox/new",
            {"kind": "task", "text": sent, "to": "Organization/unit", "due": ""},
            "/inbox?of=unit",
        ),
        ("/feedback", {"kind": "idea", "text": sent, "from": HERE}, "/unit/feedback/1"),
        (f"{HERE}/problems/add", {"do": "save", "text": "Trött", "free": "1", "comment": sent}, HERE),
        (f"{HERE}/nursing/add", plan, HERE),
    )
    for address, fields, read in deeds:
        done = await doctor.post(address, data={**form, **fields})
        assert done.status_code == 303, (address, re.findall(r'role="alert".*?</p>', done.text, re.DOTALL))
        page = await doctor.get(read)
        found = list(page.json().values()) if read == "/phrases/list" else shown(page)
        assert missing([text], found) == [], address


async def command(dsn: str, folder: Path, *words: str | Path) -> None:
    """Run a command on a database, as at a terminal."""
    environ = {**os.environ, "KONTINUUM_DATABASE_URL": dsn, "KONTINUUM_DATA_DIR": str(folder / "var")}
    arguments = [sys.executable, "-m", "kontinuum.app", *map(str, words)]
    running = await asyncio.create_subprocess_exec(*arguments, env=environ, cwd=folder, stdout=DEVNULL)
    assert await running.wait() == 0
