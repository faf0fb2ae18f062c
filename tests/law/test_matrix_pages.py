"""Who sees what by every page, partial, post, event stream and download: cast x route.

Each route of the workspace, of its modules and of the portal says in `ROUTES` what it is about and who may
have it. It is then asked by everybody. A route that the table does not name fails the last test.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from urllib.parse import quote

import pytest
from starlette.routing import Route, WebSocketRoute

from kontinuum.app.asgi import build
from kontinuum.web.api.asgi import ApiRoute
from tests.law.cast import ADULT
from tests.law.marked import TYPES, identity
from tests.law.town import (
    NOT_TOLD_OF,
    WORKLIST,
    Town,
)
from tests.law.ways import (
    ASKING,
    CARE,
    ENDING,
    EVERYBODY,
    NONE,
    OTHERS,
    PATIENTS,
    RELATED,
    SIGNED_IN,
    STAFF,
    About,
    Way,
    addresses,
    asked,
    faults,
    plain,
)

_PATIENT = {"patient": ADULT}
_NOTE = {"patient": ADULT, "type": "Composition", "id": "{mark}"}
_CONTACTS = "begin book admit step detail close move measure strike transfer receive".split()
_DESTROYS = "25: it takes a right of its own, which nobody of the cast has"
_BUILDS = "6: it takes a right of its own, which nobody of the cast has"
_PRESCRIBES = "7, and it takes a right of its own, which nobody of the cast has"
_PATIENT_ALONE = frozenset({"patient"})
_CHART = ("AllergyIntolerance", "Composition", "Condition", "Flag", "MedicationRequest")


def _care(rule: str = "7", *shows: str, may: frozenset[str] = RELATED, **form: str) -> Way:
    return Way(About.PATIENT, may, rule, shows, _PATIENT, form)


def _person(may: frozenset[str] = CARE | {"administrator"}, **form: str) -> Way:
    return Way(
        About.IDENTITY, may, "7: identity is for care and administration", (), _PATIENT, _PATIENT | form
    )


def _admin(**fill: str) -> Way:
    return Way(
        About.DIRECTORY, frozenset({"administrator"}), "6: only administration gives assignments", (), fill
    )


def _review(**fill: str) -> Way:
    return Way(About.LOG, frozenset({"reviewer"}), "19: the log is for supervision", (), fill)


def _open(may: frozenset[str] = EVERYBODY, **fill: str) -> Way:
    return Way(About.NOBODY, may, "6: who is signed in" if may != EVERYBODY else "-", (), fill)


def _own(may: frozenset[str], rule: str, **form: str) -> Way:
    return Way(About.OWN, may, rule, (), {}, form)


def _work(**form: str) -> Way:
    """What waits to be signed: one's own and one's unit's."""
    return Way(About.PATIENT, CARE, "23", form=form)


def _phrases(**form: str) -> Way:
    return Way(About.NOBODY, STAFF, "6", form=form)


