"""Wrong patient: every answer and every deed at a patient's address is about that patient and nobody else.

The routes are the application's own, so that a new one cannot be forgotten. Then several workstations, tabs
and patients are mixed as a day mixes them, in any order and at the same time.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest
from hypothesis import Phase, given
from hypothesis import settings as example_settings
from hypothesis import strategies as st
from starlette.routing import Route
from tests.http.pages.conftest import csrf_of, note, patient, persona, sign_in, write
from tests.http.pages.test_work import COLLEAGUE, KAJSA, ORGANIZATION, ROLE, _directory
from tests.law.marked import TYPES, identity, marked

from kontinuum.app.asgi import build
from kontinuum.app.services import Services
from kontinuum.kernel.principal import Actor, ActorKind, Principal, Purpose
from kontinuum.record import Incoming, Record, Refusal, Written

ANNA, BO = "p-anna", "p-bo"
WHERE = {ANNA: "a", BO: "b"}
"""The two patients, and the place that the marks of their data name."""
OTHER = {ANNA: BO, BO: ANNA}
NAMES = {ANNA: "Karlsson", BO: "Lindqvist"}

OPENED_BY_ID = re.compile(r"/(one|value|plan)$|\{id\}")
"""Routes that show one thing, whose id may be another patient's."""
_MARK = re.compile(r"(?:Kännetecken-\w+|Skrivet)-([ab])-")


@pytest.fixture
async def two(application: Services, doctors_record: Record) -> None:
    """Two patients in the care of the doctor, each with something marked of every type."""
    bo = patient(BO, name=[{"given": ["Bo"], "family": NAMES[BO]}], gender="male")
    del bo["identifier"]
    await write(doctors_record, patient(), bo)
    place = replace(doctors_record.principal.assignment, purpose=Purpose.SYSTEM)
    system = Principal(Actor(ActorKind.SYSTEM, "loader", "loader"), place, "test")
    everything = [Incoming(marked(name, who, WHERE[who])) for who in WHERE for name in TYPES]
    done = await application.gate.record(system).take_in(everything)
    assert all(isinstance(one, Written) for one in done)


def routes(application: Services, method: str) -> list[str]:
    """The addresses of the application that name a patient, and those that may."""
    found = [one for one in build(application).routes if isinstance(one, Route)]
    return [one.path for one in found if method in (one.methods or ()) and "{patient}" in one.path]


def addresses(path: str, who: str) -> Iterator[str]:
    """A route's addresses for a patient: with everybody's ids where it shows one thing."""
    path = path.replace("{patient}", who).replace("{step}", "relate").replace("{draft}", NOWHERE)
    if not OPENED_BY_ID.search(path):
        yield path
        return
    for name in ("Composition", "Condition", "Observation", "Encounter", "CarePlan", "DocumentReference"):
        for where in WHERE.values():
            filled = path.replace("{type}", name).replace("{id}", identity(name, where))
            yield filled if "{id}" in path else f"{filled}?id={identity(name, where)}"
        if "{type}" not in path and "{id}" not in path:
            yield f"{path}?id={identity('AllergyIntolerance', WHERE[OTHER[who]])}"


NOWHERE = "00000000-0000-4000-8000-000000000000"


def about(answer: httpx.Response, who: str) -> None:
    """An answer says whom it is about, and holds nothing of the other patient."""
    address = answer.request.url
    assert answer.headers.get("x-patient", who) == who, address
    assert {one[1] for one in _MARK.finditer(answer.text)} <= {WHERE[who]}, address
    assert set(re.findall(r'data-patient="([^"]*)"', answer.text)) <= {who}, address
    assert set(re.findall(r'name="patient" value="([^"]*)"', answer.text)) <= {who}, address


async def test_every_answer_at_a_patients_address_is_about_that_patient(
    doctor: httpx.AsyncClient, application: Services, two: None
) -> None:
    asked = [
        (who, one) for path in routes(application, "GET") for who in WHERE for one in addresses(path, who)
    ]
    seen: dict[str, set[str]] = {ANNA: set(), BO: set()}
    nameless = []
    for who, address in asked:
        whole, part = [await doctor.get(address, headers=h) for h in ({}, {"hx-request": "true"})]
        for answer in (whole, part):
            about(answer, who)
            assert answer.headers["x-patient"] == who, address
            assert NAMES[OTHER[who]] not in answer.text, address
            seen[who] |= set(_MARK.findall(answer.text))
        if whole.status_code == 200 and "<main" in whole.text and f'data-patient="{who}"' not in whole.text:
            nameless.append(address)
    assert nameless == []
    assert seen == {who: {where} for who, where in WHERE.items()}


