"""Rule 26: text means the same in every rendering and on every transport, letter for letter.

Elsewhere "ingen blödning" has arrived as "blödning". What goes in by the API or a page comes out the same by
the API, on the pages, in a difference between versions, and in an export.
"""

from __future__ import annotations

import base64
from html.parser import HTMLParser

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kontinuum.app.services import Services
from kontinuum.demo import personas
from kontinuum.fhir.paragraphs import paragraphs
from kontinuum.record import Record, Stored
from kontinuum.web.workspace.entries.difference import Change, words
from kontinuum.web.workspace.entries.parts import narrative_of, text_of
from tests.http.pages.conftest import (
    PATIENT,
    csrf_of,
    doctor,
    doctors_record,
    patient,
    sign_in,
    visitor,
    write,
)
from tests.http.pages.conftest import application as application
from tests.support.entries import content, note, section

__all__ = ["doctor", "doctors_record", "visitor"]

TEXTS = {
    "Swedish": "Åsa är öm över näsan. Ingen blödning, inte heller feber. Ej allergisk mot ägg.",
    "negations": "Inga tecken på DVT. Aldrig rökt. Utan anmärkning. INTE nydebuterad; ej akut — icke-rökare.",
    "markup": "Hb <98 g/L & CRP >5, \"citat\" 'enkelt' &amp; &lt;b&gt; </p></textarea><script>1</script>",
    "combining": "A\u030a o\u0308 e\u0301 \u00c5 \u212b ﬁ ½ ²",
    "emoji": "Smärta 👨🏽\u200d⚕️ 🇸🇪 7/10 😖",
    "right to left": "שלום \u202bعربي\u202c \u200f(7) متابعة",
    "white space": "  två  mellanslag\n\n\nrader\tflik\u00a0hårt\u2009tunt\u200bnoll \n sist  ",
    "quotes": "»så« ”här” ’eller’ –—‑\u00ad",
    "numbers": "1 000,50 mg 1\u00a0000,50 mg 0,5 inte ,5; 10^-3; ±2",
}
LONG = ("Ingen blödning. " * 40 + "\n") * 160


