"""Ways through the pages: what each is about, how the cast ask for it, what is wrong with an answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import httpx

from tests.law.cast import ADULT
from tests.law.marked import identity
from tests.law.town import ADDRESS, EXPECTED, PLACES, WHO, Mark, Town, marks_in

CARE = frozenset({"treating doctor", "nurse", "colleague", "guest", "outsider"})
RELATED = CARE - {"outsider"}
STAFF = CARE | {"administrator", "reviewer"}
OTHERS = frozenset({"proxy", "other patient", "nobody"})
PATIENTS = frozenset({"patient", "proxy", "other patient"})
ASKING = tuple(who for who in WHO if who != "system")
"""Who has a browser; a system has none."""

SIGNED_IN = frozenset(ASKING) - {"nobody"}
EVERYBODY = frozenset(ASKING)

NONE = "9"
"""The name of something that is not there."""


class About(StrEnum):
    """What a route shows."""

    PATIENT = "patient data"
    IDENTITY = "who somebody is"
    OWN = "the own data of who is signed in"
    LOG = "the log"
    DIRECTORY = "units, staff and settings"
    NOBODY = "no patient data"


@dataclass(frozen=True)
class Way:
    """A route: what it is about, who may have it, which rule refuses others, what of the patient it shows.

    `fill` are the values in the address (`{mark}` stands for the id of each marked note in turn, `NONE` for
    what is nowhere), `form` what is posted: nothing may come of it that other tests build on.
    """

    about: About
    may: frozenset[str]
    rule: str
    shows: tuple[str, ...] = ()
    fill: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)


ENDING = (("POST", "/sessions/end-all"), ("POST", "/sign-out"))
"""What ends sessions, and leads to the sign-in page: asked when all else is."""


def addresses(path: str, way: Way) -> Iterator[tuple[str, Mark | None]]:
    """The addresses of a route that are asked, and the marked note that each is about."""
    ids = {identity("Composition", where): ("Composition", where) for where in PLACES}
    for name, mark in ids.items() if "{mark}" in way.fill.values() else [("", None)]:
        filled = path
        for key, value in way.fill.items():
            filled = re.sub(rf"{{{key}(:\w+)?}}", value.replace("{mark}", name), filled)
        assert "{" not in filled, f"{path}: say in `fill` what stands in the address"
        yield filled, mark


async def asked(town: Town, who: str, method: str, path: str, way: Way, **headers: str) -> httpx.Response:
    """Somebody with a session of their own asks."""
    cookie, token = await town.signed_in(who)
    headers |= {"cookie": f"kontinuum_session={cookie}", "accept-language": "sv"}
    if method == "GET":
        return await town.client.get(path, headers=headers, params=way.form)
    return await town.client.post(path, headers=headers, data={"csrf": token, **way.form})


def is_refused(answer: httpx.Response) -> bool:
    """Whether an answer is a refusal, or leads away to the sign-in page or to the chart with its steps."""
    if ("POST", answer.request.url.path) in ENDING and "clear-site-data" in answer.headers:
        return False
    to = answer.headers.get("location") or answer.headers.get("hx-redirect") or ""
    away = to.startswith("/sign-in") or to == f"/patient/{ADULT}"
    return answer.status_code in (401, 403, 404, 405, 410) or away


def faults(answer: httpx.Response, who: str, way: Way, mark: Mark | None) -> Iterator[tuple[str, ...]]:
    """What is wrong with an answer."""
    if answer.status_code >= 500:
        yield ("a fault", str(answer.status_code))
    whose = (About.PATIENT, About.IDENTITY, *([About.OWN] if who == "patient" else []))
    expected = EXPECTED[who] if way.about in whose else frozenset()
    shown = marks_in(answer.text)
    if shown - expected:
        yield ("shows", *map(str, sorted(shown - expected)))
    if ADDRESS in answer.text and who in OTHERS:
        yield ("shows who the patient is",)
    may = who in way.may and (mark is None or mark in EXPECTED[who])
    nowhere = NONE in (*way.fill.values(), *way.form.values()) and answer.status_code == 404
    if way.may == EVERYBODY:
        return
    if is_refused(answer) and may and not nowhere:
        yield ("refuses", str(answer.status_code))
    if not is_refused(answer) and not may and answer.status_code < 500:
        yield ("answers", str(answer.status_code), answer.headers.get("location", ""))
    wanted = frozenset(one for one in expected if one[0] in way.shows and mark in (None, one))
    if way.shows and answer.request.method == "GET" and may and not is_refused(answer):
        lacking = wanted - shown
        if lacking:
            yield ("lacks", *map(str, sorted(lacking)))


def plain(answer: httpx.Response, name: str) -> tuple[int, str]:
    """What a page says, without the tokens that are new in every answer."""
    said = re.search(r"<main.*</main>", answer.text, re.DOTALL)
    assert said is not None, answer.text
    return answer.status_code, re.sub(r'value="[^"]*"', "", said[0].replace(name, "…"))