async def test_every_deed_at_a_patients_address_names_that_patient_alone(
    doctor: httpx.AsyncClient, application: Services, two: None
) -> None:
    token = csrf_of(await doctor.get(f"/patient/{ANNA}"))
    before = await _stored(application)
    for path in routes(application, "POST"):
        address = next(iter(addresses(path, ANNA)))
        typed = {"csrf": token, "reason": "Kom hem på <egen> begäran"}
        for named in ([], [BO], [ANNA, BO], [BO, ANNA]):
            answer = await doctor.post(address, data={**typed, "patient": named})
            assert answer.status_code == 409, f"{path} takes a form of {named}"
            assert "annan patient" in answer.text
            assert "Kom hem på &lt;egen&gt; begäran" in answer.text
        named_in_header = await doctor.post(address, data=typed, headers={"x-patient": BO})
        assert named_in_header.status_code == 409, path
    assert await _stored(application) == before


async def test_what_another_patients_form_names_is_not_touched_from_here(
    doctor: httpx.AsyncClient, application: Services, two: None
) -> None:
    """The ids in a form are the other patient's: nothing is written there, whatever becomes of it here."""
    token = csrf_of(await doctor.get(f"/patient/{ANNA}"))
    before = await _stored(application, BO)
    for path in routes(application, "POST"):
        for name in ("Composition", "Condition", "Encounter", "CarePlan"):
            theirs = identity(name, "b")
            address = path.replace("{patient}", ANNA).replace("{type}", name).replace("{id}", theirs)
            address = address.replace("{step}", "close").replace("{draft}", theirs)
            names = dict.fromkeys(("id", "draft", "note", "contact", "booking", "encounter"), theirs)
            written = {
                "text": "Skrivet-a-1",
                "reason": "Skrivet-a-1",
                "dissent": "Skrivet-a-1",
                "version": "1",
            }
            data = {"csrf": token, "patient": ANNA, **names, **written, "other": BO, "text-0": "Skrivet-a-1"}
            about(await doctor.post(address, data=data), ANNA)
    assert await _stored(application, BO) == before


async def test_a_report_is_about_the_patient_of_the_page_it_was_made_on(
    doctor: httpx.AsyncClient, two: None
) -> None:
    token = csrf_of(await doctor.get("/"))
    report = {
        "csrf": token,
        "kind": "deviation",
        "text": "Fel dag",
        "from": f"/patient/{ANNA}",
        "patient": BO,
    }
    answer = await doctor.post("/feedback", data=report)
    assert (answer.status_code, "annan patient" in answer.text) == (409, True)
    assert "Fel dag" in answer.text


ORDERED = {"reference": "ServiceRequest/b-order"}
ROWS = {
    "/inbox/done": ("only", "task/{who}//1/b-task"),
    "/inbox/decline": ("only", "task/{who}//1/b-task"),
    "/inbox/take-on": ("only", "task/{who}//1/b-task"),
    "/inbox/hand-over": ("only", "task/{who}//1/b-task"),
    "/inbox/hand-over?note": ("item", "sign/{who}/b-note/1/"),
    "/inbox/hand-over?draft": ("item", "draft/{who}/{draft}/0/"),
    "/inbox/answer-read": ("only", "task/{who}//1/b-answer"),
    "/inbox/acknowledge": ("only", "order/{who}//1/b-awaited"),
    "/inbox/sign": ("item", "sign/{who}/b-note/1/"),
    "/inbox/ask": ("patient", "{who}"),
}
"""What is done with rows of the list, and how the row of Bo's names it."""
ELSEWISE = {"/inbox/read", "/inbox/new", "/inbox/away"}
"""What only shows, says itself about whom it is, or is about nobody."""