ROUTES: dict[tuple[str, str], Way] = {
    ("GET", "/static/{version}/{name:path}"): _open(version=NONE, name=NONE),
    ("GET", "/sign-in"): _open(),
    ("POST", "/sign-in"): _open(),
    ("POST", "/language"): _open(),
    ("GET", "/sign-in/assignment"): _open(),
    ("POST", "/sign-in/assignment"): _open(),
    ("GET", "/sign-in/{provider}"): _open(provider=NONE),
    ("GET", "/sign-in/{provider}/answer"): _open(provider=NONE),
    ("POST", "/sign-in/{provider}/back-channel"): _open(provider=NONE),
    ("POST", "/sign-out"): _open(SIGNED_IN),
    ("GET", "/signed-out"): _open(),
    ("GET", "/assignment"): _own(SIGNED_IN, "6"),
    ("POST", "/assignment"): _own(SIGNED_IN, "6", assignment=NONE),
    ("GET", "/session"): _open(),
    ("POST", "/session/active"): _open(SIGNED_IN),
    ("POST", "/lock"): _open(SIGNED_IN),
    ("GET", "/locked"): _open(SIGNED_IN),
    ("POST", "/unlock"): _open(SIGNED_IN),
    ("GET", "/unlocked"): _open(SIGNED_IN),
    ("GET", "/sessions"): _own(SIGNED_IN, "6"),
    ("POST", "/sessions/continue"): _own(SIGNED_IN, "6", session=NONE),
    ("POST", "/sessions/end"): _own(SIGNED_IN, "6", session=NONE),
    ("POST", "/sessions/end-all"): _own(SIGNED_IN, "6"),
    ("GET", "/patient/{patient}/entry/{type}/{id}"): Way(
        About.PATIENT, RELATED | {"reviewer"}, "7, 8, 9, 13", ("Composition",), _NOTE
    ),
    **{
        ("POST", f"/patient/{{patient}}/entry/{{type}}/{{id}}/{deed}"): Way(
            About.PATIENT, RELATED, "24 and 28", (), _NOTE, _PATIENT | {"version": "9", "reason": ""}
        )
        for deed in ("correct", "withdraw", "dissent", "keep-back", "lift")
    },
    ("GET", "/inbox"): _work(),
    ("POST", "/inbox"): _work(note=NONE),
    ("GET", "/inbox/count"): _work(),
    ("GET", "/inbox/sign"): _work(),
    **{("POST", f"/inbox/{deed}"): _work(note=NONE) for deed in ("sign", "read", "hand-over", "ask")},
    ("GET", "/inbox/ask"): _work(note=NONE),
    ("GET", "/inbox/new"): Way(About.IDENTITY, CARE, "7", form={"patient": ADULT}),
    ("POST", "/inbox/new"): _work(patient=ADULT, to=NONE),
    ("GET", "/patient/{patient}/tasks/new"): Way(About.IDENTITY, CARE, "7", (), _PATIENT),
    **{
        ("POST", f"/inbox/{deed}"): _work(only=NONE)
        for deed in ("done", "decline", "take-on", "answer-read", "acknowledge")
    },
    ("POST", "/inbox/away"): _work(cover=NONE),
    ("GET", "/phrases"): _phrases(),
    ("POST", "/phrases"): _phrases(id=NONE),
    ("GET", "/phrases/list"): _phrases(),
    ("GET", "/feedback"): Way(About.IDENTITY, STAFF, "7", form={"from": f"/patient/{ADULT}"}),
    ("POST", "/feedback"): _phrases(kind=NONE),
    ("GET", "/unit/feedback"): _phrases(),
    ("GET", "/unit/feedback/csv"): _phrases(),
    ("GET", "/unit/feedback/{number:number}"): Way(About.PATIENT, STAFF, "7", (), {"number": NONE}),
    **{
        ("POST", f"/unit/feedback/{{number:number}}/{deed}"): Way(
            About.PATIENT, STAFF, "7", (), {"number": NONE}
        )
        for deed in ("comment", "change", "agree", "withdraw")
    },
    ("GET", "/templates"): _phrases(),
    ("GET", "/templates/order"): _phrases(),
    ("POST", "/templates/order"): Way(About.NOBODY, frozenset(), _BUILDS),
    ("GET", "/templates/{id}"): Way(About.NOBODY, STAFF, "6", (), {"id": "nrs"}),
    ("GET", "/templates/{id}/export"): Way(About.NOBODY, STAFF, "6", (), {"id": "nrs"}),
    ("POST", "/templates"): Way(About.NOBODY, frozenset(), _BUILDS),
    **{
        ("POST", f"/templates/{{id}}/{deed}"): Way(About.NOBODY, frozenset(), _BUILDS, (), {"id": NONE})
        for deed in ("draft", "edit", "step")
    },
    ("GET", "/layout"): _phrases(),
    ("POST", "/layout"): Way(About.NOBODY, frozenset(), _BUILDS),
    ("GET", "/worklists"): _phrases(),
    ("GET", "/worklists/{id}"): Way(About.PATIENT, STAFF, "7, 8, 9, 13", ("Composition",), {"id": WORKLIST}),
    ("GET", "/worklists/{id}/change"): Way(About.NOBODY, frozenset(), _BUILDS, (), {"id": WORKLIST}),
    ("POST", "/worklists/{id}/change"): Way(About.NOBODY, frozenset(), _BUILDS, (), {"id": WORKLIST}),
    ("GET", "/destruction"): Way(About.DIRECTORY, frozenset(), _DESTROYS),
    ("POST", "/destruction"): Way(About.DIRECTORY, frozenset(), _DESTROYS),
    ("POST", "/destruction/{number:number}"): Way(
        About.DIRECTORY, frozenset(), _DESTROYS, (), {"number": NONE}
    ),
    ("GET", "/patients/new"): _person(),
    ("POST", "/patients/new"): _person(number="no number"),
    ("GET", "/duplicates"): _person(),
    ("POST", "/duplicates/dismiss"): _person(),
    ("POST", "/duplicates/reopen"): _person(),
    ("GET", "/patient/{patient}/person"): _person(),
    ("GET", "/patient/{patient}/person/link"): _person(other=NONE),
    ("POST", "/patient/{patient}/person/link/find"): _person(q="p-secret"),
    **{
        ("POST", f"/patient/{{patient}}/person/{deed}"): _person(reason="", version=NONE)
        for deed in (
            "link",
            "unlink",
            "protection",
            "deceased",
            "number",
            "relation",
            "relation/end",
        )
    },
    ("POST", "/patient/{patient}/person/contacts"): _person(
        frozenset({"treating doctor", "nurse", "colleague", "administrator"}), version=NONE
    ),
    ("GET", "/admin"): _admin(),
    ("GET", "/admin/units"): _admin(),
    ("GET", "/admin/units/new"): _admin(),
    ("POST", "/admin/units/new"): _admin(),
    ("GET", "/admin/unit/{id}"): _admin(id=NONE),
    ("POST", "/admin/unit/{id}"): _admin(id=NONE),
    ("POST", "/admin/unit/{id}/escalation"): _admin(id=NONE),
    ("GET", "/admin/staff"): _admin(),
    ("GET", "/admin/staff/new"): _admin(),
    ("POST", "/admin/staff/new"): _admin(),
    ("GET", "/admin/person/{id}"): _admin(id=NONE),
    ("POST", "/admin/person/{id}"): _admin(id=NONE),
    ("POST", "/admin/person/{id}/assignments"): _admin(id=NONE),
    ("GET", "/admin/assignments"): _admin(),
    ("GET", "/admin/assignment/{id}"): _admin(id=NONE),
    ("POST", "/admin/assignment/{id}"): _admin(id=NONE),
    ("POST", "/admin/assignment/{id}/end"): _admin(id=NONE),
    ("POST", "/admin/assignment/{id}/reopen"): _admin(id=NONE),
    ("GET", "/admin/settings"): _admin(),
    ("POST", "/admin/settings/{name}"): _admin(name=NONE),
    ("GET", "/admin/import"): _admin(),
    ("POST", "/admin/import"): _admin(),
    ("POST", "/admin/import/apply"): _admin(),
    ("GET", "/admin/apps"): _admin(),
    ("POST", "/admin/apps"): _admin(),
    ("POST", "/admin/apps/{app}/end"): _admin(app=NONE),
    ("GET", "/admin/services"): _admin(),
    ("POST", "/admin/services"): _admin(),
    ("POST", "/admin/services/{service}"): _admin(service=NONE),
    ("GET", "/patient/{patient}/advice"): _care("7: only care asks others about a patient"),
    ("GET", "/cds-services"): _open(),
    ("POST", "/cds-services/{service}"): _open(service=NONE),
    ("POST", "/cds-services/{service}/feedback"): _open(service=NONE),
    ("GET", "/oauth/authorize"): _own(SIGNED_IN, "6", client_id=NONE),
    ("POST", "/oauth/authorize"): _own(SIGNED_IN, "6", step=NONE),
    ("GET", "/my-apps"): _own(SIGNED_IN, "6"),
    ("POST", "/my-apps"): _own(SIGNED_IN, "6", permission=NONE),
    ("GET", "/patient/{patient}/apps"): _person(STAFF),
    ("POST", "/patient/{patient}/apps"): _person(STAFF, app=NONE),
    ("GET", "/fhir/.well-known/smart-configuration"): _open(),
    ("GET", "/.well-known/openid-configuration"): _open(),
    ("GET", "/oauth/keys"): _open(),
    **{("POST", f"/oauth/{deed}"): _open() for deed in ("token", "revoke", "introspect")},
    ("GET", "/"): Way(About.IDENTITY, SIGNED_IN, "6"),
    ("GET", "/recent"): Way(About.IDENTITY, SIGNED_IN, "7"),
    ("POST", "/patients"): Way(About.IDENTITY, STAFF, "7", (), {}, {"q": "test"}),
    ("GET", "/patient/{patient}"): _care("7, 8, 9, 13", *_CHART, may=STAFF | {"patient"}),
    ("POST", "/patient/{patient}/access/{step}"): Way(
        About.PATIENT, CARE, "7", (), {"patient": ADULT, "step": "relate"}, _PATIENT | {"reason": ""}
    ),
    ("GET", "/log"): _review(),
    ("POST", "/log"): _review(),
    ("GET", "/log/reviews"): _review(),
    ("POST", "/log/reviews"): _review(),
    ("GET", "/log/reviews/{round:number}"): _review(round=NONE),
    ("GET", "/log/findings/{finding:number}"): _review(finding=NONE),
    ("POST", "/log/findings/{finding:number}"): _review(finding=NONE),
    ("GET", "/log/breach"): _review(),
    ("POST", "/log/breach"): _review(),
    ("GET", "/log/extract"): _review(),
    ("POST", "/log/extract"): _review(),
    **{
        ("GET", f"/log/extract/{{patient}}{end}"): Way(
            About.LOG, frozenset({"reviewer", "patient"}), "21", (), {"patient": ADULT}
        )
        for end in ("", "/pdf")
    },
    ("GET", "/my-log"): _own(PATIENTS, "21"),
    ("GET", "/my-log/pdf"): _own(PATIENTS, "21"),
    ("GET", "/my-record"): Way(About.OWN, PATIENTS, "29", ("Composition",)),
    ("GET", "/my-record/{type}/{id}"): Way(About.OWN, _PATIENT_ALONE, "27, 28", ("Composition",), _NOTE),
    ("POST", "/my-record/{type}/{id}/dissent"): Way(About.OWN, _PATIENT_ALONE, "24", (), _NOTE),
    ("POST", "/my-record/{type}/{id}/take-back/{dissent}"): Way(
        About.OWN, _PATIENT_ALONE, "24", (), _NOTE | {"dissent": NONE}
    ),
    ("POST", "/my-record/{type}/{id}/words"): Way(About.OWN, _PATIENT_ALONE, "24 and 27", (), _NOTE),
    ("POST", "/my-record/{type}/{id}/words/{words}"): Way(
        About.OWN, _PATIENT_ALONE, "24 and 27", (), _NOTE | {"words": NONE}
    ),
    ("GET", "/my-data"): Way(About.OWN, PATIENTS, "34", TYPES),
    ("GET", "/my-privacy"): _own(PATIENTS, "29"),
    ("POST", "/my-privacy/{act}"): Way(About.OWN, PATIENTS, "12 and 29", (), {"act": "block"}),
    ("GET", "/patient/{patient}/journal/write"): _care(),
    ("GET", "/patient/{patient}/notes/older"): _care("7, 8, 9", "Composition", may=RELATED | {"reviewer"}),
    ("GET", "/patient/{patient}/observations/trend"): _care(may=RELATED | {"reviewer"}, code=NONE),
    ("GET", "/patient/{patient}/contacts/earlier"): _care(may=RELATED | {"reviewer", "administrator"}),
    **{
        ("POST", f"/patient/{{patient}}/journal/{deed}"): _care(patient=ADULT, template=NONE, draft=NONE)
        for deed in ("draft", "sign", "copy", "discard", "restore")
    },
    ("POST", "/patient/{patient}/journal/phrase"): _care(patient=ADULT, text="{=vikt}"),
    **{("GET", f"/patient/{{patient}}/contacts/{page}"): _care() for page in ("book", "admit")},
    ("GET", "/patient/{patient}/contacts/one"): _care(id=NONE),
    **{
        ("POST", f"/patient/{{patient}}/contacts/{deed}"): _care(patient=ADULT, id=NONE, kind=NONE, when="")
        for deed in _CONTACTS
    },
    ("GET", "/unit/today"): Way(About.PATIENT, CARE, "7"),
    ("GET", "/unit/ward"): Way(About.PATIENT, CARE, "7"),
    ("POST", "/codes"): Way(About.NOBODY, CARE, "6", form={"set": "diagnosis", "q": "m"}),
    **{
        ("GET", f"/patient/{{patient}}/{page}"): _care(**{"id": NONE} if page.endswith("one") else {})
        for page in ("problems/add", "problems/one", "allergies/add", "allergies/one", "allergies/none")
    },
    **{
        ("POST", f"/patient/{{patient}}/{deed}"): _care(patient=ADULT, id=NONE)
        for deed in (
            *(f"problems/{one}" for one in ("end", "reopen", "strike", "contact")),
            *(f"allergies/{one}" for one in ("end", "reopen", "strike")),
        )
    },
    **{
        ("POST", f"/patient/{{patient}}/{kind}/add"): _care(patient=ADULT, do="begin", text="m", free="1")
        for kind in ("problems", "allergies")
    },
    ("POST", "/patient/{patient}/allergies/none"): _care(patient=ADULT),
    **{("GET", f"/patient/{{patient}}/nursing/{page}"): _care(id=NONE) for page in ("add", "today", "plan")},
    **{
        ("POST", f"/patient/{{patient}}/nursing/{deed}"): _care(patient=ADULT, id=NONE, slot=NONE)
        for deed in ("add", "do", "undo", "evaluate", "change")
    },
    **{("GET", f"/patient/{{patient}}/orders/{page}"): _care(id=NONE) for page in ("lab", "refer", "one")},
    **{
        ("POST", f"/patient/{{patient}}/orders/{deed}"): _care(patient=ADULT, id=NONE)
        for deed in ("lab", "refer", "reply", "revoke")
    },
    ("GET", "/patient/{patient}/medication/list"): _care("7, 8, 9, 13", "MedicationRequest"),
    ("GET", "/patient/{patient}/medication/one"): _care(id=NONE),
    **{
        (method, f"/patient/{{patient}}/medication/{path}"): _care(
            _PRESCRIBES, may=frozenset(), patient=ADULT, id=NONE
        )
        for method, path in (
            ("GET", "add"),
            ("GET", "renew"),
            *(("POST", each) for each in ("add", "renew", "stop", "reopen", "strike", "go-through")),
        )
    },
    ("GET", "/patient/{patient}/vitals/entry"): _care(),
    **{
        ("GET", f"/patient/{{patient}}/vitals/{page}"): _care(may=RELATED | {"reviewer"})
        for page in ("flowsheet", "charts", "growth")
    },
    ("GET", "/patient/{patient}/vitals/value"): _care(may=RELATED | {"reviewer"}, id=NONE),
    **{
        ("POST", f"/patient/{{patient}}/vitals/{deed}"): _care(patient=ADULT, id=NONE, draft=NONE)
        for deed in ("draft", "save", "discard", "restore", "scale", "correct", "strike")
    },
    ("GET", "/patient/{patient}/timeline"): _care("7, 8, 9, 13", may=RELATED | {"reviewer"}),
    ("GET", "/patient/{patient}/search"): _care(
        "7, 8, 9, 13", may=RELATED | {"reviewer"}, q="kännetecken", kind="notes"
    ),
    ("GET", "/patient/{patient}/timeline/entry/{type}/{id}"): Way(
        About.PATIENT, RELATED | {"reviewer"}, "7, 8, 9, 13", ("Composition",), _NOTE
    ),
    ("GET", "/patient/{patient}/compare"): _care("7, 8, 9, 13", may=RELATED | {"reviewer"}),
    ("GET", "/patient/{patient}/file/{id}"): Way(
        About.PATIENT, STAFF | {"patient"}, "7, 8, 9, 13", (), _PATIENT | {"id": NONE}
    ),
    ("GET", "/my-record/file/{id}"): Way(About.OWN, _PATIENT_ALONE, "27, 28", (), {"id": NONE}),
    ("GET", "/patient/{patient}/together"): _care("7", template=NONE),
    **{
        ("POST", f"/patient/{{patient}}/kept{deed}"): Way(
            About.PATIENT, RELATED, "7", (), _PATIENT, _PATIENT | {"form": NONE, "draft": NONE}
        )
        for deed in ("", "/drop", "/restore")
    },
    ("GET", "/patient/{patient}/draft-file/{id}"): Way(
        About.PATIENT, RELATED, "7", (), _PATIENT | {"id": NONE}
    ),
    ("POST", "/patient/{patient}/draft/{draft}/files"): Way(
        About.PATIENT, RELATED, "7", (), _PATIENT | {"draft": NONE}, _PATIENT
    ),
    ("POST", "/patient/{patient}/draft/{draft}/files/{id}"): Way(
        About.PATIENT, RELATED, "7", (), _PATIENT | {"draft": NONE, "id": NONE}, _PATIENT
    ),
    ("GET", "/patient/{path:path}"): _open(SIGNED_IN, path=NONE),
}
"""What every route is."""


