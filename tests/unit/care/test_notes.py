"""Narrative as text: the words stay what they were, the markup never reaches the page."""

from __future__ import annotations

from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontinuum.fhir.paragraphs import Block, blocks, paragraphs


@pytest.mark.parametrize(
    ("div", "expected"),
    [
        ("<div><p>Ingen blödning.</p></div>", ("Ingen blödning.",)),
        ("<div>Utan stycke</div>", ("Utan stycke",)),
        ("<div><p>Ett<br/>Två</p><p>Tre</p></div>", ("Ett\nTvå", "Tre")),
        ("<div><ul><li>a</li><li>b</li></ul></div>", ("– a", "– b")),
        ("<div><p>Hb <b>98</b> g/L, <i>inte</i> lägre</p></div>", ("Hb 98 g/L, inte lägre",)),
        ("<div><p>Hb &lt; 100 &amp; CRP &gt; 5&#160;mg</p></div>", ("Hb < 100 & CRP > 5\u00a0mg",)),
        ("<div><pre>a\n  b</pre></div>", ("a\n  b",)),
        ("<div><pre>  a \n</pre></div>", ("  a \n",)),
        ("<div><p>före</p><pre>\n\ta</pre></div>", ("före", "\n\ta")),
        ("<div><table><tr><td>Puls</td><td>72</td></tr></table></div>", ("Puls\t72",)),
        ("<div>\n  <p>rad\n  bruten i källan</p>\n</div>", ("rad bruten i källan",)),
        ("<div></div>", ()),
    ],
)
def test_paragraphs_are_read_as_a_browser_would_show_them(div: str, expected: tuple[str, ...]) -> None:
    assert paragraphs(div) == expected


words = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=12)


@given(st.lists(st.lists(words, min_size=1, max_size=8).map(" ".join), min_size=1, max_size=5))
def test_every_text_comes_back_letter_for_letter(texts: list[str]) -> None:
    div = "<div>" + "".join(f"<p>{escape(text)}</p>" for text in texts) + "</div>"
    assert paragraphs(div) == tuple(texts)


@pytest.mark.parametrize(
    ("div", "expected"),
    [
        ("<p><b>Aktuellt</b></p><p>Mår bra.</p>", (Block("heading", "Aktuellt"), Block("text", "Mår bra."))),
        ("<h4>Hjärta</h4><pre>a\n b</pre>", (Block("heading", "Hjärta"), Block("text", "a\n b"))),
        ("<p>Hb <b>98</b> g/L</p>", (Block("text", "Hb 98 g/L"),)),
        ("<p><b>Obs:</b> ingen blödning</p>", (Block("text", "Obs: ingen blödning"),)),
        ("<ul><li><b>a</b></li></ul>", (Block("text", "– a"),)),
        (
            "<table><tr><th>Diagnos</th><th>Kod</th></tr><tr><td></td><td>J35.1</td></tr></table><p>Efter</p>",
            (Block("table", rows=(("Diagnos", "Kod"), ("", "J35.1")), titled=True), Block("text", "Efter")),
        ),
        (
            "<table><tr><td>a</td><td>b</td></tr></table><table><tr><td>c</td></tr></table>",
            (Block("table", rows=(("a", "b"),)), Block("table", rows=(("c",),))),
        ),
        ("<table><tr><td><p>a</p><p>b</p></td></tr></table>", (Block("text", "a"), Block("text", "b"))),
    ],
)
def test_headings_and_tables_inside_a_text_are_told_apart(div: str, expected: tuple[Block, ...]) -> None:
    assert blocks(f"<div>{div}</div>") == expected


@given(st.lists(words, min_size=1, max_size=4), st.lists(st.lists(words, min_size=2, max_size=3), max_size=3))
def test_nothing_is_lost_or_exchanged_by_telling_them_apart(texts: list[str], rows: list[list[str]]) -> None:
    cells = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    div = "".join(f"<p>{escape(text)}</p>" for text in texts) + f"<table>{cells}</table>"
    found = blocks(f"<div>{div}</div>")
    assert [one.text for one in found if one.kind == "text"] == texts
    assert [list(row) for one in found for row in one.rows] == rows