async def test_a_row_of_the_list_is_acted_on_for_the_patient_it_was_shown_for_alone(
    doctor: httpx.AsyncClient, doctors_record: Record, application: Services, two: None
) -> None:
    mine = doctors_record.principal.actor
    me, about = {"reference": mine.reference, "display": mine.name}, {"reference": f"Patient/{BO}"}
    work = "urn:kontinuum:codes:work"
    task = {
        "resourceType": "Task",
        "id": "b-task",
        "status": "requested",
        "intent": "order",
        "code": {"coding": [{"system": work, "code": "task"}]},
        "description": "Kännetecken-uppgift",
        "for": about,
        "authoredOn": "2026-01-02",
        "requester": me,
        "owner": me,
        "restriction": {"period": {"end": "2026-01-03"}},
    }
    answered = {"id": "b-answer", "status": "completed"}
    told = {"businessStatus": {"coding": [{"system": work, "code": "answered"}]}}
    awaited = {
        "id": "b-awaited",
        "basedOn": [ORDERED],
        "code": {"coding": [{"system": work, "code": "order"}]},
    }
    result = {"resourceType": "Observation", "id": "b-result", "status": "final", "basedOn": [ORDERED]}
    await write(
        doctors_record,
        task,
        {**task, **answered, **told},
        {**task, **awaited},
        {**result, "code": {"text": "CRP"}, "subject": about, "valueString": "4"},
        note("b-note", "Text", status="preliminary", subject=about, author=[me]),
        note("b-signed", "Text", subject=about, author=[me]),
    )
    draft = await doctors_record.save_draft(BO, "telefonradgivning", b"{}", 0)
    assert not isinstance(draft, Refusal)
    await _directory(application, ORGANIZATION, COLLEAGUE, ROLE)
    page = await doctor.get("/inbox")
    for key in ("b-task", "b-answer", "b-awaited", "b-note", draft.id):
        assert key in page.text, key
    found = [one for one in build(application).routes if isinstance(one, Route)]
    deeds = {one.path for one in found if "POST" in (one.methods or ()) and one.path.startswith("/inbox/")}
    assert deeds - ELSEWISE == {one.partition("?")[0] for one in ROWS}
    before = await _stored(application)
    for deed, (field_name, item) in ROWS.items():
        forged = item.format(who=ANNA, draft=draft.id)
        data = {"csrf": csrf_of(page), field_name: forged, "to": KAJSA.reference, "note": "b-signed"}
        word = {"word:b-task": "Ett ord"} if "hand-over" not in deed else {}
        more = {**word, "seen:b-awaited": "Observation/b-result/_history/1"}
        answer = await doctor.post(deed.partition("?")[0], data={**data, **more})
        assert (answer.status_code, "annan patient" in answer.text) == (409, True), (deed, answer.text)
        assert await _stored(application) == before, deed
    shown = await doctor.post("/inbox/read", data={"csrf": csrf_of(page), "item": f"sign/{ANNA}/b-note/1/"})
    assert "/inbox/sign" not in shown.text
    # What is by now about somebody else is not handed over as what it was.
    await write(doctors_record, {**task, "for": {"reference": f"Patient/{ANNA}"}})
    data = {"csrf": csrf_of(page), "only": f"task/{BO}//1/b-task", "to": KAJSA.reference}
    answer = await doctor.post("/inbox/hand-over", data=data)
    assert (answer.status_code, "annan patient" in answer.text) == (409, True)
    data["only"] = f"task/{ANNA}//2/b-task"
    assert (await doctor.post("/inbox/hand-over", data=data)).status_code == 303


async def _stored(application: Services, who: str | None = None) -> list[Any]:
    """Everything that is stored about a patient (or anybody), each with its version."""
    rows = await application.pool.fetch(
        "select type, id, version, patient from resource where $1::text is null or patient = $1"
        " union all select -1, template, version, patient from draft where $1::text is null or patient = $1",
        who,
    )
    return sorted(tuple(row) for row in rows)


# A day at several workstations.

TEMPLATES = ("lakarbesok-primarvard", "telefonradgivning")
PLACES = 2
TABS = 3


@dataclass
class Tab:
    """A tab: whose pane it has open, and what the pane's form sends along."""

    who: str = ""
    form: dict[str, str] = field(default_factory=dict)


@dataclass
class Workstation:
    """A browser in which the doctor is signed in, with its tabs."""

    browser: httpx.AsyncClient
    tabs: list[Tab] = field(default_factory=lambda: [Tab() for _ in range(TABS)])