@pytest.mark.parametrize("about", About)
async def test_every_route_shows_each_of_the_cast_what_is_theirs(town: Town, about: About) -> None:
    """In full, and as the part of a page that a script asks for."""
    wrong: list[tuple[str, ...]] = []
    limit = asyncio.Semaphore(16)

    async def drive(who: str, method: str, path: str, way: Way) -> None:
        for address, mark in addresses(path, way):
            for headers in ({}, {"hx-request": "true"})[: 2 if method == "GET" else 1]:
                async with limit:
                    answer = await asked(town, who, method, address, way, **headers)
                wrong.extend((who, method, address, *each) for each in faults(answer, who, way, mark))

    ways = [(*key, way) for key, way in ROUTES.items() if way.about is about and key not in ENDING]
    await asyncio.gather(*(drive(who, *each) for who in ASKING for each in ways))
    last = [(*key, ROUTES[key]) for key in ENDING if ROUTES[key].about is about]
    await asyncio.gather(*(drive(who, *each) for who in ASKING for each in last))
    assert wrong == []


@pytest.mark.parametrize("odd", [",", "a b|c$d", "x" * 65, '\u00e5\\"<', "..", "9" * 40, "\u00b2"])
async def test_no_route_breaks_by_an_odd_name(town: Town, odd: str) -> None:
    """What names nothing is answered in words: in the address, and in what is sent."""
    broken = []
    for (method, path), way in ROUTES.items():
        named = {
            key: quote(odd, safe="") if value in (NONE, "{mark}") else value
            for key, value in way.fill.items()
        }
        sent = {key: odd if value == NONE else value for key, value in way.form.items()}
        who = next((one for one in ASKING if one in way.may), "treating doctor")
        if (named, sent) == (way.fill, way.form) or who == "nobody":
            continue
        changed = replace(way, fill=named, form=sent)
        for address, _ in addresses(path, changed):
            answer = await asked(town, who, method, address, changed)
            broken += [(who, method, address)] if answer.status_code >= 500 else []
    assert broken == []