class Exact(HTMLParser):
    """The texts of the elements of a class, and of text areas, as a browser has them in its document."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        wanted = tag in ("textarea", "pre") or (tag == "p" and "exact" in (dict(attrs).get("class") or ""))
        if self._open or wanted:
            self._open.append(tag)
            if wanted and len(self._open) == 1:
                self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self._open:
            first = self.texts[-1] == "" and self._open[0] in ("textarea", "pre")
            self.texts[-1] += data[1:] if first and data.startswith("\n") else data


def exact(page: str) -> list[str]:
    """The exact texts of a page; a browser reads line ends of the markup as line feeds."""
    reader = Exact()
    reader.feed(page.replace("\r\n", "\n").replace("\r", "\n"))
    reader.close()
    return reader.texts


@pytest.mark.parametrize("kind", TEXTS)
async def test_rule_26_a_note_from_the_gate_to_the_page(
    doctor: httpx.AsyncClient, doctors_record: Record, kind: str
) -> None:
    text = TEXTS[kind]
    await write(doctors_record, patient(), note("n", section("Status", text), patient=PATIENT))
    entry = (await doctor.get(f"/patient/{PATIENT}/entry/Composition/n")).text
    assert exact(entry).count(text) >= 3  # the entry, the form of a correction, the history
    for path in ("", "/notes/older"):
        html = (await doctor.get(f"/patient/{PATIENT}{path}")).text
        assert (
            text.replace("&", "&amp;")
            .replace("<", "&lt;")
            .replace(">", "&gt;")
            .replace('"', "&#34;")
            .replace("'", "&#39;")
            in html
        )


@pytest.mark.parametrize("kind", TEXTS)
async def test_rule_26_a_correction_and_a_dissent_typed_on_the_page(
    doctor: httpx.AsyncClient, doctors_record: Record, kind: str
) -> None:
    text = TEXTS[kind]
    await write(doctors_record, patient(), note("n", section("Status", "Blödning."), patient=PATIENT))
    address = f"/patient/{PATIENT}/entry/Composition/n"
    page = await doctor.get(address)
    typed = text.replace("\n", "\r\n")  # as browsers send it
    form = {"csrf": csrf_of(page), "patient": PATIENT}
    fields = {**form, "version": "1", "text-0": typed, "reason": typed}
    assert (await doctor.post(f"{address}/correct", data=fields)).status_code == 303
    dissent = {**form, "version": "2", "dissent": typed}
    assert (await doctor.post(f"{address}/dissent", data=dissent)).status_code == 303
    stored = await doctors_record.read("Composition", "n")
    assert isinstance(stored, Stored)
    assert text_of(content(stored)["section"][0]) == text
    shown = exact((await doctor.get(address)).text)
    assert shown.count(text) >= 4  # the entry, the dissent, the form, the history
    before = await doctors_record.vread("Composition", "n", 1)
    assert isinstance(before, Stored)
    assert text_of(content(before)["section"][0]) == "Blödning."


@pytest.mark.parametrize("kind", TEXTS)
async def test_rule_26_a_patients_own_words_from_the_own_page_to_the_staff(
    visitor: httpx.AsyncClient, doctors_record: Record, kind: str
) -> None:
    text = TEXTS[kind]
    someone = next(one for one in personas() if one.actor.kind == "patient").actor
    here = note("n", section("Status", "Blödning."), patient=someone.id)
    await write(doctors_record, patient(someone.id), here)
    await sign_in(visitor, someone.name)
    address = "/my-record/Composition/n"
    typed = {"csrf": csrf_of(await visitor.get(address)), "words": text.replace("\n", "\r\n")}
    assert (await visitor.post(f"{address}/words", data=typed)).status_code == 303
    assert exact((await visitor.get(address)).text).count(text) == 2  # as read, and in the form of a change
    visitor.cookies.clear()
    await sign_in(visitor, "Anna Berglund")
    for path in ("", "/notes/older", "/entry/Composition/n"):
        assert text in exact((await visitor.get(f"/patient/{someone.id}{path}")).text)


@pytest.mark.parametrize("kind", [*TEXTS, "long", "line ends"])
async def test_rule_26_a_document_over_the_api_the_page_and_the_export(
    doctor: httpx.AsyncClient, application: Services, doctors_record: Record, kind: str
) -> None:
    text = {**TEXTS, "long": LONG, "line ends": "a\r\nb\rc\n"}[kind]
    document = {
        "resourceType": "DocumentReference",
        "id": "d",
        "status": "current",
        "subject": {"reference": f"Patient/{PATIENT}"},
        "content": [
            {"attachment": {"contentType": "text/plain", "data": base64.b64encode(text.encode()).decode()}}
        ],
    }
    await write(doctors_record, patient(), document)
    page = (await doctor.get(f"/patient/{PATIENT}")).text
    assert text in exact(page)
    assert text in exact((await doctor.get(f"/patient/{PATIENT}/entry/DocumentReference/d")).text)
    exported = [
        one.body
        async for part in application.gate.export([doctors_record.principal], ["DocumentReference"])
        for one in part.resources
    ]
    stored = await doctors_record.read("DocumentReference", "d")
    assert isinstance(stored, Stored)
    assert exported == [stored.body]
    data = content(stored)["content"][0]["attachment"]["data"]
    assert base64.b64decode(data).decode() == text


any_text = st.text(
    st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("\n\t åäöÅÄÖ\u0301\u200d\u202e<>&"),
    max_size=200,
)


@given(any_text)
def test_rule_26_any_text_comes_back_from_the_narrative(text: str) -> None:
    found = paragraphs(narrative_of(text)["div"])
    assert "".join(found) == text or (not found and not text)


@settings(max_examples=200)
@given(any_text, any_text)
def test_rule_26_a_difference_leaves_nothing_out_of_either_version(before: str, after: str) -> None:
    pieces = words(before, after)
    assert "".join(p.text for p in pieces if p.change is not Change.ADDED) == before
    assert "".join(p.text for p in pieces if p.change is not Change.REMOVED) == after


def test_rule_26_long_texts_are_compared_in_time() -> None:
    pieces = words(LONG, LONG.replace("Ingen", "Liten", 3) + "Slut.")
    assert "".join(p.text for p in pieces if p.change is not Change.ADDED) == LONG