class Day:
    """The doctor's day: each step is asked of the server, and each answer is held against its patient."""

    def __init__(self, places: list[Workstation]) -> None:
        self.places = places
        self.written = 0
        self.moving = asyncio.Lock()

    async def open(self, place: int, tab: int, who: str, choice: int) -> None:
        """Open the pane for a patient, as a page or beside the chart."""
        beside = {"hx-request": "true", "x-beside": "1"} if choice % 2 else {}
        address = f"/patient/{who}/journal/write?template={TEMPLATES[choice % len(TEMPLATES)]}"
        answer = await self.places[place].browser.get(address, headers=beside)
        self._hold(answer, who)
        if answer.status_code == 200:
            self.places[place].tabs[tab] = Tab(who, hidden(answer.text))

    async def write(self, place: int, tab: int, who: str, choice: int) -> None:
        """Save what was typed; the answer may be lost, so that the tab goes on with what it knew."""
        opened = self.places[place].tabs[tab]
        if not opened.who:
            return
        answer = await self._send(place, opened, opened.who, "draft")
        if answer.status_code == 200:
            told = answer.json()
            assert told["patient"] == opened.who
            if choice:
                opened.form |= {"draft": told["draft"], "version": str(told["version"])}

    async def stray(self, place: int, tab: int, who: str, choice: int) -> None:
        """Send a pane's form to the other patient's address."""
        opened = self.places[place].tabs[tab]
        if opened.who:
            deed = ("draft", "sign", "discard")[choice]
            answer = await self._send(place, opened, OTHER[opened.who], deed)
            signed_out = answer.headers.get("location", "").startswith("/sign-in")
            assert signed_out or answer.status_code in (403, 409), answer.status_code

    async def finish(self, place: int, tab: int, who: str, choice: int) -> None:
        """Sign what the tab holds, or leave it unsigned, however long ago the tab was opened."""
        opened = self.places[place].tabs[tab]
        if opened.who:
            await self._send(place, opened, opened.who, "sign", do=("sign", "save", "save")[choice])

    async def read(self, place: int, tab: int, who: str, choice: int) -> None:
        """Read the chart, the timeline, or what was written."""
        below = ("", "/timeline", "/notes/older")[choice]
        self._hold(await self.places[place].browser.get(f"/patient/{who}{below}"), who)

    async def sign_from_inbox(self, place: int, tab: int, who: str, choice: int) -> None:
        """Sign a note from the list of what waits."""
        browser = self.places[place].browser
        page = await browser.get("/inbox")
        items = re.findall(r'name="item" value="(sign/[^"]*)"', page.text)
        if not items:
            return
        token = csrf_of(page)
        swapped = items[0].replace(f"/{ANNA}/", "/\0/").replace(f"/{BO}/", f"/{ANNA}/").replace("\0", BO)
        refused = await browser.post("/inbox/sign", data={"csrf": token, "item": swapped})
        assert "did=signed" not in refused.headers.get("location", ""), "signed as another patient's"
        await browser.post("/inbox/sign", data={"csrf": token, "item": items[0]})

    async def move(self, place: int, tab: int, who: str, choice: int) -> None:
        """Leave, or go on here with what was open at the other workstation; its tabs stay on its screen."""
        async with self.moving:
            await self._move(self.places[place].browser, choice)

    async def _move(self, browser: httpx.AsyncClient, choice: int) -> None:
        page = await browser.get("/sessions")
        other = re.search(
            r'action="/sessions/continue">.*?name="session" value="([^"]+)"', page.text, re.DOTALL
        )
        if choice and other:
            data = {"csrf": csrf_of(page), "session": other[1]}
            led = await browser.post("/sessions/continue", data=data)
            at = re.match(r"/patient/([\w-]+)", led.headers.get("location", ""))
            if at:
                self._hold(await browser.get(led.headers["location"]), at[1])
        elif page.status_code == 200:
            await browser.post("/sign-out", data={"csrf": csrf_of(page)})
        for one in self.places:
            await again(one.browser)

    async def look(self, place: int, tab: int, who: str, choice: int) -> None:
        """What asks by itself: how much waits, who writes together."""
        browser = self.places[place].browser
        counts = await browser.get("/inbox/count", headers={"accept": "application/json"})
        assert not _MARK.search(counts.text)
        together = f"/patient/{who}/together?template={TEMPLATES[0]}"
        self._hold(await browser.get(together, headers={"hx-request": "true"}), who)

    async def _send(self, place: int, opened: Tab, who: str, deed: str, **more: str) -> httpx.Response:
        self.written += 1
        text = f"Skrivet-{WHERE[opened.who]}-{self.written}"
        data = {**opened.form, "kontaktorsak": text, "bedomning": text, **more}
        browser, address = self.places[place].browser, f"/patient/{who}/journal/{deed}"
        answer = await browser.post(address, data=data)
        anew = await browser.get("/sessions") if answer.status_code == 403 else None
        if anew is not None and anew.status_code == 200:
            # Signed in anew: an open page goes on with the new session's token.
            opened.form["csrf"] = data["csrf"] = csrf_of(anew)
            answer = await browser.post(address, data=data)
        if who == opened.who:
            self._hold(answer, who)
        elif answer.status_code == 409:
            assert text in answer.text, "what was typed is not given back"
        return answer

    def _hold(self, answer: httpx.Response, who: str) -> None:
        assert answer.status_code < 500, answer.request.url
        if answer.status_code == 200:
            assert answer.headers["x-patient"] == who
            # A tab of what is written about another patient names that patient, and no text.
            shown = re.sub(r'<nav class="tabs".*?</nav>', "", answer.text, flags=re.DOTALL)
            assert NAMES[OTHER[who]] not in shown
        about(answer, who)