@pytest.mark.parametrize("who", NOT_TOLD_OF)
async def test_a_page_of_what_must_not_be_told_of_is_that_of_nothing(town: Town, who: str) -> None:
    way = ROUTES["GET", "/patient/{patient}/entry/{type}/{id}"]
    for mark in sorted(one for one in NOT_TOLD_OF[who] if one[0] == "Composition"):
        for page in (f"/patient/{ADULT}/entry/Composition", "/my-record/Composition"):
            there, never = [
                await asked(town, who, "GET", f"{page}/{name}", way)
                for name in (identity(*mark), "never-was")
            ]
            assert plain(there, identity(*mark)) == plain(never, "never-was")
    if who in OTHERS:
        there, never = [
            await asked(town, who, "GET", f"/patient/{name}", ROUTES["GET", "/patient/{patient}"])
            for name in (ADULT, "never-was")
        ]
        assert plain(there, ADULT) == plain(never, "never-was")


WEBSOCKETS = {"/subscriptions": "what a subscription is sent: the way `subscription` of test_matrix.py"}


def test_every_route_is_in_the_matrix(town: Town) -> None:
    routes = build(town.services).routes
    assert [route for route in routes if not isinstance(route, Route | ApiRoute | WebSocketRoute)] == []
    assert {route.path for route in routes if isinstance(route, WebSocketRoute)} == WEBSOCKETS.keys()
    offered = {
        (method, route.path)
        for route in routes
        if isinstance(route, Route)
        for method in (route.methods or ()) - {"HEAD"}
    }
    assert offered == ROUTES.keys(), offered ^ ROUTES.keys()