def hidden(page: str) -> dict[str, str]:
    """What the form of the pane sends along."""
    shown = re.search(r'<form class="writing".*?</header>', page, re.DOTALL)
    assert shown
    return dict(re.findall(r'<input type="hidden" name="([\w~]+)" value="([^"]*)"', shown[0]))


async def again(browser: httpx.AsyncClient) -> None:
    """Sign in where nobody is signed in."""
    if (await browser.get("/sessions")).status_code != 200:
        await sign_in(browser, "Anna Berglund")


@pytest.fixture
async def day(application: Services, two: None) -> AsyncIterator[Day]:
    """Two workstations at which the doctor has signed in."""
    transport = httpx.ASGITransport(app=build(application), raise_app_exceptions=False)
    async with AsyncExitStack() as stack:
        places = []
        for _ in range(PLACES):
            opened = httpx.AsyncClient(transport=transport, base_url="http://test")
            browser = await stack.enter_async_context(opened)
            browser.headers["accept-language"] = "sv"
            await sign_in(browser, "Anna Berglund")
            places.append(Workstation(browser))
        begun = Day(places)
        for tab, who in enumerate(sorted(WHERE)):
            await begun.open(0, tab, who, 0)
            await begun.finish(0, tab, who, 1)
        yield begun


DEEDS = (
    "open",
    "open",
    "write",
    "write",
    "write",
    "stray",
    "finish",
    "read",
    "look",
    "sign_from_inbox",
    "move",
)
step = st.tuples(
    st.sampled_from(DEEDS),
    st.integers(0, PLACES - 1),
    st.integers(0, TABS - 1),
    st.sampled_from(sorted(WHERE)),
    st.integers(0, 2),
)
at_once = st.lists(step, min_size=1, max_size=3)


@example_settings(max_examples=5, phases=[Phase.generate], database=None)
@given(st.lists(at_once, min_size=12, max_size=20))
async def test_no_patient_is_taken_for_another_however_a_day_goes(
    application: Services, day: Day, steps: list[list[tuple[str, int, int, str, int]]]
) -> None:
    for together in steps:
        await asyncio.gather(*(getattr(day, deed)(*values) for deed, *values in together))
    for row in await application.pool.fetch("select patient, content from draft"):
        marks = set(_MARK.findall(row["content"].decode()))
        assert marks <= {WHERE[row["patient"]]}
    doctor = persona("Anna Berglund")
    record = application.gate.record(Principal(doctor.actor, doctor.assignments[0], "test"))
    for who in WHERE:
        for kind in ("Composition", "QuestionnaireResponse"):
            (found,) = await record.find_many([f"{kind}?patient={who}&_count=200"])
            for one in found.matches:
                assert set(_MARK.findall((one.body or b"").decode())) <= {WHERE[who]}
